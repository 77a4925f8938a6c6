//! Settings that take one of a few words: each value with its name, for flags, links and messages alike.

use serde::{Deserialize, Serialize};

/// One of a few words.
pub(super) trait Named: Copy + PartialEq + 'static {
    /// Each value under its names; the first name of a value is the one that is written.
    const NAMES: &'static [(&'static str, Self)];

    /// The name that is written.
    fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, value)| *value == self);
        found.expect("each value has a name").0
    }
}

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendChoice {
    /// A real GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// Whatever adapter there is, software ones included.
    #[serde(alias = "webgpu")]
    Gpu,
    /// The CPU engine.
    Cpu,
}

/// How text is cut into tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenizerKind {
    /// Sub-words learned from the corpus.
    #[default]
    Wordpiece,
    /// White space only: text that is already tokenised or anonymised.
    Word,
    /// One token per character.
    Char,
}

/// What stands between the embeddings and the heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackboneKind {
    /// Self-attention.
    #[default]
    Transformer,
    /// Parallel convolutions.
    Textcnn,
    /// The mean of the embeddings.
    Mean,
}

/// What moves the matrices inside the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Momentum with orthogonalised updates; AdamW for all other parameters.
    Muon,
    /// AdamW for all parameters.
    Adamw,
}

/// What a new model's word embeddings start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmbeddingInit {
    /// Word vectors that are learned from the training text first.
    Own,
    /// Random numbers.
    Random,
}

/// Which parts make up a classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartsKind {
    /// One network.
    One,
    /// The average of networks that differ by their seed.
    Seeds,
    /// Networks and a linear classifier.
    Fusion,
}

/// How much each label's errors count in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// All documents count alike.
    None,
    /// The documents with a label have the same total weight as those without it; in single-label networks, all labels have
    /// the same total weight.
    Balanced,
}

/// How to treat validation and test documents that are near-duplicates of training documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NearDuplicates {
    /// They count in scores.
    #[default]
    Keep,
    /// They take no part in scores.
    Drop,
}

/// What a classifier reads of a text's hidden states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Tanh of a linear layer on the state of `[CLS]`: BERT's pooler.
    Cls,
    /// The state of `[CLS]` itself: what sentence-transformers calls `cls`.
    FirstToken,
    /// The mean of the states of all tokens.
    Mean,
    /// Their maximum beside their mean.
    MaxMean,
}

/// How a cell of a table is quoted that holds a separator, a line end or a quote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quoting {
    /// In double quotes; a quote within is doubled (RFC 4180).
    #[default]
    Double,
    /// In double quotes; a quote within has a backslash before it.
    Backslash,
    /// In single quotes; a quote within is doubled.
    Single,
    /// Not at all: a quote is a character like any other.
    None,
}

impl Quoting {
    /// All ways, the usual one first.
    pub const ALL: [Self; 4] = [Self::Double, Self::Backslash, Self::Single, Self::None];

    /// The name by which a person asks for it.
    pub fn name(self) -> &'static str {
        Named::name(self)
    }

    /// What stands around a quoted cell.
    pub fn mark(self) -> Option<u8> {
        match self {
            Self::Double | Self::Backslash => Some(b'"'),
            Self::Single => Some(b'\''),
            Self::None => None,
        }
    }
}

/// How labels are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Single-label where every labelled line carries exactly one label, else multi-label.
    #[default]
    Auto,
    /// Any number of labels per line; sigmoid.
    MultiLabel,
    /// Exactly one label per line; softmax.
    SingleLabel,
    /// Two texts per line.
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
