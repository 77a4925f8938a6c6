//! Languages of the page: their catalogues, and which one this browser uses.

#[cfg(target_arch = "wasm32")]
pub mod choice;

pub use display::language::*;
