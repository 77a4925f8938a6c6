//! Cross-entropy over a vocabulary and its gradient, in one pass over each row of logits.

use crate::min_blocks;
use crate::sums::{map_and_sum, max, sum_of};
use rayon::prelude::*;
use shaders::math::exp;

/// Targets and weights of the rows.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// Index of the true column of each row, `[M]`.
    pub targets: &'a [usize],
    /// Weight of each row, `[M]`; rows of weight 0 are skipped.
    pub weights: &'a [f32],
    /// Divisor of the weighted sum.
    pub total: f32,
}

impl Targets<'_> {
    /// Checks the lengths of the arrays.
    ///
    /// # Panics
    /// Unless there is one target and one weight per row, which is a bug in the caller.
    fn check(&self, logits: &[f32], vocab: usize) {
        assert_eq!(
            logits.len(),
            self.targets.len() * vocab,
            "a target for each row"
        );
        assert_eq!(
            self.weights.len(),
            self.targets.len(),
            "a weight for each row"
        );
    }
}

/// Returns the mean cross-entropy in nats of `logits` `[M, V]`, and replaces the logits by their
/// gradient.
///
/// # Panics
/// If a target is not below `V`.
pub fn cross_entropy(logits: &mut [f32], vocab: usize, rows: &Targets) -> f32 {
    rows.check(logits, vocab);
    let Targets {
        targets,
        weights,
        total,
    } = *rows;
    let mut losses = vec![0.0; targets.len()];
    logits
        .par_chunks_mut(vocab)
        .zip(losses.par_iter_mut())
        .zip(targets.par_iter().zip(weights))
        .with_min_len(min_blocks(vocab))
        .for_each(|((row, loss), (&target, &weight))| {
            *loss = row_loss(row, target, weight / total);
        });
    losses.iter().sum()
}

vectorized! {
    /// Processes one row. The maximum is subtracted first, so that no exponential overflows.
    fn row_loss<'a>(row: &'a mut [f32], target: usize, weight: f32) -> f32 {
        if weight == 0.0 {
            row.fill(0.0);
            return 0.0;
        }
        let max = max(row);
        let above = row[target] - max;
        let sum = map_and_sum(row, |x| exp(x - max));
        let scale = weight / sum;
        for x in row.iter_mut() {
            *x *= scale;
        }
        row[target] -= weight;
        weight * (sum.ln() - above)
    }
}

/// Returns weighted sums over the rows of `logits` `[M, V]`: the cross-entropy in nats, and the
/// rows whose largest logit (the first of equal ones) is that of the target.
///
/// # Panics
/// If a target is not below `V`.
pub fn sums(logits: &[f32], vocab: usize, rows: &Targets) -> [f32; 2] {
    rows.check(logits, vocab);
    let mut sums = vec![[0.0; 2]; rows.targets.len()];
    let inputs = rows.targets.par_iter().zip(rows.weights);
    sums.par_iter_mut()
        .zip(logits.par_chunks(vocab).zip(inputs))
        .with_min_len(min_blocks(vocab))
        .for_each(|(sums, (row, (&target, &weight)))| {
            *sums = row_sums(row, target, weight / rows.total)
        });
    sums.iter().fold([0.0; 2], |[loss, right], sums| {
        [loss + sums[0], right + sums[1]]
    })
}

vectorized! {
    fn row_sums<'a>(row: &'a [f32], target: usize, weight: f32) -> [f32; 2] {
        if weight == 0.0 {
            return [0.0; 2];
        }
        let max = max(row);
        let sum = sum_of(row, |x| exp(x - max));
        let is_right = row[target] == max && max > crate::sums::max(&row[..target]);
        [weight * (sum.ln() - (row[target] - max)), if is_right { weight } else { 0.0 }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allows for the rounding errors of sums of up to 100 terms of size 1 in `f32`.
    const TOLERANCE: f64 = 1e-5;

    fn logits(i: usize) -> f32 {
        ((i * 37 + 11) % 101) as f32 * 0.1 - 5.0
    }

    fn check(m: usize, v: usize) {
        let start: Vec<f32> = (0..m * v).map(logits).collect();
        let targets: Vec<usize> = (0..m).map(|i| (i * 5) % v).collect();
        let weights: Vec<f32> = (0..m)
            .map(|i| {
                if i % 4 == 3 {
                    0.0
                } else {
                    1.0 + (i % 2) as f32
                }
            })
            .collect();
        let total = 3.5;
        let mut found = start.clone();
        let loss = cross_entropy(
            &mut found,
            v,
            &Targets {
                targets: &targets,
                weights: &weights,
                total,
            },
        );
        let mut expected = 0.0;
        for i in 0..m {
            let row: Vec<f64> = (0..v).map(|j| f64::from(start[i * v + j])).collect();
            let sum: f64 = row.iter().map(|x| x.exp()).sum();
            let weight = f64::from(weights[i]) / f64::from(total);
            expected += weight * (sum.ln() - row[targets[i]]);
            for (j, x) in row.iter().enumerate() {
                let one = if j == targets[i] { 1.0 } else { 0.0 };
                let slope = weight * (x.exp() / sum - one);
                assert!(
                    (f64::from(found[i * v + j]) - slope).abs() < TOLERANCE,
                    "row {i}, column {j}"
                );
            }
        }
        assert!(
            (f64::from(loss) - expected).abs() < TOLERANCE * m as f64,
            "{loss} against {expected}"
        );
        let rows = Targets {
            targets: &targets,
            weights: &weights,
            total,
        };
        let [sum, right] = sums(&start, v, &rows);
        assert!(
            (sum - loss).abs() < TOLERANCE as f32 * m as f32,
            "{sum} against {loss}"
        );
        let first_of_largest = |row: &[f32]| {
            (0..v)
                .rev()
                .fold(v - 1, |best, j| if row[j] >= row[best] { j } else { best })
        };
        let expected: f32 = (0..m)
            .filter(|&i| first_of_largest(&start[i * v..(i + 1) * v]) == targets[i])
            .map(|i| weights[i] / total)
            .sum();
        assert!(
            (right - expected).abs() < TOLERANCE as f32,
            "{right} against {expected}"
        );
    }

    #[test]
    fn loss_and_gradient_match_the_definition() {
        for (m, v) in [(1, 2), (5, 16), (7, 33), (40, 100)] {
            check(m, v);
        }
    }

    #[test]
    fn a_nan_logit_makes_the_loss_nan() {
        let mut row = [0.0, f32::NAN, 1.0];
        let rows = Targets {
            targets: &[0],
            weights: &[1.0],
            total: 1.0,
        };
        assert!(cross_entropy(&mut row, 3, &rows).is_nan());
    }
}
