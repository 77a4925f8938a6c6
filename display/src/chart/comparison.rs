//! Curves of a comparison: the pre-trained and from-scratch conditions, with their spread over
//! seeds, and the n-gram baseline.

use super::scene::ColorRole;
use super::spread::{SpreadPoint, SpreadSeries};
use crate::tr;
use protocol::{Comparison, ComparisonCondition, ComparisonPoint, Spread};
use std::fmt::Write;

/// Returns micro F1 on the validation set after each epoch. The n-gram baseline has no epochs: it
/// is a horizontal line at its score on the set that `measured_on` names (`test` or `valid`).
pub fn by_pass(point: &ComparisonPoint, measured_on: &str) -> Vec<SpreadSeries> {
    let epochs = |condition: &ComparisonCondition| {
        let first = condition
            .runs
            .first()
            .map(|run| run.valid.as_slice())
            .unwrap_or_default();
        let at = |epoch: usize| {
            let runs = condition
                .runs
                .iter()
                .filter_map(move |run| run.valid.get(epoch));
            Spread::of(runs.map(|epoch| epoch.figures.micro_f1))
        };
        first
            .iter()
            .enumerate()
            .map(|(epoch, figures)| (figures.epoch, at(epoch)))
            .collect::<Vec<_>>()
    };
    let pretrained = epochs(&point.pretrained);
    let last = pretrained.last().map_or(1.0, |(epoch, _)| *epoch);
    let linear = Spread {
        mean: point.linear.test.micro_f1,
        sd: 0.0,
    };
    let mut lines = lines([
        pretrained,
        epochs(&point.scratch),
        vec![(0.0, linear), (last, linear)],
    ]);
    if measured_on == "test" {
        lines[2].name = tr!("n-grams (test)");
    }
    lines
}

/// Returns micro F1 on the evaluated set by the number of labelled documents.
pub fn by_labels(comparison: &Comparison) -> Vec<SpreadSeries> {
    let of = |pick: fn(&ComparisonPoint) -> Spread| {
        comparison
            .points
            .iter()
            .map(|point| (point.documents as f64, pick(point)))
            .collect::<Vec<_>>()
    };
    lines([
        of(|point| point.pretrained.micro_f1),
        of(|point| point.scratch.micro_f1),
        of(|point| Spread {
            mean: point.linear.test.micro_f1,
            sd: 0.0,
        }),
    ])
}

fn lines([pretrained, scratch, linear]: [Vec<(f64, Spread)>; 3]) -> Vec<SpreadSeries> {
    let line = |name: String, ink, dash, points: Vec<(f64, Spread)>| {
        let points = points
            .into_iter()
            .map(|(at, Spread { mean, sd })| SpreadPoint { at, mean, sd })
            .collect();
        SpreadSeries {
            name,
            points,
            ink,
            dash,
        }
    };
    vec![
        line(tr!("pre-trained"), ColorRole::Run(0), 0, pretrained),
        line(tr!("from scratch"), ColorRole::Run(1), 0, scratch),
        line(tr!("n-grams"), ColorRole::Baseline, 1, linear),
    ]
}

/// Returns a CSV table with one row per label fraction and condition: number of labelled documents,
/// mean and standard deviation of each metric, learning rate and seconds per run.
pub fn csv(comparison: &Comparison) -> String {
    let mut out = String::from(
        "documents,start,micro F1,micro F1 sd,macro F1,macro F1 sd,mean F1,mean F1 sd,learning rate,seconds per run\n",
    );
    let mut row = |documents: u64,
                   start: &str,
                   [micro, r#macro, mean]: [Spread; 3],
                   lr: String,
                   secs: f64| {
        let figures = [micro, r#macro, mean]
            .map(|Spread { mean, sd }| format!("{mean},{sd}"))
            .join(",");
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{documents},{start},{figures},{lr},{secs}");
    };
    for point in &comparison.points {
        for (start, condition) in [
            ("pre-trained", &point.pretrained),
            ("from scratch", &point.scratch),
        ] {
            let figures = [condition.micro_f1, condition.macro_f1, condition.mean_f1];
            row(
                point.documents,
                start,
                figures,
                condition.lr.to_string(),
                condition.secs_per_run,
            );
        }
        let test = &point.linear.test;
        let scores =
            [test.micro_f1, test.macro_f1, test.mean_f1].map(|mean| Spread { mean, sd: 0.0 });
        row(
            point.documents,
            "n-grams",
            scores,
            String::new(),
            point.linear.elapsed_secs,
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{ComparisonRun, EpochFigures, Figures, LinearResult};

    fn figures(micro_f1: f64) -> Figures {
        Figures {
            micro_f1,
            ..Figures::default()
        }
    }

    /// Returns a condition of several runs, given their micro F1 after each epoch.
    fn condition(runs: &[&[f64]]) -> ComparisonCondition {
        let epoch = |(epoch, score): (usize, &f64)| EpochFigures {
            epoch: epoch as f64 + 1.0,
            figures: figures(*score),
        };
        let run = |scores: &&[f64]| ComparisonRun {
            seed: 1,
            valid_micro_f1: 0.0,
            test: Figures::default(),
            valid: scores.iter().enumerate().map(epoch).collect(),
            elapsed_secs: 1.0,
            diverged: false,
        };
        let spread = Spread {
            mean: runs[0][0],
            sd: 0.1,
        };
        ComparisonCondition {
            lr: 1e-3,
            sweep: vec![],
            runs: runs.iter().map(run).collect(),
            micro_f1: spread,
            macro_f1: spread,
            mean_f1: spread,
            precision_at_1: spread,
            secs_per_run: 1.0,
            total_secs: 1.0,
        }
    }

    #[test]
    fn epochs_are_averaged_over_the_seeds_and_the_n_gram_baseline_is_flat() {
        let point = ComparisonPoint {
            label_fraction: 1.0,
            documents: 500,
            pretrained: condition(&[&[0.4, 0.6], &[0.6, 0.8]]),
            scratch: condition(&[&[0.1, 0.2]]),
            linear: LinearResult {
                test: figures(0.5),
                ..LinearResult::default()
            },
        };
        let lines = by_pass(&point, "test");
        assert_eq!(lines[2].name, "n-grams (test)");
        let means = |line: &SpreadSeries| {
            line.points
                .iter()
                .map(|point| (point.at, (point.mean * 100.0).round()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lines.iter().map(means).collect::<Vec<_>>(),
            [
                vec![(1.0, 50.0), (2.0, 70.0)],
                vec![(1.0, 10.0), (2.0, 20.0)],
                vec![(0.0, 50.0), (2.0, 50.0)],
            ]
        );
        assert!(
            lines[0].points[0].sd > 0.1 && lines[1].points[0].sd == 0.0,
            "one seed tells no spread"
        );
    }
}
