//! What a run hears between two steps, and between two batches of an evaluation: stop, pause, single steps, and questions
//! that its present values answer. A question changes nothing of the run; other commands keep their place until it is over.

use super::clock::Clock;
use super::host::Host;
use super::inference;
use super::loaded_model::LoadedModel;
use super::preview::{ModelView, PreviewRequest, RunStep};
use super::trainer::Trainer;
use crate::data::Corpus;
use crate::error::Result;
use protocol::{Command, Event, RunConfig};
use std::collections::VecDeque;

/// Looks come this many seconds apart at least.
const LOOK_SECS: f64 = 0.4;
/// After a look the run goes on for this many times as long as it took: looking costs at most a fiftieth.
const LOOK_REST: f64 = 49.0;

/// What the host wants after a step.
#[derive(PartialEq)]
pub enum Wish {
    /// Train on.
    GoOn,
    /// End the run here.
    Stop,
}

/// The ear of a run, and what it answers from besides the values that learn.
pub struct RunControl<'a, H: Host> {
    /// The platform.
    pub host: &'a H,
    /// Name of the run.
    pub run: &'a str,
    /// Whether a person's questions are answered with the values of the run; else they wait until it is over.
    pub answers: bool,
    /// The model of the other phase, which answers the questions that this one cannot.
    pub other: Option<LoadedModel>,
    /// Where a text to look at comes from.
    pub text: Option<&'a Corpus>,
    /// The text that a person looks at.
    pub watched: &'a mut Option<PreviewRequest>,
    /// When it is looked at again, by the host's clock.
    pub next_look: f64,
    /// The step after which the run pauses by itself.
    pub pause_at: Option<u64>,
    /// What arrived and was not looked at yet.
    pub arrived: VecDeque<Command>,
    /// Commands that must wait until the run is over.
    pub deferred: &'a mut VecDeque<Command>,
}

impl<H: Host> RunControl<'_, H> {
    /// Handles what arrived since the last step; waits while paused.
    pub async fn poll_commands(&mut self, trainer: &Trainer, clock: &mut Clock) -> Result<Wish> {
        self.arrived.extend(self.host.yield_now().await);
        if self.pause_at.is_some_and(|step| trainer.step() >= step) {
            self.pause_at = None;
            self.arrived.push_front(Command::Pause);
        }
        self.handle_arrived(trainer, clock).await
    }

    /// Handles what arrived amid an evaluation. A stop also stays for the run, which has more to end than that.
    pub async fn poll_during_evaluation(
        &mut self,
        trainer: &Trainer,
        clock: &mut Clock,
    ) -> Result<Wish> {
        self.arrived.extend(self.host.yield_now().await);
        let wish = self.handle_arrived(trainer, clock).await?;
        if wish == Wish::Stop {
            self.arrived.push_front(Command::Stop);
        }
        Ok(wish)
    }

    async fn handle_arrived(&mut self, trainer: &Trainer, clock: &mut Clock) -> Result<Wish> {
        let mut paused = false;
        loop {
            let command = match self.arrived.pop_front() {
                Some(command) => command,
                None if paused => self.host.next_control_command().await,
                None => return Ok(Wish::GoOn),
            };
            let (run, step) = (self.run.to_string(), trainer.step());
            match command {
                Command::Stop => return Ok(Wish::Stop),
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
                question if is_question(&question) && !self.answers => {
                    self.deferred.push_back(question)
                }
                Command::PreviewMasking {
                    config,
                    example,
                    epoch,
                    text,
                } => {
                    self.look_at(trainer, config, example, epoch, text).await?;
                }
                question @ (Command::Attend { .. }
                | Command::Tokenize { .. }
                | Command::ExportModel { .. }) => {
                    self.answer(trainer, question, true).await;
                }
                question @ (Command::FillMask { .. } | Command::FillMasks { .. }) => {
                    self.answer(trainer, question, trainer.heads.masked_lm)
                        .await;
                }
                question @ Command::Classify { .. } => {
                    self.answer(trainer, question, !trainer.heads.masked_lm)
                        .await
                }
                other => self.deferred.push_back(other),
            }
        }
    }

    /// Whether a stop arrived that nobody has heeded yet.
    pub fn stop_requested(&self) -> bool {
        self.arrived.contains(&Command::Stop)
    }

    /// Answers with the values at hand or, where those are of the other kind, with the model that was there before.
    async fn answer(&self, trainer: &Trainer, question: Command, own: bool) {
        let other = self.other.clone().filter(|_| !own);
        let (model, run_step) = match other {
            Some(other) => (other, RunStep::default()),
            None => (trainer.trained(), self.run_step(trainer)),
        };
        inference::answer(
            self.host,
            &model,
            &trainer.optimizer.device,
            question,
            run_step,
        )
        .await;
    }

    /// Shows what the present values make of the text that a person looks at, where there is one.
    pub async fn look(&mut self, trainer: &Trainer) -> Result<()> {
        let Some(watched) = &*self.watched else {
            return Ok(());
        };
        let began = self.host.now_secs();
        let masked_text = watched.masked_text(&trainer.tokenizer, &trainer.model);
        let params = trainer.params();
        let view = ModelView {
            config: &trainer.model,
            params: &params,
            heads: trainer.heads,
            tokenizer: &trainer.tokenizer,
            device: &trainer.optimizer.device,
        };
        for (event, buffers) in masked_text.seen(&view, self.run_step(trainer)).await? {
            self.host.emit(event, buffers);
        }
        let ended = self.host.now_secs();
        self.next_look = ended + LOOK_SECS.max((ended - began) * LOOK_REST);
        Ok(())
    }

    fn run_step(&self, trainer: &Trainer) -> RunStep<'_> {
        RunStep {
            run: self.run,
            step: Some(trainer.step()),
        }
    }

    /// Looks at another text, mask or share from now on.
    async fn look_at(
        &mut self,
        trainer: &Trainer,
        config: RunConfig,
        example: u64,
        epoch: u64,
        text: Option<String>,
    ) -> Result<()> {
        let text = match (text, self.text) {
            (Some(text), _) => text,
            (None, Some(corpus)) => match corpus.training_text(example) {
                Ok(text) => text,
                // What cannot be read is told; the run reads elsewhere and goes on.
                Err(error) => {
                    self.host
                        .emit(inference::query_error(Some(0), &error.into()), Vec::new());
                    return Ok(());
                }
            },
            (None, None) => return Ok(()),
        };
        *self.watched = Some(PreviewRequest {
            config,
            example,
            epoch,
            text,
        });
        self.look(trainer).await
    }
}

/// Whether the values of a run, or of a model, can answer it.
pub(super) fn is_question(command: &Command) -> bool {
    matches!(
        command,
        Command::PreviewMasking { .. }
            | Command::Attend { .. }
            | Command::Tokenize { .. }
            | Command::FillMask { .. }
            | Command::FillMasks { .. }
            | Command::Classify { .. }
            | Command::ExportModel { .. }
    )
}
