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
                include_str!("../wgsl/shared/erf.wgsl"),
                include_str!("../wgsl/shared/matmul_settings.wgsl"),
                include_str!(concat!("../wgsl/shared/matmul_", $epilogue, ".wgsl")),
                include_str!("../wgsl/shared/matmul.wgsl")
            ),
            bindings: $bindings,
            threads: $threads,
        }
    };
}

/// A variant of `wgsl/shared/matmul_direct.wgsl`.
macro_rules! direct {
    ($name:literal, $epilogue:literal, $bindings:expr) => {
        Kernel {
            name: $name,
            wgsl: concat!(
                include_str!("../wgsl/shared/erf.wgsl"),
                include_str!("../wgsl/shared/matmul_settings.wgsl"),
                include_str!(concat!("../wgsl/shared/matmul_", $epilogue, ".wgsl")),
                include_str!("../wgsl/shared/matmul_direct.wgsl")
            ),
            bindings: $bindings,
            threads: 16,
        }
    };
}

const PLAIN: &[&str] = &["a", "b", "c", "settings"];
const BIAS: &[&str] = &["a", "b", "c", "bias", "settings"];
const SUMS: &[&str] = &["a", "b", "c", "sums", "settings"];
const GELU: &[&str] = &["a", "b", "c", "activated", "settings"];
const BIAS_GELU: &[&str] = &["a", "b", "c", "activated", "bias", "settings"];
const WITH_ITSELF: &[&str] = &["a", "c", "settings"];

/// Kernels for one size of tile.
#[derive(Clone, Copy, Debug)]
pub struct Tiling {
    /// Rows and columns of the result that a workgroup computes.
    pub tile: [usize; 2],
    /// The product.
    pub plain: Kernel,
    /// The product with a bias that is added to each row.
    pub bias: Kernel,
    /// The product, and the sums of the rows of the left matrix.
    pub sums: Kernel,
    /// The product and its GELU.
    pub gelu: Kernel,
    /// The product with a bias, and its GELU.
    pub bias_gelu: Kernel,
    /// The product of a matrix with itself, or with its transpose, plus a multiple of the matrix.
    pub with_itself: Kernel,
    /// The product plus a multiple of the left matrix.
    pub plus_left: Kernel,
    /// The product plus a multiple of the right matrix.
    pub plus_right: Kernel,
}

/// For results of few tiles.
pub const SMALL: Tiling = Tiling {
    tile: [32, 32],
    plain: matmul!("matmul_small_plain", 8, 64, "plain", PLAIN),
    bias: matmul!("matmul_small_bias", 8, 64, "bias", BIAS),
    sums: matmul!("matmul_small_sums", 8, 64, "sums", SUMS),
    gelu: matmul!("matmul_small_gelu", 8, 64, "gelu", GELU),
    bias_gelu: matmul!("matmul_small_bias_gelu", 8, 64, "bias_gelu", BIAS_GELU),
    with_itself: matmul!("matmul_small_self", 8, 64, "self", WITH_ITSELF),
    plus_left: matmul!("matmul_small_add_left", 8, 64, "add_left", PLAIN),
    plus_right: matmul!("matmul_small_add_right", 8, 64, "add_right", PLAIN),
};

/// For results of many tiles.
pub const LARGE: Tiling = Tiling {
    tile: [64, 64],
    plain: matmul!("matmul_large_plain", 16, 256, "plain", PLAIN),
    bias: matmul!("matmul_large_bias", 16, 256, "bias", BIAS),
    sums: matmul!("matmul_large_sums", 16, 256, "sums", SUMS),
    gelu: matmul!("matmul_large_gelu", 16, 256, "gelu", GELU),
    bias_gelu: matmul!("matmul_large_bias_gelu", 16, 256, "bias_gelu", BIAS_GELU),
    with_itself: matmul!("matmul_large_self", 16, 256, "self", WITH_ITSELF),
    plus_left: matmul!("matmul_large_add_left", 16, 256, "add_left", PLAIN),
    plus_right: matmul!("matmul_large_add_right", 16, 256, "add_right", PLAIN),
};

/// For adapters that emulate a GPU.
pub const DIRECT: Tiling = Tiling {
    tile: [8, 128],
    plain: direct!("matmul_direct_plain", "plain", PLAIN),
    bias: direct!("matmul_direct_bias", "bias", BIAS),
    sums: direct!("matmul_direct_sums", "sums", SUMS),
    gelu: direct!("matmul_direct_gelu", "gelu", GELU),
    bias_gelu: direct!("matmul_direct_bias_gelu", "bias_gelu", BIAS_GELU),
    with_itself: direct!("matmul_direct_self", "self", WITH_ITSELF),
    plus_left: direct!("matmul_direct_add_left", "add_left", PLAIN),
    plus_right: direct!("matmul_direct_add_right", "add_right", PLAIN),
};

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
    /// How far apart the left matrices of several products lie.
    pub a_matrix: u32,
    /// How far apart the right matrices of several products lie.
    pub b_matrix: u32,
    /// What the product is multiplied by, where a matrix is added to it.
    pub product: f32,
    /// What that matrix is multiplied by.
    pub added: f32,
}
