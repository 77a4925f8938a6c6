//! The code that the engine's worker and its archive module share: browser files as byte sources,
//! and the messages with which the worker has archives, workbooks and Word documents opened. Only
//! the module contains the code that opens them: it is fetched when the first such file arrives,
//! since most users have none.

#[cfg(target_arch = "wasm32")]
mod client;
#[cfg(target_arch = "wasm32")]
mod file;
pub mod message;

#[cfg(target_arch = "wasm32")]
pub use client::opened;
#[cfg(target_arch = "wasm32")]
pub use file::{WebFile, blob_of};
