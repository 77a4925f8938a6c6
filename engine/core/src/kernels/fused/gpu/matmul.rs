//! Batched matrix products on a GPU.

use super::super::super::gpu::{adapter_is_software, count, dims, empty, launch, word};
use burn_cubecl::tensor::CubeTensor;
use shaders::matmul::{self, Settings, Tiling};

/// Contiguous matrices of equal shape, `[count, rows, columns]`, or their transposes.
#[derive(Clone, Copy)]
pub(super) struct Matrices<'a> {
    tensor: &'a CubeTensor,
    shape: [usize; 2],
    strides: [usize; 2],
}

impl<'a> Matrices<'a> {
    /// A single matrix.
    pub fn of(tensor: &'a CubeTensor) -> Self {
        Self::several(tensor, dims(tensor))
    }

    /// As many matrices of this shape as `tensor` has elements for.
    pub fn several(tensor: &'a CubeTensor, [rows, columns]: [usize; 2]) -> Self {
        Self {
            tensor,
            shape: [rows, columns],
            strides: [columns, 1],
        }
    }

    pub fn transposed(self) -> Self {
        let ([rows, columns], [down, across]) = (self.shape, self.strides);
        Self {
            shape: [columns, rows],
            strides: [across, down],
            ..self
        }
    }

    fn elements(self) -> usize {
        self.shape[0] * self.shape[1]
    }

    fn count(self) -> usize {
        count(self.tensor) / self.elements()
    }
}

/// Additional computation fused into a matrix product.
pub(super) enum Plus<'a> {
    Nothing,
    /// Adds this bias `[columns]` to each row.
    Bias(&'a CubeTensor),
    /// Writes the row sums of the left matrix, `[rows]`.
    Sums(&'a CubeTensor),
    /// Adds the bias and also writes the GELU of the result, `[rows, columns]`.
    Gelu {
        activated: &'a CubeTensor,
        bias: Option<&'a CubeTensor>,
    },
    /// Adds the left matrix, scaled by this factor.
    Left(f32),
    /// Adds the right matrix, scaled by this factor.
    Right(f32),
}

/// Computes `a b` for each pair of matrices, with the additional computation `plus`. Returns
/// `[count * rows, columns]`.
pub(super) fn product(a: Matrices, b: Matrices, plus: &Plus) -> CubeTensor {
    let c = empty(a.tensor, [a.count() * a.shape[0], b.shape[1]]);
    let tiling = tiling(a, b);
    let mut buffers = vec![a.tensor, b.tensor, &c];
    let (kernel, added) = match plus {
        Plus::Nothing => (tiling.plain, 0.0),
        Plus::Bias(bias) => {
            buffers.push(bias);
            (tiling.bias, 0.0)
        }
        Plus::Sums(sums) => {
            buffers.push(sums);
            (tiling.sums, 0.0)
        }
        Plus::Gelu { activated, bias } => {
            buffers.push(activated);
            buffers.extend(bias);
            (
                if bias.is_some() {
                    tiling.bias_gelu
                } else {
                    tiling.gelu
                },
                0.0,
            )
        }
        Plus::Left(added) => (tiling.plus_left, *added),
        Plus::Right(added) => (tiling.plus_right, *added),
    };
    launch(
        kernel,
        &buffers,
        &settings(a, b, [1.0, added]),
        groups(a, b, tiling),
    );
    c
}

/// Computes `product * a b + added * x` for `factors` `[product, added]`, where `a` and `b` are
/// both `x` or its transpose. Returns `[count * rows, columns]`. Unless `added` is 0, the product
/// must have the shape of `x`.
pub(super) fn product_with_itself(a: Matrices, b: Matrices, factors: [f32; 2]) -> CubeTensor {
    let c = empty(a.tensor, [a.count() * a.shape[0], b.shape[1]]);
    let tiling = tiling(a, b);
    launch(
        tiling.with_itself,
        &[a.tensor, &c],
        &settings(a, b, factors),
        groups(a, b, tiling),
    );
    c
}

fn settings(a: Matrices, b: Matrices, [product, added]: [f32; 2]) -> Settings {
    let ([m, k], [inner, n]) = (a.shape, b.shape);
    assert_eq!(
        k, inner,
        "the columns of one matrix are the rows of the other"
    );
    assert_eq!(a.count(), b.count(), "as many matrices on both sides");
    Settings {
        m: word(m),
        n: word(n),
        k: word(k),
        a_row: word(a.strides[0]),
        a_column: word(a.strides[1]),
        b_row: word(b.strides[0]),
        b_column: word(b.strides[1]),
        a_matrix: word(a.elements()),
        b_matrix: word(b.elements()),
        product,
        added,
    }
}

fn groups(a: Matrices, b: Matrices, tiling: Tiling) -> [usize; 3] {
    [
        b.shape[1].div_ceil(tiling.tile[1]),
        a.shape[0].div_ceil(tiling.tile[0]),
        a.count(),
    ]
}

/// Minimum number of tiles for which [`matmul::LARGE`] is used: about the number of workgroups that
/// run concurrently on a large GPU. An estimate, not a measurement.
const MIN_LARGE_TILES: usize = 128;

/// Selects the tiling by the adapter and the size of the product.
fn tiling(a: Matrices, b: Matrices) -> Tiling {
    if adapter_is_software() {
        matmul::DIRECT
    } else if groups(a, b, matmul::LARGE).iter().product::<usize>() < MIN_LARGE_TILES {
        matmul::SMALL
    } else {
        matmul::LARGE
    }
}
