//! The F1 of the legacy 2018 system, for comparison with its published numbers. Labels with a raw
//! logit of at least 0.5 (probability 0.6225) are predicted, or else the best one; every ratio has
//! 1e-5 in its denominator; macro F1 averages all labels of the model, with or without support.
//! `docs/from-the-2018-system.md` explains why this is not the default.

use super::metrics::precision_at_1;
use protocol::{ClassifierMetrics, LabelMetrics};

/// Added to every denominator.
const EPSILON: f64 = 1e-5;
/// Minimum logit of a predicted label.
const LOGIT_THRESHOLD: f64 = 0.5;

/// Returns the probability that corresponds to a logit of 0.5.
pub fn seed_threshold() -> f64 {
    1.0 / (1.0 + (-LOGIT_THRESHOLD).exp())
}

/// Computes the metrics from probabilities `scores` and true label indices `truth` of each
/// document, over `labels`.
pub fn seed_metrics(
    scores: &[Vec<f64>],
    truth: &[Vec<usize>],
    labels: &[String],
    loss: f64,
) -> ClassifierMetrics {
    let threshold = seed_threshold();
    let mut counts = vec![[0_u64; 3]; labels.len()];
    for (scores, truth) in scores.iter().zip(truth) {
        let best = (0..scores.len()).reduce(|a, b| if scores[b] > scores[a] { b } else { a });
        let none = scores.iter().all(|&score| score < threshold);
        for (label, &score) in scores.iter().enumerate() {
            let predicted = score >= threshold || (none && best == Some(label));
            match (predicted, truth.contains(&label)) {
                (true, true) => counts[label][0] += 1,
                (true, false) => counts[label][1] += 1,
                (false, true) => counts[label][2] += 1,
                (false, false) => (),
            }
        }
    }
    let per_label: Vec<LabelMetrics> = labels
        .iter()
        .zip(&counts)
        .map(|(label, c)| row(label, *c))
        .collect();
    let total = counts
        .iter()
        .fold([0; 3], |a, c| [a[0] + c[0], a[1] + c[1], a[2] + c[2]]);
    let micro_f1 = row("", total).f1;
    let macro_f1 = per_label.iter().map(|row| row.f1).sum::<f64>() / labels.len().max(1) as f64;
    ClassifierMetrics {
        n: scores.len() as u64,
        loss,
        micro_f1,
        macro_f1,
        mean_f1: (micro_f1 + macro_f1) / 2.0,
        precision_at_1: precision_at_1(scores, truth),
        threshold,
        accuracy: None,
        per_label,
        ..ClassifierMetrics::default()
    }
}

fn row(label: &str, [hits, wrong, missed]: [u64; 3]) -> LabelMetrics {
    let [hits, wrong, missed] = [hits as f64, wrong as f64, missed as f64];
    let precision = hits / (hits + wrong + EPSILON);
    let recall = hits / (hits + missed + EPSILON);
    let f1 = 2.0 * precision * recall / (precision + recall + EPSILON);
    LabelMetrics {
        label: label.into(),
        precision,
        recall,
        f1,
        support: (hits + missed) as u64,
        predicted: (hits + wrong) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tolerance for the golden vectors.
    const TOLERANCE: f64 = 1e-9;

    fn check(logits: &[&[f64]], targets: &[&[usize]], micro_f1: f64, macro_f1: f64) {
        let sigmoid = |x: &f64| 1.0 / (1.0 + (-x).exp());
        let scores: Vec<Vec<f64>> = logits
            .iter()
            .map(|row| row.iter().map(sigmoid).collect())
            .collect();
        let truth: Vec<Vec<usize>> = targets.iter().map(|rows| rows.to_vec()).collect();
        let labels: Vec<String> = (0..logits[0].len())
            .map(|label| label.to_string())
            .collect();
        let metrics = seed_metrics(&scores, &truth, &labels, 0.0);
        assert!(
            (metrics.micro_f1 - micro_f1).abs() < TOLERANCE,
            "micro {}",
            metrics.micro_f1
        );
        assert!(
            (metrics.macro_f1 - macro_f1).abs() < TOLERANCE,
            "macro {}",
            metrics.macro_f1
        );
        assert!((metrics.mean_f1 - (micro_f1 + macro_f1) / 2.0).abs() < TOLERANCE);
    }

    /// The golden vectors are outputs of the 2018 system's own functions.
    #[test]
    fn metrics_match_the_golden_vectors() {
        for (counts, f1) in [
            ([200, 200, 200], 0.499_994_987_549_999_9),
            ([1, 0, 0], 0.999_985_000_124_999),
            ([0, 0, 0], 0.0),
        ] {
            assert!((row("", counts).f1 - f1).abs() < TOLERANCE, "{counts:?}");
        }
        check(
            &[&[2.0, -1.0, 0.6], &[0.1, 0.4, 0.2], &[-3.0, -2.0, -1.0]],
            &[&[0], &[1, 2], &[2]],
            0.749_993_125_038_020_6,
            0.833_320_833_437_499_2,
        );
        check(
            &[&[0.4, 0.45, 0.3, 0.2], &[0.5, 0.49, -1.0, -1.0]],
            &[&[], &[0]],
            0.666_657_777_829_629_5,
            0.249_996_250_031_249_76,
        );
    }
}
