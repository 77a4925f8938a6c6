//! The layout of the page. The step view shows one step at a time: its panels in the middle, its
//! settings on the right, and nothing scrolls but these. The page view shows all steps in one
//! column, for reading and for print. Both views are the same elements, placed by
//! `public/workspace.css`.

mod status;
mod step;

pub use status::status;
pub use step::{Step, View};

#[cfg(target_arch = "wasm32")]
pub mod address;
#[cfg(target_arch = "wasm32")]
mod context;
#[cfg(target_arch = "wasm32")]
pub mod keys;
#[cfg(target_arch = "wasm32")]
mod nav;
#[cfg(target_arch = "wasm32")]
mod panel;
#[cfg(target_arch = "wasm32")]
mod terms;

#[cfg(target_arch = "wasm32")]
pub use context::{Workspace, workspace};
#[cfg(target_arch = "wasm32")]
pub use keys::{KeySheet, listen};
#[cfg(target_arch = "wasm32")]
pub use nav::StepList;
#[cfg(target_arch = "wasm32")]
pub use panel::{Fold, OnlyIn, Panel, Section, in_page, in_steps, is_unfolded};
