//! Branch-free functions used by several kernels, so that loops over them are vectorised.

/// Below this, `e^x` is subnormal in single precision.
const MIN_X: f32 = -87.336_54;

/// Above this, `e^x` overflows.
const MAX_X: f32 = 88.722_83;

/// 1.5 * 2^23: adding it rounds to an integer, which is then in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

/// ln 2 in two parts, so that `x - n ln 2` is accurate (Cody & Waite 1980); the first has 9 bits.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Returns `e^x` with a relative error below 2.4e-7, by the polynomial of Cephes' `expf` (Moshier
/// 1992); 0 below -87.3, and the largest result above 88.7. It uses only additions and
/// multiplications, so that all processors return the same bits.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // This order of comparisons propagates NaN.
    let bounded = if x > MAX_X { MAX_X } else { x };
    let bounded = if bounded < MIN_X { MIN_X } else { bounded };
    let rounded = bounded * std::f32::consts::LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let r = bounded - n * LN_2_HIGH - n * LN_2_LOW;
    let mut p = 1.987_569_1e-4;
    for coefficient in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = p * r + coefficient;
    }
    let mantissa = p * r * r + r + 1.0;
    // Builds 2^n from the exponent bits n + 127. n can be 128, so it is split into two factors that
    // are finite.
    let exponent = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
    let half = exponent >> 1;
    let power = |n: i32| f32::from_bits(((n + 127) as u32) << 23);
    let result = mantissa * power(half) * power(exponent - half);
    if x < MIN_X { 0.0 } else { result }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_matches_libm() {
        let mut worst = 0.0_f64;
        for i in -873_000..=887_000 {
            let x = i as f32 * 1e-4;
            let expected = libm::exp(f64::from(x));
            worst = worst.max((f64::from(exp(x)) / expected - 1.0).abs());
        }
        assert!(worst < 2.4e-7, "relative error {worst}");
    }

    #[test]
    fn exp_has_its_known_values() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-1e9), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(1e9).is_finite() && exp(1e9) > 3e38);
        assert!(exp(f32::NAN).is_nan());
    }
}
