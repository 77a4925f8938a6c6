//! What a run learns: where its batches come from, what its loss is, how it is measured. The loop in `run` knows no
//! more of a task than this.

use crate::data::examples::{Batch, MaskedExamples};
use crate::error::Result;
use crate::kernels::RowTargets;
use crate::model::{Layout, ModelConfig, Network, ParamTensors};
use crate::session::loaded_model::Restored;
use crate::session::parts::Ensemble;
use crate::session::plan::Plan;
use crate::session::read::read;
use crate::train::{DeviceBatch, Objective, evaluate_masked_lm, single_label_loss};
use burn::tensor::{Device, Tensor};
use protocol::{MaskedLmMetrics, Metrics};

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
        params: &ParamTensors,
        device: &Device,
        split: Split,
        goes_on: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Metrics>>;

    /// Makes ready for the network with `index`, from 0, of the same run: it draws the order of its examples from `seed`.
    fn begin_network(&mut self, _index: usize, _seed: u64) {}

    /// Whether a network is kept at the step that scored best on validation documents, rather than at its last one.
    fn keeps_best_step(&self) -> bool {
        true
    }

    /// Joins the trained `networks`, a flat array per group of `layout` each, and whatever else the task has learned to the
    /// model that the run leaves; returns its figures. By default there is nothing to join.
    ///
    /// # Errors
    /// When the device no longer answers, or as `goes_on` does.
    async fn conclude(
        &mut self,
        _config: &mut ModelConfig,
        _layout: &Layout,
        _networks: Vec<Vec<Tensor<1>>>,
        _device: &Device,
        _goes_on: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Vec<(Split, Metrics)>> {
        Ok(Vec::new())
    }

    /// What [`Self::conclude`] joined.
    fn take_ensemble(&mut self) -> Option<Ensemble> {
        None
    }
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
        let truth = RowTargets {
            targets: guesses.targets,
            weights: guesses.weights,
            total: guesses.count.max(1.0),
        };
        let masked_lm = model.masked_lm_loss(&encoded, &guesses.positions, truth);
        let Some(truth) = batch.next_sentence() else {
            return masked_lm.into();
        };
        let pairs = model.next_sentence(&encoded);
        let next_sentence = single_label_loss(
            pairs,
            truth,
            batch.row_weights.clone().unsqueeze_dim(1),
            batch.row_total,
        );
        Objective {
            total: masked_lm + next_sentence.clone(),
            next_sentence: Some(next_sentence),
        }
    }

    async fn evaluate(
        &mut self,
        config: &mut ModelConfig,
        params: &ParamTensors,
        device: &Device,
        split: Split,
        goes_on: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Metrics>> {
        match (&mut self.valid, split) {
            (Some(valid), Split::Valid) => {
                let batches = self.evaluation_batches;
                let metrics =
                    masked_lm_metrics(valid, batches, config, params, device, goes_on).await?;
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
    params: &ParamTensors,
    device: &Device,
    goes_on: &mut impl AsyncFnMut() -> Result<bool>,
) -> Result<Option<MaskedLmMetrics>> {
    let mut sums = None;
    let mut totals = [0.0; 6];
    let count = (examples.batches_per_epoch() as u64).min(batches);
    for index in 0..count {
        let batch = DeviceBatch::upload(&examples.batch_once(index as usize), config, device);
        sums = Some(evaluate_masked_lm(config, params, &batch, sums, device));
        // Bounds what is queued, and keeps each f32 sum short enough to be exact.
        if index % BATCHES_PER_READ == BATCHES_PER_READ - 1 || index + 1 == count {
            let read = read(sums.take().expect("a batch was just added")).await?;
            totals
                .iter_mut()
                .zip(read)
                .for_each(|(total, sum)| *total += f64::from(sum));
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

/// The model in training mode; `seed` says what dropout drops.
pub fn training_model<'a>(
    config: &'a ModelConfig,
    params: &'a ParamTensors,
    plan: &Plan,
    seed: u64,
) -> Network<'a> {
    Network::new(config, params).with_dropout(plan.dropout(), seed)
}

/// The model in evaluation mode.
pub fn evaluation_model<'a>(config: &'a ModelConfig, params: &'a ParamTensors) -> Network<'a> {
    Network::new(config, params)
}
