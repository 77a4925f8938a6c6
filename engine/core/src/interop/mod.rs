//! Reads and writes the Hugging Face directory format.
//!
//! This module connects `session`, which holds a model, and the hosts, which hold files: a run
//! directory on disk, or a `.zip` in the browser. All external data is validated here, so that no
//! other code indexes or allocates by untrusted numbers.
//!
//! It uses the names and shapes of a model's parameters, and is independent of file systems,
//! devices and the page.

mod config;
mod directory;
mod error;
mod history;
mod onnx;
mod parts;
mod precision;
mod python;
mod web_page;
mod weights;
mod zip;

pub use crate::interop::directory::sentence::{
    MODULES_FILE, POOLING_FILE, SentenceEncoder, sentence_encoder,
};
pub use crate::interop::weights::names::{Fit, check_weights};
pub use crate::interop::weights::shards::whole;
pub use config::{config_from_json, config_to_json, read_config};
pub use directory::{Directory, MAX_START_BYTES, is_foreign_weights, is_model_file};
pub use error::InteropError;
pub use history::{HISTORY_FILE, MAX_HISTORY_BYTES, history, history_lines, history_until};
pub use onnx::onnx;
pub use parts::{
    CLASSIFIER_FILE, ClassifierFile, LINEAR_FILE, LinearHeader, LinearTensors, linear_from_bytes,
    linear_to_bytes, network_file,
};
pub use precision::half_precision;
pub use python::python_files;
pub use web_page::web_page;
pub use weights::{weights_from_bytes, weights_to_bytes};
pub use zip::{CHECKPOINTS_FOLDER, zip_read, zip_read_where, zip_write};

use protocol::Message;
use std::collections::BTreeMap;

/// File name of the configuration in a model directory.
pub const CONFIG_FILE: &str = "config.json";
/// File name of the model card in a model directory.
pub const CARD_FILE: &str = "README.md";
/// File name of the weights in a model directory.
pub const WEIGHTS_FILE: &str = "model.safetensors";

/// A non-fatal remark about a model for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Stable identifier, like that of a warning.
    pub code: &'static str,
    /// The remark as one sentence.
    pub message: Message,
}

/// A tensor on the host in row-major order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostTensor {
    /// Length of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements; as many as the product of the axes.
    pub data: Vec<f32>,
}

/// Weights by Hugging Face name.
pub type Weights = BTreeMap<String, HostTensor>;
