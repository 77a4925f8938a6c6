//! The models: tensors in, tensors out. They use burn and the custom kernels, and do not depend on
//! a specific backend, read tensors back or read the clock.
//!
//! Letters in shapes, here and in submodules: `B` batch, `T` sequence, `D` width, `F` features per
//! position, `H` heads, `K = D / H`, `V` vocabulary, `M` masked positions per batch, `C` classes.

mod architecture;
pub mod backbone;
pub mod config;
mod forward;
mod heads;
mod layers;
mod network;
mod param_tensors;
mod parameter_spec;
mod parameters;
mod preset;

pub use architecture::Architecture;
pub use config::{ModelConfig, ProblemType};
pub use forward::{specs, word_embeddings};
pub use heads::Heads;
pub use layers::Dropout;
pub use network::{AttentionTrace, Encoded, Input, Network, Offset};
pub use param_tensors::ParamTensors;
pub use parameter_spec::{Init, MatrixBatch, ParameterSpec};
pub use parameters::{Layout, ParameterGroup, initial_values};
