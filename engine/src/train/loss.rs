//! The training objectives, in nats, as scalars `[1]` that stay on the device. No penalties hide in them: weight decay
//! is the optimiser's.

use crate::model::ProblemType;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

/// Binary cross-entropy of `labels` `[B, C]` (0 or 1) under `logits` `[B, C]`, each counted `weights` `[B, C]` or `[B, 1]`
/// times (0 for the slack rows of a batch), summed over labels, averaged over `total` rows. Stable form:
/// `max(x, 0) - x y + ln(1 + e^-|x|)`.
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

/// Cross-entropy of one label per row, given as the one-hot `labels` `[B, C]`, each row counted `weights` `[B, 1]` times (0
/// for the slack rows of a batch), averaged over `total` rows.
pub fn single_label_loss(
    logits: Tensor<2>,
    labels: Tensor<2>,
    weights: Tensor<2>,
    total: f32,
) -> Tensor<1> {
    let picked = (log_softmax(logits, 1) * labels).sum_dim(1); // [B, 1]
    (picked * weights).sum() * (-1.0 / total)
}

/// How much each label of each row counts where all labels are to weigh alike, for `labels` `[B, C]` whose shares of the
/// training documents are `shares` `p`: `1 / 2p` where a label is there and `1 / 2(1 - p)` where it is not, `[B, C]`; of
/// labels that exclude each other `1 / Cp` of the one that is there, `[B, 1]`. The mean weight is about 1.
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
