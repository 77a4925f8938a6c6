//! Pre-trained against scratch against an n-gram baseline: what is asked for, and what comes out.

use crate::ScoreInterval;
use serde::{Deserialize, Serialize};

/// How far a comparison goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct CompareConfig {
    /// Runs of each arm at its best learning rate, each with its own seed. Default 3.
    pub seeds: u64,
    /// Shares of the labelled documents to learn from, above 0 and at most 1. Default: all of them.
    pub label_fractions: Vec<f64>,
    /// Learning rates that each arm tries. Default: four around what suits the backbone.
    pub lrs: Vec<f64>,
}

impl Default for CompareConfig {
    fn default() -> Self {
        Self {
            seeds: 3,
            label_fractions: vec![1.0],
            lrs: Vec::new(),
        }
    }
}

/// Learning rates that each arm tries unless told otherwise.
pub const SWEPT_RATES: usize = 4;

impl CompareConfig {
    /// Runs that it takes at least: for each share of the labels and each arm, the rates with one seed and the other seeds at
    /// the best rate. A pick at the edge of the rates asks for more.
    pub fn least_runs(&self) -> u64 {
        let rates = if self.lrs.is_empty() {
            SWEPT_RATES
        } else {
            self.lrs.len()
        };
        2 * self.label_fractions.len() as u64 * (rates as u64 + self.seeds.saturating_sub(1))
    }
}

/// A whole comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// One per share of the labels, smallest first.
    pub points: Vec<ComparisonPoint>,
    /// Passes over the labelled documents in each run; where steps or minutes were given instead, those of the first run.
    pub epochs: f64,
    /// Runs of each arm.
    pub seeds: u64,
    /// Documents that the figures are measured on: `test`, or `valid` where there are no test documents.
    pub measured_on: String,
    /// Seconds that the pre-training took, where that is known.
    pub pretraining_secs: Option<f64>,
    /// What the numbers say.
    pub sentence: String,
}

/// The comparison at one share of the labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonPoint {
    /// Share of the labelled documents.
    pub label_fraction: f64,
    /// Labelled documents that this is.
    pub documents: u64,
    /// From the pre-trained weights.
    pub pretrained: ComparisonCondition,
    /// From random weights, with the same words, shape and budget.
    pub scratch: ComparisonCondition,
    /// One linear classifier per label on word n-grams.
    pub linear: LinearResult,
}

/// One way to start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonCondition {
    /// The learning rate that validation preferred.
    pub lr: f64,
    /// Every learning rate that was tried, with its micro F1 on validation, by size.
    pub sweep: Vec<SweepPoint>,
    /// One per seed, at [`Self::lr`].
    pub runs: Vec<ComparisonRun>,
    /// Over the seeds.
    pub micro_f1: Spread,
    /// Over the seeds.
    pub macro_f1: Spread,
    /// Over the seeds.
    pub mean_f1: Spread,
    /// Over the seeds.
    pub precision_at_1: Spread,
    /// Mean seconds of training of one run.
    pub secs_per_run: f64,
    /// Seconds of training of the sweep and all seeds.
    pub total_secs: f64,
}

/// A learning rate and what validation said of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// Peak learning rate.
    pub lr: f64,
    /// Micro F1 on validation documents.
    pub valid_micro_f1: f64,
}

/// One fine-tuning run of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRun {
    /// Draws the new weights, the order and the dropout.
    pub seed: u64,
    /// Best micro F1 on validation documents.
    pub valid_micro_f1: f64,
    /// Of the best step by validation, on the measured documents.
    pub test: Figures,
    /// On validation documents, pass by pass.
    pub valid: Vec<EpochFigures>,
    /// Seconds of training.
    pub elapsed_secs: f64,
    /// Whether its loss diverged: it then has no figures and counts as zero.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub diverged: bool,
}

/// The figures of an evaluation that a comparison needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// F1 over all decisions.
    pub micro_f1: f64,
    /// Mean F1 of the labels with support.
    pub macro_f1: f64,
    /// Mean of both.
    pub mean_f1: f64,
    /// Share of documents whose best label is right.
    pub precision_at_1: f64,
    /// Data loss, in nats.
    pub loss: f64,
}

/// Figures after some passes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochFigures {
    /// Passes over the training documents.
    pub epoch: f64,
    /// What was measured.
    #[serde(flatten)]
    pub figures: Figures,
}

/// A mean with its standard deviation over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the sample; 0 for one seed.
    pub sd: f64,
}

impl Spread {
    /// Of these values; zeros for none.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let n = values.clone().count() as f64;
        if n == 0.0 {
            return Self::default();
        }
        let mean = values.clone().sum::<f64>() / n;
        let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
        Self {
            mean,
            sd: if n > 1.0 {
                (squares / (n - 1.0)).sqrt()
            } else {
                0.0
            },
        }
    }
}

/// What the best linear classifier reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinearResult {
    /// On the measured documents.
    pub test: Figures,
    /// Distinct n-grams of the training documents.
    pub features: u64,
    /// Seconds of its training.
    pub elapsed_secs: f64,
    /// What it reads, in words; empty of a comparison from before there was a choice.
    #[serde(default)]
    pub member: String,
    /// 95 % intervals of its F1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<ScoreInterval>,
}

/// A fine-tuning run of a comparison with its place in it: what a host keeps so that an interrupted one can go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonTrial {
    /// Whether it starts from the pre-trained weights.
    pub pretrained: bool,
    /// Share of the labelled documents.
    pub label_fraction: f64,
    /// Peak learning rate.
    pub lr: f64,
    /// What it gave.
    pub run: ComparisonRun,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_that_of_a_sample() {
        let spread = Spread::of([1.0, 2.0, 3.0].into_iter());
        assert_eq!((spread.mean, spread.sd), (2.0, 1.0));
        assert_eq!(Spread::of([5.0].into_iter()), Spread { mean: 5.0, sd: 0.0 });
        assert_eq!(Spread::of([].into_iter()), Spread::default());
    }
}
