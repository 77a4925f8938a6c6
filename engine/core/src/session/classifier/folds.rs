//! Cross-validation for a classifier with few labelled documents: each network trains on all folds
//! but one and is evaluated on that one. The classifier averages all of them.

use crate::data::examples::{EncodedDocuments, LabelledExamples};
use crate::data::{Document, Selection};
use crate::error::Result;
use crate::session::checks::no_corpus;
use crate::session::classifier::scored::HeldOut;
use crate::session::{Host, Session};
use crate::train::Logits;
use protocol::message;
use protocol::{FileRole, PartsKind, RunConfig};
use std::collections::{BTreeMap, HashMap};

/// From this many labelled documents on, a tenth of them is enough for validation (docs/recipes.md
/// has figures at 60 and 150).
pub(crate) const MAX_CROSS_VALIDATED_DOCUMENTS: u64 = 200;
/// With fewer labelled documents than this there is no cross-validation.
pub(crate) const MIN_DOCUMENTS: u64 = 10;
/// Number of folds.
pub(crate) const FOLDS: usize = 5;

/// Documents divided into [`FOLDS`] folds.
#[derive(Clone, Debug)]
pub struct Folds {
    /// Fold of each document.
    fold_of: Vec<usize>,
}

impl Folds {
    /// Spreads the documents of each label evenly, rare labels first; documents with equal texts
    /// share a fold. `truth` holds the labels of each document.
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

    /// Returns the indices of the documents in a fold (`inside`) or of all others, in order.
    pub fn places(&self, fold: usize, inside: bool) -> Vec<usize> {
        (0..self.fold_of.len())
            .filter(|&place| (self.fold_of[place] == fold) == inside)
            .collect()
    }

    /// Merges the `outputs` of each fold, in the order of its documents, into one list for all
    /// documents, `[documents][C]`.
    ///
    /// # Errors
    /// Returns the first error of `outputs`.
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

/// The labelled documents of a cross-validated classifier.
pub struct CrossValidation {
    /// Fold of each document.
    pub folds: Folds,
    /// All documents, with their labels.
    pub all: LabelledExamples,
    /// Out-of-fold margins of the linear part.
    pub margins: Option<Logits>,
    /// Out-of-fold outputs of the output layer, if the encoder is frozen.
    pub outputs: Option<Logits>,
}

impl CrossValidation {
    /// Returns the training documents and the held-out documents of the network of `fold`.
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

    /// Returns all documents, to evaluate on.
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
    /// Calls [`crate::data::Corpus::train_on_all`], and drops the tokens, which no longer match the split.
    pub(crate) fn train_on_all(&mut self, on_all: bool) {
        self.dataset.learned = None;
        if let Some(corpus) = &mut self.dataset.corpus {
            corpus.train_on_all(on_all);
        }
    }

    /// Whether there are so few labelled documents that all of them validate, one fold per network.
    pub(crate) fn cross_validates(&self, config: &RunConfig) -> bool {
        let Some(corpus) = &self.dataset.corpus else {
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
        corpus.holds_out_validation()
            && (MIN_DOCUMENTS..MAX_CROSS_VALIDATED_DOCUMENTS).contains(&labelled)
            && is_whole
            && *parts != Some(PartsKind::One)
    }

    /// Divides the training documents into folds, with a notice.
    pub(crate) fn folds(
        &self,
        run: &str,
        selection: &Selection,
        train: &EncodedDocuments,
    ) -> Result<Folds> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let message = message!(
            "only {count} labelled documents: using {limit}-fold cross-validation. Each network trains on all folds but one and is scored on that one; the scores cover all documents",
            count = train.len(),
            limit = FOLDS
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
    fn each_label_is_spread_evenly_over_the_folds() {
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
    fn equal_texts_share_a_fold_and_a_single_document_has_one() {
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
    fn gathered_outputs_are_in_document_order() {
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
