//! Turns encoded documents into batches of a static shape: packed windows with masked tokens for
//! pre-training, labelled documents for fine-tuning. Every batch is a pure function of (seed,
//! epoch, index), so that a run can resume anywhere. Does not know tensors: a batch is plain
//! numbers.

pub mod counting;
mod labelled;
mod masked;
mod packed;
mod pairs;
mod part;
mod tokens;

pub use labelled::{EncodedDocument, EncodedDocuments, EncodedDocumentsBuilder, LabelledExamples};
pub use masked::{MaskedExamples, Windows};
pub use packed::{Packed, Window};
pub use pairs::SentencePairs;
pub use part::{BatchPart, BatchTotals};
pub use tokens::{Tokens, TokensBuilder};

use super::tokenizer::Specials;
use serde::{Deserialize, Serialize};

/// One batch of `B` rows of `T` tokens, flattened row by row. Fields that a phase does not use are
/// empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Token ids that the model sees, `[B * T]`.
    pub ids: Vec<i32>,
    /// Attention mask: 1 at tokens, 0 at padding, `[B * T]`.
    pub attention_mask: Vec<u8>,
    /// Token type ids: 1 in the second text of a pair, else 0, `[B * T]`.
    pub token_type_ids: Vec<i32>,
    /// Positions to predict, as indices into `B * T`, `[M]`; 0 in unused slots.
    pub masked_positions: Vec<i32>,
    /// Original token ids at these positions, `[M]`.
    pub masked_targets: Vec<i32>,
    /// 1 for a position to predict, 0 for an unused slot, `[M]`.
    pub masked_weights: Vec<f32>,
    /// 1 if the second text of a row is a random one, else 0, `[B]`; empty if rows are not pairs.
    pub next_sentence: Vec<i32>,
    /// Multi-hot labels: 1 if a document carries a label, else 0, `[B * C]`.
    pub labels: Vec<f32>,
    /// 1 for an example, 0 for a padding row, `[B]`.
    pub row_weights: Vec<f32>,
    /// Number of rows, `B`.
    pub batch_size: usize,
    /// Sequence length, `T`.
    pub max_len: usize,
}

impl Batch {
    /// Creates a batch of padding rows. Each holds one `[CLS]`: attention needs at least one token
    /// to attend to.
    pub fn filled(specials: &Specials, batch_size: usize, max_len: usize) -> Self {
        let mut batch = Self {
            ids: vec![specials.pad as i32; batch_size * max_len],
            attention_mask: vec![0; batch_size * max_len],
            token_type_ids: vec![0; batch_size * max_len],
            row_weights: vec![0.0; batch_size],
            batch_size,
            max_len,
            ..Self::default()
        };
        for row in 0..batch_size {
            batch.ids[row * max_len] = specials.cls as i32;
            batch.attention_mask[row * max_len] = 1;
        }
        batch
    }

    /// Writes an example into a row; its second text begins at index `second`.
    pub fn set_row(&mut self, row: usize, ids: &[u32], second: usize) {
        let start = row * self.max_len;
        for (position, &id) in ids.iter().enumerate() {
            self.ids[start + position] = id as i32;
            self.attention_mask[start + position] = 1;
            self.token_type_ids[start + position] = i32::from(position >= second);
        }
        self.row_weights[row] = 1.0;
    }

    /// Returns the number of tokens of each row, `[B]`; `None` if padding comes before a token.
    pub fn lengths(&self) -> Option<Vec<usize>> {
        let length = |row: &[u8]| {
            let (tokens, padding) = row.split_at(row.iter().take_while(|&&keep| keep == 1).count());
            (!padding.contains(&1)).then_some(tokens.len())
        };
        self.attention_mask
            .chunks_exact(self.max_len)
            .map(length)
            .collect()
    }
}
