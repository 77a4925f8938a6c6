//! One-vs-rest linear SVMs by dual coordinate descent. Eight labels are trained together, so that
//! each row is read once for all of them and their sums use vector registers.

use super::rows::Rows;
use crate::data::random::{Purpose, generator, permutation};
use protocol::{Message, message};
use rayon::prelude::*;

/// Maximum number of passes over the documents.
const MAX_PASSES: u64 = 60;
/// Training stops when no projected gradient of a pass exceeds this; LIBLINEAR's default for this
/// solver.
const TOLERANCE: f32 = 0.1;
/// Number of labels trained together.
const LANES: usize = 8;
/// Added to each count of a log-count ratio (Wang & Manning 2012, section 2.1).
const RATIO_SMOOTHING: f32 = 1.0;

/// Training settings of the SVMs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    /// Regularisation parameter `C`.
    pub cost: f32,
    /// Whether documents with and without a label have the same total cost.
    pub balanced: bool,
    /// Whether features are scaled by each label's log-count ratios.
    pub by_ratio: bool,
    /// Weights below this are dropped; the training margin is 1.
    pub negligible: f32,
    /// Seed of the order in which documents are visited.
    pub seed: u64,
}

/// One value for each label of a block.
type Lanes = [f32; LANES];

/// Sparse weights in compressed form, ordered by feature; small weights are dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Bias of each label, `[C]`.
    pub bias: Vec<f32>,
    /// Offset of the first entry of each feature, and the number of entries as the last element.
    pub starts: Vec<u32>,
    /// Label of each entry.
    pub labels: Vec<u32>,
    /// Weight of each entry.
    pub values: Vec<f32>,
}

impl Weights {
    /// Returns the signed distance of a row from each label's decision boundary, `[C]`.
    pub fn margins(&self, row: &[(u32, f32)]) -> Vec<f32> {
        let mut margins = self.bias.clone();
        for &(feature, x) in row {
            let range =
                self.starts[feature as usize] as usize..self.starts[feature as usize + 1] as usize;
            for (label, weight) in self.labels[range.clone()].iter().zip(&self.values[range]) {
                margins[*label as usize] += x * weight;
            }
        }
        margins
    }

    /// Checks that these are consistent weights of `classes` labels and `features` features.
    ///
    /// # Errors
    /// Returns a message if the arrays are inconsistent.
    pub fn check(&self, classes: usize, features: usize) -> Result<(), Message> {
        let Self {
            bias,
            starts,
            labels,
            values,
        } = self;
        let end = starts.last().map(|end| *end as usize);
        let ascend = starts.first() == Some(&0)
            && starts.is_sorted()
            && Some(starts.len()) == features.checked_add(1);
        let fit =
            end == Some(labels.len()) && labels.len() == values.len() && bias.len() == classes;
        let is_valid = ascend && fit && labels.iter().all(|label| (*label as usize) < classes);
        if is_valid {
            Ok(())
        } else {
            Err(message!("its weights are inconsistent"))
        }
    }

    /// Merges the entries of the blocks of labels, each sorted by feature and label.
    fn from_blocks(blocks: Vec<Entries>, features: usize) -> Self {
        let bias = blocks
            .iter()
            .flat_map(|block| block.bias.iter().copied())
            .collect();
        let mut starts = vec![0_u32; features + 1];
        blocks
            .iter()
            .flat_map(|block| &block.weights)
            .for_each(|(feature, ..)| starts[*feature as usize + 1] += 1);
        for feature in 0..features {
            starts[feature + 1] += starts[feature];
        }
        let all = starts[features] as usize;
        let (mut labels, mut values, mut next) = (vec![0; all], vec![0.0; all], starts.clone());
        for (feature, label, weight) in blocks.into_iter().flat_map(|block| block.weights) {
            let slot = &mut next[feature as usize];
            (labels[*slot as usize], values[*slot as usize]) = (label, weight);
            *slot += 1;
        }
        Self {
            bias,
            starts,
            labels,
            values,
        }
    }
}

/// Sparse weights of a trained block of labels. Dense weights of all labels and features would not
/// fit into memory.
struct Entries {
    bias: Vec<f32>,
    /// Feature, label and weight of each entry.
    weights: Vec<(u32, u32, f32)>,
}

impl Entries {
    /// Selects the entries of dense weights `[features + 1][LANES]`, where the bias comes last.
    fn of(dense: &[Lanes], first_label: usize, classes: usize, negligible: f32) -> Self {
        let used = LANES.min(classes - first_label);
        let (bias, weights) = dense.split_last().expect("the bias is always there");
        let mut entries = Vec::new();
        for (feature, lanes) in weights.iter().enumerate() {
            for (lane, weight) in lanes[..used].iter().enumerate() {
                if weight.abs() >= negligible {
                    entries.push((feature as u32, (first_label + lane) as u32, *weight));
                }
            }
        }
        Self {
            bias: bias[..used].to_vec(),
            weights: entries,
        }
    }
}

/// Trains the classifiers of `classes` labels.
pub(super) fn train(
    rows: &Rows,
    truth: &[Vec<usize>],
    classes: usize,
    settings: Settings,
) -> Weights {
    let blocks = (0..classes.div_ceil(LANES)).into_par_iter();
    let learn = |block| {
        let first_label = block * LANES;
        let weights = Block::new(rows, truth, first_label, settings).learn(settings.seed);
        Entries::of(&weights, first_label, classes, settings.negligible)
    };
    let blocks: Vec<Entries> = blocks.map(learn).collect();
    Weights::from_blocks(blocks, rows.features)
}

/// Training of up to eight labels.
struct Block<'a> {
    rows: &'a Rows,
    first_label: usize,
    /// 1 for documents with the label, -1 for others.
    signs: Vec<Lanes>,
    /// Squared scale of each feature; empty without scaling.
    scales: Vec<Lanes>,
    /// Squared length of each document's scaled row, plus the diagonal term of the dual problem.
    squares: Vec<Lanes>,
    costs: Costs,
}

/// Cost of an error on a document with the label, and on one without it.
struct Costs {
    with: Lanes,
    without: Lanes,
}

impl Costs {
    /// Returns the cost `C` for both, or balanced costs like scikit-learn's
    /// `class_weight="balanced"`, where both kinds of documents have the same total cost.
    fn of(signs: &[Lanes], cost: f32, balanced: bool) -> Self {
        if !balanced {
            return Self {
                with: [cost; LANES],
                without: [cost; LANES],
            };
        }
        let half = |sign: f32, lane: usize| {
            let count = signs
                .iter()
                .filter(|signs| signs[lane] == sign)
                .count()
                .max(1);
            cost * signs.len() as f32 / (2 * count) as f32
        };
        Self {
            with: std::array::from_fn(|lane| half(1.0, lane)),
            without: std::array::from_fn(|lane| half(-1.0, lane)),
        }
    }

    fn at(&self, sign: f32, lane: usize) -> f32 {
        if sign > 0.0 {
            self.with[lane]
        } else {
            self.without[lane]
        }
    }
}

impl<'a> Block<'a> {
    fn new(rows: &'a Rows, truth: &[Vec<usize>], first_label: usize, settings: Settings) -> Self {
        let Settings {
            cost,
            by_ratio,
            balanced,
            ..
        } = settings;
        let sign = |labels: &Vec<usize>| {
            std::array::from_fn(|lane| {
                if labels.contains(&(first_label + lane)) {
                    1.0
                } else {
                    -1.0
                }
            })
        };
        let signs: Vec<Lanes> = truth.iter().map(sign).collect();
        let scales = if by_ratio {
            ratios(rows, &signs)
        } else {
            Vec::new()
        };
        let costs = Costs::of(&signs, cost, balanced);
        let square = |index: usize| {
            let mut sums: Lanes =
                std::array::from_fn(|lane| 1.0 / (2.0 * costs.at(signs[index][lane], lane)) + 1.0);
            for &(feature, x) in rows.row(index) {
                let scale = scales
                    .get(feature as usize)
                    .copied()
                    .unwrap_or([1.0; LANES]);
                sums.iter_mut()
                    .zip(scale)
                    .for_each(|(sum, scale)| *sum += x * x * scale);
            }
            sums
        };
        let squares = (0..rows.len()).map(square).collect();
        Self {
            rows,
            first_label,
            signs,
            scales,
            squares,
            costs,
        }
    }

    /// Returns weights `[features + 1][LANES]`; the bias is a feature that is always 1, and comes
    /// last.
    fn learn(&self, seed: u64) -> Vec<Lanes> {
        let mut weights = vec![[0.0; LANES]; self.rows.features + 1];
        let mut alphas = vec![[0.0; LANES]; self.rows.len()];
        for pass in 0..MAX_PASSES {
            let mut rng = generator(seed, Purpose::Order, pass, self.first_label as u64);
            let order = permutation(&mut rng, self.rows.len() as u32);
            let worst = order.into_iter().fold(0.0, |worst: f32, index| {
                worst.max(self.visit(index as usize, &mut alphas[index as usize], &mut weights))
            });
            if worst < TOLERANCE {
                break;
            }
        }
        weights
    }

    /// Optimises one document's dual variables; returns the largest projected gradient.
    fn visit(&self, index: usize, alphas: &mut Lanes, weights: &mut [Lanes]) -> f32 {
        let row = self.rows.row(index);
        let bias = self.rows.features;
        let mut margins = weights[bias];
        for &(feature, x) in row {
            let weights = &weights[feature as usize];
            margins
                .iter_mut()
                .zip(weights)
                .for_each(|(margin, weight)| *margin += x * weight);
        }
        let (signs, squares) = (&self.signs[index], &self.squares[index]);
        let (mut steps, mut worst) = ([0.0; LANES], 0.0_f32);
        for lane in 0..LANES {
            let cost = self.costs.at(signs[lane], lane);
            let gradient = signs[lane] * margins[lane] - 1.0 + alphas[lane] / (2.0 * cost);
            let projected = if alphas[lane] == 0.0 {
                gradient.min(0.0)
            } else {
                gradient
            };
            worst = worst.max(projected.abs());
            let updated = (alphas[lane] - gradient / squares[lane]).max(0.0);
            steps[lane] = (updated - alphas[lane]) * signs[lane];
            alphas[lane] = updated;
        }
        if steps.iter().all(|step| *step == 0.0) {
            return worst;
        }
        if self.scales.is_empty() {
            for &(feature, x) in row {
                let weights = &mut weights[feature as usize];
                weights
                    .iter_mut()
                    .zip(steps)
                    .for_each(|(weight, step)| *weight += step * x);
            }
        } else {
            for &(feature, x) in row {
                let (weights, scales) = (
                    &mut weights[feature as usize],
                    &self.scales[feature as usize],
                );
                for lane in 0..LANES {
                    weights[lane] += steps[lane] * x * scales[lane];
                }
            }
        }
        weights[bias]
            .iter_mut()
            .zip(steps)
            .for_each(|(weight, step)| *weight += step);
        worst
    }
}

/// Returns the squared log-count ratios: the log of how much more often a feature occurs in
/// documents of a label than in all others.
fn ratios(rows: &Rows, signs: &[Lanes]) -> Vec<Lanes> {
    let mut with = vec![[RATIO_SMOOTHING; LANES]; rows.features];
    let mut without = with.clone();
    for (index, signs) in signs.iter().enumerate() {
        for &(feature, _) in rows.row(index) {
            for (lane, sign) in signs.iter().enumerate() {
                let counts = if *sign > 0.0 { &mut with } else { &mut without };
                counts[feature as usize][lane] += 1.0;
            }
        }
    }
    let sum = |counts: &[Lanes], lane: usize| {
        counts
            .iter()
            .map(|counts| f64::from(counts[lane]))
            .sum::<f64>() as f32
    };
    let sums: Lanes = std::array::from_fn(|lane| sum(&without, lane) / sum(&with, lane));
    let ratio = |(with, without): (&Lanes, &Lanes)| {
        std::array::from_fn(|lane| (with[lane] / without[lane] * sums[lane]).ln().powi(2))
    };
    with.iter().zip(&without).map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The optimum of `0.5 w² + C max(0, 1 - w x)²` for one document `x = (0.6, 0.8)` with a bias
    /// feature: `w` is `alpha` times the row, and `alpha = 1 / (|x|² + 1 + 1 / 2C)`.
    #[test]
    fn one_document_has_a_closed_solution() {
        let rows = Rows::new([vec![(0, 0.6), (1, 0.8)]].into_iter(), 2);
        let settings = Settings {
            cost: 1.0,
            balanced: false,
            by_ratio: false,
            negligible: 0.0,
            seed: 1,
        };
        let weights = train(&rows, &[vec![0]], 1, settings);
        let alpha = 1.0 / 2.5;
        assert!((weights.bias[0] - alpha).abs() < 1e-6);
        assert!(
            (weights.values[0] - 0.6 * alpha).abs() < 1e-6
                && (weights.values[1] - 0.8 * alpha).abs() < 1e-6
        );
        assert!((weights.margins(rows.row(0))[0] - 2.0 * alpha).abs() < 1e-6);
    }

    /// Nine documents without the label and one with it, all with the same row. With balanced costs
    /// both sides have equal influence, and the margin converges to 0.
    #[test]
    fn balanced_costs_give_a_rare_label_equal_influence() {
        let rows = Rows::new((0..10).map(|_| vec![(0, 1.0)]), 1);
        let truth: Vec<Vec<usize>> = (0..10)
            .map(|i| if i == 0 { vec![0] } else { vec![] })
            .collect();
        let margin = |balanced| {
            let settings = Settings {
                cost: 1.0,
                balanced,
                by_ratio: false,
                negligible: 0.0,
                seed: 1,
            };
            train(&rows, &truth, 1, settings).margins(rows.row(0))[0]
        };
        assert!(
            margin(false) < -0.5 && margin(true).abs() < 0.1,
            "{} {}",
            margin(false),
            margin(true)
        );
    }

    #[test]
    fn ratios_favour_discriminative_features() {
        let rows = [vec![(0, 1.0), (1, 1.0)], vec![(0, 1.0), (2, 1.0)]];
        let rows = Rows::new(rows.into_iter(), 3);
        let mut signs = [[-1.0; LANES]; 2];
        signs[0][0] = 1.0;
        let squares = ratios(&rows, &signs);
        assert!(squares[0][0].abs() < 1e-6, "in both");
        assert!(
            (squares[1][0].sqrt() - 2.0_f32.ln()).abs() < 1e-6
                && (squares[2][0] - squares[1][0]).abs() < 1e-6
        );
    }
}
