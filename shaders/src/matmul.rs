//! Tiled matrix products; `cpu::matmul` defines them.

use crate::Kernel;

/// Defines a variant of `wgsl/shared/matmul.wgsl` with square tiles of side `4 * edge`.
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

/// Defines a variant of `wgsl/shared/matmul_direct.wgsl`.
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

/// The matrix product kernels for one tile size.
#[derive(Clone, Copy, Debug)]
pub struct Tiling {
    /// Rows and columns of the result per workgroup.
    pub tile: [usize; 2],
    /// Computes the product.
    pub plain: Kernel,
    /// Computes the product and adds a bias to each row.
    pub bias: Kernel,
    /// Computes the product and the row sums of the left matrix.
    pub sums: Kernel,
    /// Computes the product and its GELU.
    pub gelu: Kernel,
    /// Computes the product with a bias, and its GELU.
    pub bias_gelu: Kernel,
    /// Computes the product of a matrix with itself or its transpose, plus a multiple of the
    /// matrix.
    pub with_itself: Kernel,
    /// Computes the product plus a multiple of the left matrix.
    pub plus_left: Kernel,
    /// Computes the product plus a multiple of the right matrix.
    pub plus_right: Kernel,
}

/// Tiling for small results.
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

/// Tiling for large results.
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

/// Tiling for software adapters.
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

/// Parameters of all kernels in this module; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Number of rows of the result.
    pub m: u32,
    /// Number of columns of the result.
    pub n: u32,
    /// Number of columns of the left matrix.
    pub k: u32,
    /// Distance between adjacent rows of the left matrix, in elements.
    pub a_row: u32,
    /// Distance between adjacent columns of the left matrix, in elements.
    pub a_column: u32,
    /// Distance between adjacent rows of the right matrix, in elements.
    pub b_row: u32,
    /// Distance between adjacent columns of the right matrix, in elements.
    pub b_column: u32,
    /// Distance between the left matrices of a batch, in elements.
    pub a_matrix: u32,
    /// Distance between the right matrices of a batch, in elements.
    pub b_matrix: u32,
    /// Factor of the product, if a matrix is added to it.
    pub product: f32,
    /// Factor of the added matrix.
    pub added: f32,
}
