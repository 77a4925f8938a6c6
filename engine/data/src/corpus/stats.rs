//! Statistics of a set of documents, accumulated in one pass and in bounded memory: counts, labels,
//! candidates for holding out, and a digest.

use crate::document::Document;
use crate::text::script::Unspaced;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashSet};
use std::ops::Range;

/// Minimum number of distinct words, or of distinct characters in text without spaces, for scores
/// to be meaningful.
const VARIED_WORDS: usize = 5;
const VARIED_CHARACTERS: usize = 8;

/// Maximum number of distinct texts that later ones are compared with: 32 MiB of hashes.
const MAX_COMPARED: usize = 1 << 21;

/// Maximum held-out documents per split; more would cost time without changing the result.
pub(super) const MAX_HELD_OUT: usize = 2000;

/// Statistics of the documents seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct CorpusStats {
    /// Number of documents.
    pub documents: u64,
    /// Number of documents with labels.
    pub labelled: u64,
    /// Number of characters other than white space.
    pub characters: u64,
    /// Letter counts of scripts written without spaces.
    pub unspaced: Unspaced,
    /// Number of blocks of lines.
    pub blocks: u64,
    /// Approximate size of the documents in memory, in bytes.
    pub bytes: u64,
    /// Number of documents whose text occurred before.
    pub repeated: u64,
    /// Number of documents per label.
    pub labels: BTreeMap<String, u64>,
    /// Smallest text hashes of all documents.
    pub all: SmallestHashes,
    /// Smallest text hashes of the labelled documents.
    pub with_labels: SmallestHashes,
    /// Smallest text hashes of the documents without labels.
    pub without_labels: SmallestHashes,
    /// Hashes of distinct texts, at most [`MAX_COMPARED`].
    texts: HashSet<u64>,
    words: BTreeSet<String>,
    letters: BTreeSet<char>,
    digest: Sha256,
}

impl CorpusStats {
    /// Adds one document.
    pub fn take(&mut self, document: &Document) {
        let hash = text_hash(document);
        self.documents += 1;
        self.blocks = document.block + 1;
        self.all.take(hash);
        self.compare(hash);
        if document.labels.is_empty() {
            self.without_labels.take(hash);
        } else {
            self.labelled += 1;
            self.with_labels.take(hash);
        }
        for label in &document.labels {
            *self.labels.entry(label.clone()).or_default() += 1;
        }
        self.bytes += size_of::<Document>() as u64;
        for text in document.texts() {
            self.bytes += text.len() as u64;
            self.characters += text.chars().filter(|c| !c.is_whitespace()).count() as u64;
            self.unspaced.take(text);
            self.count_variety(text);
            self.digest_text(text);
        }
        self.digest_text("\t");
        document
            .labels
            .iter()
            .for_each(|label| self.digest_text(label));
        self.digest_text("\n");
    }

    /// Records the hash of a text, counting it as repeated if it was seen before.
    fn compare(&mut self, hash: u64) {
        if self.texts.contains(&hash) {
            self.repeated += 1;
        } else if self.texts.len() < MAX_COMPARED {
            self.texts.insert(hash);
        }
    }

    /// Collects distinct words and characters until there are enough.
    fn count_variety(&mut self, text: &str) {
        for word in text.split_whitespace() {
            if !self.is_monotonous() {
                return;
            }
            if !self.words.contains(word) {
                self.words.insert(word.into());
            }
            self.letters.extend(word.chars());
        }
    }

    /// Adds the statistics of another file.
    pub fn join(&mut self, other: Self) {
        self.documents += other.documents;
        self.labelled += other.labelled;
        self.characters += other.characters;
        self.unspaced.join(other.unspaced);
        self.blocks += other.blocks;
        self.bytes += other.bytes;
        for (label, count) in other.labels {
            *self.labels.entry(label).or_default() += count;
        }
        self.all.join(other.all);
        self.with_labels.join(other.with_labels);
        self.without_labels.join(other.without_labels);
        self.repeated += other.repeated;
        other.texts.into_iter().for_each(|hash| self.compare(hash));
        self.words.extend(other.words);
        self.letters.extend(other.letters);
        self.digest.update(other.digest.finalize());
    }

    /// Returns how many distinct texts of `other` also occur here.
    pub fn shared_with(&self, other: &Self) -> u64 {
        other
            .texts
            .iter()
            .filter(|hash| self.texts.contains(hash))
            .count() as u64
    }

    /// Returns whether there are so few distinct words that scores would be meaningless.
    pub fn is_monotonous(&self) -> bool {
        self.words.len() < VARIED_WORDS && self.letters.len() < VARIED_CHARACTERS
    }

    /// Returns the number of distinct words, which stops growing once there are enough.
    pub fn words(&self) -> usize {
        self.words.len()
    }

    /// Returns a SHA-256 digest of all texts and labels in order.
    pub fn digest(&self) -> [u8; 32] {
        self.digest.clone().finalize().into()
    }

    fn digest_text(&mut self, text: &str) {
        self.digest.update((text.len() as u64).to_le_bytes());
        self.digest.update(text);
    }
}

/// The smallest of many hashes, and the largest one.
#[derive(Clone, Debug, Default)]
pub(super) struct SmallestHashes {
    kept: BinaryHeap<u64>,
    largest: Option<u64>,
}

impl SmallestHashes {
    fn take(&mut self, hash: u64) {
        self.largest = self.largest.max(Some(hash));
        if self.kept.len() < 2 * MAX_HELD_OUT {
            self.kept.push(hash);
        } else if self
            .kept
            .peek()
            .is_some_and(|&largest_kept| hash < largest_kept)
        {
            self.kept.pop();
            self.kept.push(hash);
        }
    }

    fn join(&mut self, other: Self) {
        self.largest = self.largest.max(other.largest);
        other.kept.into_iter().for_each(|hash| self.take(hash));
    }

    /// Returns whether this is one of the stored hashes: all, if there are fewer than twice
    /// [`MAX_HELD_OUT`].
    pub fn stores(&self, hash: u64) -> bool {
        self.kept.iter().any(|kept| *kept == hash)
    }

    /// Returns the hashes at `ranks`, of which only those below twice [`MAX_HELD_OUT`] are stored.
    /// The largest hash is never returned, so that at least one distinct text remains. A text that
    /// occurs several times has several ranks and belongs to the first one asked for.
    pub fn chosen(&self, ranks: Range<usize>) -> BTreeSet<u64> {
        let sorted = self.kept.clone().into_sorted_vec();
        let previous = ranks
            .start
            .checked_sub(1)
            .and_then(|last| sorted.get(last))
            .copied();
        let is_free = |hash: &u64| Some(*hash) < self.largest && Some(*hash) > previous;
        let end = ranks.end.min(sorted.len());
        sorted[ranks.start.min(end)..end]
            .iter()
            .copied()
            .filter(is_free)
            .collect()
    }
}

/// Hashes the texts of a document by FNV-1a with SplitMix64's finaliser (Steele et al. 2014); the
/// same on every platform.
pub(super) fn text_hash(document: &Document) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in document
        .texts()
        .flat_map(|text| text.bytes().chain([b'\t']))
    {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
