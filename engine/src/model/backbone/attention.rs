//! Multi-head self-attention (Vaswani et al. 2017, 3.2.2), with rotary positions where asked (Su et al. 2021, eq. 34).

use super::dropout;
use crate::model::network::Input;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};

/// Queries, keys and values, each `[B * T, D]`.
pub struct Projected {
    /// What each position asks.
    pub queries: Tensor<2>,
    /// What each position offers.
    pub keys: Tensor<2>,
    /// What each position gives.
    pub values: Tensor<2>,
}

/// What a layer of attention needs to know besides its input.
pub struct Attention<'a> {
    /// `[B, T, H]`.
    pub dims: [usize; 3],
    /// `[B, 1, 1, T]`: 0 where a key may be seen, a large negative number where it is padding.
    pub mask: Option<&'a Tensor<4>>,
    /// Rotary tables, where positions are rotary.
    pub rotary: Option<&'a Rotary>,
    /// Dropout of the probabilities.
    pub dropout: f64,
}

impl Attention<'_> {
    /// Gives the context `[B * T, D]` and the probabilities before dropout `[B, H, T, T]`, whose rows sum to 1.
    pub fn forward(&self, projected: Projected) -> (Tensor<2>, Tensor<4>) {
        let [b, t, h] = self.dims;
        let width = projected.queries.dims()[1];
        let k = width / h;
        let split = |x: Tensor<2>| x.reshape([b, t, h, k]).swap_dims(1, 2); // [B, H, T, K]
        let rotate = |x: Tensor<4>| if let Some(rotary) = self.rotary { rotary.apply(x) } else { x };
        let queries = rotate(split(projected.queries)) * (1.0 / (k as f64).sqrt());
        let keys = rotate(split(projected.keys));
        let scores = queries.matmul(keys.transpose()); // [B, H, T, T]
        let scores = if let Some(mask) = self.mask { scores + mask.clone() } else { scores };
        let probabilities = softmax(scores, 3);
        let context = dropout(probabilities.clone(), self.dropout).matmul(split(projected.values)); // [B, H, T, K]
        (context.swap_dims(1, 2).reshape([b * t, width]), probabilities)
    }
}

/// Added to the score of a padded key. Far enough from 0 that its probability is exactly 0 in f32.
const MASKED_SCORE: f64 = -1e9;

/// What is added to the scores, `[B, 1, 1, T]`: 0 at tokens, far below 0 at padding; `None` where nothing is padded.
pub fn padding_mask(input: &Input) -> Option<Tensor<4>> {
    let [b, t] = input.ids.dims();
    input.keep.clone().map(|keep| (keep.reshape([b, 1, 1, t]) - 1.0) * -MASKED_SCORE)
}

/// Cosines and sines of the rotary positions, `[1, 1, T, K / 2]` each.
pub struct Rotary {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

/// Base of the rotary angles (Su et al. 2021, section 3.2.2).
const ROTARY_BASE: f64 = 10_000.0;

impl Rotary {
    /// Tables for `t` positions of heads of width `k` (even), on `device`.
    pub fn new(t: usize, k: usize, device: &Device) -> Self {
        let angle = |i: usize| {
            let (position, pair) = (i / (k / 2), i % (k / 2));
            position as f64 * ROTARY_BASE.powf(-2.0 * pair as f64 / k as f64)
        };
        let table = |of: fn(f64) -> f64| {
            let values: Vec<f32> = (0..t * k / 2).map(|i| of(angle(i)) as f32).collect();
            Tensor::<4>::from_data(TensorData::new(values, [1, 1, t, k / 2]), device)
        };
        Self { cos: table(f64::cos), sin: table(f64::sin) }
    }

    /// Rotates the pairs (i, i + K/2) of `x` `[B, H, T, K]`.
    fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        let half = x.dims()[3] / 2;
        let a = x.clone().narrow(3, 0, half); // [B, H, T, K/2]
        let b = x.narrow(3, half, half);
        let rotated_a = a.clone() * self.cos.clone() - b.clone() * self.sin.clone();
        let rotated_b = b * self.cos.clone() + a * self.sin.clone();
        Tensor::cat(vec![rotated_a, rotated_b], 3)
    }
}
