//! The F1 chart: micro, macro and mean F1 by epoch. Colour tells the metric, the dash of the line the run, so that
//! pre-trained and from-scratch runs lie over each other and stay apart. Pure layout.

use super::scale::Scale;
use super::scene::{Anchor, DASHES, EndLabel, Ink, Mark, Scene, Size};
use crate::mark;
use crate::tr;
use crate::wording::figure;

/// Room for the score at the end of a line.
const LABEL_WIDTH: f64 = 44.0;

/// The metrics in the order of their colours.
pub const METRICS: [&str; 3] = [mark!("micro F1"), mark!("macro F1"), mark!("mean F1")];

/// Scores after one epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct F1Point {
    /// Passes over the labelled documents done.
    pub epoch: f64,
    /// In the order of [`METRICS`].
    pub scores: [f64; 3],
}

/// One run as the chart needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct F1Series {
    /// What the run is called.
    pub name: String,
    /// In order of epochs.
    pub points: Vec<F1Point>,
    /// Epochs planned, where known.
    pub epochs: f64,
    /// Which line style.
    pub dash: usize,
}

/// Lays out the chart.
pub fn f1_scene(series: &[F1Series], baseline: Option<f64>, size: Size) -> Scene {
    let last = series.iter().map(last_epoch).fold(1.0, f64::max);
    let top = ceiling(series).max(baseline.map_or(0.0, above));
    let (across, up) = (tr!("epoch"), tr!("F1, held out"));
    let (mut scene, x, y) = Scene::with_axes(size, (0.0, last), (0.0, top), (&across, &up), LABEL_WIDTH);
    if let Some(baseline) = baseline {
        scene.rule(y.at(baseline), Ink::Floor, 1);
        let words = tr!("n-grams, mean F1 {f1}", f1 = figure(baseline, 2));
        scene.text((scene.plot.left + 4.0, y.at(baseline) - 9.0), &words, Anchor::Start, Ink::Floor);
    }
    if series.iter().all(|series| series.points.is_empty()) {
        scene.placeholder(&tr!("Scores appear here after each epoch."));
    }
    let mut labels = Vec::new();
    for series in series {
        labels.extend((0..METRICS.len()).filter_map(|metric| add_line(&mut scene, series, metric, &x, &y)));
    }
    scene.add_end_labels(labels);
    scene.raise_texts();
    scene
}

/// The chart in sentences, for whoever does not see it.
pub fn f1_summary(series: &[F1Series], baseline: Option<f64>) -> String {
    let scored = series.iter().filter_map(|series| series.points.last().map(|point| (&series.name, point)));
    let sentences: Vec<String> = scored
        .map(|(name, point)| {
            let [micro, macro_f1, mean] = point.scores.map(|score| figure(score, 3));
            let epoch = figure(point.epoch, 1);
            tr!(
                "{run} after epoch {epoch}: micro F1 {micro}, macro {macro_f1}, mean {mean}.",
                run = name,
                epoch,
                micro,
                macro_f1,
                mean
            )
        })
        .collect();
    let baseline = baseline.map(|score| tr!("N-grams alone: mean F1 {f1}.", f1 = figure(score, 3)));
    let sentences: Vec<String> = sentences.into_iter().chain(baseline).collect();
    match sentences.is_empty() {
        true => tr!("F1 chart: no scores yet."),
        false => format!("{} {}", tr!("F1 chart."), sentences.join(" ")),
    }
}

fn last_epoch(series: &F1Series) -> f64 {
    series.points.last().map_or(0.0, |point| point.epoch).max(series.epochs)
}

/// The next tenth above the best score, and 0.5 at least, so that early epochs do not look like triumphs.
fn ceiling(series: &[F1Series]) -> f64 {
    let scores = series.iter().flat_map(|series| series.points.iter().flat_map(|point| point.scores));
    above(scores.filter(|score| score.is_finite()).fold(0.45, f64::max))
}

fn above(score: f64) -> f64 {
    (((score * 10.0).floor() + 1.0) / 10.0).min(1.0)
}

fn add_line(scene: &mut Scene, series: &F1Series, metric: usize, x: &Scale, y: &Scale) -> Option<EndLabel> {
    let finite: Vec<&F1Point> = series.points.iter().filter(|point| point.scores[metric].is_finite()).collect();
    let points: Vec<(f64, f64)> = finite.iter().map(|point| (x.at(point.epoch), y.at(point.scores[metric]))).collect();
    let score = finite.last()?.scores[metric];
    let at = *points.last()?;
    let ink = Ink::Metric(metric);
    scene.marks.push(Mark::Dots { points: points.clone(), ink });
    scene.marks.push(Mark::Line { points, ink, width: 2.0, opacity: 1.0, dash: series.dash % DASHES.len() });
    Some(EndLabel { at, text: figure(score, 2), ink })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::scene::LABEL_HEIGHT;

    fn run(name: &str, means: &[f64], dash: usize) -> F1Series {
        let point = |(index, mean): (usize, &f64)| F1Point {
            epoch: index as f64 + 1.0,
            scores: [mean + 0.1, mean - 0.1, *mean],
        };
        F1Series { name: name.into(), points: means.iter().enumerate().map(point).collect(), epochs: 5.0, dash }
    }

    #[test]
    fn every_run_has_three_lines_in_its_own_dash() {
        let scene =
            f1_scene(&[run("a", &[0.4, 0.5], 0), run("b", &[0.3], 1)], None, Size { width: 400.0, height: 240.0 });
        let mut lines = [0, 0];
        for mark in &scene.marks {
            if let Mark::Line { ink: Ink::Metric(_), dash, .. } = mark {
                lines[*dash] += 1;
            }
        }
        assert_eq!(lines, [3, 3]);
    }

    #[test]
    fn the_baseline_is_a_line_with_its_name_and_in_view() {
        let scene = f1_scene(&[run("a", &[0.2], 0)], Some(0.73), Size { width: 400.0, height: 240.0 });
        let names = scene
            .marks
            .iter()
            .filter(|mark| matches!(mark, Mark::Text { text, .. } if text == "n-grams, mean F1 0.73"));
        assert_eq!(names.count(), 1);
        let seen =
            |mark: &Mark| matches!(mark, Mark::Line { ink: Ink::Floor, points, .. } if points[0].1 >= scene.plot.top);
        assert!(scene.marks.iter().any(seen));
    }

    #[test]
    fn scores_that_end_together_are_written_apart() {
        let runs = [run("a", &[0.5], 0), run("b", &[0.5], 1), run("c", &[0.51], 2)];
        let scene = f1_scene(&runs, None, Size { width: 400.0, height: 240.0 });
        let of_lines = |mark: &Mark| match mark {
            Mark::Text { at, ink: Ink::Metric(_), .. } => Some(at.1),
            _ => None,
        };
        let heights: Vec<f64> = scene.marks.iter().filter_map(of_lines).collect();
        assert_eq!(heights.len(), 9);
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= LABEL_HEIGHT), "{heights:?}");
    }

    #[test]
    fn the_axis_leaves_room_and_ends_at_one() {
        assert_eq!(ceiling(&[]), 0.5);
        assert_eq!(ceiling(&[run("a", &[0.63], 0)]), 0.8);
        assert_eq!(ceiling(&[run("a", &[0.9], 0)]), 1.0);
    }

    #[test]
    fn the_summary_names_all_three_scores() {
        let text = f1_summary(&[run("Fine-tuning 1", &[0.4, 0.5], 0)], None);
        assert_eq!(text, "F1 chart. Fine-tuning 1 after epoch 2.0: micro F1 0.600, macro 0.400, mean 0.500.");
        assert_eq!(f1_summary(&[], None), "F1 chart: no scores yet.");
        assert_eq!(f1_summary(&[], Some(0.5)), "F1 chart. N-grams alone: mean F1 0.500.");
    }
}
