//! One step of Muon on the matrices of a flat group (Jordan et al. 2024): momentum, five
//! Newton-Schulz iterations, and the update. Each matrix is processed by one thread.

use crate::matmul::{Matrix, Output, Write, product_into};
use crate::sums::sum_of;
use rayon::prelude::*;

/// Coefficients of the quintic iteration, which brings singular values into 0.7..1.2 in five
/// iterations (Jordan et al. 2024).
pub const QUINTIC: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// Number of iterations, as published.
pub const ROUNDS: usize = 5;

/// Prevents division by zero for a zero gradient; value as published.
pub const EPS: f32 = 1e-7;

/// Hyperparameters of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Learning rate of the step.
    pub lr: f32,
    /// Momentum coefficient, in [0, 1).
    pub momentum: f32,
    /// Decoupled weight decay, relative to the learning rate.
    pub weight_decay: f32,
}

/// Updates the matrices stored end to end in `p` `[n]`, with momentum `m` `[n]`, by their gradients
/// `g` `[n]` scaled by `clip`. `shapes` holds rows and columns of each matrix, in order; elements
/// behind the last matrix are left unchanged. So is everything if `clip` is NaN or not above 0,
/// which is the case for a non-finite gradient.
///
/// # Panics
/// If the matrices are larger than the arrays, which is a bug in the caller.
pub fn muon(
    p: &mut [f32],
    m: &mut [f32],
    g: &[f32],
    clip: f32,
    shapes: &[[usize; 2]],
    rates: Rates,
) {
    if clip.is_nan() || clip <= 0.0 {
        return;
    }
    let (mut p, mut m, mut g) = (p, m, g);
    let mut matrices = Vec::with_capacity(shapes.len());
    for &shape in shapes {
        let n = shape[0] * shape[1];
        let (own_p, rest_p) = p.split_at_mut(n);
        let (own_m, rest_m) = m.split_at_mut(n);
        let (own_g, rest_g) = g.split_at(n);
        matrices.push((own_p, own_m, own_g, shape));
        (p, m, g) = (rest_p, rest_m, rest_g);
    }
    matrices.into_par_iter().for_each(|(p, m, g, shape)| {
        let mut update = vec![0.0; p.len()];
        advance_momentum(&mut update, m, g, clip, rates.momentum);
        let update = orthogonalize(update, shape);
        let scale = (shape[0] as f32 / shape[1] as f32).max(1.0).sqrt();
        apply(
            p,
            &update,
            1.0 - rates.lr * rates.weight_decay,
            rates.lr * scale,
        );
    });
}

vectorized! {
    /// Updates the momentum and computes the Nesterov look-ahead.
    fn advance_momentum<'a>(nesterov: &'a mut [f32], m: &'a mut [f32], g: &'a [f32], clip: f32, momentum: f32) -> () {
        for ((nesterov, m), g) in nesterov.iter_mut().zip(m).zip(g) {
            let g = g * clip;
            *m = *m * momentum + g;
            *nesterov = g + *m * momentum;
        }
    }
}

vectorized! {
    fn apply<'a>(p: &'a mut [f32], update: &'a [f32], decay: f32, rate: f32) -> () {
        for (p, update) in p.iter_mut().zip(update) {
            *p = *p * decay - update * rate;
        }
    }
}

/// Brings the singular values of `x` close to 1 without computing them, by iterating
/// `X <- a X + (b A + c A A) X` with `A = X X'`, or its transposed form for tall matrices.
fn orthogonalize(mut x: Vec<f32>, [rows, columns]: [usize; 2]) -> Vec<f32> {
    normalize(&mut x);
    let side = rows.min(columns);
    let mut next = vec![0.0; x.len()];
    let (mut gram, mut square) = (vec![0.0; side * side], vec![0.0; side * side]);
    for _ in 0..ROUNDS {
        let matrix = Matrix::new(&x, [rows, columns]);
        let [left, right] = if rows <= columns {
            [matrix, matrix.transposed()]
        } else {
            [matrix.transposed(), matrix]
        };
        product_into(
            left,
            right,
            Output {
                values: &mut gram,
                stride: side,
            },
            Write::Replace,
        );
        let symmetric = Matrix::new(&gram, [side, side]);
        product_into(
            symmetric,
            symmetric,
            Output {
                values: &mut square,
                stride: side,
            },
            Write::Replace,
        );
        combine(&mut square, &gram);
        scaled(&mut next, &x);
        let polynomial = Matrix::new(&square, [side, side]);
        let [left, right] = if rows <= columns {
            [polynomial, matrix]
        } else {
            [matrix, polynomial]
        };
        product_into(
            left,
            right,
            Output {
                values: &mut next,
                stride: columns,
            },
            Write::Add,
        );
        std::mem::swap(&mut x, &mut next);
    }
    x
}

vectorized! {
    fn normalize<'a>(x: &'a mut [f32]) -> () {
        let inverse = 1.0 / (sum_of(x, |x| x * x).sqrt() + EPS);
        for x in x {
            *x *= inverse;
        }
    }
}

vectorized! {
    /// Replaces `A A` by `b A + c A A`.
    fn combine<'a>(square: &'a mut [f32], gram: &'a [f32]) -> () {
        let [_, b, c] = QUINTIC;
        for (square, gram) in square.iter_mut().zip(gram) {
            *square = gram * b + *square * c;
        }
    }
}

vectorized! {
    /// Computes `a X`.
    fn scaled<'a>(next: &'a mut [f32], x: &'a [f32]) -> () {
        let [a, ..] = QUINTIC;
        for (next, x) in next.iter_mut().zip(x) {
            *next = x * a;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allows for the rounding errors of five iterations in `f32`.
    const TOLERANCE: f64 = 1e-3;

    /// Returns the result of the iteration for a singular value that is this fraction of the norm.
    fn iterated(share: f64) -> f64 {
        let [a, b, c] = QUINTIC.map(f64::from);
        (0..ROUNDS).fold(share, |s, _| a * s + b * s.powi(3) + c * s.powi(5))
    }

    #[test]
    fn singular_values_follow_the_scalar_iteration() {
        // A diagonal matrix with a third row or column of zeros: the singular values are the
        // entries.
        for (x, shape) in [
            ([3.0, 0.0, 0.0, 4.0, 0.0, 0.0], [3, 2]),
            ([3.0, 0.0, 0.0, 0.0, 4.0, 0.0], [2, 3]),
        ] {
            let y = orthogonalize(x.to_vec(), shape);
            for (y, x) in y.iter().zip(x) {
                let expected = iterated(f64::from(x) / 5.0);
                assert!(
                    (f64::from(*y) - expected).abs() < TOLERANCE,
                    "{shape:?}: {y} against {expected}"
                );
            }
        }
    }

    #[test]
    fn a_zero_gradient_gives_a_zero_update() {
        let (mut p, mut m) = (vec![1.0; 6], vec![0.0; 6]);
        let rates = Rates {
            lr: 0.1,
            momentum: 0.9,
            weight_decay: 0.0,
        };
        muon(&mut p, &mut m, &[0.0; 6], 1.0, &[[2, 3]], rates);
        assert_eq!(p, vec![1.0; 6]);
    }
}
