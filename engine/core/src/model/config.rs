//! The model configuration: the content of `config.json`, which determines the shapes of the
//! weights. Plain data, no tensors.

use super::architecture::Architecture;
use crate::data::DocumentColumns;
pub use crate::data::labels::ProblemType;
use protocol::Pooling;
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
    pub document_columns: Option<DocumentColumns>,
    /// Whether the model was trained on text pairs only; it is then evaluated on pairs only.
    pub pairs: bool,
}
