//! Handles commands that arrive while a run is in progress: stop, pause, single steps, and queries
//! that the current parameters can answer. Queries do not affect the run; all other commands wait
//! until it is over.

use crate::data::Corpus;
use crate::error::Result;
use crate::session::host::Host;
use crate::session::loaded_model::LoadedModel;
use crate::session::query::inference;
use crate::session::query::preview::{ModelView, PreviewRequest, RunStep};
use crate::session::run::clock::Clock;
use crate::session::run::trainer::Trainer;
use protocol::{Command, CommandKind, Event, RunConfig};
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// Minimum seconds between two previews.
const PREVIEW_INTERVAL_SECS: f64 = 0.4;
/// A preview that took `t` seconds is followed by at least `49 t` without one: previews cost at
/// most 2 % of the time.
const PREVIEW_REST: f64 = 49.0;

/// The command queue of a run, and what its queries are answered from.
pub struct RunControl<'a, H: Host> {
    /// The host that commands come from and events go to.
    pub host: &'a H,
    /// Id of the run, as in its events.
    pub run: &'a str,
    /// Whether queries are answered with the parameters of the run; otherwise they wait until it is
    /// over.
    pub answers: bool,
    /// The model of the other phase, for queries that the model in training cannot answer.
    pub other: Option<LoadedModel>,
    /// The corpus that previewed examples come from.
    pub text: Option<&'a Corpus>,
    /// The example to preview.
    pub watched: &'a mut Option<PreviewRequest>,
    /// Host time of the next preview, in seconds.
    pub next_preview_secs: f64,
    /// The step after which the run pauses (single-step mode).
    pub pause_at: Option<u64>,
    /// Commands that arrived and were not handled yet.
    pub arrived: VecDeque<Command>,
    /// Commands that wait until the run is over.
    pub deferred: &'a mut VecDeque<Command>,
}

impl<H: Host> RunControl<'_, H> {
    /// Handles the commands that arrived since the last step; waits while paused.
    pub async fn poll_commands(
        &mut self,
        trainer: &Trainer,
        clock: &mut Clock,
    ) -> Result<ControlFlow<()>> {
        self.arrived.extend(self.host.yield_now().await);
        if self.pause_at.is_some_and(|step| trainer.step() >= step) {
            self.pause_at = None;
            self.arrived.push_front(Command::Pause);
        }
        self.handle_arrived(trainer, clock).await
    }

    /// Handles the commands that arrived during an evaluation. A stop also stays queued for the run
    /// itself.
    pub async fn poll_during_evaluation(
        &mut self,
        trainer: &Trainer,
        clock: &mut Clock,
    ) -> Result<ControlFlow<()>> {
        self.arrived.extend(self.host.yield_now().await);
        let flow = self.handle_arrived(trainer, clock).await?;
        if flow.is_break() {
            self.arrived.push_front(Command::Stop);
        }
        Ok(flow)
    }

    async fn handle_arrived(
        &mut self,
        trainer: &Trainer,
        clock: &mut Clock,
    ) -> Result<ControlFlow<()>> {
        let mut paused = false;
        loop {
            let command = match self.arrived.pop_front() {
                Some(command) => command,
                None if paused => self.host.next_control_command().await,
                None => return Ok(ControlFlow::Continue(())),
            };
            let (run, step) = (self.run.to_string(), trainer.step());
            match command {
                Command::Stop => return Ok(ControlFlow::Break(())),
                Command::Pause if !paused => {
                    paused = true;
                    clock.pause(self.host.now_secs());
                    self.host.emit(Event::Paused { run, step });
                }
                Command::Resume if paused => {
                    paused = false;
                    clock.resume(self.host.now_secs());
                    self.host.emit(Event::Resumed { run, step });
                }
                Command::Step { steps } => {
                    self.pause_at = Some(step + steps.max(1));
                    if paused {
                        paused = false;
                        clock.resume(self.host.now_secs());
                        self.host.emit(Event::Resumed { run, step });
                    }
                }
                Command::Pause | Command::Resume => (),
                question if question.kind() == CommandKind::Query && !self.answers => {
                    self.deferred.push_back(question)
                }
                Command::PreviewMasking {
                    config,
                    example,
                    epoch,
                    text,
                } => {
                    self.set_preview(trainer, config, example, epoch, text)
                        .await?;
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
                question @ (Command::Classify { .. } | Command::Explain { .. }) => {
                    self.answer(trainer, question, !trainer.heads.masked_lm)
                        .await
                }
                other => self.deferred.push_back(other),
            }
        }
    }

    /// Whether a stop has arrived and was not handled yet.
    pub fn stop_requested(&self) -> bool {
        self.arrived.contains(&Command::Stop)
    }

    /// Answers with the current parameters (`own`) or, where those lack the head, with the model of
    /// the other phase.
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

    /// Emits a preview of the watched example with the current parameters, if there is one.
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
        for (event, buffers) in masked_text
            .preview_events(&view, self.run_step(trainer))
            .await?
        {
            self.host.emit_with(event, buffers);
        }
        let ended = self.host.now_secs();
        self.next_preview_secs = ended + PREVIEW_INTERVAL_SECS.max((ended - began) * PREVIEW_REST);
        Ok(())
    }

    fn run_step(&self, trainer: &Trainer) -> RunStep<'_> {
        RunStep {
            run: self.run,
            step: Some(trainer.step()),
        }
    }

    /// Changes the previewed example, mask or mask rate, and previews it.
    async fn set_preview(
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
                // Report a text that cannot be read; the run does not need it and continues.
                Err(error) => {
                    self.host
                        .emit(inference::query_error(Some(0), &error.into()));
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
