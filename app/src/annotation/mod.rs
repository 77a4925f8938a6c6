//! Labelling documents by hand: a queue of proposed documents, labels stored with each key press,
//! and suspicious labels to accept or reject.

pub mod measure;
pub mod placed;
mod queue;

pub use queue::{LabellingQueue, Stored, to_json_lines};

#[cfg(target_arch = "wasm32")]
mod given_labels;
#[cfg(target_arch = "wasm32")]
mod map;
#[cfg(target_arch = "wasm32")]
mod panels;
#[cfg(target_arch = "wasm32")]
mod progress;
#[cfg(target_arch = "wasm32")]
mod session;
#[cfg(target_arch = "wasm32")]
pub mod storage;
#[cfg(target_arch = "wasm32")]
mod suspects;

#[cfg(target_arch = "wasm32")]
pub use panels::LabelPanel;
#[cfg(target_arch = "wasm32")]
pub use session::LabellingSession;
