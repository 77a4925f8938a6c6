//! Muon, momentum with orthogonalised updates, for the weight matrices inside the blocks (Jordan
//! et al. 2024, "Muon: An optimizer for hidden layers in neural networks").

use crate::kernels::fused::{self, Rates};
use crate::model::MatrixBatch;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Hyperparameters of Muon, constant during a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MuonSettings {
    /// Learning rate as a multiple of AdamW's, which updates all other parameters.
    pub lr_ratio: f64,
    /// Momentum coefficient, in [0, 1).
    pub momentum: f64,
    /// Decoupled weight decay coefficient.
    pub weight_decay: f64,
}

impl Default for MuonSettings {
    /// Learning rate, momentum and decay as measured in `docs/recipes.md`.
    fn default() -> Self {
        Self {
            lr_ratio: 3.0,
            momentum: 0.9,
            weight_decay: 0.0,
        }
    }
}

/// Updates a group's array `p` `[n]` with momentum `m` `[n]` by one step. `gradients` are
/// concatenated and scaled by `clip` `[1]`; `lr` is AdamW's learning rate; `batches` lists the
/// group's matrices in order. Returns the new `p` and `m`.
pub fn muon(
    [p, m]: [Tensor<1>; 2],
    gradients: Vec<Tensor<1>>,
    clip: Tensor<1>,
    batches: &[MatrixBatch],
    (settings, lr): (&MuonSettings, f64),
) -> [Tensor<1>; 2] {
    let g = if gradients.len() == 1 {
        gradients[0].clone()
    } else {
        Tensor::cat(gradients, 0)
    };
    let shapes = batches
        .iter()
        .flat_map(|batch| vec![[batch.rows, batch.columns]; batch.count])
        .collect();
    let MuonSettings {
        lr_ratio,
        momentum,
        weight_decay,
    } = *settings;
    let rates = Rates {
        lr: (lr * lr_ratio) as f32,
        momentum: momentum as f32,
        weight_decay: weight_decay as f32,
    };
    fused::muon([p, m], g, clip, shapes, rates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn values(tensor: Tensor<1>) -> Vec<f32> {
        tensor.into_data().try_to_vec().expect("f32")
    }

    #[test]
    fn a_group_is_updated_like_its_separate_matrices() {
        let settings = MuonSettings {
            lr_ratio: 10.0,
            momentum: 0.9,
            weight_decay: 0.1,
        };
        let flat = |values: Vec<f32>| {
            let n = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [n]), &Device::flex())
        };
        let sequence = |from: usize| {
            (from..from + 12)
                .map(|i| ((i * 5 + 1) % 13) as f32 * 0.1)
                .collect::<Vec<_>>()
        };
        let clip = || flat(vec![0.5]);
        let step = |p: Vec<f32>, g: Vec<f32>, batches: &[MatrixBatch]| {
            let m = flat(vec![0.2; p.len()]);
            muon(
                [flat(p), m],
                vec![flat(g)],
                clip(),
                batches,
                (&settings, 0.01),
            )
            .map(values)
        };
        let batch = |count, rows, columns| MatrixBatch {
            count,
            rows,
            columns,
        };
        let (p, g) = (
            [sequence(0), sequence(12)].concat(),
            [sequence(3), sequence(7)].concat(),
        );
        let batched = step(p.clone(), g.clone(), &[batch(3, 2, 2), batch(1, 4, 3)]);
        let single = [
            step(p[..4].to_vec(), g[..4].to_vec(), &[batch(1, 2, 2)]),
            step(p[4..8].to_vec(), g[4..8].to_vec(), &[batch(1, 2, 2)]),
            step(p[8..12].to_vec(), g[8..12].to_vec(), &[batch(1, 2, 2)]),
            step(p[12..].to_vec(), g[12..].to_vec(), &[batch(1, 4, 3)]),
        ];
        for part in 0..2 {
            let single: Vec<f32> = single
                .iter()
                .flat_map(|state| state[part].clone())
                .collect();
            assert_eq!(batched[part], single);
        }
        // The last matrix has three singular values near 1, so the norm of its update is known.
        let moved: f64 = (12..24)
            .map(|i| f64::from(batched[0][i] - p[i] * (1.0 - 0.1 * 0.1)).powi(2))
            .sum();
        let expected = 0.1 * (4.0_f64 / 3.0).sqrt() * 3.0_f64.sqrt();
        assert!(
            (moved.sqrt() / expected - 1.0).abs() < 0.25,
            "{} against {expected}",
            moved.sqrt()
        );
    }
}
