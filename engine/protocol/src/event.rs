//! What the engine reports. Every event is absolute (totals, never deltas) and may be lost or repeated.

mod codes;
mod read;

pub use codes::{STOPPED, is_note};

use crate::{
    Candidate, Comparison, ComparisonTrial, CorpusTraits, CoveragePoint, DeviceInfo, Dropped,
    Estimate, FileReport, LabelScore, LengthCount, LinearResult, MaskPrediction, MaskedToken,
    Metrics, PredictedDocument, Review, TableColumns, VocabularyEntry,
};
use serde::{Deserialize, Serialize};

/// Names one run, e.g. `pretrain-3`.
pub type RunId = String;

/// What a run is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Guessing masked tokens.
    #[default]
    Pretrain,
    /// Learning labels.
    Finetune,
}

/// One report. `event` names the kind in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The worker runs and waits for `Open`.
    Hello {
        /// [`crate::PROTOCOL_VERSION`] of the engine.
        protocol: u32,
    },
    /// The worker computes and has had nothing else to report for a second.
    Alive {},
    /// The device is chosen.
    Ready {
        /// What computes.
        device: DeviceInfo,
    },
    /// The files were read.
    Corpus {
        /// One row per file.
        files: Vec<FileReport>,
        /// Documents that serve pre-training.
        documents: u64,
        /// Documents with labels, by use.
        labelled_train: u64,
        /// Documents with labels, for validation.
        labelled_valid: u64,
        /// Documents with labels, for the test.
        labelled_test: u64,
        /// Distinct labels in the training documents.
        labels: u64,
        /// What stands out.
        #[serde(flatten)]
        traits: CorpusTraits,
    },
    /// A text as the model sees it.
    Masking {
        /// Which document was shown.
        example: u64,
        /// One entry per token.
        tokens: Vec<MaskedToken>,
        /// The run that guesses, empty outside of one.
        run: RunId,
        /// Optimisation steps that the guessing model has seen, where a run tells.
        step: Option<u64>,
    },
    /// Where a model looks. One buffer beside it: a byte per probability, layer by layer, head by head, query by query,
    /// key by key, `[L, H, T, T]`; each is 255 times the square root of the probability, so that small ones keep their
    /// first digits.
    Attention {
        /// Of the question; 0 for the example that `Masking` shows.
        request: u64,
        /// The run that looks, empty outside of one.
        run: RunId,
        /// Optimisation steps that the model has seen, where a run tells.
        step: Option<u64>,
        /// What it reads, `[T]`.
        tokens: Vec<String>,
        /// Number of layers, `L`.
        layers: u64,
        /// Heads of each, `H`.
        heads: u64,
    },
    /// Answer to `Tokenize`.
    Tokenized {
        /// Of the question.
        request: u64,
        /// In order, as many as can be shown.
        tokens: Vec<VocabularyEntry>,
        /// How many there are in all.
        count: u64,
    },
    /// Answer to `Neighbours`.
    Neighbours {
        /// Of the question.
        request: u64,
        /// What was asked for.
        word: String,
        /// Nearest in the word vectors of the text, with the cosine; empty where none were learned.
        own: Vec<Candidate>,
        /// Nearest in the embeddings of the language model; empty where there is none.
        model: Vec<Candidate>,
    },
    /// Answer to `Review`.
    Reviewed {
        /// Of the question.
        request: u64,
        /// What it says.
        review: Review,
    },
    /// Answer to `Lines`.
    Lines {
        /// Of the question.
        request: u64,
        /// In order of the text, or the least certain first.
        lines: Vec<PredictedDocument>,
        /// How many there are beyond those shown.
        more: u64,
    },
    /// Answer to `Estimate`.
    Estimated {
        /// Of the question.
        request: u64,
        /// What it takes.
        estimate: Estimate,
    },
    /// Answer to `Baseline`.
    Baseline {
        /// What it reached on the validation documents.
        result: LinearResult,
    },
    /// A run is planned and begins.
    Started {
        /// The run.
        run: RunId,
        /// What it does.
        phase: Phase,
        /// Trainable numbers.
        parameters: u64,
        /// Optimisation steps planned.
        steps: u64,
        /// Tokens that will be seen, padding included.
        tokens: u64,
        /// Where it computes, in words.
        device: String,
        /// Entries of the vocabulary.
        vocab_size: u64,
        /// Loss of guessing uniformly: ln V, in nats.
        uniform: f64,
        /// Loss of knowing only how frequent each token is, in nats.
        unigram: f64,
        /// Loss of knowing how often each token follows the one before, in nats, in pre-training.
        #[serde(skip_serializing_if = "Option::is_none")]
        bigram: Option<f64>,
        /// Labels to learn (fine-tuning).
        #[serde(skip_serializing_if = "Vec::is_empty")]
        labels: Vec<String>,
        /// First step of this process: 0, or where a resumed run goes on.
        step: u64,
    },
    /// Kernels are being compiled or memory is warmed; nothing is stuck.
    Compiling {
        /// The run.
        run: RunId,
        /// In words.
        message: String,
    },
    /// Training reached a step.
    Step {
        /// The run.
        run: RunId,
        /// Optimisation steps done.
        step: u64,
        /// Mean training loss since the last report, in nats.
        loss: f64,
        /// Its part that comes from guessing tokens, where there is another.
        #[serde(skip_serializing_if = "Option::is_none")]
        masked_lm_loss: Option<f64>,
        /// Its part that comes from next-sentence prediction, where that is learned.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_sentence_loss: Option<f64>,
        /// Learning rate of this step.
        lr: f64,
        /// Tokens per second since the last report.
        tokens_per_sec: f64,
        /// Seconds of training so far, pauses left out.
        elapsed_secs: f64,
        /// Seconds to go at the present speed.
        eta_secs: f64,
        /// Global gradient norm before clipping, at this step.
        grad_norm: f64,
    },
    /// Held-out quality, after an epoch or at the end.
    Evaluated {
        /// The run.
        run: RunId,
        /// Optimisation steps done.
        step: u64,
        /// Passes over the training data done.
        epoch: f64,
        /// Which documents: `valid` or `test`.
        split: String,
        /// Which of a classifier's networks was measured alone, from 1; `None`: the model as a whole.
        #[serde(skip_serializing_if = "Option::is_none")]
        network: Option<u64>,
        /// The figures.
        #[serde(flatten)]
        metrics: Metrics,
    },
    /// State is on disk (or in the browser's storage).
    Checkpoint {
        /// The run.
        run: RunId,
        /// Optimisation steps done.
        step: u64,
        /// Where.
        path: String,
    },
    /// The loss diverged: the run continues from an earlier step.
    RolledBack {
        /// The run.
        run: RunId,
        /// The step that it continues from.
        step: u64,
    },
    /// Something a person should know; the run goes on.
    Warning {
        /// The run, empty outside of one.
        run: RunId,
        /// Stable name, e.g. `dropped-lines`.
        code: String,
        /// In words.
        message: String,
    },
    /// The run waits.
    Paused {
        /// The run.
        run: RunId,
        /// Optimisation steps done.
        step: u64,
    },
    /// The run goes on.
    Resumed {
        /// The run.
        run: RunId,
        /// Optimisation steps done.
        step: u64,
    },
    /// The run ended and its model can be used.
    Finished {
        /// The run.
        run: RunId,
        /// Optimisation steps done.
        step: u64,
        /// True where it was stopped before its plan was done.
        stopped: bool,
        /// Seconds of training.
        elapsed_secs: f64,
    },
    /// A command or run could not be done.
    Failed {
        /// The run, empty outside of one.
        run: RunId,
        /// Stable name, e.g. `corpus-too-small`.
        code: String,
        /// What is wrong, in one sentence.
        message: String,
        /// What to do, in one sentence.
        hint: String,
        /// The question that could not be answered, where it was one.
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<u64>,
    },
    /// The counting task is over.
    Counted {
        /// The run.
        run: RunId,
        /// Whether it was learned.
        learned: bool,
        /// Optimisation steps done.
        step: u64,
        /// Loss on fresh examples, in nats.
        loss: f64,
        /// Share of fresh examples told right.
        accuracy: f64,
    },
    /// A run of a comparison is done.
    ComparedRun {
        /// The comparison.
        run: RunId,
        /// The run, with its place in the comparison.
        cell: ComparisonTrial,
    },
    /// A comparison is done.
    Compared {
        /// Its name.
        run: RunId,
        /// What it found.
        comparison: Comparison,
    },
    /// Answer to `FillMask`.
    Guesses {
        /// Of the question.
        request: u64,
        /// One entry per `[MASK]`.
        masks: Vec<MaskPrediction>,
    },
    /// Answer to `FillMasks`.
    FilledMasks {
        /// Of the question.
        request: u64,
        /// Optimisation steps of the run whose model answered; `None` outside of one.
        step: Option<u64>,
        /// Guesses for each text, best first.
        guesses: Vec<Vec<Candidate>>,
    },
    /// Answer to `Classify`.
    Classified {
        /// Of the question.
        request: u64,
        /// Best first.
        labels: Vec<LabelScore>,
        /// Probability from which a label counts as predicted.
        threshold: f64,
        /// Where that differs by label: the probability from which each of these labels counts.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        cutoffs: Vec<f64>,
        /// The same, tuned for each of these labels by itself, where they were.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        thresholds: Vec<f64>,
        /// Different words of the text, where the classifier knows those of its training documents; else 0.
        words: u64,
        /// Those among them that occurred in no training document.
        unseen: Vec<String>,
    },
    /// Answer to `LabelFile`, now and then until all documents are labelled. A buffer beside it holds the rows since the last
    /// one: of lines, a table in CSV with a header `line,text,labels,scores` (of pairs: `line,sentence1,sentence2,labels,scores`);
    /// of a table, its own rows with the columns `label`, `score`, `confidence` and `unsure` behind. Several labels have a
    /// vertical bar between them. Those with rows are the only events that must come each and once.
    Labelled {
        /// Of the question.
        request: u64,
        /// How many documents are labelled.
        documents: u64,
        /// Of how many: an estimate until the last one, and 0 in the first.
        of: u64,
        /// Lines of the file that are no documents.
        dropped: Vec<Dropped>,
        /// What the text was taken from, of a table.
        columns: Option<TableColumns>,
        /// What a person should know of the file, in sentences.
        warnings: Vec<String>,
    },
    /// Answer to `Vocabulary`.
    Vocabulary {
        /// Size of the whole vocabulary.
        size: u64,
        /// In id order.
        entries: Vec<VocabularyEntry>,
        /// How much of the text the most frequent tokens make up.
        coverage: Vec<CoveragePoint>,
        /// Share of the text's tokens that the vocabulary does not know, 0 to 1.
        unknown_share: f64,
        /// Training documents by their number of tokens.
        lengths: Vec<LengthCount>,
    },
    /// Answer to `ExportModel`; one buffer beside it.
    Exported {
        /// Of the question.
        request: u64,
        /// Suggested file name.
        name: String,
    },
    /// Answer to `ImportModel`.
    Imported {
        /// What was taken, in words.
        summary: String,
        /// Labels, where the model is a classifier.
        labels: Vec<String>,
        /// Whether it guesses masked tokens.
        guesses: bool,
    },
    /// Follows `Imported` if the model's directory contains the log of its run, and precedes the other events of a run that is
    /// resumed.
    History {
        /// Names the run; equal directories give equal names.
        run: RunId,
        /// Its start, steps, evaluations and end, in order.
        events: Vec<Event>,
    },
}

#[cfg(test)]
pub(crate) mod tests;
