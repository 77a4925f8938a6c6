//! Fits an output layer on a frozen encoder's vectors with linear SVMs, instead of many gradient
//! steps.

use super::rows::Rows;
use super::svm::{self, Settings};

/// Minimum standard deviation used in standardisation; a constant feature carries no information.
const MIN_DEVIATION: f32 = 1e-6;

/// Settings of fitting an output layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Regularisation parameter `C` of the SVM.
    pub cost: f32,
    /// Whether documents with and without a label have the same total weight.
    pub balanced: bool,
    /// Seed of the order in which documents are visited.
    pub seed: u64,
}

/// A linear layer from `F` features to `C` labels.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputLayer {
    /// Weight matrix, `[C, F]`.
    pub weight: Vec<f32>,
    /// Bias, `[C]`.
    pub bias: Vec<f32>,
}

impl OutputLayer {
    /// Learns `classes` labels from vectors `[N, width]` and the label indices of each. The SVMs
    /// see standardised vectors with a mean squared length of 1; the returned layer applies to
    /// unscaled vectors.
    pub fn learn(
        vectors: &[f32],
        width: usize,
        truth: &[Vec<usize>],
        classes: usize,
        fit: Fit,
    ) -> Self {
        let Fit {
            cost,
            balanced,
            seed,
        } = fit;
        let standard = Standard::of(vectors, width);
        let rows = Rows::dense(&standard.applied(vectors), width);
        let learned = svm::train(
            &rows,
            truth,
            classes,
            Settings {
                cost,
                balanced,
                by_ratio: false,
                negligible: 0.0,
                seed,
            },
        );
        let (mut weight, mut bias) = (vec![0.0; classes * width], learned.bias);
        for feature in 0..width {
            for entry in learned.starts[feature] as usize..learned.starts[feature + 1] as usize {
                let (label, value) = (
                    learned.labels[entry] as usize,
                    learned.values[entry] * standard.scale[feature],
                );
                weight[label * width + feature] = value;
                bias[label] -= value * standard.mean[feature];
            }
        }
        Self { weight, bias }
    }

    /// Returns the outputs for vectors `[N, F]`, as `[N][C]`.
    pub fn outputs(&self, vectors: &[f32]) -> Vec<Vec<f32>> {
        let width = self.weight.len() / self.bias.len();
        let dot =
            |row: &[f32], vector: &[f32]| row.iter().zip(vector).map(|(w, x)| w * x).sum::<f32>();
        let of_label = |label: usize, vector: &[f32]| {
            self.bias[label] + dot(&self.weight[label * width..][..width], vector)
        };
        let of_vector = |vector: &[f32]| {
            (0..self.bias.len())
                .map(|label| of_label(label, vector))
                .collect()
        };
        vectors.chunks(width).map(of_vector).collect()
    }

    /// Returns the layer whose outputs are `weight` times these plus `bias`.
    pub fn rescaled(mut self, weight: f32, bias: f32) -> Self {
        self.weight.iter_mut().for_each(|x| *x *= weight);
        self.bias.iter_mut().for_each(|x| *x = *x * weight + bias);
        self
    }
}

/// Mean and scale of each feature for standardisation.
struct Standard {
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl Standard {
    fn of(vectors: &[f32], width: usize) -> Self {
        let n = (vectors.len() / width).max(1) as f64;
        let sums = |term: &dyn Fn(usize, f32) -> f64| {
            let mut sums = vec![0.0_f64; width];
            for row in vectors.chunks(width) {
                sums.iter_mut()
                    .zip(row)
                    .enumerate()
                    .for_each(|(i, (sum, x))| *sum += term(i, *x));
            }
            sums.into_iter().map(|sum| sum / n).collect::<Vec<f64>>()
        };
        let mean = sums(&|_, x| f64::from(x));
        let variance = sums(&|i, x| (f64::from(x) - mean[i]).powi(2));
        let root = (width as f32).sqrt();
        let scale = variance
            .into_iter()
            .map(|variance| 1.0 / ((variance.sqrt() as f32).max(MIN_DEVIATION) * root))
            .collect();
        Self {
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
            scale,
        }
    }

    fn applied(&self, vectors: &[f32]) -> Vec<f32> {
        let of_row = |row: &[f32]| -> Vec<f32> {
            row.iter()
                .zip(&self.mean)
                .zip(&self.scale)
                .map(|((x, mean), scale)| (x - mean) * scale)
                .collect()
        };
        vectors.chunks(self.mean.len()).flat_map(of_row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::random::{Purpose, generator, unit_f64};

    const FIT: Fit = Fit {
        cost: 1.0,
        balanced: false,
        seed: 1,
    };

    /// Returns vectors of three features far from the origin and of different scale; the second one
    /// determines the label.
    fn vectors(n: usize) -> (Vec<f32>, Vec<Vec<usize>>) {
        let mut rng = generator(1, Purpose::Preview, 0, 0);
        let mut noise = || unit_f64(&mut rng) as f32 - 0.5;
        let row = |i: usize| {
            let sign = if i.is_multiple_of(2) { 1.0 } else { -1.0 };
            [100.0 + 5.0 * noise(), 0.01 * (sign + noise()) + 3.0, 7.0]
        };
        (
            (0..n).map(row).collect::<Vec<_>>().concat(),
            (0..n).map(|i| vec![i % 2]).collect(),
        )
    }

    #[test]
    fn a_label_is_learned_at_any_feature_scale() {
        let (vectors, truth) = vectors(200);
        let layer = OutputLayer::learn(&vectors, 3, &truth, 2, FIT);
        let outputs = layer.outputs(&vectors);
        let right = outputs
            .iter()
            .zip(&truth)
            .filter(|(row, truth)| row[truth[0]] > 0.0 && row[1 - truth[0]] < 0.0);
        assert_eq!(right.count(), 200);
        assert!(
            layer
                .weight
                .iter()
                .chain(&layer.bias)
                .all(|x| x.is_finite())
        );
    }

    #[test]
    fn a_rescaled_layer_has_rescaled_outputs() {
        let (vectors, truth) = vectors(20);
        let layer = OutputLayer::learn(&vectors, 3, &truth, 2, FIT);
        let (plain, rescaled) = (
            layer.outputs(&vectors),
            layer.rescaled(2.0, 0.5).outputs(&vectors),
        );
        let close = |(a, b): (&f32, &f32)| (2.0 * a + 0.5 - b).abs() < 1e-2;
        assert!(
            plain
                .iter()
                .flatten()
                .zip(rescaled.iter().flatten())
                .all(close)
        );
    }
}
