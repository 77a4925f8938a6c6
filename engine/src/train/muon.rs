//! Muon: momentum whose update is orthogonalised, for the matrices inside the blocks (Jordan et al. 2024,
//! "Muon: An optimizer for hidden layers in neural networks"). All matrices of one shape are one batched product, so
//! that a step takes as many launches for twelve layers as for one.

use crate::kernels::fused::{self, Rates};
use crate::kernels::is_cpu;
use crate::model::MatrixBatch;
use burn::tensor::Tensor;
use cpu::muon::{EPS, QUINTIC, ROUNDS};
use serde::{Deserialize, Serialize};

/// How Muon moves; constant over a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MuonSettings {
    /// Its learning rate as a multiple of AdamW's, which moves everything else.
    pub lr_ratio: f64,
    /// Decay of the momentum.
    pub momentum: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl Default for MuonSettings {
    /// Rate, momentum and decay by measurement (`docs/recipes.md`).
    fn default() -> Self {
        Self { lr_ratio: 3.0, momentum: 0.9, weight_decay: 0.0 }
    }
}

/// One step on a group's array `p` `[n]` with momentum `m` `[n]` and its gradients, one after another and scaled by `clip`
/// `[1]`, at AdamW's learning rate `lr`; `batches` says which matrices the group holds, in order. Returns the new `p` and
/// `m`.
pub fn muon(
    [p, m]: [Tensor<1>; 2],
    gradients: Vec<Tensor<1>>,
    clip: Tensor<1>,
    batches: &[MatrixBatch],
    (settings, lr): (&MuonSettings, f64),
) -> [Tensor<1>; 2] {
    let lr = lr * settings.lr_ratio;
    let g = if gradients.len() == 1 { gradients[0].clone() } else { Tensor::cat(gradients, 0) };
    if is_cpu(&p.device()) {
        let shapes = batches.iter().flat_map(|batch| vec![[batch.rows, batch.columns]; batch.count]).collect();
        let MuonSettings { momentum, weight_decay, .. } = *settings;
        let rates = Rates { lr: lr as f32, momentum: momentum as f32, weight_decay: weight_decay as f32 };
        return fused::muon([p, m], g, clip, shapes, rates);
    }
    stock([p, m], g * clip, batches, (settings, lr))
}

/// The same from burn's operations, with the gradient `g` scaled already and Muon's own learning rate.
fn stock(
    [p, m]: [Tensor<1>; 2],
    g: Tensor<1>,
    batches: &[MatrixBatch],
    (settings, lr): (&MuonSettings, f64),
) -> [Tensor<1>; 2] {
    let m = m * settings.momentum + g.clone();
    let nesterov = g + m.clone() * settings.momentum; // [n]
    let mut start = 0;
    let mut updates = Vec::with_capacity(batches.len());
    for batch in batches {
        let MatrixBatch { count, rows, columns } = *batch;
        let matrices = nesterov.clone().narrow(0, start, batch.elements()).reshape([count, rows, columns]);
        let scale = (rows as f64 / columns as f64).max(1.0).sqrt();
        updates.push(orthogonalize(matrices).reshape([batch.elements()]) * scale);
        start += batch.elements();
    }
    let padding = p.dims()[0] - start;
    if padding > 0 {
        updates.push(Tensor::zeros([padding], &p.device()));
    }
    let p = p * (1.0 - lr * settings.weight_decay) - Tensor::cat(updates, 0) * lr;
    [p, m]
}

/// Replaces the singular values of each matrix `[N, R, C]` by values near 1, without computing them: five rounds of
/// `X <- a X + (b A + c A A) X` with `A = X X'`, on the side that is shorter.
pub fn orthogonalize(x: Tensor<3>) -> Tensor<3> {
    let [_, rows, columns] = x.dims();
    let is_tall = rows > columns;
    let x = if is_tall { x.swap_dims(1, 2) } else { x };
    let norm = (x.clone() * x.clone()).sum_dim(2).sum_dim(1).sqrt() + f64::from(EPS); // [N, 1, 1]
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

    /// Accumulated rounding of five rounds in `f32`.
    const TOLERANCE: f64 = 1e-3;

    fn tensor(values: &[f32], shape: [usize; 3]) -> Tensor<3> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().expect("f32")
    }

    /// What the iteration makes of a singular value that is this share of the norm.
    fn iterated(share: f64) -> f64 {
        let [a, b, c] = QUINTIC.map(f64::from);
        (0..ROUNDS).fold(share, |s, _| a * s + b * s.powi(3) + c * s.powi(5))
    }

    #[test]
    fn singular_values_follow_the_scalar_iteration() {
        // Two diagonal matrices: the singular values are their entries.
        let x = tensor(&[3.0, 0.0, 0.0, 4.0, 1.0, 0.0, 0.0, 0.1], [2, 2, 2]);
        let y = values(orthogonalize(x));
        let second = 1.01_f64.sqrt();
        let expected =
            [iterated(0.6), 0.0, 0.0, iterated(0.8), iterated(1.0 / second), 0.0, 0.0, iterated(0.1 / second)];
        for (y, expected) in y.iter().zip(expected) {
            assert!((f64::from(*y) - expected).abs() < TOLERANCE, "{y} against {expected}");
        }
        assert!(y[0] > 0.6 && y[0] < 1.3, "near 1: {}", y[0]);
    }

    #[test]
    fn a_tall_matrix_is_the_transpose_of_a_wide_one() {
        let wide: Vec<f32> = (0..12).map(|i| ((i * 7 + 3) % 11) as f32 - 5.0).collect();
        let wide = tensor(&wide, [1, 3, 4]);
        let tall = wide.clone().swap_dims(1, 2);
        let (a, b) = (values(orthogonalize(wide)), values(orthogonalize(tall).swap_dims(1, 2)));
        assert_eq!(a, b);
    }

    #[test]
    fn a_group_moves_as_its_matrices_do_one_by_one() {
        let settings = MuonSettings { lr_ratio: 10.0, momentum: 0.9, weight_decay: 0.1 };
        let flat = |values: Vec<f32>| {
            let n = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [n]), &Device::flex())
        };
        let sequence = |from: usize| (from..from + 12).map(|i| ((i * 5 + 1) % 13) as f32 * 0.1).collect::<Vec<_>>();
        let clip = || flat(vec![0.5]);
        let step = |p: Vec<f32>, g: Vec<f32>, batches: &[MatrixBatch]| {
            let m = flat(vec![0.2; p.len()]);
            muon([flat(p), m], vec![flat(g)], clip(), batches, (&settings, 0.01)).map(values)
        };
        let batch = |count, rows, columns| MatrixBatch { count, rows, columns };
        let (p, g) = ([sequence(0), sequence(12)].concat(), [sequence(3), sequence(7)].concat());
        let together = step(p.clone(), g.clone(), &[batch(3, 2, 2), batch(1, 4, 3)]);
        let apart = [
            step(p[..4].to_vec(), g[..4].to_vec(), &[batch(1, 2, 2)]),
            step(p[4..8].to_vec(), g[4..8].to_vec(), &[batch(1, 2, 2)]),
            step(p[8..12].to_vec(), g[8..12].to_vec(), &[batch(1, 2, 2)]),
            step(p[12..].to_vec(), g[12..].to_vec(), &[batch(1, 4, 3)]),
        ];
        for part in 0..2 {
            let apart: Vec<f32> = apart.iter().flat_map(|state| state[part].clone()).collect();
            assert_eq!(together[part], apart);
        }
        // The norm of the update of the last matrix, of three singular values near 1, by hand.
        let moved: f64 = (12..24).map(|i| f64::from(together[0][i] - p[i] * (1.0 - 0.1 * 0.1)).powi(2)).sum();
        let expected = 0.1 * (4.0_f64 / 3.0).sqrt() * 3.0_f64.sqrt();
        assert!((moved.sqrt() / expected - 1.0).abs() < 0.25, "{} against {expected}", moved.sqrt());
    }

    #[test]
    fn the_fused_step_is_the_stock_one() {
        let settings = MuonSettings { lr_ratio: 10.0, momentum: 0.9, weight_decay: 0.1 };
        let batches = [MatrixBatch { count: 2, rows: 5, columns: 3 }, MatrixBatch { count: 1, rows: 4, columns: 9 }];
        let flat = |phase: f32| {
            let values: Vec<f32> = (0..66).map(|i| (i as f32 * 0.7 + phase).sin()).collect();
            Tensor::<1>::from_data(TensorData::new(values, [66]), &Device::flex())
        };
        let clip = Tensor::<1>::from_floats([0.5], &Device::flex());
        let fused =
            muon([flat(0.0), flat(1.0)], vec![flat(2.0)], clip.clone(), &batches, (&settings, 0.01)).map(values);
        let stock = stock([flat(0.0), flat(1.0)], flat(2.0) * clip, &batches, (&settings, 0.1)).map(values);
        for (fused, stock) in fused.iter().flatten().zip(stock.iter().flatten()) {
            assert!((f64::from(*fused) - f64::from(*stock)).abs() < TOLERANCE, "{fused} against {stock}");
        }
    }

    #[test]
    fn no_gradient_is_no_update() {
        assert!(values(orthogonalize(tensor(&[0.0; 8], [2, 2, 2]))).iter().all(|x| *x == 0.0));
    }
}
