//! The training loop, the only one: step, report, evaluate, keep, and poll_commands to the host between any two steps. It
//! decides when; the leaves below it compute.

mod divergence;
mod measure;
mod networks;

use super::clock::Clock;
use super::host::{Host, RunOutcome, Snapshot};
use super::loaded_model::LoadedModel;
use super::plan::{Budget, Plan};
use super::run_control::{RunControl, Wish};
use super::snapshot::{BestState, RunState, STATE_FORMAT, encode};
use super::task::{Split, Task, training_model};
use super::train_progress::{Sums, TrainProgress};
use super::trainer::Trainer;
use super::training::InitialWeights;
use crate::data::entropy_baselines::EntropyBaselines;
use crate::data::random::{Purpose, generator};
use crate::error::{Error, Result};
use crate::interop::Weights;
use crate::train::{DeviceBatch, StepReport};
use protocol::{Command, Event, Figures, Metrics, Phase, RunConfig};
use rand_core::Rng;
use std::rc::Rc;

/// A run in progress.
pub struct Run<'a, H: Host, T: Task> {
    /// What was asked for.
    pub config: &'a RunConfig,
    /// What will be done.
    pub plan: Plan,
    /// What is learned.
    pub task: T,
    /// The model.
    pub trainer: Trainer,
    /// Where it stands.
    pub at: TrainProgress,
    /// What it hears, and to whom it speaks.
    pub control: RunControl<'a, H>,
    /// Identifies the corpus, so that a run goes on with the same one.
    pub corpus: String,
    /// The device, in words.
    pub device_name: &'a str,
    /// What a classifier's evaluations said.
    pub scores: Vec<Score>,
    /// The last figures of each split that were told.
    pub measured: Vec<(Split, Metrics)>,
    /// What the loss is measured against.
    pub floors: EntropyBaselines,
    /// Whether the task is done before its plan is.
    pub learned: bool,
    /// Learning rate of the last step.
    pub lr: f64,
    /// What each network starts from.
    pub beginning: InitialWeights,
}

/// What a run leaves.
pub struct Finished {
    /// The model.
    pub trained: LoadedModel,
    /// How it ended.
    pub outcome: RunOutcome,
    /// What a classifier's evaluations said, in order.
    pub scores: Vec<Score>,
    /// The last figures of each split that were told.
    pub measured: Vec<(Split, Metrics)>,
}

/// One evaluation of a classifier.
#[derive(Clone, Copy, Debug)]
pub struct Score {
    /// Which documents.
    pub split: Split,
    /// Passes over the training data done.
    pub epoch: f64,
    /// What was measured.
    pub figures: Figures,
}

impl<H: Host, T: Task> Run<'_, H, T> {
    /// Trains until the plan is done or the host says stop.
    ///
    /// # Errors
    /// When the loss is no longer a number, the device fails or a checkpoint cannot be kept.
    pub async fn train(mut self) -> Result<Finished> {
        let finished = self.train_to_its_end().await;
        // What nobody heeded is for the session, however the run ended.
        self.control.deferred.extend(
            self.control
                .arrived
                .drain(..)
                .filter(|command| *command != Command::Stop),
        );
        finished
    }

    async fn train_to_its_end(&mut self) -> Result<Finished> {
        let first = self.trainer.step();
        // A run that goes on amid a report says only what it would have said without the interruption.
        if first == 0 || self.at.window.is_empty() {
            let message =
                "preparing the first step: kernels are compiled and memory is reserved".into();
            self.control.host.emit(
                Event::Compiling {
                    run: self.control.run.into(),
                    message,
                },
                Vec::new(),
            );
        }
        let mut clock = Clock::start(self.control.host.now_secs(), self.at.elapsed_secs, first);
        // A network that is done is measured below anyway.
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

    /// Trains the present network until its plan is done; whether the host said stop.
    async fn train_network(&mut self, clock: &mut Clock) -> Result<bool> {
        while !self.done(clock) {
            if self.control.poll_commands(&self.trainer, clock).await? == Wish::Stop {
                return Ok(true);
            }
            let report = self.step(clock);
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

    /// Seconds that the present network has been trained.
    fn network_secs(&self, clock: &Clock) -> f64 {
        clock.elapsed(self.control.host.now_secs()) - self.at.began_secs
    }

    /// Learning rate of the next step: by steps, or by the share of the time that is spent.
    fn next_lr(&self, clock: &Clock) -> f64 {
        let planned = match self.plan.budget {
            Budget::Steps(_) => self.plan.schedule.lr(self.trainer.values.step),
            Budget::Seconds(seconds) => {
                self.plan.schedule.lr_at(self.network_secs(clock) / seconds)
            }
        };
        planned * self.at.rate_scale
    }

    fn step(&mut self, clock: &Clock) -> StepReport {
        let lr = self.next_lr(clock);
        self.lr = lr;
        let batch = self.task.batch(self.trainer.values.step);
        let seed = self.network_seed();
        let Trainer {
            model,
            optimizer,
            values,
            ..
        } = &mut self.trainer;
        let batch = DeviceBatch::upload(&batch, model, &optimizer.device);
        let seed = generator(seed, Purpose::Dropout, values.step, 0).next_u64();
        let (task, plan) = (&self.task, &self.plan);
        optimizer.step(values, lr, |params| {
            task.loss(&training_model(model, params, plan, seed), &batch)
        })
    }

    async fn after_step(&mut self, report: StepReport, clock: &mut Clock) -> Result<()> {
        self.at.window.add(report);
        let step = self.trainer.step();
        let local_step = self.trainer.values.step;
        let last = self.plan.budget == Budget::Steps(local_step);
        let keep = step.is_multiple_of(self.plan.checkpoint_every);
        let steps_singly = self.control.pause_at == Some(step);
        if step.is_multiple_of(self.plan.report_every) || last || keep || steps_singly {
            if !self.report(clock).await? {
                return Ok(());
            }
            if steps_singly || last || self.control.host.now_secs() >= self.control.next_look {
                self.control.look(&self.trainer).await?;
            }
        }
        let reported = clock.elapsed(self.control.host.now_secs());
        if !last && local_step.is_multiple_of(self.plan.evaluate_every) {
            self.evaluate(Split::Valid, clock).await?;
        }
        if !last && self.control.host.is_checkpoint_due(self.control.run, keep) {
            self.keep(clock).await?;
        }
        clock.skip(clock.elapsed(self.control.host.now_secs()) - reported);
        Ok(())
    }

    /// Reads the losses and the gradient's norm since the last report, in one transfer, and reports them; `false` if the run
    /// has diverged and was rolled back.
    async fn report(&mut self, clock: &mut Clock) -> Result<bool> {
        let sums = std::mem::take(&mut self.at.window).read().await?;
        if sums.skipped > 0 && !self.at.has_skipped {
            self.at.has_skipped = true;
            let message =
                "a step had a gradient that is not a finite number: such steps are skipped";
            self.note("skipped-steps", message.into());
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
        self.control.host.emit(event, Vec::new());
        Ok(true)
    }

    fn note(&self, code: &str, message: String) {
        self.control.host.emit(
            Event::Warning {
                run: self.control.run.into(),
                code: code.into(),
                message,
            },
            Vec::new(),
        );
    }

    async fn keep(&mut self, clock: &Clock) -> Result<()> {
        self.at.elapsed_secs = clock.elapsed(self.control.host.now_secs());
        self.keep_now(clock).await
    }

    async fn keep_now(&mut self, clock: &Clock) -> Result<()> {
        // A whole checkpoint of this step must not make way for its like.
        if !self.control.host.saves_checkpoints(self.control.run)
            || self.at.kept == Some(self.trainer.step())
        {
            return Ok(());
        }
        let sums = self.at.window.read().await?;
        // The next report decides what becomes of a run that has diverged; its values are not saved.
        if !self.has_sound_values(&sums, clock).await? {
            let message = format!(
                "step {} is not saved: its loss has diverged",
                self.trainer.step()
            );
            self.note("not-saved", message);
            return Ok(());
        }
        let snapshot = self.snapshot(&sums).await?;
        if let Some(path) = self.control.host.keep(self.control.run, &snapshot).await? {
            self.at.kept = Some(self.trainer.step());
            self.control.host.emit(
                Event::Checkpoint {
                    run: self.control.run.into(),
                    step: self.trainer.step(),
                    path,
                },
                Vec::new(),
            );
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
        // A language model is one network, and needs its source no more.
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

    /// Last snapshot and, of a run that came to its end, last figures.
    async fn close(&mut self, mut stopped: bool, clock: &mut Clock) -> Result<Finished> {
        let sums = self.at.window.read().await?;
        // A classifier leaves its best step, which was measured.
        if self.plan.phase == Phase::Pretrain && !self.has_sound_values(&sums, clock).await? {
            return Err(Error::Diverged {
                step: self.trainer.step(),
            });
        }
        self.keep_now(clock).await?;
        if stopped {
            self.set_aside();
        } else {
            self.measure(clock).await?;
            stopped = self.control.stop_requested();
        }
        if stopped {
            // What goes on does so from the checkpoint; the model that is left is the best one, too.
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
        self.control.host.emit(event, Vec::new());
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
