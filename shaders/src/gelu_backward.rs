//! The derivative of the exact GELU: `dx = dy (Phi(x) + x phi(x))`. burn's own GPU backend uses the
//! derivative of the tanh approximation, which is off by up to 9e-4; hence this kernel.

use crate::gelu::erf;
use crate::{Kernel, math::exp};

/// The kernel `gelu_backward.wgsl`.
pub const KERNEL: Kernel = kernel!(
    "gelu_backward",
    256,
    &["x", "dy", "dx", "settings"],
    "place",
    "erf"
);

/// Parameters of the kernel; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Number of elements.
    pub n: u32,
}

/// 1 / sqrt(2 pi), the density of the standard normal distribution at 0.
const DENSITY_AT_ZERO: f32 = 0.398_942_3;

/// Defines `gelu_backward.wgsl` for one element: returns the gradient of `x` from the output
/// gradient `dy`.
#[inline(always)]
pub fn cpu(x: f32, dy: f32) -> f32 {
    let cdf = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
    let pdf = DENSITY_AT_ZERO * exp(-0.5 * x * x);
    dy * (cdf + x * pdf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivative_matches_finite_differences() {
        for i in -500..=500 {
            let x = f64::from(i) * 0.01;
            let gelu = |x: f64| 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2));
            let slope = (gelu(x + 1e-5) - gelu(x - 1e-5)) / 2e-5;
            let ours = f64::from(cpu(x as f32, 1.0));
            assert!(
                (ours - slope).abs() < 1e-6,
                "slope at {x}: {ours} against {slope}"
            );
        }
    }
}
