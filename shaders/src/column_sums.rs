//! Sums of the columns of a matrix; `cpu::rows::column_sums` defines it.

use crate::Kernel;

/// Columns that one workgroup adds up.
pub const COLUMNS: usize = 16;

/// Text and bindings.
pub const KERNEL: Kernel = kernel!("column_sums", 256, &["x", "sums", "settings"], "place", "columns");

/// Rows and columns; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Rows.
    pub rows: u32,
    /// Columns.
    pub width: u32,
}
