//! The model configuration: the content of `config.json`, which determines the shapes of the
//! weights. Plain data, no tensors.

use super::backbone::Architecture;
use crate::data::TextColumns;
pub use crate::data::labels::ProblemType;
use protocol::{Pooling, Preset};
use serde::{Deserialize, Serialize};

/// Architecture, sizes and task of a model; field names are Hugging Face's where it has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// The backbone that computes the hidden states.
    pub architecture: Architecture,
    /// Number of rows of the embedding table, `V`.
    pub vocab_size: usize,
    /// Width of the hidden states, `D`.
    pub hidden_size: usize,
    /// Number of layers (Transformer blocks, or convolutions of TextCNN).
    pub num_hidden_layers: usize,
    /// Number of attention heads, `H`; divides `D`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Maximum sequence length in tokens, `[CLS]` and `[SEP]` included.
    pub max_position_embeddings: usize,
    /// Number of token types: 2 as published, 1 for a model without text pairs.
    pub type_vocab_size: usize,
    /// Widths of the convolution filters, ascending (TextCNN).
    pub filter_sizes: Vec<usize>,
    /// Number of filters per width (TextCNN).
    pub num_filters: usize,
    /// Epsilon added to the variance in LayerNorm.
    pub layer_norm_eps: f64,
    /// Dropout probability of hidden states in training, in [0, 1).
    pub hidden_dropout_prob: f64,
    /// Dropout probability of attention probabilities in training, in [0, 1).
    pub attention_probs_dropout_prob: f64,
    /// Standard deviation of the initial weights.
    pub initializer_range: f64,
    /// Index of `[PAD]` in the embedding table.
    pub pad_token_id: u32,
    /// Pooling of the hidden states for classification; `None` means the backbone's published
    /// pooling.
    #[serde(default)]
    pub pooling: Option<Pooling>,
    /// Labels of a classifier in output order; empty for other models.
    pub labels: Vec<String>,
    /// Type of classification problem; `None` unless the model is a classifier.
    pub problem_type: Option<ProblemType>,
    /// Decision threshold on the probability, tuned on the validation set.
    pub threshold: Option<f64>,
    /// Factors on `threshold` per label, in output order; rare labels have lower thresholds.
    pub threshold_scales: Option<Vec<f64>>,
    /// Individually tuned decision threshold of each label, in output order.
    pub thresholds: Option<Vec<f64>>,
    /// Tokens per example in the last training run, `[CLS]` and `[SEP]` included; documents to
    /// classify are truncated to it.
    pub trained_len: Option<usize>,
    /// Text columns of the training tables; `None` if they differ or have no header.
    #[serde(default)]
    pub text_columns: Option<TextColumns>,
    /// Whether the model was trained on text pairs only; it is then evaluated on pairs only.
    pub pairs: bool,
}

impl ModelConfig {
    /// Returns the configuration of a named preset for a vocabulary of `vocab_size` and sequences
    /// of up to `max_len` tokens, or `None` if the name is unknown.
    pub fn preset(name: &str, vocab_size: usize, max_len: usize) -> Option<Self> {
        let preset = Preset::find(name)?;
        let architecture = Architecture::from(preset.family);
        let width = preset.hidden_size;
        let mut config = Self {
            architecture,
            vocab_size,
            hidden_size: width,
            num_hidden_layers: preset.layers,
            num_attention_heads: preset.heads,
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

/// Initial standard deviation of embeddings and matrices, times the square root of the width. At
/// width 128 this is 0.06, which beat 0.02 by 0.12 nats in the ablation of `docs/recipes.md`.
const INIT_SCALE: f64 = 0.68;
