//! WGSL kernels and their definitions. Each `wgsl/NAME.wgsl` is described by a [`Kernel`] in a
//! module of this crate, together with the layout of its settings. A CPU function defines what a
//! kernel computes: the function `cpu` of the module if there is one, or else the loop of the `cpu`
//! crate named in the head of the WGSL file. Independent of GPU APIs and burn.

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

pub use kernel::{COLUMNS, Kernel, MAX_WORKGROUPS, workgroups};

/// All kernels, for tests.
pub const KERNELS: [Kernel; 51] = [
    adamw::KERNEL,
    attention::ATTENTION,
    attention::KEYS_BACKWARD,
    attention::ROTARY,
    attention::SCORES_BACKWARD,
    convolution::BACKWARD,
    convolution::CONVOLUTION,
    convolution::TAPS,
    cross_entropy::BACKWARD,
    cross_entropy::ROWS,
    cross_entropy::SUMS,
    dropout::KERNEL,
    gelu::KERNEL,
    gelu_backward::KERNEL,
    gradients::JOIN,
    gradients::NORM,
    layer_norm::ADD_NORM,
    layer_norm::ADD_NORM_BACKWARD,
    layer_norm::BACKWARD,
    layer_norm::LAYER_NORM,
    layer_norm::PARAMETERS,
    matmul::DIRECT.bias,
    matmul::DIRECT.bias_gelu,
    matmul::DIRECT.gelu,
    matmul::DIRECT.plain,
    matmul::DIRECT.plus_left,
    matmul::DIRECT.plus_right,
    matmul::DIRECT.sums,
    matmul::DIRECT.with_itself,
    matmul::LARGE.bias,
    matmul::LARGE.bias_gelu,
    matmul::LARGE.gelu,
    matmul::LARGE.plain,
    matmul::LARGE.plus_left,
    matmul::LARGE.plus_right,
    matmul::LARGE.sums,
    matmul::LARGE.with_itself,
    matmul::SMALL.bias,
    matmul::SMALL.bias_gelu,
    matmul::SMALL.gelu,
    matmul::SMALL.plain,
    matmul::SMALL.plus_left,
    matmul::SMALL.plus_right,
    matmul::SMALL.sums,
    matmul::SMALL.with_itself,
    muon::APPLY,
    muon::MOMENTUM,
    muon::NORMALIZE,
    muon::SQUARES,
    table::GATHER,
    table::SCATTER,
];
