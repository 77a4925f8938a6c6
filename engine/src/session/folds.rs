//! Cross-validation of a classifier that has few labelled documents: each network trains on all folds but one and is evaluated
//! on that one. The classifier averages all of them.

use super::checks::no_corpus;
use super::scored::HeldOut;
use super::{Host, Session};
use crate::data::examples::{EncodedDocuments, LabelledExamples};
use crate::data::{Document, Selection};
use crate::error::Result;
use crate::train::Logits;
use protocol::{FileRole, PartsKind, RunConfig};
use std::collections::{BTreeMap, HashMap};

/// From this many labelled documents on, a tenth of them validates well enough (docs/recipes.md has figures at 60 and 150).
pub(super) const MAX_CROSS_VALIDATED_DOCUMENTS: u64 = 200;
/// Fewer labelled documents than this are not divided.
pub(super) const MIN_DOCUMENTS: u64 = 10;
/// Parts that the documents are divided into.
pub(super) const FOLDS: usize = 5;

/// Documents divided into [`FOLDS`] parts.
#[derive(Clone, Debug)]
pub struct Folds {
    /// The fold of each document.
    fold_of: Vec<usize>,
}

impl Folds {
    /// Spreads the documents of each label evenly, rare labels first; equal texts stay together. `truth` are the label rows of
    /// each document.
    pub fn new(documents: &[Document], truth: &[Vec<usize>]) -> Self {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        truth
            .iter()
            .flatten()
            .for_each(|label| *counts.entry(*label).or_default() += 1);
        let rarest = |labels: &Vec<usize>| labels.iter().map(|label| (counts[label], *label)).min();
        let mut order: Vec<usize> = (0..documents.len()).collect();
        order.sort_by_key(|&index| rarest(&truth[index]));
        let mut fold_of = vec![0; documents.len()];
        let mut folds: HashMap<Vec<&str>, usize> = HashMap::new();
        for index in order {
            let next = folds.len() % FOLDS;
            fold_of[index] = *folds
                .entry(documents[index].texts().collect())
                .or_insert(next);
        }
        Self { fold_of }
    }

    /// Places of the documents in a fold, or of all others, in order.
    pub fn places(&self, fold: usize, inside: bool) -> Vec<usize> {
        (0..self.fold_of.len())
            .filter(|&place| (self.fold_of[place] == fold) == inside)
            .collect()
    }

    /// What `outputs` of a fold, in the order of its documents, says of each document, `[documents][C]`.
    ///
    /// # Errors
    /// Those of `outputs`.
    pub fn gather<E>(
        &self,
        mut outputs: impl FnMut(usize) -> std::result::Result<Logits, E>,
    ) -> std::result::Result<Logits, E> {
        let mut all = vec![Vec::new(); self.fold_of.len()];
        for fold in 0..FOLDS {
            for (place, row) in self.places(fold, true).into_iter().zip(outputs(fold)?) {
                all[place] = row;
            }
        }
        Ok(all)
    }
}

/// All documents of a cross-validated classifier.
pub struct CrossValidation {
    /// Which fold each belongs to.
    pub folds: Folds,
    /// The documents, with their labels.
    pub all: LabelledExamples,
    /// What the linear part, learned from the other folds, makes of each document.
    pub margins: Option<Logits>,
    /// What an output layer, fitted to the other folds, makes of each document, where the encoder is frozen.
    pub outputs: Option<Logits>,
}

impl CrossValidation {
    /// What a network learns from and is measured on when `fold` is its own.
    pub fn split(&self, fold: usize) -> (EncodedDocuments, HeldOut) {
        let held_out = HeldOut {
            examples: self.all.of(self.documents(fold, true)),
            unseen: BTreeMap::new(),
            has_unseen: Vec::new(),
            margins: None,
            known: None,
        };
        (self.documents(fold, false), held_out)
    }

    /// All of them, to measure on.
    pub fn held_out(&self) -> HeldOut {
        HeldOut {
            examples: self.all.clone(),
            unseen: BTreeMap::new(),
            has_unseen: Vec::new(),
            margins: self.margins.clone(),
            known: None,
        }
    }

    fn documents(&self, fold: usize, inside: bool) -> EncodedDocuments {
        let documents = self.all.documents();
        documents.held_subset(self.folds.places(fold, inside).into_iter())
    }
}

impl<H: Host> Session<H> {
    /// See [`Corpus::train_on_all`]; what was learned of the documents before is nothing of these.
    pub(super) fn train_on_all(&mut self, on_all: bool) {
        self.learned = None;
        if let Some(corpus) = &mut self.corpus {
            corpus.train_on_all(on_all);
        }
    }

    /// Whether the labelled documents are so few that all of them validate, each network having its own fold.
    pub(super) fn cross_validates(&self, config: &RunConfig) -> bool {
        let Some(corpus) = &self.corpus else {
            return false;
        };
        let labelled =
            corpus.labelled_documents(FileRole::Train) + corpus.labelled_documents(FileRole::Valid);
        let RunConfig {
            parts,
            limit,
            label_fraction,
            steps,
            ..
        } = config;
        let is_whole = limit.is_none()
            && label_fraction.is_none()
            && steps.is_none_or(|steps| steps >= FOLDS as u64);
        corpus.sets_validation_aside()
            && (MIN_DOCUMENTS..MAX_CROSS_VALIDATED_DOCUMENTS).contains(&labelled)
            && is_whole
            && *parts != Some(PartsKind::One)
    }

    /// Divides the training documents, and says so.
    pub(super) fn folds(
        &self,
        run: &str,
        selection: &Selection,
        train: &EncodedDocuments,
    ) -> Result<Folds> {
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let message = format!(
            "only {} labelled documents: {FOLDS}-fold cross-validation. Each network trains on all folds but one and is scored on \
             that one; the scores cover all documents",
            train.len()
        );
        self.warn(run, "cross-validation", message);
        Ok(Folds::new(
            &corpus.labelled(FileRole::Train, selection)?,
            train.labels(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
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
    fn each_fold_has_its_share_of_each_label() {
        let documents: Vec<Document> = (0..100).map(|i| document(&format!("text {i}"))).collect();
        let truth: Vec<Vec<usize>> = (0..100)
            .map(|i| if i % 10 == 0 { vec![0, 1] } else { vec![0] })
            .collect();
        let folds = Folds::new(&documents, &truth);
        for fold in 0..FOLDS {
            let places = folds.places(fold, true);
            assert_eq!(places.len(), 20);
            assert_eq!(
                places.iter().filter(|place| *place % 10 == 0).count(),
                2,
                "the rare label"
            );
            assert_eq!(folds.places(fold, false).len(), 80);
        }
    }

    #[test]
    fn equal_texts_stay_together_and_a_single_document_is_in_one_fold() {
        let documents: Vec<Document> = (0..30).map(|i| document(["a", "b", "c"][i % 3])).collect();
        let truth: Vec<Vec<usize>> = (0..30).map(|i| vec![i % 3]).collect();
        let folds = Folds::new(&documents, &truth);
        let sizes: Vec<usize> = (0..FOLDS)
            .map(|fold| folds.places(fold, true).len())
            .collect();
        assert_eq!(sizes, [10, 10, 10, 0, 0]);
        assert_eq!(
            Folds::new(&[document("x")], &[vec![3]]).places(0, true),
            [0]
        );
    }

    #[test]
    fn outputs_of_all_folds_come_back_in_the_order_of_the_documents() {
        let documents: Vec<Document> = (0..12).map(|i| document(&format!("text {i}"))).collect();
        let truth: Vec<Vec<usize>> = (0..12).map(|i| vec![i % 2]).collect();
        let folds = Folds::new(&documents, &truth);
        let of_fold = |fold| {
            Ok::<_, ()>(
                folds
                    .places(fold, true)
                    .into_iter()
                    .map(|place| vec![place as f32])
                    .collect(),
            )
        };
        let all = folds.gather(of_fold).expect("no errors");
        assert_eq!(
            all,
            (0..12).map(|place| vec![place as f32]).collect::<Vec<_>>()
        );
    }
}
