//! Sums over the rows of a matrix, and other row operations.

use crate::{GRAIN, min_blocks};
use rayon::prelude::*;
use std::ops::Range;

/// Number of rows that one thread sums; the sums of the blocks are added in order.
const BLOCK: usize = 64;

/// Returns the sums of the columns of `x` `[N, D]`: `[D]`.
pub fn column_sums(x: &[f32], width: usize) -> Vec<f32> {
    sum_blocks(x.len() / width, width, |rows, sums| {
        add_rows(&x[rows.start * width..rows.end * width], sums)
    })
}

vectorized! {
    /// Adds each row of `x` to `sums`.
    fn add_rows<'a>(x: &'a [f32], sums: &'a mut [f32]) -> () {
        for row in x.chunks_exact(sums.len()) {
            add(sums, row);
        }
    }
}

/// Multiplies every element of `x` by `factor`.
pub fn scale(x: &mut [f32], factor: f32) {
    x.par_chunks_mut(GRAIN)
        .for_each(|block| scale_block(block, factor));
}

vectorized! {
    fn scale_block<'a>(x: &'a mut [f32], factor: f32) -> () {
        for x in x {
            *x *= factor;
        }
    }
}

/// Splits `rows` rows into blocks, calls `fill` to add the contribution of each block to
/// zero-initialised sums `[width]`, and adds these in the order of the blocks.
pub(crate) fn sum_blocks(
    rows: usize,
    width: usize,
    fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
) -> Vec<f32> {
    let mut partial = vec![0.0; rows.div_ceil(BLOCK).max(1) * width];
    partial
        .par_chunks_mut(width)
        .enumerate()
        .with_min_len(min_blocks(width * BLOCK))
        .for_each(|(i, sums)| fill(i * BLOCK..((i + 1) * BLOCK).min(rows), sums));
    let (total, others) = partial.split_at_mut(width);
    add_rows(others, total);
    partial.truncate(width);
    partial
}

/// Computes `x += y`.
#[inline(always)]
pub(crate) fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += *y;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_summed_over_all_blocks() {
        let (rows, width) = (3 * BLOCK + 5, 7);
        let x: Vec<f32> = (0..rows * width).map(|i| (i % 13) as f32).collect();
        let expected: Vec<f32> = (0..width)
            .map(|c| (0..rows).map(|r| x[r * width + c]).sum())
            .collect();
        assert_eq!(column_sums(&x, width), expected);
    }
}
