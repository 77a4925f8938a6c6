//! Basic layers shared by the backbones, with parameters looked up by name, and dropout.

use super::param_tensors::ParamTensors;
use crate::kernels::{self, Mask};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use std::cell::Cell;

/// Computes `y = x W^T + b` with `W` `[out, in]` as stored by Hugging Face. The parameters are
/// `name.weight` and, if the model has it, `name.bias`.
pub fn linear(params: &ParamTensors, name: &str, x: Tensor<2>) -> Tensor<2> {
    let weight = params.get::<2>(&format!("{name}.weight"));
    let bias = format!("{name}.bias");
    kernels::linear(x, weight, params.has(&bias).then(|| params.get::<1>(&bias)))
}

/// Computes GELU of [`linear`].
pub fn linear_gelu(params: &ParamTensors, name: &str, x: Tensor<2>) -> Tensor<2> {
    let weight = params.get::<2>(&format!("{name}.weight"));
    let bias = format!("{name}.bias");
    kernels::linear_gelu(x, weight, params.has(&bias).then(|| params.get::<1>(&bias)))
}

/// Applies layer normalisation over the last dimension with scale `name.weight` and shift
/// `name.bias`.
pub fn layer_norm(params: &ParamTensors, name: &str, x: Tensor<2>, eps: f64) -> Tensor<2> {
    kernels::layer_norm(x, norm_parameters(params, name), eps)
}

/// Returns scale and shift of the layer normalisation `name`.
pub fn norm_parameters(params: &ParamTensors, name: &str) -> [Tensor<1>; 2] {
    ["weight", "bias"].map(|part| params.get::<1>(&format!("{name}.{part}")))
}

/// Probabilities of inverted dropout (Srivastava et al. 2014).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    /// Dropout probability of hidden states.
    pub hidden: f64,
    /// Dropout probability of attention probabilities.
    pub attention: f64,
}

impl Dropout {
    /// No dropout, as in evaluation.
    pub const NONE: Self = Self {
        hidden: 0.0,
        attention: 0.0,
    };
}

/// Generator of the dropout masks of one forward pass. A mask depends only on the seed and the
/// number of masks drawn before.
#[derive(Debug, Default)]
pub struct Masks {
    seed: u64,
    drawn: Cell<u32>,
}

impl Masks {
    /// Creates the generator for one forward pass.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: Cell::new(0),
        }
    }

    /// Returns the next mask, which drops each element with probability `p`.
    pub fn next(&self, p: f64) -> Mask {
        if p == 0.0 {
            return Mask::NONE;
        }
        let number = self.drawn.get();
        self.drawn.set(number + 1);
        Mask::new(p, [self.seed as u32, (self.seed >> 32) as u32, number])
    }
}
