//! Documents as token ids -> batches of one static shape: packed windows with hidden tokens for pre-training, whole
//! documents with labels for fine-tuning. Every batch is a pure function of (seed, epoch, index), so a run resumes
//! anywhere. It knows no tensor: a batch is plain numbers.

pub mod counting;
mod labelled;
mod masked;
mod packed;
mod pairs;
mod tokens;

pub use labelled::{EncodedDocument, EncodedDocuments, EncodedDocumentsBuilder, LabelledExamples};
pub use masked::{MaskedExamples, Windows};
pub use packed::{Packed, Window};
pub use pairs::SentencePairs;
pub use tokens::{Tokens, TokensBuilder};

use super::tokenizer::Specials;

/// One batch, `B` rows of `T` tokens. What a phase does not use is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// What the model sees, `[B * T]`.
    pub ids: Vec<i32>,
    /// 1 at tokens, 0 at padding, `[B * T]`.
    pub attention_mask: Vec<u8>,
    /// 1 in the second text of a pair, else 0, `[B * T]`.
    pub token_type_ids: Vec<i32>,
    /// Positions to guess, flat in `B * T`, `[M]`; 0 in slots that are not used.
    pub masked_positions: Vec<i32>,
    /// The true tokens there, `[M]`.
    pub masked_targets: Vec<i32>,
    /// 1 for a position to guess, 0 for a slot that is not used, `[M]`.
    pub masked_weights: Vec<f32>,
    /// 1 where the second text of a row is a random one, `[B]`; empty where rows are not pairs.
    pub next_sentence: Vec<i32>,
    /// 1 where a document carries a label, `[B * C]`.
    pub labels: Vec<f32>,
    /// 1 for an example, 0 for a row that only fills the batch, `[B]`.
    pub row_weights: Vec<f32>,
    /// `B`.
    pub batch_size: usize,
    /// `T`.
    pub max_len: usize,
}

impl Batch {
    /// Rows of nothing but `[CLS]`: attention needs at least one token to look at.
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

    /// Writes an example into a row; its second text begins at `second`.
    pub fn set_row(&mut self, row: usize, ids: &[u32], second: usize) {
        let start = row * self.max_len;
        for (position, &id) in ids.iter().enumerate() {
            self.ids[start + position] = id as i32;
            self.attention_mask[start + position] = 1;
            self.token_type_ids[start + position] = i32::from(position >= second);
        }
        self.row_weights[row] = 1.0;
    }
}
