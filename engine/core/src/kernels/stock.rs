//! The fused operations composed of burn's own, as a reference for tests. Only this attention also
//! returns the probabilities.

use super::fused::{Mask, RowTargets, Sequences};
use super::shifted;
use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};
use cpu::muon::{EPS, QUINTIC, ROUNDS, Rates};

/// See [`super::linear`].
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let y = x.matmul(weight.transpose()); // [N, O]
    if let Some(bias) = bias {
        y + bias.unsqueeze()
    } else {
        y
    }
}

/// See [`super::layer_norm`].
pub fn layer_norm(x: Tensor<2>, [gamma, beta]: [Tensor<1>; 2], eps: f64) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(1); // [N, D]
    let variance = centred.clone().powi_scalar(2).mean_dim(1); // [N, 1]
    let normal = centred / (variance + eps).sqrt();
    normal * gamma.unsqueeze() + beta.unsqueeze()
}

/// See [`super::convolve`]; the sequences are padded.
pub fn convolve(
    x: Tensor<2>,
    taps: Tensor<2>,
    keep: Option<Tensor<2>>,
    sequences: Sequences,
) -> Tensor<2> {
    let [rows, width] = x.dims();
    let Sequences { b, t, .. } = sequences;
    let tap = |i: usize| taps.clone().narrow(1, i, 1).reshape([1, 1, width]);
    let x = x.reshape([b, t, width]); // [B, T, D]
    let seen = if let Some(keep) = keep {
        x.clone() * keep.reshape([b, t, 1])
    } else {
        x.clone()
    };
    let (before, after) = (shifted(&seen, -1), shifted(&seen, 1));
    (x + before * tap(0) + seen * tap(1) + after * tap(2)).reshape([rows, width])
}

/// Added to the score of a padded key; large enough that its probability is exactly 0 in f32.
const MASKED_SCORE: f64 = -1e9;

/// Constant inputs of [`attention`], shared by all layers of a forward pass.
#[derive(Clone, Debug)]
pub struct AttentionTables {
    /// Additive mask on the scores, `[B, 1, 1, T]`: 0 for tokens, a large negative number for
    /// padding.
    mask: Option<Tensor<4>>,
    /// Cosines and sines of the rotary angles, `[1, 1, T, K / 2]` each.
    rotary: Option<[Tensor<4>; 2]>,
}

impl AttentionTables {
    /// Prepares the tables from the attention mask `[B, T]` and the rotary tables `[2, T, K / 2]`.
    pub fn new(keep: Option<Tensor<2>>, rotary: Option<Tensor<3>>) -> Self {
        let mask = keep.map(|keep| {
            let [b, t] = keep.dims();
            (keep.reshape([b, 1, 1, t]) - 1.0) * -MASKED_SCORE
        });
        let table = |tables: &Tensor<3>, i: usize| tables.clone().narrow(0, i, 1).unsqueeze::<4>();
        Self {
            mask,
            rotary: rotary.map(|tables| [table(&tables, 0), table(&tables, 1)]),
        }
    }
}

/// Multi-head self-attention of queries, keys and values, `[B * T, D]` each, for `dims`
/// `[B, T, H]`; `dropout` applies to the probabilities. Returns the context `[B * T, D]` and the
/// probabilities before dropout `[B, H, T, T]`, whose rows sum to 1.
pub fn attention(
    qkv: [Tensor<2>; 3],
    [b, t, h]: [usize; 3],
    tables: &AttentionTables,
    dropout: Mask,
) -> (Tensor<2>, Tensor<4>) {
    let width = qkv[0].dims()[1];
    let k = width / h;
    // [B, H, T, K]
    let [queries, keys, values] = qkv.map(|x| x.reshape([b, t, h, k]).swap_dims(1, 2));
    let rotate = |x: Tensor<4>| {
        if let Some(tables) = &tables.rotary {
            rotated(x, tables)
        } else {
            x
        }
    };
    let queries = rotate(queries) * (1.0 / (k as f64).sqrt());
    let scores = queries.matmul(rotate(keys).transpose()); // [B, H, T, T]
    let scores = if let Some(mask) = &tables.mask {
        scores + mask.clone()
    } else {
        scores
    };
    let probabilities = softmax(scores, 3);
    let dropped = if dropout.is_none() {
        probabilities.clone()
    } else {
        super::dropout(probabilities.clone(), dropout)
    };
    let context = dropped.matmul(values); // [B, H, T, K]
    (
        context.swap_dims(1, 2).reshape([b * t, width]),
        probabilities,
    )
}

/// Rotates the pairs (i, i + K/2) of `x` `[B, H, T, K]` by angles whose cosines and sines are
/// `[1, 1, T, K / 2]`.
fn rotated(x: Tensor<4>, [cos, sin]: &[Tensor<4>; 2]) -> Tensor<4> {
    let half = x.dims()[3] / 2;
    let a = x.clone().narrow(3, 0, half); // [B, H, T, K / 2]
    let b = x.narrow(3, half, half);
    let rotated_a = a.clone() * cos.clone() - b.clone() * sin.clone();
    let rotated_b = b * cos.clone() + a * sin.clone();
    Tensor::cat(vec![rotated_a, rotated_b], 3)
}

/// See [`super::projected_cross_entropy`].
pub fn projected_cross_entropy(
    rows: Tensor<2>,
    table: Tensor<2>,
    bias: Tensor<1>,
    truth: RowTargets,
) -> Tensor<1> {
    let logits = rows.matmul(table.transpose()) + bias.unsqueeze(); // [M, V]
    let m = logits.dims()[0];
    let picked = log_softmax(logits, 1)
        .gather(1, truth.targets.reshape([m, 1]))
        .reshape([m]); // [M]
    (picked * truth.weights).sum() * (-1.0 / truth.total)
}

/// See [`super::cross_entropy_sums`].
pub fn cross_entropy_sums(logits: Tensor<2>, truth: RowTargets) -> Tensor<1> {
    let RowTargets {
        targets,
        weights,
        total,
    } = truth;
    let m = targets.dims()[0];
    let targets = targets.reshape([m, 1]);
    let loss = log_softmax(logits.clone(), 1)
        .gather(1, targets.clone())
        .reshape([m])
        .neg();
    let right = logits.argmax(1).equal(targets).float().reshape([m]);
    Tensor::cat(
        vec![(loss * weights.clone()).sum(), (right * weights).sum()],
        0,
    ) * (1.0 / total)
}

/// See [`super::fused::muon`]; `g` is already clipped, and `shapes` describes batches of matrices
/// `[N, R, C]`.
pub fn muon(
    [p, m]: [Tensor<1>; 2],
    g: Tensor<1>,
    shapes: &[[usize; 3]],
    rates: Rates,
) -> [Tensor<1>; 2] {
    let m = m * rates.momentum + g.clone();
    let nesterov = g + m.clone() * rates.momentum; // [n]
    let mut start = 0;
    let mut updates = Vec::with_capacity(shapes.len());
    for &shape in shapes {
        let n = shape.iter().product();
        let scale = (shape[1] as f64 / shape[2] as f64).max(1.0).sqrt();
        updates.push(
            orthogonalize(nesterov.clone().narrow(0, start, n).reshape(shape)).reshape([n]) * scale,
        );
        start += n;
    }
    let p = p * (1.0 - rates.lr * rates.weight_decay) - Tensor::cat(updates, 0) * rates.lr;
    [p, m]
}

/// Brings the singular values of each matrix `[N, R, C]` close to 1 without computing them: five
/// iterations of `X <- a X + (b A + c A A) X` with `A = X X'`, on the transposes of tall matrices.
pub fn orthogonalize(x: Tensor<3>) -> Tensor<3> {
    let [_, rows, columns] = x.dims();
    let is_tall = rows > columns;
    let x = if is_tall { x.swap_dims(1, 2) } else { x };
    // [N, 1, 1]
    let norm = (x.clone() * x.clone()).sum_dim(2).sum_dim(1).sqrt() + f64::from(EPS);
    let mut x = x / norm;
    let [a, b, c] = QUINTIC.map(f64::from);
    for _ in 0..ROUNDS {
        let gram = x.clone().matmul(x.clone().swap_dims(1, 2)); // [N, R, R]
        let polynomial = gram.clone() * b + gram.clone().matmul(gram) * c;
        x = x.clone() * a + polynomial.matmul(x);
    }
    if is_tall { x.swap_dims(1, 2) } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    /// Allows for the rounding errors of five iterations in `f32`.
    const TOLERANCE: f64 = 1e-3;

    fn tensor(values: &[f32], shape: [usize; 3]) -> Tensor<3> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().expect("f32")
    }

    /// Returns the result of the iteration for a singular value that is this fraction of the norm.
    fn iterated(share: f64) -> f64 {
        let [a, b, c] = QUINTIC.map(f64::from);
        (0..ROUNDS).fold(share, |s, _| a * s + b * s.powi(3) + c * s.powi(5))
    }

    #[test]
    fn singular_values_follow_the_scalar_iteration() {
        // For diagonal matrices the singular values are the entries.
        let x = tensor(&[3.0, 0.0, 0.0, 4.0, 1.0, 0.0, 0.0, 0.1], [2, 2, 2]);
        let y = values(orthogonalize(x));
        let second = 1.01_f64.sqrt();
        let expected = [
            iterated(0.6),
            0.0,
            0.0,
            iterated(0.8),
            iterated(1.0 / second),
            0.0,
            0.0,
            iterated(0.1 / second),
        ];
        for (y, expected) in y.iter().zip(expected) {
            assert!(
                (f64::from(*y) - expected).abs() < TOLERANCE,
                "{y} against {expected}"
            );
        }
        assert!(y[0] > 0.6 && y[0] < 1.3, "near 1: {}", y[0]);
    }

    #[test]
    fn a_tall_matrix_is_the_transpose_of_a_wide_one() {
        let wide: Vec<f32> = (0..12).map(|i| ((i * 7 + 3) % 11) as f32 - 5.0).collect();
        let wide = tensor(&wide, [1, 3, 4]);
        let tall = wide.clone().swap_dims(1, 2);
        let (a, b) = (
            values(orthogonalize(wide)),
            values(orthogonalize(tall).swap_dims(1, 2)),
        );
        assert_eq!(a, b);
    }

    #[test]
    fn a_zero_gradient_gives_a_zero_update() {
        assert!(
            values(orthogonalize(tensor(&[0.0; 8], [2, 2, 2])))
                .iter()
                .all(|x| *x == 0.0)
        );
    }
}
