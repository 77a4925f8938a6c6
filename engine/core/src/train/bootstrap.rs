//! Bootstrap over documents (Efron 1979): confidence intervals of a classifier's scores, and
//! significance of the difference between two classifiers.

use super::metrics::{Counts, Decision, EvalInput, decide, macro_f1, micro};
use crate::data::random::{Purpose, below, generator};
use protocol::ScoreInterval;

/// Maximum number of bootstrap samples.
const MAX_SAMPLES: usize = 1000;
/// Minimum number of bootstrap samples.
const MIN_SAMPLES: usize = 50;
/// Maximum number of documents drawn in total, unless [`MIN_SAMPLES`] needs more. Large test sets
/// get fewer samples; their intervals are narrow anyway.
const MAX_DRAWS: usize = 10_000_000;
/// Fraction of the samples beyond each end of the interval.
const TAIL: f64 = 0.025;
/// Number of samples of a paired comparison.
const COMPARED_SAMPLES: usize = 200;
/// Fraction of these samples in which a classifier must be better to count as significantly better.
const MIN_WINS: f64 = 0.95;
/// Fixed seed, so that the same documents are always sampled in the same way.
const SEED: u64 = 1;

/// Predictions and true labels of documents, prepared for scoring any sample of them.
pub struct Outcomes {
    documents: Vec<Vec<Outcome>>,
    labels: usize,
    /// Counts of the labels that the classifier does not have.
    unseen: Vec<Counts>,
}

/// Contribution of one document to the counts of one label.
#[derive(Clone, Copy)]
struct Outcome {
    label: u32,
    predicted: bool,
    is_true: bool,
}

impl Outcomes {
    /// Applies `decision` to the evaluated documents.
    pub fn new(input: &EvalInput, decision: &Decision) -> Self {
        let of_document = |(scores, truth): (&Vec<f64>, &Vec<usize>)| {
            let predicted = decide(scores, decision);
            let missed = truth.iter().filter(|label| !predicted.contains(label));
            let missed = missed.map(|&label| Outcome {
                label: label as u32,
                predicted: false,
                is_true: true,
            });
            let found = |&label: &usize| Outcome {
                label: label as u32,
                predicted: true,
                is_true: truth.contains(&label),
            };
            predicted.iter().map(found).chain(missed).collect()
        };
        Self {
            documents: input
                .scores
                .iter()
                .zip(input.truth)
                .map(of_document)
                .collect(),
            labels: input.labels.len(),
            unseen: input
                .unseen
                .values()
                .map(|&support| Counts {
                    support,
                    ..Counts::default()
                })
                .collect(),
        }
    }

    /// Returns the micro and macro F1 of bootstrap sample number `sample`, which draws as many
    /// documents as there are, with replacement.
    fn sampled(&self, sample: usize) -> [f64; 2] {
        let n = self.documents.len() as u64;
        let mut counts = vec![Counts::default(); self.labels];
        let mut rng = generator(SEED, Purpose::Bootstrap, sample as u64, n);
        for _ in 0..n {
            for outcome in &self.documents[below(&mut rng, n) as usize] {
                let counts = &mut counts[outcome.label as usize];
                counts.hits += u64::from(outcome.predicted && outcome.is_true);
                counts.predicted += u64::from(outcome.predicted);
                counts.support += u64::from(outcome.is_true);
            }
        }
        counts.extend(&self.unseen);
        [micro(&counts), macro_f1(&counts)]
    }

    /// Returns whether this classifier has a higher sum of micro and macro F1 than `others` in
    /// nearly all bootstrap samples of the same documents (paired bootstrap, Koehn 2004).
    pub fn surely_beat(&self, others: &Self) -> bool {
        if self.documents.is_empty() {
            return false;
        }
        let mean = |[micro, macro_f1]: [f64; 2]| micro + macro_f1;
        let better = (0..COMPARED_SAMPLES)
            .filter(|&sample| mean(self.sampled(sample)) > mean(others.sampled(sample)));
        better.count() as f64 >= MIN_WINS * COMPARED_SAMPLES as f64
    }
}

/// Returns 95 % intervals of micro and macro F1, or `None` for fewer than two documents.
pub fn score_interval(input: &EvalInput, decision: &Decision) -> Option<ScoreInterval> {
    let n = input.scores.len();
    if n < 2 {
        return None;
    }
    let outcomes = Outcomes::new(input, decision);
    let samples = (MAX_DRAWS / n).clamp(MIN_SAMPLES, MAX_SAMPLES);
    let scores: Vec<[f64; 2]> = (0..samples)
        .map(|sample| outcomes.sampled(sample))
        .collect();
    let [micro_f1, macro_f1] =
        [0, 1].map(|score| percentiles(scores.iter().map(|scores| scores[score]).collect()));
    Some(ScoreInterval { micro_f1, macro_f1 })
}

/// Returns the quantiles [`TAIL`] and 1 - [`TAIL`] of `values`.
fn percentiles(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    [at(TAIL), at(1.0 - TAIL)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn interval(n: usize, right: usize) -> ScoreInterval {
        let scores: Vec<Vec<f64>> = (0..n).map(|_| vec![0.9, 0.1]).collect();
        let truth: Vec<Vec<usize>> = (0..n).map(|i| vec![usize::from(i >= right)]).collect();
        let labels = ["a", "b"].map(String::from);
        let input = EvalInput {
            scores: &scores,
            truth: &truth,
            labels: &labels,
            unseen: &BTreeMap::new(),
            loss: 0.0,
        };
        score_interval(&input, &Decision::Best).expect("enough documents")
    }

    #[test]
    fn an_interval_of_accuracy_is_that_of_a_binomial() {
        let [low, high] = interval(400, 300).micro_f1;
        // 1.96 sqrt(0.75 * 0.25 / 400) = 0.042.
        assert!(
            (low - 0.708).abs() < 0.008 && (high - 0.792).abs() < 0.008,
            "{low} {high}"
        );
        let narrow = interval(1600, 1200).micro_f1;
        assert!((narrow[1] - narrow[0]) * 1.7 < high - low);
    }

    #[test]
    fn certain_scores_have_no_width_and_one_document_no_interval() {
        assert_eq!(interval(50, 50).micro_f1, [1.0, 1.0]);
        let labels = ["a".to_string()];
        let (scores, truth, unseen) = ([vec![1.0]], [vec![0]], BTreeMap::new());
        let input = EvalInput {
            scores: &scores,
            truth: &truth,
            labels: &labels,
            unseen: &unseen,
            loss: 0.0,
        };
        assert_eq!(score_interval(&input, &Decision::Best), None);
    }
}
