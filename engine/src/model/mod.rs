//! The models: tensors in, tensors out. Knows burn and the custom operations; no backend by name, no readback, no clock.
//!
//! Letters of shapes, here and below: `B` batch, `T` sequence, `D` width, `F` features of a position, `H` heads,
//! `K = D / H`, `V` vocabulary, `M` masked positions of a batch, `C` classes.

pub mod backbone;
pub mod config;
mod heads;
mod layers;
mod network;
mod param_tensors;
mod parameters;

pub use backbone::Architecture;
pub use config::{ModelConfig, ProblemType};
pub use heads::Heads;
pub use layers::Dropout;
pub use network::{Encoded, Input, Network, specs, word_embeddings};
pub use param_tensors::ParamTensors;
pub use parameters::{Init, Layout, MatrixBatch, ParameterGroup, ParameterSpec, initial_values};
