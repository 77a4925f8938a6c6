//! The shape of a model: what `config.json` says and what the weights must agree with. Plain data, no tensors.
//!
//! What a preset's name means is each backbone's own knowledge.

use super::backbone::Architecture;
use crate::data::TextColumns;
pub use crate::data::labels::ProblemType;
use protocol::Pooling;
use serde::{Deserialize, Serialize};

/// The shape of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Which backbone.
    pub architecture: Architecture,
    /// Rows of the embedding table, `V`.
    pub vocab_size: usize,
    /// Width `D`.
    pub hidden_size: usize,
    /// ChunkedBuffer.
    pub num_hidden_layers: usize,
    /// Heads `H`; divides `D`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Longest sequence, `[CLS]` and `[SEP]` included.
    pub max_position_embeddings: usize,
    /// Segments: 2 as published, 1 for a model that never sees pairs.
    pub type_vocab_size: usize,
    /// Widths of the convolutions' filters, ascending (TextCNN).
    pub filter_sizes: Vec<usize>,
    /// Filters of each width (TextCNN).
    pub num_filters: usize,
    /// Added to the variance in LayerNorm.
    pub layer_norm_eps: f64,
    /// Dropout of hidden states in training, 0 to below 1.
    pub hidden_dropout_prob: f64,
    /// Dropout of attention probabilities in training, 0 to below 1.
    pub attention_probs_dropout_prob: f64,
    /// Standard deviation of the initial weights.
    pub initializer_range: f64,
    /// Row of `[PAD]` in the embedding table.
    pub pad_token_id: u32,
    /// What a classifier reads of the hidden states; `None`: what the backbone was published with.
    #[serde(default)]
    pub pooling: Option<Pooling>,
    /// Labels in output order, where the model is a classifier; empty otherwise.
    pub labels: Vec<String>,
    /// What the outputs mean, where the model is a classifier.
    pub problem_type: Option<ProblemType>,
    /// Probability from which a label counts as predicted, tuned on validation documents.
    pub threshold: Option<f64>,
    /// What that probability is multiplied by for each label, in output order: rare labels count from less.
    pub threshold_scales: Option<Vec<f64>>,
    /// Probability from which each label counts, tuned by itself, in output order.
    pub thresholds: Option<Vec<f64>>,
    /// Tokens per example in the last training, `[CLS]` and `[SEP]` included: texts are cut to it where only their
    /// labels are wanted.
    pub trained_len: Option<usize>,
    /// Text columns of the training tables; nothing if they differ or have no header.
    #[serde(default)]
    pub text_columns: Option<TextColumns>,
    /// Whether its task is pairs of texts only: it is measured on no others.
    pub pairs: bool,
}

impl ModelConfig {
    /// The shape that a preset of the contract names, for a vocabulary of `vocab_size` and sequences of up to
    /// `max_len` tokens; `None` for an unknown name.
    pub fn preset(name: &str, vocab_size: usize, max_len: usize) -> Option<Self> {
        let sized = |architecture: &Architecture| {
            Some((*architecture, architecture.backbone().preset(name)?))
        };
        let (architecture, [layers, width, heads]) = Architecture::ALL.iter().find_map(sized)?;
        let mut config = Self {
            architecture,
            vocab_size,
            hidden_size: width,
            num_hidden_layers: layers,
            num_attention_heads: heads,
            intermediate_size: 4 * width,
            max_position_embeddings: max_len,
            type_vocab_size: 1,
            filter_sizes: Vec::new(),
            num_filters: 0,
            layer_norm_eps: 1e-12,
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            initializer_range: INIT_SCALE / (width as f64).sqrt(),
            pad_token_id: 0,
            pooling: None,
            labels: Vec::new(),
            problem_type: None,
            threshold: None,
            threshold_scales: None,
            thresholds: None,
            trained_len: None,
            text_columns: None,
            pairs: false,
        };
        architecture.backbone().settle(&mut config);
        Some(config)
    }
}

/// Embeddings and matrices start at this over the root of the width: 0.06 at 128, which beat 0.02 by 0.12 nats in the ablation
/// of `docs/recipes.md`.
const INIT_SCALE: f64 = 0.68;
