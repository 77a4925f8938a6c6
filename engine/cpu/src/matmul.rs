//! Matrix products with the `gemm` crate: packed, vectorised for the current processor, with
//! strided operands.
//!
//! This is the only module with `unsafe` code, because `gemm` takes pointers. *Soundness:* a
//! [`Matrix`] can only be constructed if its largest offset lies inside its slice; the output is a
//! mutable slice, or a new vector with room for it, and therefore not aliased; and `gemm` gets the
//! sizes that were checked. If it replaces its output, it writes every element and reads none.
#![expect(
    unsafe_code,
    reason = "gemm takes pointers; the module's head says why each is valid"
)]

use gemm::Parallelism;

/// A strided matrix view of a slice.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    values: &'a [f32],
    /// Number of rows and columns.
    shape: [usize; 2],
    /// Distance in elements between adjacent rows, and between adjacent columns.
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// Returns the first `rows` x `columns` elements of `values` as a row-major matrix.
    ///
    /// # Panics
    /// If `values` holds fewer elements, which is a bug in the caller.
    pub fn new(values: &'a [f32], shape: [usize; 2]) -> Self {
        Self::strided(values, shape, [shape[1], 1])
    }

    /// Returns a matrix with element (i, j) at `i strides[0] + j strides[1]`.
    ///
    /// # Panics
    /// If an element lies outside `values`, which is a bug in the caller.
    pub fn strided(values: &'a [f32], shape: [usize; 2], strides: [usize; 2]) -> Self {
        assert!(
            required_len(shape, strides) <= values.len(),
            "{shape:?} by {strides:?} in {} elements",
            values.len()
        );
        Self {
            values,
            shape,
            strides,
        }
    }

    /// Returns the transpose as a view, without copying.
    pub fn transposed(self) -> Self {
        let ([rows, columns], [row, column]) = (self.shape, self.strides);
        Self {
            shape: [columns, rows],
            strides: [column, row],
            ..self
        }
    }
}

/// Returns one past the largest offset of an element.
fn required_len([rows, columns]: [usize; 2], [row, column]: [usize; 2]) -> usize {
    let largest = |count: usize, stride: usize| (count - 1).checked_mul(stride);
    if rows == 0 || columns == 0 {
        return 0;
    }
    let last = largest(rows, row)
        .zip(largest(columns, column))
        .and_then(|(a, b)| a.checked_add(b)?.checked_add(1));
    last.unwrap_or(usize::MAX)
}

/// Destination of a product: rows that are `stride` elements apart.
#[derive(Debug)]
pub struct Output<'a> {
    /// The elements written to.
    pub values: &'a mut [f32],
    /// Distance in elements between adjacent rows.
    pub stride: usize,
}

/// Whether a product overwrites or accumulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Overwrites the output.
    Replace,
    /// Adds to the output.
    Add,
}

/// All cores natively; one thread in the browser.
#[cfg(not(target_arch = "wasm32"))]
const ALL_CORES: Parallelism = Parallelism::Rayon(0);
#[cfg(target_arch = "wasm32")]
const ALL_CORES: Parallelism = Parallelism::None;

/// Returns `a b` in row-major order, computed on all cores.
///
/// # Panics
/// If the columns of `a` are not the rows of `b`, which is a bug in the caller.
pub fn product(a: Matrix, b: Matrix) -> Vec<f32> {
    let (rows, columns) = (a.shape[0], b.shape[1]);
    // Zeroing the elements first would cost as much as writing them.
    let mut values = Vec::with_capacity(rows * columns);
    // SAFETY: see the module documentation. There is room for `rows` rows of `columns` elements,
    // all of which are written.
    unsafe {
        multiply(
            (a, b),
            (values.as_mut_ptr(), columns),
            Write::Replace,
            ALL_CORES,
        );
        values.set_len(rows * columns);
    }
    values
}

/// Computes `x += a b` for row-major `x` on all cores.
///
/// # Panics
/// If the sizes do not match, which is a bug in the caller.
pub fn add_product(a: Matrix, b: Matrix, x: &mut [f32]) {
    let stride = b.shape[1];
    assert_eq!(
        x.len(),
        a.shape[0] * stride,
        "a place for each element of the product"
    );
    run(a, b, Output { values: x, stride }, Write::Add, ALL_CORES);
}

/// Returns `x W^T + b` `[N, O]` for `x` `[N, I]`, `W` `[O, I]` and `b` `[O]`, computed on all
/// cores.
///
/// # Panics
/// If the sizes do not match, which is a bug in the caller.
pub fn linear(x: Matrix, weight: Matrix, bias: Option<&[f32]>) -> Vec<f32> {
    let Some(bias) = bias else {
        return product(x, weight.transposed());
    };
    assert_eq!(bias.len(), weight.shape[0], "a bias for each output");
    let mut y = bias.repeat(x.shape[0]);
    add_product(x, weight.transposed(), &mut y);
    y
}

/// Writes `a b` to `x` on the calling thread.
///
/// # Panics
/// If the sizes do not match, which is a bug in the caller.
pub fn product_into(a: Matrix, b: Matrix, x: Output, write: Write) {
    run(a, b, x, write, Parallelism::None);
}

fn run(a: Matrix, b: Matrix, x: Output, write: Write, parallelism: Parallelism) {
    let (m, n) = (a.shape[0], b.shape[1]);
    assert!(
        n <= x.stride && required_len([m, n], [x.stride, 1]) <= x.values.len(),
        "a product fits its place"
    );
    // SAFETY: see the module documentation. `required_len` covers every element that is read or
    // written, and output rows do not overlap because a row is no longer than the stride.
    unsafe {
        multiply(
            (a, b),
            (x.values.as_mut_ptr(), x.stride),
            write,
            parallelism,
        )
    }
}

/// Writes or adds `a b` to the rows at `start`, which are `stride` elements apart.
///
/// # Safety
/// There is room for the rows, they do not overlap, and nothing else refers to them. If they are
/// added to, they are initialised.
///
/// # Panics
/// If the columns of `a` are not the rows of `b`, which is a bug in the caller.
unsafe fn multiply(
    (a, b): (Matrix, Matrix),
    (start, stride): (*mut f32, usize),
    write: Write,
    parallelism: Parallelism,
) {
    let ([m, k], [inner, n]) = (a.shape, b.shape);
    assert_eq!(
        k, inner,
        "the columns of one factor are the rows of the other"
    );
    let [a_row, a_column] = a.strides.map(usize::cast_signed);
    let [b_row, b_column] = b.strides.map(usize::cast_signed);
    // SAFETY: the caller's promise; both factors hold every element that is read.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            start,
            1,
            stride.cast_signed(),
            write == Write::Add,
            a.values.as_ptr(),
            a_column,
            a_row,
            b.values.as_ptr(),
            b_column,
            b_row,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, from: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7 + from) % 11) as f32 - 5.0).collect()
    }

    /// Uses integers, so that the result does not depend on the order of summation.
    fn check(m: usize, k: usize, n: usize) {
        let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
        let expected: Vec<f32> = (0..m * n)
            .map(|i| (0..k).map(|j| a[i / n * k + j] * b[j * n + i % n]).sum())
            .collect();
        assert_eq!(
            product(Matrix::new(&a, [m, k]), Matrix::new(&b, [k, n])),
            expected
        );
        let transposed: Vec<f32> = (0..m * k).map(|i| a[i % m * k + i / m]).collect();
        let mut sum = vec![1.0; m * n];
        add_product(
            Matrix::new(&transposed, [k, m]).transposed(),
            Matrix::new(&b, [k, n]),
            &mut sum,
        );
        assert!(
            sum.iter()
                .zip(&expected)
                .all(|(sum, expected)| *sum == expected + 1.0)
        );
    }

    #[test]
    fn products_match_the_definition() {
        let sizes = [
            [1, 1, 1],
            [3, 0, 2],
            [3, 5, 2],
            [17, 33, 65],
            [130, 70, 129],
            [7, 600, 1],
        ];
        for [m, k, n] in sizes {
            check(m, k, n);
        }
    }

    #[test]
    fn elements_between_output_rows_are_not_written() {
        let mut output = [9.0; 8];
        let (a, b) = ([1.0, 2.0], [3.0, 4.0]);
        let x = Output {
            values: &mut output,
            stride: 4,
        };
        product_into(
            Matrix::new(&a, [2, 1]),
            Matrix::new(&b, [1, 2]),
            x,
            Write::Replace,
        );
        assert_eq!(output, [3.0, 4.0, 9.0, 9.0, 6.0, 8.0, 9.0, 9.0]);
    }

    #[test]
    #[should_panic(expected = "in 5 elements")]
    fn a_matrix_beyond_its_slice_panics() {
        let _ = Matrix::new(&[0.0; 5], [2, 3]);
    }

    #[test]
    #[should_panic(expected = "a product fits its place")]
    fn a_product_beyond_its_output_panics() {
        let factor = [0.0; 6];
        let mut output = [0.0; 3];
        let (a, b) = (Matrix::new(&factor, [2, 3]), Matrix::new(&factor, [3, 2]));
        product_into(
            a,
            b,
            Output {
                values: &mut output,
                stride: 2,
            },
            Write::Replace,
        );
    }

    #[test]
    #[should_panic(expected = "a product fits its place")]
    fn overlapping_output_rows_panic() {
        let factor = [0.0; 4];
        let mut output = [0.0; 4];
        let (a, b) = (Matrix::new(&factor, [4, 1]), Matrix::new(&factor, [1, 1]));
        product_into(
            a,
            b,
            Output {
                values: &mut output,
                stride: 0,
            },
            Write::Replace,
        );
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let (m, k, n) = (300, 400, 500);
        let of = |n: usize, from| {
            numbers(n, from)
                .iter()
                .map(|x| x * 0.37 + 0.011)
                .collect::<Vec<f32>>()
        };
        let (a, b) = (of(m * k, 3), of(k * n, 5));
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("threads");
            pool.install(|| product(Matrix::new(&a, [m, k]), Matrix::new(&b, [k, n])))
        };
        let one = on(1);
        assert!([2, 3, 8].into_iter().all(|threads| on(threads) == one));
    }
}
