//! Charts on the page: those of [`display::chart`] on a canvas, and what attention looks like, in [`heads`] as numbers. Only
//! `attention`, `canvas` and `view` touch the browser.

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
