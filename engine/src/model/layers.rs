//! The small layers that every block is made of.

use super::param_tensors::ParamTensors;
use crate::kernels::{self, Mask};
use burn::tensor::Tensor;
use std::cell::Cell;

/// `y = x W^T + b` with `W` `[out, in]` as Hugging Face stores it, found under `name.weight` and, where the model has
/// one, `name.bias`.
pub fn linear(params: &ParamTensors, name: &str, x: Tensor<2>) -> Tensor<2> {
    let weight = params.get::<2>(&format!("{name}.weight"));
    let bias = format!("{name}.bias");
    kernels::linear(x, weight, params.has(&bias).then(|| params.get::<1>(&bias)))
}

/// The GELU of [`linear`].
pub fn linear_gelu(params: &ParamTensors, name: &str, x: Tensor<2>) -> Tensor<2> {
    let weight = params.get::<2>(&format!("{name}.weight"));
    let bias = format!("{name}.bias");
    kernels::linear_gelu(x, weight, params.has(&bias).then(|| params.get::<1>(&bias)))
}

/// Layer normalisation over the last dimension, scale and shift from `name.weight` and `name.bias`.
pub fn layer_norm(params: &ParamTensors, name: &str, x: Tensor<2>, eps: f64) -> Tensor<2> {
    kernels::layer_norm(x, norm_parameters(params, name), eps)
}

/// Scale and shift of the layer normalisation `name`.
pub fn norm_parameters(params: &ParamTensors, name: &str) -> [Tensor<1>; 2] {
    ["weight", "bias"].map(|part| params.get::<1>(&format!("{name}.{part}")))
}

/// Shares of inverted dropout (Srivastava et al. 2014).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Of hidden states.
    pub hidden: f64,
    /// Of attention probabilities.
    pub attention: f64,
}

impl Dropout {
    /// No dropout: evaluation, and training where the recipe has none.
    pub const NONE: Self = Self {
        hidden: 0.0,
        attention: 0.0,
    };
}

/// The masks of one pass, one after another. Which elements they drop depends only on the seed and on how many were drawn
/// before.
#[derive(Debug, Default)]
pub struct Masks {
    seed: u64,
    drawn: Cell<u32>,
}

impl Masks {
    /// Of one pass.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: Cell::new(0),
        }
    }

    /// A mask that drops each element with probability `p`.
    pub fn next(&self, p: f64) -> Mask {
        if p == 0.0 {
            return Mask::NONE;
        }
        let number = self.drawn.get();
        self.drawn.set(number + 1);
        Mask::new(p, [self.seed as u32, (self.seed >> 32) as u32, number])
    }
}
