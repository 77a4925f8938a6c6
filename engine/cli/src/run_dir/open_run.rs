//! A run while it is written to its directory.

use super::journal::Journal;
use super::record::Record;
use super::store::{RECORD_FILE, RunDir, WriteFailure};
use super::tensorboard::EventFile;
use crate::terminal::signals;

/// A run and its directory.
#[derive(Debug)]
pub(crate) struct OpenRun {
    /// The claimed run directory.
    pub dir: RunDir,
    /// The content of `run.json`, which is written when the run starts.
    pub record: Record,
    /// Step after which the run resumes; 0 for a new run.
    pub from_step: u64,
    /// The event log, opened when the run starts.
    pub journal: Option<Journal>,
    /// The event file for TensorBoard, if one is wanted; opened when the run starts.
    pub tensorboard: Option<EventFile>,
}

impl OpenRun {
    /// Creates a run that has yet to start, or to resume after `from_step`.
    pub fn new(dir: RunDir, record: Record, from_step: u64) -> Self {
        Self {
            dir,
            record,
            from_step,
            journal: None,
            tensorboard: None,
        }
    }

    /// Writes the record and opens the log. From here on the directory holds a run that can be
    /// resumed.
    pub fn begin(&mut self, parameters: u64) -> Result<(), WriteFailure> {
        self.record.parameters = Some(parameters);
        self.dir.write(RECORD_FILE, &self.record.to_json())?;
        self.journal = Some(Journal::open(&self.dir, self.from_step)?);
        signals::resumable();
        Ok(())
    }
}
