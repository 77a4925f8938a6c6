//! Counts how often two tokens occur near each other, in a symmetric window that weights nearer
//! pairs more. Only distinct pairs are stored; new ones go to a buffer that is sorted and merged
//! when full.

use crate::examples::Tokens;
use crate::tokenizer::Specials;

/// Tokens on each side (Levy et al. 2015).
const WINDOW: usize = 5;
/// Weight of adjacent tokens. At distance `d` a pair counts this over `d`, a whole number for every
/// distance in the window.
const WEIGHT: u64 = 60;
/// Minimum size of the buffer in pairs; it grows to the number of stored pairs, so that merging
/// takes a constant share of the time.
const MIN_WAITING: usize = 1 << 21;
/// Maximum distinct pairs stored (16 bytes each); beyond this the rarest are dropped.
const MAX_PAIRS: usize = if cfg!(target_arch = "wasm32") {
    4 << 20
} else {
    16 << 20
};
/// Maximum tokens that are read; of a larger corpus, evenly spaced documents are used.
const MAX_TOKENS: usize = 24 << 20;
/// Bits of a token id in a packed pair.
const ID_BITS: u32 = 24;

/// Counts pairs of tokens.
pub(super) struct Counter {
    /// Buffered pairs, `row << 40 | column << 16 | weight`.
    waiting: Vec<u64>,
    /// Stored pairs, `row << 24 | column` with the summed weight, ascending.
    in_memory: Vec<(u64, u64)>,
}

impl Counter {
    /// Creates a counter for ids below `vocab_size`.
    ///
    /// # Panics
    /// Panics if the vocabulary has more than 16 million tokens, which no tokenizer here produces.
    pub fn new(vocab_size: usize) -> Self {
        assert!(vocab_size <= 1 << ID_BITS, "token ids fit 24 bits");
        Self {
            waiting: Vec::new(),
            in_memory: Vec::new(),
        }
    }

    /// Counts the pairs of all documents, except those with a special token.
    pub fn count_documents(&mut self, tokens: &Tokens, specials: &Specials) {
        let stride = tokens.len().div_ceil(MAX_TOKENS).max(1);
        let mut document = Vec::new();
        for index in (0..tokens.documents()).step_by(stride) {
            document.clear();
            let place = tokens.place(index);
            tokens.read(
                place.start..place.end.min(place.start + MAX_TOKENS),
                &mut document,
            );
            self.count(&document, specials);
        }
    }

    fn count(&mut self, document: &[u32], specials: &Specials) {
        for (i, &token) in document.iter().enumerate() {
            if specials.contains(token) {
                continue;
            }
            let before = document[i.saturating_sub(WINDOW)..i].iter().rev();
            for (distance, &other) in (1..).zip(before) {
                if !specials.contains(other) {
                    let (low, high) = (u64::from(token.min(other)), u64::from(token.max(other)));
                    self.waiting
                        .push((low << (16 + ID_BITS)) | (high << 16) | (WEIGHT / distance));
                }
            }
            if self.waiting.len() >= MIN_WAITING.max(self.in_memory.len()) {
                self.merge();
            }
        }
    }

    fn merge(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_unstable();
        let new = waiting.chunk_by(|a, b| a >> 16 == b >> 16);
        let mut new = new
            .map(|same| {
                (
                    same[0] >> 16,
                    same.iter().map(|pair| pair & 0xffff).sum::<u64>(),
                )
            })
            .peekable();
        let mut old = std::mem::take(&mut self.in_memory).into_iter().peekable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(old.len());
        loop {
            let next = match (old.peek(), new.peek()) {
                (Some(a), Some(b)) if a.0 == b.0 => {
                    let (key, sum) = (a.0, a.1 + b.1);
                    old.next();
                    new.next();
                    Some((key, sum))
                }
                (Some(a), Some(b)) if a.0 < b.0 => old.next(),
                (Some(_), None) => old.next(),
                _ => new.next(),
            };
            match next {
                Some(pair) => merged.push(pair),
                None => break,
            }
        }
        self.in_memory = merged;
        let mut rarest = 1;
        while self.in_memory.len() > MAX_PAIRS {
            self.in_memory.retain(|(_, n)| *n > rarest);
            rarest *= 2;
        }
        waiting.clear();
        self.waiting = waiting;
    }

    /// Returns all pairs `(row, column, count)` with `row <= column`, ascending. A pair of two
    /// different tokens is counted once.
    pub fn finish(mut self) -> Vec<(u32, u32, u64)> {
        self.merge();
        let id = |bits: u64| (bits & ((1 << ID_BITS) - 1)) as u32;
        self.in_memory
            .into_iter()
            .map(|(key, n)| (id(key >> ID_BITS), id(key), n))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIALS: Specials = Specials {
        pad: 0,
        unk: 1,
        cls: 2,
        sep: 3,
        mask: 4,
    };

    fn pairs(documents: &[&[u32]]) -> Vec<(u32, u32, u64)> {
        let mut counter = Counter::new(32);
        counter.count_documents(
            &Tokens::in_memory(documents.iter().map(|ids| ids.to_vec()), 32),
            &SPECIALS,
        );
        counter.finish()
    }

    #[test]
    fn nearer_pairs_count_more_and_documents_are_separate() {
        assert_eq!(
            pairs(&[&[7, 8, 9, 3], &[8, 7, 3]]),
            [(7, 8, 120), (7, 9, 30), (8, 9, 60)]
        );
        assert_eq!(
            pairs(&[&[7, 9, 9, 9, 9, 9, 8]]),
            [
                (7, 9, 60 + 30 + 20 + 15 + 12),
                (8, 9, 60 + 30 + 20 + 15 + 12),
                (9, 9, 4 * 60 + 3 * 30 + 2 * 20 + 15),
            ]
        );
    }

    #[test]
    fn unknown_tokens_take_up_space_but_are_not_counted() {
        assert_eq!(pairs(&[&[7, 1, 8, 3]]), [(7, 8, 30)]);
    }

    #[test]
    fn merging_in_parts_yields_the_same_counts() {
        let documents: Vec<Vec<u32>> = (0..50)
            .map(|i| (0..20).map(|j| 5 + (i * 7 + j * j) % 20).collect())
            .collect();
        let tokens = Tokens::in_memory(documents.into_iter(), 32);
        let (mut whole, mut parts) = (Counter::new(32), Counter::new(32));
        whole.count_documents(&tokens, &SPECIALS);
        for index in 0..tokens.documents() {
            parts.count(&tokens.document(index), &SPECIALS);
            parts.merge();
        }
        assert_eq!(whole.finish(), parts.finish());
    }
}
