//! Muon's steps around its matrix products; `cpu::muon` defines them.

use crate::Kernel;

/// Elements whose squares are one sum, and that a workgroup of [`NORMALIZE`] writes.
pub const BLOCK: usize = 2048;

/// Advances the momentum.
pub const MOMENTUM: Kernel = kernel!(
    "muon_momentum",
    256,
    &["clip", "g", "m", "ahead", "settings"],
    "place"
);

/// Sums of squares of each matrix.
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

/// Moves parameters.
pub const APPLY: Kernel = kernel!("muon_apply", 256, &["update", "p", "settings"], "place");

/// Of [`MOMENTUM`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MomentumSettings {
    /// Elements.
    pub n: u32,
    /// Decay of the momentum.
    pub momentum: f32,
}

/// Of [`SQUARES`] and [`NORMALIZE`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MatrixSettings {
    /// Where the first matrix begins.
    pub start: u32,
    /// Elements of each.
    pub n: u32,
    /// Added to the norm; only [`NORMALIZE`] reads it.
    pub eps: f32,
}

/// Of [`APPLY`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct ApplySettings {
    /// First parameter that moves.
    pub start: u32,
    /// Number of parameters that move.
    pub n: u32,
    /// What they are multiplied by.
    pub keep: f32,
    /// What the update is multiplied by.
    pub rate: f32,
}
