//! Layer normalisation (Ba et al. 2016, equation 4) over rows of width `D`, and its gradient.

use crate::min_blocks;
use crate::rows;
use crate::sums::{sum_of, sum_of_pairs};
use rayon::prelude::*;

/// Number of rows that a thread processes at a time.
const BLOCK: usize = 16;

/// Mean and inverse standard deviation of one row.
type Moments = [f32; 2];

/// Normalises each row of `x` `[N, D]`, then scales by `gamma` `[D]` and shifts by `beta` `[D]`.
/// Also returns the mean and the inverse standard deviation of each row, `[N, 2]`, for
/// [`backward`].
pub fn layer_norm(x: &[f32], gamma: &[f32], beta: &[f32], eps: f32) -> (Vec<f32>, Vec<f32>) {
    let width = gamma.len();
    let mut y = vec![0.0; x.len()];
    let mut moments = vec![0.0; 2 * x.len() / width];
    y.par_chunks_mut(width * BLOCK)
        .zip(x.par_chunks(width * BLOCK))
        .zip(moments.as_chunks_mut::<2>().0.par_chunks_mut(BLOCK))
        .with_min_len(min_blocks(width * BLOCK))
        .for_each(|((y, x), moments)| normalize_rows(y, x, moments, gamma, beta, eps));
    (y, moments)
}

vectorized! {
    fn normalize_rows<'a>(
        y: &'a mut [f32],
        x: &'a [f32],
        moments: &'a mut [Moments],
        gamma: &'a [f32],
        beta: &'a [f32],
        eps: f32,
    ) -> () {
        let width = gamma.len();
        for ((y, x), moments) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(moments) {
            *moments = moments_of(x, eps);
            normalize(y, x, *moments, gamma, beta);
        }
    }
}

#[inline(always)]
fn moments_of(x: &[f32], eps: f32) -> Moments {
    let width = x.len() as f32;
    let mean = sum_of(x, |x| x) / width;
    let variance = sum_of(x, |x| (x - mean) * (x - mean)) / width;
    [mean, 1.0 / (variance + eps).sqrt()]
}

#[inline(always)]
fn normalize(y: &mut [f32], x: &[f32], [mean, inverse]: Moments, gamma: &[f32], beta: &[f32]) {
    for (((y, x), gamma), beta) in y.iter_mut().zip(x).zip(gamma).zip(beta) {
        *y = (x - mean) * inverse * gamma + beta;
    }
}

/// Gradients of the inputs of [`layer_norm`].
pub struct Gradients {
    /// Gradient of the input, `[N, D]`.
    pub x: Vec<f32>,
    /// Gradient of the scale, `[D]`.
    pub gamma: Vec<f32>,
    /// Gradient of the shift, `[D]`.
    pub beta: Vec<f32>,
}

/// Returns the gradients of [`layer_norm`] from `dy` `[N, D]` and the moments that it returned.
pub fn backward(x: &[f32], dy: &[f32], gamma: &[f32], moments: &[f32]) -> Gradients {
    let width = gamma.len();
    let moments: &[Moments] = moments.as_chunks().0;
    let mut dx = vec![0.0; x.len()];
    dx.par_chunks_mut(width * BLOCK)
        .zip(
            x.par_chunks(width * BLOCK)
                .zip(dy.par_chunks(width * BLOCK)),
        )
        .zip(moments.par_chunks(BLOCK))
        .with_min_len(min_blocks(width * BLOCK))
        .for_each(|((dx, (x, dy)), moments)| rows_backward(dx, x, dy, moments, gamma));
    let gamma = rows::sum_blocks(moments.len(), width, |range, sums| {
        let elements = range.start * width..range.end * width;
        add_normal_times_dy(sums, &x[elements.clone()], &dy[elements], &moments[range]);
    });
    Gradients {
        x: dx,
        gamma,
        beta: rows::column_sums(dy, width),
    }
}

vectorized! {
    fn rows_backward<'a>(
        dx: &'a mut [f32],
        x: &'a [f32],
        dy: &'a [f32],
        moments: &'a [Moments],
        gamma: &'a [f32],
    ) -> () {
        let width = gamma.len();
        let rows = dx.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(dy.chunks_exact(width));
        for (((dx, x), dy), moments) in rows.zip(moments) {
            row_backward(dx, x, dy, *moments, gamma);
        }
    }
}

vectorized! {
    /// Adds the contribution of some rows to the gradient of the scale.
    fn add_normal_times_dy<'a>(sums: &'a mut [f32], x: &'a [f32], dy: &'a [f32], moments: &'a [Moments]) -> () {
        let width = sums.len();
        let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
        for ((x, dy), [mean, inverse]) in rows.zip(moments) {
            for ((sum, x), dy) in sums.iter_mut().zip(x).zip(dy) {
                *sum += dy * ((x - mean) * inverse);
            }
        }
    }
}

#[inline(always)]
fn row_backward(dx: &mut [f32], x: &[f32], dy: &[f32], [mean, inverse]: Moments, gamma: &[f32]) {
    let width = x.len() as f32;
    for ((dx, dy), gamma) in dx.iter_mut().zip(dy).zip(gamma) {
        *dx = dy * gamma;
    }
    let mean_gradient = sum_of(dx, |g| g) / width;
    let projection = sum_of_pairs(dx, x, |g, x| g * ((x - mean) * inverse)) / width;
    for (dx, x) in dx.iter_mut().zip(x) {
        *dx = inverse * (*dx - mean_gradient - (x - mean) * inverse * projection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allows for the rounding errors of sums over a row and of loss differences in `f32`.
    const TOLERANCE: f64 = 2e-3;

    fn numbers(n: usize, from: usize) -> Vec<f32> {
        (0..n)
            .map(|i| (((i + from) * 29 + 7) % 23) as f32 * 0.1 - 1.0)
            .collect()
    }

    /// Returns the sum of `dy y` by the definition, in double precision.
    fn loss(x: &[f32], gamma: &[f32], beta: &[f32], dy: &[f32], eps: f32) -> f64 {
        let width = gamma.len();
        let mut total = 0.0;
        for (x, dy) in x.chunks(width).zip(dy.chunks(width)) {
            let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / width as f64;
            let variance = x
                .iter()
                .map(|x| (f64::from(*x) - mean).powi(2))
                .sum::<f64>()
                / width as f64;
            for i in 0..width {
                let normal = (f64::from(x[i]) - mean) / (variance + f64::from(eps)).sqrt();
                total += f64::from(dy[i]) * (normal * f64::from(gamma[i]) + f64::from(beta[i]));
            }
        }
        total
    }

    /// Returns the derivative of `loss` with respect to element `i` of `values`, by central
    /// differences.
    fn slope(values: &[f32], i: usize, loss: impl Fn(&[f32]) -> f64) -> f64 {
        let at = |by: f32| {
            let mut moved = values.to_vec();
            moved[i] += by;
            loss(&moved)
        };
        let step = 1.0 / 256.0;
        (at(step) - at(-step)) / f64::from(2.0 * step)
    }

    #[test]
    fn value_and_gradients_match_the_definition() {
        for (rows, width) in [(1, 5), (70, 16), (33, 37)] {
            let [x, dy] = [0, 3].map(|from| numbers(rows * width, from));
            let [gamma, beta] = [1, 2].map(|from| numbers(width, from));
            let eps = 1e-5;
            let (y, moments) = layer_norm(&x, &gamma, &beta, eps);
            let sum: f64 = y
                .iter()
                .zip(&dy)
                .map(|(y, dy)| f64::from(*y) * f64::from(*dy))
                .sum();
            assert!((sum - loss(&x, &gamma, &beta, &dy, eps)).abs() < TOLERANCE);
            let found = backward(&x, &dy, &gamma, &moments);
            let check = |name: &str, found: f32, expected: f64| {
                assert!(
                    (f64::from(found) - expected).abs() < TOLERANCE,
                    "{name}: {found} against {expected}"
                );
            };
            for i in [0, rows * width / 2, rows * width - 1] {
                check(
                    "x",
                    found.x[i],
                    slope(&x, i, |x| loss(x, &gamma, &beta, &dy, eps)),
                );
            }
            for i in [0, width - 1] {
                check(
                    "gamma",
                    found.gamma[i],
                    slope(&gamma, i, |gamma| loss(&x, gamma, &beta, &dy, eps)),
                );
                check(
                    "beta",
                    found.beta[i],
                    slope(&beta, i, |beta| loss(&x, &gamma, beta, &dy, eps)),
                );
            }
        }
    }
}
