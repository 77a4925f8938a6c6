//! Rows of a table by number, and the gradient of the table; `cpu::gather` defines them.

use crate::Kernel;

/// Reads rows.
pub const GATHER: Kernel = kernel!(
    "gather",
    256,
    &["table", "indices", "y", "settings"],
    "place"
);

/// Adds rows up.
pub const SCATTER: Kernel = kernel!(
    "scatter",
    256,
    &["dy", "readers", "dtable", "settings"],
    "place"
);

/// Of [`GATHER`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct GatherSettings {
    /// Elements of `y`.
    pub n: u32,
    /// Columns of the table.
    pub width: u32,
}

/// Of [`SCATTER`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct ScatterSettings {
    /// Rows of the table.
    pub rows: u32,
    /// Columns of the table.
    pub width: u32,
}
