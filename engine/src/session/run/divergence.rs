//! A run whose loss diverges returns to its last good checkpoint at half the learning rate, and ends when that does not help.

use super::Run;
use crate::error::{Error, Result};
use crate::session::Host;
use crate::session::clock::Clock;
use crate::session::plan::Budget;
use crate::session::read::read_groups;
use crate::session::snapshot::{Decoded, decode};
use crate::session::task::{Task, evaluation_model};
use crate::session::train_progress::{Sums, TrainProgress};
use crate::session::trainer::Trainer;
use crate::train::{DeviceBatch, Objective};
use protocol::{Event, Phase};

/// How often a run returns to an earlier checkpoint.
const MAX_ROLLBACKS: u32 = 2;

/// What the learning rate is multiplied by each time.
const RATE_FACTOR: f64 = 0.5;

/// From so many steps after the warm-up on, a loss is compared with what it was at the start.
const SETTLED_STEPS: u64 = 50;

/// The loss of a language model diverges at so many nats above that of its start, or of uniform guessing.
const LANGUAGE_MODEL_MARGIN: f64 = 0.5;

/// That of a classifier diverges at so many times that: its batches are small, and a confident error costs much.
const CLASSIFIER_FACTOR: f64 = 2.0;

/// And so many nats beyond.
const CLASSIFIER_MARGIN: f64 = 1.0;

/// Before that, and in short runs, a loss diverges at so many times that, plus as many nats.
const EARLY_FACTOR: f64 = 10.0;

impl<H: Host, T: Task> Run<'_, H, T> {
    /// Whether a mean loss (and its part from next-sentence prediction) says that the run has diverged: after the warm-up it
    /// is worse than at the start, or than uniform guessing if that is worse.
    pub(super) fn has_diverged(
        &self,
        (loss, next_sentence): (f64, Option<f64>),
        clock: &Clock,
    ) -> bool {
        let start = self
            .at
            .first_loss
            .map_or(self.floors.uniform, |first| first.max(self.floors.uniform));
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

    /// Whether the present values are worth saving: not every step since the last report was skipped, and their loss on the
    /// next batch, without dropout, has not diverged. The loss of a step says nothing of the values that it leaves.
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
        } = self.task.loss(&evaluation_model(model, &params), &batch);
        let read =
            read_groups(&[total].into_iter().chain(next_sentence).collect::<Vec<_>>()).await?;
        let loss = (
            f64::from(read[0][0]),
            read.get(1).map(|part| f64::from(part[0])),
        );
        Ok(loss.0.is_finite() && !self.has_diverged(loss, clock))
    }

    /// Returns to the last checkpoint, or to the start if there is none, at half the learning rate.
    ///
    /// # Errors
    /// When that was done twice before, or the checkpoint cannot be read.
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
            // What it started from was not kept with the checkpoint that it resumed from.
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
        self.control.host.emit(
            Event::RolledBack {
                run: self.control.run.into(),
                step,
            },
            Vec::new(),
        );
        let message = format!(
            "the loss diverged at step {diverged}: the run returns to step {step} at half the learning rate, {rate:.1e}"
        );
        self.note("rolled-back", message);
        Ok(())
    }

    /// Makes the values of a checkpoint the present ones.
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
    }

    /// Starts the present network over.
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
