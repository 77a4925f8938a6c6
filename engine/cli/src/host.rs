//! The [`Host`] of the command line: events go to the journal of the run, to the terminal and, with
//! `--json`, to stdout; checkpoints go to the run directory; a signal becomes a `Stop` command.

use super::args::Common;
use crate::run_dir::checkpoints;
use crate::run_dir::open_run::OpenRun;
use crate::run_dir::rescue;
use crate::run_dir::store::WriteFailure;
use crate::run_dir::tensorboard::EventFile;
use crate::run_dir::token_cache::TokenCache;
use crate::terminal::output::{self, Reader};
use crate::terminal::progress::Progress;
use crate::terminal::signals;
use crate::terminal::tui::Screen;
use data::{InputFile, Opened, TempStorage};
use engine::error::Error;
use engine::session::{CacheEntry, Delivery, Host, Snapshot};
use protocol::{Command, Event, Message, message};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

/// Code of the warning that the log cannot be written.
const LOG_FAILED: &str = "log-failed";
/// Code of the warning that a checkpoint cannot be written.
const CHECKPOINT_FAILED: &str = "checkpoint-failed";
/// Code of the warning that the event file of TensorBoard cannot be written.
const TENSORBOARD_FAILED: &str = "tensorboard-failed";
/// Interval at which a waiting session polls for signals.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// The command line as the host of a session. Single-threaded, like the session.
pub struct NativeHost {
    opened: Instant,
    progress: RefCell<Progress>,
    /// The dashboard of `--tui`, which replaces `progress` until the run ends.
    screen: RefCell<Option<Screen>>,
    /// Whether events go to stdout; turned off once its pipe is closed.
    json: Cell<bool>,
    /// Whether runs write event files for TensorBoard.
    tensorboard: Cell<bool>,
    run: RefCell<Option<OpenRun>>,
    /// Events that have not been appended to the log, which is opened when the run starts.
    early: RefCell<Vec<Event>>,
    /// The first fatal error. The run stops and returns it.
    failure: RefCell<Option<Error>>,
    /// Whether the directory of the run was removed, renamed or replaced. The run then stops, and
    /// its last state is saved elsewhere.
    lost: Cell<bool>,
    /// Codes of the write failures that persist at present. Each is reported once until the write
    /// succeeds again.
    troubles: RefCell<BTreeSet<&'static str>>,
    tokens: TokenCache,
}

impl NativeHost {
    /// Creates a host with the common flags of a command.
    pub(super) fn of(common: &Common) -> Self {
        Self {
            tokens: TokenCache::new(common.token_cache.as_deref()),
            ..Self::new(common.json, common.quiet)
        }
    }

    /// Creates a host. `json` writes events to stdout; `quiet` hides everything but warnings.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self {
            opened: Instant::now(),
            progress: RefCell::new(Progress::new(quiet)),
            screen: RefCell::new(None),
            json: Cell::new(json),
            tensorboard: Cell::new(false),
            run: RefCell::new(None),
            early: RefCell::default(),
            failure: RefCell::new(None),
            lost: Cell::new(false),
            troubles: RefCell::default(),
            tokens: TokenCache::new(None),
        }
    }

    /// Enables event files of TensorBoard for later runs.
    pub(super) fn write_tensorboard(&self) {
        self.tensorboard.set(true);
    }

    /// Shows the run as a dashboard in the terminal from here on.
    ///
    /// # Errors
    /// Returns an error if stdout is not a terminal or the terminal cannot be set up.
    pub(super) fn open_screen(&self) -> Result<(), Error> {
        *self.screen.borrow_mut() = Some(Screen::open()?);
        Ok(())
    }

    /// Whether the dashboard is open, which shows previews of the model.
    pub(super) fn is_watched(&self) -> bool {
        self.screen.borrow().is_some()
    }

    /// Closes the dashboard and restores the terminal.
    pub(super) fn close_screen(&self) {
        self.screen.borrow_mut().take();
    }

    fn show(&self, event: &Event) {
        match self.screen.borrow_mut().as_mut() {
            Some(screen) => screen.show(event),
            None => self.progress.borrow_mut().show(event),
        }
    }

    /// Attaches the next run, whose events and checkpoints then go to its directory.
    pub(super) fn attach(&self, run: OpenRun) {
        *self.run.borrow_mut() = Some(run);
    }

    /// Detaches the run after it has ended.
    ///
    /// # Errors
    /// Returns the first fatal error of the run, if there was one.
    pub(super) fn detach(&self) -> Result<OpenRun, Error> {
        let run = self
            .run
            .borrow_mut()
            .take()
            .expect("a run was attached before it started");
        match self.failure.borrow_mut().take() {
            Some(error) => Err(error),
            None => Ok(run),
        }
    }

    /// Appends an event to the log of the run, and opens the log at the start of the run. The
    /// caller treats a failure as fatal only before the run has started: a run continues without
    /// its log.
    fn to_journal(&self, event: &Event) -> Result<(), WriteFailure> {
        let mut early = self.early.borrow_mut();
        early.push(event.clone());
        let mut run = self.run.borrow_mut();
        let Some(run) = run.as_mut() else {
            return Ok(());
        };
        if let Event::Started { parameters, .. } = event {
            run.begin(*parameters)?;
        }
        let OpenRun {
            dir,
            journal: Some(journal),
            ..
        } = run
        else {
            return Ok(());
        };
        // Append each event, even if an earlier one failed.
        let results: Vec<_> = early
            .drain(..)
            .map(|event| journal.append(dir, &event))
            .collect();
        results.into_iter().collect()
    }

    /// Appends an event to the TensorBoard file of the run, which is created when the run starts.
    /// After a failure nothing more is written: the last record may be incomplete.
    fn to_tensorboard(&self, event: &Event) -> io::Result<()> {
        let mut run = self.run.borrow_mut();
        let run = run.as_mut().filter(|_| self.tensorboard.get());
        let Some(run) = run else {
            return Ok(());
        };
        if matches!(event, Event::Started { .. }) {
            run.tensorboard = Some(EventFile::create(run.dir.path(), run.from_step)?);
        }
        let file = run.tensorboard.as_mut();
        let result = file.map_or(Ok(()), |file| file.append(event));
        if result.is_err() {
            run.tensorboard = None;
        }
        result
    }

    /// Emits a warning about a write failure, once until [`Self::clear_warning`] is called.
    fn warn_once(&self, code: &'static str, message: Message) {
        if !self.troubles.borrow_mut().insert(code) {
            return;
        }
        let run = self
            .run
            .borrow()
            .as_ref()
            .map(|run| run.record.run.clone())
            .unwrap_or_default();
        self.emit(Event::Warning {
            run,
            code: code.into(),
            message,
        });
    }

    /// Whether the run has written its first files.
    fn has_begun(&self) -> bool {
        self.run
            .borrow()
            .as_ref()
            .is_some_and(|run| run.journal.is_some())
    }

    fn clear_warning(&self, code: &'static str) {
        self.troubles.borrow_mut().remove(code);
    }

    fn to_stdout(&self, event: &Event) -> Result<(), Error> {
        if self.json.get() && output::json_line(event)? == Reader::Gone {
            // The run continues without a reader.
            self.json.set(false);
        }
        Ok(())
    }

    /// Records the first fatal error. The run stops after the current step and returns it.
    fn fail(&self, error: Error) {
        self.failure.borrow_mut().get_or_insert(error);
    }
}

/// Returns the message of the warning that events are missing from the log.
fn log_failed(failure: WriteFailure) -> Message {
    let error = Error::from(failure);
    message!(
        "{error}. The run continues; the missing lines will be added once the log can be written",
        error = error.message()
    )
}

impl Host for NativeHost {
    /// Ignores the buffers, since the command line shows no bulk data.
    fn emit_with(&self, event: Event, _buffers: Vec<Vec<u8>>) {
        self.show(&event);
        // Previews are emitted by wall-clock time, so they are not reproducible and stay out of the
        // log.
        if matches!(event, Event::Masking { .. } | Event::Attention { .. }) {
            return;
        }
        if let Err(error) = self.to_stdout(&event) {
            self.fail(error);
        }
        match self.to_journal(&event) {
            Ok(()) => self.clear_warning(LOG_FAILED),
            Err(failure) if failure.is_lost() => self.lost.set(true),
            Err(failure) if self.has_begun() => self.warn_once(LOG_FAILED, log_failed(failure)),
            Err(failure) => self.fail(failure.into()),
        }
        if let Err(error) = self.to_tensorboard(&event) {
            self.warn_once(
                TENSORBOARD_FAILED,
                message!(
                    "the event file of TensorBoard cannot be written: {error}. The run continues without it",
                    error = error.to_string()
                ),
            );
        }
    }

    fn now_secs(&self) -> f64 {
        self.opened.elapsed().as_secs_f64()
    }

    async fn yield_now(&self) -> Vec<Command> {
        if signals::stop_asked() || self.lost.get() || self.failure.borrow().is_some() {
            return vec![Command::Stop];
        }
        self.screen
            .borrow_mut()
            .as_mut()
            .map(|screen| screen.keys(Duration::ZERO))
            .unwrap_or_default()
    }

    /// Blocks the thread and polls for a signal or a key: only a paused session waits here, and it
    /// has nothing else to do.
    async fn next_delivery(&self) -> Delivery {
        while !signals::stop_asked() {
            match self.screen.borrow_mut().as_mut() {
                Some(screen) => {
                    if let Some(command) = screen.keys(SIGNAL_INTERVAL).into_iter().next() {
                        return command.into();
                    }
                }
                None => std::thread::sleep(SIGNAL_INTERVAL),
            }
        }
        Command::Stop.into()
    }

    fn saves_checkpoints(&self, _run: &str) -> bool {
        self.run.borrow().is_some()
    }

    async fn open(&self, files: Vec<InputFile>) -> Opened {
        Opened::new(&files)
    }

    /// Saves a checkpoint. A failure is only a warning: the run continues and older checkpoints
    /// stay. If the directory is lost, the checkpoint is saved elsewhere and the run ends.
    async fn keep(&self, _run: &str, snapshot: &Snapshot) -> Result<Option<String>, Error> {
        let result = match self.run.borrow().as_ref() {
            // Without its first files a run cannot be resumed, and a checkpoint would be useless.
            Some(OpenRun {
                dir,
                journal: Some(journal),
                record,
                ..
            }) => {
                // A failure to write the log has already been reported.
                let _ = journal.sync(dir);
                let result = checkpoints::keep(dir, snapshot);
                if result.as_ref().is_err_and(WriteFailure::is_lost) {
                    self.lost.set(true);
                    let rescued = || rescue::save_snapshot(dir.path(), record, snapshot);
                    self.failure.borrow_mut().get_or_insert_with(rescued);
                    return Ok(None);
                }
                result
            }
            _ => return Ok(None),
        };
        match result {
            Ok(path) => {
                self.clear_warning(CHECKPOINT_FAILED);
                Ok(Some(path))
            }
            Err(failure) => {
                let error = Error::from(failure);
                let message = message!(
                    "the checkpoint of step {step} was not saved: {error}. {hint}",
                    step = snapshot.step,
                    error = error.message(),
                    hint = error.hint()
                );
                self.warn_once(CHECKPOINT_FAILED, message);
                Ok(None)
            }
        }
    }

    async fn newest_checkpoint(&self, _run: &str) -> Result<Option<Snapshot>, Error> {
        Ok(self
            .run
            .borrow()
            .as_ref()
            .and_then(|run| checkpoints::newest(run.dir.path()).0))
    }

    fn scratch(&self) -> Box<dyn TempStorage> {
        self.tokens.scratch()
    }

    fn cached(&self, key: &str) -> Option<Vec<CacheEntry>> {
        self.tokens.get(key)
    }

    fn cache(&self, key: &str, pieces: &[CacheEntry]) {
        self.tokens.put(key, pieces);
    }
}
