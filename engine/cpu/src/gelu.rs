//! The exact GELU and its gradient over slices; `shaders::gelu` and `shaders::gelu_backward` define
//! them.

use crate::GRAIN;
use rayon::prelude::*;

/// Applies `shaders::gelu` to each element.
pub fn gelu(x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(GRAIN)
        .zip(x.par_chunks(GRAIN))
        .for_each(|(y, x)| gelu_block(y, x));
    y
}

vectorized! {
    fn gelu_block<'a>(y: &'a mut [f32], x: &'a [f32]) -> () {
        for (y, x) in y.iter_mut().zip(x) {
            *y = shaders::gelu::cpu(*x);
        }
    }
}

/// Applies `shaders::gelu_backward` to each element of `x` and `dy`, which have the same length.
pub fn backward(x: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut dx = vec![0.0; x.len()];
    let inputs = x.par_chunks(GRAIN).zip(dy.par_chunks(GRAIN));
    dx.par_chunks_mut(GRAIN)
        .zip(inputs)
        .for_each(|(dx, (x, dy))| backward_block(dx, x, dy));
    dx
}

vectorized! {
    fn backward_block<'a>(dx: &'a mut [f32], x: &'a [f32], dy: &'a [f32]) -> () {
        for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
            *dx = shaders::gelu_backward::cpu(*x, *dy);
        }
    }
}
