//! The same operations from burn's own: for devices without the fused ones, and what these are tested against.

use super::fused::{AttentionInputs, RowTargets};
use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};

/// See [`super::linear`].
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let y = x.matmul(weight.transpose()); // [N, O]
    if let Some(bias) = bias { y + bias.unsqueeze() } else { y }
}

/// See [`super::layer_norm`].
pub fn layer_norm(x: Tensor<2>, gamma: Tensor<1>, beta: Tensor<1>, eps: f64) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(1); // [N, D]
    let variance = centred.clone().powi_scalar(2).mean_dim(1); // [N, 1]
    let normal = centred / (variance + eps).sqrt();
    normal * gamma.unsqueeze() + beta.unsqueeze()
}

/// See [`super::convolve`].
pub fn convolve(x: Tensor<2>, taps: Tensor<2>, keep: Option<Tensor<2>>, t: usize) -> Tensor<2> {
    let [rows, width] = x.dims();
    let b = rows / t;
    let tap = |i: usize| taps.clone().narrow(1, i, 1).reshape([1, 1, width]);
    let x = x.reshape([b, t, width]); // [B, T, D]
    let seen = if let Some(keep) = keep { x.clone() * keep.reshape([b, t, 1]) } else { x.clone() };
    let (before, after) = (shifted(&seen, -1), shifted(&seen, 1));
    (x + before * tap(0) + seen * tap(1) + after * tap(2)).reshape([rows, width])
}

/// `x` `[B, T, F]` moved by `offset` positions: row `t` of the result is row `t + offset`, zeros beyond both ends.
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

/// Added to the score of a padded key. Far enough from 0 that its probability is exactly 0 in f32.
const MASKED_SCORE: f64 = -1e9;

/// Multi-head self-attention from queries, keys and values, `[B * T, D]` each. Returns the context `[B * T, D]` and the
/// probabilities before dropout `[B, H, T, T]`, whose rows sum to 1.
pub fn attention(qkv: [Tensor<2>; 3], inputs: AttentionInputs) -> (Tensor<2>, Tensor<4>) {
    let AttentionInputs { dims: [b, t, h], keep, rotary, dropout } = inputs;
    let width = qkv[0].dims()[1];
    let k = width / h;
    let [queries, keys, values] = qkv.map(|x| x.reshape([b, t, h, k]).swap_dims(1, 2)); // [B, H, T, K]
    let rotate = |x: Tensor<4>| if let Some(tables) = &rotary { rotated(x, tables) } else { x };
    let queries = rotate(queries) * (1.0 / (k as f64).sqrt());
    let scores = queries.matmul(rotate(keys).transpose()); // [B, H, T, T]
    let scores = match keep {
        Some(keep) => scores + (keep.reshape([b, 1, 1, t]) - 1.0) * -MASKED_SCORE,
        None => scores,
    };
    let probabilities = softmax(scores, 3);
    let used = match dropout {
        Some(factors) => probabilities.clone() * factors,
        None => probabilities.clone(),
    };
    let context = used.matmul(values); // [B, H, T, K]
    (context.swap_dims(1, 2).reshape([b * t, width]), probabilities)
}

/// Turns the pairs (i, i + K/2) of `x` `[B, H, T, K]` by the angles of `tables` `[2, T, K / 2]`.
fn rotated(x: Tensor<4>, tables: &Tensor<3>) -> Tensor<4> {
    let half = x.dims()[3] / 2;
    let table = |i: usize| tables.clone().narrow(0, i, 1).unsqueeze::<4>(); // [1, 1, T, K / 2]
    let (cos, sin) = (table(0), table(1));
    let a = x.clone().narrow(3, 0, half); // [B, H, T, K / 2]
    let b = x.narrow(3, half, half);
    let rotated_a = a.clone() * cos.clone() - b.clone() * sin.clone();
    let rotated_b = b * cos + a * sin;
    Tensor::cat(vec![rotated_a, rotated_b], 3)
}

/// See [`super::projected_cross_entropy`].
pub fn projected_cross_entropy(rows: Tensor<2>, table: Tensor<2>, bias: Tensor<1>, truth: RowTargets) -> Tensor<1> {
    let logits = rows.matmul(table.transpose()) + bias.unsqueeze(); // [M, V]
    let m = logits.dims()[0];
    let picked = log_softmax(logits, 1).gather(1, truth.targets.reshape([m, 1])).reshape([m]); // [M]
    (picked * truth.weights).sum() * (-1.0 / truth.total)
}

/// See [`super::cross_entropy_sums`].
pub fn cross_entropy_sums(logits: Tensor<2>, truth: RowTargets) -> Tensor<1> {
    let RowTargets { targets, weights, total } = truth;
    let m = targets.dims()[0];
    let targets = targets.reshape([m, 1]);
    let loss = log_softmax(logits.clone(), 1).gather(1, targets.clone()).reshape([m]).neg();
    let right = logits.argmax(1).equal(targets).float().reshape([m]);
    Tensor::cat(vec![(loss * weights.clone()).sum(), (right * weights).sum()], 0) * (1.0 / total)
}
