//! Cross-entropy over a vocabulary and its gradient; `cpu::cross_entropy` defines them.

use crate::Kernel;

/// Computes the loss of each row.
pub const ROWS: Kernel = kernel!(
    "cross_entropy",
    32,
    &["logits", "targets", "weights", "rows", "settings"],
    "place",
    "reduce"
);

/// Sums the results of the rows.
pub const SUMS: Kernel = kernel!(
    "cross_entropy_sums",
    32,
    &["rows", "sums", "settings"],
    "reduce"
);

/// Computes the gradient of the logits.
pub const BACKWARD: Kernel = kernel!(
    "cross_entropy_backward",
    256,
    &["logits", "targets", "weights", "rows", "dloss", "settings"],
    "place"
);

/// Parameters of [`ROWS`] and [`BACKWARD`]; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Number of rows, or, for [`BACKWARD`], of elements.
    pub n: u32,
    /// Number of columns, `V`.
    pub v: u32,
    /// Scale of the row weights.
    pub scale: f32,
}

/// Parameters of [`SUMS`]; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct SumsSettings {
    /// Number of rows, `M`.
    pub m: u32,
    /// 1 for the loss only, 2 for loss and correct predictions.
    pub outputs: u32,
}
