//! View options of charts: smoothing, visible range of steps, and linear or logarithmic axes. All
//! charts of a phase share one set of options and one cross-hair. Pure.

use super::scale::Scale;
use super::scene::{ColorRole, Mark, Scene, Size};
use crate::mark;

/// Strength of curve smoothing. The window scales with the visible range of steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Smoothing {
    /// No smoothing: only the raw line is drawn.
    Off,
    /// Reduces noise but preserves the shape of the curve.
    #[default]
    Slight,
    /// Shows only the trend.
    Strong,
}

impl Smoothing {
    /// All levels with their untranslated names.
    pub const ALL: [(Self, &str); 3] = [
        (Self::Off, mark!("off")),
        (Self::Slight, mark!("slight")),
        (Self::Strong, mark!("strong")),
    ];

    /// Returns the number of steps over which a point's weight decays by a factor of e, for a
    /// visible range of `steps`; `None` without smoothing.
    pub fn horizon(self, steps: f64) -> Option<f64> {
        match self {
            Self::Off => None,
            Self::Slight => Some(steps * 0.01),
            Self::Strong => Some(steps * 0.05),
        }
    }
}

/// View options shared by the charts of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// Smoothing of the curves.
    pub smoothing: Smoothing,
    /// Whether the step axis is logarithmic.
    pub log_x: bool,
    /// Whether the value axis is logarithmic.
    pub log_y: bool,
    /// The zoomed range of steps; `None` shows all steps.
    pub stretch: Option<(f64, f64)>,
}

/// Smallest zoom range, as a fraction of all steps.
const MIN_ZOOM_FRACTION: f64 = 0.002;

impl Options {
    /// Returns the visible range of steps of a run that ends at `last`.
    pub fn steps(&self, last: f64) -> (f64, f64) {
        let start = if self.log_x { last.min(1.0) } else { 0.0 };
        let (low, high) = self.stretch.unwrap_or((0.0, last));
        let (low, high) = (low.clamp(start, last), high.clamp(start, last));
        // A range chosen in a longer run may lie beyond the end of this one.
        if low < high {
            (low, high)
        } else {
            (start, last)
        }
    }

    /// Zooms to the steps from `a` to `b`, in either order; ignores a range below
    /// `MIN_ZOOM_FRACTION`, such as that of a click.
    pub fn zoom_to(&mut self, (a, b): (f64, f64), last: f64) {
        let (low, high) = (a.min(b).max(0.0), a.max(b).min(last));
        if high - low > MIN_ZOOM_FRACTION * last {
            self.stretch = Some((low, high));
        }
    }

    /// Scales the visible range by `factor` around the step `at`; zooming out past both ends shows
    /// all steps.
    pub fn zoom_by(&mut self, factor: f64, at: f64, last: f64) {
        let (low, high) = self.steps(last);
        let (low, high) = (at - (at - low) * factor, at + (high - at) * factor);
        if low <= 0.0 && high >= last {
            self.stretch = None;
        } else {
            self.zoom_to((low, high), last);
        }
    }
}

/// Creates a linear or logarithmic scale.
pub fn value_scale(domain: (f64, f64), range: (f64, f64), logarithmic: bool) -> Scale {
    let scale = Scale::new(domain, range);
    if logarithmic {
        scale.logarithmic()
    } else {
        scale
    }
}

/// Adds the cross-hair at a step and both edges of the range that is being selected.
pub fn add_cursor(scene: &mut Scene, x: &Scale, cursor: Option<f64>, drag: Option<(f64, f64)>) {
    let (top, bottom) = (scene.plot.top, scene.plot.bottom);
    let mut rule = |step: f64, dash: usize| {
        let points = vec![(x.at(step), top), (x.at(step), bottom)];
        scene.marks.push(Mark::Line {
            points,
            ink: ColorRole::Label,
            width: 1.0,
            opacity: 0.8,
            dash,
        });
    };
    if let Some(step) = cursor {
        rule(step, 0);
    }
    if let Some((from, to)) = drag {
        rule(from, 2);
        rule(to, 2);
    }
}

/// Everything that determines how a chart is drawn, except for its data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewState {
    /// Size of the canvas.
    pub size: Size,
    /// Smoothing, axes and zoom.
    pub options: Options,
    /// The step under the cross-hair.
    pub cursor: Option<f64>,
    /// The range of steps that is being selected by dragging.
    pub drag: Option<(f64, f64)>,
}

impl ViewState {
    /// Returns the default view at this size: no zoom, no cross-hair.
    pub fn plain(size: Size) -> Self {
        Self {
            size,
            options: Options::default(),
            cursor: None,
            drag: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_stays_within_the_run_and_zooming_out_shows_all() {
        let mut options = Options::default();
        options.zoom_to((80.0, 20.0), 100.0);
        assert_eq!(options.steps(100.0), (20.0, 80.0));
        options.zoom_by(0.5, 50.0, 100.0);
        assert_eq!(options.steps(100.0), (35.0, 65.0));
        options.zoom_to((40.0, 40.05), 100.0);
        assert_eq!(options.steps(100.0), (35.0, 65.0), "a click is no stretch");
        options.zoom_by(100.0, 50.0, 100.0);
        assert_eq!(
            (options.stretch, options.steps(100.0)),
            (None, (0.0, 100.0))
        );
    }

    #[test]
    fn a_logarithmic_axis_starts_at_step_1_and_a_range_beyond_the_run_is_ignored() {
        let log = Options {
            log_x: true,
            ..Options::default()
        };
        assert_eq!(log.steps(1000.0), (1.0, 1000.0));
        let beyond = Options {
            stretch: Some((500.0, 900.0)),
            ..Options::default()
        };
        assert_eq!(beyond.steps(100.0), (0.0, 100.0));
    }

    #[test]
    fn smoothing_can_be_disabled() {
        assert_eq!(Smoothing::Off.horizon(1000.0), None);
        assert_eq!(Smoothing::Slight.horizon(1000.0), Some(10.0));
        assert_eq!(Smoothing::ALL.len(), 3);
    }
}
