//! The Hugging Face directory format in and out: bytes to values and back.
//!
//! It stands between `session`, which holds a model, and the hosts, which hold files: a run directory on disk, a `.zip`
//! in the browser. Everything that comes from outside is checked here, so that nothing behind it indexes or allocates
//! by a number that a stranger wrote.
//!
//! It knows the names and shapes of a model's parameters; no file system, no device and no page.

mod config;
mod directory;
mod distilbert;
mod error;
mod family;
mod foreign;
mod history;
mod labels;
mod names;
mod onnx;
mod parts;
mod python;
mod sentence;
mod shards;
mod sizes;
mod weights;
mod zip;

pub use config::{config_from_json, config_to_json, read_config};
pub use directory::{Directory, MAX_START_BYTES, is_foreign_weights, is_model_file};
pub use error::InteropError;
pub use history::{HISTORY_FILE, MAX_HISTORY_BYTES, history, history_lines};
pub use names::{Fit, check_weights};
pub use onnx::onnx;
pub use parts::{
    CLASSIFIER_FILE, ClassifierFile, LINEAR_FILE, LinearHeader, LinearTensors, linear_from_bytes,
    linear_to_bytes, network_file,
};
pub use python::python_files;
pub use sentence::{MODULES_FILE, POOLING_FILE, SentenceEncoder, sentence_encoder};
pub use shards::whole;
pub use weights::{weights_from_bytes, weights_to_bytes, weights_to_half_bytes};
pub use zip::{zip_read, zip_write};

use std::collections::BTreeMap;

/// Name of the configuration in a model directory.
pub const CONFIG_FILE: &str = "config.json";
/// Name of the model card in a model directory.
pub const CARD_FILE: &str = "README.md";
/// Name of the weights in a model directory.
pub const WEIGHTS_FILE: &str = "model.safetensors";

/// Something about a model that a person should know, and that does not stop anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Stable name, as of a warning.
    pub code: &'static str,
    /// In one sentence.
    pub message: String,
}

/// A tensor on the host, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostTensor {
    /// Length of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// As many numbers as the axes multiply to.
    pub data: Vec<f32>,
}

/// Weights under Hugging Face names, in name order.
pub type Weights = BTreeMap<String, HostTensor>;
