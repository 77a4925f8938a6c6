//! Line chart of values from 0 to 1 with standard-deviation bands, such as a metric by epoch or by
//! number of labelled documents with one line per condition of a comparison. Pure layout.

use super::options::value_scale;
use super::scale::tick_label;
use super::scene::{ColorRole, EndLabel, Mark, Plot, Scene, Size};
use crate::tr;
use crate::wording::figure;

/// Right margin for the labels at the ends of lines, in pixels.
const LABEL_WIDTH: f64 = 118.0;

/// A horizontal axis of counts that spans more than this factor is logarithmic, because label
/// fractions usually double from one point to the next.
const MIN_LOG_RATIO: f64 = 8.0;

/// Maximum number of points that are drawn as dots; longer series are drawn as a line only.
const MAX_DOTS: usize = 12;

/// A mean with its standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpreadPoint {
    /// Horizontal position, such as an epoch or a number of documents.
    pub at: f64,
    /// Mean value, from 0 to 1.
    pub mean: f64,
    /// Standard deviation; 0 if unknown.
    pub sd: f64,
}

/// One line of the chart.
#[derive(Clone, Debug, PartialEq)]
pub struct SpreadSeries {
    /// Name shown at the end of the line.
    pub name: String,
    /// Points in order of `at`.
    pub points: Vec<SpreadPoint>,
    /// Role of its colour.
    pub ink: ColorRole,
    /// Index into [`super::scene::DASHES`].
    pub dash: usize,
}

/// Lays out the chart of a metric between 0 and 1; `names` are those of the horizontal and the
/// vertical axis.
pub fn spread_scene(series: &[SpreadSeries], names: (&str, &str), size: Size) -> Scene {
    let points = || series.iter().flat_map(|series| &series.points);
    let x_domain = extent(points().map(|point| (point.at, point.at))).unwrap_or((0.0, 1.0));
    let (low, high) = extent(points().map(bounds)).unwrap_or((0.0, 1.0));
    let margin = ((high - low) * 0.08).max(0.01);
    let y_domain = ((low - margin).max(0.0), (high + margin).min(1.0));
    let scales = |plot: Plot| {
        let is_wide = x_domain.0 >= 1.0 && x_domain.1 > x_domain.0 * MIN_LOG_RATIO;
        (
            value_scale(x_domain, (plot.left, plot.right), is_wide),
            value_scale(y_domain, (plot.bottom, plot.top), false),
        )
    };
    let (mut scene, x, y) = Scene::with_scales(size, names, LABEL_WIDTH, scales);
    for SpreadSeries { points, ink, .. } in series
        .iter()
        .filter(|series| series.points.iter().any(|point| point.sd > 0.0))
    {
        let upper = points
            .iter()
            .map(|point| (x.at(point.at), y.at(bounds(point).1)));
        let lower = points
            .iter()
            .rev()
            .map(|point| (x.at(point.at), y.at(bounds(point).0)));
        scene.marks.push(Mark::Band {
            points: upper.chain(lower).collect(),
            ink: *ink,
        });
    }
    let mut labels = Vec::new();
    for SpreadSeries {
        name,
        points,
        ink,
        dash,
    } in series
    {
        let positions: Vec<(f64, f64)> = points
            .iter()
            .map(|point| (x.at(point.at), y.at(point.mean)))
            .collect();
        if let (Some(at), Some(last)) = (positions.last(), points.last()) {
            labels.push(EndLabel {
                at: *at,
                text: format!("{name} {}", figure(last.mean, 2)),
                ink: *ink,
            });
        }
        if positions.len() <= MAX_DOTS {
            scene.marks.push(Mark::Dots {
                points: positions.clone(),
                ink: *ink,
            });
        }
        scene.marks.push(Mark::Line {
            points: positions,
            ink: *ink,
            width: 2.0,
            opacity: 1.0,
            dash: *dash,
        });
    }
    scene.add_end_labels(labels);
    scene.bring_text_to_front();
    scene
}

/// Describes the chart in a sentence, for screen readers.
pub fn spread_summary(series: &[SpreadSeries], title: &str) -> String {
    let one = |SpreadSeries { name, points, .. }: &SpreadSeries| {
        let at =
            |point: &SpreadPoint| format!("{} ({})", figure(point.mean, 3), tick_label(point.at));
        format!(
            "{name} {}",
            points.iter().map(at).collect::<Vec<_>>().join(", ")
        )
    };
    let figures = series.iter().map(one).collect::<Vec<_>>().join("; ");
    tr!("{title}: {figures}.", title, figures)
}

/// Returns the mean minus and plus one standard deviation, clamped to the metric's range of 0 to 1.
fn bounds(point: &SpreadPoint) -> (f64, f64) {
    (
        (point.mean - point.sd).max(0.0),
        (point.mean + point.sd).min(1.0),
    )
}

fn extent(spans: impl Iterator<Item = (f64, f64)>) -> Option<(f64, f64)> {
    spans.reduce(|(low, high), (min, max)| (low.min(min), high.max(max)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::scene::LABEL_HEIGHT;

    const SIZE: Size = Size {
        width: 500.0,
        height: 240.0,
    };

    fn line(name: &str, points: &[(f64, f64, f64)], ink: ColorRole) -> SpreadSeries {
        let points = points
            .iter()
            .map(|&(at, mean, sd)| SpreadPoint { at, mean, sd })
            .collect();
        SpreadSeries {
            name: name.into(),
            points,
            ink,
            dash: 0,
        }
    }

    #[test]
    fn lines_and_bands_stay_within_the_plot_and_the_line_ends_are_labelled() {
        let series = [
            line(
                "pre-trained",
                &[(50.0, 0.6, 0.02), (500.0, 0.7, 0.01), (5000.0, 0.99, 0.2)],
                ColorRole::Run(0),
            ),
            line(
                "n-grams",
                &[(50.0, 0.6, 0.0), (5000.0, 0.99, 0.0)],
                ColorRole::Baseline,
            ),
        ];
        let scene = spread_scene(&series, ("texts", "F1"), SIZE);
        let Plot {
            left,
            top,
            right,
            bottom,
        } = scene.plot;
        let (mut bands, mut names) = (0, Vec::new());
        for mark in &scene.marks {
            let points = match mark {
                Mark::Band { points, .. } => {
                    bands += 1;
                    points
                }
                Mark::Line { points, .. } | Mark::Dots { points, .. } => points,
                Mark::Text { text, at, .. } => {
                    if text.starts_with(char::is_alphabetic) && at.0 > right {
                        names.push((text.as_str(), at.1));
                    }
                    continue;
                }
            };
            for (x, y) in points {
                assert!(
                    (left - 1e-6..=right + 1e-6).contains(x)
                        && (top - 1e-6..=bottom + 1e-6).contains(y),
                    "{mark:?}"
                );
            }
        }
        assert_eq!(bands, 1, "what has no spread has no band");
        names.sort_by(|a, b| a.1.total_cmp(&b.1));
        assert_eq!(
            names.iter().map(|(text, _)| *text).collect::<Vec<_>>(),
            ["pre-trained 0.99", "n-grams 0.99"]
        );
        assert!(
            (names[0].1 - names[1].1).abs() >= LABEL_HEIGHT,
            "ends that meet are written apart"
        );
        let middle = scene.x.at(500.0) - scene.x.at(50.0);
        assert!(
            (scene.x.at(5000.0) - scene.x.at(500.0) - middle).abs() < 1e-6,
            "ten times as many is as far again"
        );
        assert_eq!(
            spread_summary(&series[1..], "F1 by texts"),
            "F1 by texts: n-grams 0.600 (50), 0.990 (5,000)."
        );
    }

    #[test]
    fn fractions_use_a_linear_axis() {
        let scene = spread_scene(
            &[line(
                "F1",
                &[(0.05, 0.2, 0.0), (0.95, 0.8, 0.0)],
                ColorRole::Metric(2),
            )],
            ("x", "y"),
            SIZE,
        );
        let middle = (scene.x.at(0.05) + scene.x.at(0.95)) / 2.0;
        assert!((scene.x.at(0.5) - middle).abs() < 1e-6);
    }

    #[test]
    fn a_single_point_and_no_points_still_make_a_chart() {
        let scene = spread_scene(
            &[line("a", &[(500.0, 0.7, 0.0)], ColorRole::Run(0))],
            ("x", "y"),
            SIZE,
        );
        assert!(
            scene
                .marks
                .iter()
                .any(|mark| matches!(mark, Mark::Dots { points, .. } if points[0].0.is_finite()))
        );
        assert!(!spread_scene(&[], ("x", "y"), SIZE).marks.is_empty());
    }
}
