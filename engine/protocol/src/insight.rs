//! What a person sees of the text and of the inside of a model: how long and how frequent things are, what a classifier
//! confuses, which lines it is least sure of, what a run would cost.

use crate::LabelScore;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many documents carry a label, by use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCount {
    /// Without its `__label__` prefix.
    pub label: String,
    /// Of the training documents.
    pub train: u64,
    /// Of the validation documents.
    pub valid: u64,
    /// Of the test documents.
    pub test: u64,
}

/// What stands out in the text as a whole, beyond its counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusTraits {
    /// The most frequent labels, most frequent first.
    pub label_counts: Vec<LabelCount>,
    /// Training documents whose text came before.
    pub repeated: u64,
    /// Different texts of the validation files that are training texts too.
    pub leaked_valid: u64,
    /// Different texts of the test files that are training texts too.
    pub leaked_test: u64,
    /// Labels that differ from another one by a slip, each with the one that is meant.
    #[serde(default)]
    pub label_merges: BTreeMap<String, String>,
    /// Identifies the texts and labels: a run resumes only on the same ones.
    #[serde(default)]
    pub fingerprint: String,
}

/// How many documents have at most so many tokens, and more than the entry before allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LengthCount {
    /// Tokens, special ones not counted but for the one between two texts. Of a corpus that is read again, each text of a pair
    /// counts by itself.
    pub up_to: u64,
    /// Documents.
    pub documents: u64,
}

/// How much of the text the most frequent tokens make up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoveragePoint {
    /// That many of the most frequent tokens.
    pub tokens: u64,
    /// Share of the text's tokens that they are, 0 to 1.
    pub share: f64,
}

/// Figures of a classifier at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdPoint {
    /// Probability from which a label counts as predicted; the best label always does.
    pub threshold: f64,
    /// Over all decisions together.
    pub precision: f64,
    /// Over all decisions together.
    pub recall: f64,
    /// Micro F1.
    pub micro_f1: f64,
    /// Macro F1.
    pub macro_f1: f64,
}

/// Figures of one label at one threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelPoint {
    /// True positives over predicted positives; 0 when never predicted.
    pub precision: f64,
    /// True positives over real positives.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

/// What a classifier gets right and wrong on held-out documents, label against label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Which documents: `valid` or `test`.
    pub split: String,
    /// Number of documents.
    pub n: u64,
    /// The most frequent labels of these documents, most frequent first, `[K]`: the rows and columns below.
    pub labels: Vec<String>,
    /// `[K, K]`: documents with the row's label that were given the column's label; off the diagonal only where the row's
    /// label was missed and the column's label is wrong.
    pub confusion: Vec<Vec<u64>>,
    /// `[K]`: documents with the label that were not given it, whatever they were given.
    #[serde(default)]
    pub missed: Vec<u64>,
    /// `[K, K]`: documents that carry both labels; on the diagonal, documents that carry the label.
    pub together: Vec<Vec<u64>>,
    /// Figures by threshold, ascending; empty for a model of one label per document.
    pub sweep: Vec<ThresholdPoint>,
    /// The same for each of these labels by itself, `[K]`, with the thresholds of `sweep`.
    #[serde(default)]
    pub label_sweeps: Vec<Vec<LabelPoint>>,
    /// The threshold in force.
    pub threshold: f64,
    /// What the best labels' probabilities are worth, least probable first.
    #[serde(default)]
    pub reliability: Vec<ReliabilityBin>,
    /// What is wrong among the surest documents, by ascending share.
    #[serde(default)]
    pub surest: Vec<SurestShare>,
}

/// Documents whose best labels are about equally probable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Mean probability of the best label.
    pub probability: f64,
    /// Share of them that carry it.
    pub right: f64,
    /// How many.
    pub n: u64,
}

/// The documents whose best labels are most probable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SurestShare {
    /// Share of all documents.
    pub share: f64,
    /// Probability of the best label of the last of them.
    pub confidence: f64,
    /// Share of them whose labels are not exactly the true ones.
    pub wrong: f64,
}

/// Which documents to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "which", rename_all = "snake_case")]
pub enum LineQuery {
    /// Of the reviewed ones: `truth` is theirs, and `predicted` was given.
    Confused {
        /// A label that they carry.
        truth: String,
        /// A label that they were given.
        predicted: String,
    },
    /// Of the reviewed ones: they carry the label and were not given it.
    Missed {
        /// Which.
        label: String,
    },
    /// Of the reviewed ones: they carry both.
    Together {
        /// A label that they carry.
        first: String,
        /// Another.
        second: String,
    },
    /// The first ones of a file, as they were read.
    First {
        /// Its place among the files of the corpus, from 0.
        file: u64,
    },
    /// Training documents without labels, the least certain ones first: worth labelling next.
    Uncertain,
}

/// A document with what is true of it and what a classifier says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictedDocument {
    /// Name of its file.
    #[serde(default)]
    pub file: String,
    /// Its line in that file, from 1.
    pub line: u64,
    /// Its beginning.
    pub text: String,
    /// Its labels.
    pub truth: Vec<String>,
    /// The best labels by the classifier, best first.
    pub predicted: Vec<LabelScore>,
}

/// What a run would take on this device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Trainable numbers.
    pub parameters: u64,
    /// Memory of values, gradients, the optimiser's state and one step's intermediate results, in bytes, about.
    pub bytes: u64,
    /// Optimisation steps; where the run has a time instead, as many as the tried steps fit into it, else 0.
    pub steps: u64,
    /// How long the run lasts, in seconds, where that is what was asked for.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Tokens per step.
    pub tokens_per_step: u64,
    /// Whether steps were tried out, or would have been if the model were not too large.
    #[serde(default)]
    pub tried: bool,
    /// Seconds of a step, the middle of those tried out on this device; 0 where none was.
    pub step_secs: f64,
    /// The fastest and the slowest of them: far apart where the device is busy with something else too.
    #[serde(default)]
    pub step_secs_range: [f64; 2],
}
