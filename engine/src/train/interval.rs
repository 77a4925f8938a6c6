//! How far a score may be from that of all documents like these: a percentile bootstrap over documents (Efron 1979).

use super::metrics::{Decision, Judged, decide};
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
/// The same documents give the same interval.
const SEED: u64 = 1;

/// What one document adds to a label's counts.
#[derive(Clone, Copy)]
struct Share {
    label: u32,
    predicted: bool,
    is_true: bool,
}

/// 95 % intervals of micro and macro F1; `None` for fewer than two documents.
pub fn score_interval(judged: &Judged, decision: &Decision) -> Option<ScoreInterval> {
    let n = judged.scores.len();
    if n < 2 {
        return None;
    }
    let documents = shares(judged, decision);
    let samples = (MAX_DRAWS / n).clamp(MIN_SAMPLES, MAX_SAMPLES);
    let missed: u64 = judged.unseen.values().sum();
    let unknown = judged.unseen.len();
    let (mut micro, mut macro_) = (Vec::with_capacity(samples), Vec::with_capacity(samples));
    let mut counts = vec![[0_u64; 3]; judged.labels.len()];
    for sample in 0..samples {
        counts.fill([0; 3]);
        let mut rng = generator(SEED, Purpose::Bootstrap, sample as u64, n as u64);
        for _ in 0..n {
            for share in &documents[below(&mut rng, n as u64) as usize] {
                let [hits, predicted, support] = &mut counts[share.label as usize];
                *hits += u64::from(share.predicted && share.is_true);
                *predicted += u64::from(share.predicted);
                *support += u64::from(share.is_true);
            }
        }
        let sums = counts.iter().fold([0; 3], |a, b| [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
        micro.push(f1([sums[0], sums[1], sums[2] + missed]));
        let supported = counts.iter().filter(|counts| counts[2] > 0);
        let labels = supported.clone().count() + unknown;
        macro_.push(supported.map(|counts| f1(*counts)).sum::<f64>() / labels.max(1) as f64);
    }
    Some(ScoreInterval { micro_f1: percentiles(micro), macro_f1: percentiles(macro_) })
}

/// Predicted and true labels of each document.
fn shares(judged: &Judged, decision: &Decision) -> Vec<Vec<Share>> {
    let of_document = |(scores, truth): (&Vec<f64>, &Vec<usize>)| {
        let predicted = decide(scores, decision);
        let missed = truth.iter().filter(|label| !predicted.contains(label));
        let missed = missed.map(|&label| Share { label: label as u32, predicted: false, is_true: true });
        let found = |&label: &usize| Share { label: label as u32, predicted: true, is_true: truth.contains(&label) };
        predicted.iter().map(found).chain(missed).collect()
    };
    judged.scores.iter().zip(judged.truth).map(of_document).collect()
}

fn f1([hits, predicted, support]: [u64; 3]) -> f64 {
    if predicted + support == 0 { 0.0 } else { 2.0 * hits as f64 / (predicted + support) as f64 }
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
        let judged = Judged { scores: &scores, truth: &truth, labels: &labels, unseen: &BTreeMap::new(), loss: 0.0 };
        score_interval(&judged, &Decision::Best).expect("enough documents")
    }

    #[test]
    fn an_interval_of_accuracy_is_that_of_a_binomial() {
        let [low, high] = interval(400, 300).micro_f1;
        // 1.96 sqrt(0.75 * 0.25 / 400) = 0.042.
        assert!((low - 0.708).abs() < 0.008 && (high - 0.792).abs() < 0.008, "{low} {high}");
        let narrow = interval(1600, 1200).micro_f1;
        assert!((narrow[1] - narrow[0]) * 1.7 < high - low);
    }

    #[test]
    fn certain_scores_have_no_width_and_one_document_no_interval() {
        assert_eq!(interval(50, 50).micro_f1, [1.0, 1.0]);
        let labels = ["a".to_string()];
        let (scores, truth, unseen) = ([vec![1.0]], [vec![0]], BTreeMap::new());
        let judged = Judged { scores: &scores, truth: &truth, labels: &labels, unseen: &unseen, loss: 0.0 };
        assert_eq!(score_interval(&judged, &Decision::Best), None);
    }
}
