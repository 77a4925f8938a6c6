//! Output to people: lines, progress, the dashboard and signals.

pub(crate) mod output;
pub(crate) mod progress;
pub(crate) mod signals;
pub(crate) mod tui;
