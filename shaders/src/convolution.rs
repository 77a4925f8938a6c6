//! The depth-wise convolution and its gradients; `cpu::convolution` defines them.

use crate::Kernel;

/// Computes the output.
pub const CONVOLUTION: Kernel = kernel!(
    "convolution",
    256,
    &["x", "taps", "keep", "y", "settings"],
    "place",
    "convolution",
    "convolution_seen"
);

/// Computes the gradient of the input.
pub const BACKWARD: Kernel = kernel!(
    "convolution_backward",
    256,
    &["taps", "keep", "dy", "dx", "settings"],
    "place",
    "convolution"
);

/// Computes the gradient of the taps.
pub const TAPS: Kernel = kernel!(
    "convolution_taps",
    256,
    &["x", "keep", "dy", "dtaps", "settings"],
    "place",
    "columns",
    "convolution",
    "convolution_seen"
);

/// Parameters of all kernels in this module; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Number of elements of the input, or, for [`TAPS`], of its rows.
    pub n: u32,
    /// Number of channels, `D`.
    pub width: u32,
    /// Sequence length, `T`.
    pub t: u32,
    /// 1 if there is an attention mask, else 0.
    pub has_keep: u32,
}
