//! What a session needs from the platform that it runs on.

use crate::data::{ChunkedBuffer, InputFile, Opened, ReadAt, TempStorage};
use crate::error::Result;
use protocol::{Command, Event};
use std::rc::Rc;

/// A run directory's model files, by name: `config.json`, `model.safetensors`, the tokenizer's.
pub type ModelFiles = Vec<(String, Vec<u8>)>;

/// Everything that resuming needs besides the corpus, as named files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Optimisation steps done.
    pub step: u64,
    /// Model files, `optimizer.safetensors` and `state.json`.
    pub files: ModelFiles,
}

/// Bytes under a name.
#[derive(Clone)]
pub struct CacheEntry {
    /// Without folders.
    pub name: String,
    /// How many bytes.
    pub size: u64,
    /// The bytes.
    pub bytes: Rc<dyn ReadAt>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunOutcome {
    /// Optimisation steps done.
    pub step: u64,
    /// True where it was stopped before its plan was done.
    pub stopped: bool,
    /// Seconds of training, pauses left out.
    pub elapsed_secs: f64,
}

/// The platform, as a session sees it. One thread: futures need not be `Send`.
#[allow(
    async_fn_in_trait,
    reason = "both hosts drive the session on one thread"
)]
pub trait Host {
    /// Hands an event out, with the bulk bytes that belong to it.
    fn emit(&self, event: Event, buffers: Vec<Vec<u8>>);

    /// Seconds since some fixed moment.
    fn now_secs(&self) -> f64;

    /// Lets the platform run (messages, signals, GPU callbacks) and gives the commands that arrived meanwhile.
    async fn yield_now(&self) -> Vec<Command>;

    /// Waits until a command arrives.
    async fn next_command(&self) -> Command;

    /// Waits for a control or a question; other commands keep their place. For a run that is paused.
    async fn next_control_command(&self) -> Command {
        self.next_command().await
    }

    /// Replaces each archive, workbook and Word document by the texts in it.
    async fn open(&self, files: Vec<InputFile>) -> Opened;

    /// Has checkpoints of `run` saved in `folder` from here on, where the platform does not decide that itself.
    fn save_checkpoints(&self, _run: &str, _folder: &str) {}

    /// Continues the log of the run that resumes from `checkpoint` after the lines `log`.
    fn resume_log(&self, _checkpoint: &str, _log: &[u8]) {}

    /// Whether [`Self::keep`] has a place for checkpoints of `run`: a snapshot is not made for nothing.
    fn saves_checkpoints(&self, _run: &str) -> bool {
        true
    }

    /// Whether a checkpoint of `run` is due after a step; `by_steps`: the plan says so. A platform may follow its clock
    /// instead.
    fn is_checkpoint_due(&self, _run: &str, by_steps: bool) -> bool {
        by_steps
    }

    /// Saves a snapshot of `run`, whole or not at all; returns where, or `None` where the platform saves none.
    ///
    /// # Errors
    /// When the platform has a place for it and could not write there.
    async fn keep(&self, run: &str, snapshot: &Snapshot) -> Result<Option<String>>;

    /// The newest whole checkpoint of `run`, which it may have to return to; `None` if the platform saved none.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn newest_checkpoint(&self, _run: &str) -> Result<Option<Snapshot>> {
        Ok(None)
    }

    /// A place to set bytes aside while working; memory, unless the platform has a better one.
    fn scratch(&self) -> Box<dyn TempStorage> {
        Box::<ChunkedBuffer>::default()
    }

    /// What was cached under `key`, unless it is damaged or the platform caches nothing.
    fn cached(&self, _key: &str) -> Option<Vec<CacheEntry>> {
        None
    }

    /// Keeps `pieces` for another time, where the platform can. Without them the work is done again.
    fn cache(&self, _key: &str, _pieces: &[CacheEntry]) {}
}
