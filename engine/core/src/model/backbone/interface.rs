//! The trait that every backbone implements.

use crate::model::config::ModelConfig;
use crate::model::network::{Encoded, Input, Network};
use crate::model::parameter_spec::ParameterSpec;
use burn::tensor::Tensor;
use protocol::Message;

/// Recommended training settings of a backbone; each value is measured in `docs/recipes.md` or
/// published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingDefaults {
    /// Fraction of tokens to mask in pre-training.
    pub mask_rate: f64,
    /// Peak learning rate of pre-training at widths up to 128.
    pub pretraining_lr: f64,
    /// Peak learning rate of fine-tuning at widths up to 128.
    pub finetuning_lr: f64,
    /// Dropout probability of hidden states in fine-tuning.
    pub finetuning_dropout: f64,
    /// Whether pre-training uses Muon for the weight matrices inside the blocks by default.
    pub muon: bool,
}

/// A model architecture: its parameters, forward pass and pooling.
pub trait Backbone: Sync {
    /// The name shown to users, e.g. `BERT`.
    fn title(&self) -> &'static str;

    /// The `model_type` in `config.json`.
    fn model_type(&self) -> &'static str;

    /// The prefix of the class name in `architectures` of `config.json`, e.g. `BertFor`.
    fn class_prefix(&self) -> &'static str;

    /// Returns the recommended training settings.
    fn recipe(&self) -> TrainingDefaults;

    /// Sets the preset values of a configuration other than its sizes, e.g. the published dropout.
    fn settle(&self, _config: &mut ModelConfig) {}

    /// The name of the word embeddings `[V, D]`, to which the masked LM's decoder is tied.
    fn word_embeddings(&self) -> &'static str;

    /// Returns the parameters up to the last hidden states.
    fn specs(&self, config: &ModelConfig) -> Vec<ParameterSpec>;

    /// Returns the parameters between the last hidden states and the tied decoder.
    fn masked_lm_specs(&self, _config: &ModelConfig) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// Returns the parameters of the pooling for sequence-level heads.
    fn pool_specs(&self, _config: &ModelConfig) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// Number of features per pooled sequence.
    fn pooled_size(&self, config: &ModelConfig) -> usize;

    /// Whether [`Self::encode`] also accepts an input without rows for padding.
    fn accepts_unpadded(&self) -> bool {
        false
    }

    /// Computes the hidden states `[N, F]` of the rows of the input. Padding does not influence the
    /// states of other tokens.
    fn encode(&self, network: &Network, input: Input) -> Encoded;

    /// Maps hidden states at the masked positions, `[M, F]`, to rows `[M, D]` that are compared
    /// with the word embeddings.
    fn masked_lm_rows(&self, _network: &Network, rows: Tensor<2>) -> Tensor<2> {
        rows
    }

    /// Returns one feature vector per sequence, `[B, pooled_size]`.
    fn pool(&self, network: &Network, encoded: &Encoded) -> Tensor<2>;

    /// Checks a loaded configuration for values that this backbone does not support.
    ///
    /// # Errors
    /// Returns (key, reason) of the first unsupported value.
    fn check(&self, _config: &ModelConfig) -> Result<(), (&'static str, Message)> {
        Ok(())
    }

    /// Estimates the number of trainable parameters. `u128` because it is computed for unchecked
    /// sizes, before any allocation.
    fn parameter_estimate(&self, config: &ModelConfig) -> u128;

    /// Estimates the number of activations stored for the backward pass, per token, for sequences
    /// of `max_len` tokens.
    fn activation_estimate(&self, config: &ModelConfig, max_len: usize) -> f64;
}
