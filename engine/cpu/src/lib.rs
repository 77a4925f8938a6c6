//! Operations of the CPU backend over plain slices. Each loop is compiled for several instruction
//! sets and runs with the widest vectors of the processor (pulp), in parallel over blocks of rows
//! (rayon). Independent of tensors.
//!
//! *Invariant:* results do not depend on the number of threads. Blocks have a fixed size, each
//! element is computed within one block, and sums over blocks are added in order. The loops use no
//! fused multiply-add and always sum in [`LANES`] lanes, so results do not depend on the vector
//! width either.

#[macro_use]
mod vectorized;

pub mod attention;
pub mod convolution;
pub mod cross_entropy;
pub mod dropout;
pub mod gather;
pub mod gelu;
pub mod layer_norm;
pub mod matmul;
pub mod muon;
pub mod optimizer;
pub mod rows;
pub mod sequences;
mod sums;

/// Number of partial sums in every reduction: one vector of AVX-512, two of AVX2, four of SSE and
/// WebAssembly.
pub const LANES: usize = 16;

/// Number of elements per thread below which another thread does not pay off.
const GRAIN: usize = 1 << 14;

/// Minimum number of blocks of `elements` per thread.
fn min_blocks(elements: usize) -> usize {
    (GRAIN / elements.max(1)).max(1)
}

/// Returns the name of the vector instruction set that the loops use.
pub fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    return match pulp::Arch::new() {
        pulp::Arch::V4(_) => "AVX-512",
        pulp::Arch::V3(_) => "AVX2",
        _ => "SSE2",
    };
    #[cfg(not(target_arch = "x86_64"))]
    "SIMD"
}
