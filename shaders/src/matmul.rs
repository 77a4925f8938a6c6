//! Matrix products in tiles; `cpu::matmul` defines them.

use crate::Kernel;

/// A variant of `wgsl/shared/matmul.wgsl` with tiles of four times `edge`.
macro_rules! matmul {
    ($name:literal, $edge:literal, $threads:literal, $epilogue:literal, $bindings:expr) => {
        Kernel {
            name: $name,
            wgsl: concat!(
                "const EDGE: u32 = ",
                $edge,
                "u;\n\n",
                include_str!("../wgsl/shared/matmul_settings.wgsl"),
                include_str!(concat!("../wgsl/shared/matmul_", $epilogue, ".wgsl")),
                include_str!("../wgsl/shared/matmul.wgsl")
            ),
            bindings: $bindings,
            threads: $threads,
        }
    };
}

const PLAIN: &[&str] = &["a", "b", "c", "settings"];
const BIAS: &[&str] = &["a", "b", "c", "bias", "settings"];

/// Rows and columns of the result that a workgroup of [`SMALL`] computes.
pub const SMALL_TILE: usize = 32;
/// Rows and columns of the result that a workgroup of [`LARGE`] computes.
pub const LARGE_TILE: usize = 64;

/// For results of few tiles: without and with a bias that is added to each row.
pub const SMALL: [Kernel; 2] =
    [matmul!("matmul_small", 8, 64, "plain", PLAIN), matmul!("matmul_small_bias", 8, 64, "bias", BIAS)];

/// For results of many tiles: without and with a bias that is added to each row.
pub const LARGE: [Kernel; 2] =
    [matmul!("matmul_large", 16, 256, "plain", PLAIN), matmul!("matmul_large_bias", 16, 256, "bias", BIAS)];

/// Of all kernels here; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Rows of the result.
    pub m: u32,
    /// Columns of the result.
    pub n: u32,
    /// Columns of the left matrix.
    pub k: u32,
    /// How far apart rows of the left matrix lie.
    pub a_row: u32,
    /// How far apart columns of the left matrix lie.
    pub a_column: u32,
    /// How far apart rows of the right matrix lie.
    pub b_row: u32,
    /// How far apart columns of the right matrix lie.
    pub b_column: u32,
}
