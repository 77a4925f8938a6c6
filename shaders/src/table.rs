//! Gathers rows of a table by index, and computes the gradient of the table; `cpu::gather` defines
//! them.

use crate::Kernel;

/// Reads rows of the table.
pub const GATHER: Kernel = kernel!(
    "gather",
    256,
    &["table", "indices", "y", "settings"],
    "place"
);

/// Sums the gradients of each row of the table.
pub const SCATTER: Kernel = kernel!(
    "scatter",
    256,
    &["dy", "readers", "dtable", "settings"],
    "place"
);

/// Parameters of [`GATHER`]; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct GatherSettings {
    /// Number of elements of `y`.
    pub n: u32,
    /// Number of columns of the table.
    pub width: u32,
}

/// Parameters of [`SCATTER`]; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct ScatterSettings {
    /// Number of rows of the table.
    pub rows: u32,
    /// Number of columns of the table.
    pub width: u32,
}
