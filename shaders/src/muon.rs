//! Steps of Muon apart from its matrix products; `cpu::muon` defines them.

use crate::Kernel;

/// Number of elements per partial sum of squares, and per workgroup of [`NORMALIZE`].
pub const BLOCK: usize = 2048;

/// Updates the momentum and computes the Nesterov look-ahead.
pub const MOMENTUM: Kernel = kernel!(
    "muon_momentum",
    256,
    &["clip", "g", "m", "ahead", "settings"],
    "place"
);

/// Computes partial sums of squares of each matrix.
pub const SQUARES: Kernel = kernel!(
    "muon_squares",
    256,
    &["ahead", "squares", "settings"],
    "sum"
);

/// Divides each matrix by its norm.
pub const NORMALIZE: Kernel = kernel!(
    "muon_normalize",
    256,
    &["ahead", "squares", "x", "settings"],
    "sum"
);

/// Updates the parameters.
pub const APPLY: Kernel = kernel!("muon_apply", 256, &["update", "p", "settings"], "place");

/// Parameters of [`MOMENTUM`]; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MomentumSettings {
    /// Number of elements.
    pub n: u32,
    /// Momentum coefficient, in [0, 1).
    pub momentum: f32,
}

/// Parameters of [`SQUARES`] and [`NORMALIZE`]; same memory layout as `struct Settings` in the
/// WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MatrixSettings {
    /// Offset of the first matrix.
    pub start: u32,
    /// Number of elements per matrix.
    pub n: u32,
    /// Epsilon added to the norm; used by [`NORMALIZE`] only.
    pub eps: f32,
}

/// Parameters of [`APPLY`]; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct ApplySettings {
    /// Index of the first parameter to update.
    pub start: u32,
    /// Number of parameters to update.
    pub n: u32,
    /// Factor of the parameters (weight decay).
    pub keep: f32,
    /// Factor of the update (learning rate).
    pub rate: f32,
}
