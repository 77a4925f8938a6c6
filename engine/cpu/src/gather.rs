//! Gathers rows of a table by index, and computes the gradient of the table.

use crate::rows::add;

/// Returns the rows `indices` `[M]` of `table` `[N, D]`: `[M, D]`.
///
/// # Panics
/// If an index is not below `N`.
pub fn gather(table: &[f32], indices: &[usize], width: usize) -> Vec<f32> {
    let mut rows = Vec::with_capacity(indices.len() * width);
    for &i in indices {
        rows.extend_from_slice(&table[i * width..(i + 1) * width]);
    }
    rows
}

/// Returns the gradient `[N, D]` of a table with `n` rows from the gradient `dy` `[M, D]` of the
/// gathered rows. Rows with equal indices are added in order.
pub fn scatter(dy: &[f32], indices: &[usize], n: usize, width: usize) -> Vec<f32> {
    let mut table = vec![0.0; n * width];
    for (&i, row) in indices.iter().zip(dy.chunks_exact(width)) {
        add(&mut table[i * width..(i + 1) * width], row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_indices_add_up() {
        let table = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(
            gather(&table, &[2, 0, 2], 2),
            [5.0, 6.0, 1.0, 2.0, 5.0, 6.0]
        );
        assert_eq!(
            scatter(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 0, 2], 3, 2),
            [3.0, 4.0, 0.0, 0.0, 6.0, 8.0]
        );
    }
}
