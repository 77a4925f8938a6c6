//! Multi-head self-attention (Vaswani et al. 2017, 3.2.2) and its gradient, one sequence at a time.
//! Queries, keys and values are concatenated in the rows of one matrix, `[N, 3 D]`; `N` is the
//! number of rows of all sequences.

use crate::dropout::factors;
use crate::matmul::{Matrix, Output, Write, product_into};
use crate::min_blocks;
use crate::sequences::{Sequences, split, split_mut};
use crate::sums::{map_and_sum, max, sum_of_pairs};
use rayon::prelude::*;
use shaders::dropout::Mask;
use shaders::math::exp;

/// Sizes of attention within one sequence; the width is `D = H K`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    /// Number of rows of the sequence, `T`.
    t: usize,
    /// Number of heads, `H`.
    h: usize,
    /// Width of a head, `K`.
    k: usize,
}

impl Shape {
    fn width(self) -> usize {
        self.h * self.k
    }

    /// Number of elements of one sequence: `[T, D]`.
    fn sequence(self) -> usize {
        self.t * self.width()
    }

    /// Number of probabilities of one sequence: `[H, T, T]`.
    fn scores(self) -> usize {
        self.h * self.t * self.t
    }

    /// Returns head `h` of one sequence's `[T, D]`.
    fn head(self, x: &[f32], h: usize) -> Matrix<'_> {
        self.columns(x, h * self.k, self.width())
    }

    /// Returns the values of head `h` in one sequence's `[T, 3 D]`.
    fn values(self, qkv: &[f32], h: usize) -> Matrix<'_> {
        self.columns(qkv, 2 * self.width() + h * self.k, 3 * self.width())
    }

    /// Returns `K` columns from `start` on, of rows that are `stride` elements apart.
    fn columns(self, x: &[f32], start: usize, stride: usize) -> Matrix<'_> {
        Matrix::strided(&x[start..], [self.t, self.k], [stride, 1])
    }

    /// Returns the range of head `h` in one sequence's `[H, T, T]`.
    fn head_scores(self, h: usize) -> std::ops::Range<usize> {
        h * self.t * self.t..(h + 1) * self.t * self.t
    }
}

/// Cosines and sines of the rotary positions, `[T, K / 2]` each, for sequences of up to `T` rows
/// (Su et al. 2021, equation 34).
#[derive(Clone, Copy, Debug)]
pub struct Rotary<'a> {
    /// Cosines, `[T, K / 2]`.
    pub cos: &'a [f32],
    /// Sines, `[T, K / 2]`.
    pub sin: &'a [f32],
}

/// Inputs of attention besides queries, keys and values.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The rows of each sequence.
    pub sequences: &'a Sequences,
    /// Number of heads, `H`.
    pub heads: usize,
    /// Attention mask `[B, T]` of padded sequences: 1 for a token, 0 for padding; `None` if nothing
    /// is padded.
    pub keep: Option<&'a [f32]>,
    /// Rotary tables; `None` if positions are not rotary.
    pub rotary: Option<Rotary<'a>>,
    /// Dropout mask of the probabilities, `[B, H, T, T]`, also for sequences without padding.
    pub dropout: Mask,
}

impl<'a> Inputs<'a> {
    /// Checks the lengths of the arrays and returns the shape of each sequence.
    ///
    /// # Panics
    /// If the arrays do not match, which is a bug in the caller.
    fn shapes(&self, qkv: &[f32]) -> Vec<Shape> {
        let Sequences { b, t, .. } = *self.sequences;
        let (h, rows) = (self.heads, self.sequences.rows());
        let k = qkv.len() / (3 * h * rows.max(1));
        assert_eq!(
            qkv.len(),
            3 * rows * h * k,
            "queries, keys and values of {rows} rows and {h} heads"
        );
        assert!(
            self.keep
                .is_none_or(|keep| keep.len() == b * t && self.sequences.bounds.is_none()),
            "a mark for each row"
        );
        let is_table = |table: &[f32]| table.len() == t * (k / 2);
        assert!(
            self.rotary
                .is_none_or(|rotary| is_table(rotary.cos) && is_table(rotary.sin)),
            "an angle for each pair"
        );
        let lengths = self.sequences.lengths();
        lengths.map(|t| Shape { t, h, k }).collect()
    }

    /// Returns the attention mask of sequence `b`, `[T]`.
    fn keep_of(&self, b: usize) -> Option<&'a [f32]> {
        let t = self.sequences.t;
        self.keep.map(|keep| &keep[b * t..(b + 1) * t])
    }

    /// Writes the dropout factors of the probabilities of head `h` in sequence `b` of `len` rows,
    /// `[len, len]`, to `buffer`; returns `None` without dropout.
    fn factors<'b>(&self, [b, h, len]: [usize; 3], buffer: &'b mut Vec<f32>) -> Option<&'b [f32]> {
        if self.dropout.is_none() {
            return None;
        }
        let t = self.sequences.t;
        let start = (b * self.heads + h) * t * t;
        buffer.resize(len * len, 0.0);
        if len == t {
            factors(buffer, start, &self.dropout);
        } else {
            for (i, row) in buffer.chunks_exact_mut(len).enumerate() {
                factors(row, start + i * t, &self.dropout);
            }
        }
        Some(buffer)
    }
}

/// Minimum number of sequences per thread.
fn min_sequences(shapes: &[Shape]) -> usize {
    let size = |shape: &Shape| 3 * shape.sequence() + shape.scores();
    min_blocks(shapes.iter().map(size).max().unwrap_or(1))
}

/// Results of [`attention`].
pub struct Attended {
    /// Concatenated context of all heads, `[N, D]`.
    pub context: Vec<f32>,
    /// Rotated queries divided by the square root of `K`, `[N, D]`.
    pub queries: Vec<f32>,
    /// Rotated keys, `[N, D]`.
    pub keys: Vec<f32>,
    /// Attention probabilities before dropout: `[H, T, T]` of each sequence in turn.
    pub probabilities: Vec<f32>,
}

/// Computes attention over `qkv` `[N, 3 D]`.
pub fn attention(qkv: &[f32], inputs: &Inputs) -> Attended {
    let (sequences, shapes) = (inputs.sequences, inputs.shapes(qkv));
    let width = qkv.len() / (3 * sequences.rows().max(1));
    let zeros = || vec![0.0; qkv.len() / 3];
    let [mut context, mut queries, mut keys] = [(); 3].map(|()| zeros());
    let scores = || shapes.iter().map(|shape| shape.scores());
    let mut probabilities = vec![0.0; scores().sum()];
    let outputs = sequences
        .split_mut(&mut context, width)
        .into_par_iter()
        .zip(sequences.split_mut(&mut queries, width))
        .zip(sequences.split_mut(&mut keys, width))
        .zip(split_mut(&mut probabilities, scores()));
    outputs
        .zip(sequences.split(qkv, 3 * width))
        .enumerate()
        .with_min_len(min_sequences(&shapes))
        .for_each(|(b, ((((context, queries), keys), scores), qkv))| {
            let shape = shapes[b];
            rotate_sequence(queries, qkv, 0, inputs.rotary, shape);
            rotate_sequence(keys, qkv, shape.width(), inputs.rotary, shape);
            let (mut used, mut factors) = (Vec::new(), Vec::new());
            for h in 0..shape.h {
                let scores = &mut scores[shape.head_scores(h)];
                let keys = shape.head(keys, h).transposed();
                let output = Output {
                    values: &mut *scores,
                    stride: shape.t,
                };
                product_into(shape.head(queries, h), keys, output, Write::Replace);
                softmax_rows(scores, inputs.keep_of(b), shape.t);
                let factors = inputs.factors([b, h, shape.t], &mut factors);
                let used = dropped(scores, factors, &mut used);
                let output = Output {
                    values: &mut context[h * shape.k..],
                    stride: shape.width(),
                };
                product_into(
                    Matrix::new(used, [shape.t; 2]),
                    shape.values(qkv, h),
                    output,
                    Write::Replace,
                );
            }
        });
    Attended {
        context,
        queries,
        keys,
        probabilities,
    }
}

/// Returns the gradient of `qkv` `[N, 3 D]` from the gradient of the context, `dy` `[N, D]`.
/// `attended` holds the queries, keys and probabilities returned by [`attention`].
pub fn backward(qkv: &[f32], dy: &[f32], attended: [&[f32]; 3], inputs: &Inputs) -> Vec<f32> {
    let (sequences, shapes) = (inputs.sequences, inputs.shapes(qkv));
    let width = qkv.len() / (3 * sequences.rows().max(1));
    assert_eq!(
        3 * dy.len(),
        qkv.len(),
        "a gradient for each element of the context"
    );
    let [queries, keys, probabilities] = attended;
    let mut dqkv = vec![0.0; qkv.len()];
    let saved = sequences
        .split(queries, width)
        .into_par_iter()
        .zip(sequences.split(keys, width))
        .zip(split(
            probabilities,
            shapes.iter().map(|shape| shape.scores()),
        ));
    sequences
        .split_mut(&mut dqkv, 3 * width)
        .into_par_iter()
        .zip(sequences.split(qkv, 3 * width))
        .zip(sequences.split(dy, width))
        .zip(saved)
        .enumerate()
        .with_min_len(min_sequences(&shapes))
        .for_each(
            |(b, (((dqkv, qkv), dy), ((queries, keys), probabilities)))| {
                let sequence = Sequence {
                    b,
                    shape: shapes[b],
                    qkv,
                    dy,
                    queries,
                    keys,
                    probabilities,
                    inputs,
                };
                sequence.backward(dqkv);
                rotate_back(dqkv, inputs.rotary, shapes[b]);
            },
        );
    dqkv
}

/// Data of one sequence in [`backward`].
struct Sequence<'a> {
    b: usize,
    shape: Shape,
    qkv: &'a [f32],
    dy: &'a [f32],
    queries: &'a [f32],
    keys: &'a [f32],
    probabilities: &'a [f32],
    inputs: &'a Inputs<'a>,
}

impl Sequence<'_> {
    /// Writes the gradients of the rotated queries and keys and of the values to `dqkv` `[T, 3 D]`.
    fn backward(&self, dqkv: &mut [f32]) {
        let shape = self.shape;
        let (width, square) = (shape.width(), [shape.t; 2]);
        let mut dscores = vec![0.0; shape.t * shape.t];
        let (mut used, mut factors) = (Vec::new(), Vec::new());
        for h in 0..shape.h {
            let probabilities = &self.probabilities[shape.head_scores(h)];
            let factors = self.inputs.factors([self.b, h, shape.t], &mut factors);
            let dy = shape.head(self.dy, h);
            let mut write = |part: usize, left: Matrix, right: Matrix| {
                let values = &mut dqkv[part * width + h * shape.k..];
                product_into(
                    left,
                    right,
                    Output {
                        values,
                        stride: 3 * width,
                    },
                    Write::Replace,
                );
            };
            let used = Matrix::new(dropped(probabilities, factors, &mut used), square);
            write(2, used.transposed(), dy);
            let values = shape.values(self.qkv, h).transposed();
            product_into(
                dy,
                values,
                Output {
                    values: &mut dscores,
                    stride: shape.t,
                },
                Write::Replace,
            );
            if let Some(factors) = factors {
                multiply(&mut dscores, factors);
            }
            softmax_rows_backward(&mut dscores, probabilities, shape.t);
            let dscores = Matrix::new(&dscores, square);
            write(0, dscores, shape.head(self.keys, h));
            write(1, dscores.transposed(), shape.head(self.queries, h));
        }
    }
}

/// Returns `probabilities` after dropout, using `buffer` if there is any.
fn dropped<'a>(
    probabilities: &'a [f32],
    factors: Option<&[f32]>,
    buffer: &'a mut Vec<f32>,
) -> &'a [f32] {
    let Some(factors) = factors else {
        return probabilities;
    };
    buffer.clear();
    buffer.extend_from_slice(probabilities);
    multiply(buffer, factors);
    buffer
}

vectorized! {
    fn multiply<'a>(x: &'a mut [f32], factors: &'a [f32]) -> () {
        for (x, factor) in x.iter_mut().zip(factors) {
            *x *= factor;
        }
    }
}

vectorized! {
    /// Copies one sequence's queries (`start` 0 in `qkv` `[T, 3 D]`) or keys (`start` `D`) to `out`
    /// `[T, D]`, rotated. Queries are also divided by the square root of `K`.
    fn rotate_sequence<'a>(out: &'a mut [f32], qkv: &'a [f32], start: usize, rotary: Option<Rotary<'a>>, shape: Shape) -> () {
        let width = shape.width();
        let scale = scale_at(start, shape);
        for (t, (y, row)) in out.chunks_exact_mut(width).zip(qkv.chunks_exact(3 * width)).enumerate() {
            let x = &row[start..start + width];
            match rotary {
                Some(rotary) => {
                    for (y, x) in y.chunks_exact_mut(shape.k).zip(x.chunks_exact(shape.k)) {
                        y.copy_from_slice(x);
                        rotate(y, rotary, t, [scale, 1.0]);
                    }
                }
                None => y.iter_mut().zip(x).for_each(|(y, x)| *y = x * scale),
            }
        }
    }
}

vectorized! {
    /// Converts the gradients of one sequence's rotated queries and keys in `dqkv` `[T, 3 D]` to
    /// those before rotation.
    fn rotate_back<'a>(dqkv: &'a mut [f32], rotary: Option<Rotary<'a>>, shape: Shape) -> () {
        let width = shape.width();
        for (t, row) in dqkv.chunks_exact_mut(3 * width).enumerate() {
            for start in [0, width] {
                let scale = scale_at(start, shape);
                let part = &mut row[start..start + width];
                match rotary {
                    Some(rotary) => {
                        part.chunks_exact_mut(shape.k).for_each(|y| rotate(y, rotary, t, [scale, -1.0]));
                    }
                    None => part.iter_mut().for_each(|y| *y *= scale),
                }
            }
        }
    }
}

/// Returns the factor of the queries (`start` 0) or of the keys.
#[inline(always)]
fn scale_at(start: usize, shape: Shape) -> f32 {
    if start == 0 {
        1.0 / (shape.k as f32).sqrt()
    } else {
        1.0
    }
}

/// Rotates the pairs (i, i + K/2) of `x` by the angles of position `t` and scales by `scale`; the
/// inverse rotation if `direction` is -1.
#[inline(always)]
fn rotate(x: &mut [f32], rotary: Rotary, t: usize, [scale, direction]: [f32; 2]) {
    let half = x.len() / 2;
    let angles = t * half..(t + 1) * half;
    let (cos, sin) = (&rotary.cos[angles.clone()], &rotary.sin[angles]);
    let (a, b) = x.split_at_mut(half);
    for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
        let sin = sin * direction;
        (*a, *b) = ((*a * cos - *b * sin) * scale, (*b * cos + *a * sin) * scale);
    }
}

/// Added to the score of a padded key; large enough that its probability is exactly 0.
const MASKED_SCORE: f32 = -1e9;

vectorized! {
    /// Softmax over the keys of `scores` `[T, T]`, in place; `keep` `[T]` is 1 for a token and 0
    /// for padding.
    fn softmax_rows<'a>(scores: &'a mut [f32], keep: Option<&'a [f32]>, t: usize) -> () {
        for row in scores.chunks_exact_mut(t) {
            if let Some(keep) = keep {
                for (x, keep) in row.iter_mut().zip(keep) {
                    *x += (1.0 - keep) * MASKED_SCORE;
                }
            }
            let max = max(row);
            let scale = 1.0 / map_and_sum(row, |x| exp(x - max));
            for x in row {
                *x *= scale;
            }
        }
    }
}

vectorized! {
    /// Converts `dscores` `[T, T]` in place from the gradients of the probabilities to those of the
    /// scores.
    fn softmax_rows_backward<'a>(dscores: &'a mut [f32], probabilities: &'a [f32], t: usize) -> () {
        for (dscores, p) in dscores.chunks_exact_mut(t).zip(probabilities.chunks_exact(t)) {
            let mean = sum_of_pairs(dscores, p, |dscore, p| dscore * p);
            for (dscore, p) in dscores.iter_mut().zip(p) {
                *dscore = p * (*dscore - mean);
            }
        }
    }
}
