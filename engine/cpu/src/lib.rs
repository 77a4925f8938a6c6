//! The operations of the CPU engine over plain slices. Each loop is compiled for several instruction sets and runs on
//! the widest vectors that the processor has (pulp), in parallel over blocks of rows (rayon). Knows no tensors.
//!
//! *Invariant:* results do not depend on the number of threads. Blocks have a fixed size, each element is computed
//! within one block, and sums over blocks are added in their order. The loops use no fused multiply-add and sum in
//! [`LANES`] lanes everywhere, so they don't depend on the width of the vectors either.

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
mod sums;

/// Partial sums of every reduction: one vector of AVX-512, two of AVX2, four of SSE and WebAssembly.
pub const LANES: usize = 16;

/// Elements that one thread takes before a second one is worth waking.
const GRAIN: usize = 1 << 14;

/// Fewest blocks of `elements` that a thread takes.
fn min_blocks(elements: usize) -> usize {
    (GRAIN / elements.max(1)).max(1)
}

/// The vector instructions that the loops run on.
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
