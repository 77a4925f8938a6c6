//! What the engine's worker and its module for archives share: files of the page as the engine reads them, and how the
//! worker has archives, workbooks and Word documents opened. Only the module holds what opens them: it is fetched when
//! the first such file comes, since most people have none.

#[cfg(target_arch = "wasm32")]
mod client;
#[cfg(target_arch = "wasm32")]
mod file;
pub mod message;

#[cfg(target_arch = "wasm32")]
pub use client::opened;
#[cfg(target_arch = "wasm32")]
pub use file::{WebFile, blob_of};
