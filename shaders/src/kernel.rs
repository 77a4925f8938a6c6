//! Kernels with their WGSL source and bindings, and launch dimensions.

/// Maximum number of workgroups per dimension that WebGPU guarantees
/// (`maxComputeWorkgroupsPerDimension`).
pub const MAX_WORKGROUPS: u32 = 65_535;

/// Number of columns that one workgroup of a kernel with the shared source `columns.wgsl` sums.
pub const COLUMNS: usize = 16;

/// Returns workgroup counts `[x, y, z]` for at least `n` workgroups; a second dimension is used
/// beyond the limit of the first.
pub fn workgroups(n: usize) -> [u32; 3] {
    let groups = (n as u64).max(1);
    let x = groups.min(u64::from(MAX_WORKGROUPS));
    [x as u32, groups.div_ceil(x) as u32, 1]
}

/// The source of a kernel and its bindings in order.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Base name of the WGSL file, or the name of a variant defined in its module.
    pub name: &'static str,
    /// The WGSL source; its entry point is `main`.
    pub wgsl: &'static str,
    /// Names of the bindings of group 0, from 0: storage buffers, then the uniform `settings`.
    pub bindings: &'static [&'static str],
    /// Number of threads per workgroup.
    pub threads: u32,
}

/// Creates a [`Kernel`] from the named files of `wgsl/shared` followed by `wgsl/NAME.wgsl`.
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
