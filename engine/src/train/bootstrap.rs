//! What chance does to a score: a bootstrap over documents (Efron 1979). It gives the interval of one classifier's scores,
//! and tells whether another one is better by more than chance.

use super::metrics::{Counts, Decision, EvalInput, decide, macro_f1, micro};
use crate::data::random::{Purpose, below, generator};
use protocol::ScoreInterval;

/// Samples at most.
const MAX_SAMPLES: usize = 1000;
/// Samples at least.
const MIN_SAMPLES: usize = 50;
/// Documents drawn in all, as long as that leaves enough samples: large test sets have narrow intervals anyway.
const MAX_DRAWS: usize = 10_000_000;
/// Share of the samples outside of the interval, at each side.
const TAIL: f64 = 0.025;
/// Samples of a comparison.
const COMPARED_SAMPLES: usize = 200;
/// Share of these in which a classifier has to be better to be surely better.
const SURE: f64 = 0.95;
/// The same documents give the same samples.
const SEED: u64 = 1;

/// What a classifier predicts of documents beside what is true, ready to be scored on any sample of them.
pub struct Outcomes {
    documents: Vec<Vec<Outcome>>,
    labels: usize,
    /// Counts of the labels that the classifier does not know.
    unseen: Vec<Counts>,
}

/// What one document adds to a label's counts.
#[derive(Clone, Copy)]
struct Outcome {
    label: u32,
    predicted: bool,
    is_true: bool,
}

impl Outcomes {
    /// What `decision` predicts.
    pub fn new(judged: &EvalInput, decision: &Decision) -> Self {
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
            documents: judged
                .scores
                .iter()
                .zip(judged.truth)
                .map(of_document)
                .collect(),
            labels: judged.labels.len(),
            unseen: judged
                .unseen
                .values()
                .map(|&support| Counts {
                    support,
                    ..Counts::default()
                })
                .collect(),
        }
    }

    /// Micro and macro F1 of as many documents as there are, drawn with replacement as sample number `sample`.
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

    /// Whether these are better than `others`, by the mean of micro and macro F1, in nearly all samples of the same documents
    /// (Koehn 2004, paired bootstrap).
    pub fn surely_beat(&self, others: &Self) -> bool {
        if self.documents.is_empty() {
            return false;
        }
        let mean = |[micro, macro_f1]: [f64; 2]| micro + macro_f1;
        let better = (0..COMPARED_SAMPLES)
            .filter(|&sample| mean(self.sampled(sample)) > mean(others.sampled(sample)));
        better.count() as f64 >= SURE * COMPARED_SAMPLES as f64
    }
}

/// 95 % intervals of micro and macro F1; `None` for fewer than two documents.
pub fn score_interval(judged: &EvalInput, decision: &Decision) -> Option<ScoreInterval> {
    let n = judged.scores.len();
    if n < 2 {
        return None;
    }
    let outcomes = Outcomes::new(judged, decision);
    let samples = (MAX_DRAWS / n).clamp(MIN_SAMPLES, MAX_SAMPLES);
    let scores: Vec<[f64; 2]> = (0..samples)
        .map(|sample| outcomes.sampled(sample))
        .collect();
    let [micro_f1, macro_f1] =
        [0, 1].map(|score| percentiles(scores.iter().map(|scores| scores[score]).collect()));
    Some(ScoreInterval { micro_f1, macro_f1 })
}

/// The values below and above which [`TAIL`] of them lie.
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
        let judged = EvalInput {
            scores: &scores,
            truth: &truth,
            labels: &labels,
            unseen: &BTreeMap::new(),
            loss: 0.0,
        };
        score_interval(&judged, &Decision::Best).expect("enough documents")
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
        let judged = EvalInput {
            scores: &scores,
            truth: &truth,
            labels: &labels,
            unseen: &unseen,
            loss: 0.0,
        };
        assert_eq!(score_interval(&judged, &Decision::Best), None);
    }
}
