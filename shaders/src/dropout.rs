//! Inverted dropout (Srivastava et al. 2014) with counter-based random bits: any element of any
//! mask can be generated independently, in any order, on every backend.

use crate::Kernel;

/// The kernel `dropout.wgsl`.
pub const KERNEL: Kernel = kernel!("dropout", 256, &["x", "y", "settings"], "place", "random");

/// Parameters of [`KERNEL`], from a [`Mask`]; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Number of elements.
    pub n: u32,
    /// See [`Mask`].
    pub drop_below: u32,
    /// See [`Mask`].
    pub kept_scale: f32,
    /// Padding, always 0.
    pub padding0: u32,
    /// See [`Mask`].
    pub key: [u32; 3],
    /// Padding, always 0.
    pub padding1: u32,
}

/// Returns the random bits of the elements at `block * 64 + lane` and 16, 32 and 48 after it, for
/// `lane` below 16: pcg4d (Jarzynski & Olano 2020, "Hash functions for GPU rendering", listing 16).
#[inline(always)]
pub fn bits(block: u32, lane: u32, key: [u32; 3]) -> [u32; 4] {
    let once = mix([block.wrapping_mul(16) + lane, key[0], key[1], key[2]].map(lcg));
    mix(once.map(|v| v ^ (v >> 16)))
}

/// One step of a linear congruential generator (Knuth).
#[inline(always)]
fn lcg(x: u32) -> u32 {
    x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)
}

#[inline(always)]
fn mix([mut x, mut y, mut z, mut w]: [u32; 4]) -> [u32; 4] {
    x = x.wrapping_add(y.wrapping_mul(w));
    y = y.wrapping_add(z.wrapping_mul(x));
    z = z.wrapping_add(x.wrapping_mul(y));
    w = w.wrapping_add(y.wrapping_mul(z));
    [x, y, z, w]
}

/// Describes a dropout mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mask {
    /// An element is dropped if its [`bits`] are below this.
    pub drop_below: u32,
    /// Scale of the elements that are not dropped.
    pub kept_scale: f32,
    /// Key of the random generator; identifies the mask.
    pub key: [u32; 3],
    /// Index in the mask of the first element that it is applied to, of a part of a batch. Only the
    /// CPU engine divides batches: on a GPU it is 0.
    pub start: usize,
}

impl Mask {
    /// The mask that drops nothing.
    pub const NONE: Self = Self {
        drop_below: 0,
        kept_scale: 1.0,
        key: [0; 3],
        start: 0,
    };

    /// Creates a mask that drops each element with probability `p`, which must be below 1.
    pub fn new(p: f64, key: [u32; 3]) -> Self {
        Self {
            drop_below: (p * 4_294_967_296.0) as u32,
            kept_scale: (1.0 / (1.0 - p)) as f32,
            key,
            start: 0,
        }
    }

    /// Returns the mask as applied to elements from `start` on.
    pub fn starting_at(self, start: usize) -> Self {
        Self { start, ..self }
    }

    /// Returns whether the mask drops nothing.
    pub fn is_none(&self) -> bool {
        self.drop_below == 0
    }
}

/// Defines `dropout.wgsl`: returns the factor of element `i` of the mask.
pub fn cpu(mask: &Mask, i: u32) -> f32 {
    let bits = bits(i / 64, i % 16, mask.key)[(i / 16 % 4) as usize];
    if bits < mask.drop_below {
        0.0
    } else {
        mask.kept_scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(key: [u32; 3], share: f64) -> Vec<bool> {
        let mask = Mask::new(share, key);
        (0..1 << 16).map(|i| cpu(&mask, i) == 0.0).collect()
    }

    fn share(of: impl Iterator<Item = bool>) -> f64 {
        let all: Vec<bool> = of.collect();
        all.iter().filter(|is| **is).count() as f64 / all.len() as f64
    }

    /// Four standard deviations of a fraction of 65,536 draws.
    const TOLERANCE: f64 = 4.0 * 0.5 / 256.0;

    #[test]
    fn elements_are_dropped_with_the_given_probability() {
        for p in [0.1, 0.5, 0.9] {
            let found = share(dropped([1, 2, 3], p).into_iter());
            assert!((found - p).abs() < TOLERANCE, "{found} for {p}");
        }
    }

    #[test]
    fn masks_of_different_keys_and_neighbouring_elements_are_independent() {
        let mask = dropped([1, 2, 3], 0.5);
        for key in [[2, 2, 3], [1, 3, 3], [1, 2, 4], [2, 1, 3]] {
            let agree = share(mask.iter().zip(dropped(key, 0.5)).map(|(a, b)| *a == b));
            assert!((agree - 0.5).abs() < TOLERANCE, "{agree} for {key:?}");
        }
        for distance in [1, 2, 16, 64, 128, 768] {
            let agree = share(mask.iter().zip(&mask[distance..]).map(|(a, b)| a == b));
            assert!(
                (agree - 0.5).abs() < TOLERANCE,
                "{agree} at a distance of {distance}"
            );
        }
    }
}
