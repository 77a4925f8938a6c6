//! State shared by the charts of a phase: their options and the position of the cross-hair.

use crate::chart::options::{Options, ViewState};
use crate::chart::scene::Size;
use leptos::prelude::*;

/// Handle to the shared chart state; copies refer to the same state.
#[derive(Clone, Copy)]
pub struct ChartContext {
    /// Smoothing, axes and zoomed range.
    pub options: RwSignal<Options>,
    /// Step under the cross-hair.
    pub cursor: RwSignal<Option<f64>>,
    /// Range that is being selected by dragging.
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
    /// Subscribes the current reactive computation to changes of the view.
    pub fn track(&self) {
        self.options.track();
        self.cursor.track();
        self.drag.track();
    }

    /// Returns the current view state of a chart of this size.
    pub fn look(&self, size: Size) -> ViewState {
        ViewState {
            size,
            options: self.options.get_untracked(),
            cursor: self.cursor.get_untracked(),
            drag: self.drag.get_untracked(),
        }
    }
}

/// Returns the chart state provided to the page's panels.
pub fn plotting() -> ChartContext {
    expect_context::<ChartContext>()
}
