//! Layer normalisation and its gradients; `cpu::layer_norm` defines them.

use crate::Kernel;

/// Computes the output.
pub const LAYER_NORM: Kernel = kernel!(
    "layer_norm",
    32,
    &["x", "gamma", "beta", "y", "moments", "settings"],
    "place",
    "reduce"
);

/// Computes the gradient of the input.
pub const BACKWARD: Kernel = kernel!(
    "layer_norm_backward",
    32,
    &["x", "gamma", "moments", "dy", "dx", "settings"],
    "place",
    "reduce"
);

/// Computes the gradients of scale and shift.
pub const PARAMETERS: Kernel = kernel!(
    "layer_norm_parameters",
    256,
    &["x", "moments", "dy", "dgamma", "dbeta", "settings"],
    "place",
    "columns"
);

/// Adds `x` and `y` after dropout, and computes the layer normalisation of the sum.
pub const ADD_NORM: Kernel = kernel!(
    "add_norm",
    32,
    &[
        "x", "y", "gamma", "beta", "sum", "normal", "moments", "settings"
    ],
    "place",
    "reduce",
    "random",
    "add_norm"
);

/// Computes the gradients of both summands.
pub const ADD_NORM_BACKWARD: Kernel = kernel!(
    "add_norm_backward",
    32,
    &["sum", "gamma", "moments", "dnormal", "dx", "dy", "settings"],
    "place",
    "reduce",
    "random",
    "add_norm"
);

/// Parameters of [`ADD_NORM`] and [`ADD_NORM_BACKWARD`]; same memory layout as `struct Settings` in
/// the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct AddNormSettings {
    /// Number of rows.
    pub rows: u32,
    /// Number of columns, `D`.
    pub width: u32,
    /// Epsilon added to the variance.
    pub eps: f32,
    /// See [`crate::dropout::Mask`].
    pub drop_below: u32,
    /// See [`crate::dropout::Mask`].
    pub key: [u32; 3],
    /// See [`crate::dropout::Mask`].
    pub kept_scale: f32,
}

/// Parameters of the other kernels in this module; same memory layout as `struct Settings` in the
/// WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Number of rows.
    pub rows: u32,
    /// Number of columns, `D`.
    pub width: u32,
    /// Epsilon added to the variance; used by [`LAYER_NORM`] only.
    pub eps: f32,
}
