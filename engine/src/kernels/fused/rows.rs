//! Rows of a table by number. The gradient of the table sums over lists that the host sorts, so that no kernel has to search.

use super::FusedOps;
use burn::backend::Dispatch;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Which rows of a table are read, and, for the gradient, the positions that read each row.
#[derive(Clone, Debug)]
pub struct RowNumbers {
    /// `[M]`, each below the number of rows `N`.
    numbers: Tensor<1, Int>,
    /// Where the list of each row begins and the last one ends, then the lists of positions that read it, `[N + 1 + M]`.
    readers: Tensor<1, Int>,
}

impl RowNumbers {
    /// Of a table of `rows` rows.
    ///
    /// # Panics
    /// Where a number is not below `rows`.
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
        // Filled from behind, which leaves the starts where the ends were.
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

    /// `[M]`.
    pub fn numbers(&self) -> Tensor<1, Int> {
        self.numbers.clone()
    }

    /// How many rows are read, `M`.
    pub fn len(&self) -> usize {
        self.numbers.dims()[0]
    }

    /// Whether none is read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Rows of `table` `[N, D]` by number: `[M, D]`.
pub fn gather_rows(table: Tensor<2>, rows: &RowNumbers) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::fused_gather(
        table.into_dispatch(),
        rows.numbers.clone().into_dispatch(),
        rows.readers.clone().into_dispatch(),
    ))
}
