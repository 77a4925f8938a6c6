//! Labels given by hand: a linear classifier trained on them in about a second measures how well they
//! can be predicted, and selects further documents until there is a fine-tuned classifier.

use crate::data::{Document, LabelSet, Selection};
use crate::error::{Error, Result};
use crate::linear::{Linear, LinearInput, Member, Setup};
use crate::model::ProblemType;
use crate::session::checks::no_corpus;
use crate::session::query::input::document;
use crate::session::{Host, Session};
use crate::train::{Decision, EvalInput, classifier_metrics, probabilities, score_interval};
use protocol::{Annotations, ClassifierMetrics, FileRole, HandLabelScores, LabelScore};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Probability from which one of several labels counts as predicted: the decision boundary of the
/// margins.
const THRESHOLD: f64 = 0.5;

/// A linear classifier trained on labels given by hand.
pub(in crate::session) struct HandLabelClassifier {
    linear: Linear,
    labels: LabelSet,
    problem: ProblemType,
}

impl HandLabelClassifier {
    /// Trains on word and character n-grams, which need nothing but the documents.
    fn learn(annotations: &Annotations, labels: LabelSet, problem: ProblemType) -> Self {
        let documents = documents(annotations);
        let truth: Vec<Vec<usize>> = documents
            .iter()
            .map(|document| labels.encode(document).0)
            .collect();
        let setup = Setup {
            member: Member::Characters,
            balanced: true,
            seed: 0,
        };
        Self {
            linear: Linear::learn(&inputs(&documents), &truth, labels.len(), setup),
            labels,
            problem,
        }
    }

    /// Returns the probabilities of the labels of each document, `[documents][C]`, not calibrated.
    fn probabilities(&self, documents: &[Document]) -> Vec<Vec<f64>> {
        let margins = self.linear.margins(&inputs(documents));
        let rows = margins.iter();
        rows.map(|row| probabilities(row, self.problem)).collect()
    }

    /// Returns all labels of each document, the most probable first.
    pub fn predictions(&self, documents: &[Document]) -> Vec<Vec<LabelScore>> {
        let names = self.labels.names();
        let ranked = |scores: Vec<f64>| {
            let label = |(label, score): (&String, f64)| LabelScore {
                label: label.clone(),
                score,
                raw: None,
            };
            let mut labels: Vec<LabelScore> = names.iter().zip(scores).map(label).collect();
            labels.sort_by(|a, b| b.score.total_cmp(&a.score));
            labels
        };
        let scores = self.probabilities(documents).into_iter();
        scores.map(ranked).collect()
    }

    /// Returns the decision threshold, as `inference::threshold` does for a model.
    pub fn threshold(&self) -> f64 {
        match self.problem {
            ProblemType::SingleLabelClassification => 0.0,
            ProblemType::MultiLabelClassification => THRESHOLD,
        }
    }

    /// Scores the classifier on documents with known labels.
    fn scores(&self, held_out: &[Document]) -> ClassifierMetrics {
        let scores = self.probabilities(held_out);
        let mut unseen: BTreeMap<String, u64> = BTreeMap::new();
        let encode = |document: &Document| {
            let (known, unknown) = self.labels.encode(document);
            for label in unknown {
                *unseen.entry(label).or_default() += 1;
            }
            known
        };
        let truth: Vec<Vec<usize>> = held_out.iter().map(encode).collect();
        let input = EvalInput {
            scores: &scores,
            truth: &truth,
            labels: self.labels.names(),
            unseen: &unseen,
            loss: 0.0,
        };
        let decision = match self.problem {
            ProblemType::SingleLabelClassification => Decision::Best,
            ProblemType::MultiLabelClassification => Decision::Threshold(THRESHOLD),
        };
        let interval = score_interval(&input, &decision);
        ClassifierMetrics {
            interval,
            ..classifier_metrics(input, decision)
        }
    }
}

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
            let classifier = HandLabelClassifier::learn(annotations, labels, problem);
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

fn inputs(documents: &[Document]) -> Vec<LinearInput<'_>> {
    let input = |document| LinearInput {
        document,
        dense: &[],
    };
    documents.iter().map(input).collect()
}
