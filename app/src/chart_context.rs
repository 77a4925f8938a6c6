//! What the charts of a phase share: how they are looked at, and the step under the cross-hair.

use crate::chart::options::{Options, ViewState};
use crate::chart::scene::Size;
use leptos::prelude::*;

/// Handle to the shared look; copies are the same one.
#[derive(Clone, Copy)]
pub struct ChartContext {
    /// Smoothing, axes, stretch.
    pub options: RwSignal<Options>,
    /// The step under the cross-hair.
    pub cursor: RwSignal<Option<f64>>,
    /// The stretch that is being chosen.
    pub drag: RwSignal<Option<(f64, f64)>>,
}

impl Default for ChartContext {
    fn default() -> Self {
        Self {
            options: RwSignal::new(Options::default()),
            cursor: RwSignal::new(None),
            drag: RwSignal::new(None),
        }
    }
}

impl ChartContext {
    /// Runs the present reactive computation again whenever the look changes.
    pub fn track(&self) {
        self.options.track();
        self.cursor.track();
        self.drag.track();
    }

    /// The present look at a chart of this size.
    pub fn look(&self, size: Size) -> ViewState {
        ViewState {
            size,
            options: self.options.get_untracked(),
            cursor: self.cursor.get_untracked(),
            drag: self.drag.get_untracked(),
        }
    }
}

/// The look that the charts of the page share; panels live below its provider.
pub fn plotting() -> ChartContext {
    expect_context::<ChartContext>()
}
