//! The F1 chart: micro, macro and mean F1 by epoch. Colour tells the metric, the dash of the line the run, so that
//! pre-trained and from-scratch runs lie over each other and stay apart. It is looked at by step, as the charts beside it
//! are, and told by epoch. Pure layout.

use super::options::{ViewState, add_cursor, value_scale};
use super::scale::Scale;
use super::scene::{ColorRole, DASH_SIGNS, DASHES, EndLabel, Key, Mark, Scene};
use crate::language::translated;
use crate::mark;
use crate::tr;
use crate::wording::figure;

/// Room for the score at the end of a line.
const LABEL_WIDTH: f64 = 44.0;
/// The same with the sign of a run's line behind it: one point is no line that could be told from another.
const SIGNED_LABEL_WIDTH: f64 = 72.0;

/// The metrics in the order of their colours.
pub const METRICS: [&str; 3] = [mark!("micro F1"), mark!("macro F1"), mark!("mean F1")];

/// Scores after one epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct F1Point {
    /// Optimisation steps done.
    pub step: u64,
    /// Passes over the labelled documents done.
    pub epoch: f64,
    /// Which network of a classifier was measured alone, from 1; `None`: all parts together.
    pub network: Option<u64>,
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

impl F1Series {
    /// Whether its line breaks: where another network begins, or all parts were measured together.
    pub fn has_breaks(&self) -> bool {
        self.points
            .windows(2)
            .any(|pair| pair[0].network != pair[1].network)
    }
}

/// The last epoch that any run plans or reaches, at least 1.
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

/// Lays out the chart; an epoch has `per_epoch` of the steps that `look` speaks of.
pub fn f1_scene(
    series: &[F1Series],
    baseline: Option<f64>,
    look: &ViewState,
    per_epoch: f64,
) -> Scene {
    let steps = look.options.steps(last_epoch(series) * per_epoch);
    let epochs = (steps.0 / per_epoch, steps.1 / per_epoch);
    let top = ceiling(series).max(baseline.map_or(0.0, above));
    let bottom = if look.options.log_y {
        floor(series, baseline)
    } else {
        0.0
    };
    let names = (tr!("epoch"), tr!("F1, held out"));
    let (mut scene, x, y) = Scene::with_scales(
        look.size,
        (&names.0, &names.1),
        if series.len() < 2 {
            LABEL_WIDTH
        } else {
            SIGNED_LABEL_WIDTH
        },
        |plot| {
            let x = value_scale(epochs, (plot.left, plot.right), look.options.log_x);
            (
                x,
                value_scale((bottom, top), (plot.bottom, plot.top), look.options.log_y),
            )
        },
    );
    scene.x = value_scale(
        steps,
        (scene.plot.left, scene.plot.right),
        look.options.log_x,
    );
    if let Some(baseline) = baseline {
        scene.rule(y.at(baseline), ColorRole::Floor, 1);
        let words = tr!("n-grams, mean F1 {f1}", f1 = figure(baseline, 2));
        let of = |point: &F1Point| point.scores.map(|score| (x.at(point.epoch), y.at(score)));
        let points: Vec<(f64, f64)> = series
            .iter()
            .flat_map(|series| series.points.iter().flat_map(of))
            .collect();
        scene.text_aside(y.at(baseline) - 9.0, &words, ColorRole::Floor, &points);
    }
    if series.iter().all(|series| series.points.is_empty()) {
        scene.placeholder(&tr!("Scores appear here after each epoch."));
    }
    let mut labels = Vec::new();
    let is_alone = series.len() < 2;
    for series in series {
        let drawn =
            (0..METRICS.len()).filter_map(|metric| add_line(&mut scene, series, metric, &x, &y));
        let sign = if is_alone {
            ""
        } else {
            DASH_SIGNS[series.dash % DASHES.len()]
        };
        labels.extend(drawn.map(|label| EndLabel {
            text: format!("{} {sign}", label.text).trim_end().into(),
            ..label
        }));
    }
    let is_seen = |label: &EndLabel| (scene.plot.left..=scene.plot.right).contains(&label.at.0);
    labels.retain(is_seen);
    scene.add_end_labels(labels);
    scene.bring_text_to_front();
    let by_step = scene.x;
    add_cursor(&mut scene, &by_step, look.cursor, look.drag);
    scene
}

/// What the cross-hair says: the scores of each run at a step, or at the last evaluation before it. Nothing where no run has
/// scores there.
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
    // Runs may have ended at different epochs: those of one are told together.
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

/// What its colours and its dashes mean.
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

/// The chart in sentences, for whoever does not see it.
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

/// The next tenth above the best score, and 0.5 at least, so that early epochs do not look like triumphs.
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

/// Where a logarithmic axis begins: at the least score above 0.
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
    // Each network begins anew, and what all parts score together is no step of any of them.
    let mut rest = points.as_slice();
    for of_network in finite.chunk_by(|a, b| a.network == b.network) {
        let (points, others) = rest.split_at(of_network.len());
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
    fn a_line_breaks_where_the_next_network_begins() {
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
    fn every_run_has_three_lines_in_its_own_dash() {
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

    /// The cross-hair is shared with charts by step, and what is told is told by epoch.
    #[test]
    fn it_is_looked_at_by_step_and_told_by_epoch() {
        let runs = [run("a", &[0.4, 0.5], 0), run("b", &[0.3], 1)];
        let mut look = ViewState::plain(SIZE);
        look.cursor = Some(250.0);
        let whole = f1_scene(&runs, None, &look, 100.0);
        let middle = (whole.plot.left + whole.plot.right) / 2.0;
        assert!(
            (whole.x.value(middle) - 250.0).abs() < 1e-9,
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
        assert!(whole.marks.iter().any(is_cursor));
        look.options.stretch = Some((0.0, 150.0));
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
            (ends(&whole), ends(&f1_scene(&runs, None, &look, 100.0))),
            (6, 3),
            "scores out of sight are not written"
        );
        let told = f1_readout(&runs, 199.4).expect("scores");
        assert_eq!(
            told,
            "After epoch 1.0: a micro 0.500, macro 0.300, mean 0.400; b micro 0.400, macro 0.200, mean 0.300"
        );
        assert!(
            f1_readout(&runs, 199.5)
                .is_some_and(|told| told.starts_with("After epoch 2.0: a micro 0.600"))
        );
        assert_eq!(f1_readout(&runs, 99.0), None);
        let uneven = [run("a", &[0.5, 0.6], 0), run("b", &[0.4], 1)];
        let told = f1_readout(&uneven, 200.0).expect("scores");
        assert!(
            told.starts_with("After epoch 2.0: a micro 0.700")
                && told.contains(". After epoch 1.0: b micro 0.500"),
            "{told}"
        );
        look.options = Options {
            log_x: true,
            log_y: true,
            ..Options::default()
        };
        let scene = f1_scene(&[run("a", &[0.1, 0.5], 0)], None, &look, 100.0);
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
    fn its_legend_tells_colours_and_dashes() {
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
    fn the_baseline_is_a_line_with_its_name_and_in_view() {
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
        let seen = |mark: &Mark| matches!(mark, Mark::Line { ink: ColorRole::Floor, points, .. } if points[0].1 >= scene.plot.top);
        assert!(scene.marks.iter().any(seen));
    }

    #[test]
    fn scores_that_end_together_are_written_apart() {
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
    fn the_axis_leaves_room_and_ends_at_one() {
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
