//! Sentence pairs for next-sentence prediction: `[CLS] A [SEP] B [SEP]`, where B follows A half of
//! the time and comes from another document otherwise.
//!
//! Source: google-research/bert, `create_pretraining_data.py`. The target lengths, the choice of
//! the cut, the ten attempts to find another document, putting back unused sentences, and the
//! truncation at either end are as published. Drawing new pairs each epoch replaces `dupe_factor`.

use super::packed::Window;
use super::tokens::Tokens;
use crate::error::DataError;
use crate::random::{Purpose, below, generator, permutation, unit_f64};
use crate::tokenizer::Specials;
use rand_core::Rng;
use std::ops::Range;
use std::rc::Rc;

/// Share of examples with a random, shorter target length.
const SHORT_SHARE: f64 = 0.1;
/// Attempts to draw a document other than the current one.
const MAX_TRIES: usize = 10;

/// Source of sentence pairs of one corpus.
#[derive(Clone, Debug)]
pub struct SentencePairs {
    /// All sentences, none of them empty.
    sentences: Tokens,
    /// Index of each document's first sentence, followed by the number of sentences.
    documents: Rc<Vec<usize>>,
    specials: Specials,
    /// Pairs of the most recently used epoch.
    epoch: Option<Rc<Epoch>>,
    /// Seed, sequence length and number of pairs of epoch 0, which defines the length of an epoch.
    count: Option<(u64, usize, usize)>,
}

#[derive(Debug)]
struct Epoch {
    key: (u64, u64, usize),
    pairs: Vec<Pair>,
    order: Vec<u32>,
}

/// Token ranges of the two texts.
#[derive(Debug)]
struct Pair {
    a: Range<usize>,
    b: Range<usize>,
    random: bool,
}

impl SentencePairs {
    /// Creates pairs from `sentences`, none of them empty. `documents` holds the index of each
    /// document's first sentence, followed by the number of sentences; no document is empty either.
    ///
    /// # Errors
    /// Returns an error if there are fewer than two documents: B must be able to come from another
    /// one.
    pub fn new(
        sentences: Tokens,
        documents: Vec<usize>,
        specials: Specials,
    ) -> Result<Self, DataError> {
        if documents.len() < 3 {
            return Err(DataError::TooFewDocuments {
                documents: documents.len().saturating_sub(1) as u64,
            });
        }
        Ok(Self {
            sentences,
            documents: Rc::new(documents),
            specials,
            epoch: None,
            count: None,
        })
    }

    /// Returns the share of documents with only one sentence, whose B is always random.
    pub fn single_share(&self) -> f64 {
        let lengths = || {
            self.documents
                .windows(2)
                .map(|bounds| bounds[1] - bounds[0])
        };
        lengths().filter(|&length| length == 1).count() as f64 / lengths().len() as f64
    }

    /// Returns the number of pairs per epoch, which is that of epoch 0.
    pub fn windows_per_epoch(&mut self, seed: u64, max_len: usize) -> usize {
        match self.count {
            Some((s, m, count)) if (s, m) == (seed, max_len) => count,
            _ => {
                self.fill((seed, 0, max_len));
                let count = self.epoch.as_ref().expect("just filled").pairs.len();
                self.count = Some((seed, max_len, count));
                count
            }
        }
    }

    /// Returns pair `index` of an epoch with its special tokens. If an epoch has fewer pairs than
    /// epoch 0, they repeat.
    pub fn window(&mut self, seed: u64, epoch: u64, index: usize, max_len: usize) -> Window {
        self.fill((seed, epoch, max_len));
        let Epoch { pairs, order, .. } = &**self.epoch.as_ref().expect("just filled");
        let Pair { a, b, random } = &pairs[order[index % order.len()] as usize];
        let mut ids = vec![self.specials.cls];
        self.sentences.read(a.clone(), &mut ids);
        ids.push(self.specials.sep);
        let second = ids.len();
        self.sentences.read(b.clone(), &mut ids);
        ids.push(self.specials.sep);
        Window {
            ids,
            second,
            random: Some(*random),
        }
    }

    fn fill(&mut self, key: (u64, u64, usize)) {
        if self.epoch.as_ref().is_some_and(|epoch| epoch.key == key) {
            return;
        }
        let (seed, epoch, max_len) = key;
        let rng = &mut generator(seed, Purpose::Order, epoch, PAIRS);
        let mut pairs = Vec::new();
        for document in 0..self.documents.len() - 1 {
            self.pairs_of(document, max_len, rng, &mut pairs);
        }
        let order = permutation(rng, pairs.len() as u32);
        self.epoch = Some(Rc::new(Epoch { key, pairs, order }));
    }

    /// Draws the pairs of one document, as `create_instances_from_document` does.
    fn pairs_of(&self, index: usize, max_len: usize, rng: &mut impl Rng, out: &mut Vec<Pair>) {
        let document = self.document(index);
        let max_tokens = max_len.saturating_sub(3).max(2);
        let target = if unit_f64(rng) < SHORT_SHARE {
            2 + below(rng, max_tokens as u64 - 1) as usize
        } else {
            max_tokens
        };
        let (mut first, mut length, mut i) = (document.start, 0, document.start);
        while i < document.end {
            length += self.sentences.place(i).len();
            if i + 1 == document.end || length >= target {
                let chunk = i + 1 - first;
                let cut = if chunk >= 2 {
                    1 + below(rng, chunk as u64 - 1) as usize
                } else {
                    1
                };
                let a = self.span(first..first + cut);
                let random = chunk == 1 || unit_f64(rng) < 0.5;
                let b = if random {
                    // The sentences after the cut are unused and put back.
                    i -= chunk - cut;
                    self.random_text(index, target.saturating_sub(a.len()), rng)
                } else {
                    self.span(first + cut..first + chunk)
                };
                let (a, b) = truncated(a, b, max_tokens, rng);
                out.push(Pair { a, b, random });
                first = i + 1;
                length = 0;
            }
            i += 1;
        }
    }

    /// Returns consecutive sentences of a document other than `index`, from a random one up to
    /// `target` tokens or the end of the document.
    fn random_text(&self, index: usize, target: usize, rng: &mut impl Rng) -> Range<usize> {
        let mut drawn = index;
        for _ in 0..MAX_TRIES {
            drawn = below(rng, self.documents.len() as u64 - 1) as usize;
            if drawn != index {
                break;
            }
        }
        let other = self.document(drawn);
        let first = other.start + below(rng, other.len() as u64) as usize;
        let enough = |last: &usize| self.span(first..last + 1).len() >= target;
        let last = (first..other.end).find(enough).unwrap_or(other.end - 1);
        self.span(first..last + 1)
    }

    /// Returns the range of a document's sentences.
    fn document(&self, index: usize) -> Range<usize> {
        self.documents[index]..self.documents[index + 1]
    }

    /// Returns the token range of consecutive sentences.
    fn span(&self, sentences: Range<usize>) -> Range<usize> {
        self.sentences.place(sentences.start).start..self.sentences.place(sentences.end - 1).end
    }
}

/// Generator coordinate that separates this use from the other orders of an epoch.
const PAIRS: u64 = 2;

/// Truncates a pair as `truncate_seq_pair` does: the longer text loses a token, at its front or its
/// back, until both fit.
fn truncated(
    mut a: Range<usize>,
    mut b: Range<usize>,
    max_tokens: usize,
    rng: &mut impl Rng,
) -> (Range<usize>, Range<usize>) {
    let cut = |text: &mut Range<usize>, by: usize, rng: &mut dyn FnMut() -> bool| {
        let front = (0..by).filter(|_| rng()).count();
        text.end -= by - front;
        text.start += front;
    };
    let excess = (a.len() + b.len()).saturating_sub(max_tokens);
    // First the longer text down to the length of the other, then both alternately, beginning with
    // the second.
    let first = excess.min(a.len().abs_diff(b.len()));
    let rest = excess - first;
    let (mut from_a, mut from_b) = if a.len() > b.len() {
        (first, 0)
    } else {
        (0, first)
    };
    from_a += rest / 2;
    from_b += rest - rest / 2;
    let mut coin = || unit_f64(rng) < 0.5;
    cut(&mut a, from_a, &mut coin);
    cut(&mut b, from_b, &mut coin);
    (a, b)
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

    /// Token `100 d + 10 s + k` is token `k` of sentence `s` in document `d`, with documents
    /// counted from 1.
    fn pairs(documents: u32, sentences: u32, tokens: u32) -> SentencePairs {
        let sentence = |i: u32| {
            (0..tokens)
                .map(|k| 100 * (1 + i / sentences) + 10 * (i % sentences) + k)
                .collect()
        };
        let all = Tokens::in_memory((0..documents * sentences).map(sentence), 1 << 20);
        let bounds = (0..=documents).map(|d| (d * sentences) as usize).collect();
        SentencePairs::new(all, bounds, SPECIALS).expect("documents")
    }

    fn all(pairs: &mut SentencePairs, epoch: u64, max_len: usize) -> Vec<Window> {
        (0..pairs.windows_per_epoch(7, max_len))
            .map(|i| pairs.window(7, epoch, i, max_len))
            .collect()
    }

    #[test]
    fn about_half_of_the_pairs_are_consecutive() {
        let mut pairs = pairs(300, 6, 4);
        let windows = all(&mut pairs, 0, 32);
        let mut random = 0;
        for Window {
            ids,
            second,
            random: is_random,
        } in &windows
        {
            assert!(
                ids.len() <= 32
                    && ids[0] == 2
                    && ids[second - 1] == 3
                    && *ids.last().expect("tokens") == 3
            );
            let (a, b) = (&ids[1..second - 1], &ids[*second..ids.len() - 1]);
            assert!(!a.is_empty() && !b.is_empty());
            let same = a[0] / 100 == b[0] / 100;
            let follows = same && b[0] > a[a.len() - 1];
            assert!(is_random.expect("told") || follows, "{ids:?}");
            assert!(!is_random.expect("told") || !same, "{ids:?}");
            random += u32::from(is_random.expect("told"));
        }
        // Five standard deviations around one half; the last chunk of a document may be a single
        // sentence, whose B is always random.
        let share = f64::from(random) / windows.len() as f64;
        assert!((0.4..0.75).contains(&share), "{share}");
        assert_ne!(all(&mut pairs, 1, 32), windows);
        assert_eq!(all(&mut pairs, 0, 32), windows);
    }

    #[test]
    fn documents_of_one_sentence_yield_random_pairs_only() {
        let mut pairs = pairs(20, 1, 4);
        assert_eq!(pairs.single_share(), 1.0);
        assert!(
            all(&mut pairs, 0, 32)
                .iter()
                .all(|window| window.random == Some(true))
        );
    }

    #[test]
    fn truncation_equals_the_published_loop() {
        let rng = &mut generator(1, Purpose::Preview, 0, 0);
        for (a, b, max_tokens) in
            (1..9).flat_map(|a| (1..9).flat_map(move |b| (2..12).map(move |m| (a, b, m))))
        {
            let (mut x, mut y) = (a, b);
            while x + y > max_tokens {
                *(if x > y { &mut x } else { &mut y }) -= 1;
            }
            let (cut_a, cut_b) = truncated(0..a, 9..9 + b, max_tokens, rng);
            assert_eq!((cut_a.len(), cut_b.len()), (x, y), "{a} {b} {max_tokens}");
        }
    }

    #[test]
    fn one_document_is_refused() {
        let two_sentences = Tokens::in_memory([vec![5], vec![6]].into_iter(), 10);
        let one = SentencePairs::new(two_sentences, vec![0, 2], SPECIALS);
        assert_eq!(one.expect_err("refused").code(), "too-few-documents");
    }
}
