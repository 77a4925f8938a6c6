//! Classification metrics from probabilities, computed on the host: micro, macro and per-label F1,
//! and decision thresholds tuned on the validation set.

use crate::model::ProblemType;
use protocol::{ClassifierMetrics, LabelMetrics};
use std::collections::BTreeMap;

/// Rule that turns probabilities into predicted labels. The most probable label is always
/// predicted, so that every document has at least one.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Every label with at least this probability.
    Threshold(f64),
    /// Every label with at least this probability times the label's own factor.
    Scaled(f64, Vec<f64>),
    /// Every label with at least its own probability.
    PerLabel(Vec<f64>),
    /// Only the most probable label.
    Best,
}

/// Converts one document's logits `[C]` into probabilities.
pub fn probabilities(logits: &[f32], problem: ProblemType) -> Vec<f64> {
    match problem {
        ProblemType::MultiLabelClassification => logits
            .iter()
            .map(|&x| 1.0 / (1.0 + (-f64::from(x)).exp()))
            .collect(),
        ProblemType::SingleLabelClassification => {
            let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exps: Vec<f64> = logits.iter().map(|&x| f64::from(x - max).exp()).collect();
            let sum: f64 = exps.iter().sum();
            exps.into_iter().map(|x| x / sum).collect()
        }
    }
}

/// Evaluated documents: probabilities and true labels.
#[derive(Clone, Copy, Debug)]
pub struct EvalInput<'a> {
    /// Probabilities, `[documents][C]`.
    pub scores: &'a [Vec<f64>],
    /// True labels of each document as indices into `labels`, without unseen labels.
    pub truth: &'a [Vec<usize>],
    /// Labels of the model in output order.
    pub labels: &'a [String],
    /// True labels that the model does not have, with their number of occurrences; each occurrence
    /// counts as a miss.
    pub unseen: &'a BTreeMap<String, u64>,
    /// Mean loss in nats, without regularisation.
    pub loss: f64,
}

/// Computes the metrics of evaluated documents.
pub fn classifier_metrics(input: EvalInput, decision: Decision) -> ClassifierMetrics {
    let EvalInput {
        scores,
        truth,
        labels,
        unseen,
        loss,
    } = input;
    let mut counts = count(scores, truth, labels.len(), &decision);
    counts.extend(unseen.values().map(|&support| Counts {
        support,
        ..Counts::default()
    }));
    let names = labels.iter().chain(unseen.keys());
    let per_label: Vec<LabelMetrics> = names.zip(&counts).map(|(label, c)| c.row(label)).collect();
    let macro_f1 = macro_f1(&counts);
    let micro_f1 = micro(&counts);
    let precision_at_1 = precision_at_1(scores, truth);
    ClassifierMetrics {
        n: scores.len() as u64,
        loss,
        micro_f1,
        macro_f1,
        mean_f1: (micro_f1 + macro_f1) / 2.0,
        precision_at_1,
        threshold: match &decision {
            Decision::Threshold(threshold) | Decision::Scaled(threshold, _) => *threshold,
            // Report the mean of the thresholds as one number.
            Decision::PerLabel(thresholds) => {
                thresholds.iter().sum::<f64>() / thresholds.len().max(1) as f64
            }
            Decision::Best => 0.0,
        },
        accuracy: (decision == Decision::Best).then_some(precision_at_1),
        per_label,
        interval: None,
        expected_calibration_error: None,
        predicted_calibration_error: None,
    }
}

/// Fraction of documents whose most probable label is true.
pub(super) fn precision_at_1(scores: &[Vec<f64>], truth: &[Vec<usize>]) -> f64 {
    let right = scores
        .iter()
        .zip(truth)
        .filter(|(scores, truth)| truth.contains(&best(scores)))
        .count();
    right as f64 / scores.len().max(1) as f64
}

/// Returns the threshold between 0.05 and 0.95, in steps of 0.01, with the highest micro F1. Ties
/// go to the threshold nearest to 0.5.
pub fn tune_threshold(scores: &[Vec<f64>], truth: &[Vec<usize>], classes: usize) -> f64 {
    tune_scaled_threshold(scores, truth, &vec![1.0; classes])
}

/// Like [`tune_threshold`], where the threshold of each label is multiplied by its own factor in
/// `scales` `[C]`.
pub fn tune_scaled_threshold(scores: &[Vec<f64>], truth: &[Vec<usize>], scales: &[f64]) -> f64 {
    let quality = |&percent: &i32| {
        let decision = Decision::Scaled(f64::from(percent) / 100.0, scales.to_vec());
        let f1 = micro(&count(scores, truth, scales.len(), &decision));
        ((f1 * 1e9).round() as i64, -(percent - 50).abs())
    };
    f64::from(
        (5..=95)
            .max_by_key(quality)
            .expect("the range is not empty"),
    ) / 100.0
}

/// Returns for each label the threshold between 0.05 and 0.95 with its highest F1 (SCut, Yang
/// 2001). Ties go to the one nearest to `shared`, and a label without true documents gets `shared`
/// itself. As in [`decide`], the most probable label of a document always counts as predicted.
pub fn tune_thresholds(
    scores: &[Vec<f64>],
    truth: &[Vec<usize>],
    classes: usize,
    shared: f64,
) -> Vec<f64> {
    let best: Vec<usize> = scores.iter().map(|scores| best(scores)).collect();
    let tuned = |label: usize| {
        let f1_at = |percent: i32| {
            let threshold = f64::from(percent) / 100.0;
            let mut counts = Counts::default();
            for ((scores, truth), best) in scores.iter().zip(truth).zip(&best) {
                let is = truth.contains(&label);
                let predicted = scores[label] >= threshold || *best == label;
                counts.support += u64::from(is);
                counts.predicted += u64::from(predicted);
                counts.hits += u64::from(predicted && is);
            }
            counts
        };
        if f1_at(50).support == 0 {
            return shared;
        }
        let distance =
            |percent: i32| ((f64::from(percent) / 100.0 - shared).abs() * 1e3).round() as i64;
        let quality = |&percent: &i32| {
            (
                (f1_at(percent).f1() * 1e9).round() as i64,
                -distance(percent),
            )
        };
        f64::from(
            (5..=95)
                .max_by_key(quality)
                .expect("the range is not empty"),
        ) / 100.0
    };
    (0..classes).map(tuned).collect()
}

/// Counts of decisions about one label.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    /// Documents for which it is predicted and true.
    pub hits: u64,
    /// Documents for which it is predicted.
    pub predicted: u64,
    /// Documents for which it is true.
    pub support: u64,
}

impl Counts {
    fn f1(self) -> f64 {
        ratio(2 * self.hits, self.predicted + self.support)
    }

    fn row(self, label: &str) -> LabelMetrics {
        LabelMetrics {
            label: label.into(),
            precision: ratio(self.hits, self.predicted),
            recall: ratio(self.hits, self.support),
            f1: self.f1(),
            support: self.support,
            predicted: self.predicted,
        }
    }
}

fn count(
    scores: &[Vec<f64>],
    truth: &[Vec<usize>],
    classes: usize,
    decision: &Decision,
) -> Vec<Counts> {
    let mut counts = vec![Counts::default(); classes];
    for (scores, truth) in scores.iter().zip(truth) {
        truth.iter().for_each(|&label| counts[label].support += 1);
        for label in decide(scores, decision) {
            counts[label].predicted += 1;
            counts[label].hits += u64::from(truth.contains(&label));
        }
    }
    counts
}

/// Returns the predicted labels of one document in label order, from its probabilities.
pub fn decide(scores: &[f64], decision: &Decision) -> Vec<usize> {
    let best = best(scores);
    let above = |label: usize| match decision {
        Decision::Threshold(threshold) => scores[label] >= *threshold,
        Decision::Scaled(threshold, scales) => scores[label] >= threshold * scales[label],
        Decision::PerLabel(thresholds) => scores[label] >= thresholds[label],
        Decision::Best => false,
    };
    (0..scores.len())
        .filter(|&label| label == best || above(label))
        .collect()
}

/// Mean F1 of the labels with non-zero support.
pub(super) fn macro_f1(counts: &[Counts]) -> f64 {
    let supported = counts.iter().filter(|counts| counts.support > 0);
    supported.clone().map(|counts| counts.f1()).sum::<f64>() / supported.count().max(1) as f64
}

/// F1 over the pooled decisions of all labels.
pub(super) fn micro(counts: &[Counts]) -> f64 {
    let sum = counts.iter().fold(Counts::default(), |a, c| Counts {
        hits: a.hits + c.hits,
        predicted: a.predicted + c.predicted,
        support: a.support + c.support,
    });
    sum.f1()
}

fn best(scores: &[f64]) -> usize {
    (0..scores.len())
        .reduce(|a, b| if scores[b] > scores[a] { b } else { a })
        .unwrap_or(0)
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        scores: &[Vec<f64>],
        truth: &[Vec<usize>],
        unseen: &[(&str, u64)],
        decision: Decision,
    ) -> ClassifierMetrics {
        let labels = ["a", "b", "c"].map(String::from);
        let unseen = unseen
            .iter()
            .map(|(label, n)| ((*label).to_string(), *n))
            .collect();
        classifier_metrics(
            EvalInput {
                scores,
                truth,
                labels: &labels,
                unseen: &unseen,
                loss: 0.5,
            },
            decision,
        )
    }

    #[test]
    fn multi_label_metrics_match_hand_computed_values() {
        let scores = [
            vec![0.9, 0.6, 0.1],
            vec![0.2, 0.3, 0.1],
            vec![0.4, 0.8, 0.7],
        ];
        let truth = [vec![0, 1], vec![0], vec![1]];
        let m = check(&scores, &truth, &[], Decision::Threshold(0.5));
        // Predicted: {a, b}, {b} (best only), {b, c}. Hits: a 1, b 2. Predicted: a 1, b 3, c 1.
        // Support: a 2, b 2, c 0.
        assert!((m.micro_f1 - 6.0 / 9.0).abs() < 1e-12);
        let (a, b) = (2.0 / 3.0, 4.0 / 5.0);
        assert!(
            (m.macro_f1 - (a + b) / 2.0).abs() < 1e-12,
            "c has no support and does not count"
        );
        assert!((m.mean_f1 - (m.micro_f1 + m.macro_f1) / 2.0).abs() < 1e-12);
        assert_eq!(
            (
                m.per_label[1].precision,
                m.per_label[1].recall,
                m.per_label[2].support
            ),
            (2.0 / 3.0, 1.0, 0)
        );
        assert_eq!((m.accuracy, m.n), (None, 3));
    }

    #[test]
    fn unseen_labels_count_as_misses() {
        let (scores, truth) = (
            [vec![0.9, 0.1, 0.1], vec![0.1, 0.9, 0.1]],
            [vec![0], vec![]],
        );
        let m = check(&scores, &truth, &[("z", 1)], Decision::Threshold(0.5));
        // Hits 1; predicted 2; support 1 + 1.
        assert!((m.micro_f1 - 2.0 / 4.0).abs() < 1e-12);
        assert!((m.macro_f1 - (1.0 + 0.0) / 2.0).abs() < 1e-12);
        assert_eq!(
            (
                m.per_label[3].label.as_str(),
                m.per_label[3].support,
                m.per_label[3].f1
            ),
            ("z", 1, 0.0)
        );
    }

    #[test]
    fn single_label_accuracy_is_micro_f1() {
        let scores = [
            vec![0.5, 0.3, 0.2],
            vec![0.1, 0.2, 0.7],
            vec![0.4, 0.3, 0.3],
        ];
        let m = check(&scores, &[vec![0], vec![2], vec![1]], &[], Decision::Best);
        assert_eq!(m.accuracy, Some(2.0 / 3.0));
        assert!((m.micro_f1 - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_tuned_threshold_is_the_best_one() {
        let scores = [
            vec![0.30, 0.9, 0.1],
            vec![0.25, 0.8, 0.05],
            vec![0.1, 0.7, 0.02],
        ];
        let truth = [vec![0, 1], vec![0, 1], vec![1]];
        let threshold = tune_threshold(&scores, &truth, 3);
        assert!((0.10..=0.25).contains(&threshold), "{threshold}");
        let m = check(&scores, &truth, &[], Decision::Threshold(threshold));
        assert!((m.micro_f1 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn each_label_gets_the_threshold_that_suits_it() {
        let scores = [
            vec![0.30, 0.9, 0.1],
            vec![0.25, 0.8, 0.05],
            vec![0.1, 0.95, 0.02],
        ];
        let truth = [vec![0], vec![0, 1], vec![1]];
        let thresholds = tune_thresholds(&scores, &truth, 3, 0.4);
        assert!((0.11..=0.25).contains(&thresholds[0]), "{thresholds:?}");
        assert_eq!(thresholds[2], 0.4, "no document carries it");
        let m = check(&scores, &truth, &[], Decision::PerLabel(thresholds));
        assert_eq!((m.per_label[0].f1, m.per_label[2].f1), (1.0, 0.0));
    }

    #[test]
    fn softmax_and_sigmoid_survive_large_logits() {
        let single = probabilities(&[1000.0, 0.0], ProblemType::SingleLabelClassification);
        assert_eq!(single, [1.0, 0.0]);
        let multi = probabilities(&[1000.0, -1000.0], ProblemType::MultiLabelClassification);
        assert_eq!(multi, [1.0, 0.0]);
    }
}
