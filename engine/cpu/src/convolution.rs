//! Depth-wise convolution with three taps over the positions of each sequence, added to its input:
//! `y[t] = x[t] + w0 s[t-1] + w1 s[t] + w2 s[t+1]` per channel, with `s = x` for tokens and 0 for
//! padding and beyond both ends.

use crate::sequences::Sequences;
use crate::{min_blocks, rows};
use rayon::prelude::*;

/// Checks the lengths of the arrays.
///
/// # Panics
/// If the arrays do not match the sequences, which is a bug in the caller.
fn check(x: &[f32], taps: &[f32], keep: Option<&[f32]>, sequences: &Sequences) {
    let rows = sequences.rows();
    assert!(taps.len().is_multiple_of(3), "three taps per channel");
    assert_eq!(3 * x.len(), rows * taps.len(), "the rows of the sequences");
    assert!(
        keep.is_none_or(|keep| keep.len() == rows && sequences.bounds.is_none()),
        "a mark for each row"
    );
}

/// Convolves `x` `[N, D]` with `taps` `[D, 3]`; `keep` `[B, T]` is 1 for a token of a padded
/// sequence and 0 for padding.
pub fn convolve(x: &[f32], taps: &[f32], keep: Option<&[f32]>, sequences: &Sequences) -> Vec<f32> {
    check(x, taps, keep, sequences);
    let (t, width) = (sequences.t, taps.len() / 3);
    let taps = by_tap(taps);
    let mut y = x.to_vec();
    sequences
        .split_mut(&mut y, width)
        .into_par_iter()
        .zip(sequences.split(x, width))
        .enumerate()
        .with_min_len(min_blocks(t * width))
        .for_each(|(b, (y, x))| {
            let keep = keep.map(|keep| &keep[b * t..(b + 1) * t]);
            convolve_sequence(y, x, &taps, keep);
        });
    y
}

vectorized! {
    /// Adds the convolution of one sequence `x` `[T, D]` to `y`.
    fn convolve_sequence<'a>(y: &'a mut [f32], x: &'a [f32], taps: &'a [Vec<f32>; 3], keep: Option<&'a [f32]>) -> () {
        let width = taps[0].len();
        for (from, to, tap) in neighbours(x.len() / width) {
            let seen = keep.map_or(1.0, |keep| keep[from]);
            add_product(row_mut(y, to, width), row(x, from, width), &taps[tap], seen);
        }
    }
}

/// Returns the gradients of `x` `[N, D]` and of the taps `[D, 3]` from `dy` `[N, D]`.
pub fn backward(
    x: &[f32],
    dy: &[f32],
    taps: &[f32],
    keep: Option<&[f32]>,
    sequences: &Sequences,
) -> (Vec<f32>, Vec<f32>) {
    check(x, taps, keep, sequences);
    assert_eq!(x.len(), dy.len(), "a gradient for each element");
    let (t, width) = (sequences.t, taps.len() / 3);
    let taps = by_tap(taps);
    let mut dx = dy.to_vec();
    // Contribution of each sequence to the gradients of the taps, `[B, 3, D]`, added up in order.
    let mut shares = vec![0.0; sequences.b * 3 * width];
    sequences
        .split_mut(&mut dx, width)
        .into_par_iter()
        .zip(shares.par_chunks_mut(3 * width))
        .zip(sequences.split(x, width))
        .zip(sequences.split(dy, width))
        .enumerate()
        .with_min_len(min_blocks(t * width))
        .for_each(|(b, (((dx, shares), x), dy))| {
            let keep = keep.map(|keep| &keep[b * t..(b + 1) * t]);
            sequence_backward(dx, shares, x, dy, &taps, keep);
        });
    let mut total = vec![0.0; 3 * width];
    shares
        .chunks_exact(3 * width)
        .for_each(|share| rows::add(&mut total, share));
    let dtaps = (0..width)
        .flat_map(|d| [total[d], total[width + d], total[2 * width + d]])
        .collect();
    (dx, dtaps)
}

vectorized! {
    /// Adds the gradients of one sequence to `dx` `[T, D]` and to `shares` `[3, D]`.
    fn sequence_backward<'a>(
        dx: &'a mut [f32],
        shares: &'a mut [f32],
        x: &'a [f32],
        dy: &'a [f32],
        taps: &'a [Vec<f32>; 3],
        keep: Option<&'a [f32]>,
    ) -> () {
        let width = taps[0].len();
        for (from, to, tap) in neighbours(x.len() / width) {
            let seen = keep.map_or(1.0, |keep| keep[from]);
            add_product(row_mut(dx, from, width), row(dy, to, width), &taps[tap], seen);
            add_product(row_mut(shares, tap, width), row(dy, to, width), row(x, from, width), seen);
        }
    }
}

/// Iterates over (input position, output position, tap).
#[inline(always)]
fn neighbours(t: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..t).flat_map(move |to| {
        (0..3).filter_map(move |tap| {
            let from = (to + tap).checked_sub(1)?;
            (from < t).then_some((from, to, tap))
        })
    })
}

/// Transposes `[D, 3]` to three rows `[D]`.
fn by_tap(taps: &[f32]) -> [Vec<f32>; 3] {
    std::array::from_fn(|tap| taps.iter().skip(tap).step_by(3).copied().collect())
}

#[inline(always)]
fn row(x: &[f32], i: usize, width: usize) -> &[f32] {
    &x[i * width..(i + 1) * width]
}

#[inline(always)]
fn row_mut(x: &mut [f32], i: usize, width: usize) -> &mut [f32] {
    &mut x[i * width..(i + 1) * width]
}

/// Computes `sum += x y scale`.
#[inline(always)]
fn add_product(sum: &mut [f32], x: &[f32], y: &[f32], scale: f32) {
    for ((sum, x), y) in sum.iter_mut().zip(x).zip(y) {
        *sum += x * y * scale;
    }
}
