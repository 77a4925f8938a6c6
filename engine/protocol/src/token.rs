//! Tokens and labels as events carry them: masked tokens, predictions, label scores and vocabulary
//! entries.

use serde::{Deserialize, Serialize};

/// Effect of masking on a token. Source: Devlin et al. 2019, 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskKind {
    /// Not selected.
    Untouched,
    /// `[CLS]` or `[SEP]`: never selected.
    Special,
    /// Selected and replaced by `[MASK]`.
    Masked,
    /// Selected and replaced by a random token.
    Random,
    /// Selected but left unchanged.
    Kept,
}

/// A token before and after masking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskedToken {
    /// Original token, the prediction target.
    pub original: String,
    /// Token in the model's input.
    pub shown: String,
    /// Effect of masking on the token.
    pub kind: MaskKind,
    /// Predictions for a selected token, best first; empty without a model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guesses: Vec<Candidate>,
    /// Cross-entropy loss of a selected token, in nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
}

/// Predictions for one `[MASK]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskPrediction {
    /// Token position in the encoded text; `[CLS]` is 0.
    pub position: u64,
    /// Predicted tokens, best first.
    pub candidates: Vec<Candidate>,
}

/// A predicted token, or a neighbouring word, and its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Token as written in the vocabulary.
    pub token: String,
    /// Probability, 0 to 1; for neighbours, the cosine similarity.
    pub score: f64,
}

/// A label and its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelScore {
    /// Label without its `__label__` prefix.
    pub label: String,
    /// Probability, 0 to 1.
    pub score: f64,
    /// Probability before calibration, if the classifier is calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<f64>,
}

/// An entry of the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VocabularyEntry {
    /// Token id: row of the embedding table.
    pub id: u64,
    /// Token as written in `vocab.txt`.
    pub token: String,
    /// Number of occurrences in the training text.
    pub count: u64,
}
