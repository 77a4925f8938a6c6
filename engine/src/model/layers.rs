//! The small layers that every block is made of.

use super::parameters::Leaves;
use burn::tensor::{Distribution, Tensor};

/// `y = x W^T + b` with `W` `[out, in]` as Hugging Face stores it, found under `name.weight` and, where the model has
/// one, `name.bias`.
pub fn linear(leaves: &Leaves, name: &str, x: Tensor<2>) -> Tensor<2> {
    let y = x.matmul(leaves.get::<2>(&format!("{name}.weight")).transpose()); // [n, out]
    let bias = format!("{name}.bias");
    if leaves.has(&bias) { y + leaves.get::<1>(&bias).unsqueeze() } else { y }
}

/// Layer normalisation over the last dimension (Ba et al. 2016, equation 4), scale and shift from `name.weight` and
/// `name.bias`.
pub fn layer_norm(leaves: &Leaves, name: &str, x: Tensor<2>, eps: f64) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(1); // [n, D]
    let variance = centred.clone().powi_scalar(2).mean_dim(1); // [n, 1]
    let normal = centred / (variance + eps).sqrt();
    let scale = leaves.get::<1>(&format!("{name}.weight")).unsqueeze();
    normal * scale + leaves.get::<1>(&format!("{name}.bias")).unsqueeze()
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
    if p == 0.0 {
        return x;
    }
    let keep = Tensor::<R>::random(x.dims(), Distribution::Bernoulli(1.0 - p), &x.device().without_autodiff());
    let keep = keep * (1.0 / (1.0 - p));
    if x.device().is_autodiff() { x * Tensor::from_inner(keep) } else { x * keep }
}
