//! Divergence handling: a run whose loss diverges rolls back to its last good checkpoint at half
//! the learning rate, and fails if that does not help.

use super::Run;
use crate::error::{Error, Result};
use crate::session::Host;
use crate::session::read::read_groups;
use crate::session::run::clock::Clock;
use crate::session::run::plan::Budget;
use crate::session::run::snapshot::{Decoded, decode};
use crate::session::run::task::{Task, evaluation_model};
use crate::session::run::train_progress::{Sums, TrainProgress};
use crate::session::run::trainer::{Trainer, gradient_setup};
use crate::train::{DeviceBatch, Objective};
use protocol::message;
use protocol::{Event, Phase};

/// Rollbacks per run, after which a diverging run fails.
const MAX_ROLLBACKS: u32 = 2;

/// Factor applied to the learning rate by each rollback.
const RATE_FACTOR: f64 = 0.5;

/// Steps after the warm-up from which the tight limits below apply.
const SETTLED_STEPS: u64 = 50;

/// A language model has diverged if its loss exceeds the starting loss (or uniform entropy) by this
/// many nats.
const LANGUAGE_MODEL_MARGIN: f64 = 0.5;

/// A classifier has diverged if its loss exceeds the starting loss by this factor: its batches are
/// small, and a confident error costs much.
const CLASSIFIER_FACTOR: f64 = 2.0;

/// Nats added to the limit of [`CLASSIFIER_FACTOR`].
const CLASSIFIER_MARGIN: f64 = 1.0;

/// Before [`SETTLED_STEPS`], and in short runs, a loss has diverged above this factor times the
/// starting loss, plus as many nats.
const EARLY_FACTOR: f64 = 10.0;

impl<H: Host, T: Task> Run<'_, H, T> {
    /// Whether a mean loss (with its next-sentence part) shows that the run has diverged: after the
    /// warm-up it is far above the starting loss, or above uniform entropy if that is higher.
    pub(super) fn has_diverged(
        &self,
        (loss, next_sentence): (f64, Option<f64>),
        clock: &Clock,
    ) -> bool {
        let start = self
            .at
            .first_loss
            .map_or(self.entropy_baselines.uniform, |first| {
                first.max(self.entropy_baselines.uniform)
            });
        let steps = self.trainer.values.step;
        let (is_warm, is_settled) = match self.plan.budget {
            Budget::Steps(_) => {
                let warmup = self.plan.schedule.warmup_steps;
                (steps > warmup, steps > warmup + SETTLED_STEPS)
            }
            Budget::Seconds(secs) => {
                let is_warm = self.network_secs(clock) > self.plan.schedule.warmup_share * secs;
                (is_warm, is_warm && steps > SETTLED_STEPS)
            }
        };
        let limit = match self.plan.phase {
            _ if !is_settled => EARLY_FACTOR * start + EARLY_FACTOR,
            Phase::Pretrain => start + LANGUAGE_MODEL_MARGIN,
            Phase::Finetune => CLASSIFIER_FACTOR * start + CLASSIFIER_MARGIN,
        };
        is_warm && loss - next_sentence.unwrap_or_default() > limit
    }

    /// Whether the current parameters are worth saving: not every step since the last report was
    /// skipped, and the loss of the next batch, without dropout, has not diverged. (The loss of a
    /// step is computed before its update and says nothing about the updated parameters.)
    pub(super) async fn has_sound_values(&mut self, sums: &Sums, clock: &Clock) -> Result<bool> {
        if sums.steps == 0 && sums.skipped > 0 {
            return Ok(false);
        }
        let batch = self.task.batch(self.trainer.values.step);
        let Trainer {
            model, optimizer, ..
        } = &self.trainer;
        let batch = DeviceBatch::upload(&batch, model, &optimizer.device);
        let params = self.trainer.params();
        let Objective {
            total,
            next_sentence,
        } = self
            .task
            .loss()
            .of(&evaluation_model(model, &params), &batch);
        let read =
            read_groups(&[total].into_iter().chain(next_sentence).collect::<Vec<_>>()).await?;
        let loss = (
            f64::from(read[0][0]),
            read.get(1).map(|part| f64::from(part[0])),
        );
        Ok(loss.0.is_finite() && !self.has_diverged(loss, clock))
    }

    /// Rolls back to the last checkpoint, or to the start if there is none, at half the learning
    /// rate.
    ///
    /// # Errors
    /// Returns an error if the run has already been rolled back [`MAX_ROLLBACKS`] times, or the
    /// checkpoint cannot be read.
    pub(super) async fn roll_back(&mut self, clock: &Clock) -> Result<()> {
        let diverged = self.trainer.step();
        if self.at.rollbacks == MAX_ROLLBACKS {
            return Err(Error::Diverged { step: diverged });
        }
        let rollbacks = self.at.rollbacks + 1;
        let rate_scale = self.at.rate_scale * RATE_FACTOR;
        let first_loss = self.at.first_loss;
        match self
            .control
            .host
            .newest_checkpoint(self.control.run)
            .await?
        {
            Some(snapshot) => {
                let device = &self.trainer.optimizer.device;
                self.return_to(decode(&snapshot, self.plan.phase, device)?);
            }
            // The checkpoint that the run resumed from does not hold its initial weights.
            None if self.at.kept.is_some() => return Err(Error::Diverged { step: diverged }),
            None => self.start_over(),
        }
        self.at.elapsed_secs = clock.elapsed(self.control.host.now_secs());
        self.at.rollbacks = rollbacks;
        self.at.rate_scale = rate_scale;
        self.at.has_skipped = true;
        self.at.first_loss = first_loss;
        let step = self.trainer.step();
        let rate = self.next_lr(clock);
        self.control.host.emit(Event::RolledBack {
            run: self.control.run.into(),
            step,
        });
        let message = message!(
            "the loss diverged at step {diverged}; returning to step {step} with half the learning rate ({rate})",
            diverged,
            step,
            rate = format!("{rate:.1e}")
        );
        self.note("rolled-back", message);
        Ok(())
    }

    /// Restores the state of a checkpoint.
    fn return_to(
        &mut self,
        Decoded {
            state,
            values,
            best,
            networks,
            ..
        }: Decoded,
    ) {
        let seed = self.plan.seed.wrapping_add(networks.len() as u64);
        self.task.begin_network(networks.len(), seed);
        self.trainer.values = values;
        self.trainer.steps_before = state.steps_before;
        self.at = TrainProgress::resumed(&state, best, networks);
        let setup = gradient_setup(&self.trainer, &self.task, &self.plan);
        self.gradients.set_setup(setup);
    }

    /// Restarts the current network from its initial weights.
    fn start_over(&mut self) {
        let seed = self.network_seed();
        let layout = &self.trainer.optimizer.layout;
        let (groups, _) = self
            .beginning
            .values(&self.trainer.model, layout, &self.task, seed);
        self.trainer.values = self.trainer.optimizer.state_from(groups);
        self.at.best = None;
        self.at.owes_evaluation = false;
    }
}
