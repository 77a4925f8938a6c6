//! The training objectives, in nats, as scalars `[1]` that stay on the device. No penalties hide in them: weight decay
//! is the optimiser's.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};

/// Mean cross-entropy of `targets` `[M]` under `logits` `[M, V]`, each row counted `weights` `[M]` times (0 for the
/// slack rows of a batch). `total` is the sum of the weights, known on the host.
pub fn masked_lm_loss(logits: Tensor<2>, targets: Tensor<1, Int>, weights: Tensor<1>, total: f32) -> Tensor<1> {
    let rows = targets.dims()[0];
    let picked = log_softmax(logits, 1).gather(1, targets.reshape([rows, 1])).reshape([rows]); // [M]
    (picked * weights).sum() * (-1.0 / total)
}

/// Binary cross-entropy of `labels` `[B, C]` (0 or 1) under `logits` `[B, C]`, summed over labels, averaged over the
/// `total` rows whose weight `[B]` is 1. Stable form: `max(x, 0) - x y + ln(1 + e^-|x|)`.
pub fn multi_label_loss(logits: Tensor<2>, labels: Tensor<2>, weights: Tensor<1>, total: f32) -> Tensor<1> {
    let rows = weights.dims()[0];
    let softplus = logits.clone().abs().neg().exp().log1p(); // [B, C]
    let losses = logits.clone().clamp_min(0.0) - logits * labels + softplus;
    (losses * weights.reshape([rows, 1])).sum() * (1.0 / total)
}

/// Cross-entropy of one label per row, given as the one-hot `labels` `[B, C]`, averaged over the `total` rows whose
/// weight `[B]` is 1.
pub fn single_label_loss(logits: Tensor<2>, labels: Tensor<2>, weights: Tensor<1>, total: f32) -> Tensor<1> {
    let rows = weights.dims()[0];
    let picked = (log_softmax(logits, 1) * labels).sum_dim(1).reshape([rows]); // [B]
    (picked * weights).sum() * (-1.0 / total)
}
