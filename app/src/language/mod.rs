//! The page's languages: its catalogues, and which of them this browser wants.

#[cfg(target_arch = "wasm32")]
pub mod choice;

pub use display::language::*;
