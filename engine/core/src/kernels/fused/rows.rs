//! Gathers rows of a table by index. For the gradient, the host sorts the positions by row, so that
//! each row of the table has a list of the positions to sum over.

use super::FusedOps;
use burn::backend::Dispatch;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Indices of the gathered rows and, for the gradient, the positions at which each row is used.
#[derive(Clone, Debug)]
pub struct RowNumbers {
    /// Row indices `[M]`, each below the number of rows `N`.
    numbers: Tensor<1, Int>,
    /// Compressed sparse lists `[N + 1 + M]`: `N + 1` offsets, then the positions that use each
    /// row.
    readers: Tensor<1, Int>,
}

impl RowNumbers {
    /// Uploads `numbers`, indices into a table with `rows` rows.
    ///
    /// # Panics
    /// If an index is not below `rows`.
    pub fn new(numbers: &[i32], rows: usize, device: &Device) -> Self {
        let row = |number: &i32| {
            usize::try_from(*number)
                .ok()
                .filter(|row| *row < rows)
                .expect("each number is that of a row of the table")
        };
        let mut readers = vec![0; rows + 1 + numbers.len()];
        for number in numbers {
            readers[row(number) + 1] += 1;
        }
        let (ends, lists) = readers.split_at_mut(rows + 1);
        let mut end = 0;
        for count in ends.iter_mut() {
            end += *count;
            *count = end;
        }
        // Filling the lists from the back turns the end offsets into start offsets.
        for (reader, number) in numbers.iter().enumerate().rev() {
            let place = &mut ends[row(number) + 1];
            *place -= 1;
            lists[*place as usize] = reader as i32;
        }
        ends.rotate_left(1);
        ends[rows] = numbers.len() as i32;
        let upload = |values: Vec<i32>| {
            let n = values.len();
            Tensor::from_data(TensorData::new(values, [n]), device)
        };
        Self {
            numbers: upload(numbers.to_vec()),
            readers: upload(readers),
        }
    }

    /// Returns the row indices, `[M]`.
    pub fn numbers(&self) -> Tensor<1, Int> {
        self.numbers.clone()
    }

    /// Number of gathered rows, `M`.
    pub fn len(&self) -> usize {
        self.numbers.dims()[0]
    }

    /// Whether no rows are gathered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Returns the rows of `table` `[N, D]` at the given indices: `[M, D]`.
pub fn gather_rows(table: Tensor<2>, rows: &RowNumbers) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::fused_gather(
        table.into_dispatch(),
        rows.numbers.clone().into_dispatch(),
        rows.readers.clone().into_dispatch(),
    ))
}
