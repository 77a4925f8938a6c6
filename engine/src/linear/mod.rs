//! Linear classifiers on counted features: the bar that a neural model has to pass to be worth its time, and a part of the
//! default classifier. A small portfolio of feature sets, since no single one is best on every text; the caller chooses
//! the member by validation.
//!
//! Pure Rust on plain numbers, like `data`: no tensor, no device, no clock. Sources: sublinear TF-IDF with smoothed idf
//! as in scikit-learn's `TfidfVectorizer`; L2-regularised squared-hinge SVM by dual coordinate descent (Hsieh et al.
//! 2008, algorithm 1), which is what LIBLINEAR and so `LinearSVC` compute; log-count ratios (Wang & Manning 2012).

mod features;
mod ngrams;
mod output_layer;
mod rows;
mod svm;

use crate::data::Document;
use features::Features;
pub use features::TableData;
pub use output_layer::{Fit, OutputLayer};
use rayon::prelude::*;
use svm::Settings;
pub use svm::Weights;

/// A document as a linear classifier reads it.
#[derive(Clone, Copy, Debug)]
pub struct LinearInput<'a> {
    /// Its texts.
    pub document: &'a Document,
    /// Numbers that describe it as a whole, e.g. the mean of its word vectors; empty where there are none.
    pub dense: &'a [f32],
}

/// A feature set of the portfolio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Member {
    /// Words and pairs of words (single characters and up to three of them where a script has no spaces).
    Words,
    /// The same and characters, two to five.
    Characters,
    /// Words, pairs of words and the dense numbers.
    Vectors,
    /// Words, characters and the dense numbers.
    All,
    /// Words and pairs of words, scaled by each label's log-count ratio.
    NaiveBayes,
}

impl Member {
    /// All of them, in the order in which they are tried.
    pub const PORTFOLIO: [Self; 5] = [
        Self::Words,
        Self::Characters,
        Self::Vectors,
        Self::All,
        Self::NaiveBayes,
    ];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Characters => "words and characters",
            Self::Vectors => "words and word vectors",
            Self::All => "words, characters and word vectors",
            Self::NaiveBayes => "words by naive Bayes ratios",
        }
    }

    /// Whether it reads characters.
    pub fn has_characters(self) -> bool {
        matches!(self, Self::Characters | Self::All)
    }

    /// Whether it reads the dense numbers.
    pub fn has_dense(self) -> bool {
        matches!(self, Self::Vectors | Self::All)
    }
}

/// How a classifier learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Its feature set.
    pub member: Member,
    /// Whether the documents with a label count as much, together, as those without it.
    pub balanced: bool,
    /// Draws the order of the documents.
    pub seed: u64,
}

/// A classifier as plain numbers: what is saved of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearData {
    /// Its feature set.
    pub member: Member,
    /// Whether its labels had balanced weights.
    pub balanced: bool,
    /// Words in a row at most.
    pub longest: usize,
    /// N-grams of words.
    pub words: TableData,
    /// N-grams of characters, where it reads them.
    pub characters: Option<TableData>,
    /// Dense numbers per document.
    pub dense: usize,
    /// Weights by feature: words, characters, dense numbers.
    pub weights: Weights,
}

impl LinearData {
    /// Whether it is a classifier of `classes` labels.
    ///
    /// # Errors
    /// What contradicts what, in words.
    pub fn check(&self, classes: usize) -> Result<(), String> {
        let Self {
            member,
            words,
            characters,
            dense,
            weights,
            ..
        } = self;
        if member.has_characters() != characters.is_some() || (!member.has_dense() && *dense > 0) {
            return Err("it does not hold the features of its kind".into());
        }
        if !(1..=MAX_LONGEST).contains(&self.longest) {
            return Err(format!(
                "it joins {} words; 1 to {MAX_LONGEST} are possible",
                self.longest
            ));
        }
        words.check()?;
        characters.as_ref().map_or(Ok(()), TableData::check)?;
        let grams = words.hashes.len() + characters.as_ref().map_or(0, |table| table.hashes.len());
        weights.check(classes, grams.saturating_add(*dense))
    }
}

/// Words in a row at most that any classifier here joins.
const MAX_LONGEST: usize = 3;

/// Cost of an error against the size of the weights, `C`: scikit-learn's default.
const COST: f32 = 1.0;
/// Smaller weights are not kept: a third of them is left, at the same scores (docs/recipes.md).
const NEGLIGIBLE: f32 = 2e-2;

/// One linear classifier per label.
#[derive(Clone, Debug)]
pub struct Linear {
    member: Member,
    balanced: bool,
    features: Features,
    weights: Weights,
}

impl Linear {
    /// Learns `classes` labels from documents and their label rows.
    pub fn learn(
        inputs: &[LinearInput],
        truth: &[Vec<usize>],
        classes: usize,
        setup: Setup,
    ) -> Self {
        let Setup {
            member,
            balanced,
            seed,
        } = setup;
        let (features, rows) = Features::learn(inputs, member.has_characters(), member.has_dense());
        let rows = if member == Member::NaiveBayes {
            rows.binarized()
        } else {
            rows
        };
        let by_ratio = member == Member::NaiveBayes;
        let settings = Settings {
            cost: COST,
            balanced,
            by_ratio,
            negligible: NEGLIGIBLE,
            seed,
        };
        let weights = svm::train(&rows, truth, classes, settings);
        Self {
            member,
            balanced,
            features,
            weights,
        }
    }

    /// Its numbers.
    pub fn data(&self) -> LinearData {
        let Self {
            member,
            balanced,
            features,
            weights,
        } = self;
        let (words, characters) = features.tables();
        LinearData {
            member: *member,
            balanced: *balanced,
            longest: features.longest(),
            words,
            characters,
            dense: features.dense(),
            weights: weights.clone(),
        }
    }

    /// A classifier of numbers that were checked.
    pub fn from_data(data: LinearData) -> Self {
        let LinearData {
            member,
            balanced,
            longest,
            words,
            characters,
            dense,
            weights,
        } = data;
        Self {
            member,
            balanced,
            features: Features::of_tables(longest, words, characters, dense),
            weights,
        }
    }

    /// What it reads, and how it learned, in words.
    pub fn name(&self) -> String {
        let member = self.member.name();
        if self.balanced {
            format!("{member}, with balanced class weights")
        } else {
            member.into()
        }
    }

    /// Which feature set it reads.
    pub fn member(&self) -> Member {
        self.member
    }

    /// Distinct features that it knows.
    pub fn features(&self) -> usize {
        self.features.len()
    }

    /// How many different words a document has, and those among them that occurred in no training document.
    pub fn unseen_words(&self, document: &Document) -> (usize, Vec<String>) {
        let words = ngrams::distinct_words(document);
        let count = words.len();
        let unseen = words
            .into_iter()
            .filter(|(_, hashes)| !hashes.iter().any(|hash| self.features.knows_word(*hash)));
        (count, unseen.map(|(word, _)| word).collect())
    }

    /// How far each document lies on each label's side of its boundary, `[documents, C]`; the margin of training is 1.
    pub fn margins(&self, inputs: &[LinearInput]) -> Vec<Vec<f32>> {
        inputs
            .par_iter()
            .map(|input| self.weights.margins(&self.row(input)))
            .collect()
    }

    /// Non-zero features of one document.
    fn row(&self, input: &LinearInput) -> Vec<(u32, f32)> {
        let row = self.features.row(input);
        if self.member == Member::NaiveBayes {
            rows::binarized(row)
        } else {
            row
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn document(text: &str) -> Document {
        Document {
            text: text.into(),
            second: None,
            labels: Vec::new(),
            file: 0,
            line: 1,
            block: 0,
        }
    }

    #[test]
    fn labels_that_words_tell_are_learned_by_each_member() {
        let texts: Vec<Document> = (0..60)
            .map(|i| document(["a cat purrs", "a dog barks", "rain falls"][i % 3]))
            .collect();
        let dense: Vec<[f32; 2]> = (0..60)
            .map(|i| [[1.0, 0.0], [0.6, 0.8], [0.0, -1.0]][i % 3])
            .collect();
        let input = |(document, dense)| LinearInput { document, dense };
        let inputs: Vec<LinearInput> = texts
            .iter()
            .zip(dense.iter().map(<[f32; 2]>::as_slice))
            .map(input)
            .collect();
        let truth: Vec<Vec<usize>> = (0..60)
            .map(|i| [vec![0, 1], vec![0], vec![]][i % 3].clone())
            .collect();
        for member in Member::PORTFOLIO {
            let linear = Linear::learn(
                &inputs,
                &truth,
                2,
                Setup {
                    member,
                    balanced: false,
                    seed: 1,
                },
            );
            let asked = [
                ("the cat", [1.0, 0.0], [true, true]),
                ("my dog barks", [0.6, 0.8], [true, false]),
                ("more rain", [0.0, -1.0], [false; 2]),
            ];
            for (text, dense, expected) in asked {
                let margins = linear
                    .margins(&[LinearInput {
                        document: &document(text),
                        dense: &dense,
                    }])
                    .remove(0);
                assert_eq!(
                    [margins[0] > 0.0, margins[1] > 0.0],
                    expected,
                    "{member:?} {text} {margins:?}"
                );
            }
            let (words, unseen) = linear.unseen_words(&document("The cat, the zebra!"));
            assert_eq!(
                (words, unseen),
                (3, vec!["the".to_string(), "zebra".into()]),
                "{member:?}"
            );
            let unknown = LinearInput {
                document: &document("unbekannt"),
                dense: &[0.0, 0.0],
            };
            assert!(
                linear.margins(&[unknown])[0]
                    .iter()
                    .all(|margin| margin.is_finite())
            );
        }
    }

    #[test]
    fn fewer_labels_than_a_block_and_more_are_the_same_classifiers() {
        let texts: Vec<Document> = (0..40)
            .map(|i| document(&format!("w{} w{}", i % 20, i % 7)))
            .collect();
        let inputs: Vec<LinearInput> = texts
            .iter()
            .map(|document| LinearInput {
                document,
                dense: &[],
            })
            .collect();
        let truth: Vec<Vec<usize>> = (0..40).map(|i| vec![i % 20]).collect();
        let setup = Setup {
            member: Member::Words,
            balanced: false,
            seed: 1,
        };
        let many = Linear::learn(&inputs, &truth, 20, setup).margins(&inputs);
        let right = |(i, row): (usize, &Vec<f32>)| {
            (0..20).all(|label| (row[label] > 0.0) == (label == i % 20))
        };
        assert!(many.iter().enumerate().all(right));
        let few: Vec<Vec<usize>> = truth
            .iter()
            .map(|labels| labels.iter().copied().filter(|l| *l < 3).collect())
            .collect();
        let few = Linear::learn(&inputs, &few, 3, setup).margins(&inputs);
        assert!(
            few.iter()
                .zip(&many)
                .all(|(few, many)| (few[2] - many[2]).abs() < 0.1)
        );
    }
}
