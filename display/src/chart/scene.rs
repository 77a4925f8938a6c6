//! Scene description of a chart, in CSS pixels: the interface between layout, which is pure, and
//! painting, which is not. Colours are roles, so the same scene serves the light and the dark
//! theme.

use super::curve::Curve;
use super::scale::{Scale, tick_labels};
use crate::order;

/// Size of a chart in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Width in CSS pixels.
    pub width: f64,
    /// Height in CSS pixels.
    pub height: f64,
}

/// The plot area between the axes of a chart, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plot {
    /// x coordinate of the left edge.
    pub left: f64,
    /// y coordinate of the top edge; y points down.
    pub top: f64,
    /// x coordinate of the right edge.
    pub right: f64,
    /// y coordinate of the bottom edge.
    pub bottom: f64,
}

/// The role of a mark, which the painter maps to a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorRole {
    /// A run, by its index from 0; colours repeat after [`RUN_INKS`].
    Run(usize),
    /// Grid lines of the plot.
    Grid,
    /// Tick and axis labels.
    Label,
    /// Reference lines, such as the entropy baselines of the loss or the n-gram baseline.
    Baseline,
    /// A metric of the F1 chart, by its index: micro, macro, mean.
    Metric(usize),
}

/// Number of distinct run colours.
pub const RUN_INKS: usize = 6;

/// Dash patterns, as lengths in pixels. They distinguish runs where colour encodes the metric.
pub const DASHES: [&[f64]; 4] = [&[], &[7.0, 4.0], &[2.0, 3.0], &[10.0, 3.0, 2.0, 3.0]];

/// Radius of a dot, in pixels.
const DOT: f64 = 4.0;

/// Approximate width of a character in a 12 px system sans-serif font, in pixels. Combining marks
/// count as characters, so the width of Thai text is overestimated.
const LETTER_WIDTH: f64 = 6.5;

/// [`DASHES`] as characters, for legends: lines outside of the plot area would be clipped.
pub(super) const DASH_SIGNS: [&str; DASHES.len()] = ["——", "– –", "···", "–·–"];

/// Horizontal alignment of a text relative to its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The position is the left end of the text.
    Start,
    /// The position is the centre of the text.
    Middle,
    /// The position is the right end of the text.
    End,
}

/// A drawing primitive.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A polyline, clipped to the plot area.
    Line {
        /// Vertices as `(x, y)`, in order.
        points: Vec<(f64, f64)>,
        /// Role of the stroke colour.
        ink: ColorRole,
        /// Stroke width in pixels.
        width: f64,
        /// Opacity, 0 to 1.
        opacity: f64,
        /// Index into [`DASHES`].
        dash: usize,
    },
    /// Dots with an outline in the background colour, clipped to the plot area.
    Dots {
        /// Centres as `(x, y)`.
        points: Vec<(f64, f64)>,
        /// Role of the fill colour.
        ink: ColorRole,
    },
    /// A polygon filled at [`BAND_OPACITY`], clipped to the plot area.
    Band {
        /// Vertices as `(x, y)`, in order.
        points: Vec<(f64, f64)>,
        /// Role of the fill colour.
        ink: ColorRole,
    },
    /// A text, never clipped and vertically centred on its position.
    Text {
        /// Position as `(x, y)`.
        at: (f64, f64),
        /// The text to paint.
        text: String,
        /// Horizontal alignment relative to `at`.
        anchor: Anchor,
        /// Role of the text colour.
        ink: ColorRole,
    },
}

/// Opacity of a band, 0 to 1.
pub const BAND_OPACITY: f64 = 0.18;

/// Minimum vertical distance between labels that do not overlap, in pixels.
pub(super) const LABEL_HEIGHT: f64 = 14.0;

/// A label at the right end of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct EndLabel {
    /// End of the line, as `(x, y)`.
    pub at: (f64, f64),
    /// Text of the label.
    pub text: String,
    /// Role of the line's colour.
    pub ink: ColorRole,
}

/// An entry of a legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Name of the run or metric.
    pub name: String,
    /// Role of its colour.
    pub ink: ColorRole,
    /// Index into [`DASHES`] for an entry that is identified by its line style; `None` for one
    /// identified by colour.
    pub dash: Option<usize>,
}

/// A laid-out chart, ready to be painted.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Clipping area of lines, dots and bands.
    pub plot: Plot,
    /// Marks in painting order, back to front.
    pub marks: Vec<Mark>,
    /// Horizontal scale, from data values to pixels.
    pub x: Scale,
}

impl Scene {
    /// Creates an empty chart with linear axes over the domains `x` and `y`: grid, ticks and the
    /// axis `names` (horizontal, vertical). Leaves `margin` pixels free on the right. Returns the
    /// scene and its two scales.
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

    /// Like [`Self::with_axes`], with scales computed from the plot area.
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

    /// Moves texts in front of all marks added so far, so that no curve crosses them. Names of
    /// reference lines stay behind, so that they never hide measured points.
    pub fn bring_text_to_front(&mut self) {
        let is_moved =
            |mark: &Mark| matches!(mark, Mark::Text { ink, .. } if *ink != ColorRole::Baseline);
        let (texts, others): (Vec<Mark>, Vec<Mark>) = self.marks.drain(..).partition(is_moved);
        self.marks = others;
        self.marks.extend(texts);
    }

    /// Adds a text at a position, aligned by `anchor`.
    pub fn text(&mut self, at: (f64, f64), text: &str, anchor: Anchor, ink: ColorRole) {
        self.marks.push(Mark::Text {
            at,
            text: text.into(),
            anchor,
            ink,
        });
    }

    /// Adds a text at the left or right edge of the plot area, at height `y`, whichever covers
    /// fewer of `points`.
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

    /// Adds labels at the ends of lines, moving labels down where they would overlap.
    pub fn add_end_labels(&mut self, mut labels: Vec<EndLabel>) {
        order::sort_by(&mut labels, |label| label.at.1);
        let mut free = f64::NEG_INFINITY;
        for EndLabel { at, text, ink } in labels {
            let y = at.1.max(free);
            free = y + LABEL_HEIGHT;
            self.text((at.0 + 9.0, y), &text, Anchor::Start, ink);
        }
    }

    /// Adds a curve as measured and, if a smoothing `horizon` (in steps) is given, a smoothed line.
    pub fn curve(
        &mut self,
        curve: &Curve,
        horizon: Option<f64>,
        ink: ColorRole,
        x: &Scale,
        y: &Scale,
    ) {
        let raw = minmax_envelope(curve, x, y);
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

    /// Adds a legend below an image of this size and returns the enlarged size. For exported images
    /// only: on the page, the legend is markup beside the chart.
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

    /// Adds a text in the middle of the plot area that explains why it is empty.
    pub fn placeholder(&mut self, text: &str) {
        let middle = (
            (self.plot.left + self.plot.right) / 2.0,
            (self.plot.top + self.plot.bottom) / 2.0,
        );
        self.text(middle, text, Anchor::Middle, ColorRole::Label);
    }

    /// Adds a horizontal line across the plot area.
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
            // The last label would extend beyond the image if there is no margin on the right.
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

/// Returns the raw line, reduced to one vertical stroke per pixel column that spans its minimum and
/// maximum (a min-max envelope).
fn minmax_envelope(curve: &Curve, x: &Scale, y: &Scale) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64, f64)> = Vec::new();
    for bucket in curve.buckets() {
        let (at, low, high) = (x.at(bucket.middle()), bucket.min, bucket.max);
        match out.last_mut() {
            Some((column, min, max)) if column.floor() == at.floor() => {
                (*min, *max) = (min.min(low), max.max(high));
            }
            _ => out.push((at, low, high)),
        }
    }
    out.into_iter()
        .flat_map(|(at, low, high)| [(at, y.at(low)), (at, y.at(high))])
        .collect()
}

/// Drops points that are less than half a pixel to the right of the previous one; keeps the last.
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
    fn a_text_is_placed_where_it_covers_fewer_points() {
        let size = Size {
            width: 400.0,
            height: 200.0,
        };
        let (empty, ..) = Scene::with_axes(size, (0.0, 1.0), (0.0, 1.0), ("x", "y"), 10.0);
        let anchor = |points: &[(f64, f64)]| {
            let mut scene = empty.clone();
            scene.text_aside(100.0, "ten letter", ColorRole::Baseline, points);
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
