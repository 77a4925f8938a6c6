//! WGSL kernels and what they mean: each `wgsl/NAME.wgsl` stands beside a module `NAME` with its source text, its table
//! of bindings, the layout of its settings and `cpu`, the function that defines it. Knows no GPU API and no burn.

pub mod adamw;
pub mod gelu;
pub mod gelu_backward;
pub mod math;

/// Threads per workgroup of every element-wise kernel here.
pub const WORKGROUP_SIZE: u32 = 256;

/// Most workgroups per dimension that WebGPU guarantees (`maxComputeWorkgroupsPerDimension`).
pub const MAX_WORKGROUPS: u32 = 65_535;

/// Workgroups `[x, y, z]` for `n` elements at one thread each; a second dimension opens where one is too short.
pub fn workgroups(n: usize) -> [u32; 3] {
    let groups = (n as u64).div_ceil(u64::from(WORKGROUP_SIZE)).max(1);
    let x = groups.min(u64::from(MAX_WORKGROUPS));
    [x as u32, groups.div_ceil(x) as u32, 1]
}

/// A kernel's text and what it binds, in order.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Base name of the WGSL file.
    pub name: &'static str,
    /// The WGSL text; entry point `main`.
    pub wgsl: &'static str,
    /// Names of the bindings of group 0, from 0.
    pub bindings: &'static [&'static str],
}

/// Every kernel, for tests that must hold for all.
pub const KERNELS: [Kernel; 3] = [gelu::KERNEL, gelu_backward::KERNEL, adamw::KERNEL];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workgroups_cover_every_element_within_the_limit() {
        for n in [0, 1, 256, 257, 65_535 * 256, 65_535 * 256 + 1, 500_000_000] {
            let [x, y, z] = workgroups(n);
            assert!(x <= MAX_WORKGROUPS && y <= MAX_WORKGROUPS && z == 1);
            assert!(u64::from(x) * u64::from(y) * u64::from(WORKGROUP_SIZE) >= n as u64);
        }
    }
}
