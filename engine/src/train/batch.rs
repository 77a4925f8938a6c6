//! A host batch becomes tensors. Ids, positions and labels are range-checked here, since the device reads without
//! checking.

use crate::data::examples::Batch;
use crate::model::Input;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// One batch on a device. Fields that a task does not use are empty.
pub struct DeviceBatch {
    ids: Tensor<2, Int>,
    segments: Tensor<2, Int>,
    keep: Option<Tensor<2>>,
    /// Flat positions of the guesses, `[M]`.
    pub masked_positions: Tensor<1, Int>,
    /// True tokens there, `[M]`.
    pub masked_targets: Tensor<1, Int>,
    /// 1, or 0 for slack, `[M]`.
    pub masked_weights: Tensor<1>,
    /// Sum of the weights, at least 1: what a mean divides by.
    pub masked_total: f32,
    guesses: f32,
    /// 0 or 1 per label, `[B, C]`.
    pub labels: Tensor<2>,
    /// 1, or 0 for a filled-up row, `[B]`.
    pub row_weights: Tensor<1>,
    /// Sum of the row weights.
    pub row_total: f32,
}

impl DeviceBatch {
    /// Uploads `batch` for a vocabulary of `vocab_size`.
    ///
    /// # Panics
    /// Where an id or a position is out of range: a wrong program, which on a GPU would read foreign memory.
    pub fn upload(batch: &Batch, vocab_size: usize, device: &Device) -> Self {
        let (b, t) = (batch.batch_size, batch.max_len);
        assert!(check_ids(&batch.ids, vocab_size), "token ids are below the vocabulary size");
        assert!(check_ids(&batch.masked_targets, vocab_size), "targets are below the vocabulary size");
        assert!(check_ids(&batch.masked_positions, b * t), "masked positions lie in the batch");
        let ints = |values: &[i32]| Tensor::<1, Int>::from_data(TensorData::new(values.to_vec(), [values.len()]), device);
        let floats = |values: &[f32]| Tensor::<1>::from_data(TensorData::new(values.to_vec(), [values.len()]), device);
        let padded = batch.attention_mask.contains(&0);
        let keep: Vec<f32> = batch.attention_mask.iter().map(|&keep| f32::from(keep)).collect();
        let classes = batch.labels.len() / b.max(1);
        Self {
            ids: ints(&batch.ids).reshape([b, t]),
            segments: ints(&batch.token_type_ids).reshape([b, t]),
            keep: padded.then(|| floats(&keep).reshape([b, t])),
            masked_positions: ints(&batch.masked_positions),
            masked_targets: ints(&batch.masked_targets),
            masked_weights: floats(&batch.masked_weights),
            masked_total: batch.masked_weights.iter().sum::<f32>().max(1.0),
            guesses: batch.masked_weights.iter().sum(),
            labels: floats(&batch.labels).reshape([b, classes]),
            row_weights: floats(&batch.row_weights),
            row_total: batch.row_weights.iter().sum::<f32>().max(1.0),
        }
    }

    /// Number of guesses, slack left out.
    pub fn masked_weights_sum(&self) -> f32 {
        self.guesses
    }

    /// What the encoder takes.
    pub fn input(&self) -> Input {
        Input { ids: self.ids.clone(), segments: self.segments.clone(), keep: self.keep.clone() }
    }
}

/// Whether every id lies in `0..limit`.
pub fn check_ids(ids: &[i32], limit: usize) -> bool {
    ids.iter().all(|&id| usize::try_from(id).is_ok_and(|id| id < limit))
}
