//! Converts documents to sparse feature rows: TF-IDF of word n-grams, TF-IDF of character n-grams,
//! and dense features, concatenated. Each block is normalised to length 1.

use super::input::LinearInput;
use super::ngrams;
use super::rows::{Rows, normalize};
use crate::data::text::script::Unspaced;
use protocol::{Message, message};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

/// Minimum document frequency of a character n-gram; the many that occur in a single document only
/// cost memory.
const MIN_CHARACTER_DOCUMENTS: u32 = 2;

/// The feature space learned from the training documents.
#[derive(Clone, Debug)]
pub(super) struct Features {
    longest: usize,
    words: Table,
    characters: Option<Table>,
    dense: usize,
}

/// Vocabulary of n-grams: hash to feature index, and inverse document frequencies.
#[derive(Clone, Debug, Default)]
struct Table {
    ids: HashMap<u64, u32>,
    idf: Vec<f32>,
}

/// A vocabulary of n-grams in feature order, as saved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableData {
    /// Hash of each n-gram.
    pub hashes: Vec<u64>,
    /// Inverse document frequency of each n-gram.
    pub idf: Vec<f32>,
}

impl TableData {
    /// Checks that the n-grams are distinct and that each has a document frequency.
    ///
    /// # Errors
    /// Returns a message if the table is inconsistent.
    pub fn check(&self) -> Result<(), Message> {
        let distinct: HashSet<u64> = self.hashes.iter().copied().collect();
        let sound = distinct.len() == self.hashes.len() && self.idf.len() == self.hashes.len();
        if sound {
            Ok(())
        } else {
            Err(message!("a table of n-grams is damaged"))
        }
    }
}

impl Features {
    /// Restores the feature space from saved tables.
    pub fn of_tables(
        longest: usize,
        words: TableData,
        characters: Option<TableData>,
        dense: usize,
    ) -> Self {
        Self {
            longest,
            words: Table::of(words),
            characters: characters.map(Table::of),
            dense,
        }
    }

    /// Returns the tables to save: word n-grams and character n-grams.
    pub fn tables(&self) -> (TableData, Option<TableData>) {
        (self.words.data(), self.characters.as_ref().map(Table::data))
    }

    /// Maximum number of words per n-gram.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Number of dense features per document.
    pub fn dense(&self) -> usize {
        self.dense
    }

    /// Learns the feature space of `inputs` and returns it with their rows.
    pub fn learn(inputs: &[LinearInput], with_characters: bool, with_dense: bool) -> (Self, Rows) {
        let longest = if Unspaced::of(inputs.iter().map(|input| input.document)).is_most() {
            3
        } else {
            2
        };
        let words = Table::learn(inputs, 1, |input| ngrams::of_words(input.document, longest));
        let of_characters = |input: &LinearInput| ngrams::of_characters(input.document);
        let characters =
            with_characters.then(|| Table::learn(inputs, MIN_CHARACTER_DOCUMENTS, of_characters));
        let dense = if with_dense {
            inputs.first().map_or(0, |input| input.dense.len())
        } else {
            0
        };
        let features = Self {
            longest,
            words,
            characters,
            dense,
        };
        let rows: Vec<Vec<(u32, f32)>> =
            inputs.par_iter().map(|input| features.row(input)).collect();
        let rows = Rows::new(rows.into_iter(), features.len());
        (features, rows)
    }

    /// Number of features.
    pub fn len(&self) -> usize {
        self.words.idf.len()
            + self.characters.as_ref().map_or(0, |table| table.idf.len())
            + self.dense
    }

    /// Returns whether a word n-gram occurred in the training documents.
    pub fn knows_word(&self, hash: u64) -> bool {
        self.words.ids.contains_key(&hash)
    }

    /// Returns the known features of a document in ascending order.
    pub fn row(&self, input: &LinearInput) -> Vec<(u32, f32)> {
        let mut row = self
            .words
            .row(ngrams::of_words(input.document, self.longest), 0);
        let mut offset = self.words.idf.len();
        if let Some(table) = &self.characters {
            row.extend(table.row(ngrams::of_characters(input.document), offset as u32));
            offset += table.idf.len();
        }
        let mut dense: Vec<(u32, f32)> = (offset as u32..)
            .zip(input.dense[..self.dense].iter().copied())
            .collect();
        normalize(&mut dense);
        row.extend(dense);
        row
    }
}

impl Table {
    fn of(TableData { hashes, idf }: TableData) -> Self {
        Self {
            ids: hashes.into_iter().zip(0..).collect(),
            idf,
        }
    }

    fn data(&self) -> TableData {
        let mut hashes = vec![0; self.idf.len()];
        self.ids
            .iter()
            .for_each(|(hash, id)| hashes[*id as usize] = *hash);
        TableData {
            hashes,
            idf: self.idf.clone(),
        }
    }

    /// Learns the n-grams that occur in at least `min_documents` of `inputs`.
    fn learn(
        inputs: &[LinearInput],
        min_documents: u32,
        grams: impl Fn(&LinearInput) -> Vec<u64> + Sync,
    ) -> Self {
        let distinct = |input: &LinearInput| {
            let mut grams = grams(input);
            grams.sort_unstable();
            grams.dedup();
            grams
        };
        let found: Vec<Vec<u64>> = inputs.par_iter().map(distinct).collect();
        let mut frequencies: HashMap<u64, u32> = HashMap::new();
        found
            .iter()
            .flatten()
            .for_each(|gram| *frequencies.entry(*gram).or_default() += 1);
        // Features are numbered by first occurrence, independently of the map's iteration order.
        let n = inputs.len() as f32;
        let mut table = Self::default();
        for gram in found.iter().flatten() {
            let frequency = frequencies[gram];
            if frequency >= min_documents && !table.ids.contains_key(gram) {
                table.ids.insert(*gram, table.idf.len() as u32);
                table
                    .idf
                    .push(((1.0 + n) / (1.0 + frequency as f32)).ln() + 1.0);
            }
        }
        table
    }

    /// Returns `(1 + ln count) idf` of the known n-grams in `grams`, normalised to length 1;
    /// feature indices start at `offset`.
    fn row(&self, grams: Vec<u64>, offset: u32) -> Vec<(u32, f32)> {
        let mut ids: Vec<u32> = grams
            .iter()
            .filter_map(|gram| self.ids.get(gram).copied())
            .collect();
        ids.sort_unstable();
        let weigh = |same: &[u32]| {
            (
                offset + same[0],
                (1.0 + (same.len() as f32).ln()) * self.idf[same[0] as usize],
            )
        };
        let mut row: Vec<(u32, f32)> = ids.chunk_by(|a, b| a == b).map(weigh).collect();
        normalize(&mut row);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::document;
    use super::*;

    #[test]
    fn blocks_stand_side_by_side_and_have_length_1() {
        let (a, b) = (document("ab ab c"), document("ab d"));
        let inputs = [
            LinearInput {
                document: &a,
                dense: &[3.0, 4.0],
            },
            LinearInput {
                document: &b,
                dense: &[0.0, 1.0],
            },
        ];
        let (features, rows) = Features::learn(&inputs, true, true);
        // Words: ab, c, d and "ab ab", "ab c", "ab d"; characters in both: " a", "ab", "b ", " ab",
        // "ab ", " ab ".
        assert_eq!((features.words.idf.len(), features.len()), (6, 6 + 6 + 2));
        let row = rows.row(0);
        assert!(row.windows(2).all(|pair| pair[0].0 < pair[1].0), "{row:?}");
        for block in [0..6, 6..12, 12..14] {
            let square: f32 = row
                .iter()
                .filter(|(feature, _)| block.contains(feature))
                .map(|(_, x)| x * x)
                .sum();
            assert!((square - 1.0).abs() < 1e-5, "{block:?} {row:?}");
        }
        assert_eq!(
            row[row.len() - 2..]
                .iter()
                .map(|(_, x)| *x)
                .collect::<Vec<_>>(),
            [0.6, 0.8]
        );
        assert_eq!(features.row(&inputs[1]), rows.row(1));
    }

    #[test]
    fn frequent_words_weigh_less_and_repeated_ones_more() {
        let texts = ["the cat", "the dog", "the the bird"].map(document);
        let inputs: Vec<LinearInput> = texts
            .iter()
            .map(|document| LinearInput {
                document,
                dense: &[],
            })
            .collect();
        let (features, rows) = Features::learn(&inputs, false, false);
        let idf = |df: f32| (4.0_f32 / (1.0 + df)).ln() + 1.0;
        let expected = [
            idf(3.0) * (1.0 + 2.0_f32.ln()),
            idf(1.0),
            idf(1.0),
            idf(1.0),
        ];
        let mut found: Vec<f32> = rows.row(2).iter().map(|(_, x)| *x).collect();
        let length = expected.iter().map(|x| x * x).sum::<f32>().sqrt();
        let mut expected = expected.map(|x| x / length);
        found.sort_by(f32::total_cmp);
        expected.sort_by(f32::total_cmp);
        assert!(
            found
                .iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() < 1e-6),
            "{found:?} {expected:?}"
        );
        assert!(
            features
                .row(&LinearInput {
                    document: &document("new words"),
                    dense: &[]
                })
                .is_empty()
        );
    }
}
