//! Calibration of probabilities: the expected calibration error with bins of equal mass (Nixon
//! et al. 2019, "Measuring Calibration in Deep Learning"), and reliability diagrams.

use super::metrics::{Decision, decide};
use protocol::{ConfidencePoint, ReliabilityBin};

/// Number of bins of the calibration error.
const BINS: usize = 15;
/// Number of bins of a reliability diagram; fewer, so that each bin has enough documents.
const SHOWN_BINS: usize = 10;
/// Number of points of the error-by-confidence curve of [`surest`].
const SHARES: usize = 20;

/// Returns the expected calibration error of each document's most probable label.
pub fn calibration_of_best(scores: &[Vec<f64>], truth: &[Vec<usize>]) -> f64 {
    expected_calibration_error(predictions(scores, truth, &Decision::Best))
}

/// Returns the expected calibration error of all labels that `decision` predicts.
pub fn calibration_of_predicted(
    scores: &[Vec<f64>],
    truth: &[Vec<usize>],
    decision: &Decision,
) -> f64 {
    expected_calibration_error(predictions(scores, truth, decision))
}

/// Returns the probability of each predicted label, and whether the label is true.
fn predictions(scores: &[Vec<f64>], truth: &[Vec<usize>], decision: &Decision) -> Vec<(f64, bool)> {
    let of_document = |(scores, truth): (&Vec<f64>, &Vec<usize>)| {
        let predicted = decide(scores, decision).into_iter();
        predicted
            .map(|label| (scores[label], truth.contains(&label)))
            .collect::<Vec<_>>()
    };
    scores.iter().zip(truth).flat_map(of_document).collect()
}

/// Returns a reliability diagram of the most probable labels, with bins of equal mass.
pub fn reliability(scores: &[Vec<f64>], truth: &[Vec<usize>]) -> Vec<ReliabilityBin> {
    bins(predictions(scores, truth, &Decision::Best), SHOWN_BINS)
}

/// Returns the error rate among the most confident documents, for every twentieth of the documents.
/// A document with a label that the model does not have (`has_unseen`) always counts as wrong.
pub fn surest(
    scores: &[Vec<f64>],
    truth: &[Vec<usize>],
    has_unseen: &[bool],
    decision: &Decision,
) -> Vec<ConfidencePoint> {
    let outcome = |(index, (scores, truth)): (usize, (&Vec<f64>, &Vec<usize>))| {
        let mut predicted = decide(scores, decision);
        let mut truth = truth.clone();
        predicted.sort_unstable();
        truth.sort_unstable();
        (
            scores.iter().copied().fold(0.0, f64::max),
            predicted != truth || has_unseen.get(index) == Some(&true),
        )
    };
    let mut documents: Vec<(f64, bool)> =
        scores.iter().zip(truth).enumerate().map(outcome).collect();
    documents.sort_by(|a, b| b.0.total_cmp(&a.0));
    let n = documents.len();
    let of_share = |step: usize| {
        let surest = &documents[..(n * step).div_ceil(SHARES)];
        let wrong = surest.iter().filter(|(_, wrong)| *wrong).count() as f64 / surest.len() as f64;
        ConfidencePoint {
            share: step as f64 / SHARES as f64,
            confidence: surest.last().map_or(0.0, |last| last.0),
            wrong,
        }
    };
    if n == 0 {
        Vec::new()
    } else {
        (1..=SHARES).map(of_share).collect()
    }
}

/// Sorts predictions into at most `max_bins` non-empty bins of equal mass.
fn bins(mut predictions: Vec<(f64, bool)>, max_bins: usize) -> Vec<ReliabilityBin> {
    predictions.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = predictions.len();
    let bin = |bin: usize| {
        let members = &predictions[n * bin / max_bins..n * (bin + 1) / max_bins];
        let count = members.len() as f64;
        let probability = members.iter().map(|(p, _)| p).sum::<f64>() / count;
        let right = members.iter().filter(|(_, right)| *right).count() as f64 / count;
        (!members.is_empty()).then_some(ReliabilityBin {
            probability,
            right,
            n: members.len() as u64,
        })
    };
    (0..max_bins).filter_map(bin).collect()
}

fn expected_calibration_error(predictions: Vec<(f64, bool)>) -> f64 {
    let n = predictions.len().max(1) as f64;
    bins(predictions, BINS)
        .into_iter()
        .map(|bin| bin.n as f64 * (bin.probability - bin.right).abs())
        .sum::<f64>()
        / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calibration_error_is_the_gap_between_probability_and_frequency() {
        let check = |p: f64, right_of_10: usize, expected: f64| {
            let scores: Vec<Vec<f64>> = (0..300).map(|_| vec![p, 1.0 - p]).collect();
            let truth: Vec<Vec<usize>> = (0..300)
                .map(|i| vec![usize::from(i % 10 >= right_of_10)])
                .collect();
            let error = calibration_of_best(&scores, &truth);
            assert!((error - expected).abs() < 1e-9, "{p}: {error}");
        };
        check(0.8, 8, 0.0);
        check(0.8, 6, 0.2);
        check(1.0, 9, 0.1);
        assert_eq!(calibration_of_best(&[], &[]), 0.0);
    }

    #[test]
    fn the_surest_documents_are_less_often_wrong() {
        // The best label is correct for i >= 50; every fourth of those has a second label, which is
        // missed.
        let scores: Vec<Vec<f64>> = (0..100)
            .map(|i| vec![0.5 + i as f64 / 200.0, 0.1])
            .collect();
        let truth: Vec<Vec<usize>> = (0..100)
            .map(|i| {
                if i < 50 {
                    vec![1]
                } else if i % 4 == 0 {
                    vec![0, 1]
                } else {
                    vec![0]
                }
            })
            .collect();
        let surest = surest(&scores, &truth, &[], &Decision::Threshold(0.5));
        assert_eq!((surest.len(), surest[19].share), (20, 1.0));
        assert!(
            (surest[9].wrong - 12.0 / 50.0).abs() < 1e-9,
            "the surer half: {:?}",
            surest[9]
        );
        assert!((surest[19].wrong - 62.0 / 100.0).abs() < 1e-9);
        assert!(
            surest
                .windows(2)
                .all(|pair| pair[0].confidence > pair[1].confidence)
        );
        assert_eq!(super::surest(&[], &[], &[], &Decision::Best), []);
        let few = super::surest(&scores[..3], &truth[..3], &[], &Decision::Best);
        assert_eq!((few.len(), few[0].wrong), (20, 1.0));
        let unseen = super::surest(&scores[99..], &truth[99..], &[true], &Decision::Best);
        assert_eq!(
            unseen[0].wrong, 1.0,
            "right, but for a label that nobody taught"
        );
    }

    #[test]
    fn each_bin_of_a_diagram_has_its_share_of_the_documents() {
        let scores: Vec<Vec<f64>> = (0..200)
            .map(|i| vec![0.5 + i as f64 / 400.0, 0.0])
            .collect();
        let truth: Vec<Vec<usize>> = (0..200).map(|i| vec![usize::from(i < 100)]).collect();
        let bins = reliability(&scores, &truth);
        assert_eq!(bins.iter().map(|bin| bin.n).collect::<Vec<_>>(), [20; 10]);
        assert_eq!((bins[0].right, bins[9].right), (0.0, 1.0));
        assert_eq!(reliability(&scores[..1], &truth[..1]).len(), 1);
    }

    #[test]
    fn all_predicted_labels_count() {
        let scores = [vec![0.9, 0.7, 0.1]];
        let error = calibration_of_predicted(&scores, &[vec![0]], &Decision::Threshold(0.5));
        assert!((error - (0.1 + 0.7) / 2.0).abs() < 1e-9, "{error}");
    }
}
