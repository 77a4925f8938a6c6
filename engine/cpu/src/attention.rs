//! What multi-head attention does beside its matrix products: rotated queries and keys, the soft-max over keys, and the
//! gradients of both. Queries, keys and values arrive side by side in the rows of one matrix, `[B * T, 3 D]`.

use crate::min_blocks;
use crate::sums::{map_and_sum, max, sum_of_pairs};
use rayon::prelude::*;
use shaders::math::exp;

/// Sizes of one layer of attention; the width is `D = H K`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Texts, `B`.
    pub b: usize,
    /// Positions, `T`.
    pub t: usize,
    /// Heads, `H`.
    pub h: usize,
    /// Width of a head, `K`.
    pub k: usize,
}

impl Shape {
    fn width(self) -> usize {
        self.h * self.k
    }

    /// Queries, keys and values of one position.
    fn packed(self) -> usize {
        3 * self.width()
    }

    /// Elements of `[T, D]`.
    fn text(self) -> usize {
        self.t * self.width()
    }

    /// Where head `h` of position `t` lies in `[H, T, K]`.
    fn head(self, h: usize, t: usize) -> std::ops::Range<usize> {
        let start = (h * self.t + t) * self.k;
        start..start + self.k
    }
}

/// Cosines and sines of the rotary positions, `[T, K / 2]` each (Su et al. 2021, equation 34).
#[derive(Clone, Copy, Debug)]
pub struct Rotary<'a> {
    /// Cosines.
    pub cos: &'a [f32],
    /// Sines.
    pub sin: &'a [f32],
}

/// Added to the score of a padded key: far enough from 0 that its probability is exactly 0.
const MASKED_SCORE: f32 = -1e9;

/// Queries, divided by the root of `K`, and keys, both rotated where positions are rotary, as `[B, H, T, K]`.
pub fn queries_and_keys(qkv: &[f32], rotary: Option<Rotary>, shape: Shape) -> [Vec<f32>; 2] {
    let scale = 1.0 / (shape.k as f32).sqrt();
    let mut parts = [vec![0.0; shape.b * shape.text()], vec![0.0; shape.b * shape.text()]];
    let [queries, keys] = &mut parts;
    queries
        .par_chunks_mut(shape.text())
        .zip(keys.par_chunks_mut(shape.text()))
        .zip(qkv.par_chunks(shape.t * shape.packed()))
        .with_min_len(min_blocks(2 * shape.text()))
        .for_each(|((queries, keys), qkv)| {
            let text = Text { qkv, rotary, shape };
            rotate_text(queries, text, 0, scale);
            rotate_text(keys, text, shape.width(), 1.0);
        });
    parts
}

/// Queries, keys and values of one text, `[T, 3 D]`.
#[derive(Clone, Copy)]
struct Text<'a> {
    qkv: &'a [f32],
    rotary: Option<Rotary<'a>>,
    shape: Shape,
}

vectorized! {
    /// Rotates and scales a text's queries or keys, which begin at `offset` in each row, into `out` `[H, T, K]`.
    fn rotate_text<'a>(out: &'a mut [f32], text: Text<'a>, offset: usize, scale: f32) -> () {
        let Text { qkv, rotary, shape } = text;
        for (t, row) in qkv.chunks_exact(shape.packed()).enumerate() {
            for (h, x) in row[offset..offset + shape.width()].chunks_exact(shape.k).enumerate() {
                let y = &mut out[shape.head(h, t)];
                match rotary {
                    Some(rotary) => rotate(y, x, rotary, t, [scale, 1.0]),
                    None => y.iter_mut().zip(x).for_each(|(y, x)| *y = x * scale),
                }
            }
        }
    }
}

/// Turns the pairs (i, i + K/2) of `x` by the angles of position `t`, times `scale`; backwards where `direction` is -1.
#[inline(always)]
fn rotate(y: &mut [f32], x: &[f32], rotary: Rotary, t: usize, [scale, direction]: [f32; 2]) {
    let half = x.len() / 2;
    let angles = t * half..(t + 1) * half;
    let (cos, sin) = (&rotary.cos[angles.clone()], &rotary.sin[angles]);
    let ((x_a, x_b), (y_a, y_b)) = (x.split_at(half), y.split_at_mut(half));
    for i in 0..half {
        let sin = sin[i] * direction;
        y_a[i] = (x_a[i] * cos[i] - x_b[i] * sin) * scale;
        y_b[i] = (x_b[i] * cos[i] + x_a[i] * sin) * scale;
    }
}

/// Soft-max over the keys of `scores` `[B, H, T, T]`, in place; `keep` `[B, T]` is 1 for a token and 0 for padding.
pub fn softmax(scores: &mut [f32], keep: Option<&[f32]>, shape: Shape) {
    let Shape { t, h, .. } = shape;
    scores.par_chunks_mut(t * t).enumerate().with_min_len(min_blocks(t * t)).for_each(|(i, scores)| {
        let keep = keep.map(|keep| &keep[i / h * t..(i / h + 1) * t]);
        softmax_rows(scores, keep, t);
    });
}

vectorized! {
    fn softmax_rows<'a>(scores: &'a mut [f32], keep: Option<&'a [f32]>, t: usize) -> () {
        for row in scores.chunks_exact_mut(t) {
            softmax_row(row, keep);
        }
    }
}

#[inline(always)]
fn softmax_row(row: &mut [f32], keep: Option<&[f32]>) {
    if let Some(keep) = keep {
        for (x, keep) in row.iter_mut().zip(keep) {
            *x += (1.0 - keep) * MASKED_SCORE;
        }
    }
    let max = max(row);
    let scale = 1.0 / map_and_sum(row, |x| exp(x - max));
    row.iter_mut().for_each(|x| *x *= scale);
}

/// Gradient of the soft-max: turns `slopes`, those of the probabilities, into those of the scores. Both are
/// `[B, H, T, T]`.
pub fn softmax_backward(slopes: &mut [f32], probabilities: &[f32], t: usize) {
    let matrices = slopes.par_chunks_mut(t * t).zip(probabilities.par_chunks(t * t));
    matrices.with_min_len(min_blocks(t * t)).for_each(|(slopes, p)| softmax_rows_backward(slopes, p, t));
}

vectorized! {
    fn softmax_rows_backward<'a>(slopes: &'a mut [f32], probabilities: &'a [f32], t: usize) -> () {
        for (slopes, p) in slopes.chunks_exact_mut(t).zip(probabilities.chunks_exact(t)) {
            let mean = sum_of_pairs(slopes, p, |slope, p| slope * p);
            for (slope, p) in slopes.iter_mut().zip(p) {
                *slope = p * (*slope - mean);
            }
        }
    }
}

/// The context of each head, `[B, H, T, K]`, side by side as `[B * T, D]`.
pub fn merge_heads(context: &[f32], shape: Shape) -> Vec<f32> {
    let mut merged = vec![0.0; context.len()];
    let texts = merged.par_chunks_mut(shape.text()).zip(context.par_chunks(shape.text()));
    texts.with_min_len(min_blocks(shape.text())).for_each(|(merged, context)| {
        for (t, row) in merged.chunks_exact_mut(shape.width()).enumerate() {
            for (h, part) in row.chunks_exact_mut(shape.k).enumerate() {
                part.copy_from_slice(&context[shape.head(h, t)]);
            }
        }
    });
    merged
}

/// Puts the gradients of queries, keys and values, `[B, H, T, K]` each, back into rows `[B * T, 3 D]`, turning and
/// scaling them as [`queries_and_keys`] requires.
pub fn pack_gradients(parts: [&[f32]; 3], rotary: Option<Rotary>, shape: Shape) -> Vec<f32> {
    let scale = 1.0 / (shape.k as f32).sqrt();
    let [queries, keys, values] = parts;
    let mut packed = vec![0.0; shape.b * shape.t * shape.packed()];
    packed
        .par_chunks_mut(shape.t * shape.packed())
        .zip(queries.par_chunks(shape.text()).zip(keys.par_chunks(shape.text())))
        .zip(values.par_chunks(shape.text()))
        .with_min_len(min_blocks(3 * shape.text()))
        .for_each(|((packed, (queries, keys)), values)| {
            let part = |x, offset, scale, rotary| Part { x, offset, scale, rotary };
            let parts = [
                part(queries, 0, scale, rotary),
                part(keys, shape.width(), 1.0, rotary),
                part(values, 2 * shape.width(), 1.0, None),
            ];
            pack_text(packed, parts, shape);
        });
    packed
}

/// Gradients `x` `[H, T, K]` of one text that belong at `offset` in each row.
struct Part<'a> {
    x: &'a [f32],
    offset: usize,
    scale: f32,
    rotary: Option<Rotary<'a>>,
}

vectorized! {
    fn pack_text<'a>(packed: &'a mut [f32], parts: [Part<'a>; 3], shape: Shape) -> () {
        for Part { x, offset, scale, rotary } in parts {
            for (t, row) in packed.chunks_exact_mut(shape.packed()).enumerate() {
                for (h, y) in row[offset..offset + shape.width()].chunks_exact_mut(shape.k).enumerate() {
                    let x = &x[shape.head(h, t)];
                    match rotary {
                        Some(rotary) => rotate(y, x, rotary, t, [scale, -1.0]),
                        None => y.iter_mut().zip(x).for_each(|(y, x)| *y = x * scale),
                    }
                }
            }
        }
    }
}
