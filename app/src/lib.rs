//! The page. It knows the protocol and never the engine: [`state`] turns events into what is shown, [`settings`] turns
//! the link into a configuration, [`chart`] turns numbers into pixels. These are pure and tested natively; what touches
//! the browser is compiled for wasm only.

pub mod chart;
pub mod clozes;
pub mod columns;
pub mod comparing;
pub mod confidence;
pub mod guide;
pub mod language;
pub mod model_files;
pub mod paging;
pub mod presets;
pub mod query;
pub mod renames;
pub mod settings;
pub mod share;
pub mod source_names;
pub mod state;
pub mod threshold;
pub mod told;

pub use display::{mark, order, tr, wording};

#[cfg(target_arch = "wasm32")]
mod archive;
#[cfg(target_arch = "wasm32")]
mod carried;
#[cfg(target_arch = "wasm32")]
mod download;
#[cfg(target_arch = "wasm32")]
mod dropping;
#[cfg(target_arch = "wasm32")]
mod focus;
#[cfg(target_arch = "wasm32")]
mod intake;
#[cfg(target_arch = "wasm32")]
mod lab;
#[cfg(target_arch = "wasm32")]
mod link;
#[cfg(target_arch = "wasm32")]
mod locks;
#[cfg(target_arch = "wasm32")]
pub mod page;
#[cfg(target_arch = "wasm32")]
mod panels;
#[cfg(target_arch = "wasm32")]
mod plotting;
#[cfg(target_arch = "wasm32")]
mod remembered;
#[cfg(target_arch = "wasm32")]
mod scope;
#[cfg(target_arch = "wasm32")]
mod theme;
