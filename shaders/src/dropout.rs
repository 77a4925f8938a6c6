//! Inverted dropout (Srivastava et al. 2014) by counter-based random bits, so that any element of any mask can be drawn by
//! itself, in any order, on every engine.

use crate::Kernel;

/// Text and bindings.
pub const KERNEL: Kernel = kernel!("dropout", 256, &["x", "y", "settings"], "place", "random");

/// Of [`KERNEL`], from a [`Mask`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Elements.
    pub n: u32,
    /// See [`Mask`].
    pub drop_below: u32,
    /// See [`Mask`].
    pub kept_scale: f32,
    /// 0.
    pub padding0: u32,
    /// See [`Mask`].
    pub key: [u32; 3],
    /// 0.
    pub padding1: u32,
}

/// Random bits of the elements that lie at `block * 64 + lane`, and 16, 32 and 48 further on, for `lane` below 16: pcg4d
/// (Jarzynski & Olano 2020, "Hash functions for GPU rendering", listing 16).
#[inline(always)]
pub fn bits(block: u32, lane: u32, key: [u32; 3]) -> [u32; 4] {
    let once = mixed([block.wrapping_mul(16) + lane, key[0], key[1], key[2]].map(scattered));
    mixed(once.map(|v| v ^ (v >> 16)))
}

/// One step of a linear congruential generator (Knuth).
#[inline(always)]
fn scattered(x: u32) -> u32 {
    x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)
}

#[inline(always)]
fn mixed([mut x, mut y, mut z, mut w]: [u32; 4]) -> [u32; 4] {
    x = x.wrapping_add(y.wrapping_mul(w));
    y = y.wrapping_add(z.wrapping_mul(x));
    z = z.wrapping_add(x.wrapping_mul(y));
    w = w.wrapping_add(y.wrapping_mul(z));
    [x, y, z, w]
}

/// Which elements are dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mask {
    /// An element is dropped where its [`bits`] are below this.
    pub drop_below: u32,
    /// What other elements are multiplied by.
    pub kept_scale: f32,
    /// Names the mask.
    pub key: [u32; 3],
}

impl Mask {
    /// Drops nothing.
    pub const NONE: Self = Self {
        drop_below: 0,
        kept_scale: 1.0,
        key: [0; 3],
    };

    /// Drops each element with probability `p`, which is below 1.
    pub fn new(p: f64, key: [u32; 3]) -> Self {
        Self {
            drop_below: (p * 4_294_967_296.0) as u32,
            kept_scale: (1.0 / (1.0 - p)) as f32,
            key,
        }
    }

    /// Whether it drops nothing.
    pub fn is_none(&self) -> bool {
        self.drop_below == 0
    }
}

/// Defines `dropout.wgsl`: what element `i` is multiplied by.
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

    /// Four standard deviations of a share of 65,536 draws.
    const CHANCE: f64 = 4.0 * 0.5 / 256.0;

    #[test]
    fn the_asked_share_is_dropped() {
        for p in [0.1, 0.5, 0.9] {
            let found = share(dropped([1, 2, 3], p).into_iter());
            assert!((found - p).abs() < CHANCE, "{found} for {p}");
        }
    }

    #[test]
    fn masks_of_other_keys_and_neighbouring_elements_are_independent() {
        let mask = dropped([1, 2, 3], 0.5);
        for key in [[2, 2, 3], [1, 3, 3], [1, 2, 4], [2, 1, 3]] {
            let agree = share(mask.iter().zip(dropped(key, 0.5)).map(|(a, b)| *a == b));
            assert!((agree - 0.5).abs() < CHANCE, "{agree} for {key:?}");
        }
        for distance in [1, 2, 16, 64, 128, 768] {
            let agree = share(mask.iter().zip(&mask[distance..]).map(|(a, b)| a == b));
            assert!(
                (agree - 0.5).abs() < CHANCE,
                "{agree} at a distance of {distance}"
            );
        }
    }
}
