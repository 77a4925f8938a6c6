//! `metrics.jsonl`: the events of a run as JSON Lines, each line written immediately and completely
//! or not at all.
//!
//! A resumed run first drops the events after its checkpoint, so that the file reads like that of
//! an uninterrupted run, except that each start is recorded. A line that cannot be written is
//! queued and retried before the next one.

use crate::run_dir::store::{RunDir, WriteFailure};
use protocol::Event;
use serde_json::Value;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Name of the event log in a run directory.
pub(crate) const JOURNAL_FILE: &str = engine::interop::HISTORY_FILE;
/// Events that end, pause or resume a run. A resumed run removes them from the log.
const ENDINGS: [&str; 4] = ["finished", "failed", "paused", "resumed"];

/// Maximum number of queued lines while the disk is full; beyond it the oldest are dropped.
const MAX_WAITING: usize = 4096;

/// The event log of a run, open for appending.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Size of the complete lines in the file, in bytes.
    bytes: u64,
    /// Whether a partial line follows the complete ones.
    is_torn: bool,
    /// Lines that could not be written yet, oldest first.
    waiting: VecDeque<String>,
}

impl Journal {
    /// Opens the log of a run that starts or resumes after `step`, which is 0 for a new run. Later
    /// events are removed first.
    ///
    /// # Errors
    /// Returns an error if the write fails or the directory is lost.
    pub fn open(dir: &RunDir, step: u64) -> Result<Self, WriteFailure> {
        let path = dir.path().join(JOURNAL_FILE);
        let mut before: Vec<String> = lines(dir.path()).collect();
        // Events that follow the checkpoint, such as the final evaluation of a stopped run, are
        // emitted again by the resumed run.
        if let Some(checkpoint) = before.iter().rposition(|line| is_checkpoint(line, step)) {
            before.truncate(checkpoint + 1);
        }
        let retained: String = before
            .into_iter()
            .filter(|line| is_kept(line, step))
            .map(|line| line + "\n")
            .collect();
        dir.write(
            JOURNAL_FILE,
            if step == 0 { b"" } else { retained.as_bytes() },
        )?;
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .map_err(|error| dir.failure(&path, error))?;
        let bytes = file
            .metadata()
            .map_err(|error| dir.failure(&path, error))?
            .len();
        Ok(Self {
            path,
            file,
            bytes,
            is_torn: false,
            waiting: VecDeque::new(),
        })
    }

    /// Appends one event to the log of the run in `dir`, after any queued lines.
    ///
    /// # Errors
    /// Returns an error if the directory is lost, or if a line cannot be written; that line stays
    /// queued.
    pub fn append(&mut self, dir: &RunDir, event: &Event) -> Result<(), WriteFailure> {
        dir.check_claim()?;
        let mut line = serde_json::to_string(event).expect("events serialise");
        line.push('\n');
        self.waiting.push_back(line);
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_front();
        }
        self.write_waiting()
            .map_err(|error| dir.failure(&self.path, error))
    }

    /// Writes the queued lines.
    ///
    /// # Errors
    /// Returns an error if a line cannot be written; that line stays queued.
    pub fn write_waiting(&mut self) -> io::Result<()> {
        while let Some(line) = self.waiting.front() {
            if self.is_torn {
                self.file.set_len(self.bytes)?;
                self.is_torn = false;
            }
            if let Err(error) = self.file.write_all(line.as_bytes()) {
                // The next line must not be appended to a partial one.
                self.is_torn = self.file.set_len(self.bytes).is_err();
                return Err(error);
            }
            self.bytes += line.len() as u64;
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Syncs the log to disk, so that it survives a power cut.
    ///
    /// # Errors
    /// Returns an error if the write fails or the directory is lost.
    pub fn sync(&self, dir: &RunDir) -> Result<(), WriteFailure> {
        self.file
            .sync_data()
            .map_err(|error| dir.failure(&self.path, error))
    }
}

/// Reads the events of a run directory. Lines that are truncated or unknown to this version are
/// skipped.
pub(crate) fn events(dir: &Path) -> Vec<Event> {
    lines(dir)
        .filter_map(|line| serde_json::from_str(&line).ok())
        .collect()
}

fn lines(dir: &Path) -> impl Iterator<Item = String> {
    let text = std::fs::read(dir.join(JOURNAL_FILE)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines()
        .map(String::from)
        .collect::<Vec<_>>()
        .into_iter()
}

fn is_kept(line: &str, step: u64) -> bool {
    let Ok(event) = serde_json::from_str::<Value>(line) else {
        return false;
    };
    let ending = event["event"]
        .as_str()
        .is_some_and(|name| ENDINGS.contains(&name));
    !ending && event["step"].as_u64().is_none_or(|at| at <= step)
}

fn is_checkpoint(line: &str, step: u64) -> bool {
    matches!(serde_json::from_str(line), Ok(Event::Checkpoint { step: at, .. }) if at == step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(step: u64) -> Event {
        Event::Finished {
            run: "r".into(),
            step,
            stopped: true,
            elapsed_secs: 1.0,
        }
    }

    fn checkpoint(step: u64) -> Event {
        Event::Checkpoint {
            run: "r".into(),
            step,
            path: format!("checkpoints/step-{step}"),
        }
    }

    fn warning() -> Event {
        Event::Warning {
            run: "r".into(),
            code: "c".into(),
            message: protocol::Message::verbatim("m \u{2028} \n"),
        }
    }

    #[test]
    fn a_resumed_run_drops_the_events_after_its_checkpoint() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let dir = RunDir::create(root.path()).expect("free");
        let mut journal = Journal::open(&dir, 0).expect("writable");
        for event in [
            warning(),
            checkpoint(5),
            warning(),
            checkpoint(10),
            finished(10),
        ] {
            journal.append(&dir, &event).expect("writable");
        }
        let path = root.path().join(JOURNAL_FILE);
        let torn = [
            std::fs::read(&path).expect("there"),
            b"{\"event\":\"step\",\"st".to_vec(),
        ]
        .concat();
        std::fs::write(&path, torn).expect("writable");
        assert_eq!(events(root.path()).len(), 5);
        let mut journal = Journal::open(&dir, 5).expect("writable");
        journal.append(&dir, &checkpoint(7)).expect("writable");
        assert_eq!(
            events(root.path()),
            [warning(), checkpoint(5), checkpoint(7)]
        );
        drop(Journal::open(&dir, 0).expect("writable"));
        assert_eq!(events(root.path()), []);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn lines_refused_by_a_full_disk_are_written_later() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let dir = RunDir::create(root.path()).expect("free");
        let mut journal = Journal::open(&dir, 0).expect("writable");
        journal.append(&dir, &checkpoint(1)).expect("writable");
        let full = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("a device that is always full");
        let file = std::mem::replace(&mut journal.file, full);
        for step in [2, 3] {
            assert!(
                !journal
                    .append(&dir, &checkpoint(step))
                    .expect_err("no room")
                    .is_lost()
            );
        }
        journal.file = file;
        // A partial line, as an interrupted write leaves it.
        journal
            .file
            .write_all(b"{\"event\":\"che")
            .expect("writable");
        journal.append(&dir, &checkpoint(4)).expect("room again");
        assert_eq!(events(root.path()), [1, 2, 3, 4].map(checkpoint));
    }
}
