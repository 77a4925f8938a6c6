//! Measures labels given by hand: how well a classifier trained on them predicts held-out ones. The
//! classifier also selects further documents until there is a fine-tuned one.

use crate::data::{Document, LabelSet, Selection};
use crate::error::{Error, Result};
use crate::model::ProblemType;
use crate::session::checks::no_corpus;
use crate::session::classifier::hand_labels::HandLabelClassifier;
use crate::session::query::input::document;
use crate::session::{Host, Session};
use protocol::{Annotations, FileRole, HandLabelScores};
use std::collections::{BTreeMap, BTreeSet, HashSet};

impl<H: Host> Session<H> {
    /// Trains one classifier per set of labelled documents and scores each on `held_out`; documents
    /// of other files are left out. The classifier of the first set selects documents to label from
    /// now on. Returns the number of held-out documents and the scores, which are empty if a set has
    /// fewer than two labels or nothing is held out.
    ///
    /// # Errors
    /// Returns an error if there is no corpus.
    pub(in crate::session) fn measure_labels(
        &mut self,
        training: &[Annotations],
        held_out: &Annotations,
    ) -> Result<(u64, Vec<HandLabelScores>)> {
        let present = self.texts_among(training.iter().chain([held_out]))?;
        let in_corpus = |annotations: &Annotations| -> Annotations {
            let all = annotations.iter();
            let here = all.filter(|(text, _)| present.contains(text.as_str()));
            here.map(|(text, labels)| (text.clone(), labels.clone()))
                .collect()
        };
        let training: Vec<Annotations> = training.iter().map(in_corpus).collect();
        let held_out = in_corpus(held_out);
        let problem = problem_of(training.iter().chain([&held_out]));
        let held_out = documents(&held_out);
        let mut scores = Vec::with_capacity(training.len());
        for (place, annotations) in training.iter().enumerate() {
            let labels: BTreeSet<&String> = annotations.values().flatten().collect();
            if labels.len() < 2 || held_out.is_empty() {
                return Ok((held_out.len() as u64, Vec::new()));
            }
            let labels = LabelSet::from_names(labels.into_iter().cloned().collect());
            let classifier = HandLabelClassifier::learn(&documents(annotations), labels, problem);
            let metrics = classifier.scores(&held_out);
            scores.push(HandLabelScores {
                documents: annotations.len() as u64,
                micro_f1: metrics.micro_f1,
                macro_f1: metrics.macro_f1,
                interval: metrics.interval,
            });
            if place == 0 {
                self.dataset.hand_labels = Some(classifier);
            }
        }
        Ok((held_out.len() as u64, scores))
    }

    /// Returns those of the annotated texts that are training documents of the corpus.
    fn texts_among<'a>(
        &self,
        sets: impl Iterator<Item = &'a Annotations>,
    ) -> Result<HashSet<String>> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let annotated: HashSet<&str> = sets.flat_map(BTreeMap::keys).map(String::as_str).collect();
        let all = Selection {
            with_set_aside: true,
            ..Selection::default()
        };
        let mut present = HashSet::new();
        corpus.each(FileRole::Train, &all, &mut |document| {
            let text = document.joined();
            if annotated.contains(text.as_str()) {
                present.insert(text);
            }
            Ok::<(), Error>(())
        })?;
        Ok(present)
    }
}

/// Returns the kind of task: several labels per document if any document has several.
fn problem_of<'a>(sets: impl Iterator<Item = &'a Annotations>) -> ProblemType {
    if sets
        .flat_map(BTreeMap::values)
        .any(|labels| labels.len() > 1)
    {
        ProblemType::MultiLabelClassification
    } else {
        ProblemType::SingleLabelClassification
    }
}

fn documents(annotations: &Annotations) -> Vec<Document> {
    let labelled = |(text, labels): (&String, &Vec<String>)| Document {
        labels: labels.clone(),
        ..document(text)
    };
    annotations.iter().map(labelled).collect()
}
