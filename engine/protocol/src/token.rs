//! Tokens and labels as events show them: before and after masking, as guesses, as rows of the vocabulary.

use serde::{Deserialize, Serialize};

/// What masking did to a token. Source: Devlin et al. 2019, 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskKind {
    /// Not chosen.
    Untouched,
    /// `[CLS]`, `[SEP]`: never chosen.
    Special,
    /// Chosen and replaced by `[MASK]`.
    Masked,
    /// Chosen and replaced by a random token.
    Random,
    /// Chosen and kept.
    Kept,
}

/// One token before and after masking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskedToken {
    /// The true token.
    pub original: String,
    /// What the model sees.
    pub shown: String,
    /// What happened.
    pub kind: MaskKind,
    /// What a model guesses for a chosen token, best first; empty without a model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guesses: Vec<Candidate>,
    /// Loss of the true token where it was chosen, in nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
}

/// The guesses for one mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskPrediction {
    /// Token position in the encoded text; `[CLS]` is 0.
    pub position: u64,
    /// Best first.
    pub candidates: Vec<Candidate>,
}

/// One guess.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The token as it stands in the vocabulary.
    pub token: String,
    /// Probability, 0 to 1.
    pub score: f64,
}

/// One label and its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelScore {
    /// Without its `__label__` prefix.
    pub label: String,
    /// Probability, 0 to 1.
    pub score: f64,
    /// The same before calibration, where the classifier is calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<f64>,
}

/// One token of the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VocabularyEntry {
    /// Row in the embedding table.
    pub id: u64,
    /// As it stands in `vocab.txt`.
    pub token: String,
    /// How often it occurs in the training text.
    pub count: u64,
}
