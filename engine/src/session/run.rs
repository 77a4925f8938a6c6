//! The training loop, the only one: step, report, evaluate, keep, and listen to the host between any two steps. It
//! decides when; the leaves below it compute.

use super::ask;
use super::compare::figures;
use super::diagnosis;
use super::host::{Host, RunOutcome, Snapshot};
use super::look::{Eye, Moment, Watched};
use super::plan::{Budget, Plan};
use super::read::read_groups;
use super::snapshot::{BestState, RunState, encode};
use super::task::{Split, Task, training_model};
use super::trained::Trained;
use crate::data::floors::Floors;
use crate::data::random::{Purpose, generator, unit_f64};
use crate::data::{Corpus, Tokenizer};
use crate::error::{Error, Result};
use crate::model::{Heads, ModelConfig};
use crate::train::{DeviceBatch, Optimizer, StepReport, TrainState};
use burn::tensor::{Tensor, TensorData};
use protocol::{Command, Event, Figures, Metrics, RunConfig};
use std::collections::VecDeque;
use std::rc::Rc;

/// A run in progress.
pub struct Run<'a, H: Host, T: Task> {
    /// The platform.
    pub host: &'a H,
    /// Name of the run, in every event.
    pub name: &'a str,
    /// What was asked for.
    pub config: &'a RunConfig,
    /// What will be done.
    pub plan: Plan,
    /// What is learned.
    pub task: T,
    /// The shape; a classifier's threshold is tuned on the way.
    pub model: ModelConfig,
    /// Which heads it carries.
    pub heads: Heads,
    /// The words.
    pub tokenizer: Rc<Tokenizer>,
    /// Moves the values.
    pub optimizer: Optimizer,
    /// The values.
    pub state: TrainState,
    /// Identifies the corpus, so that a run goes on with the same one.
    pub corpus: String,
    /// Seconds of training so far, pauses left out.
    pub elapsed_secs: f64,
    /// Losses since the last report.
    pub window: Window,
    /// Step of the newest checkpoint.
    pub kept: Option<u64>,
    /// Gradient norm of the last step, `[1]`.
    pub grad_norm: Option<Tensor<1>>,
    /// The model of the other phase, which answers the questions that this one cannot.
    pub other: Option<Trained>,
    /// The best values on validation documents so far, of a classifier.
    pub best: Option<Best>,
    /// What a classifier's evaluations said.
    pub scores: Vec<Score>,
    /// What the loss is measured against.
    pub floors: Floors,
    /// Whether the task is done before its plan is.
    pub learned: bool,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Where a text to look at comes from.
    pub text: Option<&'a Corpus>,
    /// The text that a person looks at.
    pub watched: &'a mut Option<Watched>,
    /// When it is looked at again, by the host's clock.
    pub next_look: f64,
    /// The step after which the run pauses by itself.
    pub pause_at: Option<u64>,
    /// Commands that must wait until the run is over.
    pub deferred: &'a mut VecDeque<Command>,
}

/// Losses that were not reported yet: a sum on the device, and of how many steps.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// `[1]`.
    pub loss_sum: Option<Tensor<1>>,
    /// The part of next-sentence prediction, `[1]`, where that is learned.
    pub next_sentence_sum: Option<Tensor<1>>,
    /// Steps in the sum.
    pub steps: u64,
}

/// Values of a step that validation liked best so far. An early stop that costs no decision (Prechelt 1998).
#[derive(Clone)]
pub struct Best {
    /// Micro F1 on validation documents.
    pub score: f64,
    /// Optimisation steps done.
    pub step: u64,
    /// Threshold that was tuned then.
    pub threshold: Option<f64>,
    /// Thresholds per label that were tuned then.
    pub thresholds: Option<Vec<f64>>,
    /// Values, one flat array per group of the layout.
    pub groups: Vec<Tensor<1>>,
}

/// What a run leaves.
pub struct Finished {
    /// The model.
    pub trained: Trained,
    /// How it ended.
    pub outcome: RunOutcome,
    /// What a classifier's evaluations said, in order.
    pub scores: Vec<Score>,
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

/// What the host wants after a step.
#[derive(PartialEq)]
enum Wish {
    GoOn,
    Stop,
}

impl<H: Host, T: Task> Run<'_, H, T> {
    /// Trains until the plan is done or the host says stop.
    ///
    /// # Errors
    /// When the loss is no longer a number, the device fails or a checkpoint cannot be kept.
    pub async fn train(mut self) -> Result<Finished> {
        let mut clock = Clock::start(self.host.now_secs(), self.elapsed_secs);
        let first = self.state.step;
        // A run that goes on amid a report says only what it would have said without the interruption.
        if first == 0 || self.window.steps == 0 {
            let message = "preparing the first step: kernels are compiled and memory is reserved".into();
            self.host.emit(Event::Compiling { run: self.name.into(), message }, Vec::new());
        }
        let mut stopped = false;
        while !self.done(&clock) {
            if self.listen(&mut clock).await? == Wish::Stop {
                stopped = true;
                break;
            }
            let report = self.step(&clock);
            self.after_step(report, &mut clock).await?;
        }
        self.elapsed_secs = clock.elapsed(self.host.now_secs());
        self.close(stopped).await
    }

    fn done(&self, clock: &Clock) -> bool {
        if self.learned {
            return true;
        }
        match self.plan.budget {
            Budget::Steps(steps) => self.state.step >= steps,
            Budget::Seconds(seconds) => self.state.step > 0 && clock.elapsed(self.host.now_secs()) >= seconds,
        }
    }

    /// Learning rate of the next step: by steps, or by the share of the time that is spent.
    fn next_lr(&self, clock: &Clock) -> f64 {
        match self.plan.budget {
            Budget::Steps(_) => self.plan.schedule.lr(self.state.step),
            Budget::Seconds(seconds) => self.plan.schedule.lr_at(clock.elapsed(self.host.now_secs()) / seconds),
        }
    }

    fn step(&mut self, clock: &Clock) -> StepReport {
        let lr = self.next_lr(clock);
        self.lr = lr;
        let batch = self.task.batch(self.state.step);
        let batch = DeviceBatch::upload(&batch, &self.model, &self.optimizer.device);
        self.optimizer.device.seed(dropout_seed(self.plan.seed, self.state.step));
        let (task, model, plan) = (&self.task, &self.model, &self.plan);
        self.optimizer.step(&mut self.state, lr, |leaves| task.loss(&training_model(model, leaves, plan), &batch))
    }

    async fn after_step(&mut self, report: StepReport, clock: &mut Clock) -> Result<()> {
        self.window.steps += 1;
        self.grad_norm = Some(report.grad_norm.clone());
        let Window { loss_sum, next_sentence_sum, .. } = &mut self.window;
        add(loss_sum, Some(report.loss.clone()));
        add(next_sentence_sum, report.next_sentence.clone());
        let step = self.state.step;
        let last = self.plan.budget == Budget::Steps(step);
        let keep = step.is_multiple_of(self.plan.checkpoint_every);
        let steps_singly = self.pause_at == Some(step);
        // What is kept was looked at: a checkpoint never holds values that are no longer numbers.
        if step.is_multiple_of(self.plan.report_every) || last || keep || steps_singly {
            self.report(report, clock).await?;
            if steps_singly || last || self.host.now_secs() >= self.next_look {
                self.look().await?;
            }
        }
        let evaluate = step.is_multiple_of(self.plan.evaluate_every);
        if !last && evaluate {
            self.evaluate(Split::Valid).await?;
        }
        if !last && keep {
            self.keep(clock).await?;
        }
        if evaluate || keep {
            clock.lap(self.host.now_secs(), 0);
        }
        Ok(())
    }

    /// Reads the losses since the last report and the gradient's norm, in one transfer, and tells them.
    async fn report(&mut self, report: StepReport, clock: &mut Clock) -> Result<()> {
        let steps = std::mem::take(&mut self.window.steps);
        let sum = self.window.loss_sum.take().unwrap_or(report.loss);
        let next_sentence = self.window.next_sentence_sum.take();
        let wanted: Vec<Tensor<1>> = [sum, report.grad_norm].into_iter().chain(next_sentence).collect();
        let read = read_groups(&wanted).await?;
        let mean = |sum: f32| f64::from(sum) / steps.max(1) as f64;
        let (loss, grad_norm) = (mean(read[0][0]), f64::from(read[1][0]));
        let next_sentence_loss = read.get(2).map(|sum| mean(sum[0]));
        let step = self.state.step;
        if !loss.is_finite() || !grad_norm.is_finite() {
            return Err(Error::Diverged { step });
        }
        let now = self.host.now_secs();
        let steps_per_sec = clock.lap(now, steps);
        let elapsed_secs = clock.elapsed(now);
        let eta_secs = match self.plan.budget {
            Budget::Seconds(seconds) => seconds - elapsed_secs,
            Budget::Steps(all) => (all - step) as f64 * elapsed_secs / step as f64,
        };
        let event = Event::Step {
            run: self.name.into(),
            step,
            loss,
            masked_lm_loss: next_sentence_loss.map(|part| loss - part),
            next_sentence_loss,
            lr: self.lr,
            tokens_per_sec: steps_per_sec * (self.plan.batch_size * self.plan.max_len) as f64,
            elapsed_secs,
            eta_secs: eta_secs.max(0.0),
            grad_norm,
        };
        self.host.emit(event, Vec::new());
        Ok(())
    }

    /// Shows what the present values make of the text that a person looks at, where there is one.
    async fn look(&mut self) -> Result<()> {
        let Some(watched) = &*self.watched else { return Ok(()) };
        let began = self.host.now_secs();
        let specimen = watched.specimen(&self.tokenizer, &self.model);
        let leaves = self.optimizer.frozen(&self.state);
        let eye = Eye {
            config: &self.model,
            leaves: &leaves,
            heads: self.heads,
            tokenizer: &self.tokenizer,
            device: &self.optimizer.device,
        };
        for (event, buffers) in specimen.seen(&eye, self.moment()).await? {
            self.host.emit(event, buffers);
        }
        let ended = self.host.now_secs();
        self.next_look = ended + LOOK_SECS.max((ended - began) * LOOK_REST);
        Ok(())
    }

    fn moment(&self) -> Moment<'_> {
        Moment { run: self.name, step: Some(self.state.step) }
    }

    /// Looks at another text, mask or share from now on.
    async fn look_at(&mut self, config: RunConfig, example: u64, epoch: u64, text: Option<String>) -> Result<()> {
        let text = match (text, self.text) {
            (Some(text), _) => text,
            (None, Some(corpus)) => match corpus.training_text(example) {
                Ok(text) => text,
                // What cannot be read is told; the run reads elsewhere and goes on.
                Err(error) => {
                    self.host.emit(ask::unanswered(Some(0), &error.into()), Vec::new());
                    return Ok(());
                }
            },
            (None, None) => return Ok(()),
        };
        *self.watched = Some(Watched { config, example, epoch, text });
        self.look().await
    }

    async fn evaluate(&mut self, split: Split) -> Result<Option<Metrics>> {
        let leaves = self.optimizer.frozen(&self.state);
        let metrics = self.task.evaluate(&mut self.model, &leaves, &self.optimizer.device, split).await?;
        let Some(metrics) = metrics else { return Ok(None) };
        let step = self.state.step;
        let epoch = step as f64 / self.plan.steps_per_epoch as f64;
        self.learned = self.task.is_learned(&metrics);
        if let Metrics::Classifier(measured) = &metrics {
            self.scores.push(Score { split, epoch, figures: figures(measured) });
            if split == Split::Valid {
                self.remember(measured.micro_f1);
            }
        }
        let event = Event::Evaluated {
            run: self.name.into(),
            step,
            epoch,
            split: split.name().into(),
            metrics: metrics.clone(),
        };
        self.host.emit(event, Vec::new());
        Ok(Some(metrics))
    }

    /// Says what the last figures mean, where they mean trouble.
    fn diagnose(&self, last: Option<&Metrics>) {
        if self.state.step < diagnosis::LEAST_STEPS {
            return;
        }
        let (code, message) = match last {
            Some(Metrics::MaskedLm(metrics)) => {
                ("only-frequencies", diagnosis::only_frequencies(metrics, &self.floors))
            }
            Some(Metrics::Classifier(metrics)) => ("never-predicted", diagnosis::never_predicted(metrics)),
            None => return,
        };
        if let Some(message) = message {
            self.host.emit(Event::Warning { run: self.name.into(), code: code.into(), message }, Vec::new());
        }
    }

    /// Keeps the present values where none were better; of equals the later ones, which saw more.
    fn remember(&mut self, score: f64) {
        if self.best.as_ref().is_some_and(|best| best.score > score) {
            return;
        }
        self.best = Some(Best {
            score,
            step: self.state.step,
            threshold: self.model.threshold,
            thresholds: self.model.thresholds.clone(),
            groups: self.state.groups.iter().map(|group| group.p.clone()).collect(),
        });
    }

    /// Goes back to the best values, where the last ones are not, and says so.
    fn recall(&mut self) {
        let Some(best) = self.best.take().filter(|best| best.step != self.state.step) else { return };
        let message = format!(
            "the values of step {} are kept: their micro F1 on validation text, {:.3}, is the best of this run",
            best.step, best.score
        );
        self.host.emit(Event::Warning { run: self.name.into(), code: "best-checkpoint".into(), message }, Vec::new());
        self.model.threshold = best.threshold;
        self.model.thresholds = best.thresholds;
        self.state.groups.iter_mut().zip(best.groups).for_each(|(group, p)| group.p = p);
    }

    async fn keep(&mut self, clock: &Clock) -> Result<()> {
        self.elapsed_secs = clock.elapsed(self.host.now_secs());
        self.keep_now().await
    }

    async fn keep_now(&mut self) -> Result<()> {
        // A whole checkpoint of this step must not make way for its like.
        if !self.host.keeps() || self.kept == Some(self.state.step) {
            return Ok(());
        }
        let snapshot = self.snapshot().await?;
        if let Some(path) = self.host.keep(&snapshot).await? {
            self.kept = Some(self.state.step);
            self.host.emit(Event::Checkpoint { run: self.name.into(), step: self.state.step, path }, Vec::new());
        }
        Ok(())
    }

    async fn snapshot(&self) -> Result<Snapshot> {
        let Window { loss_sum, next_sentence_sum, .. } = &self.window;
        let sums: Vec<Tensor<1>> = loss_sum.iter().chain(next_sentence_sum).cloned().collect();
        let sums = if sums.is_empty() { Vec::new() } else { read_groups(&sums).await? };
        let state = RunState {
            config: self.config.clone(),
            plan: self.plan.clone(),
            corpus: self.corpus.clone(),
            step: self.state.step,
            elapsed_secs: self.elapsed_secs,
            window_loss_sum: sums.first().map_or(0.0, |sum| sum[0]),
            window_next_sentence_sum: sums.get(1).map(|sum| sum[0]),
            window_steps: self.window.steps,
            best: self.best.as_ref().map(BestState::of),
        };
        encode(&state, &self.trained(), &self.state, self.best.as_ref()).await
    }

    fn trained(&self) -> Trained {
        Trained {
            config: self.model.clone(),
            heads: self.heads,
            tokenizer: self.tokenizer.clone(),
            layout: self.optimizer.layout.clone(),
            groups: self.state.groups.iter().map(|group| group.p.clone()).collect(),
        }
    }

    /// Handles what arrived since the last step; waits while paused.
    async fn listen(&mut self, clock: &mut Clock) -> Result<Wish> {
        let mut arrived: VecDeque<Command> = self.host.breathe().await.into();
        let mut paused = false;
        if self.pause_at.is_some_and(|step| self.state.step >= step) {
            self.pause_at = None;
            arrived.push_front(Command::Pause);
        }
        loop {
            let command = match arrived.pop_front() {
                Some(command) => command,
                None if paused => self.host.next_order().await,
                None => return Ok(Wish::GoOn),
            };
            let (run, step) = (self.name.to_string(), self.state.step);
            match command {
                Command::Stop => {
                    self.deferred.extend(arrived);
                    return Ok(Wish::Stop);
                }
                Command::Pause if !paused => {
                    paused = true;
                    clock.pause(self.host.now_secs());
                    self.host.emit(Event::Paused { run, step }, Vec::new());
                }
                Command::Resume if paused => {
                    paused = false;
                    clock.resume(self.host.now_secs());
                    self.host.emit(Event::Resumed { run, step }, Vec::new());
                }
                Command::Step { steps } => {
                    self.pause_at = Some(step + steps.max(1));
                    if paused {
                        paused = false;
                        clock.resume(self.host.now_secs());
                        self.host.emit(Event::Resumed { run, step }, Vec::new());
                    }
                }
                Command::Pause | Command::Resume => (),
                Command::PreviewMasking { config, example, epoch, text } => {
                    self.look_at(config, example, epoch, text).await?;
                }
                question @ (Command::Attend { .. } | Command::Tokenize { .. }) => self.answer(question, true).await,
                question @ Command::FillMask { .. } => self.answer(question, self.heads.masked_lm).await,
                question @ Command::Classify { .. } => self.answer(question, !self.heads.masked_lm).await,
                other => self.deferred.push_back(other),
            }
        }
    }

    /// Answers with the values at hand or, where those are of the other kind, with the model that was there before.
    async fn answer(&self, question: Command, own: bool) {
        let other = self.other.clone().filter(|_| !own);
        let (model, moment) = match other {
            Some(other) => (other, Moment::default()),
            None => (self.trained(), self.moment()),
        };
        ask::answer(self.host, &model, &self.optimizer.device, question, moment).await;
    }

    /// Last snapshot and, of a run that came to its end, last figures.
    async fn close(mut self, stopped: bool) -> Result<Finished> {
        let seen: Vec<Tensor<1>> = self.window.loss_sum.iter().chain(&self.grad_norm).cloned().collect();
        if !seen.is_empty() && read_groups(&seen).await?.iter().flatten().any(|number| !number.is_finite()) {
            return Err(Error::Diverged { step: self.state.step });
        }
        self.keep_now().await?;
        if !stopped {
            // What was just measured need not be measured again.
            if !self.learned {
                let last = self.evaluate(Split::Valid).await?;
                self.diagnose(last.as_ref());
            }
            self.recall();
            self.evaluate(Split::Test).await?;
        }
        let outcome = RunOutcome { step: self.state.step, stopped, elapsed_secs: self.elapsed_secs };
        let run = self.name.to_string();
        let event = Event::Finished { run, step: outcome.step, stopped, elapsed_secs: outcome.elapsed_secs };
        let trained = self.trained();
        self.host.emit(event, Vec::new());
        Ok(Finished { trained, outcome, scores: self.scores })
    }
}

/// Looks come this many seconds apart at least.
const LOOK_SECS: f64 = 0.4;
/// After a look the run goes on for this many times as long as it took: looking costs at most a fiftieth.
const LOOK_REST: f64 = 49.0;

impl Window {
    /// The window that a snapshot left.
    pub fn restored(state: &RunState, device: &burn::tensor::Device) -> Self {
        let sum = |sum: f32| Tensor::from_data(TensorData::new(vec![sum], [1]), device);
        let steps = state.window_steps;
        Self {
            loss_sum: (steps > 0).then(|| sum(state.window_loss_sum)),
            next_sentence_sum: state.window_next_sentence_sum.filter(|_| steps > 0).map(sum),
            steps,
        }
    }
}

/// Adds to a sum that may not have begun.
fn add(sum: &mut Option<Tensor<1>>, part: Option<Tensor<1>>) {
    let Some(part) = part else { return };
    *sum = Some(match sum.take() {
        Some(sum) => sum + part,
        None => part,
    });
}

/// The device's generator is global: each step seeds it from (seed, step), so nothing of it needs saving.
fn dropout_seed(seed: u64, step: u64) -> u64 {
    (unit_f64(&mut generator(seed, Purpose::Dropout, step, 0)) * (1_u64 << 53) as f64) as u64
}

/// Time spent training.
struct Clock {
    before: f64,
    since: f64,
    paused_at: Option<f64>,
    lap_at: f64,
}

impl Clock {
    fn start(now: f64, before: f64) -> Self {
        Self { before, since: now, paused_at: None, lap_at: now }
    }

    fn elapsed(&self, now: f64) -> f64 {
        self.before + self.paused_at.unwrap_or(now) - self.since
    }

    /// Steps per second since the last lap.
    fn lap(&mut self, now: f64, steps: u64) -> f64 {
        let secs = (now - std::mem::replace(&mut self.lap_at, now)).max(1e-6);
        steps as f64 / secs
    }

    fn pause(&mut self, now: f64) {
        self.paused_at = Some(now);
    }

    fn resume(&mut self, now: f64) {
        let pause = now - self.paused_at.take().unwrap_or(now);
        self.since += pause;
        self.lap_at += pause;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_do_not_count_as_training() {
        let mut clock = Clock::start(10.0, 5.0);
        clock.pause(12.0);
        assert!((clock.elapsed(100.0) - 7.0).abs() < 1e-9);
        clock.resume(100.0);
        assert!((clock.elapsed(101.0) - 8.0).abs() < 1e-9);
        assert!((clock.lap(101.0, 6) - 2.0).abs() < 1e-9, "three seconds of training since the start");
    }
}
