//! WGSL kernels and what they mean. Each `wgsl/NAME.wgsl` is described by a [`Kernel`] in a module here, with the layout of
//! its settings. What defines a kernel is a function on the CPU: `cpu` in its module where it stands alone, else the loop
//! of the crate `cpu` that the head of the WGSL names. Knows no GPU API and no burn.

#[macro_use]
mod kernel;

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

pub use kernel::{COLUMNS, KERNELS, Kernel, MAX_WORKGROUPS, workgroups};
