//! The exact GELU and its gradient over slices; `shaders::gelu` defines both.

use crate::{GRAIN, vectorized};
use rayon::prelude::*;

/// `shaders::gelu` of each element.
pub fn gelu(x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(GRAIN).zip(x.par_chunks(GRAIN)).for_each(|(y, x)| {
        vectorized(|| y.iter_mut().zip(x).for_each(|(y, x)| *y = shaders::gelu::cpu(*x)));
    });
    y
}

/// `shaders::gelu_backward` of each element of `x` and `dy`, which have one length.
pub fn backward(x: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut dx = vec![0.0; x.len()];
    dx.par_chunks_mut(GRAIN).zip(x.par_chunks(GRAIN).zip(dy.par_chunks(GRAIN))).for_each(|(dx, (x, dy))| {
        vectorized(|| {
            for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
                *dx = shaders::gelu_backward::cpu(*x, *dy);
            }
        });
    });
    dx
}
