//! Scores of a classifier by decision threshold, as numbers and sentences.

use crate::tr;
use crate::wording::{figure, percent};
use protocol::Review;

/// Threshold of even odds.
pub const EVEN: f64 = 0.5;

/// Scores at one threshold.
#[derive(Clone, Copy, PartialEq)]
pub struct Point {
    /// Probability from which a label counts as predicted.
    pub threshold: f64,
    /// Share of predicted labels that are true, 0 to 1.
    pub precision: f64,
    /// Share of true labels that are predicted, 0 to 1.
    pub recall: f64,
    /// Micro F1, or F1 of a single label.
    pub f1: f64,
    /// Macro F1; `None` for a single label.
    pub macro_f1: Option<f64>,
}

/// Returns the scores at each threshold, of one label or of all labels.
pub fn points(review: &Review, label: Option<usize>) -> Vec<Point> {
    let own = |label: usize| review.label_sweeps.get(label);
    let point = |(index, all): (usize, &protocol::ThresholdPoint)| match label.and_then(own) {
        Some(points) => {
            let protocol::LabelPoint {
                precision,
                recall,
                f1,
            } = points[index];
            Point {
                threshold: all.threshold,
                precision,
                recall,
                f1,
                macro_f1: None,
            }
        }
        None => Point {
            threshold: all.threshold,
            precision: all.precision,
            recall: all.recall,
            f1: all.micro_f1,
            macro_f1: Some(all.macro_f1),
        },
    };
    review.sweep.iter().enumerate().map(point).collect()
}

/// Describes the scores at one threshold.
pub fn words(point: Point) -> String {
    let [precision, recall, f1] =
        [point.precision, point.recall, point.f1].map(|value| figure(value, 3));
    let threshold = percent(point.threshold);
    match point.macro_f1 {
        Some(macro_f1) => tr!(
            "From {threshold} on: precision {precision}, recall {recall}, micro F1 {micro_f1}, macro F1 {macro_f1}.",
            threshold,
            precision,
            recall,
            micro_f1 = f1,
            macro_f1 = figure(macro_f1, 3)
        ),
        None => tr!(
            "From {threshold} on: precision {precision}, recall {recall}, F1 {f1}.",
            threshold,
            precision,
            recall,
            f1
        ),
    }
}

/// Returns the point with the highest F1. Ties go to the threshold nearest to `near`, as in the
/// engine.
fn best(points: &[Point], near: f64) -> Option<Point> {
    let distance = |point: &Point| (point.threshold - near).abs();
    points
        .iter()
        .max_by(|a, b| {
            a.f1.total_cmp(&b.f1)
                .then(distance(b).total_cmp(&distance(a)))
        })
        .copied()
}

/// Describes the point with the highest F1.
pub fn best_words(points: &[Point], near: f64) -> Option<String> {
    let best = best(points, near)?;
    Some(tr!(
        "The best F1, {f1}, is at {threshold}.",
        f1 = figure(best.f1, 3),
        threshold = percent(best.threshold)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_nearest_threshold() {
        let point = |threshold, f1| Point {
            threshold,
            precision: 0.5,
            recall: 0.5,
            f1,
            macro_f1: None,
        };
        let points = [
            point(0.1, 0.3),
            point(0.3, 0.8),
            point(0.6, 0.8),
            point(0.9, 0.7),
        ];
        for (near, expected) in [(EVEN, 0.6), (0.2, 0.3), (0.95, 0.6)] {
            assert_eq!(
                best(&points, near).map(|point| point.threshold),
                Some(expected),
                "{near}"
            );
        }
        assert!(best(&[], EVEN).is_none());
    }
}
