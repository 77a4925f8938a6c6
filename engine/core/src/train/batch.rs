//! Uploads a host batch to the device. Ids, positions and labels are range-checked here, because
//! the kernels read without bounds checks. On the CPU, padding is left out where the backbone
//! accepts that, so a step costs as much as its tokens. On GPUs, batches stay padded, so that few
//! tensor shapes occur.

use crate::data::examples::{Batch, BatchPart, BatchTotals};
use crate::kernels::{RowNumbers, is_cpu};
use crate::model::{Input, ModelConfig, Offset};
use burn::tensor::{Device, Int, Tensor, TensorData};

/// One batch on a device. The parts that belong to one task are absent from the batches of other
/// tasks.
pub struct DeviceBatch {
    input: Input,
    offset: Offset,
    guesses: Option<MaskedPositions>,
    labels: Option<Tensor<2>>,
    next_sentence: Option<Tensor<2>>,
    /// Weight of each row, `[B]`: 1 for an example, 0 for a row that fills up the batch.
    pub row_weights: Tensor<1>,
    /// Sum of the row weights of the whole batch, at least 1; the divisor of means over the batch.
    pub row_total: f32,
}

/// Masked positions of a batch and the tokens to predict there.
#[derive(Clone, Debug)]
pub struct MaskedPositions {
    /// The rows of the `M` masked positions.
    pub positions: RowNumbers,
    /// Token ids to predict, `[M]`.
    pub targets: Tensor<1, Int>,
    /// Weight of each position, `[M]`: 1 if used, 0 for an unused slot.
    pub weights: Tensor<1>,
    /// Number of used slots, of the whole batch.
    pub count: f32,
}

impl DeviceBatch {
    /// Uploads `batch` for a model with this `config`.
    ///
    /// # Panics
    /// If an id or a position is out of range, which is a bug in the caller: a GPU would read out
    /// of bounds.
    pub fn upload(batch: &Batch, config: &ModelConfig, device: &Device) -> Self {
        let before = BatchStart {
            rows: 0,
            tokens: 0,
            totals: batch.totals(),
        };
        Self::starting_at(batch, before, config, device)
    }

    /// Uploads a part of a batch. Its losses are divided by the totals of the whole batch, so that
    /// the losses of all parts add up to that of the batch.
    ///
    /// # Panics
    /// Like [`Self::upload`].
    pub fn upload_part(part: &BatchPart, config: &ModelConfig, device: &Device) -> Self {
        let before = BatchStart {
            rows: part.first_row,
            tokens: part.tokens_before,
            totals: part.totals,
        };
        Self::starting_at(&part.rows, before, config, device)
    }

    fn starting_at(
        batch: &Batch,
        before: BatchStart,
        config: &ModelConfig,
        device: &Device,
    ) -> Self {
        let (b, t) = (batch.batch_size, batch.max_len);
        assert!(
            t <= config.max_position_embeddings,
            "an example fits the model's positions"
        );
        assert!(
            check_ids(&batch.ids, config.vocab_size),
            "token ids are below the vocabulary size"
        );
        // A model with one token type separates the texts of a pair by [SEP] only.
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
        let accepts_unpadded = is_cpu(device) && config.architecture.backbone().accepts_unpadded();
        let is_padded = batch.attention_mask.contains(&0);
        let lengths = (accepts_unpadded && is_padded)
            .then(|| batch.lengths().expect("padding follows the tokens"));
        let rows = lengths
            .as_ref()
            .map_or(b * t, |lengths| lengths.iter().sum());
        let masked_positions = || {
            let positions = &batch.masked_positions;
            let positions = match &lengths {
                Some(lengths) => rows_of(positions, lengths, t),
                None => positions.clone(),
            };
            MaskedPositions {
                positions: RowNumbers::new(&positions, rows, device),
                targets: ints(&batch.masked_targets, device),
                weights: floats(&batch.masked_weights, device),
                count: before.totals.masked,
            }
        };
        let labels = || floats(&batch.labels, device).reshape([b, batch.labels.len() / b]);
        Self {
            offset: Offset {
                sequences: before.rows,
                rows: if accepts_unpadded {
                    before.tokens
                } else {
                    before.rows * t
                },
            },
            input: match &lengths {
                Some(lengths) => {
                    Input::unpadded((lengths, t), &batch.ids, &segments, (config, device))
                }
                None => padded_input(batch, &segments, (config, device)),
            },
            guesses: (!batch.masked_positions.is_empty()).then(masked_positions),
            labels: (!batch.labels.is_empty()).then(labels),
            next_sentence: (!batch.next_sentence.is_empty())
                .then(|| one_hot(&batch.next_sentence, device)),
            row_weights: floats(&batch.row_weights, device),
            row_total: before.totals.rows.max(1.0),
        }
    }

    /// Returns the masked positions.
    ///
    /// # Panics
    /// If the batch is not a masked-LM batch, which is a bug in the caller.
    pub fn guesses(&self) -> &MaskedPositions {
        self.guesses
            .as_ref()
            .expect("a masked-LM batch has positions to guess")
    }

    /// Returns the labels as 0 or 1, `[B, C]`.
    ///
    /// # Panics
    /// If the batch has no labels, which is a bug in the caller.
    pub fn labels(&self) -> Tensor<2> {
        self.labels.clone().expect("a labelled batch has labels")
    }

    /// Returns the one-hot next-sentence targets `[B, 2]` ("follows", "is random"), or `None` if
    /// the examples are not pairs.
    pub fn next_sentence(&self) -> Option<Tensor<2>> {
        self.next_sentence.clone()
    }

    /// Returns the model input.
    pub fn input(&self) -> Input {
        self.input.clone()
    }

    /// Returns where the input begins in the batch that it is a part of.
    pub fn offset(&self) -> Offset {
        self.offset
    }
}

/// What comes before a part of a batch, and the totals of the whole batch.
struct BatchStart {
    /// Number of rows before.
    rows: usize,
    /// Number of tokens in these rows, without padding.
    tokens: usize,
    totals: BatchTotals,
}

fn padded_input(batch: &Batch, segments: &[i32], target: (&ModelConfig, &Device)) -> Input {
    let mask = &batch.attention_mask;
    let keep = || mask.iter().map(|&keep| f32::from(keep)).collect();
    let keep = mask.contains(&0).then(keep);
    Input::new(
        [batch.batch_size, batch.max_len],
        &batch.ids,
        segments,
        keep,
        target,
    )
}

/// Converts positions in a batch of rows of `t` positions to the rows of the tokens there, for rows
/// with `lengths` tokens.
fn rows_of(positions: &[i32], lengths: &[usize], t: usize) -> Vec<i32> {
    let starts: Vec<usize> = lengths
        .iter()
        .scan(0, |start, len| {
            *start += len;
            Some(*start - len)
        })
        .collect();
    let row = |&position: &i32| {
        let position = position as usize;
        assert!(
            position % t < lengths[position / t],
            "masked positions are tokens"
        );
        (starts[position / t] + position % t) as i32
    };
    positions.iter().map(row).collect()
}

fn ints(values: &[i32], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

fn floats(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

/// Converts `[B]` of 0 and 1 to one-hot rows `[B, 2]`.
fn one_hot(values: &[i32], device: &Device) -> Tensor<2> {
    let rows: Vec<f32> = values
        .iter()
        .flat_map(|&value| [1.0 - value as f32, value as f32])
        .collect();
    floats(&rows, device).reshape([values.len(), 2])
}

/// Returns whether every id lies in `0..limit`.
fn check_ids(ids: &[i32], limit: usize) -> bool {
    ids.iter()
        .all(|&id| usize::try_from(id).is_ok_and(|id| id < limit))
}
