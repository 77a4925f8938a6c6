//! The losses of the training tasks. They depend on a network and a batch alone, so that a worker
//! without the run's data can compute them.

use super::batch::DeviceBatch;
use super::loss::{balanced_weights, multi_label_loss, single_label_loss};
use super::step::Objective;
use crate::kernels::RowTargets;
use crate::model::{Network, ProblemType};
use serde::{Deserialize, Serialize};

/// What a run minimises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TrainingLoss {
    /// Cross-entropy of the masked tokens, and of next-sentence prediction if the batch consists of
    /// pairs.
    MaskedLm,
    /// Cross-entropy of the labels.
    Classification {
        /// Single-label or multi-label.
        problem: ProblemType,
        /// Shares of the training documents that carry each label, `[C]`, if all labels have the
        /// same weight however rare they are; see [`balanced_weights`].
        balanced_by: Option<Vec<f64>>,
    },
}

impl TrainingLoss {
    /// Computes the loss of a batch, `[1]`.
    pub fn of(&self, model: &Network, batch: &DeviceBatch) -> Objective {
        match self {
            Self::MaskedLm => masked_lm_loss(model, batch),
            Self::Classification {
                problem,
                balanced_by,
            } => {
                let logits = model.classify(&model.encode(batch.input()));
                let labels = batch.labels(); // [B, C]
                let weights = batch.row_weights.clone().unsqueeze_dim(1); // [B, 1]
                let weights = match balanced_by {
                    // [B, C] or [B, 1]
                    Some(shares) => weights * balanced_weights(&labels, shares, *problem),
                    None => weights,
                };
                let loss = match problem {
                    ProblemType::MultiLabelClassification => multi_label_loss,
                    ProblemType::SingleLabelClassification => single_label_loss,
                };
                loss(logits, labels, weights, batch.row_total).into()
            }
        }
    }
}

fn masked_lm_loss(model: &Network, batch: &DeviceBatch) -> Objective {
    let encoded = model.encode(batch.input());
    let masked = batch.guesses().clone();
    let truth = RowTargets {
        targets: masked.targets,
        weights: masked.weights,
        total: masked.count.max(1.0),
    };
    let masked_lm = model.masked_lm_loss(&encoded, &masked.positions, truth);
    let Some(truth) = batch.next_sentence() else {
        return masked_lm.into();
    };
    let pairs = model.next_sentence(&encoded);
    let next_sentence = single_label_loss(
        pairs,
        truth,
        batch.row_weights.clone().unsqueeze_dim(1),
        batch.row_total,
    );
    Objective {
        total: masked_lm + next_sentence.clone(),
        next_sentence: Some(next_sentence),
    }
}
