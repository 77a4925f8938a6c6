//! Cross-entropy over a vocabulary with its gradient; `cpu::cross_entropy` defines it.

use crate::Kernel;

/// What each row costs.
pub const ROWS: Kernel = kernel!(
    "cross_entropy",
    32,
    &["logits", "targets", "weights", "rows", "settings"],
    "place",
    "reduce"
);

/// Sums over the rows.
pub const SUMS: Kernel = kernel!(
    "cross_entropy_sums",
    32,
    &["rows", "sums", "settings"],
    "reduce"
);

/// The gradient of the logits.
pub const BACKWARD: Kernel = kernel!(
    "cross_entropy_backward",
    256,
    &["logits", "targets", "weights", "rows", "dloss", "settings"],
    "place"
);

/// Of [`ROWS`] and [`BACKWARD`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Rows, or, for [`BACKWARD`], elements.
    pub n: u32,
    /// Columns.
    pub v: u32,
    /// What weights are multiplied by.
    pub scale: f32,
}

/// Of [`SUMS`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct SumsSettings {
    /// Rows.
    pub m: u32,
    /// 1 for the loss, 2 for the right answers too.
    pub outputs: u32,
}
