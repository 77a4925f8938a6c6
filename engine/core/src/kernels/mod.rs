//! Custom operations with their backward passes. This is the only module that connects the
//! `shaders` and `cpu` crates to tensors; models call these functions without knowing which backend
//! runs them.

mod autodiff;
mod collected_gradients;
mod flex;
pub mod fused;
#[cfg(feature = "gpu")]
mod gpu;
mod gradients;
pub mod stock;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{Device, Tensor};
pub use collected_gradients::CollectedGradients;
pub use fused::{
    AttentionInputs, Mask, RowNumbers, RowTargets, Sequences, add_norm, attention, convolve,
    cross_entropy_sums, dropout, gather_rows, layer_norm, linear, linear_gelu,
    projected_cross_entropy,
};
#[cfg(feature = "gpu")]
pub use gpu::set_adapter_is_software;
pub use gradients::collect_gradients;
pub use shaders::adamw::Settings as AdamWSettings;

/// Shifts `x` `[B, T, F]` by `offset` positions: row `t` of the result is row `t + offset`, or
/// zeros beyond either end.
pub fn shifted(x: &Tensor<3>, offset: isize) -> Tensor<3> {
    let [b, t, width] = x.dims();
    let by = offset.unsigned_abs().min(t);
    if by == 0 {
        return x.clone();
    }
    let edge = Tensor::<3>::zeros([b, by, width], &x.device());
    if by == t {
        return edge;
    }
    match offset {
        0.. => Tensor::cat(vec![x.clone().narrow(1, by, t - by), edge], 1),
        _ => Tensor::cat(vec![edge, x.clone().narrow(1, 0, t - by)], 1),
    }
}

/// Computes the exact (erf) GELU, with its exact backward pass. The shape is preserved.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::exact_gelu(x.into_dispatch()))
}

/// A flat array of parameters and its two moments, each `[n]`, on a device without autodiff.
#[derive(Clone, Debug)]
pub struct AdamWState {
    /// Parameter values, `[n]`.
    pub p: Tensor<1>,
    /// First moment of the gradients.
    pub m: Tensor<1>,
    /// Second moment of the gradients.
    pub v: Tensor<1>,
}

/// Returns whether `device` is the CPU backend.
pub(crate) fn is_cpu(device: &Device) -> bool {
    device.clone().without_autodiff() == Device::flex()
}

/// Performs one AdamW step on `state` as defined by `shaders::adamw`. `gradients` cover the array
/// in order and are scaled by `clip` `[1]`; see [`collect_gradients`].
pub fn adamw(
    state: AdamWState,
    gradients: Vec<Tensor<1>>,
    clip: Tensor<1>,
    settings: AdamWSettings,
) -> AdamWState {
    let AdamWState { p, m, v } = state;
    let (mut p, mut m, mut v) = (p.into_dispatch(), m.into_dispatch(), v.into_dispatch());
    let clip = clip.into_dispatch();
    let mut start = 0;
    for g in gradients {
        let n = g.dims()[0];
        (p, m, v) = Dispatch::adamw(p, g.into_dispatch(), m, v, clip.clone(), start, settings);
        start += n;
    }
    assert_eq!(
        start, settings.n as usize,
        "the gradients cover their group"
    );
    AdamWState {
        p: Tensor::from_dispatch(p),
        m: Tensor::from_dispatch(m),
        v: Tensor::from_dispatch(v),
    }
}

/// Element-wise operations with a gradient.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex, Autodiff)]
pub trait DifferentiableOps: Backend {
    /// Applies `shaders::gelu` to each element.
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Applies `shaders::gelu_backward` to each element; `x` and `dy` have the same shape.
    fn exact_gelu_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Operations of the optimiser, without gradients.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait OptimizerOps: Backend {
    /// Applies `shaders::adamw` to flat arrays `[n]`, from `start` on for as many elements as `g`
    /// has; `clip` is `[1]`. Returns the new `p`, `m` and `v`.
    fn adamw(
        p: FloatTensor<Self>,
        g: FloatTensor<Self>,
        m: FloatTensor<Self>,
        v: FloatTensor<Self>,
        clip: FloatTensor<Self>,
        start: usize,
        settings: AdamWSettings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}
