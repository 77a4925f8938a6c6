//! A classifier's answers on held-out documents, label against label, and the documents behind a number. Also the n-gram
//! baseline by itself, which a person sees beside every score.

use super::checks::{no_corpus, no_model};
use super::inference::{self, LabelSelection};
use super::scored::{DecisionRule, Scored};
use super::{BATCH_SIZE, Host, Session};
use crate::data::{Corpus, Document, Selection};
use crate::error::{Error, Result};
use crate::model::ProblemType;
use protocol::{
    ClassifierMetrics, Command, Event, FileRole, LabelMetrics, LabelPoint, LabelScore, LineQuery,
    NearDuplicates, PredictedDocument, Review, RunConfig, STOPPED, ThresholdPoint,
};
use std::collections::VecDeque;

/// Labels of a matrix at most: more cells than this cannot be told apart on a screen.
const MAX_LABELS: usize = 24;

/// Unlabelled documents that are looked at for the least certain ones.
const MAX_ASKED: usize = 2000;

/// Characters of a document that are shown.
const SHOWN_CHARACTERS: usize = 300;

/// Labels of a document that are shown.
const SHOWN_LABELS: usize = 5;

/// What was last reviewed.
pub(super) struct Reviewed {
    role: FileRole,
    selection: Selection,
    corpus: String,
    labels: Vec<String>,
    /// The best labels, per document.
    ranked: Vec<Vec<LabelScore>>,
    /// True labels, per document.
    truth: Vec<Vec<usize>>,
    /// Labels that were given, per document.
    given: Vec<Vec<usize>>,
}

impl<H: Host> Session<H> {
    /// Asks the classifier for the labels of all documents of `split` and counts them label against label.
    ///
    /// # Errors
    /// When there is no classifier or no labelled document in that split, or it was stopped.
    pub async fn review(&mut self, split: &str) -> Result<Review> {
        let model = self.classifier.as_ref().ok_or_else(no_model)?;
        let role = if split == "test" {
            FileRole::Test
        } else {
            FileRole::Valid
        };
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let out_of_fold = self
            .out_of_fold
            .as_ref()
            .filter(|(known, _)| known == corpus.fingerprint());
        let out_of_fold = out_of_fold
            .filter(|_| role == FileRole::Valid)
            .map(|(_, scores)| scores.clone());
        let selection = self.measured_on("", &model.config, corpus, role)?;
        // Of a cross-validated classifier all documents are reviewed, each by parts that did not learn from it.
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
            let message = "this classifier was cross-validated: it may have learned from the documents reviewed here";
            self.warn("", "cross-validated", message.into());
        }
        let held_out = self.measured("", split, model, (corpus, role, &selection))?;
        let (host, deferred) = (&self.host, &mut self.deferred);
        let mut goes_on = async || hears_no_stop(host, deferred).await;
        let scores = match out_of_fold.filter(|scores| scores.len() == held_out.truth().len()) {
            Some(scores) => scores.to_vec(),
            None => model
                .probabilities_of(&held_out, &self.device, &mut goes_on)
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
                given(
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
        self.reviewed = Some(reviewed);
        Ok(review)
    }

    /// The documents that `query` means, at most `limit` of them, and how many more there are.
    ///
    /// # Errors
    /// When nothing was reviewed on this text, a label is unknown, there is no classifier, a file can no longer be read, or it was stopped.
    pub async fn lines(
        &mut self,
        query: &LineQuery,
        limit: usize,
    ) -> Result<(Vec<PredictedDocument>, u64)> {
        match query {
            LineQuery::Uncertain => self.uncertain(limit).await,
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

    /// The first documents of a file, and how many follow them.
    fn first(&self, file: usize, limit: usize) -> Result<(Vec<PredictedDocument>, u64)> {
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let documents = corpus.first_of(file, limit)?;
        let lines: Vec<PredictedDocument> = documents
            .iter()
            .map(|document| judged(corpus, document, Vec::new()))
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
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let reviewed = self
            .reviewed
            .as_ref()
            .filter(|reviewed| reviewed.corpus == corpus.fingerprint());
        let reviewed = reviewed.ok_or_else(|| {
            Error::input(
                "not-reviewed",
                "these documents were not reviewed yet",
                "Review the classifier first.",
            )
        })?;
        let pair = [reviewed.label(first)?, reviewed.label(second)?];
        let (mut lines, mut more, mut index) = (Vec::new(), 0, 0);
        corpus.each_labelled(reviewed.role, &reviewed.selection, &mut |document| {
            let place = index;
            index += 1;
            if place < reviewed.truth.len() && is_wanted(reviewed, place, pair) {
                match lines.len() < limit {
                    true => lines.push(judged(corpus, document, reviewed.ranked[place].clone())),
                    false => more += 1,
                }
            }
            Ok::<(), Error>(())
        })?;
        Ok((lines, more))
    }

    /// Training documents without labels whose best label is nearest to being dropped (of one label per document: has the
    /// lowest probability): labelling these teaches most (Lewis & Gale 1994, uncertainty sampling).
    async fn uncertain(&mut self, limit: usize) -> Result<(Vec<PredictedDocument>, u64)> {
        let model = self.classifier.as_ref().ok_or_else(no_model)?;
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let mut documents: Vec<Document> = Vec::new();
        corpus.each(FileRole::Train, &Selection::default(), &mut |document| {
            if document.labels.is_empty() && documents.len() < MAX_ASKED {
                documents.push(document.clone());
            }
            Ok::<(), Error>(())
        })?;
        if documents.is_empty() {
            let hint =
                "Add lines without labels; the least certain of them are worth labelling first.";
            return Err(Error::input(
                "all-labelled",
                "every training document has a label already",
                hint,
            ));
        }
        let texts: Vec<String> = documents.iter().map(Document::joined).collect();
        let mut answers = Vec::with_capacity(texts.len());
        for texts in texts.chunks(BATCH_SIZE) {
            answers.extend(
                inference::predict(
                    model,
                    &self.device,
                    texts,
                    (LabelSelection::Best(SHOWN_LABELS), inference::Long::Cut),
                )
                .await?,
            );
            if !hears_no_stop(&self.host, &mut self.deferred).await? {
                return Err(stopped());
            }
        }
        let threshold = inference::threshold(model);
        let doubt = |labels: &[LabelScore]| {
            labels
                .first()
                .map_or(f64::INFINITY, |best| (best.score - threshold).abs())
        };
        let mut lines: Vec<PredictedDocument> = documents
            .iter()
            .zip(answers)
            .map(|(document, labels)| judged(corpus, document, labels))
            .collect();
        lines.sort_by(|a, b| doubt(&a.predicted).total_cmp(&doubt(&b.predicted)));
        lines.truncate(limit);
        let more = (documents.len() - lines.len()) as u64;
        Ok((lines, more))
    }

    /// Learns the labels with linear classifiers and tells what the best one reaches on the validation documents, as
    /// every run does after each pass.
    ///
    /// # Errors
    /// When the corpus has no labels.
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
    /// Without sweep and threshold.
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

    /// Whether a document with the first label was given the second: rightly, where they are the same; else the first was
    /// missed and the second is wrong.
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
                let message = format!("the classifier knows no label \"{name}\"");
                Error::input(
                    "unknown-label",
                    message,
                    "Choose one of the labels of the table.",
                )
            })
    }
}

/// Lets the host speak amid a long question; `false` where it says stop. Whatever else it says waits for its turn.
pub(super) async fn hears_no_stop<H: Host>(
    host: &H,
    deferred: &mut VecDeque<Command>,
) -> Result<bool> {
    deferred.extend(host.yield_now().await);
    // A stop behind the start of a run is that run's.
    let own = deferred
        .iter()
        .take_while(|command| command.run().is_none());
    let stop = own
        .into_iter()
        .position(|command| *command == Command::Stop);
    Ok(stop.and_then(|place| deferred.remove(place)).is_none())
}

pub(super) fn stopped() -> Error {
    Error::input(STOPPED, "it was stopped before it was done", "Ask again.")
}

/// The labels that count as given: the best one, and all others from the threshold on.
fn given(scores: &[f64], threshold: impl Fn(usize) -> f64, single: bool) -> Vec<usize> {
    let best = (0..scores.len()).reduce(|a, b| if scores[b] > scores[a] { b } else { a });
    let counts =
        |&label: &usize| Some(label) == best || !single && scores[label] >= threshold(label);
    (0..scores.len()).filter(counts).collect()
}

/// Fills in what each threshold gives: over all labels, and for each label of the review by itself.
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

fn ranked(scores: &[f64], labels: &[String]) -> Vec<LabelScore> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let score = |&label: &usize| LabelScore {
        label: labels[label].clone(),
        score: scores[label],
        raw: None,
    };
    order.iter().take(SHOWN_LABELS).map(score).collect()
}

fn judged(corpus: &Corpus, document: &Document, predicted: Vec<LabelScore>) -> PredictedDocument {
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
            .map(|scores| given(scores, |_| 0.5, false))
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
    fn hits_stand_on_the_diagonal_and_mistakes_beside_it() {
        let review = reviewed().matrices();
        assert_eq!(
            (review.n, review.labels.as_slice()),
            (4, &["a".to_string(), "b".into()][..]),
            "c is nobody's label"
        );
        // Document 2 was taken for b; document 3 has and got both; the c of document 4 has no row.
        assert_eq!(review.confusion, [[2, 1], [0, 2]]);
        assert_eq!(review.together, [[3, 1], [1, 2]]);
        assert_eq!(review.missed, [1, 0], "of the a of document 2 and of no b");
    }

    #[test]
    fn the_best_label_counts_as_given_whatever_its_probability() {
        assert_eq!(given(&[0.1, 0.3], |_| 0.5, false), [1]);
        assert_eq!(given(&[0.6, 0.7], |_| 0.5, false), [0, 1]);
        assert_eq!(given(&[0.6, 0.7], |_| 0.5, true), [1]);
        assert!(given(&[], |_| 0.5, false).is_empty());
    }
}
