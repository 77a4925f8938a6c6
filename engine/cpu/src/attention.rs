//! Multi-head self-attention (Vaswani et al. 2017, 3.2.2) and its gradient, one sequence at a time.
//! Queries, keys and values are concatenated in the rows of one matrix, `[B * T, 3 D]`.

use crate::dropout::factors;
use crate::matmul::{Matrix, Output, Write, product_into};
use crate::min_blocks;
use crate::sums::{map_and_sum, max, sum_of_pairs};
use rayon::prelude::*;
use shaders::dropout::Mask;
use shaders::math::exp;

/// Sizes of one attention layer; the width is `D = H K`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of sequences, `B`.
    pub b: usize,
    /// Sequence length, `T`.
    pub t: usize,
    /// Number of heads, `H`.
    pub h: usize,
    /// Width of a head, `K`.
    pub k: usize,
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

    /// Minimum number of sequences per thread.
    fn min_sequences(self) -> usize {
        min_blocks(3 * self.sequence() + self.scores())
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

/// Cosines and sines of the rotary positions, `[T, K / 2]` each (Su et al. 2021, equation 34).
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
    /// Attention mask `[B, T]`: 1 for a token, 0 for padding; `None` if nothing is padded.
    pub keep: Option<&'a [f32]>,
    /// Rotary tables; `None` if positions are not rotary.
    pub rotary: Option<Rotary<'a>>,
    /// Dropout mask of the probabilities, `[B, H, T, T]`.
    pub dropout: Mask,
    /// Sizes of the layer.
    pub shape: Shape,
}

impl<'a> Inputs<'a> {
    /// Checks the lengths of the arrays.
    ///
    /// # Panics
    /// If the arrays do not match the shape, which is a bug in the caller.
    fn check(&self, qkv: &[f32]) {
        let Shape { b, t, k, .. } = self.shape;
        assert_eq!(
            qkv.len(),
            3 * b * self.shape.sequence(),
            "queries, keys and values of {:?}",
            self.shape
        );
        assert!(
            self.keep.is_none_or(|keep| keep.len() == b * t),
            "a mark for each position"
        );
        let is_table = |table: &[f32]| table.len() == t * (k / 2);
        assert!(
            self.rotary
                .is_none_or(|rotary| is_table(rotary.cos) && is_table(rotary.sin)),
            "an angle for each pair"
        );
    }

    /// Returns the attention mask of sequence `b`, `[T]`.
    fn keep_of(&self, b: usize) -> Option<&'a [f32]> {
        let t = self.shape.t;
        self.keep.map(|keep| &keep[b * t..(b + 1) * t])
    }

    /// Writes the dropout factors of the probabilities of head `h` in sequence `b`, `[T, T]`, to
    /// `buffer`; returns `None` without dropout.
    fn factors<'b>(&self, b: usize, h: usize, buffer: &'b mut Vec<f32>) -> Option<&'b [f32]> {
        if self.dropout.is_none() {
            return None;
        }
        let scores = self.shape.head_scores(h);
        buffer.resize(scores.len(), 0.0);
        factors(
            buffer,
            b * self.shape.scores() + scores.start,
            &self.dropout,
        );
        Some(buffer)
    }
}

/// Results of [`attention`].
pub struct Attended {
    /// Concatenated context of all heads, `[B * T, D]`.
    pub context: Vec<f32>,
    /// Rotated queries divided by the square root of `K`, `[B * T, D]`.
    pub queries: Vec<f32>,
    /// Rotated keys, `[B * T, D]`.
    pub keys: Vec<f32>,
    /// Attention probabilities before dropout, `[B, H, T, T]`.
    pub probabilities: Vec<f32>,
}

/// Computes attention over `qkv` `[B * T, 3 D]`.
pub fn attention(qkv: &[f32], inputs: &Inputs) -> Attended {
    let shape = inputs.shape;
    inputs.check(qkv);
    let zeros = |n: usize| vec![0.0; shape.b * n];
    let [mut context, mut queries, mut keys] = [(); 3].map(|()| zeros(shape.sequence()));
    let mut probabilities = zeros(shape.scores());
    context
        .par_chunks_mut(shape.sequence())
        .zip(
            queries
                .par_chunks_mut(shape.sequence())
                .zip(keys.par_chunks_mut(shape.sequence())),
        )
        .zip(probabilities.par_chunks_mut(shape.scores()))
        .zip(qkv.par_chunks(3 * shape.sequence()))
        .enumerate()
        .with_min_len(shape.min_sequences())
        .for_each(|(b, (((context, (queries, keys)), scores), qkv))| {
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
                let used = dropped(scores, inputs.factors(b, h, &mut factors), &mut used);
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

/// Returns the gradient of `qkv` `[B * T, 3 D]` from the gradient of the context, `dy`
/// `[B * T, D]`. `attended` holds the queries, keys and probabilities returned by [`attention`].
pub fn backward(qkv: &[f32], dy: &[f32], attended: [&[f32]; 3], inputs: &Inputs) -> Vec<f32> {
    let shape = inputs.shape;
    inputs.check(qkv);
    assert_eq!(
        3 * dy.len(),
        qkv.len(),
        "a gradient for each element of the context"
    );
    let [queries, keys, probabilities] = attended;
    let mut dqkv = vec![0.0; qkv.len()];
    dqkv.par_chunks_mut(3 * shape.sequence())
        .zip(
            qkv.par_chunks(3 * shape.sequence())
                .zip(dy.par_chunks(shape.sequence())),
        )
        .zip(
            queries
                .par_chunks(shape.sequence())
                .zip(keys.par_chunks(shape.sequence())),
        )
        .zip(probabilities.par_chunks(shape.scores()))
        .enumerate()
        .with_min_len(shape.min_sequences())
        .for_each(
            |(b, (((dqkv, (qkv, dy)), (queries, keys)), probabilities))| {
                let sequence = Sequence {
                    b,
                    qkv,
                    dy,
                    queries,
                    keys,
                    probabilities,
                    inputs,
                };
                sequence.backward(dqkv);
                rotate_back(dqkv, inputs.rotary, shape);
            },
        );
    dqkv
}

/// Data of one sequence in [`backward`].
struct Sequence<'a> {
    b: usize,
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
        let shape = self.inputs.shape;
        let (width, square) = (shape.width(), [shape.t; 2]);
        let mut dscores = vec![0.0; shape.t * shape.t];
        let (mut used, mut factors) = (Vec::new(), Vec::new());
        for h in 0..shape.h {
            let probabilities = &self.probabilities[shape.head_scores(h)];
            let factors = self.inputs.factors(self.b, h, &mut factors);
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
