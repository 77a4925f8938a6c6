//! The models: tensors in, tensors out. Knows burn and the custom operations; no backend by name, no readback, no clock.
//!
//! Letters of shapes, here and below: `B` batch, `T` sequence, `D` width, `H` heads, `K = D / H`, `V` vocabulary,
//! `M` masked positions of a batch, `C` classes.

mod attention;
pub mod config;
mod heads;
mod layers;
mod parameters;
mod transformer;

pub use config::{Architecture, ModelConfig, ProblemType};
pub use heads::Heads;
pub use layers::Dropout;
pub use parameters::{Init, Layout, Leaves, ParameterGroup, ParameterSpec, initial_values};
pub use transformer::{Encoded, Input, Transformer, specs};
