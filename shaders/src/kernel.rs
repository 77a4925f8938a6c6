//! A kernel as a text with its bindings, and how many workgroups it takes.

use crate::{adamw, attention, convolution, cross_entropy, dropout, gelu, gelu_backward};
use crate::{gradients, layer_norm, matmul, muon, table};

/// Most workgroups per dimension that WebGPU guarantees (`maxComputeWorkgroupsPerDimension`).
pub const MAX_WORKGROUPS: u32 = 65_535;

/// Columns that one workgroup of a kernel with the shared text `columns.wgsl` adds up.
pub const COLUMNS: usize = 16;

/// Workgroups `[x, y, z]` for at least `n` of them: more than a dimension can have use a second one.
pub fn workgroups(n: usize) -> [u32; 3] {
    let groups = (n as u64).max(1);
    let x = groups.min(u64::from(MAX_WORKGROUPS));
    [x as u32, groups.div_ceil(x) as u32, 1]
}

/// A kernel's text and what it binds, in order.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Base name of the WGSL file, or of the variant that its module makes of it.
    pub name: &'static str,
    /// The WGSL text; entry point `main`.
    pub wgsl: &'static str,
    /// Names of the bindings of group 0, from 0: storage buffers, then the uniform `settings`.
    pub bindings: &'static [&'static str],
    /// Threads per workgroup.
    pub threads: u32,
}

/// A [`Kernel`] of the file `wgsl/NAME.wgsl` after the named texts of `wgsl/shared`.
macro_rules! kernel {
    ($name:literal, $threads:literal, $bindings:expr $(, $shared:literal)*) => {
        $crate::Kernel {
            name: $name,
            wgsl: concat!(
                $(include_str!(concat!("../wgsl/shared/", $shared, ".wgsl")),)*
                include_str!(concat!("../wgsl/", $name, ".wgsl"))
            ),
            bindings: $bindings,
            threads: $threads,
        }
    };
}

/// Every kernel, for tests that must hold for all.
pub const KERNELS: [Kernel; 51] = [
    adamw::KERNEL,
    attention::ATTENTION,
    attention::KEYS_BACKWARD,
    attention::ROTARY,
    attention::SCORES_BACKWARD,
    convolution::BACKWARD,
    convolution::CONVOLUTION,
    convolution::TAPS,
    cross_entropy::BACKWARD,
    cross_entropy::ROWS,
    cross_entropy::SUMS,
    dropout::KERNEL,
    gelu::KERNEL,
    gelu_backward::KERNEL,
    gradients::JOIN,
    gradients::NORM,
    layer_norm::ADD_NORM,
    layer_norm::ADD_NORM_BACKWARD,
    layer_norm::BACKWARD,
    layer_norm::LAYER_NORM,
    layer_norm::PARAMETERS,
    matmul::DIRECT.bias,
    matmul::DIRECT.bias_gelu,
    matmul::DIRECT.gelu,
    matmul::DIRECT.plain,
    matmul::DIRECT.plus_left,
    matmul::DIRECT.plus_right,
    matmul::DIRECT.sums,
    matmul::DIRECT.with_itself,
    matmul::LARGE.bias,
    matmul::LARGE.bias_gelu,
    matmul::LARGE.gelu,
    matmul::LARGE.plain,
    matmul::LARGE.plus_left,
    matmul::LARGE.plus_right,
    matmul::LARGE.sums,
    matmul::LARGE.with_itself,
    matmul::SMALL.bias,
    matmul::SMALL.bias_gelu,
    matmul::SMALL.gelu,
    matmul::SMALL.plain,
    matmul::SMALL.plus_left,
    matmul::SMALL.plus_right,
    matmul::SMALL.sums,
    matmul::SMALL.with_itself,
    muon::APPLY,
    muon::MOMENTUM,
    muon::NORMALIZE,
    muon::SQUARES,
    table::GATHER,
    table::SCATTER,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workgroups_are_enough_and_within_the_limit() {
        for n in [0, 1, 65_535, 65_536, 2_000_000] {
            let [x, y, z] = workgroups(n);
            assert!(x <= MAX_WORKGROUPS && y <= MAX_WORKGROUPS && z == 1);
            assert!(u64::from(x) * u64::from(y) >= n as u64);
        }
    }
}
