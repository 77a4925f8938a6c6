//! Muon: momentum whose update is orthogonalised, for the matrices inside the blocks (Jordan et al. 2024,
//! "Muon: An optimizer for hidden layers in neural networks").

use crate::kernels::fused::{self, Rates};
use crate::model::MatrixBatch;
use burn::tensor::Tensor;
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
        Self {
            lr_ratio: 3.0,
            momentum: 0.9,
            weight_decay: 0.0,
        }
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
    fn a_group_moves_as_its_matrices_do_one_by_one() {
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
        let moved: f64 = (12..24)
            .map(|i| f64::from(together[0][i] - p[i] * (1.0 - 0.1 * 0.1)).powi(2))
            .sum();
        let expected = 0.1 * (4.0_f64 / 3.0).sqrt() * 3.0_f64.sqrt();
        assert!(
            (moved.sqrt() / expected - 1.0).abs() < 0.25,
            "{} against {expected}",
            moved.sqrt()
        );
    }
}
