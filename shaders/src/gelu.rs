//! The exact GELU (Hendrycks & Gimpel 2016, section 2): `y = x Phi(x)`, with `Phi` from the error
//! function.

use crate::Kernel;
use crate::math::exp;

/// The kernel `gelu.wgsl`.
pub const KERNEL: Kernel = kernel!("gelu", 256, &["x", "y", "settings"], "place", "erf");

/// Parameters of the kernel; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Number of elements.
    pub n: u32,
}

/// Defines `gelu.wgsl` for one element.
#[inline(always)]
pub fn cpu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The error function in single precision, by the same two polynomials as in `erf.wgsl`; the
/// absolute error is below 3e-7.
#[inline(always)]
pub fn erf(a: f32) -> f32 {
    let t = a.abs();
    let s = a * a;
    let mut far = -1.728_534_7e-5 * t + 3.831_971_3e-4;
    far = far * s + (-3.883_964_4e-3 * t + 2.425_462_2e-2);
    for coefficient in [-1.067_778_8e-1, -6.348_467e-1, -1.287_175_1e-1] {
        far = far * t + coefficient;
    }
    let far = (1.0 - exp(far * t - t)).copysign(a);
    let mut near = -5.967_617e-4;
    for coefficient in [
        4.991_194e-3,
        -2.676_813_5e-2,
        1.128_199_3e-1,
        -3.761_253_4e-1,
        1.283_791_7e-1,
    ] {
        near = near * s + coefficient;
    }
    if t > 0.927_734_4 { far } else { near * a + a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_matches_libm() {
        for i in -60_000..=60_000 {
            let a = i as f32 * 1e-4;
            let error = (f64::from(erf(a)) - libm::erf(f64::from(a))).abs();
            assert!(error < 3e-7, "erf({a}) is off by {error}");
        }
    }

    #[test]
    fn gelu_has_its_known_values() {
        for (x, y) in [
            (0.0, 0.0),
            (1.0, 0.841_344_8),
            (-1.0, -0.158_655_25),
            (10.0, 10.0),
            (-10.0, 0.0),
        ] {
            assert!((cpu(x) - y).abs() < 1e-6, "gelu({x})");
        }
    }
}
