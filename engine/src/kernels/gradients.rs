//! The gradients of all groups in the form that the optimiser takes, with their global norm (Pascanu et al. 2013, algorithm
//! 1).

use super::is_cpu;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;

/// Keeps the clipping factor finite; the value of `torch.nn.utils.clip_grad_norm_`.
const EPS: f64 = 1e-6;

/// See [`collect_gradients`].
pub struct CollectedGradients {
    /// Of each group, `[n]` each and in order: one by one where the loops of the CPU engine read them in place, else end to
    /// end, with zeros up to the length of the group's array.
    pub groups: Vec<Vec<Tensor<1>>>,
    /// Their norm, `[1]`.
    pub norm: Tensor<1>,
    /// What they are to be multiplied by, `[1]`.
    pub clip: Tensor<1>,
}

/// Prepares the gradients of each group, `[n]` each, outside of autodiff. `lens` says how long each group's array is;
/// `clip_norm` is the largest norm.
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

/// What only the CPU engine computes gradient by gradient.
#[backend_extension(Flex)]
pub trait NormOps: Backend {
    /// Sum of the squares of `g` `[n]`, `[1]`, in a fixed order.
    fn squared_norm(g: FloatTensor<Self>) -> FloatTensor<Self>;
}
