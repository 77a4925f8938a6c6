//! A host batch becomes tensors. Ids, positions and labels are range-checked here, since the device reads without
//! checking.

use crate::data::examples::Batch;
use crate::kernels::RowNumbers;
use crate::model::{Input, ModelConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};

/// One batch on a device. A task's own part is absent from the batches of another task.
pub struct DeviceBatch {
    input: Input,
    guesses: Option<MaskedPositions>,
    labels: Option<Tensor<2>>,
    next_sentence: Option<Tensor<2>>,
    /// 1, or 0 for a row that only fills the batch, `[B]`.
    pub row_weights: Tensor<1>,
    /// Sum of the row weights, at least 1: what a mean divides by.
    pub row_total: f32,
}

/// Where to guess, and what is true there.
#[derive(Clone, Debug)]
pub struct MaskedPositions {
    /// Flat positions in `B * T`, `M` of them.
    pub positions: RowNumbers,
    /// True tokens there, `[M]`.
    pub targets: Tensor<1, Int>,
    /// 1, or 0 for a slot that is not used, `[M]`.
    pub weights: Tensor<1>,
    /// Number of slots in use.
    pub count: f32,
}

impl DeviceBatch {
    /// Uploads `batch` for a model of the shape `config`.
    ///
    /// # Panics
    /// Where an id or a position is out of range: a wrong program, which on a GPU would read foreign memory.
    pub fn upload(batch: &Batch, config: &ModelConfig, device: &Device) -> Self {
        let (b, t) = (batch.batch_size, batch.max_len);
        assert!(
            t <= config.max_position_embeddings,
            "an example fits the model's positions"
        );
        assert!(
            check_ids(&batch.ids, config.vocab_size),
            "token ids are below the vocabulary size"
        );
        // A model of one segment reads a pair as two texts that only [SEP] parts.
        let segments: Vec<i32> = match config.type_vocab_size {
            1 => vec![0; batch.token_type_ids.len()],
            _ => batch.token_type_ids.clone(),
        };
        assert!(
            check_ids(&segments, config.type_vocab_size),
            "segments are those of the model"
        );
        assert!(
            check_ids(&batch.masked_targets, config.vocab_size),
            "targets are below the vocabulary size"
        );
        assert!(
            check_ids(&batch.masked_positions, b * t),
            "masked positions lie in the batch"
        );
        let padded = batch.attention_mask.contains(&0);
        let keep: Vec<f32> = batch
            .attention_mask
            .iter()
            .map(|&keep| f32::from(keep))
            .collect();
        let guesses = || MaskedPositions {
            positions: RowNumbers::new(&batch.masked_positions, b * t, device),
            targets: ints(&batch.masked_targets, device),
            weights: floats(&batch.masked_weights, device),
            count: batch.masked_weights.iter().sum(),
        };
        let labels = || floats(&batch.labels, device).reshape([b, batch.labels.len() / b]);
        Self {
            input: Input::new(
                [b, t],
                &batch.ids,
                &segments,
                padded.then_some(keep),
                (config, device),
            ),
            guesses: (!batch.masked_positions.is_empty()).then(guesses),
            labels: (!batch.labels.is_empty()).then(labels),
            next_sentence: (!batch.next_sentence.is_empty())
                .then(|| one_hot(&batch.next_sentence, device)),
            row_weights: floats(&batch.row_weights, device),
            row_total: batch.row_weights.iter().sum::<f32>().max(1.0),
        }
    }

    /// Where to guess.
    ///
    /// # Panics
    /// For a batch of another task: a wrong program.
    pub fn guesses(&self) -> &MaskedPositions {
        self.guesses
            .as_ref()
            .expect("a masked-LM batch has positions to guess")
    }

    /// 0 or 1 per label, `[B, C]`.
    ///
    /// # Panics
    /// For a batch of another task: a wrong program.
    pub fn labels(&self) -> Tensor<2> {
        self.labels.clone().expect("a labelled batch has labels")
    }

    /// One-hot of "follows" and "is random", `[B, 2]`, where rows are pairs.
    pub fn next_sentence(&self) -> Option<Tensor<2>> {
        self.next_sentence.clone()
    }

    /// What the encoder takes.
    pub fn input(&self) -> Input {
        self.input.clone()
    }
}

fn ints(values: &[i32], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

fn floats(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

/// `[B]` of 0 and 1 as `[B, 2]`.
fn one_hot(values: &[i32], device: &Device) -> Tensor<2> {
    let rows: Vec<f32> = values
        .iter()
        .flat_map(|&value| [1.0 - value as f32, value as f32])
        .collect();
    floats(&rows, device).reshape([values.len(), 2])
}

/// Whether every id lies in `0..limit`.
fn check_ids(ids: &[i32], limit: usize) -> bool {
    ids.iter()
        .all(|&id| usize::try_from(id).is_ok_and(|id| id < limit))
}
