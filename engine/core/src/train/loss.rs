//! The training losses in nats, as scalars `[1]` on the device. They have no regularisation term;
//! the optimiser applies weight decay.

use crate::model::ProblemType;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

/// Binary cross-entropy of `labels` `[B, C]` (0 or 1) under `logits` `[B, C]`, weighted by
/// `weights` `[B, C]` or `[B, 1]` (0 for rows that fill up the batch), summed over labels and
/// averaged over `total` rows. Numerically stable form: `max(x, 0) - x y + ln(1 + e^-|x|)`.
pub fn multi_label_loss(
    logits: Tensor<2>,
    labels: Tensor<2>,
    weights: Tensor<2>,
    total: f32,
) -> Tensor<1> {
    let softplus = logits.clone().abs().neg().exp().log1p(); // [B, C]
    let losses = logits.clone().clamp_min(0.0) - logits * labels + softplus;
    (losses * weights).sum() * (1.0 / total)
}

/// Categorical cross-entropy of the one-hot `labels` `[B, C]`, weighted by `weights` `[B, 1]` (0
/// for rows that fill up the batch) and averaged over `total` rows.
pub fn single_label_loss(
    logits: Tensor<2>,
    labels: Tensor<2>,
    weights: Tensor<2>,
    total: f32,
) -> Tensor<1> {
    let picked = (log_softmax(logits, 1) * labels).sum_dim(1); // [B, 1]
    (picked * weights).sum() * (-1.0 / total)
}

/// Returns loss weights that give all labels the same influence, for `labels` `[B, C]` with
/// frequency `p` (`shares`) in the training set. Multi-label: `1 / 2p` for a present and
/// `1 / 2(1 - p)` for an absent label, `[B, C]`. Single-label: `1 / Cp` of the true label,
/// `[B, 1]`. The mean weight is about 1.
pub fn balanced_weights(labels: &Tensor<2>, shares: &[f64], problem: ProblemType) -> Tensor<2> {
    let row = |weight: &dyn Fn(f64) -> f64| {
        let weights: Vec<f32> = shares.iter().map(|share| weight(*share) as f32).collect();
        Tensor::<1>::from_floats(weights.as_slice(), &labels.device()).unsqueeze::<2>() // [1, C]
    };
    match problem {
        ProblemType::MultiLabelClassification => {
            let (with, without) = (row(&|p| 0.5 / p), row(&|p| 0.5 / (1.0 - p)));
            labels.clone() * (with - without.clone()) + without // [B, C]
        }
        ProblemType::SingleLabelClassification => {
            let classes = shares.len() as f64;
            (labels.clone() * row(&|p| 1.0 / (classes * p))).sum_dim(1) // [B, 1]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn balanced_labels_weigh_alike() {
        let labels = Tensor::<2>::from_floats(
            [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]],
            &Device::flex(),
        );
        let check = |problem, expected: &[f32]| {
            let weights = balanced_weights(&labels, &[0.25, 0.75], problem)
                .into_data()
                .try_to_vec::<f32>()
                .expect("f32");
            assert!(
                weights
                    .iter()
                    .zip(expected)
                    .all(|(found, expected)| (found - expected).abs() < 1e-6),
                "{weights:?}"
            );
            assert_eq!(weights.len(), expected.len());
        };
        let rare = 2.0 / 3.0;
        check(
            ProblemType::MultiLabelClassification,
            &[2.0, 2.0, rare, rare, rare, rare, rare, rare],
        );
        check(
            ProblemType::SingleLabelClassification,
            &[2.0, rare, rare, rare],
        );
    }
}
