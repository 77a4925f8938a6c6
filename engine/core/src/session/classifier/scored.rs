//! Evaluation of a classifier: probabilities of labelled documents, and the metrics computed from
//! them.

use crate::data::examples::LabelledExamples;
use crate::error::Result;
use crate::model::{ModelConfig, ParamTensors, ProblemType};
use crate::session::read::read;
use crate::train::{
    Decision, DeviceBatch, EvalInput, Logits, calibration_of_best, calibration_of_predicted,
    classifier_metrics, classify, reliability, score_interval, seed_metrics, surest,
};
use burn::tensor::Device;
use protocol::{ClassifierMetrics, ConfidencePoint, ReliabilityBin};
use std::collections::BTreeMap;

/// Decision threshold of a multi-label model that was not tuned on validation documents.
pub const UNTUNED_THRESHOLD: f64 = 0.5;

/// The rule by which a label counts as predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DecisionRule {
    /// The model's threshold, tuned on the validation set, with its scales per label.
    Tuned,
    /// A fixed probability.
    At(f64),
    /// A threshold per label, tuned on the validation set.
    PerLabel,
    /// The rule and the metrics of the 2018 system.
    Seed,
}

/// Labelled documents that a model is evaluated on.
#[derive(Clone)]
pub struct HeldOut {
    /// The examples, with those of their labels that the model knows.
    pub examples: LabelledExamples,
    /// Counts of the labels that the model does not know.
    pub unseen: BTreeMap<String, u64>,
    /// Whether each document has such a label; empty if none has.
    pub has_unseen: Vec<bool>,
    /// Outputs of the linear part, `[documents][C]`, if the classifier has one.
    pub margins: Option<Logits>,
    /// Cached outputs of the network, `[documents][C]`, if it is not trained further.
    pub known: Option<Logits>,
}

impl HeldOut {
    /// Computes the outputs of one network, `[documents][C]`; `None` if `should_continue`, called
    /// between batches, returned `false`.
    ///
    /// # Errors
    /// Returns an error if the device is lost.
    pub async fn logits(
        &self,
        config: &ModelConfig,
        params: &ParamTensors,
        device: &Device,
        should_continue: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Logits>> {
        if let Some(known) = &self.known {
            return Ok(Some(known.clone()));
        }
        let mut out = vec![Vec::new(); self.truth().len()];
        for (places, batch) in self.examples.by_length() {
            let batch = DeviceBatch::upload(&batch, config, device);
            let logits = read(classify(config, params, &batch)).await?;
            for (place, row) in places.into_iter().zip(logits.chunks(config.labels.len())) {
                out[place] = row.to_vec();
            }
            if !should_continue().await? {
                return Ok(None);
            }
        }
        Ok(Some(out))
    }

    /// Returns the true labels of each document.
    pub fn truth(&self) -> &[Vec<usize>] {
        self.examples.documents().labels()
    }
}

/// Probabilities of labelled documents.
pub struct Scored {
    /// Probabilities, `[documents][C]`.
    pub scores: Vec<Vec<f64>>,
    /// True labels of each document.
    pub truth: Vec<Vec<usize>>,
    /// Counts of the labels that the model does not know.
    pub unseen: BTreeMap<String, u64>,
    /// Whether each document has such a label; empty if none has.
    pub has_unseen: Vec<bool>,
    /// Mean cross-entropy per document, in nats.
    pub loss: f64,
}

impl Scored {
    /// Combines `scores` `[documents][C]` with the true labels of the documents.
    pub fn new(held_out: &HeldOut, scores: Vec<Vec<f64>>, problem: ProblemType) -> Self {
        let truth = held_out.truth().to_vec();
        let loss = scores
            .iter()
            .zip(&truth)
            .map(|(scores, truth)| document_loss(scores, truth, problem))
            .sum::<f64>();
        // In single-label models, a document whose only label is unknown has no cross-entropy.
        let counted = match problem {
            ProblemType::SingleLabelClassification => {
                truth.iter().filter(|labels| !labels.is_empty()).count()
            }
            ProblemType::MultiLabelClassification => truth.len(),
        };
        Self {
            scores,
            truth,
            unseen: held_out.unseen.clone(),
            has_unseen: held_out.has_unseen.clone(),
            loss: loss / counted.max(1) as f64,
        }
    }

    /// Computes the metrics by `rule`.
    pub fn metrics(&self, config: &ModelConfig, rule: &DecisionRule) -> ClassifierMetrics {
        match rule {
            DecisionRule::Seed => {
                seed_metrics(&self.scores, &self.truth, &config.labels, self.loss)
            }
            _ => classifier_metrics(self.judged(config), decision(config, rule)),
        }
    }

    /// Computes the metrics by `rule` with confidence intervals and, if the probabilities are
    /// calibrated (`is_fitted`), the calibration errors.
    pub fn full_metrics(
        &self,
        config: &ModelConfig,
        rule: &DecisionRule,
        is_fitted: bool,
    ) -> ClassifierMetrics {
        let metrics = self.metrics(config, rule);
        if *rule == DecisionRule::Seed {
            return metrics;
        }
        let decision = decision(config, rule);
        ClassifierMetrics {
            interval: score_interval(&self.judged(config), &decision),
            expected_calibration_error: is_fitted
                .then(|| calibration_of_best(&self.scores, &self.truth)),
            predicted_calibration_error: is_fitted
                .then(|| calibration_of_predicted(&self.scores, &self.truth, &decision)),
            ..metrics
        }
    }

    /// Computes the reliability diagram, and the error rate among the most confident predictions. A
    /// document with a label that the model does not know always counts as an error.
    pub fn confidence(&self, config: &ModelConfig) -> (Vec<ReliabilityBin>, Vec<ConfidencePoint>) {
        let decision = decision(config, &DecisionRule::Tuned);
        (
            reliability(&self.scores, &self.truth),
            surest(&self.scores, &self.truth, &self.has_unseen, &decision),
        )
    }

    fn judged<'a>(&'a self, config: &'a ModelConfig) -> EvalInput<'a> {
        let Self {
            scores,
            truth,
            unseen,
            loss,
            ..
        } = self;
        EvalInput {
            scores,
            truth,
            labels: &config.labels,
            unseen,
            loss: *loss,
        }
    }
}

fn decision(config: &ModelConfig, rule: &DecisionRule) -> Decision {
    let tuned = config.threshold.unwrap_or(UNTUNED_THRESHOLD);
    match (config.problem_type, rule) {
        (Some(ProblemType::SingleLabelClassification), _) => Decision::Best,
        (_, DecisionRule::At(threshold)) => Decision::Threshold(*threshold),
        (_, DecisionRule::PerLabel) => match &config.thresholds {
            Some(thresholds) => Decision::PerLabel(thresholds.clone()),
            None => Decision::Threshold(tuned),
        },
        _ => match &config.threshold_scales {
            Some(scales) => Decision::Scaled(tuned, scales.clone()),
            None => Decision::Threshold(tuned),
        },
    }
}

/// Keeps the logarithm finite for probabilities that round to 0.
const MIN_PROBABILITY: f64 = 1e-12;

fn document_loss(scores: &[f64], truth: &[usize], problem: ProblemType) -> f64 {
    let ln = |p: f64| p.max(MIN_PROBABILITY).ln();
    match problem {
        ProblemType::SingleLabelClassification => {
            truth.iter().map(|&label| -ln(scores[label])).sum()
        }
        ProblemType::MultiLabelClassification => {
            let term = |(label, &p): (usize, &f64)| {
                if truth.contains(&label) {
                    -ln(p)
                } else {
                    -ln(1.0 - p)
                }
            };
            scores.iter().enumerate().map(term).sum()
        }
    }
}
