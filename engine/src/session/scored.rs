//! A classifier's probabilities on documents with known labels, and the figures that follow from them.

use super::read::read;
use crate::data::examples::LabelledExamples;
use crate::error::Result;
use crate::model::{ModelConfig, ParamTensors, ProblemType};
use crate::train::{
    Decision, DeviceBatch, EvalInput, Logits, calibration_of_best, calibration_of_predicted,
    classifier_metrics, classify, reliability, score_interval, seed_metrics, surest,
};
use burn::tensor::Device;
use protocol::{ClassifierMetrics, ReliabilityBin, SurestShare};
use std::collections::BTreeMap;

/// Threshold of a multi-label model that no validation documents tuned.
pub const UNTUNED_THRESHOLD: f64 = 0.5;

/// When a label counts as predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DecisionRule {
    /// From the model's own threshold, tuned on validation.
    Tuned,
    /// From this probability.
    At(f64),
    /// From each label's own threshold, tuned on validation.
    PerLabel,
    /// By the 2018 system's formula, all of it.
    Seed,
}

/// Labelled documents that a model is measured on.
#[derive(Clone)]
pub struct HeldOut {
    /// With the labels that the model knows.
    pub examples: LabelledExamples,
    /// Labels that it does not know, and how often they occur.
    pub unseen: BTreeMap<String, u64>,
    /// Whether each document carries such a label; empty where none does.
    pub has_unseen: Vec<bool>,
    /// What the linear part makes of each document, `[documents][C]`, where the classifier has one.
    pub margins: Option<Logits>,
    /// What the network makes of each, where it has no steps to come that would change that.
    pub known: Option<Logits>,
}

impl HeldOut {
    /// What one network makes of each document, `[documents][C]`; `None` where `goes_on`, which is asked between batches,
    /// said no.
    ///
    /// # Errors
    /// When the device no longer answers.
    pub async fn logits(
        &self,
        config: &ModelConfig,
        params: &ParamTensors,
        device: &Device,
        goes_on: &mut impl AsyncFnMut() -> Result<bool>,
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
            if !goes_on().await? {
                return Ok(None);
            }
        }
        Ok(Some(out))
    }

    /// The true labels of each document.
    pub fn truth(&self) -> &[Vec<usize>] {
        self.examples.documents().labels()
    }
}

/// A classifier's probabilities on documents with known labels.
pub struct Scored {
    /// Per document, per label.
    pub scores: Vec<Vec<f64>>,
    /// Per document, the true labels.
    pub truth: Vec<Vec<usize>>,
    /// Labels that the model does not know, and how often they occur.
    pub unseen: BTreeMap<String, u64>,
    /// Whether each document carries such a label; empty where none does.
    pub has_unseen: Vec<bool>,
    /// Mean data loss, in nats.
    pub loss: f64,
}

impl Scored {
    /// `scores` beside what is true of the documents.
    pub fn new(held_out: &HeldOut, scores: Vec<Vec<f64>>, problem: ProblemType) -> Self {
        let truth = held_out.truth().to_vec();
        let loss = scores
            .iter()
            .zip(&truth)
            .map(|(scores, truth)| document_loss(scores, truth, problem))
            .sum::<f64>();
        // A document whose only label is unknown has no term in the cross-entropy of a single-label model.
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

    /// Figures by `rule`.
    pub fn metrics(&self, config: &ModelConfig, rule: &DecisionRule) -> ClassifierMetrics {
        match rule {
            DecisionRule::Seed => {
                seed_metrics(&self.scores, &self.truth, &config.labels, self.loss)
            }
            _ => classifier_metrics(self.judged(config), decision(config, rule)),
        }
    }

    /// Figures by `rule` with their intervals and, of fitted probabilities, how far those can be believed.
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

    /// What the probabilities are worth: a reliability diagram, and what is wrong among the surest documents. A label that
    /// the model does not know is wrong in every answer.
    pub fn confidence(&self, config: &ModelConfig) -> (Vec<ReliabilityBin>, Vec<SurestShare>) {
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

/// Keeps a logarithm finite where a probability rounds to 0.
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
