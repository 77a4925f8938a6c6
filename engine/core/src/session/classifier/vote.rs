//! Selects the parts of a classifier and fuses their outputs, on validation documents. If these do
//! not clearly favour a smaller choice, all parts are kept: an ensemble of different models is
//! rarely worse than each of them.

use crate::model::ProblemType;
use crate::session::classifier::scored::UNTUNED_THRESHOLD;
use crate::train::{
    Decision, EvalInput, Fusion, Logits, Outcomes, classifier_metrics, logit_adjustment,
    tune_scaled_threshold, tune_thresholds,
};
use protocol::PartsKind;
use std::collections::BTreeMap;

/// Outputs of the parts for the validation documents.
pub(crate) struct Outputs<'a> {
    /// Outputs of each network, `[documents][C]`.
    pub networks: &'a [Logits],
    /// Margins of the linear part, `[documents][C]`.
    pub margins: Option<&'a Logits>,
    /// True labels of each document.
    pub truth: &'a [Vec<usize>],
    /// Label names, `[C]`.
    pub labels: &'a [String],
    /// Single-label or multi-label.
    pub problem: ProblemType,
    /// Share of the training documents that carry each label, `[C]`; empty if unknown.
    pub shares: &'a [f64],
}

impl<'a> Outputs<'a> {
    /// Returns the input of the metrics for these probabilities, `[documents][C]`, without a loss.
    fn eval_input(&self, scores: &'a [Vec<f64>]) -> EvalInput<'a> {
        static NO_UNSEEN: BTreeMap<String, u64> = BTreeMap::new();
        EvalInput {
            scores,
            truth: self.truth,
            labels: self.labels,
            unseen: &NO_UNSEEN,
            loss: 0.0,
        }
    }
}

/// The fusion of the parts, and the decision thresholds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Vote {
    /// Weights of all networks and, last, of the linear part if there is one; 0 for a part that is
    /// dropped.
    pub fusion: Fusion,
    /// Decision threshold shared by all labels (multi-label).
    pub threshold: Option<f64>,
    /// Factor on that threshold for each label.
    pub scales: Option<Vec<f64>>,
    /// Decision threshold of each label by itself.
    pub thresholds: Option<Vec<f64>>,
    /// Probabilities of the validation documents, `[documents][C]`.
    pub scores: Vec<Vec<f64>>,
    /// Mean of micro and macro F1 on the validation documents.
    pub mean_f1: f64,
}

/// Fits the fusion of `kind`, or of the kind that is best on the validation documents.
pub(crate) fn vote(outputs: &Outputs, kind: Option<PartsKind>) -> Vote {
    let fitted = |kind| Vote::fit(outputs, kind);
    let Some(kind) = kind else {
        let all = fitted(PartsKind::Fusion);
        let mut others = vec![PartsKind::One];
        others.extend(
            (outputs.networks.len() > 1 && outputs.margins.is_some()).then_some(PartsKind::Seeds),
        );
        let outcomes = all.outcomes(outputs);
        let is_better = |other: &Vote| {
            other.mean_f1 > all.mean_f1 && other.outcomes(outputs).surely_beat(&outcomes)
        };
        let better = others.into_iter().map(fitted).filter(is_better);
        return better
            .max_by(|a, b| a.mean_f1.total_cmp(&b.mean_f1))
            .unwrap_or(all);
    };
    fitted(kind)
}

impl Vote {
    /// Fits `kind` and selects the decision rule with the best mean F1: the logit adjustment
    /// (single-label) or the threshold scales (multi-label).
    fn fit(outputs: &Outputs, kind: PartsKind) -> Self {
        match outputs.problem {
            ProblemType::SingleLabelClassification => {
                let exponents = if outputs.shares.is_empty() {
                    &ADJUSTMENTS[..1]
                } else {
                    &ADJUSTMENTS
                };
                let votes = exponents.iter().map(|exponent| {
                    let (fusion, scores) = joined(outputs, kind, *exponent);
                    Self {
                        fusion,
                        threshold: None,
                        scales: None,
                        thresholds: None,
                        scores,
                        mean_f1: 0.0,
                    }
                    .with_mean_f1(outputs)
                });
                best(votes, MIN_GAIN)
            }
            ProblemType::MultiLabelClassification => {
                let Outputs {
                    truth,
                    labels,
                    shares,
                    ..
                } = *outputs;
                let (fusion, scores) = joined(outputs, kind, 0.0);
                let thresholds = Some(tune_thresholds(
                    &scores,
                    truth,
                    labels.len(),
                    UNTUNED_THRESHOLD,
                ));
                let exponents = if shares.is_empty() {
                    &EXPONENTS[..1]
                } else {
                    &EXPONENTS
                };
                let votes = exponents.iter().map(|exponent| {
                    let scales = scales(shares, labels.len(), *exponent);
                    let threshold = Some(tune_scaled_threshold(&scores, truth, &scales));
                    let (fusion, thresholds, scores) =
                        (fusion.clone(), thresholds.clone(), scores.clone());
                    Self {
                        fusion,
                        threshold,
                        scales: Some(scales),
                        thresholds,
                        scores,
                        mean_f1: 0.0,
                    }
                    .with_mean_f1(outputs)
                });
                best(votes, 0.0)
            }
        }
    }

    /// Fills in the mean F1.
    fn with_mean_f1(mut self, outputs: &Outputs) -> Self {
        let decision = self.decision(outputs.problem);
        self.mean_f1 = classifier_metrics(outputs.eval_input(&self.scores), decision).mean_f1;
        self
    }

    /// Returns its predictions for the validation documents.
    fn outcomes(&self, outputs: &Outputs) -> Outcomes {
        let decision = self.decision(outputs.problem);
        Outcomes::new(&outputs.eval_input(&self.scores), &decision)
    }

    /// Returns the rule by which a label counts as predicted.
    pub fn decision(&self, problem: ProblemType) -> Decision {
        match problem {
            ProblemType::SingleLabelClassification => Decision::Best,
            ProblemType::MultiLabelClassification => {
                let threshold = self.threshold.unwrap_or(UNTUNED_THRESHOLD);
                self.scales
                    .clone()
                    .map_or(Decision::Threshold(threshold), |scales| {
                        Decision::Scaled(threshold, scales)
                    })
            }
        }
    }
}

/// Returns the vote with the highest mean F1 if it gains more than `min_gain` over the first one;
/// otherwise the first one.
fn best(mut votes: impl Iterator<Item = Vote>, min_gain: f64) -> Vote {
    let first = votes.next().expect("there are exponents");
    let best = votes.reduce(|best, next| {
        if next.mean_f1 > best.mean_f1 {
            next
        } else {
            best
        }
    });
    best.filter(|best| best.mean_f1 > first.mean_f1 + min_gain)
        .unwrap_or(first)
}

/// Fits the weights of all parts, 0 for those that are not in `kind`, and computes the
/// probabilities of the validation documents, with a logit adjustment by `exponent` unless that is
/// 0.
fn joined(outputs: &Outputs, kind: PartsKind, exponent: f64) -> (Fusion, Vec<Vec<f64>>) {
    let Outputs {
        networks,
        margins,
        truth,
        problem,
        shares,
        ..
    } = *outputs;
    let networks_kept = if kind == PartsKind::One {
        1
    } else {
        networks.len()
    };
    // Networks that differ only in their seed have equal weights.
    let mean = mean(&networks[..networks_kept]);
    let margins_kept = margins.filter(|_| kind == PartsKind::Fusion);
    let parts: Vec<&Logits> = [&mean].into_iter().chain(margins_kept).collect();
    let fitted = Fusion::fit(&parts, truth, problem);
    let adjustment = logit_adjustment(shares, exponent);
    let joined = if adjustment.is_empty() {
        fitted
    } else {
        fitted.adjusted(adjustment, &parts, truth)
    };
    let of_document = |document: usize| {
        let outputs: Vec<&[f32]> = parts.iter().map(|part| part[document].as_slice()).collect();
        joined.probabilities(&outputs, problem)
    };
    let scores = (0..truth.len()).map(of_document).collect();
    let of_network = |index| {
        if index < networks_kept {
            joined.weights[0] / networks_kept as f64
        } else {
            0.0
        }
    };
    let of_linear = margins.map(|_| joined.weights.get(1).copied().unwrap_or(0.0));
    let weights = (0..networks.len())
        .map(of_network)
        .chain(of_linear)
        .collect();
    (Fusion { weights, ..joined }, scores)
}

/// Candidate exponents of the logit adjustment (docs/recipes.md).
const ADJUSTMENTS: [f64; 4] = [0.0, 0.2, 0.4, 0.6];

/// Minimum gain in mean F1 on the validation set for a larger adjustment: smaller gains did not
/// carry over to the test set.
const MIN_GAIN: f64 = 0.005;

/// Candidate exponents for lowering the thresholds of rare labels: the optimal threshold of a label
/// is half of the F1 that it can reach (Lipton et al. 2014), and rare labels reach less.
const EXPONENTS: [f64; 4] = [0.0, 0.1, 0.2, 0.3];

/// Returns the factor on the threshold of each label: its share relative to the most frequent
/// label's, raised to `exponent`.
fn scales(shares: &[f64], classes: usize, exponent: f64) -> Vec<f64> {
    if exponent == 0.0 {
        return vec![1.0; classes];
    }
    let max = shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    shares
        .iter()
        .map(|share| libm::pow(share / max, exponent))
        .collect()
}

/// Returns the mean outputs of several networks.
fn mean(networks: &[Logits]) -> Logits {
    let mut sum = networks[0].clone();
    for network in &networks[1..] {
        sum.iter_mut()
            .flatten()
            .zip(network.iter().flatten())
            .for_each(|(sum, x)| *sum += x);
    }
    let n = networks.len() as f32;
    sum.iter_mut().flatten().for_each(|x| *x /= n);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::random::{Purpose, generator, unit_f64};

    /// Outputs that interpolate between noise (0) and the truth (1) by `right`, for 400 documents
    /// of three labels.
    fn noisy(seed: u64, right: f64) -> Logits {
        let mut rng = generator(seed, Purpose::Preview, 0, 0);
        let output = |document: usize, label: usize, noise: f64| {
            let truth = if document % 3 == label { 1.0 } else { -1.0 };
            (right * truth + (1.0 - right) * 4.0 * (noise - 0.5)) as f32
        };
        (0..400)
            .map(|d| (0..3).map(|l| output(d, l, unit_f64(&mut rng))).collect())
            .collect()
    }

    fn voted(networks: &[Logits], margins: Option<&Logits>, kind: Option<PartsKind>) -> Vote {
        let truth: Vec<Vec<usize>> = (0..400).map(|document| vec![document % 3]).collect();
        let labels = ["a", "b", "c"].map(String::from);
        let problem = ProblemType::MultiLabelClassification;
        vote(
            &Outputs {
                networks,
                margins,
                truth: &truth,
                labels: &labels,
                problem,
                shares: &[],
            },
            kind,
        )
    }

    #[test]
    fn parts_with_independent_errors_are_all_kept() {
        let vote = voted(&[noisy(1, 0.4), noisy(2, 0.4)], Some(&noisy(3, 0.4)), None);
        assert!(
            vote.fusion.weights.iter().all(|weight| *weight > 0.0),
            "{:?}",
            vote.fusion
        );
        let alone = voted(&[noisy(1, 0.4)], None, None);
        assert!(vote.mean_f1 > alone.mean_f1 + 0.03);
        assert_eq!(
            vote.fusion.weights[0], vote.fusion.weights[1],
            "networks count alike"
        );
    }

    #[test]
    fn an_uninformative_part_gets_little_weight() {
        let vote = voted(&[noisy(1, 0.6)], Some(&noisy(3, 0.0)), None);
        assert!(
            vote.fusion.weights[1] < 0.1 * vote.fusion.weights[0],
            "{:?}",
            vote.fusion
        );
        let vote = voted(&[noisy(1, 0.6), noisy(2, 0.0), noisy(4, 0.0)], None, None);
        assert_eq!(
            vote.fusion.weights[1..],
            [0.0, 0.0],
            "the average is surely worse than the first"
        );
    }

    #[test]
    fn a_rare_label_is_favoured_if_that_raises_the_mean_f1() {
        // Every tenth document has the rare label. Its output is higher there, but rarely the
        // highest.
        let is_rare = |document: usize| document.is_multiple_of(10);
        let mut rng = generator(5, Purpose::Preview, 0, 0);
        let network: Logits = (0..400)
            .map(|document| {
                let noise = unit_f64(&mut rng) as f32;
                vec![
                    1.0,
                    if is_rare(document) {
                        0.9 + 0.2 * noise
                    } else {
                        0.2 * noise
                    },
                ]
            })
            .collect();
        let truth: Vec<Vec<usize>> = (0..400)
            .map(|document| vec![usize::from(is_rare(document))])
            .collect();
        let labels = ["often", "rare"].map(String::from);
        let problem = ProblemType::SingleLabelClassification;
        let networks = [network];
        let voted = |shares: &[f64]| {
            vote(
                &Outputs {
                    networks: &networks,
                    margins: None,
                    truth: &truth,
                    labels: &labels,
                    problem,
                    shares,
                },
                None,
            )
        };
        let (plain, adjusted) = (voted(&[]), voted(&[0.9, 0.1]));
        assert!(plain.fusion.label_bias.is_empty() && adjusted.fusion.label_bias.len() == 2);
        assert!(
            adjusted.mean_f1 > plain.mean_f1 + 0.05,
            "{} and {}",
            adjusted.mean_f1,
            plain.mean_f1
        );
    }

    #[test]
    fn the_requested_kind_is_kept() {
        let networks = [noisy(1, 0.4), noisy(2, 0.4)];
        let weights = |kind| {
            voted(&networks, Some(&noisy(3, 0.4)), Some(kind))
                .fusion
                .weights
        };
        let positive = |weights: Vec<f64>| {
            weights
                .iter()
                .map(|weight| *weight > 0.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(positive(weights(PartsKind::One)), [true, false, false]);
        assert_eq!(positive(weights(PartsKind::Seeds)), [true, true, false]);
        assert_eq!(positive(weights(PartsKind::Fusion)), [true, true, true]);
    }
}
