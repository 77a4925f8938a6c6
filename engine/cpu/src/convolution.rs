//! A depth-wise convolution of three taps over the positions of each text, added to its input:
//! `y[t] = x[t] + w0 s[t-1] + w1 s[t] + w2 s[t+1]` per channel, with `s = x` where a token stands and 0 at padding and
//! beyond both ends.

use crate::{min_blocks, rows};
use rayon::prelude::*;

/// `[B, T, D]`.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Positions of a text.
    pub t: usize,
    /// Channels.
    pub width: usize,
}

impl Shape {
    /// # Panics
    /// Where the arrays are not of this shape: a wrong program.
    fn check(self, x: &[f32], taps: &[f32], keep: Option<&[f32]>) {
        let rows = x.len() / self.width;
        assert_eq!(
            rows / self.t * self.t * self.width,
            x.len(),
            "whole texts of {} rows",
            self.t
        );
        assert_eq!(taps.len(), 3 * self.width, "three taps per channel");
        assert!(
            keep.is_none_or(|keep| keep.len() == rows),
            "a mark for each row"
        );
    }
}

/// The convolution of `x` `[B, T, D]` with `taps` `[D, 3]`; `keep` `[B, T]` is 1 for a token and 0 for padding.
pub fn convolve(x: &[f32], taps: &[f32], keep: Option<&[f32]>, shape: Shape) -> Vec<f32> {
    let Shape { t, width } = shape;
    shape.check(x, taps, keep);
    let taps = by_tap(taps);
    let mut y = x.to_vec();
    let texts = y
        .par_chunks_mut(t * width)
        .zip(x.par_chunks(t * width))
        .enumerate();
    texts
        .with_min_len(min_blocks(t * width))
        .for_each(|(b, (y, x))| {
            let keep = keep.map(|keep| &keep[b * t..(b + 1) * t]);
            convolve_text(y, x, &taps, keep);
        });
    y
}

vectorized! {
    /// Adds the convolution of one text `x` `[T, D]` to `y`.
    fn convolve_text<'a>(y: &'a mut [f32], x: &'a [f32], taps: &'a [Vec<f32>; 3], keep: Option<&'a [f32]>) -> () {
        let width = taps[0].len();
        for (from, to, tap) in neighbours(x.len() / width) {
            let seen = keep.map_or(1.0, |keep| keep[from]);
            add_product(row_mut(y, to, width), row(x, from, width), &taps[tap], seen);
        }
    }
}

/// Gradients of [`convolve`] with respect to `x` `[B, T, D]` and to the taps `[D, 3]`, given `dy` `[B, T, D]`.
pub fn backward(
    x: &[f32],
    dy: &[f32],
    taps: &[f32],
    keep: Option<&[f32]>,
    shape: Shape,
) -> (Vec<f32>, Vec<f32>) {
    let Shape { t, width } = shape;
    shape.check(x, taps, keep);
    assert_eq!(x.len(), dy.len(), "a gradient for each element");
    let taps = by_tap(taps);
    let mut dx = dy.to_vec();
    let texts = x.len() / (t * width);
    // Each text's share of the taps' gradients, `[B, 3, D]`: added up in the order of the texts.
    let mut shares = vec![0.0; texts * 3 * width];
    dx.par_chunks_mut(t * width)
        .zip(shares.par_chunks_mut(3 * width))
        .zip(x.par_chunks(t * width).zip(dy.par_chunks(t * width)))
        .enumerate()
        .with_min_len(min_blocks(t * width))
        .for_each(|(b, ((dx, shares), (x, dy)))| {
            let keep = keep.map(|keep| &keep[b * t..(b + 1) * t]);
            text_backward(dx, shares, x, dy, &taps, keep);
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
    /// Adds the gradients of one text to `dx` `[T, D]` and, by tap, to `shares` `[3, D]`.
    fn text_backward<'a>(
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

/// Which position is seen from which, with which tap: (from, to, tap).
#[inline(always)]
fn neighbours(t: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..t).flat_map(move |to| {
        (0..3).filter_map(move |tap| {
            let from = (to + tap).checked_sub(1)?;
            (from < t).then_some((from, to, tap))
        })
    })
}

/// `[D, 3]` as three rows `[D]`.
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

/// `sum += x y scale`.
#[inline(always)]
fn add_product(sum: &mut [f32], x: &[f32], y: &[f32], scale: f32) {
    for ((sum, x), y) in sum.iter_mut().zip(x).zip(y) {
        *sum += x * y * scale;
    }
}
