//! What is measured after an epoch, in the field's standard terms.

use serde::{Deserialize, Serialize};

/// The figures of an evaluation, told apart by their fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Metrics {
    /// Of pre-training.
    MaskedLm(MaskedLmMetrics),
    /// Of fine-tuning.
    Classifier(ClassifierMetrics),
}

/// Masked-LM quality on held-out text. Source: Devlin et al. 2019, 3.1 (the objective).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MaskedLmMetrics {
    /// Number of masked tokens that were guessed.
    pub n: u64,
    /// Mean cross-entropy of the true token at the masked positions, in nats.
    pub masked_lm_loss: f64,
    /// Share of masked positions where the top guess is the true token, 0 to 1.
    pub masked_accuracy: f64,
    /// Mean cross-entropy of "follows or random", in nats, where next-sentence prediction is learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sentence_loss: Option<f64>,
    /// Share of pairs told right, 0 to 1, where next-sentence prediction is learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sentence_accuracy: Option<f64>,
}

/// Classification quality. F1 in 0 to 1; macro F1 averages over the labels that occur in the evaluated documents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassifierMetrics {
    /// Number of documents.
    pub n: u64,
    /// Data loss without penalties, in nats: binary cross-entropy summed over labels (multi-label) or cross-entropy.
    pub loss: f64,
    /// F1 over all (document, label) decisions together.
    pub micro_f1: f64,
    /// Mean of the per-label F1 over labels with support.
    pub macro_f1: f64,
    /// Mean of micro and macro F1.
    pub mean_f1: f64,
    /// Share of documents whose best label is one of theirs.
    #[serde(default)]
    pub precision_at_1: f64,
    /// Probability from which a label counts as predicted; the best label always does. 0 for single-label models.
    pub threshold: f64,
    /// Share of documents whose best label is right; single-label models only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Where the F1 of all documents like these lies with 95 % confidence; absent for a single document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<ScoreInterval>,
    /// Mean distance between the best label's probability and how often it is right, over 15 bins of equal mass; once the
    /// probabilities were fitted on validation documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_calibration_error: Option<f64>,
    /// The same over all predicted labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_calibration_error: Option<f64>,
    /// One row per label the model knows, in label order, then one per label that training never saw.
    #[serde(default)]
    pub per_label: Vec<LabelMetrics>,
}

/// 95 % intervals, each as its lower and upper end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreInterval {
    /// Of micro F1.
    pub micro_f1: [f64; 2],
    /// Of macro F1.
    pub macro_f1: [f64; 2],
}

/// One label's row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelMetrics {
    /// The label without its `__label__` prefix.
    pub label: String,
    /// True positives over predicted positives; 0 when never predicted.
    pub precision: f64,
    /// True positives over real positives; 0 without support.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Number of documents that carry the label.
    pub support: u64,
    /// Number of documents that it was predicted for.
    #[serde(default)]
    pub predicted: u64,
}
