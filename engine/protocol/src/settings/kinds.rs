//! Enumerated settings: each value with its name, shared by flags, links and messages.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// New names of labels; a label mapped to `None` is dropped.
pub type LabelMap = BTreeMap<String, Option<String>>;

/// An enumerated setting whose values have names.
pub(super) trait Named: Copy + PartialEq + 'static {
    /// Pairs of name and value. The first name of a value is the one that is written.
    const NAMES: &'static [(&'static str, Self)];

    /// Returns the name that is written.
    fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, value)| *value == self);
        found.expect("each value has a name").0
    }
}

/// Compute backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendChoice {
    /// A hardware GPU if there is one, otherwise the CPU.
    #[default]
    Auto,
    /// Any GPU adapter, including software ones.
    #[serde(alias = "webgpu")]
    Gpu,
    /// The CPU engine.
    Cpu,
}

/// How text is split into tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenizerKind {
    /// Sub-words learned from the corpus (WordPiece).
    #[default]
    Wordpiece,
    /// Tokens separated by white space: for text that is already tokenised or anonymised.
    Word,
    /// One token per character.
    Char,
}

/// Architecture between the embeddings and the heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackboneKind {
    /// Self-attention (Transformer encoder).
    #[default]
    Transformer,
    /// Parallel convolutions (TextCNN).
    Textcnn,
    /// Mean of the embeddings.
    Mean,
}

/// Optimizer of the matrices inside the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Momentum with orthogonalised updates; AdamW for all other parameters.
    Muon,
    /// AdamW for all parameters.
    Adamw,
}

/// Initialisation of a new model's word embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmbeddingInit {
    /// Word vectors learned from the training text beforehand.
    Own,
    /// Random values.
    Random,
}

/// Parts of a classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartsKind {
    /// A single network.
    One,
    /// Average of networks that differ only in their seed.
    Seeds,
    /// Late fusion of networks and a linear classifier.
    Fusion,
}

/// Weighting of each label's errors in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// All documents weigh the same.
    None,
    /// For each label, the documents with it have the same total weight as those without it; in
    /// single-label networks, all labels have the same total weight.
    Balanced,
}

/// Treatment of validation and test documents that are near-duplicates of training documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NearDuplicates {
    /// They count in the scores.
    #[default]
    Keep,
    /// They are left out of the scores.
    Drop,
}

/// How a text's hidden states are pooled for classification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Tanh of a linear layer on the state of `[CLS]`: BERT's pooler.
    Cls,
    /// State of `[CLS]` itself: `cls` in sentence-transformers.
    FirstToken,
    /// Mean of the states of all tokens.
    Mean,
    /// Concatenation of maximum and mean over the tokens.
    MaxMean,
}

/// How a table quotes a cell that contains a separator, a line end or a quote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quoting {
    /// Double quotes; a quote inside is doubled (RFC 4180).
    #[default]
    Double,
    /// Double quotes; a quote inside is preceded by a backslash.
    Backslash,
    /// Single quotes; a quote inside is doubled.
    Single,
    /// No quoting: a quote is an ordinary character.
    None,
}

impl Quoting {
    /// All variants, the most common first.
    pub const ALL: [Self; 4] = [Self::Double, Self::Backslash, Self::Single, Self::None];

    /// Returns the name used in flags and settings.
    pub fn name(self) -> &'static str {
        Named::name(self)
    }

    /// Returns the quote character, or `None` without quoting.
    pub fn mark(self) -> Option<u8> {
        match self {
            Self::Double | Self::Backslash => Some(b'"'),
            Self::Single => Some(b'\''),
            Self::None => None,
        }
    }
}

/// Classification task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Single-label if every labelled document has exactly one label, otherwise multi-label.
    #[default]
    Auto,
    /// Any number of labels per document; sigmoid.
    MultiLabel,
    /// Exactly one label per document; softmax.
    SingleLabel,
    /// Sentence pairs: two texts per document.
    Pair,
}

impl Named for BackendChoice {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("webgpu", Self::Gpu),
        ("gpu", Self::Gpu),
        ("cpu", Self::Cpu),
    ];
}

impl Named for Quoting {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("double", Self::Double),
        ("backslash", Self::Backslash),
        ("single", Self::Single),
        ("none", Self::None),
    ];
}

impl Named for TokenizerKind {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("wordpiece", Self::Wordpiece),
        ("word", Self::Word),
        ("char", Self::Char),
    ];
}

impl Named for BackboneKind {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("transformer", Self::Transformer),
        ("textcnn", Self::Textcnn),
        ("mean", Self::Mean),
    ];
}

impl Named for OptimizerKind {
    const NAMES: &'static [(&'static str, Self)] = &[("muon", Self::Muon), ("adamw", Self::Adamw)];
}

impl Named for EmbeddingInit {
    const NAMES: &'static [(&'static str, Self)] = &[("own", Self::Own), ("random", Self::Random)];
}

impl Named for PartsKind {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("one", Self::One),
        ("seeds", Self::Seeds),
        ("fusion", Self::Fusion),
    ];
}

impl Named for ClassWeights {
    const NAMES: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("balanced", Self::Balanced)];
}

impl Named for NearDuplicates {
    const NAMES: &'static [(&'static str, Self)] = &[("keep", Self::Keep), ("drop", Self::Drop)];
}

impl Named for Pooling {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("cls", Self::Cls),
        ("first-token", Self::FirstToken),
        ("mean", Self::Mean),
        ("max-mean", Self::MaxMean),
    ];
}

impl Named for TaskKind {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("multi-label", Self::MultiLabel),
        ("single-label", Self::SingleLabel),
        ("pair", Self::Pair),
    ];
}
