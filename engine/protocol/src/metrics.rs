//! Evaluation metrics, in the field's standard terms.

use serde::{Deserialize, Serialize};

/// Metrics of an evaluation. In JSON the variants differ by their fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Metrics {
    /// Metrics of pre-training.
    MaskedLm(MaskedLmMetrics),
    /// Metrics of fine-tuning.
    Classifier(ClassifierMetrics),
}

/// Masked-LM metrics on held-out text. Source: Devlin et al. 2019, 3.1 (the objective).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MaskedLmMetrics {
    /// Number of masked tokens that were predicted.
    pub n: u64,
    /// Mean cross-entropy of the original token at the masked positions, in nats.
    pub masked_lm_loss: f64,
    /// Share of masked positions at which the top prediction is the original token, 0 to 1.
    pub masked_accuracy: f64,
    /// Mean cross-entropy of next-sentence prediction, in nats, if it is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sentence_loss: Option<f64>,
    /// Accuracy of next-sentence prediction, 0 to 1, if it is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sentence_accuracy: Option<f64>,
}

/// Classification metrics. F1 is in 0 to 1; macro F1 averages over the labels that occur in the
/// evaluated documents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassifierMetrics {
    /// Number of evaluated documents.
    pub n: u64,
    /// Data loss without penalties, in nats: binary cross-entropy summed over labels (multi-label)
    /// or cross-entropy.
    pub loss: f64,
    /// F1 over all (document, label) decisions.
    pub micro_f1: f64,
    /// Mean of the per-label F1 over the labels with support.
    pub macro_f1: f64,
    /// Mean of micro and macro F1.
    pub mean_f1: f64,
    /// Share of documents whose most probable label is correct.
    #[serde(default)]
    pub precision_at_1: f64,
    /// Probability from which a label counts as predicted; the most probable label always does. 0
    /// for single-label models.
    pub threshold: f64,
    /// Share of documents whose most probable label is correct; single-label models only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// 95 % confidence intervals of F1; absent for a single document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<ScoreInterval>,
    /// Expected calibration error of the most probable labels, over 15 bins of equal mass; present
    /// if the probabilities were calibrated on validation documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_calibration_error: Option<f64>,
    /// Expected calibration error over all predicted labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_calibration_error: Option<f64>,
    /// One row per label of the model, in label order, then one per label that is absent from
    /// training.
    #[serde(default)]
    pub per_label: Vec<LabelMetrics>,
}

/// 95 % confidence intervals as `[lower, upper]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreInterval {
    /// Interval of micro F1.
    pub micro_f1: [f64; 2],
    /// Interval of macro F1.
    pub macro_f1: [f64; 2],
}

/// Metrics of one label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelMetrics {
    /// Label without its `__label__` prefix.
    pub label: String,
    /// True positives over predicted positives; 0 when never predicted.
    pub precision: f64,
    /// True positives over actual positives; 0 without support.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Number of documents that carry the label.
    pub support: u64,
    /// Number of documents for which it was predicted.
    #[serde(default)]
    pub predicted: u64,
}
