//! Comparison of fine-tuning from pre-trained weights, from scratch, and an n-gram baseline: its
//! settings and its results.

use crate::{Message, ScoreInterval};
use serde::{Deserialize, Serialize};

/// Extent of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct CompareConfig {
    /// Number of runs of each condition at its best learning rate, each with its own seed. Default
    /// 3.
    pub seeds: u64,
    /// Fractions of the labelled documents to train on, above 0 and at most 1. Default: all
    /// documents.
    pub label_fractions: Vec<f64>,
    /// Learning rates that each condition tries. Default: four around the backbone's usual rate.
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

/// Number of learning rates that each condition tries by default.
pub const SWEPT_RATES: usize = 4;

impl CompareConfig {
    /// Returns the minimum number of runs: for each label fraction and each condition, every
    /// learning rate with one seed, and the remaining seeds at the best rate. More runs follow if
    /// the best rate is at the edge of the sweep.
    pub fn min_runs(&self) -> u64 {
        let rates = if self.lrs.is_empty() {
            SWEPT_RATES
        } else {
            self.lrs.len()
        };
        2 * self.label_fractions.len() as u64 * (rates as u64 + self.seeds.saturating_sub(1))
    }
}

/// Results of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Results per label fraction, smallest first.
    pub points: Vec<ComparisonPoint>,
    /// Epochs over the labelled documents in each run; if the length was set in steps or minutes,
    /// those of the first run.
    pub epochs: f64,
    /// Number of runs of each condition.
    pub seeds: u64,
    /// Set that the scores are measured on: `test`, or `valid` if there are no test documents.
    pub measured_on: String,
    /// Duration of the pre-training in seconds, if known.
    pub pretraining_secs: Option<f64>,
    /// Conclusion, as a sentence for the user.
    pub sentence: Message,
}

/// Results at one label fraction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonPoint {
    /// Fraction of the labelled documents, above 0 and at most 1.
    pub label_fraction: f64,
    /// Number of labelled documents at this fraction.
    pub documents: u64,
    /// Fine-tuning from the pre-trained weights.
    pub pretrained: ComparisonCondition,
    /// Fine-tuning from random weights, with the same vocabulary, architecture and budget.
    pub scratch: ComparisonCondition,
    /// N-gram baseline: one linear classifier per label.
    pub linear: LinearResult,
}

/// Results of one initialisation (pre-trained or scratch).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonCondition {
    /// Learning rate with the best validation score.
    pub lr: f64,
    /// Learning rates that were tried, ascending, with their micro F1 on the validation set.
    pub sweep: Vec<SweepPoint>,
    /// Runs at [`Self::lr`], one per seed.
    pub runs: Vec<ComparisonRun>,
    /// Micro F1 over the seeds.
    pub micro_f1: Spread,
    /// Macro F1 over the seeds.
    pub macro_f1: Spread,
    /// Mean of micro and macro F1, over the seeds.
    pub mean_f1: Spread,
    /// Precision at 1 over the seeds.
    pub precision_at_1: Spread,
    /// Mean training time of one run, in seconds.
    pub secs_per_run: f64,
    /// Training time of the sweep and all seeds, in seconds.
    pub total_secs: f64,
}

/// One learning rate of a sweep and its validation score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// Peak learning rate.
    pub lr: f64,
    /// Micro F1 on the validation set.
    pub valid_micro_f1: f64,
}

/// One fine-tuning run of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRun {
    /// Seed of the new weights, the document order and dropout.
    pub seed: u64,
    /// Best micro F1 on the validation set.
    pub valid_micro_f1: f64,
    /// Scores of the best step (by validation) on the measured set.
    pub test: Figures,
    /// Scores on the validation set, epoch by epoch.
    pub valid: Vec<EpochFigures>,
    /// Training time in seconds.
    pub elapsed_secs: f64,
    /// Whether the loss diverged: the run then has no scores and counts as zero.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub diverged: bool,
}

/// Scores of an evaluation that a comparison uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Micro F1, over all (document, label) decisions.
    pub micro_f1: f64,
    /// Macro F1: mean over the labels with support.
    pub macro_f1: f64,
    /// Mean of micro and macro F1.
    pub mean_f1: f64,
    /// Share of documents whose most probable label is correct, 0 to 1.
    pub precision_at_1: f64,
    /// Data loss without penalties, in nats.
    pub loss: f64,
}

/// Scores after a number of epochs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochFigures {
    /// Epochs over the training documents.
    pub epoch: f64,
    /// Scores measured at that point.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Mean and standard deviation over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Arithmetic mean over the seeds.
    pub mean: f64,
    /// Sample standard deviation; 0 for a single seed.
    pub sd: f64,
}

impl Spread {
    /// Returns mean and standard deviation of the values; zeros if there are none.
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

/// Scores of the best linear classifier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinearResult {
    /// Scores on the measured set.
    pub test: Figures,
    /// Number of distinct n-grams in the training documents.
    pub features: u64,
    /// Training time in seconds.
    pub elapsed_secs: f64,
    /// Description of its features; empty in comparisons saved before there was a choice.
    #[serde(default)]
    pub member: Message,
    /// 95 % confidence intervals of its F1 scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<ScoreInterval>,
}

/// One fine-tuning run of a comparison and its place in it. A host saves these so that an
/// interrupted comparison can be resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonTrial {
    /// Whether the run starts from the pre-trained weights.
    pub pretrained: bool,
    /// Fraction of the labelled documents.
    pub label_fraction: f64,
    /// Peak learning rate.
    pub lr: f64,
    /// Results of the run.
    pub run: ComparisonRun,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_uses_the_sample_standard_deviation() {
        let spread = Spread::of([1.0, 2.0, 3.0].into_iter());
        assert_eq!((spread.mean, spread.sd), (2.0, 1.0));
        assert_eq!(Spread::of([5.0].into_iter()), Spread { mean: 5.0, sd: 0.0 });
        assert_eq!(Spread::of([].into_iter()), Spread::default());
    }
}
