//! Packs documents into windows without padding: the documents of an epoch are concatenated in
//! random order, each ended by `[SEP]`, and cut into equal windows that begin with `[CLS]` and are
//! shuffled in turn. Windows can be requested in any order.
//!
//! Source: packing as in RoBERTa's FULL-SENTENCES (Liu et al. 2019, section 4.2).

use super::tokens::Tokens;
use crate::error::DataError;
use crate::random::{Purpose, generator, permutation};
use crate::tokenizer::Specials;
use protocol::message;
use std::rc::Rc;

/// Encoded documents for packing. Clones share the data.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Tokens of all documents, each ended by `[SEP]`.
    tokens: Tokens,
    /// Number of occurrences of each token id.
    counts: Rc<Vec<u64>>,
    specials: Specials,
    /// Order of the most recently used epoch.
    order: Option<Rc<Order>>,
}

/// One example before masking.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Token ids, special tokens included, at most the window length.
    pub ids: Vec<u32>,
    /// Index at which the second text begins; the window length if there is none.
    pub second: usize,
    /// Whether the second text is a random one; `None` if the window is not a pair.
    pub random: Option<bool>,
}

/// Order of the documents and windows of one epoch.
#[derive(Clone, Debug, PartialEq)]
struct Order {
    key: (u64, u64, usize),
    documents: Vec<u32>,
    /// Start of each document in the epoch's token stream.
    starts: Vec<usize>,
    windows: Vec<u32>,
}

impl Packed {
    /// Creates windows of documents over a vocabulary of `vocab_size`, none of them empty and each
    /// ended by `[SEP]`.
    ///
    /// # Errors
    /// Returns an error if there is no token that masking may choose.
    ///
    /// # Panics
    /// Panics if a token id is not below `vocab_size`.
    pub fn new(tokens: Tokens, specials: Specials, vocab_size: usize) -> Result<Self, DataError> {
        let mut counts = vec![0; vocab_size];
        tokens
            .chunks()
            .flatten()
            .for_each(|id| counts[id as usize] += 1);
        let maskable = |(id, count): (usize, &u64)| *count > 0 && !specials.contains(id as u32);
        if !counts.iter().enumerate().any(maskable) {
            return Err(DataError::NothingToMask {
                needed: message!("no token that is in the vocabulary"),
            });
        }
        Ok(Self {
            tokens,
            counts: Rc::new(counts),
            specials,
            order: None,
        })
    }

    /// Returns all tokens: documents in their original order, each ended by `[SEP]`.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Returns the number of occurrences of each token id, special tokens included.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Returns the number of documents.
    pub fn documents(&self) -> usize {
        self.tokens.documents()
    }

    /// Returns the share of unknown tokens, from 0 to 1.
    pub fn unknown_share(&self) -> f64 {
        self.counts[self.specials.unk as usize] as f64
            / (self.tokens.len() - self.documents()) as f64
    }

    /// Checks that the corpus fills at least one window.
    ///
    /// # Errors
    /// Returns an error if there are fewer tokens than that.
    pub fn check(&self, max_len: usize) -> Result<(), DataError> {
        let (tokens, needed) = (self.tokens.len() as u64, (max_len as u64).saturating_sub(1));
        if tokens < needed {
            Err(DataError::CorpusTooSmall { tokens, needed })
        } else {
            Ok(())
        }
    }

    /// Returns the number of windows per epoch.
    ///
    /// # Panics
    /// Panics if `max_len` leaves no room for a token after `[CLS]`.
    pub fn windows_per_epoch(&self, max_len: usize) -> usize {
        assert!(max_len >= 2, "a window holds [CLS] and a token");
        self.tokens.len().div_ceil(max_len - 1)
    }

    /// Returns window `index` of an epoch, `[CLS]` included. At most one window of an epoch is
    /// shorter than `max_len`.
    ///
    /// # Panics
    /// Panics if `index` is not below [`Self::windows_per_epoch`].
    pub fn window(&mut self, seed: u64, epoch: u64, index: usize, max_len: usize) -> Vec<u32> {
        let key = (seed, epoch, max_len);
        let order = match self.order.take() {
            Some(order) if order.key == key => order,
            _ => Rc::new(self.order_of(key)),
        };
        let begin = order.windows[index] as usize * (max_len - 1);
        let window = self.cut(&order, begin, max_len);
        self.order = Some(order);
        window
    }

    fn order_of(&self, key: (u64, u64, usize)) -> Order {
        let (seed, epoch, max_len) = key;
        let shuffled = |what, n: usize| {
            permutation(&mut generator(seed, Purpose::Order, epoch, what), n as u32)
        };
        let documents = shuffled(0, self.documents());
        let windows = shuffled(1, self.windows_per_epoch(max_len));
        let mut end = 0;
        let mut start = |&document: &u32| {
            let start = end;
            end += self.tokens.place(document as usize).len();
            start
        };
        let starts = documents.iter().map(&mut start).collect();
        Order {
            key,
            documents,
            starts,
            windows,
        }
    }

    /// Returns `[CLS]` and the tokens from position `begin` of the epoch's stream.
    fn cut(&self, order: &Order, begin: usize, max_len: usize) -> Vec<u32> {
        let mut window = Vec::with_capacity(max_len);
        window.push(self.specials.cls);
        let first = order.starts.partition_point(|&start| start <= begin) - 1;
        let mut skip = begin - order.starts[first];
        for &document in &order.documents[first..] {
            let place = self.tokens.place(document as usize);
            let from = place.start + skip;
            self.tokens.read(
                from..place.end.min(from + max_len - window.len()),
                &mut window,
            );
            skip = 0;
            if window.len() == max_len {
                break;
            }
        }
        window
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

    const VOCAB_SIZE: usize = 500;

    fn pack(documents: &[Vec<u32>]) -> Result<Packed, DataError> {
        let filled = documents.iter().filter(|document| !document.is_empty());
        let ended = filled.map(|document| [&document[..], &[SPECIALS.sep]].concat());
        Packed::new(Tokens::in_memory(ended, VOCAB_SIZE), SPECIALS, VOCAB_SIZE)
    }

    fn packed() -> Packed {
        pack(
            &(0..50)
                .map(|i| (0..i % 7).map(|j| 10 + i * 7 + j).collect())
                .collect::<Vec<_>>(),
        )
        .expect("tokens")
    }

    fn all(packed: &Packed) -> Vec<u32> {
        packed.tokens().chunks().collect::<Vec<_>>().concat()
    }

    #[test]
    fn an_epoch_holds_each_document_once_for_any_window_length() {
        for max_len in [2, 3, 8, 33, 1000] {
            for epoch in [0, 1] {
                let mut packed = packed();
                let n = packed.windows_per_epoch(max_len);
                let windows: Vec<Vec<u32>> = (0..n)
                    .map(|i| packed.window(1, epoch, i, max_len))
                    .collect();
                assert!(
                    windows
                        .iter()
                        .all(|window| window[0] == SPECIALS.cls && window.len() <= max_len)
                );
                let short = windows
                    .iter()
                    .filter(|window| window.len() < max_len)
                    .count();
                assert!(short <= 1, "{short} short windows");
                let mut seen: Vec<u32> = windows
                    .iter()
                    .flat_map(|window| window[1..].to_vec())
                    .collect();
                let mut all = all(&packed);
                seen.sort_unstable();
                all.sort_unstable();
                assert_eq!(seen, all);
            }
        }
    }

    #[test]
    fn windows_cut_a_stream_of_whole_documents() {
        let mut packed = packed();
        let max_len = 9;
        let n = packed.windows_per_epoch(max_len);
        let mut windows: Vec<(u32, Vec<u32>)> = (0..n)
            .map(|index| {
                let window = packed.window(1, 0, index, max_len);
                (packed.order.as_ref().expect("kept").windows[index], window)
            })
            .collect();
        windows.sort_unstable();
        let stream: Vec<u32> = windows
            .into_iter()
            .flat_map(|(_, window)| window[1..].to_vec())
            .collect();
        let mut documents: Vec<&[u32]> = stream.split_inclusive(|&id| id == SPECIALS.sep).collect();
        assert_eq!(documents.len(), packed.documents());
        documents.sort_unstable();
        let mut expected: Vec<Vec<u32>> = (0..packed.documents())
            .map(|index| packed.tokens().document(index))
            .collect();
        expected.sort_unstable();
        assert_eq!(documents, expected);
    }

    #[test]
    fn windows_can_be_requested_in_any_order() {
        let mut forward = packed();
        let expected: Vec<Vec<u32>> = (0..10)
            .map(|index| forward.window(1, 3, index, 8))
            .collect();
        let mut backward = packed();
        for index in (0..10).rev() {
            backward.window(1, 2, index, 8);
            assert_eq!(backward.window(1, 3, index, 8), expected[index]);
        }
        assert_ne!(forward.window(1, 4, 0, 8), expected[0]);
        assert_ne!(forward.window(2, 3, 0, 8), expected[0]);
    }

    #[test]
    fn too_little_text_is_refused() {
        let new =
            |documents: &[&[u32]]| pack(&documents.iter().map(|d| d.to_vec()).collect::<Vec<_>>());
        for nothing in [&[][..], &[&[][..]], &[&[1, 1][..], &[1]]] {
            assert_eq!(new(nothing).expect_err("refused").code(), "nothing-to-mask");
        }
        let three = new(&[&[5, 6], &[], &[1]]).expect("tokens");
        assert_eq!((all(&three), three.documents()), (vec![5, 6, 3, 1, 3], 2));
        assert_eq!(three.unknown_share(), 1.0 / 3.0);
        assert_eq!(three.check(6), Ok(()));
        assert_eq!(
            three.check(7),
            Err(DataError::CorpusTooSmall {
                tokens: 5,
                needed: 6
            })
        );
    }
}
