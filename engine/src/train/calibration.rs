//! How far probabilities are from what comes true: the expected calibration error with bins of equal mass (Nixon et al.
//! 2019, "Measuring Calibration in Deep Learning").

use super::metrics::{Decision, decide};

/// Bins that the predictions are sorted into.
const BINS: usize = 15;

/// Mean distance between probability and frequency of each document's best label.
pub fn calibration_of_best(scores: &[Vec<f64>], truth: &[Vec<usize>]) -> f64 {
    expected_calibration_error(predictions(scores, truth, &Decision::Best))
}

/// The same of all labels that `decision` predicts.
pub fn calibration_of_predicted(scores: &[Vec<f64>], truth: &[Vec<usize>], decision: &Decision) -> f64 {
    expected_calibration_error(predictions(scores, truth, decision))
}

/// Probability of each predicted label, and whether it is true.
fn predictions(scores: &[Vec<f64>], truth: &[Vec<usize>], decision: &Decision) -> Vec<(f64, bool)> {
    let of_document = |(scores, truth): (&Vec<f64>, &Vec<usize>)| {
        let predicted = decide(scores, decision).into_iter();
        predicted.map(|label| (scores[label], truth.contains(&label))).collect::<Vec<_>>()
    };
    scores.iter().zip(truth).flat_map(of_document).collect()
}

fn expected_calibration_error(mut predictions: Vec<(f64, bool)>) -> f64 {
    predictions.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = predictions.len();
    let gap = |bin: usize| {
        let members = &predictions[n * bin / BINS..n * (bin + 1) / BINS];
        let confidence: f64 = members.iter().map(|(p, _)| p).sum();
        let right = members.iter().filter(|(_, right)| *right).count();
        (confidence - right as f64).abs()
    };
    (0..BINS).map(gap).sum::<f64>() / n.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_probabilities_have_no_error_and_boastful_ones_have_theirs() {
        let check = |p: f64, right_of_10: usize, expected: f64| {
            let scores: Vec<Vec<f64>> = (0..300).map(|_| vec![p, 1.0 - p]).collect();
            let truth: Vec<Vec<usize>> = (0..300).map(|i| vec![usize::from(i % 10 >= right_of_10)]).collect();
            let error = calibration_of_best(&scores, &truth);
            assert!((error - expected).abs() < 1e-9, "{p}: {error}");
        };
        check(0.8, 8, 0.0);
        check(0.8, 6, 0.2);
        check(1.0, 9, 0.1);
        assert_eq!(calibration_of_best(&[], &[]), 0.0);
    }

    #[test]
    fn all_predicted_labels_count() {
        let scores = [vec![0.9, 0.7, 0.1]];
        let error = calibration_of_predicted(&scores, &[vec![0]], &Decision::Threshold(0.5));
        assert!((error - (0.1 + 0.7) / 2.0).abs() < 1e-9, "{error}");
    }
}
