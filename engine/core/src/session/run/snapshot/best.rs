//! The parameters of a network that validation prefers.

use burn::tensor::Tensor;

/// The parameters that scored best on the validation set so far: early stopping that runs to the
/// end (Prechelt 1998).
#[derive(Clone)]
pub struct Best {
    /// Micro F1 on the validation set.
    pub score: f64,
    /// Optimiser steps done.
    pub step: u64,
    /// Decision threshold tuned at that step.
    pub threshold: Option<f64>,
    /// Decision thresholds per label tuned at that step.
    pub thresholds: Option<Vec<f64>>,
    /// Parameters, one flat array per group of the layout.
    pub groups: Vec<Tensor<1>>,
}
