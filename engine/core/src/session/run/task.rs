//! The interface between the training loop and a training task: batches, loss and evaluation. The
//! loop in `run` knows nothing else about a task.

use crate::data::examples::{Batch, MaskedExamples};
use crate::error::Result;
use crate::model::{Layout, ModelConfig, Network, ParamTensors};
use crate::session::classifier::ensemble::Ensemble;
use crate::session::loaded_model::Restored;
use crate::session::read::read;
use crate::train::{DeviceBatch, TrainingLoss, evaluate_masked_lm};
use burn::tensor::{Device, Tensor};
use protocol::{MaskedLmMetrics, Metrics};

/// A training task: what a run optimises and how it is evaluated.
#[allow(async_fn_in_trait, reason = "a session runs on one thread")]
pub trait Task {
    /// Adjusts the initial parameters before the first step, one flat vector per parameter group;
    /// does nothing by default.
    fn prepare(&self, _layout: &Layout, _restored: &Restored, _groups: &mut [Vec<f32>]) {}

    /// Returns the batch of step `step`, from 0. Depends on the step alone, so that a run can
    /// resume anywhere.
    fn batch(&mut self, step: u64) -> Batch;

    /// Returns the loss that the current network minimises.
    fn loss(&self) -> TrainingLoss;

    /// Whether queries are answered with the parameters of the run; otherwise they wait until it is
    /// over.
    fn answers(&self) -> bool {
        true
    }

    /// Whether these metrics are good enough to end the run early.
    fn is_learned(&self, _metrics: &Metrics) -> bool {
        false
    }

    /// Computes the metrics of a held-out split. `None` if it is empty, or if `should_continue`,
    /// called between batches, returned `false`. A classifier also tunes its threshold on the
    /// validation set and stores it in `config`.
    ///
    /// # Errors
    /// Returns an error if the device is lost, or `should_continue` fails.
    async fn evaluate(
        &mut self,
        config: &mut ModelConfig,
        params: &ParamTensors,
        device: &Device,
        split: Split,
        should_continue: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Metrics>>;

    /// Prepares the network with this `index`, from 0; `seed` determines the order of its examples.
    fn begin_network(&mut self, _index: usize, _seed: u64) {}

    /// Whether a network is kept at the step that scored best on the validation set, rather than at
    /// its last one.
    fn restores_best_step(&self) -> bool {
        true
    }

    /// Combines the trained `networks` (one flat array per group of `layout` each) and other
    /// trained parts into the final model, and returns its metrics. By default there is nothing to
    /// combine.
    ///
    /// # Errors
    /// Returns an error if the device is lost, or `should_continue` fails.
    async fn build_ensemble(
        &mut self,
        _config: &mut ModelConfig,
        _layout: &Layout,
        _networks: Vec<Vec<Tensor<1>>>,
        _device: &Device,
        _should_continue: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Vec<(Split, Metrics)>> {
        Ok(Vec::new())
    }

    /// Takes the ensemble that [`Self::build_ensemble`] built.
    fn take_ensemble(&mut self) -> Option<Ensemble> {
        None
    }
}

/// A held-out split of the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The validation set, for model selection and progress.
    Valid,
    /// The test set, evaluated once at the end.
    Test,
}

impl Split {
    /// Returns its name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }
}

/// Masked language modelling, with next-sentence prediction if the model has that head.
pub struct MaskedLm {
    /// Masked training examples.
    pub train: MaskedExamples,
    /// Masked validation examples at the fixed evaluation mask rate, if there are any.
    pub valid: Option<MaskedExamples>,
    /// Batches per evaluation.
    pub evaluation_batches: u64,
}

impl Task for MaskedLm {
    fn batch(&mut self, step: u64) -> Batch {
        self.train.batch(step)
    }

    fn loss(&self) -> TrainingLoss {
        TrainingLoss::MaskedLm
    }

    async fn evaluate(
        &mut self,
        config: &mut ModelConfig,
        params: &ParamTensors,
        device: &Device,
        split: Split,
        should_continue: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Metrics>> {
        match (&mut self.valid, split) {
            (Some(valid), Split::Valid) => {
                let batches = self.evaluation_batches;
                let metrics =
                    masked_lm_metrics(valid, batches, config, params, device, should_continue)
                        .await?;
                Ok(metrics.map(Metrics::MaskedLm))
            }
            _ => Ok(None),
        }
    }
}

/// Computes masked-LM metrics over at most `batches` batches of `examples`; `None` if
/// `should_continue` returned `false`.
///
/// # Errors
/// Returns an error if the device is lost.
pub async fn masked_lm_metrics(
    examples: &mut MaskedExamples,
    batches: u64,
    config: &ModelConfig,
    params: &ParamTensors,
    device: &Device,
    should_continue: &mut impl AsyncFnMut() -> Result<bool>,
) -> Result<Option<MaskedLmMetrics>> {
    let mut sums = None;
    let mut totals = [0.0; 6];
    let count = (examples.batches_per_epoch() as u64).min(batches);
    for index in 0..count {
        let batch = DeviceBatch::upload(&examples.batch_once(index as usize), config, device);
        sums = Some(evaluate_masked_lm(config, params, &batch, sums, device));
        // Bounds the queue of the device, and keeps each f32 sum short enough to be exact.
        if index % BATCHES_PER_READ == BATCHES_PER_READ - 1 || index + 1 == count {
            let read = read(sums.take().expect("a batch was just added")).await?;
            totals
                .iter_mut()
                .zip(read)
                .for_each(|(total, sum)| *total += f64::from(sum));
            if !should_continue().await? {
                return Ok(None);
            }
        }
    }
    let [loss, correct, n, pair_loss, pairs_correct, pairs] = totals;
    let per_pair = |sum: f64| (pairs > 0.0).then_some(sum / pairs);
    Ok(Some(MaskedLmMetrics {
        n: n as u64,
        masked_lm_loss: loss / n.max(1.0),
        masked_accuracy: correct / n.max(1.0),
        next_sentence_loss: per_pair(pair_loss),
        next_sentence_accuracy: per_pair(pairs_correct),
    }))
}

const BATCHES_PER_READ: u64 = 8;

/// Returns the model in evaluation mode.
pub fn evaluation_model<'a>(config: &'a ModelConfig, params: &'a ParamTensors) -> Network<'a> {
    Network::new(config, params)
}
