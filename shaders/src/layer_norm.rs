//! Layer normalisation with its gradients; `cpu::layer_norm` defines them.

use crate::Kernel;

/// The values.
pub const LAYER_NORM: Kernel = kernel!(
    "layer_norm",
    32,
    &["x", "gamma", "beta", "y", "moments", "settings"],
    "place",
    "reduce"
);

/// The gradient of the input.
pub const BACKWARD: Kernel = kernel!(
    "layer_norm_backward",
    32,
    &["x", "gamma", "moments", "dy", "dx", "settings"],
    "place",
    "reduce"
);

/// The gradients of scale and shift.
pub const PARAMETERS: Kernel = kernel!(
    "layer_norm_parameters",
    256,
    &["x", "moments", "dy", "dgamma", "dbeta", "settings"],
    "place",
    "columns"
);

/// The values of a sum, of which one part is dropped out, and the sum.
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

/// The gradients of both parts of the sum.
pub const ADD_NORM_BACKWARD: Kernel = kernel!(
    "add_norm_backward",
    32,
    &["sum", "gamma", "moments", "dnormal", "dx", "dy", "settings"],
    "place",
    "reduce",
    "random",
    "add_norm"
);

/// Of [`ADD_NORM`] and [`ADD_NORM_BACKWARD`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct AddNormSettings {
    /// Rows.
    pub rows: u32,
    /// Columns.
    pub width: u32,
    /// Added to the variance.
    pub eps: f32,
    /// See [`crate::dropout::Mask`].
    pub drop_below: u32,
    /// See [`crate::dropout::Mask`].
    pub key: [u32; 3],
    /// See [`crate::dropout::Mask`].
    pub kept_scale: f32,
}

/// Of the other kernels here; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Rows.
    pub rows: u32,
    /// Columns.
    pub width: u32,
    /// Added to the variance; only [`LAYER_NORM`] reads it.
    pub eps: f32,
}
