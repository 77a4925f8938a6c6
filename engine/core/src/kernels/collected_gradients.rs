//! The gradients of all groups, as the optimiser reads them.

use burn::tensor::Tensor;

/// Result of [`super::collect_gradients`].
pub struct CollectedGradients {
    /// Gradients of each group, `[n]` each, in order. On the CPU backend they stay separate and are
    /// read in place; on a GPU they are concatenated and padded with zeros to the length of the
    /// group's array.
    pub groups: Vec<Vec<Tensor<1>>>,
    /// Global norm of the gradients, `[1]`.
    pub norm: Tensor<1>,
    /// Factor that clips the gradients to the maximum norm, `[1]`.
    pub clip: Tensor<1>,
}
