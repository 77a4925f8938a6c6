//! An output layer that is fitted to a frozen encoder's vectors at once, by linear SVMs, in place of many gradient steps.

use super::rows::Rows;
use super::svm::{self, Settings};

/// Smallest standard deviation that a number is divided by: one that never changes tells nothing.
const MIN_DEVIATION: f32 = 1e-6;

/// How an output layer is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The SVM's `C`.
    pub cost: f32,
    /// Whether the documents with a label count as much, together, as those without it.
    pub balanced: bool,
    /// Draws the order of the documents.
    pub seed: u64,
}

/// A linear layer from `F` numbers to `C` labels.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputLayer {
    /// `[C, F]`.
    pub weight: Vec<f32>,
    /// `[C]`.
    pub bias: Vec<f32>,
}

impl OutputLayer {
    /// Learns `classes` labels from vectors `[N, width]` and the label rows of each. Vectors are standardised to a mean squared length of 1; the layer reads them as they are.
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

    /// Outputs for vectors `[N, F]`, `[N][C]`.
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

    /// The layer whose outputs are `weight` times these plus `bias`.
    pub fn rescaled(mut self, weight: f32, bias: f32) -> Self {
        self.weight.iter_mut().for_each(|x| *x *= weight);
        self.bias.iter_mut().for_each(|x| *x = *x * weight + bias);
        self
    }
}

/// What numbers are moved and scaled by.
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

    /// Vectors of three numbers far from the origin and of unlike size; the second one tells the label.
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
    fn a_label_is_found_whatever_the_scale_of_the_numbers() {
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
