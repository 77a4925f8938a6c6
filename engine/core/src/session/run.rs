//! The training loop, the only one in the engine: step, report, evaluate, save a checkpoint, and
//! poll for commands between steps. It decides when; the functions that it calls compute.

pub(crate) mod checkpoint;
pub(crate) mod clock;
pub(crate) mod diagnosis;
mod divergence;
pub(crate) mod initial_weights;
mod measure;
mod networks;
pub mod plan;
pub(crate) mod run_control;
pub(crate) mod snapshot;
pub(crate) mod task;
pub(crate) mod train_progress;
pub(crate) mod trainer;
pub(crate) mod training;

use super::host::{Host, RunOutcome, Snapshot};
use super::loaded_model::LoadedModel;
use crate::data::entropy_baselines::EntropyBaselines;
use crate::data::random::{Purpose, generator};
use crate::error::{Error, Result};
use crate::interop::Weights;
use crate::session::parallel::BatchGradients;
use crate::session::run::clock::Clock;
use crate::session::run::initial_weights::InitialWeights;
use crate::session::run::plan::{Budget, Plan};
use crate::session::run::run_control::RunControl;
use crate::session::run::snapshot::encode;
use crate::session::run::snapshot::run_state::{BestState, RunState, STATE_FORMAT};
use crate::session::run::task::{Split, Task};
use crate::session::run::train_progress::{Sums, TrainProgress};
use crate::session::run::trainer::Trainer;
use crate::train::StepReport;
use protocol::{Command, Event, Figures, Message, Metrics, Phase, RunConfig, message};
use rand_core::Rng;
use std::rc::Rc;

/// A run in progress.
pub struct Run<'a, H: Host, T: Task> {
    /// The configuration as requested.
    pub config: &'a RunConfig,
    /// The checked plan of the run.
    pub plan: Plan,
    /// The task: batches, loss and evaluation.
    pub task: T,
    /// Model, optimiser and their state.
    pub trainer: Trainer,
    /// Progress besides the parameters.
    pub at: TrainProgress,
    /// Receives commands and sends events.
    pub control: RunControl<'a, H>,
    /// Fingerprint of the corpus; a run resumes only on the same one.
    pub corpus: String,
    /// Name of the device.
    pub device_name: &'a str,
    /// Evaluations of a classifier, in order.
    pub scores: Vec<Score>,
    /// The last reported metrics of each split.
    pub measured: Vec<(Split, Metrics)>,
    /// Entropy baselines of the loss.
    pub entropy_baselines: EntropyBaselines,
    /// Whether the task is solved before the plan is done.
    pub learned: bool,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Initial weights of each network.
    pub beginning: InitialWeights,
    /// Computes the gradients of the current network.
    pub gradients: BatchGradients,
}

/// The result of a run.
pub struct Finished {
    /// The trained model, ready for inference.
    pub trained: LoadedModel,
    /// How the run ended.
    pub outcome: RunOutcome,
    /// Evaluations of a classifier, in order.
    pub scores: Vec<Score>,
    /// The last reported metrics of each split.
    pub measured: Vec<(Split, Metrics)>,
}

/// One evaluation of a classifier.
#[derive(Clone, Copy, Debug)]
pub struct Score {
    /// The split that was evaluated.
    pub split: Split,
    /// Epochs of the network done.
    pub epoch: f64,
    /// F1 scores, precision at 1 and loss.
    pub figures: Figures,
}

impl<H: Host, T: Task> Run<'_, H, T> {
    /// Trains until the plan is done or a stop command arrives.
    ///
    /// # Errors
    /// Returns an error if the loss diverges, the device is lost or a checkpoint cannot be saved.
    pub async fn train(mut self) -> Result<Finished> {
        let finished = self.train_to_end().await;
        // Commands that the run did not handle go back to the session, however the run ended.
        self.control.deferred.extend(
            self.control
                .arrived
                .drain(..)
                .filter(|command| *command != Command::Stop),
        );
        finished
    }

    async fn train_to_end(&mut self) -> Result<Finished> {
        let first = self.trainer.step();
        // A run that resumes between two reports emits only what an uninterrupted run would have
        // emitted.
        if first == 0 || self.at.window.is_empty() {
            let message =
                message!("preparing the first step: compiling kernels and reserving memory");
            self.control.host.emit(Event::Compiling {
                run: self.control.run.into(),
                message,
            });
        }
        let mut clock = Clock::start(self.control.host.now_secs(), self.at.elapsed_secs, first);
        // A network that is already done is evaluated below anyway.
        if self.at.owes_evaluation && !self.done(&clock) {
            self.evaluate(Split::Valid, &mut clock).await?;
            clock.skip(clock.elapsed(self.control.host.now_secs()) - self.at.elapsed_secs);
        }
        let mut stopped = self.train_network(&mut clock).await?;
        while !stopped && (self.at.networks.len() as u64) + 1 < self.plan.networks {
            stopped =
                !self.next_network(&mut clock).await? || self.train_network(&mut clock).await?;
        }
        self.at.elapsed_secs = clock.elapsed(self.control.host.now_secs());
        self.close(stopped, &mut clock).await
    }

    /// Trains the current network until its budget is spent. Returns whether a stop command
    /// arrived.
    async fn train_network(&mut self, clock: &mut Clock) -> Result<bool> {
        while !self.done(clock) {
            if self
                .control
                .poll_commands(&self.trainer, clock)
                .await?
                .is_break()
            {
                return Ok(true);
            }
            let report = self.step(clock).await?;
            self.after_step(report, clock).await?;
        }
        Ok(false)
    }

    fn done(&self, clock: &Clock) -> bool {
        if self.learned {
            return true;
        }
        match self.plan.budget {
            Budget::Steps(steps) => self.trainer.values.step >= steps,
            Budget::Seconds(seconds) => {
                self.trainer.values.step > 0 && self.network_secs(clock) >= seconds
            }
        }
    }

    /// Returns the seconds for which the current network has been trained.
    fn network_secs(&self, clock: &Clock) -> f64 {
        clock.elapsed(self.control.host.now_secs()) - self.at.began_secs
    }

    /// Returns the learning rate of the next step, by steps done or by the share of the time budget
    /// spent.
    fn next_lr(&self, clock: &Clock) -> f64 {
        let planned = match self.plan.budget {
            Budget::Steps(_) => self.plan.schedule.lr(self.trainer.values.step),
            Budget::Seconds(seconds) => {
                self.plan.schedule.lr_at(self.network_secs(clock) / seconds)
            }
        };
        planned * self.at.rate_scale
    }

    async fn step(&mut self, clock: &Clock) -> Result<StepReport> {
        let lr = self.next_lr(clock);
        self.lr = lr;
        let batch = self.task.batch(self.trainer.values.step);
        let seed = self.network_seed();
        let Trainer {
            optimizer, values, ..
        } = &mut self.trainer;
        let seed = generator(seed, Purpose::Dropout, values.step, 0).next_u64();
        let groups: Vec<_> = values.groups.iter().map(|group| group.p.clone()).collect();
        let gradients = self
            .gradients
            .compute(self.control.host, &groups, &batch, seed)
            .await?;
        drop(groups);
        Ok(optimizer.update(values, lr, gradients))
    }

    async fn after_step(&mut self, report: StepReport, clock: &mut Clock) -> Result<()> {
        self.at.window.add(report);
        let step = self.trainer.step();
        let local_step = self.trainer.values.step;
        let last = self.plan.budget == Budget::Steps(local_step);
        let by_steps = step.is_multiple_of(self.plan.checkpoint_every);
        let is_single_step = self.control.pause_at == Some(step);
        if step.is_multiple_of(self.plan.report_every) || last || by_steps || is_single_step {
            if !self.report(clock).await? {
                return Ok(());
            }
            if is_single_step
                || last
                || self.control.host.now_secs() >= self.control.next_preview_secs
            {
                self.control.look(&self.trainer).await?;
            }
        }
        let reported = clock.elapsed(self.control.host.now_secs());
        if !last && local_step.is_multiple_of(self.plan.evaluate_every) {
            self.evaluate(Split::Valid, clock).await?;
        }
        if !last
            && self
                .control
                .host
                .is_checkpoint_due(self.control.run, by_steps)
        {
            self.save_checkpoint(clock).await?;
        }
        clock.skip(clock.elapsed(self.control.host.now_secs()) - reported);
        Ok(())
    }

    /// Reads the losses and gradient norms since the last report in one transfer, and reports the
    /// mean loss and the last gradient norm. Returns `false` if the run has diverged and was rolled
    /// back.
    async fn report(&mut self, clock: &mut Clock) -> Result<bool> {
        let sums = std::mem::take(&mut self.at.window).read().await?;
        if sums.skipped > 0 && !self.at.has_skipped {
            self.at.has_skipped = true;
            let message = message!("a step had a non-finite gradient; such steps are skipped");
            self.note("skipped-steps", message);
        }
        let Some((loss, next_sentence_loss)) =
            sums.mean().filter(|mean| !self.has_diverged(*mean, clock))
        else {
            self.roll_back(clock).await?;
            return Ok(false);
        };
        self.at
            .first_loss
            .get_or_insert(loss - next_sentence_loss.unwrap_or_default());
        let step = self.trainer.step();
        let now = self.control.host.now_secs();
        let steps_per_sec = clock.lap(now, step);
        let elapsed_secs = clock.elapsed(now);
        let eta_secs = match self.plan.budget {
            Budget::Seconds(seconds) => seconds * self.plan.networks as f64 - elapsed_secs,
            Budget::Steps(_) => (self.plan.steps() - step) as f64 * elapsed_secs / step as f64,
        };
        let event = Event::Step {
            run: self.control.run.into(),
            step,
            loss,
            masked_lm_loss: next_sentence_loss.map(|part| loss - part),
            next_sentence_loss,
            lr: self.lr,
            tokens_per_sec: steps_per_sec * (self.plan.batch_size * self.plan.max_len) as f64,
            elapsed_secs,
            eta_secs: eta_secs.max(0.0),
            grad_norm: f64::from(sums.grad_norm),
        };
        self.control.host.emit(event);
        Ok(true)
    }

    fn note(&self, code: &str, message: Message) {
        self.control.host.emit(Event::Warning {
            run: self.control.run.into(),
            code: code.into(),
            message,
        });
    }

    async fn save_checkpoint(&mut self, clock: &Clock) -> Result<()> {
        self.at.elapsed_secs = clock.elapsed(self.control.host.now_secs());
        self.save_checkpoint_now(clock).await
    }

    async fn save_checkpoint_now(&mut self, clock: &Clock) -> Result<()> {
        // Saving a step twice would overwrite a complete checkpoint with an identical one.
        if !self.control.host.saves_checkpoints(self.control.run)
            || self.at.kept == Some(self.trainer.step())
        {
            return Ok(());
        }
        let sums = self.at.window.read().await?;
        // The next report handles a diverged run; its parameters are not saved.
        if !self.has_sound_values(&sums, clock).await? {
            let message = message!(
                "step {step} was not saved because the loss has diverged",
                step = self.trainer.step()
            );
            self.note("not-saved", message);
            return Ok(());
        }
        let snapshot = self.snapshot(&sums).await?;
        if let Some(path) = self.control.host.keep(self.control.run, &snapshot).await? {
            self.at.kept = Some(self.trainer.step());
            self.control.host.emit(Event::Checkpoint {
                run: self.control.run.into(),
                step: self.trainer.step(),
                path,
            });
        }
        Ok(())
    }

    async fn snapshot(&self, sums: &Sums) -> Result<Snapshot> {
        let state = RunState {
            format: STATE_FORMAT,
            config: self.config.clone(),
            plan: self.plan.clone(),
            corpus: self.corpus.clone(),
            step: self.trainer.step(),
            elapsed_secs: self.at.elapsed_secs,
            window_loss_sum: sums.loss,
            window_next_sentence_sum: sums.next_sentence,
            window_steps: sums.steps,
            window_skipped: sums.skipped,
            rollbacks: self.at.rollbacks,
            rate_scale: self.at.rate_scale,
            first_loss: self.at.first_loss,
            best: self.at.best.as_ref().map(BestState::of),
            owes_evaluation: self.at.owes_evaluation,
            networks: self.at.networks.iter().map(BestState::of).collect(),
            steps_before: self.trainer.steps_before,
            began_secs: self.at.began_secs,
            groups: self.trainer.optimizer.layout.names(),
            device: self.device_name.into(),
        };
        // A pre-training run has one network, which no longer needs its initial weights.
        let none = Weights::new();
        let source = if self.plan.phase == Phase::Finetune {
            &self.beginning.source
        } else {
            &none
        };
        encode(
            &state,
            &self.trainer.trained(),
            &self.trainer.values,
            &self.at,
            source,
        )
        .await
    }

    /// Saves the final checkpoint, and evaluates the model unless the run was stopped.
    async fn close(&mut self, mut stopped: bool, clock: &mut Clock) -> Result<Finished> {
        let sums = self.at.window.read().await?;
        // A classifier keeps its best step, which was evaluated.
        if self.plan.phase == Phase::Pretrain && !self.has_sound_values(&sums, clock).await? {
            return Err(Error::Diverged {
                step: self.trainer.step(),
            });
        }
        self.save_checkpoint_now(clock).await?;
        if stopped {
            self.set_aside();
        } else {
            self.measure(clock).await?;
            stopped = self.control.stop_requested();
        }
        if stopped {
            // A resumed run continues from the checkpoint; the model of a stopped run is its best
            // network, too.
            self.leave_best_network();
        }
        let outcome = RunOutcome {
            step: self.trainer.step(),
            stopped,
            elapsed_secs: self.at.elapsed_secs,
        };
        let run = self.control.run.to_string();
        let event = Event::Finished {
            run,
            step: outcome.step,
            stopped,
            elapsed_secs: outcome.elapsed_secs,
        };
        let ensemble = self.task.take_ensemble().map(Rc::new);
        if let Some(sentence) = ensemble.as_ref().and_then(|ensemble| ensemble.sentence()) {
            self.note("parts", sentence);
        }
        let trained = LoadedModel {
            ensemble,
            ..self.trainer.trained()
        };
        self.control.host.emit(event);
        let (scores, measured) = (
            std::mem::take(&mut self.scores),
            std::mem::take(&mut self.measured),
        );
        Ok(Finished {
            trained,
            outcome,
            scores,
            measured,
        })
    }
}
