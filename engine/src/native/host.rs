//! What a running session talks to on the command line: events go to the run's journal, to the terminal and, with
//! `--json`, to stdout; checkpoints go to its directory; a signal comes back as a `Stop`.

use super::args::Common;
use super::checkpoints;
use super::journal::Journal;
use super::output::{self, Reader};
use super::progress::Progress;
use super::record::{RECORD_FILE, Record};
use super::rescue;
use super::signals;
use super::store::{RunDir, WriteFailure};
use super::token_cache::TokenCache;
use super::tui::Screen;
use crate::data::{InputFile, Opened, TempStorage};
use crate::error::Error;
use crate::session::{CacheEntry, Host, Snapshot};
use protocol::{Command, Event};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Code of the warning that the log cannot be written.
const LOG_FAILED: &str = "log-failed";
/// Code of the warning that a checkpoint cannot be written.
const CHECKPOINT_FAILED: &str = "checkpoint-failed";
/// Between two looks for a signal while a session waits.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// The command line as a session sees it. Single-threaded, like the session.
pub struct NativeHost {
    opened: Instant,
    progress: RefCell<Progress>,
    /// In place of progress, where a person asked for it; taken down at the end of the run.
    screen: RefCell<Option<Screen>>,
    /// Whether stdout gets the events: until its reader leaves.
    json: Cell<bool>,
    run: RefCell<Option<OpenRun>>,
    /// Events from before the run's first file.
    early: RefCell<Vec<Event>>,
    /// The first thing that could not be written. The run stops, and fails with it.
    failure: RefCell<Option<Error>>,
    /// Whether the run's directory is no longer its own. The run stops, and its last state is saved elsewhere.
    lost: Cell<bool>,
    /// Codes of what cannot be written at present. Each is told once until it can be written again.
    troubles: RefCell<BTreeSet<&'static str>>,
    tokens: TokenCache,
}

/// A run with its directory.
#[derive(Debug)]
pub(super) struct OpenRun {
    /// Where it is kept.
    pub dir: RunDir,
    /// What `run.json` says, or will say.
    pub record: Record,
    /// Step that it goes on after; 0 for a new one.
    pub from_step: u64,
    /// Its log, once it has one.
    pub journal: Option<Journal>,
}

impl OpenRun {
    /// A run that has yet to start, or to go on after `from_step`.
    pub fn new(dir: RunDir, record: Record, from_step: u64) -> Self {
        Self {
            dir,
            record,
            from_step,
            journal: None,
        }
    }

    /// First files of a run: from here on its directory is a run's.
    fn begin(&mut self, parameters: u64) -> Result<(), WriteFailure> {
        self.record.parameters = Some(parameters);
        self.dir.write(RECORD_FILE, &self.record.to_json())?;
        self.journal = Some(Journal::open(&self.dir, self.from_step)?);
        signals::resumable();
        Ok(())
    }
}

impl NativeHost {
    /// A host for one process, as its flags ask for.
    pub(super) fn of(common: &Common) -> Self {
        Self {
            tokens: TokenCache::new(common.token_cache.as_deref()),
            ..Self::new(common.json, common.quiet)
        }
    }

    /// A host for one process.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self {
            opened: Instant::now(),
            progress: RefCell::new(Progress::new(quiet)),
            screen: RefCell::new(None),
            json: Cell::new(json),
            run: RefCell::new(None),
            early: RefCell::default(),
            failure: RefCell::new(None),
            lost: Cell::new(false),
            troubles: RefCell::default(),
            tokens: TokenCache::new(None),
        }
    }

    /// Shows the run as a board from here on.
    ///
    /// # Errors
    /// When there is no terminal.
    pub(super) fn open_screen(&self) -> Result<(), Error> {
        *self.screen.borrow_mut() = Some(Screen::open()?);
        Ok(())
    }

    /// Whether a person sees a line of the text.
    pub(super) fn is_watched(&self) -> bool {
        self.screen.borrow().is_some()
    }

    /// Gives the terminal back.
    pub(super) fn close_screen(&self) {
        self.screen.borrow_mut().take();
    }

    fn to_people(&self, event: &Event) {
        match self.screen.borrow_mut().as_mut() {
            Some(screen) => screen.show(event),
            None => self.progress.borrow_mut().show(event),
        }
    }

    /// Gives the next run its directory.
    pub(super) fn attach(&self, run: OpenRun) {
        *self.run.borrow_mut() = Some(run);
    }

    /// Takes the run back when it is over.
    ///
    /// # Errors
    /// The first thing that could not be written meanwhile.
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

    /// Adds an event to the run's log. A run is worth going on without: only what it cannot start without fails.
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
        // Each event is added, whatever became of the one before.
        let results: Vec<_> = early
            .drain(..)
            .map(|event| journal.append(dir, &event))
            .collect();
        results.into_iter().collect()
    }

    /// Tells once that something cannot be written, until [`Self::end_trouble`].
    fn warn_once(&self, code: &'static str, message: String) {
        if !self.troubles.borrow_mut().insert(code) {
            return;
        }
        let run = self
            .run
            .borrow()
            .as_ref()
            .map(|run| run.record.run.clone())
            .unwrap_or_default();
        self.emit(
            Event::Warning {
                run,
                code: code.into(),
                message,
            },
            Vec::new(),
        );
    }

    /// Whether the run has its first files.
    fn has_begun(&self) -> bool {
        self.run
            .borrow()
            .as_ref()
            .is_some_and(|run| run.journal.is_some())
    }

    fn end_trouble(&self, code: &'static str) {
        self.troubles.borrow_mut().remove(code);
    }

    fn to_stdout(&self, event: &Event) -> Result<(), Error> {
        if self.json.get() && output::json_line(event)? == Reader::Gone {
            // The run itself is worth going on without a listener.
            self.json.set(false);
        }
        Ok(())
    }

    /// Remembers what went wrong first; the run stops after its step and ends with it.
    fn fail(&self, error: Error) {
        self.failure.borrow_mut().get_or_insert(error);
    }
}

/// Tells that the log has a gap at present.
fn log_failed(failure: WriteFailure) -> String {
    let error = Error::from(failure);
    format!("{error}. The run goes on; the lines that are missing follow when they can be written")
}

impl Host for NativeHost {
    /// The command line shows nothing that comes as bulk bytes.
    fn emit(&self, event: Event, _buffers: Vec<Vec<u8>>) {
        self.to_people(&event);
        // What a person watches comes by the clock: it is no part of what a run can be held to.
        if matches!(event, Event::Masking { .. } | Event::Attention { .. }) {
            return;
        }
        if let Err(error) = self.to_stdout(&event) {
            self.fail(error);
        }
        match self.to_journal(&event) {
            Ok(()) => self.end_trouble(LOG_FAILED),
            Err(failure) if failure.is_lost() => self.lost.set(true),
            Err(failure) if self.has_begun() => self.warn_once(LOG_FAILED, log_failed(failure)),
            Err(failure) => self.fail(failure.into()),
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

    /// Only a signal or a key can come, and only a paused session waits for one; nobody watches the clock meanwhile.
    async fn next_command(&self) -> Command {
        while !signals::stop_asked() {
            match self.screen.borrow_mut().as_mut() {
                Some(screen) => {
                    if let Some(command) = screen.keys(SIGNAL_INTERVAL).into_iter().next() {
                        return command;
                    }
                }
                None => std::thread::sleep(SIGNAL_INTERVAL),
            }
        }
        Command::Stop
    }

    fn saves_checkpoints(&self, _run: &str) -> bool {
        self.run.borrow().is_some()
    }

    async fn open(&self, files: Vec<InputFile>) -> Opened {
        Opened::new(&files)
    }

    /// Keeps a checkpoint. One that cannot be kept is a warning: the run goes on and the older checkpoints stay. In a lost
    /// directory it is saved elsewhere, and the run ends.
    async fn keep(&self, _run: &str, snapshot: &Snapshot) -> Result<Option<String>, Error> {
        let result = match self.run.borrow().as_ref() {
            // Without its first files a run cannot be resumed: a checkpoint would only be in the way.
            Some(OpenRun {
                dir,
                journal: Some(journal),
                record,
                ..
            }) => {
                // A log that cannot be written was told already.
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
                self.end_trouble(CHECKPOINT_FAILED);
                Ok(Some(path))
            }
            Err(failure) => {
                let error = Error::from(failure);
                let message = format!(
                    "no checkpoint of step {}: {error}. {}",
                    snapshot.step,
                    error.hint()
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
