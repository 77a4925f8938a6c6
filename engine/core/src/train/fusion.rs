//! Late fusion: combines the logits of several classifiers with the same labels into one
//! probability, fitted on the validation set by maximum likelihood. For one classifier this is
//! temperature scaling (Guo et al. 2017) or, with a bias, Platt scaling (Platt 1999).

use super::metrics::probabilities;
use crate::model::ProblemType;
use serde::{Deserialize, Serialize};

/// Logits of one classifier, `[documents][C]`.
pub type Logits = Vec<Vec<f32>>;

/// A weighted sum of logits, `sum_k w_k z_k + bias`, followed by a sigmoid or a softmax.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fusion {
    /// Non-negative weight of each classifier.
    pub weights: Vec<f64>,
    /// Bias added to every logit of a multi-label classifier.
    pub bias: f64,
    /// Bias per label of a single-label classifier; empty means none. See [`logit_adjustment`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_bias: Vec<f64>,
}

/// Returns the bias per label that offsets the label frequencies, `-exponent ln(share)` (Menon
/// et al. 2021, "Long-tail learning via logit adjustment"); empty for an exponent of 0.
pub fn logit_adjustment(shares: &[f64], exponent: f64) -> Vec<f64> {
    if exponent == 0.0 {
        Vec::new()
    } else {
        shares
            .iter()
            .map(|share| -exponent * libm::log(*share))
            .collect()
    }
}

/// Minimum weight of a single classifier; below it the logits are used unscaled.
const MIN_WEIGHT: f64 = 1e-3;
/// Maximum number of Newton steps; about ten suffice in practice.
const MAX_STEPS: usize = 50;
/// L2 penalty on the distance of the weights from their start, in units of one document's loss. It
/// keeps the weights finite if the validation set is separable.
const RIDGE: f64 = 0.1;
/// Maximum number of halvings of a step that does not reduce the loss.
const MAX_HALVINGS: usize = 20;

impl Fusion {
    /// Passes the logits of one classifier through unchanged.
    pub fn identity() -> Self {
        Self {
            weights: vec![1.0],
            bias: 0.0,
            label_bias: Vec::new(),
        }
    }

    /// Fits the weights of `parts` to the true labels of the same documents. Classifiers whose
    /// weight would be negative get weight 0.
    pub fn fit(parts: &[&Logits], truth: &[Vec<usize>], problem: ProblemType) -> Self {
        let mut used: Vec<usize> = (0..parts.len()).collect();
        loop {
            let chosen: Vec<&Logits> = used.iter().map(|&part| parts[part]).collect();
            let found = newton(&chosen, truth, problem);
            let (weights, bias) = found.split_at(chosen.len());
            let negative = (0..used.len())
                .filter(|&i| weights[i] < 0.0)
                .min_by(|&a, &b| weights[a].total_cmp(&weights[b]));
            match negative {
                Some(worst) if used.len() > 1 => {
                    used.remove(worst);
                }
                _ => {
                    let mut all = vec![0.0; parts.len()];
                    // A few wrongly classified documents must not collapse all predictions to the
                    // same label.
                    if let ([part], [weight]) = (used.as_slice(), weights)
                        && *weight < MIN_WEIGHT
                    {
                        all[*part] = 1.0;
                        return Self {
                            weights: all,
                            bias: 0.0,
                            label_bias: Vec::new(),
                        };
                    }
                    used.iter()
                        .zip(weights)
                        .for_each(|(&part, weight)| all[part] = *weight);
                    let bias = bias.first().copied().unwrap_or(0.0);
                    return Self {
                        weights: all,
                        bias,
                        label_bias: Vec::new(),
                    };
                }
            }
        }
    }

    /// Adds `adjustment` to the logits of each label of a single-label task, and rescales the
    /// result to the true labels of the same documents so that the probabilities are calibrated
    /// again.
    pub fn adjusted(
        mut self,
        adjustment: Vec<f64>,
        parts: &[&Logits],
        truth: &[Vec<usize>],
    ) -> Self {
        self.label_bias = adjustment;
        let logits = |document: usize| {
            self.logits(
                &parts
                    .iter()
                    .map(|part| part[document].as_slice())
                    .collect::<Vec<_>>(),
            )
        };
        let outputs: Logits = (0..truth.len()).map(logits).collect();
        let scale =
            Self::fit(&[&outputs], truth, ProblemType::SingleLabelClassification).weights[0];
        self.weights
            .iter_mut()
            .chain(&mut self.label_bias)
            .for_each(|x| *x *= scale);
        self
    }

    /// Returns one document's probabilities from the logits of each classifier, `[parts][C]`.
    pub fn probabilities(&self, parts: &[&[f32]], problem: ProblemType) -> Vec<f64> {
        probabilities(&self.logits(parts), problem)
    }

    /// Returns the probabilities before calibration: those of the weighted mean of the logits,
    /// without the bias.
    pub fn raw(&self, parts: &[&[f32]], problem: ProblemType) -> Vec<f64> {
        let sum = self.weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let per_weight = |numbers: &[f64]| numbers.iter().map(|x| x / sum).collect();
        let mean = Self {
            weights: per_weight(&self.weights),
            bias: 0.0,
            label_bias: per_weight(&self.label_bias),
        };
        mean.probabilities(parts, problem)
    }

    /// Returns the weighted sum of the logits, `[C]`.
    fn logits(&self, parts: &[&[f32]]) -> Vec<f32> {
        let classes = parts.first().map_or(0, |part| part.len());
        let sum = |label: usize| {
            let parts = self
                .weights
                .iter()
                .zip(parts)
                .filter(|(weight, _)| **weight > 0.0);
            let of_label = self.label_bias.get(label).copied().unwrap_or(0.0);
            parts
                .map(|(weight, part)| weight * f64::from(part[label]))
                .sum::<f64>()
                + self.bias
                + of_label
        };
        (0..classes).map(|label| sum(label) as f32).collect()
    }

    /// Returns each classifier's share of the decision: its weight times the standard deviation of
    /// its logits, normalised to sum to 1.
    pub fn shares(&self, parts: &[&Logits]) -> Vec<f64> {
        let spread = |part: &Logits| {
            let n = part.iter().map(Vec::len).sum::<usize>().max(1) as f64;
            let mean = part.iter().flatten().map(|x| f64::from(*x)).sum::<f64>() / n;
            (part
                .iter()
                .flatten()
                .map(|x| (f64::from(*x) - mean).powi(2))
                .sum::<f64>()
                / n)
                .sqrt()
        };
        let contributions: Vec<f64> = self
            .weights
            .iter()
            .zip(parts)
            .map(|(weight, part)| weight * spread(part))
            .collect();
        let all: f64 = contributions.iter().sum();
        contributions
            .into_iter()
            .map(|contribution| if all > 0.0 { contribution / all } else { 0.0 })
            .collect()
    }
}

/// Loss, gradient and Hessian at one point.
struct Derivatives {
    loss: f64,
    gradient: Vec<f64>,
    hessian: Vec<Vec<f64>>,
}

impl Derivatives {
    fn zero(n: usize) -> Self {
        Self {
            loss: 0.0,
            gradient: vec![0.0; n],
            hessian: vec![vec![0.0; n]; n],
        }
    }
}

/// Returns the weights of `parts` that minimise the cross-entropy, followed by a bias for a
/// multi-label task.
fn newton(parts: &[&Logits], truth: &[Vec<usize>], problem: ProblemType) -> Vec<f64> {
    let has_bias = problem == ProblemType::MultiLabelClassification;
    let start: Vec<f64> = parts
        .iter()
        .map(|_| 1.0 / parts.len() as f64)
        .chain(has_bias.then_some(0.0))
        .collect();
    let labels: Vec<Vec<usize>> = if has_bias {
        (0..truth.len())
            .map(|document| candidates(parts, document))
            .collect()
    } else {
        Vec::new()
    };
    let evaluate = |weights: &[f64]| {
        let mut sums = match problem {
            ProblemType::MultiLabelClassification => binary(parts, &labels, truth, weights),
            ProblemType::SingleLabelClassification => categorical(parts, truth, weights),
        };
        for (i, (weight, start)) in weights.iter().zip(&start).enumerate() {
            sums.loss += 0.5 * RIDGE * (weight - start).powi(2);
            sums.gradient[i] += RIDGE * (weight - start);
            sums.hessian[i][i] += RIDGE;
        }
        sums
    };
    let mut weights = start.clone();
    let mut current = evaluate(&weights);
    for _ in 0..MAX_STEPS {
        let step = solve(current.hessian.clone(), current.gradient.clone());
        let mut size = 1.0;
        let moved = (0..MAX_HALVINGS).find_map(|_| {
            let moved: Vec<f64> = weights
                .iter()
                .zip(&step)
                .map(|(weight, step)| weight - size * step)
                .collect();
            let next = evaluate(&moved);
            size /= 2.0;
            (next.loss < current.loss).then_some((moved, next))
        });
        let Some((moved, next)) = moved else { break };
        let gain = current.loss - next.loss;
        (weights, current) = (moved, next);
        if gain < 1e-9 * current.loss.abs() {
            break;
        }
    }
    weights
}

/// Returns the labels of a document that take part in the fit: the highest-scoring labels of each
/// classifier. All other labels would dominate the fit by their number and worsen the calibration
/// of the plausible ones.
fn candidates(parts: &[&Logits], document: usize) -> Vec<usize> {
    let mut all: Vec<usize> = Vec::new();
    for part in parts {
        let row = &part[document];
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
        all.extend(order.into_iter().take(MAX_CANDIDATES));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Number of labels per classifier that take part in a fit.
const MAX_CANDIDATES: usize = 8;

/// Binary cross-entropy over the candidate `labels` of each document.
fn binary(
    parts: &[&Logits],
    labels: &[Vec<usize>],
    truth: &[Vec<usize>],
    weights: &[f64],
) -> Derivatives {
    let n = weights.len();
    let mut sums = Derivatives::zero(n);
    let mut inputs = vec![1.0; n];
    for (document, truth) in truth.iter().enumerate() {
        for &label in &labels[document] {
            inputs
                .iter_mut()
                .zip(parts)
                .for_each(|(input, part)| *input = f64::from(part[document][label]));
            let x: f64 = inputs
                .iter()
                .zip(weights)
                .map(|(input, weight)| input * weight)
                .sum();
            let y = if truth.contains(&label) { 1.0 } else { 0.0 };
            let p = 1.0 / (1.0 + (-x).exp());
            sums.loss += x.max(0.0) - x * y + (-x.abs()).exp().ln_1p();
            for i in 0..n {
                sums.gradient[i] += (p - y) * inputs[i];
                for j in 0..n {
                    sums.hessian[i][j] += p * (1.0 - p) * inputs[i] * inputs[j];
                }
            }
        }
    }
    sums
}

/// Categorical cross-entropy over the documents with exactly one label.
fn categorical(parts: &[&Logits], truth: &[Vec<usize>], weights: &[f64]) -> Derivatives {
    let n = weights.len();
    let mut sums = Derivatives::zero(n);
    for (document, truth) in truth.iter().enumerate() {
        let &[label] = truth.as_slice() else { continue };
        let output = |c: usize| {
            parts
                .iter()
                .zip(weights)
                .map(|(part, weight)| weight * f64::from(part[document][c]))
                .sum()
        };
        let logits: Vec<f64> = (0..parts[0][document].len()).map(output).collect();
        let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logits.iter().map(|x| (x - max).exp()).sum();
        sums.loss += max + total.ln() - logits[label];
        let p: Vec<f64> = logits.iter().map(|x| (x - max).exp() / total).collect();
        let mean = |part: &Logits| {
            p.iter()
                .zip(&part[document])
                .map(|(p, z)| p * f64::from(*z))
                .sum::<f64>()
        };
        let means: Vec<f64> = parts.iter().map(|part| mean(part)).collect();
        for i in 0..n {
            sums.gradient[i] += means[i] - f64::from(parts[i][document][label]);
            for j in 0..n {
                let (a, b) = (&parts[i][document], &parts[j][document]);
                let product: f64 = (0..p.len())
                    .map(|c| p[c] * f64::from(a[c]) * f64::from(b[c]))
                    .sum();
                sums.hessian[i][j] += product - means[i] * means[j];
            }
        }
    }
    sums
}

/// Solves `A x = b` for a small positive definite `A` by Gaussian elimination.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for pivot in 0..n {
        let (above, below) = a.split_at_mut(pivot + 1);
        let (known, rest) = b.split_at_mut(pivot + 1);
        for (row, value) in below.iter_mut().zip(rest) {
            let factor = row[pivot] / above[pivot][pivot];
            row.iter_mut()
                .zip(&above[pivot])
                .skip(pivot)
                .for_each(|(x, above)| *x -= factor * above);
            *value -= factor * known[pivot];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|column| a[row][column] * b[column]).sum();
        b[row] = (b[row] - known) / a[row][row];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::random::{Purpose, generator, unit_f64};
    use ProblemType::{MultiLabelClassification, SingleLabelClassification};

    /// Returns documents whose labels are drawn with the probabilities
    /// `sigmoid(scale * z - shift)`.
    fn sample_documents(scale: f64, shift: f64) -> (Logits, Vec<Vec<usize>>) {
        let mut rng = generator(1, Purpose::Preview, 0, 0);
        let mut truth = Vec::new();
        let outputs: Logits = (0..4000)
            .map(|_| {
                let z: Vec<f32> = (0..4)
                    .map(|_| (6.0 * unit_f64(&mut rng) - 3.0) as f32)
                    .collect();
                let p = |z: f32| 1.0 / (1.0 + (-(scale * f64::from(z) - shift)).exp());
                truth.push(
                    (0..4)
                        .filter(|&label| unit_f64(&mut rng) < p(z[label]))
                        .collect(),
                );
                z
            })
            .collect();
        (outputs, truth)
    }

    #[test]
    fn raw_scores_are_independent_of_calibration() {
        let parts: [&[f32]; 2] = [&[1.0, -2.0], &[3.0, 0.0]];
        for problem in [MultiLabelClassification, SingleLabelClassification] {
            let mean = probabilities(&[2.0, -1.0], problem);
            for scale in [0.1, 0.5, 4.0] {
                let fusion = Fusion {
                    weights: vec![scale, scale],
                    bias: -scale,
                    label_bias: Vec::new(),
                };
                let raw = fusion.raw(&parts, problem);
                assert!(
                    raw.iter()
                        .zip(&mean)
                        .all(|(raw, mean)| (raw - mean).abs() < 1e-6),
                    "{scale}: {raw:?} {mean:?}"
                );
            }
            let one = Fusion {
                weights: vec![0.25],
                bias: 0.5,
                label_bias: Vec::new(),
            };
            assert_eq!(
                one.raw(&parts[..1], problem),
                probabilities(parts[0], problem)
            );
        }
    }

    #[test]
    fn fit_recovers_scale_and_bias() {
        let (outputs, truth) = sample_documents(0.5, 1.0);
        let Fusion { weights, bias, .. } =
            Fusion::fit(&[&outputs], &truth, MultiLabelClassification);
        // Three standard errors of 16,000 decisions.
        assert!(
            (weights[0] - 0.5).abs() < 0.04 && (bias + 1.0).abs() < 0.07,
            "{weights:?} {bias}"
        );
    }

    #[test]
    fn an_uninformative_part_gets_almost_no_weight() {
        let (outputs, truth) = sample_documents(1.0, 0.0);
        let noise: Logits = outputs.iter().rev().cloned().collect();
        let fusion = Fusion::fit(&[&outputs, &noise], &truth, MultiLabelClassification);
        assert!(
            (fusion.weights[0] - 1.0).abs() < 0.08 && fusion.weights[1] < 0.05,
            "{fusion:?}"
        );
        let shares = fusion.shares(&[&outputs, &noise]);
        assert!(shares[0] > 0.9 && (shares[0] + shares[1] - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_part_that_is_wrong_is_left_out() {
        let (outputs, truth) = sample_documents(1.0, 0.0);
        let wrong: Logits = outputs
            .iter()
            .map(|row| row.iter().map(|z| -z).collect())
            .collect();
        let fusion = Fusion::fit(&[&wrong, &outputs], &truth, MultiLabelClassification);
        assert_eq!(fusion.weights[0], 0.0);
        assert!(fusion.weights[1] > 0.5);
    }

    #[test]
    fn one_label_of_many_is_a_temperature() {
        let mut rng = generator(2, Purpose::Preview, 0, 0);
        let mut truth = Vec::new();
        let outputs: Logits = (0..6000)
            .map(|_| {
                let z: Vec<f32> = (0..3)
                    .map(|_| (8.0 * unit_f64(&mut rng) - 4.0) as f32)
                    .collect();
                let halved: Vec<f32> = z.iter().map(|z| z / 2.0).collect();
                let p = probabilities(&halved, SingleLabelClassification);
                let draw = unit_f64(&mut rng);
                truth.push(vec![if draw < p[0] {
                    0
                } else {
                    1 + usize::from(draw >= p[0] + p[1])
                }]);
                z
            })
            .collect();
        let fusion = Fusion::fit(&[&outputs], &truth, SingleLabelClassification);
        assert!(
            (fusion.weights[0] - 0.5).abs() < 0.04 && fusion.bias == 0.0,
            "{fusion:?}"
        );
    }

    #[test]
    fn an_adjustment_favours_rare_labels_and_is_rescaled() {
        let bias = logit_adjustment(&[0.9, 0.1], 0.5);
        assert!(
            (bias[1] - bias[0] - 0.5 * 9.0_f64.ln()).abs() < 1e-12
                && logit_adjustment(&[0.9, 0.1], 0.0).is_empty()
        );
        let fusion = Fusion {
            label_bias: bias,
            ..Fusion::identity()
        };
        let scores = fusion.probabilities(&[&[1.0, 0.5]], SingleLabelClassification);
        assert!(
            scores[1] > scores[0] && (scores[0] + scores[1] - 1.0).abs() < 1e-6,
            "{scores:?}"
        );
        // The fit must scale the adjusted outputs to log odds: here those of one document in four,
        // ln 3.
        let truth: Vec<Vec<usize>> = (0..4000_usize)
            .map(|i| vec![usize::from(i.is_multiple_of(4))])
            .collect();
        let outputs: Logits = vec![vec![0.0, -1.0]; 4000];
        let fusion = Fusion::identity().adjusted(vec![0.0, -1.0], &[&outputs], &truth);
        let scores = fusion.probabilities(&[&outputs[0]], SingleLabelClassification);
        assert!((scores[1] - 0.25).abs() < 0.005, "{fusion:?} {scores:?}");
        assert!(
            (fusion.weights[0] + fusion.label_bias[1]).abs() < 1e-12,
            "both are scaled alike"
        );
    }

    #[test]
    fn a_single_part_that_was_wrong_once_still_ranks_labels() {
        let outputs: Logits = vec![vec![3.0, 0.0]];
        for problem in [MultiLabelClassification, SingleLabelClassification] {
            let fusion = Fusion::fit(&[&outputs], &[vec![1]], problem);
            let scores = fusion.probabilities(&[&outputs[0]], problem);
            assert!(scores[0] > scores[1], "{fusion:?}");
        }
    }

    #[test]
    fn separable_and_empty_validation_give_finite_weights() {
        let outputs: Logits = vec![vec![2.0, -2.0], vec![3.0, -1.0]];
        for problem in [MultiLabelClassification, SingleLabelClassification] {
            for truth in [vec![vec![0], vec![0]], vec![vec![], vec![]]] {
                let fusion = Fusion::fit(&[&outputs], &truth, problem);
                assert!(
                    fusion.weights[0].is_finite() && fusion.bias.is_finite(),
                    "{fusion:?}"
                );
            }
        }
    }
}
