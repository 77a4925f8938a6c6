//! WGSL kernels and their definitions. Each `wgsl/NAME.wgsl` is described by a [`Kernel`] in a
//! module of this crate, together with the layout of its settings. A CPU function defines what a
//! kernel computes: the function `cpu` of the module if there is one, or else the loop of the `cpu`
//! crate named in the head of the WGSL file. Independent of GPU APIs and burn.

#[macro_use]
mod kernel;
mod kernels;

pub mod adamw;
pub mod attention;
pub mod convolution;
pub mod cross_entropy;
pub mod dropout;
pub mod gelu;
pub mod gelu_backward;
pub mod gradients;
pub mod layer_norm;
pub mod math;
pub mod matmul;
pub mod muon;
pub mod table;

pub use kernel::{COLUMNS, Kernel, MAX_WORKGROUPS, workgroups};
pub use kernels::KERNELS;
