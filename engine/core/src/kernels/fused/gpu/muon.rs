//! Muon on a GPU: adjacent matrices of equal shape are processed by one launch.

use super::super::super::gpu::{blocks, contiguous, count, empty, exclusive, launch, like, word};
use super::super::FusedOptimizer;
use super::matmul::{Matrices, Plus, product, product_with_itself};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use cpu::muon::{EPS, QUINTIC, ROUNDS, Rates};
use shaders::muon::{self, ApplySettings, MatrixSettings, MomentumSettings};

impl FusedOptimizer for CubeBackend {
    fn fused_muon(
        p: CubeTensor,
        m: CubeTensor,
        g: CubeTensor,
        clip: CubeTensor,
        shapes: Vec<[usize; 2]>,
        rates: Rates,
    ) -> (CubeTensor, CubeTensor) {
        let [p, m] = [p, m].map(exclusive);
        let [g, clip] = [g, clip].map(contiguous);
        let used: usize = shapes.iter().map(|[rows, columns]| rows * columns).sum();
        assert!(
            count(&g) == count(&m) && used <= count(&m),
            "a gradient for each element, and room for the matrices"
        );
        let ahead = like(&m);
        let settings = MomentumSettings {
            n: word(count(&m)),
            momentum: rates.momentum,
        };
        launch(
            muon::MOMENTUM,
            &[&clip, &g, &m, &ahead],
            &settings,
            blocks(muon::MOMENTUM, count(&m)),
        );
        let mut start = 0;
        for equal in shapes.chunk_by(|a, b| a == b) {
            let (shape, n) = (equal[0], equal.len() * equal[0][0] * equal[0][1]);
            let update = orthogonal(&ahead, start, equal);
            let scale = (shape[0] as f32 / shape[1] as f32).max(1.0).sqrt();
            let settings = ApplySettings {
                start: word(start),
                n: word(n),
                keep: 1.0 - rates.lr * rates.weight_decay,
                rate: rates.lr * scale,
            };
            launch(
                muon::APPLY,
                &[&update, &p],
                &settings,
                blocks(muon::APPLY, n),
            );
            start += n;
        }
        (p, m)
    }
}

/// Orthogonalises the matrices of `ahead` from `start` on, all of one shape: brings their singular
/// values close to 1 by iterating `X <- a X + (b A + c A A) X` with `A = X X'`, or its transposed
/// form for tall matrices.
fn orthogonal(ahead: &CubeTensor, start: usize, equal: &[[usize; 2]]) -> CubeTensor {
    let shape = equal[0];
    let n = shape[0] * shape[1];
    let groups = [n.div_ceil(muon::BLOCK), equal.len()];
    let settings = MatrixSettings {
        start: word(start),
        n: word(n),
        eps: EPS,
    };
    let squares = empty(ahead, [groups[0] * groups[1]]);
    launch(muon::SQUARES, &[ahead, &squares], &settings, groups);
    let mut x = empty(ahead, [equal.len() * n]);
    launch(muon::NORMALIZE, &[ahead, &squares, &x], &settings, groups);
    let [a, b, c] = QUINTIC;
    let is_tall = shape[0] > shape[1];
    let short = shape[0].min(shape[1]);
    for _ in 0..ROUNDS {
        let matrices = Matrices::several(&x, shape);
        let (left, right) = if is_tall {
            (matrices.transposed(), matrices)
        } else {
            (matrices, matrices.transposed())
        };
        let gram = product_with_itself(left, right, [1.0, 0.0]);
        let squared = Matrices::several(&gram, [short, short]);
        let polynomial = product_with_itself(squared, squared, [c, b]);
        let polynomial = Matrices::several(&polynomial, [short, short]);
        x = if is_tall {
            product(matrices, polynomial, &Plus::Left(a))
        } else {
            product(polynomial, matrices, &Plus::Right(a))
        };
    }
    x
}
