//! Chart of one metric by step, with a line per pre-training run: accuracy, learning rate, gradient
//! norm or speed. Pure layout.

use super::curve::Curve;
use super::loss::step_words;
use super::options::{ViewState, add_cursor, value_scale};
use super::scale::{Scale, tick_label};
use super::scene::{ColorRole, Mark, Scene};
use crate::tr;
use crate::wording::grouped;

/// Right margin in pixels: half the width of a tick label.
const MARGIN: f64 = 14.0;

/// The data of one run.
#[derive(Clone, Debug)]
pub struct MetricSeries<'a> {
    /// Name of the run.
    pub name: String,
    /// Values by step, for a metric that comes with every training report.
    pub curve: Option<&'a Curve>,
    /// `(step, value)` pairs, for a metric that comes with evaluations.
    pub points: Vec<(u64, f64)>,
    /// Planned number of steps.
    pub steps: u64,
    /// Colour index of the run, as in [`ColorRole::Run`].
    pub ink: usize,
}

impl MetricSeries<'_> {
    fn extent(&self) -> Option<(f64, f64)> {
        let points = self.points.iter().map(|(_, value)| (*value, *value));
        let all = self.curve.and_then(Curve::extent).into_iter().chain(points);
        all.reduce(|(low, high), (min, max)| (low.min(min), high.max(max)))
    }

    fn last(&self) -> u64 {
        let curve = self
            .curve
            .and_then(|curve| curve.buckets().last())
            .map_or(0, |bucket| bucket.last);
        curve
            .max(self.points.last().map_or(0, |(step, _)| *step))
            .max(self.steps)
    }

    /// Returns the value at a step, or else that of the last evaluation up to it.
    fn at(&self, step: f64) -> Option<f64> {
        let point = self
            .points
            .iter()
            .rev()
            .find(|(at, _)| *at as f64 <= step)
            .map(|(_, value)| *value);
        self.curve
            .and_then(|curve| curve.near(step.round() as u64))
            .or(point)
    }
}

/// Returns the last step that any run reaches or plans, at least 1.
fn last_step(series: &[MetricSeries]) -> f64 {
    series
        .iter()
        .map(MetricSeries::last)
        .max()
        .unwrap_or(0)
        .max(1) as f64
}

/// Lays out the chart of a metric; `title` names its vertical axis.
pub fn metric_scene(series: &[MetricSeries], title: &str, view: &ViewState) -> Scene {
    let extents = series.iter().filter_map(MetricSeries::extent);
    let (low, high) = extents
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        .unwrap_or((0.0, 1.0));
    let bottom = if view.options.log_y {
        low
    } else {
        low.min(0.0)
    };
    let steps = view.options.steps(last_step(series));
    let scales = |plot: super::scene::Plot| {
        let x = value_scale(steps, (plot.left, plot.right), view.options.log_x);
        (
            x,
            value_scale(
                (bottom, high + (high - bottom) * 0.06),
                (plot.bottom, plot.top),
                view.options.log_y,
            ),
        )
    };
    let (mut scene, x, y) = Scene::with_scales(view.size, (&tr!("step"), title), MARGIN, scales);
    if series.iter().all(|series| series.extent().is_none()) {
        let is_from_evaluations = series.iter().any(|series| series.curve.is_none());
        scene.placeholder(&if is_from_evaluations {
            tr!("Appears with the first evaluation.")
        } else {
            tr!("Appears with the first figures.")
        });
    }
    for series in series {
        add(&mut scene, series, view, (&x, &y), steps.1 - steps.0);
    }
    scene.bring_text_to_front();
    add_cursor(&mut scene, &x, view.cursor, view.drag);
    scene
}

fn add(
    scene: &mut Scene,
    series: &MetricSeries,
    view: &ViewState,
    (x, y): (&Scale, &Scale),
    steps: f64,
) {
    let ink = ColorRole::Run(series.ink);
    if let Some(curve) = series.curve {
        scene.curve(curve, view.options.smoothing.horizon(steps), ink, x, y);
    }
    let points: Vec<(f64, f64)> = series
        .points
        .iter()
        .map(|(step, value)| (x.at(*step as f64), y.at(*value)))
        .collect();
    scene.marks.push(Mark::Line {
        points: points.clone(),
        ink,
        width: 1.5,
        opacity: 0.8,
        dash: 0,
    });
    scene.marks.push(Mark::Dots { points, ink });
}

/// Returns the cross-hair readout: the value of each run at a step.
pub fn readout(series: &[MetricSeries], step: f64) -> String {
    let one = |series: &MetricSeries| Some(format!("{} {}", series.name, short(series.at(step)?)));
    step_words(
        step.round().max(0.0) as u64,
        &series.iter().filter_map(one).collect::<Vec<_>>(),
    )
}

/// Describes the chart in a sentence, for screen readers.
pub fn metric_summary(series: &[MetricSeries], title: &str) -> String {
    let last = |series: &MetricSeries| {
        let value = series.at(f64::MAX).or(series
            .curve
            .and_then(|curve| curve.buckets().last().map(|b| b.mean())))?;
        Some(format!("{} {}", series.name, short(value)))
    };
    let figures = series
        .iter()
        .filter_map(last)
        .collect::<Vec<_>>()
        .join(", ");
    match figures.is_empty() {
        true => tr!("{title}: nothing yet.", title),
        false => tr!("{title}, last: {figures}.", title, figures),
    }
}

fn short(value: f64) -> String {
    if value.abs() >= 100.0 {
        grouped(value.round().max(0.0) as u64)
    } else {
        tick_label(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::scene::Size;

    const SIZE: Size = Size {
        width: 400.0,
        height: 200.0,
    };

    fn curve(values: &[f64]) -> Curve {
        let mut curve = Curve::default();
        values
            .iter()
            .enumerate()
            .for_each(|(step, value)| curve.push(step as u64 + 1, *value));
        curve
    }

    #[test]
    fn the_readout_covers_every_run_and_the_summary_the_last_values() {
        let rate = curve(&[0.001, 0.002, 0.003]);
        let series = [
            MetricSeries {
                name: "a".into(),
                curve: Some(&rate),
                points: vec![],
                steps: 3,
                ink: 0,
            },
            MetricSeries {
                name: "b".into(),
                curve: None,
                points: vec![(2, 0.25)],
                steps: 3,
                ink: 1,
            },
        ];
        assert_eq!(readout(&series, 2.0), "Step 2: a 0.002, b 0.25");
        assert_eq!(readout(&series, 1.0), "Step 1: a 0.001");
        assert_eq!(
            metric_summary(&series, "Rate"),
            "Rate, last: a 0.003, b 0.25."
        );
        assert_eq!(metric_summary(&[], "Rate"), "Rate: nothing yet.");
    }

    #[test]
    fn every_point_lies_in_the_plot_on_linear_and_logarithmic_axes() {
        let speed = curve(&[10.0, 4000.0, 3000.0]);
        for log in [false, true] {
            let mut view = ViewState::plain(SIZE);
            (view.options.log_x, view.options.log_y) = (log, log);
            let series = [MetricSeries {
                name: "a".into(),
                curve: Some(&speed),
                points: vec![],
                steps: 3,
                ink: 0,
            }];
            let scene = metric_scene(&series, "Tokens/s", &view);
            let (top, bottom) = (scene.plot.top - 1.0, scene.plot.bottom + 1.0);
            for mark in &scene.marks {
                if let Mark::Line { points, .. } = mark {
                    assert!(
                        points.iter().all(|(_, y)| (top..=bottom).contains(y)),
                        "{points:?}"
                    );
                }
            }
        }
    }
}
