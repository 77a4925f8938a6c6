//! Linear classifiers on n-gram features: a baseline for the neural models, and a part of the
//! default classifier. No single feature set is best for every corpus, so there is a small
//! portfolio; the caller selects a member on the validation set.
//!
//! Pure Rust on plain numbers, without tensors, devices or the clock. Sources: sublinear TF-IDF
//! with smoothed idf as in scikit-learn's `TfidfVectorizer`; L2-regularised squared-hinge SVM by
//! dual coordinate descent (Hsieh et al. 2008, algorithm 1) as in LIBLINEAR and `LinearSVC`;
//! log-count ratios (Wang & Manning 2012).

mod features;
mod input;
mod ngrams;
mod output_layer;
mod rows;
mod svm;

use crate::data::Document;
use features::Features;
pub use features::TableData;
pub use input::LinearInput;
pub use output_layer::{Fit, OutputLayer};
use protocol::{Message, message, phrase};
use rayon::prelude::*;
use svm::Settings;
pub use svm::Weights;

/// A feature set of the portfolio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Member {
    /// Word unigrams and bigrams (up to trigrams of single characters for scripts without spaces).
    Words,
    /// Word n-grams, and character n-grams of length two to five.
    Characters,
    /// Word n-grams and the dense features.
    Vectors,
    /// Word n-grams, character n-grams and the dense features.
    All,
    /// Word n-grams, scaled by each label's log-count ratio.
    NaiveBayes,
}

impl Member {
    /// All members, in the order in which they are tried.
    pub const PORTFOLIO: [Self; 5] = [
        Self::Words,
        Self::Characters,
        Self::Vectors,
        Self::All,
        Self::NaiveBayes,
    ];

    /// The name shown to users.
    pub fn name(self) -> &'static str {
        match self {
            Self::Words => phrase!("words"),
            Self::Characters => phrase!("words and characters"),
            Self::Vectors => phrase!("words and word vectors"),
            Self::All => phrase!("words, characters and word vectors"),
            Self::NaiveBayes => phrase!("words weighted by naive Bayes ratios"),
        }
    }

    /// Whether it uses character n-grams.
    pub fn has_characters(self) -> bool {
        matches!(self, Self::Characters | Self::All)
    }

    /// Whether it uses the dense features.
    pub fn has_dense(self) -> bool {
        matches!(self, Self::Vectors | Self::All)
    }
}

/// Training settings of a linear classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The feature set that the classifier uses.
    pub member: Member,
    /// Whether documents with and without a label have the same total weight.
    pub balanced: bool,
    /// Seed of the order in which documents are visited.
    pub seed: u64,
}

/// The saved form of a linear classifier, as plain numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearData {
    /// The feature set that the classifier uses.
    pub member: Member,
    /// Whether it was trained with balanced class weights.
    pub balanced: bool,
    /// Maximum number of words per n-gram.
    pub longest: usize,
    /// Vocabulary of word n-grams.
    pub words: TableData,
    /// Vocabulary of character n-grams, if the feature set has them.
    pub characters: Option<TableData>,
    /// Number of dense features per document.
    pub dense: usize,
    /// Weights of the features in the order words, characters, dense.
    pub weights: Weights,
}

impl LinearData {
    /// Checks that the data is a consistent classifier of `classes` labels.
    ///
    /// # Errors
    /// Returns a message that describes the inconsistency.
    pub fn check(&self, classes: usize) -> Result<(), Message> {
        let Self {
            member,
            words,
            characters,
            dense,
            weights,
            ..
        } = self;
        if member.has_characters() != characters.is_some() || (!member.has_dense() && *dense > 0) {
            return Err(message!(
                "its features do not match the feature set in classifier.json"
            ));
        }
        if !(1..=MAX_NGRAM).contains(&self.longest) {
            return Err(message!(
                "the maximum n-gram length is {longest} words; it must be from 1 to {max}",
                longest = self.longest,
                max = MAX_NGRAM
            ));
        }
        words.check()?;
        characters.as_ref().map_or(Ok(()), TableData::check)?;
        let grams = words.hashes.len() + characters.as_ref().map_or(0, |table| table.hashes.len());
        weights.check(classes, grams.saturating_add(*dense))
    }
}

/// Maximum number of words per n-gram that a saved classifier may have.
const MAX_NGRAM: usize = 3;

/// Regularisation parameter `C` of the SVM; scikit-learn's default.
const COST: f32 = 1.0;
/// Weights below this are dropped. A third of the weights remains, with the same scores
/// (docs/recipes.md).
const MIN_WEIGHT: f32 = 2e-2;

/// A linear classifier with one binary classifier per label.
#[derive(Clone, Debug)]
pub struct Linear {
    member: Member,
    balanced: bool,
    features: Features,
    weights: Weights,
}

impl Linear {
    /// Trains a classifier of `classes` labels on documents and the label indices of each.
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
            negligible: MIN_WEIGHT,
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

    /// Returns the data to save.
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

    /// Restores a classifier from data that passed [`LinearData::check`].
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

    /// Describes the feature set and the class weights.
    pub fn name(&self) -> Message {
        let member = Message::phrase(self.member.name());
        if self.balanced {
            message!("{member}, with balanced class weights", member)
        } else {
            member
        }
    }

    /// The feature set in use.
    pub fn member(&self) -> Member {
        self.member
    }

    /// Number of features in the learned feature space.
    pub fn features(&self) -> usize {
        self.features.len()
    }

    /// Returns the number of distinct words of a document, and those among them that occurred in no
    /// training document.
    pub fn unseen_words(&self, document: &Document) -> (usize, Vec<String>) {
        let words = ngrams::distinct_words(document);
        let count = words.len();
        let unseen = words
            .into_iter()
            .filter(|(_, hashes)| !hashes.iter().any(|hash| self.features.knows_word(*hash)));
        (count, unseen.map(|(word, _)| word).collect())
    }

    /// Returns the signed distance of each document from each label's decision boundary,
    /// `[documents][C]`, in units of the training margin.
    pub fn margins(&self, inputs: &[LinearInput]) -> Vec<Vec<f32>> {
        inputs
            .par_iter()
            .map(|input| self.weights.margins(&self.row(input)))
            .collect()
    }

    /// Returns the non-zero features of one document.
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
    fn each_member_learns_labels_that_depend_on_words() {
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
            let cases = [
                ("the cat", [1.0, 0.0], [true, true]),
                ("my dog barks", [0.6, 0.8], [true, false]),
                ("more rain", [0.0, -1.0], [false; 2]),
            ];
            for (text, dense, expected) in cases {
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
    fn classifiers_do_not_depend_on_the_number_of_labels() {
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
