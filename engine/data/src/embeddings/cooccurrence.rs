//! How often two tokens stand near each other: a symmetric window, nearer pairs counted more. Only distinct pairs are
//! held; new ones wait in a buffer that is sorted and merged when it is full.

use crate::examples::Tokens;
use crate::tokenizer::Specials;

/// Tokens to each side (Levy et al. 2015).
const WINDOW: usize = 5;
/// Weight of neighbours; at distance `d` a pair counts this over `d`, a whole number for every distance in the window.
const WEIGHT: u64 = 60;
/// Pairs that wait at least; as many as are held where that is more, so that merging costs a constant share.
const MIN_WAITING: usize = 1 << 21;
/// Distinct pairs that are held at most (16 bytes each); beyond, the rarest are dropped.
const MAX_PAIRS: usize = if cfg!(target_arch = "wasm32") {
    4 << 20
} else {
    16 << 20
};
/// Tokens that are read at most; of more text, evenly spread documents.
const MAX_TOKENS: usize = 24 << 20;
/// Bits of a token id in a packed pair.
const ID_BITS: u32 = 24;

/// Counts in the making.
pub(super) struct Counter {
    /// `row << 40 | column << 16 | weight`.
    waiting: Vec<u64>,
    /// `row << 24 | column` with the summed weight, ascending.
    held: Vec<(u64, u64)>,
}

impl Counter {
    /// Nothing counted yet.
    ///
    /// # Panics
    /// For a vocabulary of more than 16 million tokens: no tokenizer here makes one.
    pub fn new(vocab_size: usize) -> Self {
        assert!(vocab_size <= 1 << ID_BITS, "token ids fit 24 bits");
        Self {
            waiting: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Counts the pairs of all documents; those with a special token don't count.
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
            if self.waiting.len() >= MIN_WAITING.max(self.held.len()) {
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
        let mut old = std::mem::take(&mut self.held).into_iter().peekable();
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
        self.held = merged;
        let mut rarest = 1;
        while self.held.len() > MAX_PAIRS {
            self.held.retain(|(_, n)| *n > rarest);
            rarest *= 2;
        }
        waiting.clear();
        self.waiting = waiting;
    }

    /// All pairs `(row, column, count)` with `row <= column`, ascending. A pair of two different tokens is counted once.
    pub fn finish(mut self) -> Vec<(u32, u32, u64)> {
        self.merge();
        let id = |bits: u64| (bits & ((1 << ID_BITS) - 1)) as u32;
        self.held
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
            &Tokens::held(documents.iter().map(|ids| ids.to_vec()), 32),
            &SPECIALS,
        );
        counter.finish()
    }

    #[test]
    fn nearer_pairs_count_more_and_documents_stay_apart() {
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
    fn unknown_tokens_keep_their_place_and_do_not_count() {
        assert_eq!(pairs(&[&[7, 1, 8, 3]]), [(7, 8, 30)]);
    }

    #[test]
    fn merging_in_parts_gives_the_same_counts() {
        let documents: Vec<Vec<u32>> = (0..50)
            .map(|i| (0..20).map(|j| 5 + (i * 7 + j * j) % 20).collect())
            .collect();
        let tokens = Tokens::held(documents.into_iter(), 32);
        let (mut whole, mut parts) = (Counter::new(32), Counter::new(32));
        whole.count_documents(&tokens, &SPECIALS);
        for index in 0..tokens.documents() {
            parts.count(&tokens.document(index), &SPECIALS);
            parts.merge();
        }
        assert_eq!(whole.finish(), parts.finish());
    }
}
