//! AdamW over a flat array of parameters, and the norm of a gradient.

use crate::GRAIN;
use crate::sums::sum_of;
use rayon::prelude::*;
use shaders::adamw::{self, Settings};

/// Applies `shaders::adamw` to `p`, `m` and `v` in place, with gradients `g` scaled by `clip`; all
/// arrays are `[n]`.
pub fn adamw(
    settings: &Settings,
    clip: f32,
    p: &mut [f32],
    g: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let moments = m.par_chunks_mut(GRAIN).zip(v.par_chunks_mut(GRAIN));
    p.par_chunks_mut(GRAIN)
        .zip(g.par_chunks(GRAIN))
        .zip(moments)
        .for_each(|((p, g), (m, v))| adamw_block(settings, clip, p, g, m, v));
}

vectorized! {
    fn adamw_block<'a>(
        settings: &'a Settings,
        clip: f32,
        p: &'a mut [f32],
        g: &'a [f32],
        m: &'a mut [f32],
        v: &'a mut [f32],
    ) -> () {
        adamw::cpu(settings, clip, p, g, m, v);
    }
}

/// Returns the sum of the squares of `x`.
pub fn squared_norm(x: &[f32]) -> f32 {
    let blocks: Vec<f32> = x.par_chunks(GRAIN).map(sum_of_squares).collect();
    blocks.iter().sum()
}

vectorized! {
    fn sum_of_squares<'a>(x: &'a [f32]) -> f32 {
        sum_of(x, |x| x * x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_norm_counts_every_block() {
        let x = vec![2.0; 2 * GRAIN + 3];
        assert_eq!(squared_norm(&x), 4.0 * (2 * GRAIN + 3) as f32);
    }
}
