//! The F1 chart: micro, macro and mean F1 by epoch. Colour encodes the metric and the dash pattern
//! the run, so that pre-trained and from-scratch runs can be overlaid. Zoom and cross-hair work in
//! steps, as in the charts beside it; the axis and the readout show epochs. Pure layout.

use super::options::{ViewState, add_cursor, value_scale};
use super::scale::Scale;
use super::scene::{ColorRole, DASH_SIGNS, DASHES, EndLabel, Key, Mark, Scene};
use crate::language::translated;
use crate::mark;
use crate::tr;
use crate::wording::figure;

/// Right margin for the score at the end of a line, in pixels.
const LABEL_WIDTH: f64 = 44.0;
/// Right margin for the score and the run's dash sign, in pixels. The sign is needed because a run
/// with a single point has no visible line style.
const SIGNED_LABEL_WIDTH: f64 = 72.0;

/// Names of the metrics, in the order of their colours.
pub const METRICS: [&str; 3] = [mark!("micro F1"), mark!("macro F1"), mark!("mean F1")];

/// Scores of one evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct F1Point {
    /// Optimisation steps completed.
    pub step: u64,
    /// Epochs completed over the labelled documents.
    pub epoch: f64,
    /// Number of the evaluated network within a classifier of several networks, from 1; `None` for
    /// the complete classifier.
    pub network: Option<u64>,
    /// Scores from 0 to 1, in the order of [`METRICS`].
    pub scores: [f64; 3],
}

/// The data of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct F1Series {
    /// Name of the run.
    pub name: String,
    /// Evaluations in order of epochs.
    pub points: Vec<F1Point>,
    /// Planned number of epochs; 0 if unknown.
    pub epochs: f64,
    /// Line style, an index into [`DASHES`] (modulo its length).
    pub dash: usize,
}

impl F1Series {
    /// Returns whether its line has breaks: where training moves on to another network, or to the
    /// evaluation of the complete classifier.
    pub fn has_breaks(&self) -> bool {
        self.points
            .windows(2)
            .any(|pair| pair[0].network != pair[1].network)
    }
}

/// Returns the last epoch that any run plans or reaches, at least 1.
pub fn last_epoch(series: &[F1Series]) -> f64 {
    let last = |series: &F1Series| {
        series
            .points
            .last()
            .map_or(0.0, |point| point.epoch)
            .max(series.epochs)
    };
    series.iter().map(last).fold(1.0, f64::max)
}

/// Lays out the chart. `per_epoch` is the number of steps per epoch; it converts the steps of the
/// view to epochs.
pub fn f1_scene(
    series: &[F1Series],
    baseline: Option<f64>,
    view: &ViewState,
    per_epoch: f64,
) -> Scene {
    let steps = view.options.steps(last_epoch(series) * per_epoch);
    let epochs = (steps.0 / per_epoch, steps.1 / per_epoch);
    let top = ceiling(series).max(baseline.map_or(0.0, above));
    let bottom = if view.options.log_y {
        floor(series, baseline)
    } else {
        0.0
    };
    let names = (tr!("epoch"), tr!("F1, held out"));
    let (mut scene, x, y) = Scene::with_scales(
        view.size,
        (&names.0, &names.1),
        if series.len() < 2 {
            LABEL_WIDTH
        } else {
            SIGNED_LABEL_WIDTH
        },
        |plot| {
            let x = value_scale(epochs, (plot.left, plot.right), view.options.log_x);
            (
                x,
                value_scale((bottom, top), (plot.bottom, plot.top), view.options.log_y),
            )
        },
    );
    scene.x = value_scale(
        steps,
        (scene.plot.left, scene.plot.right),
        view.options.log_x,
    );
    if let Some(baseline) = baseline {
        scene.rule(y.at(baseline), ColorRole::Baseline, 1);
        let words = tr!("n-grams, mean F1 {f1}", f1 = figure(baseline, 2));
        let of = |point: &F1Point| point.scores.map(|score| (x.at(point.epoch), y.at(score)));
        let points: Vec<(f64, f64)> = series
            .iter()
            .flat_map(|series| series.points.iter().flat_map(of))
            .collect();
        scene.text_aside(y.at(baseline) - 9.0, &words, ColorRole::Baseline, &points);
    }
    if series.iter().all(|series| series.points.is_empty()) {
        scene.placeholder(&tr!("Scores appear here after each epoch."));
    }
    let mut labels = Vec::new();
    let is_single_run = series.len() < 2;
    for series in series {
        let drawn =
            (0..METRICS.len()).filter_map(|metric| add_line(&mut scene, series, metric, &x, &y));
        let sign = if is_single_run {
            ""
        } else {
            DASH_SIGNS[series.dash % DASHES.len()]
        };
        labels.extend(drawn.map(|label| EndLabel {
            text: format!("{} {sign}", label.text).trim_end().into(),
            ..label
        }));
    }
    let is_visible = |label: &EndLabel| (scene.plot.left..=scene.plot.right).contains(&label.at.0);
    labels.retain(is_visible);
    scene.add_end_labels(labels);
    scene.bring_text_to_front();
    let by_step = scene.x;
    add_cursor(&mut scene, &by_step, view.cursor, view.drag);
    scene
}

/// Returns the cross-hair readout: the scores of each run at its last evaluation up to `step`, or
/// `None` if no run has any by then.
pub fn f1_readout(series: &[F1Series], step: f64) -> Option<String> {
    let last = |series: &F1Series| {
        series
            .points
            .iter()
            .rev()
            .find(|point| point.step as f64 <= step.round())
            .copied()
    };
    let one = |series: &F1Series| {
        let point = last(series)?;
        let [micro, macro_f1, mean] = point.scores.map(|score| figure(score, 3));
        let scores = tr!(
            "{run} micro {micro}, macro {macro_f1}, mean {mean}",
            run = series.name,
            micro,
            macro_f1,
            mean
        );
        Some((figure(point.epoch, 1), scores))
    };
    let all: Vec<(String, String)> = series.iter().filter_map(one).collect();
    // Runs may have been evaluated at different epochs: group the runs by epoch.
    let parts = all.chunk_by(|a, b| a.0 == b.0).map(|runs| {
        let scores = runs
            .iter()
            .map(|(_, scores)| scores.as_str())
            .collect::<Vec<_>>()
            .join("; ");
        tr!("After epoch {epoch}: {scores}", epoch = runs[0].0, scores)
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| parts.join(". "))
}

/// Returns the legend: the colours of the metrics and the dash patterns of the runs.
pub fn f1_keys(series: &[F1Series]) -> Vec<Key> {
    let metric = |(index, name): (usize, &&'static str)| Key {
        name: translated(name),
        ink: ColorRole::Metric(index),
        dash: None,
    };
    let run = |series: &F1Series| Key {
        name: series.name.clone(),
        ink: ColorRole::Label,
        dash: Some(series.dash % DASHES.len()),
    };
    METRICS
        .iter()
        .enumerate()
        .map(metric)
        .chain(series.iter().map(run))
        .collect()
}

/// Describes the chart in sentences, for screen readers.
pub fn f1_summary(series: &[F1Series], baseline: Option<f64>) -> String {
    let scored = series
        .iter()
        .filter_map(|series| series.points.last().map(|point| (&series.name, point)));
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

/// Returns the upper end of the axis: the next tenth above the best score, at least 0.5, so that
/// the low scores of early epochs do not fill the chart.
fn ceiling(series: &[F1Series]) -> f64 {
    let scores = series
        .iter()
        .flat_map(|series| series.points.iter().flat_map(|point| point.scores));
    above(
        scores
            .filter(|score| score.is_finite())
            .fold(0.45, f64::max),
    )
}

/// Returns the lower end of a logarithmic axis: the smallest score above 0, at most 0.45.
fn floor(series: &[F1Series], baseline: Option<f64>) -> f64 {
    let scores = series
        .iter()
        .flat_map(|series| series.points.iter().flat_map(|point| point.scores))
        .chain(baseline);
    scores.filter(|score| *score > 0.0).fold(0.45, f64::min)
}

fn above(score: f64) -> f64 {
    (((score * 10.0).floor() + 1.0) / 10.0).min(1.0)
}

fn add_line(
    scene: &mut Scene,
    series: &F1Series,
    metric: usize,
    x: &Scale,
    y: &Scale,
) -> Option<EndLabel> {
    let finite: Vec<&F1Point> = series
        .points
        .iter()
        .filter(|point| point.scores[metric].is_finite())
        .collect();
    let points: Vec<(f64, f64)> = finite
        .iter()
        .map(|point| {
            (
                x.at(point.epoch),
                y.at(point.scores[metric].max(y.domain().0)),
            )
        })
        .collect();
    let score = finite.last()?.scores[metric];
    let at = *points.last()?;
    let ink = ColorRole::Metric(metric);
    scene.marks.push(Mark::Dots {
        points: points.clone(),
        ink,
    });
    // Each network is trained separately, so the line breaks where the evaluated network changes.
    let mut rest = points.as_slice();
    for segment in finite.chunk_by(|a, b| a.network == b.network) {
        let (points, others) = rest.split_at(segment.len());
        rest = others;
        let points = points.to_vec();
        scene.marks.push(Mark::Line {
            points,
            ink,
            width: 2.0,
            opacity: 1.0,
            dash: series.dash % DASHES.len(),
        });
    }
    Some(EndLabel {
        at,
        text: figure(score, 2),
        ink,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::options::Options;
    use crate::chart::scene::{LABEL_HEIGHT, Size};

    const SIZE: Size = Size {
        width: 400.0,
        height: 240.0,
    };

    fn run(name: &str, means: &[f64], dash: usize) -> F1Series {
        let point = |(index, mean): (usize, &f64)| F1Point {
            step: 100 * (index as u64 + 1),
            epoch: index as f64 + 1.0,
            network: None,
            scores: [mean + 0.1, mean - 0.1, *mean],
        };
        F1Series {
            name: name.into(),
            points: means.iter().enumerate().map(point).collect(),
            epochs: 5.0,
            dash,
        }
    }

    #[test]
    fn a_line_breaks_where_the_evaluated_network_changes() {
        let mut series = run("a", &[0.4, 0.5, 0.3, 0.5, 0.6], 0);
        let networks = [Some(1), Some(1), Some(2), Some(2), None];
        series
            .points
            .iter_mut()
            .zip(networks)
            .for_each(|(point, network)| point.network = network);
        let scene = f1_scene(&[series], None, &ViewState::plain(SIZE), 1.0);
        let lengths = scene.marks.iter().filter_map(|mark| match mark {
            Mark::Line {
                points,
                ink: ColorRole::Metric(0),
                ..
            } => Some(points.len()),
            _ => None,
        });
        assert_eq!(lengths.collect::<Vec<_>>(), [2, 2, 1]);
    }

    #[test]
    fn every_run_has_three_lines_with_its_own_dash() {
        let scene = f1_scene(
            &[run("a", &[0.4, 0.5], 0), run("b", &[0.3], 1)],
            None,
            &ViewState::plain(SIZE),
            1.0,
        );
        let mut lines = [0, 0];
        for mark in &scene.marks {
            if let Mark::Line {
                ink: ColorRole::Metric(_),
                dash,
                ..
            } = mark
            {
                lines[*dash] += 1;
            }
        }
        assert_eq!(lines, [3, 3]);
    }

    /// The cross-hair is shared with charts by step, while the readout shows epochs.
    #[test]
    fn the_cursor_is_in_steps_and_the_readout_in_epochs() {
        let runs = [run("a", &[0.4, 0.5], 0), run("b", &[0.3], 1)];
        let mut view = ViewState::plain(SIZE);
        view.cursor = Some(250.0);
        let full = f1_scene(&runs, None, &view, 100.0);
        let middle = (full.plot.left + full.plot.right) / 2.0;
        assert!(
            (full.x.value(middle) - 250.0).abs() < 1e-9,
            "five epochs of 100 steps"
        );
        let is_cursor = |mark: &Mark| match mark {
            Mark::Line {
                points,
                ink: ColorRole::Label,
                ..
            } => points.iter().all(|point| (point.0 - middle).abs() < 1e-9),
            _ => false,
        };
        assert!(full.marks.iter().any(is_cursor));
        view.options.stretch = Some((0.0, 150.0));
        let ends = |scene: &Scene| {
            scene
                .marks
                .iter()
                .filter(|mark| {
                    matches!(
                        mark,
                        Mark::Text {
                            ink: ColorRole::Metric(_),
                            ..
                        }
                    )
                })
                .count()
        };
        assert_eq!(
            (ends(&full), ends(&f1_scene(&runs, None, &view, 100.0))),
            (6, 3),
            "scores out of sight are not written"
        );
        let readout = f1_readout(&runs, 199.4).expect("scores");
        assert_eq!(
            readout,
            "After epoch 1.0: a micro 0.500, macro 0.300, mean 0.400; b micro 0.400, macro 0.200, mean 0.300"
        );
        assert!(
            f1_readout(&runs, 199.5)
                .is_some_and(|readout| readout.starts_with("After epoch 2.0: a micro 0.600"))
        );
        assert_eq!(f1_readout(&runs, 99.0), None);
        let uneven = [run("a", &[0.5, 0.6], 0), run("b", &[0.4], 1)];
        let readout = f1_readout(&uneven, 200.0).expect("scores");
        assert!(
            readout.starts_with("After epoch 2.0: a micro 0.700")
                && readout.contains(". After epoch 1.0: b micro 0.500"),
            "{readout}"
        );
        view.options = Options {
            log_x: true,
            log_y: true,
            ..Options::default()
        };
        let scene = f1_scene(&[run("a", &[0.1, 0.5], 0)], None, &view, 100.0);
        let heights: Vec<f64> = scene
            .marks
            .iter()
            .flat_map(|mark| match mark {
                Mark::Line {
                    points,
                    ink: ColorRole::Metric(_),
                    ..
                } => points.iter().map(|point| point.1).collect(),
                _ => vec![],
            })
            .collect();
        let plot = scene.plot.top - 1.0..=scene.plot.bottom + 1.0;
        assert!(
            heights.len() == 6 && heights.iter().all(|height| plot.contains(height)),
            "a score of 0 is at the foot"
        );
    }

    #[test]
    fn the_legend_explains_colours_and_dashes() {
        let runs = [run("a", &[0.4], 0), run("b", &[0.3], 1)];
        let mut scene = f1_scene(&runs, None, &ViewState::plain(SIZE), 1.0);
        let before = scene.marks.len();
        let grown = scene.add_legend(f1_keys(&runs), SIZE);
        let words = |mark: &Mark| match mark {
            Mark::Text { text, at, .. } if (SIZE.height..grown.height).contains(&at.1) => {
                text.clone()
            }
            other => panic!("{other:?}"),
        };
        let keys: Vec<String> = scene.marks[before..].iter().map(words).collect();
        assert_eq!(
            keys,
            ["● micro F1", "● macro F1", "● mean F1", "—— a", "– – b"]
        );
    }

    #[test]
    fn the_baseline_is_a_named_line_within_the_axis() {
        let scene = f1_scene(
            &[run("a", &[0.2], 0)],
            Some(0.73),
            &ViewState::plain(SIZE),
            1.0,
        );
        let names = scene.marks.iter().filter(
            |mark| matches!(mark, Mark::Text { text, .. } if text == "n-grams, mean F1 0.73"),
        );
        assert_eq!(names.count(), 1);
        let is_visible_baseline = |mark: &Mark| matches!(mark, Mark::Line { ink: ColorRole::Baseline, points, .. } if points[0].1 >= scene.plot.top);
        assert!(scene.marks.iter().any(is_visible_baseline));
    }

    #[test]
    fn labels_of_equal_scores_do_not_overlap() {
        let runs = [
            run("a", &[0.5], 0),
            run("b", &[0.5], 1),
            run("c", &[0.51], 2),
        ];
        let scene = f1_scene(&runs, None, &ViewState::plain(SIZE), 1.0);
        let of_lines = |mark: &Mark| match mark {
            Mark::Text {
                at,
                ink: ColorRole::Metric(_),
                ..
            } => Some(at.1),
            _ => None,
        };
        let heights: Vec<f64> = scene.marks.iter().filter_map(of_lines).collect();
        assert_eq!(heights.len(), 9);
        assert!(
            heights
                .windows(2)
                .all(|pair| pair[1] - pair[0] >= LABEL_HEIGHT),
            "{heights:?}"
        );
    }

    #[test]
    fn the_axis_leaves_headroom_and_ends_at_one() {
        assert_eq!(ceiling(&[]), 0.5);
        assert_eq!(ceiling(&[run("a", &[0.63], 0)]), 0.8);
        assert_eq!(ceiling(&[run("a", &[0.9], 0)]), 1.0);
    }

    #[test]
    fn the_summary_names_all_three_scores() {
        let text = f1_summary(&[run("Fine-tuning 1", &[0.4, 0.5], 0)], None);
        assert_eq!(
            text,
            "F1 chart. Fine-tuning 1 after epoch 2.0: micro F1 0.600, macro 0.400, mean 0.500."
        );
        assert_eq!(f1_summary(&[], None), "F1 chart: no scores yet.");
        assert_eq!(
            f1_summary(&[], Some(0.5)),
            "F1 chart. N-grams alone: mean F1 0.500."
        );
    }
}
