//! The shape of a model: what `config.json` says and what the weights must agree with. Plain data, no tensors.
//!
//! Sizes of the BERT presets: Turc et al. 2019, table 1; of the 2018 presets: the system this one re-creates.

pub use crate::data::labels::ProblemType;
use serde::{Deserialize, Serialize};

/// Which form of the Transformer block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// BERT as published: learned positions and segments, post-norm, biases, tanh pooler (Devlin et al. 2019).
    Bert,
    /// Rotary positions, a depth-wise convolution before each block, pre-norm, no segments, `[max; mean]` pooling.
    Fast,
}

/// The shape of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Form of the block.
    pub architecture: Architecture,
    /// Rows of the embedding table, `V`.
    pub vocab_size: usize,
    /// Width `D`.
    pub hidden_size: usize,
    /// Blocks.
    pub num_hidden_layers: usize,
    /// Heads `H`; divides `D`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Longest sequence, `[CLS]` and `[SEP]` included.
    pub max_position_embeddings: usize,
    /// Segments; 2 as published.
    pub type_vocab_size: usize,
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
    /// Labels in output order, where the model is a classifier; empty otherwise.
    pub labels: Vec<String>,
    /// What the outputs mean, where the model is a classifier.
    pub problem_type: Option<ProblemType>,
    /// Probability from which a label counts as predicted, tuned on validation documents.
    pub threshold: Option<f64>,
    /// Tokens per example in the last training, `[CLS]` and `[SEP]` included: texts are cut to it where only their
    /// labels are wanted.
    pub trained_len: Option<usize>,
}

impl ModelConfig {
    /// The shape that a preset of the contract names, for a vocabulary of `vocab_size` and sequences of up to
    /// `max_len` tokens; `None` for an unknown name.
    pub fn preset(name: &str, vocab_size: usize, max_len: usize) -> Option<Self> {
        let (architecture, layers, width, heads) = match name {
            "fast-nano" => (Architecture::Fast, 1, 32, 2),
            "fast-tiny" => (Architecture::Fast, 2, 128, 4),
            "fast-mini" => (Architecture::Fast, 4, 256, 4),
            "fast-small" => (Architecture::Fast, 4, 512, 8),
            "bert-tiny" => (Architecture::Bert, 2, 128, 2),
            "bert-mini" => (Architecture::Bert, 4, 256, 4),
            "bert-small" => (Architecture::Bert, 4, 512, 8),
            "bert-medium" => (Architecture::Bert, 8, 512, 8),
            "bert-base" => (Architecture::Bert, 12, 768, 12),
            "tiny" => (Architecture::Bert, 6, 64, 8),
            "small" => (Architecture::Bert, 6, 128, 8),
            "big" => (Architecture::Bert, 6, 512, 8),
            _ => return None,
        };
        let bert = architecture == Architecture::Bert;
        let dropout = if bert { 0.1 } else { 0.0 };
        Some(Self {
            architecture,
            vocab_size,
            hidden_size: width,
            num_hidden_layers: layers,
            num_attention_heads: heads,
            intermediate_size: 4 * width,
            max_position_embeddings: max_len,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            hidden_dropout_prob: dropout,
            attention_probs_dropout_prob: dropout,
            initializer_range: if bert { 0.02 } else { FAST_INIT_SCALE / (width as f64).sqrt() },
            pad_token_id: 0,
            labels: Vec::new(),
            problem_type: None,
            threshold: None,
            trained_len: None,
        })
    }
}

/// `fast` models start at this over the root of the width: 0.06 at 128, which beat 0.02 by 0.12 nats in the ablation
/// of `docs/recipes.md`.
const FAST_INIT_SCALE: f64 = 0.68;
