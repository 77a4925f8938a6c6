//! All gradients end to end, their norm, and what limits it.

use crate::Kernel;

/// Arrays that one launch of [`JOIN`] copies.
pub const PIECES: usize = 6;

/// Elements whose squares are one sum.
pub const BLOCK: usize = 2048;

/// Copies arrays end to end and sums their squares.
pub const JOIN: Kernel = kernel!(
    "join",
    256,
    &[
        "piece0", "piece1", "piece2", "piece3", "piece4", "piece5", "flat", "squares", "settings"
    ],
    "place",
    "sum"
);

/// The norm, and what limits it.
pub const NORM: Kernel = kernel!("norm", 256, &["squares", "norm", "clip", "settings"], "sum");

/// Of [`JOIN`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct JoinSettings {
    /// First element that is written.
    pub begin: u32,
    /// Element behind the last one that is written.
    pub end: u32,
    /// Place of the first sum.
    pub first_block: u32,
    /// Where each piece ends.
    pub ends: [u32; PIECES],
}

/// Of [`NORM`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct NormSettings {
    /// Number of sums.
    pub n: u32,
    /// Largest norm.
    pub max_norm: f32,
    /// Added to the norm, so that one of 0 can be divided by.
    pub eps: f32,
}

/// Defines `norm.wgsl`: what a gradient of this norm is multiplied by; 0 if the norm is not finite, which skips the step.
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
