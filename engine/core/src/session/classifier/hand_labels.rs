//! A linear classifier of labels given by hand, which is trained in seconds (docs/measured.md).

use crate::data::{Document, LabelSet};
use crate::linear::{Linear, LinearInput, Member, Setup};
use crate::model::ProblemType;
use crate::train::{Decision, EvalInput, classifier_metrics, probabilities, score_interval};
use protocol::{ClassifierMetrics, LabelScore};
use std::collections::BTreeMap;

/// Probability from which one of several labels counts as predicted: the decision boundary of the
/// margins.
const THRESHOLD: f64 = 0.5;

/// A linear classifier trained on labels given by hand.
pub struct HandLabelClassifier {
    linear: Linear,
    labels: LabelSet,
    problem: ProblemType,
}

impl HandLabelClassifier {
    /// Trains on word and character n-grams, which need nothing but the documents.
    pub fn learn(documents: &[Document], labels: LabelSet, problem: ProblemType) -> Self {
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
            linear: Linear::learn(&inputs(documents), &truth, labels.len(), setup),
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
    pub fn scores(&self, held_out: &[Document]) -> ClassifierMetrics {
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

fn inputs(documents: &[Document]) -> Vec<LinearInput<'_>> {
    let input = |document| LinearInput {
        document,
        dense: &[],
    };
    documents.iter().map(input).collect()
}
