//! From numbers to pixels. Everything up to a [`scene::Scene`] is pure: [`curve`] keeps any number of points in bounded
//! memory, [`scale`] maps values to pixels, [`loss`] and [`f1`] lay out one chart each. Only `canvas` and `view` touch
//! the browser.

pub mod curve;
pub mod export;
pub mod f1;
pub mod heads;
pub mod loss;
pub mod metric;
pub mod options;
pub mod scale;
pub mod scene;

#[cfg(target_arch = "wasm32")]
pub mod attention;
#[cfg(target_arch = "wasm32")]
pub mod canvas;
#[cfg(target_arch = "wasm32")]
pub mod view;
