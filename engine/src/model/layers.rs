//! The small layers that every block is made of.

use super::parameters::Leaves;
use crate::kernels;
use burn::tensor::{Device, Distribution, Tensor};

/// `y = x W^T + b` with `W` `[out, in]` as Hugging Face stores it, found under `name.weight` and, where the model has
/// one, `name.bias`.
pub fn linear(leaves: &Leaves, name: &str, x: Tensor<2>) -> Tensor<2> {
    let weight = leaves.get::<2>(&format!("{name}.weight"));
    let bias = format!("{name}.bias");
    kernels::linear(x, weight, leaves.has(&bias).then(|| leaves.get::<1>(&bias)))
}

/// Layer normalisation over the last dimension, scale and shift from `name.weight` and `name.bias`.
pub fn layer_norm(leaves: &Leaves, name: &str, x: Tensor<2>, eps: f64) -> Tensor<2> {
    let [scale, shift] = ["weight", "bias"].map(|part| leaves.get::<1>(&format!("{name}.{part}")));
    kernels::layer_norm(x, scale, shift, eps)
}

/// Inverted dropout (Srivastava et al. 2014): keeps an element with probability `1 - p` and scales it by `1 / (1 - p)`.
/// The draw comes from the device's generator, which the training step seeds from (seed, step).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Of hidden states.
    pub hidden: f64,
    /// Of attention probabilities.
    pub attention: f64,
}

impl Dropout {
    /// No dropout: evaluation, and training where the recipe has none.
    pub const NONE: Self = Self { hidden: 0.0, attention: 0.0 };
}

/// Drops elements of `x` with probability `p`.
pub fn dropout<const R: usize>(x: Tensor<R>, p: f64) -> Tensor<R> {
    match dropout_factors(x.dims(), p, &x.device()) {
        Some(factors) => x * factors,
        None => x,
    }
}

/// What [`dropout`] multiplies by: 0 or `1 / (1 - p)`. Outside of autodiff; `None` where nothing is dropped.
pub fn dropout_factors<const R: usize>(dims: [usize; R], p: f64, device: &Device) -> Option<Tensor<R>> {
    if p == 0.0 {
        return None;
    }
    let keep = Tensor::<R>::random(dims, Distribution::Bernoulli(1.0 - p), &device.clone().without_autodiff());
    Some(keep * (1.0 / (1.0 - p)))
}
