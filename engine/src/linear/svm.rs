//! One linear SVM per label against all others, by dual coordinate descent. Eight labels learn together: a row is read
//! once for all of them, and their sums run in vector registers.

use super::rows::Rows;
use crate::data::random::{Purpose, generator, permutation};
use rayon::prelude::*;

/// Passes over the documents at most.
const MAX_PASSES: u64 = 60;
/// Labels are learned when no projected gradient of a pass is larger: LIBLINEAR's default for this solver.
const TOLERANCE: f32 = 0.1;
/// Labels that learn together.
const LANES: usize = 8;
/// Added to each count of a log-count ratio (Wang & Manning 2012, section 2.1).
const RATIO_SMOOTHING: f32 = 1.0;

/// How a classifier learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    /// Cost of an error against the size of the weights, `C`.
    pub cost: f32,
    /// Whether the documents with a label cost as much, together, as those without it.
    pub balanced: bool,
    /// Whether each feature counts for a label as much as its log-count ratio.
    pub by_ratio: bool,
    /// Smaller weights are not kept. The margin of training is 1.
    pub negligible: f32,
    /// Draws the order of the documents.
    pub seed: u64,
}

/// What the labels of one block have in common: one number each.
type Lanes = [f32; LANES];

/// Weights by feature, without those that are next to nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// One per label.
    pub bias: Vec<f32>,
    /// Where the entries of each feature begin, and where the last one's end.
    pub starts: Vec<u32>,
    /// Labels, feature by feature.
    pub labels: Vec<u32>,
    /// Weights, beside the labels.
    pub values: Vec<f32>,
}

impl Weights {
    /// How far a row lies on each label's side of its boundary, `[C]`.
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

    /// Whether these are the weights of `classes` labels on `features` features.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self, classes: usize, features: usize) -> Result<(), String> {
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
        let sound = ascend && fit && labels.iter().all(|label| (*label as usize) < classes);
        if sound {
            Ok(())
        } else {
            Err("its weights contradict each other".into())
        }
    }

    /// From the entries of each block of labels, which are in order of their features and labels.
    fn of_blocks(blocks: Vec<Entries>, features: usize) -> Self {
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
            let place = &mut next[feature as usize];
            (labels[*place as usize], values[*place as usize]) = (label, weight);
            *place += 1;
        }
        Self {
            bias,
            starts,
            labels,
            values,
        }
    }
}

/// What is left of a block of labels once it has learned: the dense weights would fill memory, labels times features.
struct Entries {
    bias: Vec<f32>,
    /// Feature, label and weight.
    weights: Vec<(u32, u32, f32)>,
}

impl Entries {
    /// Of dense weights `[features + 1][LANES]`, the bias last.
    fn of(dense: &[Lanes], first_label: usize, classes: usize, negligible: f32) -> Self {
        let used = LANES.min(classes - first_label);
        let (bias, weights) = dense.split_last().expect("the bias is always there");
        let mut kept = Vec::new();
        for (feature, lanes) in weights.iter().enumerate() {
            for (lane, weight) in lanes[..used].iter().enumerate() {
                if weight.abs() >= negligible {
                    kept.push((feature as u32, (first_label + lane) as u32, *weight));
                }
            }
        }
        Self {
            bias: bias[..used].to_vec(),
            weights: kept,
        }
    }
}

/// Learns `classes` labels.
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
    Weights::of_blocks(blocks, rows.features)
}

/// Up to eight labels in training.
struct Block<'a> {
    rows: &'a Rows,
    first_label: usize,
    /// 1 for the documents of a label, else -1.
    signs: Vec<Lanes>,
    /// What each feature is scaled by, squared; empty: by nothing.
    scales: Vec<Lanes>,
    /// Length of each document's row under that scale, squared, and the diagonal term.
    squares: Vec<Lanes>,
    costs: Costs,
}

/// Cost of an error at a document with a label, and at one without it.
struct Costs {
    with: Lanes,
    without: Lanes,
}

impl Costs {
    /// `cost`, or shares of it: each kind of document counts half, as `class_weight="balanced"` of scikit-learn has it.
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

    /// Weights `[features + 1][LANES]`; the bias is a feature that is always 1, and comes last.
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

    /// Moves one document's dual variables to their optimum; returns the largest projected gradient.
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
            let moved = (alphas[lane] - gradient / squares[lane]).max(0.0);
            steps[lane] = (moved - alphas[lane]) * signs[lane];
            alphas[lane] = moved;
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

/// Squares of the log-count ratios: how much likelier a feature is in documents of a label than in all others.
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

    /// The optimum of `0.5 w² + C max(0, 1 - w x)²` for one document `x = (0.6, 0.8)` and a bias feature, by hand: `w` is
    /// `alpha` times the row, and `alpha = 1 / (|x|² + 1 + 1 / 2C)`.
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

    /// Nine documents without the label and one with it, all with the same row: the bias and the weight settle where both
    /// sides pull alike, at 0, if each side counts half.
    #[test]
    fn balanced_costs_give_a_rare_label_the_same_pull() {
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
    fn ratios_favour_what_tells_a_label() {
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
