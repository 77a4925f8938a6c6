//! The only place that joins `shaders` with tensors: each custom operation with its backward, on every backend. The
//! model calls the burn-shaped functions below and never learns how they run.

mod autodiff;
mod flex;
#[cfg(feature = "gpu")]
mod gpu;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;
pub use shaders::adamw::Settings as AdamWSettings;

/// The exact (erf) GELU, with its exact backward. The shape stays.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::exact_gelu(x.into_dispatch()))
}

/// A flat run of parameters and its two moments, each `[n]`, on a device without autodiff.
#[derive(Clone, Debug)]
pub struct AdamWState {
    /// Parameters.
    pub p: Tensor<1>,
    /// First moment.
    pub m: Tensor<1>,
    /// Second moment.
    pub v: Tensor<1>,
}

/// One AdamW step in one launch: gradients `g` `[n]`, scaled by `clip` `[1]`, move `state` as `shaders::adamw` says.
pub fn adamw(state: AdamWState, g: Tensor<1>, clip: Tensor<1>, settings: AdamWSettings) -> AdamWState {
    let AdamWState { p, m, v } = state;
    let (p, m, v) = Dispatch::adamw(
        p.into_dispatch(),
        g.into_dispatch(),
        m.into_dispatch(),
        v.into_dispatch(),
        clip.into_dispatch(),
        settings,
    );
    AdamWState { p: Tensor::from_dispatch(p), m: Tensor::from_dispatch(m), v: Tensor::from_dispatch(v) }
}

/// Operations with a gradient.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex, Autodiff)]
pub trait DifferentiableOps: Backend {
    /// `shaders::gelu`, element by element.
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `shaders::gelu_backward`, element by element; `x` and `dy` have one shape.
    fn exact_gelu_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Operations of the optimiser, outside of every gradient.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait OptimizerOps: Backend {
    /// `shaders::adamw` over flat arrays `[n]`; `clip` is `[1]`. Gives new `p`, `m` and `v`.
    fn adamw(
        p: FloatTensor<Self>,
        g: FloatTensor<Self>,
        m: FloatTensor<Self>,
        v: FloatTensor<Self>,
        clip: FloatTensor<Self>,
        settings: AdamWSettings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}
