//! Documents of sentences -> pairs for next-sentence prediction: `[CLS] A [SEP] B [SEP]`, where B follows A half of the
//! time and comes from another document otherwise.
//!
//! Source: google-research/bert, `create_pretraining_data.py`: the target lengths, the choice of the cut, the ten tries
//! for another document, the sentences that are put back, and the truncation at either end are as published. What is
//! drawn anew each epoch stands for `dupe_factor`.

use super::packed::Window;
use crate::data::error::DataError;
use crate::data::random::{Purpose, below, generator, permutation, unit_f64};
use crate::data::tokenizer::Specials;
use rand_core::Rng;

/// Share of examples that are shorter than they could be.
const SHORT_SHARE: f64 = 0.1;
/// Tries to find a document other than the one at hand.
const TRIES: usize = 10;

/// A document as its sentences' token ids.
pub type Sentences = Vec<Vec<u32>>;

/// Sentence pairs of one corpus.
#[derive(Clone, Debug, PartialEq)]
pub struct SentencePairs {
    documents: Vec<Sentences>,
    specials: Specials,
    /// The pairs of the epoch that was asked for last.
    epoch: Option<Epoch>,
    /// Pairs of epoch 0, by the length they were made for: what an epoch counts as.
    count: Option<(u64, usize, usize)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Epoch {
    key: (u64, u64, usize),
    pairs: Vec<Pair>,
}

#[derive(Clone, Debug, PartialEq)]
struct Pair {
    a: Vec<u32>,
    b: Vec<u32>,
    random: bool,
}

impl SentencePairs {
    /// Pairs from `documents`; sentences without tokens are left out.
    ///
    /// # Errors
    /// When there is only one document: B must be able to come from another.
    pub fn new(documents: impl Iterator<Item = Sentences>, specials: Specials) -> Result<Self, DataError> {
        let whole = |sentences: Sentences| sentences.into_iter().filter(|s| !s.is_empty()).collect::<Sentences>();
        let documents: Vec<Sentences> = documents.map(whole).filter(|sentences| !sentences.is_empty()).collect();
        if documents.len() < 2 {
            return Err(DataError::TooFewDocuments { documents: documents.len() as u64 });
        }
        Ok(Self { documents, specials, epoch: None, count: None })
    }

    /// Share of the documents that have one sentence: their B is always random.
    pub fn single_share(&self) -> f64 {
        self.documents.iter().filter(|sentences| sentences.len() == 1).count() as f64 / self.documents.len() as f64
    }

    /// Pairs in one pass over the corpus: those of the first.
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

    /// The pair `index` of an epoch, with its special tokens. An epoch with fewer pairs than the first begins again.
    pub fn window(&mut self, seed: u64, epoch: u64, index: usize, max_len: usize) -> Window {
        self.fill((seed, epoch, max_len));
        let pairs = &self.epoch.as_ref().expect("just filled").pairs;
        let Pair { a, b, random } = &pairs[index % pairs.len()];
        let mut ids = vec![self.specials.cls];
        ids.extend(a);
        ids.push(self.specials.sep);
        let second = ids.len();
        ids.extend(b);
        ids.push(self.specials.sep);
        Window { ids, second, random: Some(*random) }
    }

    fn fill(&mut self, key: (u64, u64, usize)) {
        if self.epoch.as_ref().is_some_and(|epoch| epoch.key == key) {
            return;
        }
        let (seed, epoch, max_len) = key;
        let rng = &mut generator(seed, Purpose::Order, epoch, PAIRS);
        let mut pairs = Vec::new();
        for document in 0..self.documents.len() {
            self.pairs_of(document, max_len, rng, &mut pairs);
        }
        let order = permutation(rng, pairs.len() as u32);
        let mut shuffled: Vec<Pair> = Vec::with_capacity(pairs.len());
        let mut slots: Vec<Option<Pair>> = pairs.into_iter().map(Some).collect();
        shuffled.extend(order.iter().filter_map(|&index| slots[index as usize].take()));
        self.epoch = Some(Epoch { key, pairs: shuffled });
    }

    /// `create_instances_from_document`.
    fn pairs_of(&self, index: usize, max_len: usize, rng: &mut impl Rng, out: &mut Vec<Pair>) {
        let document = &self.documents[index];
        let most = max_len.saturating_sub(3).max(2);
        let target = if unit_f64(rng) < SHORT_SHARE { 2 + below(rng, most as u64 - 1) as usize } else { most };
        let (mut chunk, mut length, mut i) = (Vec::new(), 0, 0);
        while i < document.len() {
            chunk.push(&document[i]);
            length += document[i].len();
            if i + 1 == document.len() || length >= target {
                let cut = if chunk.len() >= 2 { 1 + below(rng, chunk.len() as u64 - 1) as usize } else { 1 };
                let a = concat(&chunk[..cut]);
                let random = chunk.len() == 1 || unit_f64(rng) < 0.5;
                let b = if random {
                    // The sentences after the cut are not used: they are put back.
                    i -= chunk.len() - cut;
                    self.random_text(index, target.saturating_sub(a.len()), rng)
                } else {
                    concat(&chunk[cut..])
                };
                let (a, b) = truncated(a, b, most, rng);
                out.push(Pair { a, b, random });
                chunk.clear();
                length = 0;
            }
            i += 1;
        }
    }

    /// Sentences of a document other than `index`, from a random one on, until `target` tokens.
    fn random_text(&self, index: usize, target: usize, rng: &mut impl Rng) -> Vec<u32> {
        let mut drawn = index;
        for _ in 0..TRIES {
            drawn = below(rng, self.documents.len() as u64) as usize;
            if drawn != index {
                break;
            }
        }
        let other = &self.documents[drawn];
        let start = below(rng, other.len() as u64) as usize;
        let mut text = Vec::new();
        for sentence in &other[start..] {
            text.extend(sentence);
            if text.len() >= target {
                break;
            }
        }
        text
    }
}

/// Tells this use of the order's generator from the others of an epoch.
const PAIRS: u64 = 2;

fn concat(sentences: &[&Vec<u32>]) -> Vec<u32> {
    sentences.iter().flat_map(|sentence| sentence.iter().copied()).collect()
}

/// `truncate_seq_pair`: the longer text loses a token, at its front or its back, until both fit.
fn truncated(mut a: Vec<u32>, mut b: Vec<u32>, most: usize, rng: &mut impl Rng) -> (Vec<u32>, Vec<u32>) {
    let cut = |text: &mut Vec<u32>, by: usize, rng: &mut dyn FnMut() -> bool| {
        let front = (0..by).filter(|_| rng()).count();
        text.truncate(text.len() - (by - front));
        text.drain(..front);
    };
    let over = (a.len() + b.len()).saturating_sub(most);
    // The longer one first, down to the other; then both in turn, the second on equal terms.
    let first = over.min(a.len().abs_diff(b.len()));
    let rest = over - first;
    let (mut from_a, mut from_b) = if a.len() > b.len() { (first, 0) } else { (0, first) };
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

    const SPECIALS: Specials = Specials { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };

    /// Token `100 d + 10 s + k` is the `k`th of sentence `s` in document `d`.
    fn pairs(documents: u32, sentences: u32, tokens: u32) -> SentencePairs {
        let document = |d| (0..sentences).map(|s| (0..tokens).map(|k| 100 * d + 10 * s + k).collect()).collect();
        SentencePairs::new((1..=documents).map(document), SPECIALS).expect("documents")
    }

    fn all(pairs: &mut SentencePairs, epoch: u64, max_len: usize) -> Vec<Window> {
        (0..pairs.windows_per_epoch(7, max_len)).map(|i| pairs.window(7, epoch, i, max_len)).collect()
    }

    #[test]
    fn half_follow_and_the_others_come_from_elsewhere() {
        let mut pairs = pairs(300, 6, 4);
        let windows = all(&mut pairs, 0, 32);
        let mut random = 0;
        for Window { ids, second, random: is_random } in &windows {
            assert!(ids.len() <= 32 && ids[0] == 2 && ids[second - 1] == 3 && *ids.last().expect("tokens") == 3);
            let (a, b) = (&ids[1..second - 1], &ids[*second..ids.len() - 1]);
            assert!(!a.is_empty() && !b.is_empty());
            let same = a[0] / 100 == b[0] / 100;
            let follows = same && b[0] > a[a.len() - 1];
            assert!(is_random.expect("told") || follows, "{ids:?}");
            assert!(!is_random.expect("told") || !same, "{ids:?}");
            random += u32::from(is_random.expect("told"));
        }
        // Five standard deviations around a half; the last chunk of a document may be one sentence, always random.
        let share = f64::from(random) / windows.len() as f64;
        assert!((0.4..0.75).contains(&share), "{share}");
        assert_ne!(all(&mut pairs, 1, 32), windows);
        assert_eq!(all(&mut pairs, 0, 32), windows);
    }

    #[test]
    fn documents_of_one_sentence_have_random_partners_only() {
        let mut pairs = pairs(20, 1, 4);
        assert_eq!(pairs.single_share(), 1.0);
        assert!(all(&mut pairs, 0, 32).iter().all(|window| window.random == Some(true)));
    }

    #[test]
    fn truncation_equals_the_published_loop() {
        let rng = &mut generator(1, Purpose::Preview, 0, 0);
        for (a, b, most) in (1..9).flat_map(|a| (1..9).flat_map(move |b| (2..12).map(move |m| (a, b, m)))) {
            let (mut x, mut y) = (a, b);
            while x + y > most {
                *(if x > y { &mut x } else { &mut y }) -= 1;
            }
            let (cut_a, cut_b) = truncated(vec![1; a], vec![2; b], most, rng);
            assert_eq!((cut_a.len(), cut_b.len()), (x, y), "{a} {b} {most}");
        }
    }

    #[test]
    fn one_document_is_refused() {
        let one = SentencePairs::new(std::iter::once(vec![vec![5], vec![6]]), SPECIALS);
        assert_eq!(one.expect_err("refused").code(), "too-few-documents");
    }
}
