//! Collects the gradients of all groups for the optimiser and computes their global norm (Pascanu
//! et al. 2013, algorithm 1).

use super::{CollectedGradients, is_cpu};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;

/// Keeps the clipping factor finite; the same value as in `torch.nn.utils.clip_grad_norm_`.
const EPS: f64 = 1e-6;

/// Prepares the gradients of each group, `[n]` each, outside of autodiff. `lens` holds the length
/// of each group's array; `clip_norm` is the maximum global norm.
pub fn collect_gradients(
    groups: Vec<Vec<Tensor<1>>>,
    lens: &[usize],
    clip_norm: f64,
) -> CollectedGradients {
    let first = groups
        .iter()
        .flatten()
        .next()
        .expect("a model has parameters");
    if !is_cpu(&first.device()) {
        #[cfg(feature = "gpu")]
        return super::gpu::collect_gradients(groups, lens, [clip_norm, EPS]);
    }
    let squares = groups.iter().flatten().map(|g| squared_norm(g.clone()));
    let norm = squares
        .reduce(|a, b| a + b)
        .expect("a model has parameters")
        .sqrt(); // [1]
    let clip = (norm.clone() + EPS)
        .recip()
        .mul_scalar(clip_norm)
        .clamp_max(1.0);
    CollectedGradients { groups, norm, clip }
}

fn squared_norm(g: Tensor<1>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::squared_norm(g.into_dispatch()))
}

/// Gradient operation of the CPU backend only.
#[backend_extension(Flex)]
pub trait NormOps: Backend {
    /// Returns the sum of the squares of `g` `[n]`, `[1]`, added in a fixed order.
    fn squared_norm(g: FloatTensor<Self>) -> FloatTensor<Self>;
}
