//! Layer normalisation with its gradients; `cpu::layer_norm` defines them.

use crate::Kernel;

/// The values.
pub const LAYER_NORM: Kernel =
    kernel!("layer_norm", 32, &["x", "gamma", "beta", "y", "moments", "settings"], "place", "reduce");

/// The gradient of the input.
pub const BACKWARD: Kernel =
    kernel!("layer_norm_backward", 32, &["x", "gamma", "moments", "dy", "dx", "settings"], "place", "reduce");

/// The gradients of scale and shift.
pub const PARAMETERS: Kernel =
    kernel!("layer_norm_parameters", 256, &["x", "moments", "dy", "dgamma", "dbeta", "settings"], "place", "columns");

/// Of all kernels here; the same bytes as `struct Settings` in the WGSL.
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
