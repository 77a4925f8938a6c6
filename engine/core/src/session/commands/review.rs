//! Error analysis of a classifier: confusion matrix, label co-occurrence, and the documents behind
//! each cell. Also evaluates the n-gram baseline by itself, which the page shows next to every
//! score.

use crate::data::{Corpus, Document, Selection};
use crate::error::{Error, Result};
use crate::model::ProblemType;
use crate::session::checks::{no_corpus, no_model};
use crate::session::classifier::scored::{DecisionRule, Scored};
use crate::session::commands::reviewed::Reviewed;
use crate::session::query::inference;
use crate::session::{Host, Session};
use protocol::message;
use protocol::{
    ClassifierMetrics, Command, Event, FileRole, LabelMetrics, LabelPoint, LabelScore, LineQuery,
    NearDuplicates, PredictedDocument, Review, RunConfig, STOPPED, ThresholdPoint,
};
use std::collections::VecDeque;

/// Maximum number of labels in a matrix: more cells cannot be told apart on a screen.
const MAX_LABELS: usize = 24;

/// Maximum number of characters shown of a document.
const SHOWN_CHARACTERS: usize = 300;

/// Maximum number of labels shown per document.
pub(super) const SHOWN_LABELS: usize = 5;

impl<H: Host> Session<H> {
    /// Classifies all labelled documents of `split` and computes the confusion and co-occurrence
    /// matrices.
    ///
    /// # Errors
    /// Returns an error if there is no classifier or no labelled document in that split, or if it
    /// was stopped.
    pub async fn review(&mut self, split: &str) -> Result<Review> {
        let model = self.models.classifier.as_ref().ok_or_else(no_model)?;
        let role = if split == "test" {
            FileRole::Test
        } else {
            FileRole::Valid
        };
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let out_of_fold = self
            .dataset
            .out_of_fold
            .as_ref()
            .filter(|(known, _)| known == corpus.fingerprint());
        let out_of_fold = out_of_fold
            .filter(|_| role == FileRole::Valid)
            .map(|(_, scores)| scores.clone());
        let selection = self.measured_on("", &model.config, corpus, role)?;
        // A cross-validated classifier is analysed on all documents, with out-of-fold
        // probabilities.
        let (role, selection) = match out_of_fold {
            Some(_) => (
                FileRole::Train,
                Selection {
                    with_set_aside: true,
                    ..selection
                },
            ),
            None => (role, selection),
        };
        if role == FileRole::Valid
            && model
                .ensemble
                .as_ref()
                .is_some_and(|parts| parts.cross_validated)
        {
            let message = message!(
                "this classifier was cross-validated: it may have been trained on the documents reviewed here"
            );
            self.warn("", "cross-validated", message);
        }
        let held_out = self.measured("", split, model, (corpus, role, &selection))?;
        let (host, deferred) = (&self.host, &mut self.deferred);
        let mut should_continue = async || poll_stop(host, deferred).await;
        let scores = match out_of_fold.filter(|scores| scores.len() == held_out.truth().len()) {
            Some(scores) => scores.to_vec(),
            None => model
                .probabilities_of(&held_out, &self.device, &mut should_continue)
                .await?
                .ok_or_else(stopped)?,
        };
        let problem = model
            .config
            .problem_type
            .unwrap_or(ProblemType::MultiLabelClassification);
        let scored = Scored::new(&held_out, scores, problem);
        let threshold = inference::threshold(model);
        let labels = model.config.labels.clone();
        let single = model.config.problem_type == Some(ProblemType::SingleLabelClassification);
        let corpus = corpus.fingerprint().into();
        let given = scored
            .scores
            .iter()
            .map(|scores| {
                predicted_labels(
                    scores,
                    |label| inference::threshold_of(model, label),
                    single,
                )
            })
            .collect();
        let ranked = scored
            .scores
            .iter()
            .map(|scores| ranked(scores, &labels))
            .collect();
        let mut reviewed = Reviewed {
            role,
            selection,
            corpus,
            labels,
            ranked,
            truth: Vec::new(),
            given,
        };
        reviewed.truth.clone_from(&scored.truth);
        let split = if role == FileRole::Test {
            "test"
        } else {
            "valid"
        };
        let (reliability, surest) = scored.confidence(&model.config);
        let mut review = Review {
            split: split.into(),
            threshold,
            reliability,
            surest,
            ..reviewed.matrices()
        };
        if !single {
            sweep(&mut review, |at| {
                scored.metrics(&model.config, &DecisionRule::At(at))
            });
        }
        self.dataset.reviewed = Some(reviewed);
        Ok(review)
    }

    /// Returns the documents that match `query`, at most `limit` of them, and how many more there
    /// are.
    ///
    /// # Errors
    /// Returns an error if this corpus was not analysed, a label is unknown, there is no
    /// classifier, a file can no longer be read, or it was stopped.
    pub async fn lines(
        &mut self,
        query: &LineQuery,
        limit: usize,
    ) -> Result<(Vec<PredictedDocument>, u64)> {
        match query {
            LineQuery::Unlabelled {
                sampler,
                seed,
                except,
            } => self.unlabelled(*sampler, *seed, except, limit).await,
            LineQuery::Suspicious => self.suspicious(limit).await,
            LineQuery::First { file } => self.first(*file as usize, limit),
            LineQuery::Confused { truth, predicted } => {
                self.pick(limit, truth, predicted, Reviewed::is_confused)
            }
            LineQuery::Missed { label } => self.pick(limit, label, label, Reviewed::is_missed),
            LineQuery::Together { first, second } => {
                self.pick(limit, first, second, Reviewed::is_together)
            }
        }
    }

    /// Returns the first documents of a file, and how many follow.
    fn first(&self, file: usize, limit: usize) -> Result<(Vec<PredictedDocument>, u64)> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let documents = corpus.first_of(file, limit)?;
        let lines: Vec<PredictedDocument> = documents
            .iter()
            .map(|document| predicted_document(corpus, document, Vec::new()))
            .collect();
        let all = corpus.files().get(file).map_or(0, |file| file.documents);
        let more = all.saturating_sub(lines.len() as u64);
        Ok((lines, more))
    }

    fn pick(
        &self,
        limit: usize,
        first: &str,
        second: &str,
        is_wanted: fn(&Reviewed, usize, [usize; 2]) -> bool,
    ) -> Result<(Vec<PredictedDocument>, u64)> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let reviewed = self
            .dataset
            .reviewed
            .as_ref()
            .filter(|reviewed| reviewed.corpus == corpus.fingerprint());
        let reviewed = reviewed.ok_or_else(|| {
            Error::input(
                "not-reviewed",
                message!("these documents have not been reviewed yet"),
                message!("Review the classifier first."),
            )
        })?;
        let pair = [reviewed.label(first)?, reviewed.label(second)?];
        let (mut lines, mut more, mut index) = (Vec::new(), 0, 0);
        corpus.each_labelled(reviewed.role, &reviewed.selection, &mut |document| {
            let place = index;
            index += 1;
            if place < reviewed.truth.len() && is_wanted(reviewed, place, pair) {
                match lines.len() < limit {
                    true => lines.push(predicted_document(
                        corpus,
                        document,
                        reviewed.ranked[place].clone(),
                    )),
                    false => more += 1,
                }
            }
            Ok::<(), Error>(())
        })?;
        Ok((lines, more))
    }

    /// Trains the linear classifiers and returns the result of the best one on the validation
    /// documents, which every run reports after each epoch.
    ///
    /// # Errors
    /// Returns an error if the corpus has no labels.
    pub async fn baseline(&mut self, config: &RunConfig) -> Result<Event> {
        if config.near_duplicates == NearDuplicates::Drop {
            self.find_near_duplicates(config)?;
        }
        Ok(Event::Baseline {
            result: self.linear(config, FileRole::Valid).await?.0,
        })
    }
}

impl Reviewed {
    /// Computes the matrices; the threshold and the sweep are left at their defaults.
    fn matrices(&self) -> Review {
        let mut counts: Vec<(u64, usize)> =
            (0..self.labels.len()).map(|label| (0, label)).collect();
        self.truth
            .iter()
            .flatten()
            .for_each(|&label| counts[label].0 += 1);
        counts.sort_by_key(|&(count, label)| (std::cmp::Reverse(count), label));
        let shown: Vec<usize> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(_, label)| *label)
            .collect();
        let shown = &shown[..shown.len().min(MAX_LABELS)];
        let matrix = |is_counted: fn(&Self, usize, [usize; 2]) -> bool| {
            let cell = |pair| {
                (0..self.truth.len())
                    .filter(|&place| is_counted(self, place, pair))
                    .count() as u64
            };
            shown
                .iter()
                .map(|&a| shown.iter().map(|&b| cell([a, b])).collect())
                .collect()
        };
        let missed = |label| {
            (0..self.truth.len())
                .filter(|&place| self.is_missed(place, [label, label]))
                .count() as u64
        };
        Review {
            n: self.truth.len() as u64,
            labels: shown
                .iter()
                .map(|&label| self.labels[label].clone())
                .collect(),
            confusion: matrix(Self::is_confused),
            missed: shown.iter().map(|&label| missed(label)).collect(),
            together: matrix(Self::is_together),
            ..Review::default()
        }
    }

    /// Whether a document with the label `truth` was predicted as `predicted`: correctly if they
    /// are the same; otherwise the first was missed and the second is wrong.
    fn is_confused(&self, place: usize, [truth, predicted]: [usize; 2]) -> bool {
        let (is, given) = (&self.truth[place], &self.given[place]);
        let hit = is.contains(&truth) && given.contains(&predicted);
        hit && (truth == predicted || (!given.contains(&truth) && !is.contains(&predicted)))
    }

    fn is_missed(&self, place: usize, [label, _]: [usize; 2]) -> bool {
        self.truth[place].contains(&label) && !self.given[place].contains(&label)
    }

    fn is_together(&self, place: usize, [first, second]: [usize; 2]) -> bool {
        self.truth[place].contains(&first) && self.truth[place].contains(&second)
    }

    fn label(&self, name: &str) -> Result<usize> {
        self.labels
            .iter()
            .position(|label| label == name)
            .ok_or_else(|| {
                let message = message!("the classifier has no label \"{name}\"", name);
                Error::input(
                    "unknown-label",
                    message,
                    message!("Choose a label from the table."),
                )
            })
    }
}

/// Yields to the host during a long query; `false` if a stop arrived. Other commands stay queued.
pub(crate) async fn poll_stop<H: Host>(host: &H, deferred: &mut VecDeque<Command>) -> Result<bool> {
    deferred.extend(host.yield_now().await);
    // A stop queued behind the start of a run is meant for that run.
    let own = deferred
        .iter()
        .take_while(|command| command.run().is_none());
    let stop = own
        .into_iter()
        .position(|command| *command == Command::Stop);
    Ok(stop.and_then(|place| deferred.remove(place)).is_none())
}

pub(crate) fn stopped() -> Error {
    Error::input(
        STOPPED,
        message!("stopped before it finished"),
        message!("Try again."),
    )
}

/// Returns the predicted labels: the best one and, unless `single`, all others at or above their
/// threshold.
fn predicted_labels(scores: &[f64], threshold: impl Fn(usize) -> f64, single: bool) -> Vec<usize> {
    let best = (0..scores.len()).reduce(|a, b| if scores[b] > scores[a] { b } else { a });
    let counts =
        |&label: &usize| Some(label) == best || !single && scores[label] >= threshold(label);
    (0..scores.len()).filter(counts).collect()
}

/// Fills in the metrics at each threshold: over all labels, and for each label of the review.
fn sweep(review: &mut Review, metrics: impl Fn(f64) -> ClassifierMetrics) {
    review.label_sweeps = vec![Vec::new(); review.labels.len()];
    for percent in (5..100).step_by(5) {
        let threshold = f64::from(percent) / 100.0;
        let metrics = metrics(threshold);
        review.sweep.push(point(threshold, &metrics));
        for (label, points) in review.labels.iter().zip(&mut review.label_sweeps) {
            let row = metrics.per_label.iter().find(|row| row.label == *label);
            let LabelMetrics {
                precision,
                recall,
                f1,
                ..
            } = row.cloned().unwrap_or_default();
            points.push(LabelPoint {
                precision,
                recall,
                f1,
            });
        }
    }
}

fn point(threshold: f64, metrics: &ClassifierMetrics) -> ThresholdPoint {
    let sum = |of: fn(&LabelMetrics) -> f64| metrics.per_label.iter().map(of).sum::<f64>();
    let hits = sum(|row| row.precision * row.predicted as f64);
    let share = |of: f64| if of > 0.0 { hits / of } else { 0.0 };
    ThresholdPoint {
        threshold,
        precision: share(sum(|row| row.predicted as f64)),
        recall: share(sum(|row| row.support as f64)),
        micro_f1: metrics.micro_f1,
        macro_f1: metrics.macro_f1,
    }
}

pub(super) fn ranked(scores: &[f64], labels: &[String]) -> Vec<LabelScore> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let score = |&label: &usize| LabelScore {
        label: labels[label].clone(),
        score: scores[label],
        raw: None,
    };
    order.iter().take(SHOWN_LABELS).map(score).collect()
}

pub(super) fn predicted_document(
    corpus: &Corpus,
    document: &Document,
    predicted: Vec<LabelScore>,
) -> PredictedDocument {
    let text = Vec::from_iter(document.texts()).join(" ⇥ ");
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let file = corpus.files()[document.file as usize].name.clone();
    PredictedDocument {
        file,
        line: document.line,
        text: shown,
        truth: document.labels.clone(),
        predicted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reviewed() -> Reviewed {
        let labels: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let scores = [
            [0.9, 0.1, 0.1],
            [0.2, 0.8, 0.1],
            [0.6, 0.7, 0.1],
            [0.1, 0.9, 0.6],
        ];
        let truth = vec![vec![0], vec![0], vec![0, 1], vec![1]];
        let given = scores
            .iter()
            .map(|scores| predicted_labels(scores, |_| 0.5, false))
            .collect();
        let ranked = scores
            .iter()
            .map(|scores| ranked(scores, &labels))
            .collect();
        let (role, selection) = (FileRole::Valid, Selection::default());
        Reviewed {
            role,
            selection,
            corpus: String::new(),
            labels,
            ranked,
            truth,
            given,
        }
    }

    #[test]
    fn correct_predictions_are_on_the_diagonal() {
        let review = reviewed().matrices();
        assert_eq!(
            (review.n, review.labels.as_slice()),
            (4, &["a".to_string(), "b".into()][..]),
            "c is nobody's label"
        );
        // Document 2 is confused with b; document 3 has both labels and was predicted both; the c
        // predicted for document 4 has no row, because no document has that label.
        assert_eq!(review.confusion, [[2, 1], [0, 2]]);
        assert_eq!(review.together, [[3, 1], [1, 2]]);
        assert_eq!(review.missed, [1, 0], "of the a of document 2 and of no b");
    }

    #[test]
    fn the_best_label_is_predicted_whatever_its_probability() {
        assert_eq!(predicted_labels(&[0.1, 0.3], |_| 0.5, false), [1]);
        assert_eq!(predicted_labels(&[0.6, 0.7], |_| 0.5, false), [0, 1]);
        assert_eq!(predicted_labels(&[0.6, 0.7], |_| 0.5, true), [1]);
        assert!(predicted_labels(&[], |_| 0.5, false).is_empty());
    }
}
