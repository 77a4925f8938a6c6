//! Computes the leading left singular vectors of a sparse matrix by randomised subspace iteration
//! (Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1). Dense matrices are stored in panels of
//! a few columns, which threads process in parallel; no sum depends on the number of threads.

use crate::random::{Purpose, generator, normals};
use rayon::prelude::*;

/// Additional columns beyond the rank, so that the last singular vectors converge (Halko et al.,
/// section 4.2).
const OVERSAMPLING: usize = 8;
/// Subspace iterations; one or two are needed if singular values decay slowly (Halko et al.,
/// section 4.5).
const ITERATIONS: usize = 2;
/// Columns per panel: a panel of 8,000 rows fits a second-level cache.
const PANEL: usize = 32;

/// A square sparse matrix, row by row.
pub(super) struct SparseRows {
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
}

impl SparseRows {
    /// Collects the entries `(row, column, value)` that `entries` yields; it is called twice and
    /// must yield the same ones.
    pub fn new<I: Iterator<Item = (u32, u32, f32)>>(size: usize, entries: impl Fn() -> I) -> Self {
        let mut starts = vec![0; size + 1];
        entries().for_each(|(row, _, _)| starts[row as usize + 1] += 1);
        for row in 0..size {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let (mut columns, mut values) = (vec![0; starts[size]], vec![0.0; starts[size]]);
        for (row, column, value) in entries() {
            let place = &mut next[row as usize];
            (columns[*place], values[*place]) = (column, value);
            *place += 1;
        }
        Self {
            starts,
            columns,
            values,
        }
    }

    /// Returns whether the matrix has no entries.
    pub fn is_zero(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the number of rows with an entry.
    pub fn used_rows(&self) -> usize {
        self.starts
            .windows(2)
            .filter(|bounds| bounds[0] < bounds[1])
            .count()
    }

    /// Iterates over the columns and values of a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (u32, f32)> {
        let range = self.starts[row]..self.starts[row + 1];
        self.columns[range.clone()]
            .iter()
            .copied()
            .zip(self.values[range].iter().copied())
    }

    fn size(&self) -> usize {
        self.starts.len() - 1
    }

    /// Computes `M X` for one panel `[V, PANEL]`.
    fn times(&self, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        for (row, out) in out.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
            for (column, value) in self.row(row) {
                let x = &x[column as usize * PANEL..][..PANEL];
                out.iter_mut().zip(x).for_each(|(out, x)| *out += value * x);
            }
        }
        out
    }

    /// Computes `M' X` for one panel `[V, PANEL]`.
    fn transposed_times(&self, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        for (row, x) in x.as_chunks::<PANEL>().0.iter().enumerate() {
            for (column, value) in self.row(row) {
                let out = &mut out[column as usize * PANEL..][..PANEL];
                out.iter_mut().zip(x).for_each(|(out, x)| *out += value * x);
            }
        }
        out
    }
}

/// Returns `U S^(1/2)` for the `rank` largest singular values of `matrix`, `[V, rank]`, row-major.
pub(super) fn factorize(matrix: &SparseRows, rank: usize, seed: u64) -> Vec<f32> {
    let size = matrix.size();
    let wanted = (rank + OVERSAMPLING).min(size);
    let mut y: Vec<Vec<f32>> = (0..wanted.div_ceil(PANEL))
        .map(|panel| {
            normals(
                &mut generator(seed, Purpose::Vectors, panel as u64, 0),
                size * PANEL,
                1.0,
            )
        })
        .collect();
    y = apply(&y, |x| matrix.times(x));
    for _ in 0..ITERATIONS {
        let q = panels(&orthonormal(&columns(&y, wanted)), size);
        let z = apply(&q, |x| matrix.transposed_times(x));
        let q = panels(&orthonormal(&columns(&z, wanted)), size);
        y = apply(&q, |x| matrix.times(x));
    }
    let q = orthonormal(&columns(&y, wanted)); // [wanted][V]
    let b = columns(
        &apply(&panels(&q, size), |x| matrix.transposed_times(x)),
        wanted,
    ); // rows of Q' M
    let gram: Vec<Vec<f64>> = b
        .par_iter()
        .map(|x| b.iter().map(|y| dot(x, y)).collect())
        .collect();
    let (squares, rotation) = eigen(gram);
    let mut order: Vec<usize> = (0..wanted).collect();
    order.sort_by(|&a, &b| squares[b].total_cmp(&squares[a]));
    let mut out = vec![0.0; size * rank];
    for (column, &index) in order.iter().take(rank).enumerate() {
        // Eigenvalues of the Gram matrix are squared singular values, of which the square root is
        // needed.
        let scale = squares[index].max(0.0).sqrt().sqrt();
        for (q, coefficients) in q.iter().zip(&rotation) {
            let factor = (coefficients[index] * scale) as f32;
            q.iter()
                .enumerate()
                .for_each(|(row, x)| out[row * rank + column] += factor * x);
        }
    }
    out
}

fn apply(panels: &[Vec<f32>], product: impl Fn(&[f32]) -> Vec<f32> + Sync) -> Vec<Vec<f32>> {
    panels.par_iter().map(|panel| product(panel)).collect()
}

/// Converts panels `[V, PANEL]` to their first `count` columns `[V]`.
fn columns(panels: &[Vec<f32>], count: usize) -> Vec<Vec<f32>> {
    let column = |c: usize| {
        panels[c / PANEL]
            .as_chunks::<PANEL>()
            .0
            .iter()
            .map(|row| row[c % PANEL])
            .collect()
    };
    (0..count).into_par_iter().map(column).collect()
}

/// Converts columns `[V]` to panels `[V, PANEL]`, the last one padded with zeros.
fn panels(columns: &[Vec<f32>], size: usize) -> Vec<Vec<f32>> {
    let panel = |columns: &[Vec<f32>]| {
        let mut out = vec![0.0; size * PANEL];
        for (c, column) in columns.iter().enumerate() {
            column
                .iter()
                .enumerate()
                .for_each(|(row, x)| out[row * PANEL + c] = *x);
        }
        out
    };
    columns.par_chunks(PANEL).map(panel).collect()
}

/// Orthonormalises columns by Gram-Schmidt, projecting each twice (Giraud et al. 2005: twice is
/// enough). A column that depends linearly on those before it becomes zero.
fn orthonormal(columns: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut done: Vec<Vec<f32>> = Vec::with_capacity(columns.len());
    for column in columns {
        let mut x = column.clone();
        let original_norm = dot(&x, &x).sqrt();
        for _ in 0..2 {
            // Classical Gram-Schmidt: all projections are independent, so that threads can compute
            // them in parallel.
            let shares: Vec<f64> = done
                .par_iter()
                .with_min_len(16)
                .map(|q| dot(q, &x))
                .collect();
            for (q, share) in done.iter().zip(shares) {
                let share = share as f32;
                x.iter_mut().zip(q).for_each(|(x, q)| *x -= share * q);
            }
        }
        let norm = dot(&x, &x).sqrt();
        let scale = if norm > MIN_RELATIVE_NORM * original_norm {
            (1.0 / norm) as f32
        } else {
            0.0
        };
        x.iter_mut().for_each(|x| *x *= scale);
        done.push(x);
    }
    done
}

/// Relative norm below which the rest of a column is only rounding error.
const MIN_RELATIVE_NORM: f64 = 1e-5;

/// Computes the dot product in eight partial sums, in a fixed order.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f64; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    sums.iter().sum::<f64>()
        + a_rest
            .iter()
            .zip(b_rest)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
}

/// Maximum Jacobi sweeps; convergence is quadratic, and ten sweeps suffice for hundreds of columns.
const MAX_SWEEPS: usize = 30;

/// Returns the eigenvalues of a symmetric matrix, and its eigenvectors as columns, by cyclic Jacobi
/// rotations (Golub & Van Loan, section 8.5).
fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let mut v: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| f64::from(i == j)).collect())
        .collect();
    let scale: f64 = (0..n)
        .map(|i| a[i][i].abs())
        .sum::<f64>()
        .max(f64::MIN_POSITIVE);
    for _ in 0..MAX_SWEEPS {
        let off: f64 = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i][j] * a[i][j])
            .sum();
        if off.sqrt() < 1e-12 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut v, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i][i]).collect(), v)
}

/// Applies the rotation that makes `a[p][q]` zero.
fn rotate(a: &mut [Vec<f64>], v: &mut [Vec<f64>], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let t = if theta == 0.0 { 1.0 } else { t };
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    let rotate_pair = |x: &mut f64, y: &mut f64| (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    for row in a.iter_mut().chain(v.iter_mut()) {
        let (x, y) = row.split_at_mut(q);
        rotate_pair(&mut x[p], &mut y[0]);
    }
    let (upper, lower) = a.split_at_mut(q);
    upper[p]
        .iter_mut()
        .zip(lower[0].iter_mut())
        .for_each(|(x, y)| rotate_pair(x, y));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparse(rows: &[&[f32]]) -> SparseRows {
        let entries = || {
            let row = |(i, row): (usize, &&[f32])| {
                let entry = move |(j, x): (usize, &f32)| (i as u32, j as u32, *x);
                row.iter()
                    .enumerate()
                    .map(entry)
                    .filter(|(_, _, x)| *x != 0.0)
                    .collect::<Vec<_>>()
            };
            rows.iter().enumerate().flat_map(row)
        };
        SparseRows::new(rows.len(), entries)
    }

    #[test]
    fn eigenvalues_of_a_known_matrix() {
        let (values, vectors) = eigen(vec![
            vec![2.0, 1.0, 0.0],
            vec![1.0, 2.0, 0.0],
            vec![0.0, 0.0, 5.0],
        ]);
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        for (found, expected) in sorted.iter().zip([1.0, 3.0, 5.0]) {
            assert!((found - expected).abs() < 1e-12, "{values:?}");
        }
        let three = values
            .iter()
            .position(|x| (x - 3.0).abs() < 1e-9)
            .expect("there");
        assert!(
            (vectors[0][three].abs() - 0.5_f64.sqrt()).abs() < 1e-9
                && vectors[2][three].abs() < 1e-9
        );
    }

    #[test]
    fn a_diagonal_matrix_has_its_entries_as_singular_values() {
        let matrix = sparse(&[&[9.0, 0.0, 0.0], &[0.0, 0.0, 4.0], &[0.0, 1.0, 0.0]]);
        let left = factorize(&matrix, 2, 1); // rows of U S^(1/2)
        let expected = [3.0, 0.0, 0.0, 2.0, 0.0, 0.0];
        for (found, expected) in left.iter().zip(expected) {
            assert!((found.abs() - expected).abs() < 1e-4, "{left:?}");
        }
    }

    #[test]
    fn the_best_approximation_of_a_matrix_of_rank_two_is_itself() {
        // The matrix is symmetric and of rank two: `U S^(1/2)` times its transpose, signs aside, is
        // the matrix.
        let (a, b) = (
            [1.0_f32, 2.0, 3.0, 4.0, 5.0],
            [1.0_f32, -1.0, 1.0, -1.0, 0.5],
        );
        let rows: Vec<Vec<f32>> = (0..5)
            .map(|i| (0..5).map(|j| a[i] * a[j] + b[i] * b[j]).collect())
            .collect();
        let left = factorize(
            &sparse(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>()),
            2,
            3,
        );
        for i in 0..5 {
            for j in 0..5 {
                let product = left[2 * i] * left[2 * j] + left[2 * i + 1] * left[2 * j + 1];
                assert!(
                    (product - rows[i][j]).abs() < 1e-3,
                    "{i} {j}: {product} for {}",
                    rows[i][j]
                );
            }
        }
    }
}
