//! Charts of the page: `view` and `canvas` show the charts of [`display::chart`] on a canvas,
//! [`heads`] analyses attention heads and `attention` paints them. Only `attention`, `canvas` and
//! `view` touch the browser.

pub mod heads;

#[cfg(target_arch = "wasm32")]
pub mod attention;
#[cfg(target_arch = "wasm32")]
pub mod canvas;
#[cfg(target_arch = "wasm32")]
pub mod view;

pub use display::chart::{
    comparison, curve, export, f1, loss, metric, options, scale, scene, spread,
};
