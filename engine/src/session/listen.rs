//! What a run hears between two steps: stop, pause, single steps, and questions that its present values answer. A question
//! changes nothing of the run; other commands keep their place until it is over. Amid an evaluation only a stop is heeded
//! at once.

use super::ask;
use super::clock::Clock;
use super::host::Host;
use super::look::{Eye, Moment, Watched};
use super::run::Run;
use super::task::Task;
use crate::error::Result;
use protocol::{Command, Event, RunConfig};

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

impl<H: Host, T: Task> Run<'_, H, T> {
    /// Handles what arrived since the last step; waits while paused.
    pub async fn listen(&mut self, clock: &mut Clock) -> Result<Wish> {
        self.arrived.extend(self.host.breathe().await);
        let mut paused = false;
        if self.pause_at.is_some_and(|step| self.at.values.step >= step) {
            self.pause_at = None;
            self.arrived.push_front(Command::Pause);
        }
        loop {
            let command = match self.arrived.pop_front() {
                Some(command) => command,
                None if paused => self.host.next_order().await,
                None => return Ok(Wish::GoOn),
            };
            let (run, step) = (self.name.to_string(), self.at.values.step);
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
                question if is_question(&question) && !self.task.answers() => self.deferred.push_back(question),
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

    /// Whether a stop arrived that nobody has heeded yet.
    pub fn hears_stop(&self) -> bool {
        self.arrived.contains(&Command::Stop)
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

    /// Shows what the present values make of the text that a person looks at, where there is one.
    pub async fn look(&mut self) -> Result<()> {
        let Some(watched) = &*self.watched else { return Ok(()) };
        let began = self.host.now_secs();
        let specimen = watched.specimen(&self.tokenizer, &self.model);
        let leaves = self.optimizer.frozen(&self.at.values);
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
        Moment { run: self.name, step: Some(self.at.values.step) }
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
}

/// Whether the values of a run can answer it.
fn is_question(command: &Command) -> bool {
    use Command::{Attend, Classify, FillMask, PreviewMasking, Tokenize};
    matches!(command, PreviewMasking { .. } | Attend { .. } | Tokenize { .. } | FillMask { .. } | Classify { .. })
}
