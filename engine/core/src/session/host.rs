//! The interface between a session and the platform it runs on: events, commands, the clock,
//! checkpoints and caches.

use crate::data::{ByteSource, ChunkedBuffer, InputFile, Opened, ReadAt, TempStorage};
use crate::error::Result;
use protocol::{Command, Event};
use std::rc::Rc;

/// The model files of a run directory, by name: `config.json`, `model.safetensors`, the tokenizer's
/// files.
pub type ModelFiles = Vec<(String, Vec<u8>)>;

/// Everything that a run needs to resume besides the corpus, as named files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Optimiser steps done.
    pub step: u64,
    /// Model files, `optimizer.safetensors` and `state.json`.
    pub files: ModelFiles,
}

/// A named piece of cached data.
#[derive(Clone)]
pub struct CacheEntry {
    /// File name, without folders.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// The contents, read on demand.
    pub bytes: Rc<dyn ReadAt>,
}

/// A command with the contents of its files.
pub struct Delivery {
    /// The command.
    pub command: Command,
    /// The contents, in the order in which the command describes the files.
    pub files: Vec<Rc<dyn ByteSource>>,
}

impl From<Command> for Delivery {
    fn from(command: Command) -> Self {
        Self {
            command,
            files: Vec::new(),
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunOutcome {
    /// Optimiser steps done.
    pub step: u64,
    /// Whether the run was stopped before its plan was done.
    pub stopped: bool,
    /// Seconds of training, without pauses.
    pub elapsed_secs: f64,
}

/// The platform as a session sees it. Single-threaded: futures need not be `Send`.
#[allow(
    async_fn_in_trait,
    reason = "both hosts drive the session on one thread"
)]
pub trait Host {
    /// Sends an event, with the bulk buffers that belong to it.
    fn emit_with(&self, event: Event, buffers: Vec<Vec<u8>>);

    /// Sends an event without buffers.
    fn emit(&self, event: Event) {
        self.emit_with(event, Vec::new());
    }

    /// Returns the seconds since some fixed moment.
    fn now_secs(&self) -> f64;

    /// Yields to the event loop (messages, signals, GPU callbacks) and returns the commands that
    /// arrived meanwhile. A command with files stays queued, and so do all commands behind it but
    /// controls and queries.
    async fn yield_now(&self) -> Vec<Command>;

    /// Waits until a command arrives.
    async fn next_delivery(&self) -> Delivery;

    /// Waits for a control command or a query, for a paused run; other commands stay queued in
    /// order. The default suits hosts whose commands have no files.
    async fn next_control_command(&self) -> Command {
        self.next_delivery().await.command
    }

    /// Names the graphics adapter where the graphics library cannot.
    async fn adapter_name(&self) -> String {
        "an unnamed adapter".into()
    }

    /// Opens input files; each archive, workbook and Word document is replaced by the texts in it.
    async fn open(&self, files: Vec<InputFile>) -> Opened;

    /// Saves the checkpoints of `run` in `folder` from now on, if the platform lets the session
    /// choose the folder.
    fn save_checkpoints(&self, _run: &str, _folder: &str) {}

    /// Continues the log of the run that resumes from `checkpoint`; `log` holds the lines written
    /// so far.
    fn resume_log(&self, _checkpoint: &str, _log: &[u8]) {}

    /// Whether [`Self::keep`] can store checkpoints of `run`. If not, no snapshot is taken.
    fn saves_checkpoints(&self, _run: &str) -> bool {
        true
    }

    /// Whether a checkpoint of `run` is due after a step. `by_steps` is what the plan says; a
    /// platform may decide by its clock instead.
    fn is_checkpoint_due(&self, _run: &str, by_steps: bool) -> bool {
        by_steps
    }

    /// Saves a snapshot of `run` atomically. Returns its location, or `None` if the platform saves
    /// none.
    ///
    /// # Errors
    /// Returns an error if the platform saves checkpoints and the write failed.
    async fn keep(&self, run: &str, snapshot: &Snapshot) -> Result<Option<String>>;

    /// Returns the newest complete checkpoint of `run`, to roll back to; `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if it cannot be read.
    async fn newest_checkpoint(&self, _run: &str) -> Result<Option<Snapshot>> {
        Ok(None)
    }

    /// Number of parts into which the batches of new runs on the CPU are divided, a power of two, so
    /// that helpers can compute some of them. A property of the platform, not of the machine: the
    /// last digits of a run's numbers depend on it.
    fn batch_parts(&self) -> usize {
        1
    }

    /// Number of workers that compute gradients on the CPU, the session's own included; 0 if the
    /// platform has threads instead.
    fn workers(&self) -> usize {
        0
    }

    /// Returns the ids of the helpers that are ready to compute gradients for the session.
    fn helpers(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Starts the helpers, and waits until they are ready or have failed.
    async fn start_helpers(&self) {}

    /// Sends a job to a helper, with the parameters of each group; see
    /// [`Helper::compute`](crate::session::Helper::compute).
    fn send_job(&self, _helper: usize, _job: &str, _parameters: &[Vec<f32>]) {}

    /// Waits at most `limit_secs` for the result of a helper's job; `None` if the helper has failed.
    async fn job_result(&self, _helper: usize, _limit_secs: f64) -> Option<Vec<Vec<f32>>> {
        None
    }

    /// Ends a helper that has failed.
    fn stop_helper(&self, _helper: usize) {}

    /// Returns temporary storage; in memory unless the platform has a better place.
    fn scratch(&self) -> Box<dyn TempStorage> {
        Box::<ChunkedBuffer>::default()
    }

    /// Returns what was cached under `key`; `None` if it is damaged or the platform has no cache.
    fn cached(&self, _key: &str) -> Option<Vec<CacheEntry>> {
        None
    }

    /// Caches `pieces` under `key` if the platform can. A failure only costs doing the work again.
    fn cache(&self, _key: &str, _pieces: &[CacheEntry]) {}
}
