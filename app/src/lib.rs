//! The page. It depends on the protocol and never on the engine: [`state`] reduces events to what
//! is shown, [`settings`] turns the link into a configuration, [`chart`] turns numbers into pixels.
//! These modules are pure and tested natively; modules that use browser APIs are compiled for wasm
//! only.

pub mod annotation;
pub mod chart;
pub mod clozes;
pub mod columns;
pub mod comparing;
pub mod confidence;
pub mod guide;
pub mod language;
pub mod localize_message;
pub mod model_files;
pub mod paging;
pub mod plain_score;
pub mod presets;
pub mod query;
pub mod renames;
pub mod settings;
pub mod share;
pub mod slow_motion;
pub mod source_names;
pub mod state;
pub mod threshold;
pub mod workspace;

pub use display::{mark, order, tr, wording};

#[cfg(target_arch = "wasm32")]
mod archive;
#[cfg(target_arch = "wasm32")]
mod chart_context;
#[cfg(target_arch = "wasm32")]
mod context;
#[cfg(target_arch = "wasm32")]
mod download;
#[cfg(target_arch = "wasm32")]
mod dropping;
#[cfg(target_arch = "wasm32")]
mod engine_client;
#[cfg(target_arch = "wasm32")]
mod file_import;
#[cfg(target_arch = "wasm32")]
mod focus;
#[cfg(target_arch = "wasm32")]
mod form_snapshot;
#[cfg(target_arch = "wasm32")]
mod local_storage;
#[cfg(target_arch = "wasm32")]
mod locale;
#[cfg(target_arch = "wasm32")]
mod locks;
#[cfg(target_arch = "wasm32")]
pub mod page;
#[cfg(target_arch = "wasm32")]
mod panels;
#[cfg(target_arch = "wasm32")]
mod preview_context;
#[cfg(target_arch = "wasm32")]
mod theme;
