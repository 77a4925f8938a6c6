//! Statistics of the corpus and insights into a model: label counts, document lengths, vocabulary
//! coverage, error analysis, predicted documents and the estimated cost of a run.

use crate::LabelScore;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Number of documents with a label, per set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCount {
    /// Label without its `__label__` prefix.
    pub label: String,
    /// Number of training documents with the label.
    pub train: u64,
    /// Number of validation documents with the label.
    pub valid: u64,
    /// Number of test documents with the label.
    pub test: u64,
}

/// Properties of the corpus beyond its plain counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusTraits {
    /// The most frequent labels, most frequent first.
    pub label_counts: Vec<LabelCount>,
    /// Training documents that repeat an earlier text.
    pub repeated: u64,
    /// Distinct validation texts that also occur in the training documents.
    pub leaked_valid: u64,
    /// Distinct test texts that also occur in the training documents.
    pub leaked_test: u64,
    /// Labels that look like misspellings of another label, each with the intended one.
    #[serde(default)]
    pub label_merges: BTreeMap<String, String>,
    /// Fingerprint of the texts and labels: a run can be resumed only on the same ones.
    #[serde(default)]
    pub fingerprint: String,
}

/// One bin of the document length histogram: documents with at most `up_to` tokens that are not in
/// an earlier bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LengthCount {
    /// Upper bound in tokens, inclusive. Special tokens are not counted, except the one between the
    /// texts of a pair. In a corpus that is re-read from its files, each text of a pair counts
    /// separately.
    pub up_to: u64,
    /// Number of documents in the bin.
    pub documents: u64,
}

/// Share of the text that the most frequent tokens account for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoveragePoint {
    /// Number of most frequent tokens.
    pub tokens: u64,
    /// Their share of all tokens in the text, 0 to 1.
    pub share: f64,
}

/// Scores of a classifier at one decision threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdPoint {
    /// Probability from which a label counts as predicted; the most probable label always does.
    pub threshold: f64,
    /// Micro-averaged precision over all (document, label) decisions, 0 to 1.
    pub precision: f64,
    /// Micro-averaged recall over all (document, label) decisions, 0 to 1.
    pub recall: f64,
    /// Micro F1, 0 to 1.
    pub micro_f1: f64,
    /// Macro F1, 0 to 1.
    pub macro_f1: f64,
}

/// Scores of one label at one decision threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelPoint {
    /// True positives over predicted positives; 0 when never predicted.
    pub precision: f64,
    /// True positives over actual positives.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
}

/// Error analysis of a classifier on held-out documents: confusion and co-occurrence of labels,
/// threshold sweeps and calibration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Held-out set: `valid` or `test`.
    pub split: String,
    /// Number of evaluated documents.
    pub n: u64,
    /// Most frequent labels of these documents, most frequent first, `[K]`: the rows and columns
    /// below.
    pub labels: Vec<String>,
    /// `[K, K]`: documents with the row's label for which the column's label was predicted. Off the
    /// diagonal, only documents where the row's label was missed and the column's label is wrong.
    pub confusion: Vec<Vec<u64>>,
    /// `[K]`: documents with the label for which it was not predicted.
    #[serde(default)]
    pub missed: Vec<u64>,
    /// `[K, K]`: documents that carry both labels; on the diagonal, documents that carry the label.
    pub together: Vec<Vec<u64>>,
    /// Scores by threshold, ascending; empty for single-label models.
    pub sweep: Vec<ThresholdPoint>,
    /// Scores of each label on its own, `[K]`, at the thresholds of `sweep`.
    #[serde(default)]
    pub label_sweeps: Vec<Vec<LabelPoint>>,
    /// Decision threshold in use.
    pub threshold: f64,
    /// Reliability diagram of the most probable labels, least probable first.
    #[serde(default)]
    pub reliability: Vec<ReliabilityBin>,
    /// Error rates among the most confident documents, by ascending share.
    #[serde(default)]
    pub surest: Vec<ConfidencePoint>,
}

/// One bin of the reliability diagram: documents with similar probability of the most probable
/// label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Mean probability of the most probable label.
    pub probability: f64,
    /// Share of the documents for which that label is correct.
    pub right: f64,
    /// Number of documents in the bin.
    pub n: u64,
}

/// The most confident documents, by the probability of their most probable label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfidencePoint {
    /// Their share of all documents.
    pub share: f64,
    /// Lowest probability of the most probable label among them.
    pub confidence: f64,
    /// Share of them whose predicted labels differ from the true ones.
    pub wrong: f64,
}

/// Selects documents to list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "which", rename_all = "snake_case")]
pub enum LineQuery {
    /// Evaluated documents with label `truth` for which `predicted` was predicted.
    Confused {
        /// True label.
        truth: String,
        /// Wrongly predicted label.
        predicted: String,
    },
    /// Evaluated documents that carry the label but for which it was not predicted.
    Missed {
        /// Missed label.
        label: String,
    },
    /// Evaluated documents that carry both labels.
    Together {
        /// First of the two labels.
        first: String,
        /// Second of the two labels.
        second: String,
    },
    /// First documents of a file, as they were read.
    First {
        /// Index of the file in the corpus, from 0.
        file: u64,
    },
    /// Training documents without labels, chosen for labelling by hand; with their full texts.
    Unlabelled {
        /// How they are chosen.
        sampler: Sampler,
        /// Seed of the draw.
        seed: u64,
        /// Hashes of the texts that are left out, see [`text_hash`](crate::text_hash): those that
        /// were labelled since the corpus was read.
        #[serde(default)]
        except: Vec<u64>,
    },
    /// Training documents whose labels a linear classifier trained on the other documents disagrees
    /// with, the most suspicious first; with their full texts. The predicted labels are
    /// those that it suggests.
    Suspicious,
}

impl LineQuery {
    /// Returns whether the answer takes a model and many documents.
    pub fn is_slow(&self) -> bool {
        match self {
            Self::Suspicious => true,
            Self::Unlabelled { sampler, .. } => *sampler != Sampler::Random,
            _ => false,
        }
    }
}

/// How documents are chosen for labelling by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampler {
    /// At random: the labels stay representative.
    #[default]
    Random,
    /// Those that the classifier thinks likeliest to have a rare label.
    Rare,
    /// Those that the classifier is least certain of (Lewis & Gale 1994), the least certain first.
    Uncertain,
}

/// Labels given by hand, by the text of the document; the two texts of a pair are joined by a tab.
pub type Annotations = BTreeMap<String, Vec<String>>;

/// Scores of a linear classifier trained on labels given by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HandLabelScores {
    /// Number of documents that it was trained on.
    pub documents: u64,
    /// F1 over all (document, label) decisions.
    pub micro_f1: f64,
    /// Mean of the per-label F1 over the labels with support.
    pub macro_f1: f64,
    /// 95 % confidence intervals; `None` for a single document.
    #[serde(default)]
    pub interval: Option<crate::ScoreInterval>,
}

/// A document with its true and predicted labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictedDocument {
    /// Name of the file.
    #[serde(default)]
    pub file: String,
    /// Line in that file, from 1.
    pub line: u64,
    /// The text, or its beginning.
    pub text: String,
    /// True labels.
    pub truth: Vec<String>,
    /// Most probable labels, best first.
    pub predicted: Vec<LabelScore>,
}

/// Vectors that a map of the documents is drawn from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapSource {
    /// Sums of word vectors learned from the text: what is known before pre-training.
    Words,
    /// Mean hidden states of the current model.
    #[default]
    Model,
}

/// A document on the map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapPoint {
    /// Horizontal position, 0 to 1.
    pub x: f64,
    /// Vertical position, 0 to 1.
    pub y: f64,
    /// The document with its full text; with a classifier, its most probable label.
    pub document: PredictedDocument,
}

/// One masked word on its way through a model, and what one training step changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SlowMotion {
    /// Tokens of the text before masking, with `[CLS]` and `[SEP]`.
    pub tokens: Vec<String>,
    /// Index of the masked token.
    pub position: u64,
    /// What the first block reads at the masked position, `[D]`.
    pub embedding: Vec<f32>,
    /// One attention head; `None` for models without attention.
    pub attention: Option<HeadTrace>,
    /// The prediction of the model.
    pub before: WordPrediction,
    /// The prediction after one training step on this word alone.
    pub after: WordPrediction,
    /// Learning rate of that step.
    pub learning_rate: f64,
    /// Global gradient norm of that step, before clipping.
    pub grad_norm: f64,
}

/// The attention of the masked position in one head.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeadTrace {
    /// Index of the layer.
    pub layer: u64,
    /// Index of the head.
    pub head: u64,
    /// Number of layers.
    pub layers: u64,
    /// Number of heads per layer.
    pub heads: u64,
    /// Scaled dot product of the query with the key of each token, `[T]`.
    pub scores: Vec<f64>,
    /// Softmax of the scores, `[T]`.
    pub weights: Vec<f64>,
    /// Length of each token's weighted value vector, `[T]`.
    pub contributions: Vec<f64>,
    /// Sum of the weighted value vectors, `[K]`.
    pub output: Vec<f32>,
    /// The weights after the training step, `[T]`.
    pub weights_after: Vec<f64>,
}

/// A prediction of a masked word.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WordPrediction {
    /// Probability of the true token.
    pub probability: f64,
    /// The most probable tokens, best first.
    pub candidates: Vec<crate::Candidate>,
}

/// How much one word of a text contributes to the probability of a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WordEvidence {
    /// First character of the word in the text, from 0.
    pub start: u64,
    /// Exclusive end of the word, in characters.
    pub end: u64,
    /// Probability of the label for the text, less that for the text without the word.
    pub effect: f64,
    /// The same for the margin of the linear classifier; `None` without one.
    #[serde(default)]
    pub linear: Option<f64>,
}

/// Estimated cost of a run on this device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Number of trainable parameters.
    pub parameters: u64,
    /// Approximate memory of parameters, gradients, optimizer state and the intermediate results of
    /// one step, in bytes.
    pub bytes: u64,
    /// Number of optimisation steps. For a run limited by time, the number that fits at the
    /// measured speed, or 0 if no step was measured.
    pub steps: u64,
    /// Duration of the run in seconds, if the run is limited by time.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Tokens per step.
    pub tokens_per_step: u64,
    /// Whether steps were measured, or would have been if the model were not too large.
    #[serde(default)]
    pub tried: bool,
    /// Median seconds per step as measured on this device; 0 if none was measured.
    pub step_secs: f64,
    /// Fastest and slowest measured step, in seconds: far apart if the device is busy with other
    /// work.
    #[serde(default)]
    pub step_secs_range: [f64; 2],
}
