//! The forward pass: the backbone computes the features; the heads are shared by all backbones.

use super::architecture::Architecture;
use super::config::ModelConfig;
use super::heads::{self, Heads};
use super::network::{Encoded, Input, Network};
use super::parameter_spec::ParameterSpec;
use crate::kernels::{RowNumbers, RowTargets};
use burn::tensor::Tensor;

impl Network<'_> {
    /// Runs the backbone on a batch.
    pub fn encode(&self, input: Input) -> Encoded {
        self.config.architecture.backbone().encode(self, input)
    }

    /// Returns one feature vector per sequence, `[B, F]`.
    pub fn pool(&self, encoded: &Encoded) -> Tensor<2> {
        self.config.architecture.backbone().pool(self, encoded)
    }

    /// See [`heads::masked_lm`].
    pub fn masked_lm(&self, encoded: &Encoded, positions: &RowNumbers) -> Tensor<2> {
        heads::masked_lm(self, encoded, positions)
    }

    /// See [`heads::masked_lm_loss`].
    pub fn masked_lm_loss(
        &self,
        encoded: &Encoded,
        positions: &RowNumbers,
        truth: RowTargets,
    ) -> Tensor<1> {
        heads::masked_lm_loss(self, encoded, positions, truth)
    }

    /// See [`heads::next_sentence`].
    pub fn next_sentence(&self, encoded: &Encoded) -> Tensor<2> {
        heads::next_sentence(self, encoded)
    }

    /// See [`heads::classifier`].
    pub fn classify(&self, encoded: &Encoded) -> Tensor<2> {
        heads::classifier(self, encoded)
    }
}

/// Returns all parameters of a model with `heads`: names, shapes and initialisation.
pub fn specs(config: &ModelConfig, heads: Heads) -> Vec<ParameterSpec> {
    let mut out = config.architecture.backbone().specs(config);
    out.extend(heads.specs(config));
    out
}

/// Returns the name of the word embeddings of an architecture.
pub fn word_embeddings(architecture: Architecture) -> &'static str {
    architecture.backbone().word_embeddings()
}
