//! Inverted dropout (Srivastava et al. 2014); `shaders::dropout` defines which elements are
//! dropped.

use crate::GRAIN;
use rayon::prelude::*;
use shaders::dropout::{Mask, bits};

/// Number of elements whose random bits are drawn together.
const BLOCK: usize = 64;

/// Returns `x` with dropped elements at 0 and the others scaled.
pub fn dropout(x: &[f32], mask: &Mask) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(GRAIN)
        .zip(x.par_chunks(GRAIN))
        .enumerate()
        .for_each(|(i, (y, x))| {
            factors(y, i * GRAIN, mask);
            multiply(y, x);
        });
    y
}

/// Returns `x` plus [`dropout`] of `y`; both have the same length.
pub fn add(x: &[f32], y: &[f32], mask: &Mask) -> Vec<f32> {
    let mut sum = vec![0.0; x.len()];
    let parts = x.par_chunks(GRAIN).zip(y.par_chunks(GRAIN));
    sum.par_chunks_mut(GRAIN)
        .zip(parts)
        .enumerate()
        .for_each(|(i, (sum, (x, y)))| {
            if mask.is_none() {
                sum.fill(1.0);
            } else {
                factors(sum, i * GRAIN, mask);
            }
            multiply_and_add(sum, y, x);
        });
    sum
}

/// Writes the dropout factors of the elements from `start` on to `out`, counted from the first
/// element that the mask is applied to.
pub fn factors(out: &mut [f32], start: usize, mask: &Mask) {
    let start = mask.start + start;
    let mut done = 0;
    let mut block = [0.0; BLOCK];
    while done < out.len() {
        let (number, offset) = ((start + done) / BLOCK, (start + done) % BLOCK);
        block_factors(&mut block, number as u32, mask);
        let count = (BLOCK - offset).min(out.len() - done);
        out[done..done + count].copy_from_slice(&block[offset..offset + count]);
        done += count;
    }
}

vectorized! {
    fn block_factors<'a>(out: &'a mut [f32; BLOCK], number: u32, mask: &'a Mask) -> () {
        let (first, rest) = out.split_at_mut(16);
        let (second, rest) = rest.split_at_mut(16);
        let (third, fourth) = rest.split_at_mut(16);
        for lane in 0..16 {
            let [a, b, c, d] = bits(number, lane as u32, mask.key).map(|bits| {
                if bits < mask.drop_below { 0.0 } else { mask.kept_scale }
            });
            (first[lane], second[lane], third[lane], fourth[lane]) = (a, b, c, d);
        }
    }
}

vectorized! {
    fn multiply<'a>(y: &'a mut [f32], x: &'a [f32]) -> () {
        for (y, x) in y.iter_mut().zip(x) {
            *y *= x;
        }
    }
}

vectorized! {
    /// Computes `z <- z y + x`.
    fn multiply_and_add<'a>(z: &'a mut [f32], y: &'a [f32], x: &'a [f32]) -> () {
        for ((z, y), x) in z.iter_mut().zip(y).zip(x) {
            *z = *z * y + x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_mask_is_as_defined() {
        let mask = Mask::new(0.3, [7, 8, 9]);
        for (start, n) in [(0, 1), (0, 200), (5, 64), (63, 3), (130, 500)] {
            let mut found = vec![0.0; n];
            factors(&mut found, start, &mask);
            let defined: Vec<f32> = (start..start + n)
                .map(|i| shaders::dropout::cpu(&mask, i as u32))
                .collect();
            assert_eq!(found, defined, "{n} from {start}");
            factors(&mut found, 0, &mask.starting_at(start));
            assert_eq!(found, defined, "{n} of a part that starts at {start}");
        }
    }

    #[test]
    fn dropout_does_not_depend_on_the_block_size() {
        let mask = Mask::new(0.1, [1, 2, 3]);
        let x: Vec<f32> = (0..3 * GRAIN + 17).map(|i| i as f32).collect();
        let y = dropout(&x, &mask);
        for i in [0, 1, GRAIN - 1, GRAIN, 2 * GRAIN + 5, 3 * GRAIN + 16] {
            assert_eq!(
                y[i],
                x[i] * shaders::dropout::cpu(&mask, i as u32),
                "element {i}"
            );
        }
    }

    #[test]
    fn a_sum_drops_its_second_part() {
        let x: Vec<f32> = (0..100).map(|i| i as f32).collect();
        let y = vec![10.0; 100];
        for mask in [Mask::NONE, Mask::new(0.4, [1, 2, 3])] {
            let expected: Vec<f32> = (0..100)
                .map(|i| i as f32 + 10.0 * shaders::dropout::cpu(&mask, i))
                .collect();
            assert_eq!(add(&x, &y, &mask), expected);
        }
    }
}
