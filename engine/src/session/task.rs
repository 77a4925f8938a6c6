//! What a run learns: where its batches come from, what its loss is, how it is measured. The loop in `run` knows no
//! more of a task than this.

use crate::data::examples::{Batch, LabelledExamples, MaskedExamples};
use crate::data::floors::Floors;
use crate::error::Result;
use crate::model::{Dropout, Layout, Leaves, ModelConfig, Network, ProblemType};
use crate::session::plan::Plan;
use crate::session::read::read;
use crate::session::trained::Restored;
use crate::train::{
    Decision, DeviceBatch, Judged, Objective, classifier_metrics, classify, evaluate_masked_lm, masked_lm_loss,
    multi_label_loss, probabilities, seed_metrics, single_label_loss, tune_threshold, tune_thresholds,
};
use burn::tensor::Device;
use protocol::{MaskedLmMetrics, Metrics};
use std::collections::BTreeMap;

/// One thing to learn.
#[allow(async_fn_in_trait, reason = "a session runs on one thread")]
pub trait Task {
    /// Changes the starting values that were drawn before the first step, one flat vector per group; by default none.
    fn prepare(&self, _layout: &Layout, _restored: &Restored, _groups: &mut [Vec<f32>]) {}

    /// The batch of the step with index `step`, from 0: a function of the step alone, so that a run can go on anywhere.
    fn batch(&mut self, step: u64) -> Batch;

    /// The objective on that batch, `[1]`.
    fn loss(&self, model: &Network, batch: &DeviceBatch) -> Objective;

    /// Whether a person's questions are answered with the values of the run; else they wait until it is over.
    fn answers(&self) -> bool {
        true
    }

    /// Whether these figures are all that was wanted, so that the run need not go on.
    fn is_learned(&self, _metrics: &Metrics) -> bool {
        false
    }

    /// Held-out figures of the documents called `split`; `None` where there are none, or where `goes_on`, which is asked
    /// between batches, said no. A classifier remembers the threshold that validation preferred.
    ///
    /// # Errors
    /// When the device no longer answers, or as `goes_on` does.
    async fn evaluate(
        &mut self,
        config: &mut ModelConfig,
        leaves: &Leaves,
        device: &Device,
        split: Split,
        goes_on: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Metrics>>;
}

/// Held-out documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// For choices and progress.
    Valid,
    /// Measured once, at the end.
    Test,
}

impl Split {
    /// Its name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }
}

/// Guessing masked tokens.
pub struct MaskedLm {
    /// Training windows.
    pub train: MaskedExamples,
    /// Held-out windows at the fixed evaluation rate, where there are any.
    pub valid: Option<MaskedExamples>,
    /// Held-out batches per evaluation.
    pub evaluation_batches: u64,
}

impl Task for MaskedLm {
    fn batch(&mut self, step: u64) -> Batch {
        self.train.batch(step)
    }

    fn loss(&self, model: &Network, batch: &DeviceBatch) -> Objective {
        let encoded = model.encode(batch.input());
        let guesses = batch.guesses().clone();
        let logits = model.masked_lm(&encoded, guesses.positions);
        let masked_lm = masked_lm_loss(logits, guesses.targets, guesses.weights, guesses.count.max(1.0));
        let Some(truth) = batch.next_sentence() else { return masked_lm.into() };
        let pairs = model.next_sentence(&encoded);
        let next_sentence = single_label_loss(pairs, truth, batch.row_weights.clone(), batch.row_total);
        Objective { total: masked_lm + next_sentence.clone(), next_sentence: Some(next_sentence) }
    }

    async fn evaluate(
        &mut self,
        config: &mut ModelConfig,
        leaves: &Leaves,
        device: &Device,
        split: Split,
        goes_on: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Metrics>> {
        match (&mut self.valid, split) {
            (Some(valid), Split::Valid) => {
                let batches = self.evaluation_batches;
                let metrics = masked_lm_metrics(valid, batches, config, leaves, device, goes_on).await?;
                Ok(metrics.map(Metrics::MaskedLm))
            }
            _ => Ok(None),
        }
    }
}

/// Held-out masked-LM figures over at most `batches` batches of `examples`; `None` where `goes_on` said no.
///
/// # Errors
/// When the device no longer answers.
pub async fn masked_lm_metrics(
    examples: &mut MaskedExamples,
    batches: u64,
    config: &ModelConfig,
    leaves: &Leaves,
    device: &Device,
    goes_on: &mut impl AsyncFnMut() -> Result<bool>,
) -> Result<Option<MaskedLmMetrics>> {
    let mut sums = None;
    let mut totals = [0.0; 6];
    let count = (examples.batches_per_epoch() as u64).min(batches);
    for index in 0..count {
        let batch = DeviceBatch::upload(&examples.batch_once(index as usize), config, device);
        sums = Some(evaluate_masked_lm(config, leaves, &batch, sums, device));
        // Bounds what is queued, and keeps each f32 sum short enough to be exact.
        if index % BATCHES_PER_READ == BATCHES_PER_READ - 1 || index + 1 == count {
            let read = read(sums.take().expect("a batch was just added")).await?;
            totals.iter_mut().zip(read).for_each(|(total, sum)| *total += f64::from(sum));
            if !goes_on().await? {
                return Ok(None);
            }
        }
    }
    let [loss, right, n, pair_loss, pairs_right, pairs] = totals;
    let of_pairs = |sum: f64| (pairs > 0.0).then_some(sum / pairs);
    Ok(Some(MaskedLmMetrics {
        n: n as u64,
        masked_lm_loss: loss / n.max(1.0),
        masked_accuracy: right / n.max(1.0),
        next_sentence_loss: of_pairs(pair_loss),
        next_sentence_accuracy: of_pairs(pairs_right),
    }))
}

const BATCHES_PER_READ: u64 = 8;

/// Labelled documents that a model is measured on.
pub struct HeldOut {
    /// With the labels that the model knows.
    pub examples: LabelledExamples,
    /// Labels that it does not know, and how often they occur.
    pub unseen: BTreeMap<String, u64>,
}

/// Learning labels.
pub struct Classification {
    /// Training documents.
    pub train: LabelledExamples,
    /// Validation documents, where there are any.
    pub valid: Option<HeldOut>,
    /// Test documents, where there are any.
    pub test: Option<HeldOut>,
    /// What the outputs mean.
    pub problem: ProblemType,
}

/// The bias of the classifier's output layer.
const OUTPUT_BIAS: &str = "classifier.bias";

impl Classification {
    /// What the loss is measured against.
    pub fn floors(&self) -> Floors {
        let rows = self.train.documents().labels().iter().map(Vec::as_slice);
        Floors::of_labels(rows, self.train.classes(), self.problem)
    }
}

impl Task for Classification {
    /// The output bias starts at each label's log odds, so that the first steps need not learn how frequent labels are.
    fn prepare(&self, layout: &Layout, restored: &Restored, groups: &mut [Vec<f32>]) {
        if restored.restored.iter().any(|name| name == OUTPUT_BIAS) {
            return;
        }
        let documents = self.train.documents();
        let mut counts = vec![0.0_f64; self.train.classes()];
        documents.labels().iter().flatten().for_each(|&label| counts[label] += 1.0);
        let n = documents.len() as f64;
        let bias = |count: &f64| {
            let p = (count + 0.5) / (n + 1.0);
            match self.problem {
                ProblemType::MultiLabelClassification => (p / (1.0 - p)).ln() as f32,
                ProblemType::SingleLabelClassification => p.ln() as f32,
            }
        };
        let bias: Vec<f32> = counts.iter().map(bias).collect();
        layout.slice_mut(groups, OUTPUT_BIAS).copy_from_slice(&bias);
    }

    fn batch(&mut self, step: u64) -> Batch {
        let per_epoch = self.train.batches_per_epoch() as u64;
        self.train.batch(step / per_epoch, (step % per_epoch) as usize)
    }

    fn loss(&self, model: &Network, batch: &DeviceBatch) -> Objective {
        let logits = model.classify(&model.encode(batch.input()));
        let (labels, weights) = (batch.labels(), batch.row_weights.clone());
        match self.problem {
            ProblemType::MultiLabelClassification => multi_label_loss(logits, labels, weights, batch.row_total),
            ProblemType::SingleLabelClassification => single_label_loss(logits, labels, weights, batch.row_total),
        }
        .into()
    }

    async fn evaluate(
        &mut self,
        config: &mut ModelConfig,
        leaves: &Leaves,
        device: &Device,
        split: Split,
        goes_on: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Metrics>> {
        let examples = match split {
            Split::Valid => &self.valid,
            Split::Test => &self.test,
        };
        let Some(examples) = examples else { return Ok(None) };
        let Some(scored) = Scored::of(examples, config, leaves, device, goes_on).await? else { return Ok(None) };
        if split == Split::Valid && self.problem == ProblemType::MultiLabelClassification {
            let threshold = tune_threshold(&scored.scores, &scored.truth, config.labels.len());
            config.threshold = Some(threshold);
            let own = tune_thresholds(&scored.scores, &scored.truth, config.labels.len(), threshold);
            config.thresholds = Some(own);
        }
        Ok(Some(Metrics::Classifier(scored.metrics(config, &LabelRule::Tuned))))
    }
}

/// When a label counts as predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LabelRule {
    /// From the model's own threshold, tuned on validation.
    Tuned,
    /// From this probability.
    At(f64),
    /// From each label's own threshold, tuned on validation.
    PerLabel,
    /// By the 2018 system's formula, all of it.
    Seed,
}

/// Threshold of a multi-label model that no validation documents tuned.
pub const UNTUNED_THRESHOLD: f64 = 0.5;

/// A classifier's probabilities on documents with known labels.
pub struct Scored {
    /// Per document, per label.
    pub scores: Vec<Vec<f64>>,
    /// Per document, the true labels.
    pub truth: Vec<Vec<usize>>,
    /// Labels that the model does not know, and how often they occur.
    pub unseen: BTreeMap<String, u64>,
    /// Mean data loss, in nats.
    pub loss: f64,
}

impl Scored {
    /// Runs the classifier over all of `held_out`.
    ///
    /// # Errors
    /// When the device no longer answers.
    pub async fn of_all(held_out: &HeldOut, config: &ModelConfig, leaves: &Leaves, device: &Device) -> Result<Self> {
        let scored = Self::of(held_out, config, leaves, device, &mut async || Ok(true)).await?;
        Ok(scored.expect("nothing stops it"))
    }

    /// Runs the classifier over all of `held_out`; `None` where `goes_on`, which is asked between batches, said no.
    ///
    /// # Errors
    /// When the device no longer answers.
    pub async fn of(
        held_out: &HeldOut,
        config: &ModelConfig,
        leaves: &Leaves,
        device: &Device,
        goes_on: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Self>> {
        let HeldOut { examples, unseen } = held_out;
        let problem = config.problem_type.unwrap_or(ProblemType::MultiLabelClassification);
        let truth = examples.documents().labels().to_vec();
        let classes = config.labels.len();
        let mut scores = Vec::with_capacity(truth.len());
        for index in 0..examples.batches_per_epoch() {
            let batch = DeviceBatch::upload(&examples.batch_in_order(index), config, device);
            let logits = read(classify(config, leaves, &batch)).await?;
            let rows = logits.chunks(classes).take(truth.len() - scores.len());
            scores.extend(rows.map(|row| probabilities(row, problem)).collect::<Vec<_>>());
            if !goes_on().await? {
                return Ok(None);
            }
        }
        let loss = scores.iter().zip(&truth).map(|(scores, truth)| document_loss(scores, truth, problem)).sum::<f64>();
        // A document whose only label is unknown has no term in the cross-entropy of a single-label model.
        let counted = match problem {
            ProblemType::SingleLabelClassification => truth.iter().filter(|labels| !labels.is_empty()).count(),
            ProblemType::MultiLabelClassification => truth.len(),
        };
        let loss = loss / counted.max(1) as f64;
        Ok(Some(Self { scores, truth, unseen: unseen.clone(), loss }))
    }

    /// Figures by `rule`.
    pub fn metrics(&self, config: &ModelConfig, rule: &LabelRule) -> protocol::ClassifierMetrics {
        let Self { scores, truth, unseen, loss } = self;
        let tuned = config.threshold.unwrap_or(UNTUNED_THRESHOLD);
        let decision = match (config.problem_type, rule) {
            (_, LabelRule::Seed) => return seed_metrics(scores, truth, &config.labels, *loss),
            (Some(ProblemType::SingleLabelClassification), _) => Decision::Best,
            (_, LabelRule::Tuned) => Decision::Threshold(tuned),
            (_, LabelRule::At(threshold)) => Decision::Threshold(*threshold),
            (_, LabelRule::PerLabel) => match &config.thresholds {
                Some(thresholds) => Decision::PerLabel(thresholds.clone()),
                None => Decision::Threshold(tuned),
            },
        };
        classifier_metrics(Judged { scores, truth, labels: &config.labels, unseen, loss: *loss }, decision)
    }
}

/// Keeps a logarithm finite where a probability rounds to 0.
const LEAST_PROBABILITY: f64 = 1e-12;

fn document_loss(scores: &[f64], truth: &[usize], problem: ProblemType) -> f64 {
    let ln = |p: f64| p.max(LEAST_PROBABILITY).ln();
    match problem {
        ProblemType::SingleLabelClassification => truth.iter().map(|&label| -ln(scores[label])).sum(),
        ProblemType::MultiLabelClassification => {
            let term = |(label, &p): (usize, &f64)| if truth.contains(&label) { -ln(p) } else { -ln(1.0 - p) };
            scores.iter().enumerate().map(term).sum()
        }
    }
}

/// The model in training mode.
pub fn training_model<'a>(config: &'a ModelConfig, leaves: &'a Leaves, plan: &Plan) -> Network<'a> {
    Network { config, leaves, dropout: plan.dropout() }
}

/// The model in evaluation mode.
pub fn evaluation_model<'a>(config: &'a ModelConfig, leaves: &'a Leaves) -> Network<'a> {
    Network { config, leaves, dropout: Dropout::NONE }
}
