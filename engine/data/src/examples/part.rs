//! Parts of a batch: ranges of its rows, whose gradients can be computed separately and added.

use super::Batch;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Some rows of a batch, with what their share of the batch's loss depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchPart {
    /// The rows, as a batch of their own.
    pub rows: Batch,
    /// Index of the first row in the whole batch.
    pub first_row: usize,
    /// Number of tokens, without padding, in the rows before.
    pub tokens_before: usize,
    /// Sums over the whole batch, by which the losses of its parts are divided.
    pub totals: BatchTotals,
}

/// Sums of the weights of a whole batch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchTotals {
    /// Sum of the weights of the masked positions.
    pub masked: f32,
    /// Sum of the weights of the rows.
    pub rows: f32,
}

impl Batch {
    /// Returns the sums of its weights.
    pub fn totals(&self) -> BatchTotals {
        BatchTotals {
            masked: self.masked_weights.iter().sum(),
            rows: self.row_weights.iter().sum(),
        }
    }

    /// Splits the rows into `count` parts of nearly equal size, in order. A single part is the batch
    /// as it is, whose shape is static.
    ///
    /// # Panics
    /// If there are fewer rows than parts.
    pub fn parts(&self, count: usize) -> Vec<BatchPart> {
        assert!(count <= self.batch_size, "a part has at least one row");
        let bound = |index: usize| index * self.batch_size / count;
        let totals = self.totals();
        if count == 1 {
            return vec![BatchPart {
                rows: self.clone(),
                first_row: 0,
                tokens_before: 0,
                totals,
            }];
        }
        let tokens = |row: usize| {
            let before = &self.attention_mask[..row * self.max_len];
            before.iter().map(|&keep| usize::from(keep)).sum()
        };
        (0..count)
            .map(|index| BatchPart {
                rows: self.rows(bound(index)..bound(index + 1)),
                first_row: bound(index),
                tokens_before: tokens(bound(index)),
                totals,
            })
            .collect()
    }

    /// Returns a range of rows, without the unused slots of masked positions. Rows without a masked
    /// position have one unused slot.
    fn rows(&self, range: Range<usize>) -> Self {
        let tokens = range.start * self.max_len..range.end * self.max_len;
        let classes = self.labels.len() / self.batch_size;
        let used = (0..self.masked_positions.len()).filter(|&slot| {
            self.masked_weights[slot] > 0.0
                && tokens.contains(&(self.masked_positions[slot] as usize))
        });
        let slots: Vec<usize> = used.collect();
        let mut part = Self {
            ids: self.ids[tokens.clone()].to_vec(),
            attention_mask: self.attention_mask[tokens.clone()].to_vec(),
            token_type_ids: self.token_type_ids[tokens.clone()].to_vec(),
            masked_positions: slots
                .iter()
                .map(|&slot| self.masked_positions[slot] - tokens.start as i32)
                .collect(),
            masked_targets: slots
                .iter()
                .map(|&slot| self.masked_targets[slot])
                .collect(),
            masked_weights: slots
                .iter()
                .map(|&slot| self.masked_weights[slot])
                .collect(),
            next_sentence: self
                .next_sentence
                .get(range.clone())
                .map(<[i32]>::to_vec)
                .unwrap_or_default(),
            labels: self.labels[range.start * classes..range.end * classes].to_vec(),
            row_weights: self.row_weights[range.clone()].to_vec(),
            batch_size: range.len(),
            max_len: self.max_len,
        };
        if slots.is_empty() && !self.masked_positions.is_empty() {
            part.masked_positions.push(0);
            part.masked_targets.push(0);
            part.masked_weights.push(0.0);
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_batch() {
        let batch = Batch {
            ids: (0..15).collect(),
            attention_mask: vec![1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0],
            token_type_ids: vec![0; 15],
            masked_positions: vec![1, 4, 10, 0],
            masked_targets: vec![7, 8, 9, 0],
            masked_weights: vec![1.0, 1.0, 1.0, 0.0],
            next_sentence: Vec::new(),
            labels: (0..10).map(|label| label as f32).collect(),
            row_weights: vec![1.0, 1.0, 1.0, 1.0, 0.0],
            batch_size: 5,
            max_len: 3,
        };
        let parts = batch.parts(2);
        let [first, second] = parts.as_slice() else {
            panic!("{parts:?}")
        };
        assert_eq!((first.first_row, second.first_row), (0, 2));
        assert_eq!((first.tokens_before, second.tokens_before), (0, 5));
        assert_eq!(second.rows.lengths(), Some(vec![3, 3, 2]));
        assert_eq!((first.totals.masked, first.totals.rows), (3.0, 4.0));
        assert_eq!(second.totals, first.totals);
        assert_eq!(
            (&first.rows.masked_positions, &second.rows.masked_positions),
            (&vec![1, 4], &vec![4])
        );
        assert_eq!(second.rows.masked_targets, [9]);
        assert_eq!(
            [first.rows.ids.clone(), second.rows.ids.clone()].concat(),
            batch.ids
        );
        assert_eq!(second.rows.labels, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!(second.rows.row_weights, [1.0, 1.0, 0.0]);
    }

    #[test]
    fn rows_without_a_masked_position_have_an_unused_slot() {
        let batch = Batch {
            ids: vec![1; 4],
            attention_mask: vec![1; 4],
            token_type_ids: vec![0; 4],
            masked_positions: vec![0],
            masked_targets: vec![5],
            masked_weights: vec![1.0],
            row_weights: vec![1.0; 2],
            batch_size: 2,
            max_len: 2,
            ..Batch::default()
        };
        let last = batch.parts(2).remove(1).rows;
        assert_eq!(
            (last.masked_positions, last.masked_weights),
            (vec![0], vec![0.0])
        );
    }
}
