//! Concatenates gradients and computes their norm and the clipping factor.

use crate::Kernel;

/// Number of arrays that one launch of [`JOIN`] copies.
pub const PIECES: usize = 6;

/// Number of elements per partial sum of squares.
pub const BLOCK: usize = 2048;

/// Concatenates arrays and sums their squares.
pub const JOIN: Kernel = kernel!(
    "join",
    256,
    &[
        "piece0", "piece1", "piece2", "piece3", "piece4", "piece5", "flat", "squares", "settings"
    ],
    "place",
    "sum"
);

/// Computes the norm and the clipping factor.
pub const NORM: Kernel = kernel!("norm", 256, &["squares", "norm", "clip", "settings"], "sum");

/// Parameters of [`JOIN`]; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct JoinSettings {
    /// Index of the first element written.
    pub begin: u32,
    /// Index after the last element written.
    pub end: u32,
    /// Index of the first partial sum.
    pub first_block: u32,
    /// End offset of each piece.
    pub ends: [u32; PIECES],
}

/// Parameters of [`NORM`]; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct NormSettings {
    /// Number of partial sums.
    pub n: u32,
    /// Maximum norm of the gradients.
    pub max_norm: f32,
    /// Added to the norm to avoid division by zero.
    pub eps: f32,
}

/// Defines `norm.wgsl`: returns the factor that clips a gradient of this norm. It is 0 if the norm
/// is not finite, so that the step is skipped.
pub fn clip(norm: f32, settings: &NormSettings) -> f32 {
    if norm.is_finite() {
        (settings.max_norm / (norm + settings.eps)).min(1.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_gradients_are_scaled() {
        let settings = NormSettings {
            n: 1,
            max_norm: 1.0,
            eps: 1e-6,
        };
        assert_eq!(clip(0.5, &settings), 1.0);
        assert_eq!(clip(0.0, &settings), 1.0);
        assert!((clip(4.0, &settings) - 0.25).abs() < 1e-6);
    }
}
