//! How charts are looked at: how much they are smoothed, which stretch of steps they show, on which axes. One set of
//! options holds for all charts of a phase, and so does the cross-hair. Pure.

use super::scale::Scale;
use super::scene::{ColorRole, Mark, Scene, Size};
use crate::mark;

/// How far smoothing reaches to either side, as a share of the steps shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Smoothing {
    /// Not at all.
    Off,
    /// Calm, but no bend of the curve is lost.
    #[default]
    Slight,
    /// The trend.
    Strong,
}

impl Smoothing {
    /// All of them, with their names.
    pub const ALL: [(Self, &str); 3] = [
        (Self::Off, mark!("off")),
        (Self::Slight, mark!("slight")),
        (Self::Strong, mark!("strong")),
    ];

    /// Steps over which a point's weight falls by e; `None` without smoothing.
    pub fn horizon(self, steps: f64) -> Option<f64> {
        match self {
            Self::Off => None,
            Self::Slight => Some(steps * 0.01),
            Self::Strong => Some(steps * 0.05),
        }
    }
}

/// How charts are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// How much curves are smoothed.
    pub smoothing: Smoothing,
    /// Steps on a logarithmic axis.
    pub log_x: bool,
    /// Values on a logarithmic axis.
    pub log_y: bool,
    /// The steps that are shown; `None`: all of them.
    pub stretch: Option<(f64, f64)>,
}

/// The least part of the steps that can be zoomed to.
const MIN_STRETCH: f64 = 0.002;

impl Options {
    /// The steps that are shown, of a run that goes to `last`.
    pub fn steps(&self, last: f64) -> (f64, f64) {
        let least = if self.log_x { last.min(1.0) } else { 0.0 };
        let (low, high) = self.stretch.unwrap_or((0.0, last));
        let (low, high) = (low.clamp(least, last), high.clamp(least, last));
        // A stretch of a longer run shows nothing of this one.
        if low < high {
            (low, high)
        } else {
            (least, last)
        }
    }

    /// Shows a stretch of steps; one that is next to nothing changes nothing.
    pub fn zoom_to(&mut self, (a, b): (f64, f64), last: f64) {
        let (low, high) = (a.min(b).max(0.0), a.max(b).min(last));
        if high - low > MIN_STRETCH * last {
            self.stretch = Some((low, high));
        }
    }

    /// Shows a part or a multiple of the present stretch, `at` staying where it is.
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

/// An axis of values.
pub fn value_scale(domain: (f64, f64), range: (f64, f64), logarithmic: bool) -> Scale {
    let scale = Scale::new(domain, range);
    if logarithmic {
        scale.logarithmic()
    } else {
        scale
    }
}

/// Draws the cross-hair at a step, and the stretch that is being chosen.
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

/// What a chart needs to know besides its data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewState {
    /// Of the canvas.
    pub size: Size,
    /// How it is looked at.
    pub options: Options,
    /// The step under the cross-hair.
    pub cursor: Option<f64>,
    /// The stretch that is being chosen.
    pub drag: Option<(f64, f64)>,
}

impl ViewState {
    /// A plain look at a chart of this size.
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
    fn zooming_stays_within_the_run_and_out_again_shows_all() {
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
    fn a_logarithmic_axis_begins_at_the_first_step_and_a_foreign_stretch_shows_all() {
        let log = Options {
            log_x: true,
            ..Options::default()
        };
        assert_eq!(log.steps(1000.0), (1.0, 1000.0));
        let foreign = Options {
            stretch: Some((500.0, 900.0)),
            ..Options::default()
        };
        assert_eq!(foreign.steps(100.0), (0.0, 100.0));
    }

    #[test]
    fn smoothing_can_be_off() {
        assert_eq!(Smoothing::Off.horizon(1000.0), None);
        assert_eq!(Smoothing::Slight.horizon(1000.0), Some(10.0));
        assert_eq!(Smoothing::ALL.len(), 3);
    }
}
