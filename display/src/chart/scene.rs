//! What a chart is made of, in CSS pixels: the seam between layout, which is pure, and painting, which is not. Colours
//! are roles, so that one scene serves light and dark.

use super::curve::Curve;
use super::scale::{Scale, tick_labels};
use crate::order;

/// Size of a chart in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// The part of a chart between its axes, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plot {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Bottom edge.
    pub bottom: f64,
}

/// What a mark stands for; the painter knows its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorRole {
    /// Run number so-and-so, counted from 0; colours repeat after [`RUN_INKS`].
    Run(usize),
    /// Grid lines.
    Grid,
    /// Tick and axis labels.
    Label,
    /// Reference lines.
    Floor,
    /// Metric number so-and-so of the F1 chart: micro, macro, mean.
    Metric(usize),
}

/// Distinct run colours.
pub const RUN_INKS: usize = 6;

/// How a line is broken; tells runs apart where colour is taken.
pub const DASHES: [&[f64]; 4] = [&[], &[7.0, 4.0], &[2.0, 3.0], &[10.0, 3.0, 2.0, 3.0]];

/// Radius of a dot, in pixels.
const DOT: f64 = 4.0;

/// Width of a letter in pixels, about, of a system's sans-serif at 12. Marks above and below letters count, too: a Thai text is
/// taken for wider than it is.
const LETTER_WIDTH: f64 = 6.5;

/// The same in letters, for a legend: lines are clipped to the plot.
pub(super) const DASH_SIGNS: [&str; DASHES.len()] = ["——", "– –", "···", "–·–"];

/// Where a text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// By its left end.
    Start,
    /// By its middle.
    Middle,
    /// By its right end.
    End,
}

/// One thing to paint.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A line through points, clipped to the plot.
    Line {
        /// `(x, y)` in order.
        points: Vec<(f64, f64)>,
        /// Role.
        ink: ColorRole,
        /// Stroke width.
        width: f64,
        /// Opacity, 0 to 1.
        opacity: f64,
        /// Index into [`DASHES`].
        dash: usize,
    },
    /// Ringed dots, clipped to the plot.
    Dots {
        /// Centres.
        points: Vec<(f64, f64)>,
        /// Role.
        ink: ColorRole,
    },
    /// A filled shape, faintly, clipped to the plot.
    Band {
        /// Its corners in order.
        points: Vec<(f64, f64)>,
        /// Role.
        ink: ColorRole,
    },
    /// A word or number, never clipped; held in the middle of its height.
    Text {
        /// Where.
        at: (f64, f64),
        /// What.
        text: String,
        /// Which end is at `at`.
        anchor: Anchor,
        /// Role.
        ink: ColorRole,
    },
}

/// How much of a band is seen, 0 to 1.
pub const BAND_OPACITY: f64 = 0.18;

/// Labels closer than this many pixels would overlap.
pub(super) const LABEL_HEIGHT: f64 = 14.0;

/// What stands at the end of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct EndLabel {
    /// Where the line ends.
    pub at: (f64, f64),
    /// What.
    pub text: String,
    /// Role of the line.
    pub ink: ColorRole,
}

/// An entry of a legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// What it stands for.
    pub name: String,
    /// Its colour.
    pub ink: ColorRole,
    /// Its line style, where that tells it apart rather than its colour.
    pub dash: Option<usize>,
}

/// A chart, ready to paint from back to front.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Where lines and dots are clipped.
    pub plot: Plot,
    /// What to paint.
    pub marks: Vec<Mark>,
    /// From what is told across to pixels.
    pub x: Scale,
}

impl Scene {
    /// An empty chart with axes: grid, ticks and the names of both axes; `margin` pixels stay free on the right.
    pub fn with_axes(
        size: Size,
        x: (f64, f64),
        y: (f64, f64),
        names: (&str, &str),
        margin: f64,
    ) -> (Self, Scale, Scale) {
        let scales = |plot: Plot| {
            (
                Scale::new(x, (plot.left, plot.right)),
                Scale::new(y, (plot.bottom, plot.top)),
            )
        };
        Self::with_scales(size, names, margin, scales)
    }

    /// As [`Self::with_axes`], on any scales.
    pub fn with_scales(
        size: Size,
        names: (&str, &str),
        margin: f64,
        scales: impl FnOnce(Plot) -> (Scale, Scale),
    ) -> (Self, Scale, Scale) {
        let plot = Plot {
            left: 52.0,
            top: 26.0,
            right: (size.width - margin).max(60.0),
            bottom: size.height - 40.0,
        };
        let (x, y) = scales(plot);
        let mut scene = Self {
            plot,
            marks: vec![],
            x,
        };
        scene.horizontal_grid(&y);
        scene.step_ticks(&x, size.width);
        scene.text((2.0, 10.0), names.1, Anchor::Start, ColorRole::Label);
        scene.text(
            (plot.right, size.height - 8.0),
            names.0,
            Anchor::End,
            ColorRole::Label,
        );
        (scene, x, y)
    }

    /// Paints texts over all that was added so far: no curve runs through a word. Names of floors stay below, since what was
    /// measured counts more.
    pub fn bring_text_to_front(&mut self) {
        let is_raised =
            |mark: &Mark| matches!(mark, Mark::Text { ink, .. } if *ink != ColorRole::Floor);
        let (texts, others): (Vec<Mark>, Vec<Mark>) = self.marks.drain(..).partition(is_raised);
        self.marks = others;
        self.marks.extend(texts);
    }

    /// Adds a text.
    pub fn text(&mut self, at: (f64, f64), text: &str, anchor: Anchor, ink: ColorRole) {
        self.marks.push(Mark::Text {
            at,
            text: text.into(),
            anchor,
            ink,
        });
    }

    /// Adds a text at the left or right end of a horizontal line, where fewer of these points lie behind it.
    pub fn text_aside(&mut self, y: f64, text: &str, ink: ColorRole, points: &[(f64, f64)]) {
        let width = text.chars().count() as f64 * LETTER_WIDTH;
        let (left, right) = (self.plot.left + 4.0, self.plot.right);
        let behind = |from: f64| {
            let is_behind = |(x, at): &&(f64, f64)| {
                (from - DOT..=from + width + DOT).contains(x)
                    && (at - y).abs() < LABEL_HEIGHT / 2.0 + DOT
            };
            points.iter().filter(is_behind).count()
        };
        match behind(right - width) <= behind(left) {
            true => self.text((right, y), text, Anchor::End, ink),
            false => self.text((left, y), text, Anchor::Start, ink),
        }
    }

    /// Adds what stands at the ends of lines; where these are close together, labels move down until each can be read.
    pub fn add_end_labels(&mut self, mut labels: Vec<EndLabel>) {
        order::sort_by(&mut labels, |label| label.at.1);
        let mut free = f64::NEG_INFINITY;
        for EndLabel { at, text, ink } in labels {
            let y = at.1.max(free);
            free = y + LABEL_HEIGHT;
            self.text((at.0 + 9.0, y), &text, Anchor::Start, ink);
        }
    }

    /// Adds a curve as measured and, where there is a horizon, smoothed.
    pub fn curve(
        &mut self,
        curve: &Curve,
        horizon: Option<f64>,
        ink: ColorRole,
        x: &Scale,
        y: &Scale,
    ) {
        let raw = columns(curve, x, y);
        let Some(horizon) = horizon else {
            self.marks.push(Mark::Line {
                points: raw,
                ink,
                width: 1.25,
                opacity: 0.9,
                dash: 0,
            });
            return;
        };
        let smooth = curve
            .smoothed(horizon)
            .into_iter()
            .map(|(step, value)| (x.at(step), y.at(value)))
            .collect();
        self.marks.push(Mark::Line {
            points: raw,
            ink,
            width: 1.0,
            opacity: 0.28,
            dash: 0,
        });
        self.marks.push(Mark::Line {
            points: thinned(smooth),
            ink,
            width: 2.0,
            opacity: 1.0,
            dash: 0,
        });
    }

    /// Writes a legend below a picture of this size; says how large it is then. On a page, the legend stands beside the chart.
    pub fn add_legend(&mut self, keys: impl IntoIterator<Item = Key>, size: Size) -> Size {
        let mut bottom = size.height;
        for Key { name, ink, dash } in keys {
            let sign = dash.map_or("●", |dash| DASH_SIGNS[dash % DASHES.len()]);
            self.text(
                (self.plot.left, bottom + LABEL_HEIGHT / 2.0),
                &format!("{sign} {name}"),
                Anchor::Start,
                ink,
            );
            bottom += LABEL_HEIGHT + 4.0;
        }
        Size {
            height: bottom + 4.0,
            ..size
        }
    }

    /// Says in the middle of the plot why it is empty.
    pub fn placeholder(&mut self, text: &str) {
        let middle = (
            (self.plot.left + self.plot.right) / 2.0,
            (self.plot.top + self.plot.bottom) / 2.0,
        );
        self.text(middle, text, Anchor::Middle, ColorRole::Label);
    }

    /// Adds a horizontal line across the plot.
    pub fn rule(&mut self, y: f64, ink: ColorRole, dash: usize) {
        let points = vec![(self.plot.left, y), (self.plot.right, y)];
        self.marks.push(Mark::Line {
            points,
            ink,
            width: 1.0,
            opacity: 1.0,
            dash,
        });
    }

    fn horizontal_grid(&mut self, y: &Scale) {
        let ticks = y.ticks(5);
        for (value, label) in ticks.iter().zip(tick_labels(&ticks)) {
            self.rule(y.at(*value), ColorRole::Grid, 0);
            self.text(
                (self.plot.left - 8.0, y.at(*value)),
                &label,
                Anchor::End,
                ColorRole::Label,
            );
        }
    }

    fn step_ticks(&mut self, x: &Scale, width: f64) {
        let pixels_per_tick = 90.0;
        let about = ((self.plot.right - self.plot.left) / pixels_per_tick).max(2.0) as usize;
        let ticks = x.ticks(about);
        for (value, label) in ticks.iter().zip(tick_labels(&ticks)) {
            // One at the end would stick out of a picture that leaves no room behind it.
            let at = x
                .at(*value)
                .min(width - label.chars().count() as f64 * LETTER_WIDTH / 2.0);
            self.text(
                (at, self.plot.bottom + 14.0),
                &label,
                Anchor::Middle,
                ColorRole::Label,
            );
        }
    }
}

/// The raw line with at most one vertical stroke per pixel column, from its least to its greatest value.
fn columns(curve: &Curve, x: &Scale, y: &Scale) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64, f64)> = Vec::new();
    for bucket in curve.buckets() {
        let (at, low, high) = (x.at(bucket.middle()), bucket.min, bucket.max);
        match out.last_mut() {
            Some((column, least, greatest)) if column.floor() == at.floor() => {
                (*least, *greatest) = (least.min(low), greatest.max(high));
            }
            _ => out.push((at, low, high)),
        }
    }
    out.into_iter()
        .flat_map(|(at, low, high)| [(at, y.at(low)), (at, y.at(high))])
        .collect()
}

/// At most two points per pixel of width.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let last = points.len().saturating_sub(1);
    let mut out: Vec<(f64, f64)> = Vec::new();
    for (index, point) in points.into_iter().enumerate() {
        if index == last || out.last().is_none_or(|(x, _)| point.0 - x >= 0.5) {
            out.push(point);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_where_it_hides_less() {
        let size = Size {
            width: 400.0,
            height: 200.0,
        };
        let (empty, ..) = Scene::with_axes(size, (0.0, 1.0), (0.0, 1.0), ("x", "y"), 10.0);
        let anchor = |points: &[(f64, f64)]| {
            let mut scene = empty.clone();
            scene.text_aside(100.0, "ten letter", ColorRole::Floor, points);
            match scene.marks.last() {
                Some(Mark::Text { anchor, .. }) => *anchor,
                other => panic!("{other:?}"),
            }
        };
        let (left, right) = (empty.plot.left + 20.0, empty.plot.right - 20.0);
        for (points, expected) in [
            (&[][..], Anchor::End),
            (&[(right, 102.0)], Anchor::Start),
            (&[(right, 120.0)], Anchor::End),
            (&[(empty.plot.right, 92.0)], Anchor::Start),
            (
                &[(right, 102.0), (left, 99.0), (left + 5.0, 99.0)],
                Anchor::End,
            ),
        ] {
            assert_eq!(anchor(points), expected, "{points:?}");
        }
    }
}
