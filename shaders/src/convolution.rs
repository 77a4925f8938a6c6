//! The depth-wise convolution with its gradients; `cpu::convolution` defines them.

use crate::Kernel;

/// The values.
pub const CONVOLUTION: Kernel = kernel!(
    "convolution",
    256,
    &["x", "taps", "keep", "y", "settings"],
    "place",
    "convolution",
    "convolution_seen"
);

/// The gradient of the input.
pub const BACKWARD: Kernel = kernel!(
    "convolution_backward",
    256,
    &["taps", "keep", "dy", "dx", "settings"],
    "place",
    "convolution"
);

/// The gradient of the taps.
pub const TAPS: Kernel = kernel!(
    "convolution_taps",
    256,
    &["x", "keep", "dy", "dtaps", "settings"],
    "place",
    "columns",
    "convolution",
    "convolution_seen"
);

/// Of all kernels here; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Elements of the input, or, for [`TAPS`], its rows.
    pub n: u32,
    /// Channels.
    pub width: u32,
    /// Positions of a text.
    pub t: u32,
    /// 1 where some positions are padding.
    pub has_keep: u32,
}
