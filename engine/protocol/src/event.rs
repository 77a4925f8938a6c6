//! Events: what the engine reports to its host. Every event is absolute (totals, never deltas) and
//! may be lost or repeated.

mod codes;
mod read;

pub use codes::{STOPPED, is_note};

use crate::run::{Phase, RunId};
use crate::{
    Candidate, Comparison, ComparisonTrial, CorpusTraits, CoveragePoint, DeviceInfo, Dropped,
    Estimate, FileReport, HandLabelScores, LabelScore, LengthCount, LinearResult, MapPoint,
    MaskPrediction, MaskedToken, Message, Metrics, PredictedDocument, Review, SlowMotion,
    TableColumns, VocabularyEntry, WordEvidence,
};
use serde::{Deserialize, Serialize, Serializer};

/// An event from the engine. In JSON, `event` names the variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The worker has started and waits for `Open`.
    Hello {
        /// The engine's [`crate::PROTOCOL_VERSION`].
        protocol: u32,
    },
    /// Heartbeat: the worker is computing and has reported nothing else for a second.
    Alive {},
    /// The device was selected. Answer to `Open`.
    Ready {
        /// Selected compute device.
        device: DeviceInfo,
    },
    /// The corpus was read. Answer to `SetCorpus`.
    Corpus {
        /// Reports, one per file.
        files: Vec<FileReport>,
        /// Number of documents for pre-training.
        documents: u64,
        /// Number of labelled training documents.
        labelled_train: u64,
        /// Number of labelled validation documents.
        labelled_valid: u64,
        /// Number of labelled test documents.
        labelled_test: u64,
        /// Number of distinct labels in the training documents.
        labels: u64,
        /// Further properties of the corpus.
        #[serde(flatten)]
        traits: CorpusTraits,
    },
    /// An example as the model sees it. Answer to `PreviewMasking`.
    Masking {
        /// Index of the document.
        example: u64,
        /// Tokens of the example, before and after masking.
        tokens: Vec<MaskedToken>,
        /// Run whose model made the predictions; empty outside of a run.
        run: RunId,
        /// Optimisation steps of the model that made the predictions, if reported by a run.
        step: Option<u64>,
    },
    /// Attention probabilities of a text. One buffer is sent alongside the event: a byte per
    /// probability, `[L, H, T, T]` (layer, head, query, key), each 255 times the square root of the
    /// probability, so that small ones keep their leading digits.
    Attention {
        /// Number of the query; 0 for the example shown by `Masking`.
        request: u64,
        /// Run whose model computed the attention; empty outside of a run.
        run: RunId,
        /// Optimisation steps of the model, if reported by a run.
        step: Option<u64>,
        /// Tokens of the text, `[T]`.
        tokens: Vec<String>,
        /// Number of layers, `L`.
        layers: u64,
        /// Number of attention heads per layer, `H`.
        heads: u64,
    },
    /// Answer to `Tokenize`.
    Tokenized {
        /// Number of the query.
        request: u64,
        /// Tokens in order, truncated to a displayable number.
        tokens: Vec<VocabularyEntry>,
        /// Total number of tokens.
        count: u64,
    },
    /// Answer to `Neighbours`.
    Neighbours {
        /// Number of the query.
        request: u64,
        /// Word that was looked up.
        word: String,
        /// Nearest words by the corpus's own word vectors, with cosine similarity; empty if none
        /// were learned.
        own: Vec<Candidate>,
        /// Nearest words by the language model's embeddings, with cosine similarity; empty without
        /// a language model.
        model: Vec<Candidate>,
    },
    /// Answer to `Review`.
    Reviewed {
        /// Number of the query.
        request: u64,
        /// Error analysis of the classifier.
        review: Review,
    },
    /// Answer to `Lines`.
    Lines {
        /// Number of the query.
        request: u64,
        /// Documents in corpus order, or the least certain first.
        lines: Vec<PredictedDocument>,
        /// Number of matching documents that are not in `lines`.
        more: u64,
    },
    /// Answer to `Estimate`.
    Estimated {
        /// Number of the query.
        request: u64,
        /// Estimated cost of the run.
        estimate: Estimate,
    },
    /// Answer to `Baseline`.
    Baseline {
        /// Scores of the baseline on the validation documents.
        result: LinearResult,
    },
    /// A run was planned and begins.
    Started {
        /// Id of the run.
        run: RunId,
        /// Phase of the run.
        phase: Phase,
        /// Number of trainable parameters.
        parameters: u64,
        /// Number of planned optimisation steps.
        steps: u64,
        /// Number of tokens to process, padding included.
        tokens: u64,
        /// Device name, as shown to the user.
        device: String,
        /// Vocabulary size, `V`.
        vocab_size: u64,
        /// Entropy baseline of a uniform prediction: ln V, in nats.
        uniform: f64,
        /// Unigram entropy, in nats: the loss of predicting from token frequencies alone.
        unigram: f64,
        /// Bigram entropy, in nats: the loss of predicting each token from the one before.
        /// Pre-training only.
        #[serde(skip_serializing_if = "Option::is_none")]
        bigram: Option<f64>,
        /// Labels of the classifier; empty in pre-training.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        labels: Vec<String>,
        /// First step of this process: 0, or the step from which a resumed run continues.
        step: u64,
    },
    /// Kernels are being compiled or memory is being allocated; the run is not stuck.
    Compiling {
        /// Id of the run.
        run: RunId,
        /// Description for the user.
        #[serde(flatten, serialize_with = "write_message")]
        message: Message,
    },
    /// Training reached a step.
    Step {
        /// Id of the run.
        run: RunId,
        /// Number of optimisation steps done.
        step: u64,
        /// Mean training loss since the last report, in nats.
        loss: f64,
        /// Masked-LM part of the loss, in nats, if the loss has another part.
        #[serde(skip_serializing_if = "Option::is_none")]
        masked_lm_loss: Option<f64>,
        /// Next-sentence-prediction part of the loss, in nats, if it is trained.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_sentence_loss: Option<f64>,
        /// Learning rate of this step.
        lr: f64,
        /// Throughput since the last report, in tokens per second, padding included.
        tokens_per_sec: f64,
        /// Training time so far in seconds, without pauses.
        elapsed_secs: f64,
        /// Estimated remaining time in seconds, at the current speed.
        eta_secs: f64,
        /// Global gradient norm of this step, before clipping.
        grad_norm: f64,
    },
    /// Scores on a held-out set, after an epoch or at the end of the run.
    Evaluated {
        /// Id of the run.
        run: RunId,
        /// Number of optimisation steps done.
        step: u64,
        /// Number of epochs done, fractional within an epoch.
        epoch: f64,
        /// Held-out set: `valid` or `test`.
        split: String,
        /// Index from 1 of the classifier's network that was evaluated alone; `None`: the whole
        /// model.
        #[serde(skip_serializing_if = "Option::is_none")]
        network: Option<u64>,
        /// Measured scores.
        #[serde(flatten)]
        metrics: Metrics,
    },
    /// A checkpoint was saved to disk or to the browser's storage.
    Checkpoint {
        /// Id of the run.
        run: RunId,
        /// Number of optimisation steps done.
        step: u64,
        /// Location of the checkpoint.
        path: String,
    },
    /// The loss diverged; the run continues from an earlier checkpoint.
    RolledBack {
        /// Id of the run.
        run: RunId,
        /// Step from which the run continues.
        step: u64,
    },
    /// A warning for the user; the run continues.
    Warning {
        /// Id of the run; empty outside of a run.
        run: RunId,
        /// Stable identifier, e.g. `dropped-lines`.
        code: String,
        /// Text for the user.
        #[serde(flatten, serialize_with = "write_message")]
        message: Message,
    },
    /// The run is paused.
    Paused {
        /// Id of the run.
        run: RunId,
        /// Number of optimisation steps done.
        step: u64,
    },
    /// The run continues after a pause.
    Resumed {
        /// Id of the run.
        run: RunId,
        /// Number of optimisation steps done.
        step: u64,
    },
    /// The run has ended and its model can be used.
    Finished {
        /// Id of the run.
        run: RunId,
        /// Number of optimisation steps done.
        step: u64,
        /// Whether the run was stopped before its planned end.
        stopped: bool,
        /// Training time in seconds.
        elapsed_secs: f64,
    },
    /// A command or run failed.
    Failed {
        /// Id of the run; empty outside of a run.
        run: RunId,
        /// Stable identifier, e.g. `corpus-too-small`.
        code: String,
        /// What went wrong, in one sentence.
        #[serde(flatten, serialize_with = "write_message")]
        message: Message,
        /// What the user can do, in one sentence.
        #[serde(flatten, serialize_with = "write_hint")]
        hint: Message,
        /// Number of the query that failed, if it was a query.
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<u64>,
    },
    /// The counting task has ended. Answer to `Toy`.
    Counted {
        /// Id of the run.
        run: RunId,
        /// Whether the task was solved.
        learned: bool,
        /// Number of optimisation steps done.
        step: u64,
        /// Loss on new examples, in nats.
        loss: f64,
        /// Accuracy on new examples, 0 to 1.
        accuracy: f64,
    },
    /// One run of a comparison has ended.
    ComparedRun {
        /// Id of the comparison.
        run: RunId,
        /// Result of the run and its place in the comparison.
        cell: ComparisonTrial,
    },
    /// A comparison has ended. Answer to `Compare`.
    Compared {
        /// Id of the comparison.
        run: RunId,
        /// Results of the comparison.
        comparison: Comparison,
    },
    /// Answer to `FillMask`.
    Guesses {
        /// Number of the query.
        request: u64,
        /// Predictions, one entry per `[MASK]`.
        masks: Vec<MaskPrediction>,
    },
    /// Answer to `FillMasks`.
    FilledMasks {
        /// Number of the query.
        request: u64,
        /// Optimisation steps of the run whose model answered; `None` outside of a run.
        step: Option<u64>,
        /// Predictions for each text, best first.
        guesses: Vec<Vec<Candidate>>,
    },
    /// Answer to `Classify`.
    Classified {
        /// Number of the query.
        request: u64,
        /// Labels with their probabilities, best first.
        labels: Vec<LabelScore>,
        /// Decision threshold: probability from which a label counts as predicted.
        threshold: f64,
        /// Decision thresholds of `labels`, if they differ by label.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        cutoffs: Vec<f64>,
        /// Decision thresholds tuned for each of `labels` individually, if the model has them.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        thresholds: Vec<f64>,
        /// Number of distinct words in the text, if the classifier knows the words of its training
        /// documents; otherwise 0.
        words: u64,
        /// Words of the text that occur in no training document.
        unseen: Vec<String>,
    },
    /// Answer to `Map`.
    Mapped {
        /// Number of the query.
        request: u64,
        /// The placed documents, drawn at random.
        points: Vec<MapPoint>,
        /// Number of further documents.
        more: u64,
    },
    /// Answer to `MeasureLabels`.
    LabelsMeasured {
        /// Number of the query.
        request: u64,
        /// Number of held-out documents.
        held_out: u64,
        /// Scores after training on each set; empty if there are too few documents or labels.
        scores: Vec<HandLabelScores>,
    },
    /// Answer to `SlowMotion`.
    SlowMotion {
        /// Number of the query.
        request: u64,
        /// What the model computes.
        motion: SlowMotion,
    },
    /// Answer to `Explain`.
    Explained {
        /// Number of the query.
        request: u64,
        /// Explained label.
        label: String,
        /// Its probability.
        score: f64,
        /// The words of the text, in order.
        words: Vec<WordEvidence>,
        /// Number of further words, which were not measured.
        #[serde(default)]
        more: u64,
    },
    /// Answer to `LabelFile`, sent several times until all documents are labelled. A buffer
    /// alongside each event holds the rows since the previous one. For text lines: CSV with the
    /// header `line,text,labels,scores` (for sentence pairs
    /// `line,sentence1,sentence2,labels,scores`). For a table: its own rows with the columns
    /// `label`, `score`, `confidence` and `unsure` appended. Several labels are separated by
    /// vertical bars. Events with rows are the only ones that must be delivered exactly once.
    Labelled {
        /// Number of the query.
        request: u64,
        /// Number of documents labelled so far.
        documents: u64,
        /// Total number of documents: 0 in the first event, then an estimate, exact in the last.
        of: u64,
        /// Lines of the file that are not documents, by reason.
        dropped: Vec<Dropped>,
        /// Columns used, if the file is a table.
        columns: Option<TableColumns>,
        /// Warnings about the file, as sentences for the user.
        warnings: Vec<Message>,
    },
    /// Answer to `Vocabulary`.
    Vocabulary {
        /// Number of tokens in the vocabulary.
        size: u64,
        /// Matching entries, by ascending id.
        entries: Vec<VocabularyEntry>,
        /// Share of the text covered by the most frequent tokens.
        coverage: Vec<CoveragePoint>,
        /// Share of the text's tokens that are unknown to the vocabulary, 0 to 1.
        unknown_share: f64,
        /// Histogram of the training documents' lengths in tokens.
        lengths: Vec<LengthCount>,
    },
    /// Answer to `ExportModel` and `ExportRun`; the archive is sent as one buffer alongside the
    /// event.
    Exported {
        /// Number of the query.
        request: u64,
        /// Suggested file name.
        name: String,
    },
    /// Answer to `ImportModel`.
    Imported {
        /// Summary of what was imported, for the user.
        summary: Message,
        /// Labels of the model; empty if it is not a classifier.
        labels: Vec<String>,
        /// Whether the model predicts masked tokens.
        guesses: bool,
    },
    /// Log of a run. Sent after `Imported` if the model's directory contains the log of its run,
    /// and before the other events of a resumed run.
    History {
        /// Id of the run; identical directories yield identical ids.
        run: RunId,
        /// Start, steps, evaluations and end of the run, in order.
        events: Vec<Event>,
        /// The newest checkpoint in an imported directory, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checkpoint: Option<FoundCheckpoint>,
    },
}

/// A checkpoint in an imported run directory; whether it is complete is checked when it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCheckpoint {
    /// Number of the `ImportModel` command.
    pub request: u64,
    /// Fingerprint of the corpus that the run reads.
    pub corpus: String,
}

fn write_message<S: Serializer>(message: &Message, serializer: S) -> Result<S::Ok, S::Error> {
    message.serialize_as("message", serializer)
}

fn write_hint<S: Serializer>(hint: &Message, serializer: S) -> Result<S::Ok, S::Error> {
    hint.serialize_as("hint", serializer)
}

#[cfg(test)]
pub(crate) mod tests;
