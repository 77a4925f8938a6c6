//! A run directory on disk: exclusive write access and atomic file writes.
//!
//! A file is written under a temporary name (`.clozelab.tmp-`), synced and renamed; then its folder
//! is synced. Temporary files of a killed process are removed by the next process that holds the
//! lock. What the files contain is up to `checkpoints`, `record`, `journal` and `session`.

use crate::run_dir::lock::{DirLock, LOCK_FILE, LockError};
use engine::error::Error;
use engine::session::ModelFiles;
use protocol::{Message, Setting, message};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Name of the record in a run directory.
pub(crate) const RECORD_FILE: &str = "run.json";

/// Prefix of the names of temporary files, which are not yet, or no longer, part of the run.
pub(crate) const TEMPORARY: &str = ".clozelab.tmp-";
pub(crate) use engine::session::CHECKPOINTS;

/// A run directory that only this process may write, until it is dropped. A newly created directory
/// that was never written is removed on drop, so that rejected input leaves no trace.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    /// Directories that were created for it, innermost first.
    made: Vec<PathBuf>,
    written: std::cell::Cell<bool>,
    lock: DirLock,
}

/// The reason why a file of a run could not be written.
#[derive(Debug)]
pub(crate) enum WriteFailure {
    /// The operating system reported an error.
    Disk {
        /// Path of the file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The directory was removed, renamed or replaced, so that another process may write there.
    Lost {
        /// Path of the directory.
        path: PathBuf,
    },
}

impl WriteFailure {
    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Disk { error, .. } if is_full(error.kind()))
    }

    /// Whether the directory no longer belongs to this run.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}

impl From<WriteFailure> for Error {
    fn from(failure: WriteFailure) -> Self {
        match failure {
            WriteFailure::Disk { path, error } => write_error(&path, &error),
            WriteFailure::Lost { path } => Self::Io {
                message: lost_sentence(&path),
                hint: message!(
                    "Choose another {out}, and do not move or delete it while the run is writing to it.",
                    out = Setting::named("out")
                ),
            },
        }
    }
}

impl RunDir {
    /// Claims `path` for a new run: an empty directory, or one that is created.
    ///
    /// # Errors
    /// Returns an error if the directory is not empty, is in use, or cannot be created.
    pub fn create(path: &Path) -> Result<Self, Error> {
        if occupied(path)? {
            return Err(occupied_error(path));
        }
        let made = make(path)?;
        let dir = Self {
            lock: lock(path)?,
            path: path.into(),
            made,
            written: false.into(),
        };
        // Another process may have started a run between the check and the lock.
        if occupied(path)? {
            Err(occupied_error(path))
        } else {
            dir.sweep().map(|()| dir)
        }
    }

    /// Claims the directory of an existing run, which is recognised by the file `marker` in it.
    ///
    /// # Errors
    /// Returns an error if there is no such run, or the directory is in use or cannot be written.
    pub fn reopen(path: &Path, marker: &str) -> Result<Self, Error> {
        if !path.join(marker).is_file() {
            return Err(Error::Input {
                code: "nothing-to-resume",
                message: message!(
                    "{path} contains no run that can be resumed",
                    path = shown(path)
                ),
                hint: message!(
                    "Check {out}, or leave out {resume} to start a run there.",
                    out = Setting::named("out"),
                    resume = Setting::named("resume")
                ),
            });
        }
        let dir = Self {
            lock: lock(path)?,
            path: path.into(),
            made: Vec::new(),
            written: true.into(),
        };
        dir.sweep().map(|()| dir)
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that the path still names the directory that was claimed.
    ///
    /// # Errors
    /// Returns an error if the directory was removed, renamed or replaced.
    pub fn check_claim(&self) -> Result<(), WriteFailure> {
        if self.lock.is_of(&self.path) {
            Ok(())
        } else {
            Err(WriteFailure::Lost {
                path: self.path.clone(),
            })
        }
    }

    /// Returns the reason for a failed write of `path`: the directory is lost, or otherwise
    /// `error`.
    pub fn failure(&self, path: &Path, error: io::Error) -> WriteFailure {
        let lost = self.check_claim().err();
        lost.unwrap_or_else(|| WriteFailure::Disk {
            path: path.into(),
            error,
        })
    }

    /// Writes one file atomically.
    ///
    /// # Errors
    /// Returns an error if the write fails or the directory is lost; an existing file is then left
    /// untouched.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), WriteFailure> {
        self.check_claim()?;
        self.written.set(true);
        let target = self.path.join(name);
        let folder = target
            .parent()
            .expect("a file of a run lies in its directory");
        fs::create_dir_all(folder)
            .and_then(|()| replace(&self.path, &target, bytes))
            .map_err(|error| self.failure(&target, error))
    }

    /// Writes the files of a model, weights last, so that new weights never exist without the files
    /// that describe them.
    ///
    /// # Errors
    /// The errors of [`Self::write`].
    pub fn write_model(&self, files: &ModelFiles) -> Result<(), WriteFailure> {
        let is_weights = |name: &str| name == engine::interop::WEIGHTS_FILE;
        let others = files.iter().filter(|(name, _)| !is_weights(name));
        let weights = files.iter().filter(|(name, _)| is_weights(name));
        others
            .chain(weights)
            .try_for_each(|(name, bytes)| self.write(name, bytes))
    }

    /// Removes temporary files left by a killed process. This process holds the lock, so no other
    /// process is still writing them.
    fn sweep(&self) -> Result<(), Error> {
        for folder in [self.path.clone(), self.path.join(CHECKPOINTS)] {
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            let stale = entries
                .flatten()
                .filter(|entry| entry.file_name().to_string_lossy().starts_with(TEMPORARY));
            stale
                .map(|entry| entry.path())
                .try_for_each(|path| remove(&path).map_err(|error| write_error(&path, &error)))?;
        }
        Ok(())
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if self.written.get() || self.check_claim().is_err() {
            return;
        }
        // `remove_dir` fails on a non-empty directory, so that only what was created here can be
        // removed.
        let _ = fs::remove_file(self.path.join(LOCK_FILE));
        for folder in &self.made {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Writes `bytes` to `target` atomically, through a temporary file in `folder`, which must be on
/// the same file system.
pub(crate) fn replace(folder: &Path, target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    // The umask applies, as to any new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Syncs a folder, so that renames inside it survive a power cut. Does nothing on platforms other
/// than Unix.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

/// Removes a file, or a folder with its content.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// Converts a write error to an error with a message and a hint.
pub(crate) fn write_error(path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        kind if is_full(kind) => message!(
            "Free some space, then continue with {resume}.",
            resume = Setting::named("resume")
        ),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            message!("Choose a directory that you can write to.")
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            message!(
                "A file exists where a directory is needed; choose another {out}.",
                out = Setting::named("out")
            )
        }
        _ => message!(
            "Check the disk; everything saved so far is intact, and {resume} continues from there.",
            resume = Setting::named("resume")
        ),
    };
    unwritable(path, error, hint)
}

/// Returns the error for a file that could not be written, with this `hint`.
pub(crate) fn unwritable(path: &Path, error: &io::Error, hint: Message) -> Error {
    Error::Io {
        message: message!(
            "{path} cannot be written: {error}",
            path = shown(path),
            error = error.to_string()
        ),
        hint,
    }
}

pub(crate) fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Describes what happened to the directory `run`, as a clause.
pub(crate) fn lost_sentence(run: &Path) -> Message {
    message!(
        "{path} was removed, renamed or replaced while the run was writing to it",
        path = shown(run)
    )
}

/// Formats a path for messages, with control characters escaped.
pub(crate) fn shown(path: &Path) -> String {
    crate::terminal::output::plain(&path.to_string_lossy())
}

/// Whether the directory contains anything but a lock file and temporary files of a killed process.
fn occupied(path: &Path) -> Result<bool, Error> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(out_error(path, &error)),
    };
    let ours = |name: &str| name == LOCK_FILE || name.starts_with(TEMPORARY);
    Ok(entries
        .flatten()
        .any(|entry| !ours(&entry.file_name().to_string_lossy())))
}

fn occupied_error(path: &Path) -> Error {
    let run = path.join(RECORD_FILE).exists();
    let what = if run {
        "already contains a run"
    } else {
        "is not empty"
    };
    let resume = if run {
        ", or use --resume to continue that run"
    } else {
        ""
    };
    Error::Input {
        code: "output-exists",
        message: message!(
            "{path} {what}; nothing was changed",
            path = shown(path),
            what
        ),
        hint: message!(
            "Choose another {out}{resume}.",
            resume,
            out = Setting::named("out")
        ),
    }
}

fn out_error(path: &Path, error: &io::Error) -> Error {
    Error::Input {
        code: "bad-output",
        message: message!(
            "{path} cannot be used as a run directory: {error}",
            path = shown(path),
            error = error.to_string()
        ),
        hint: message!("Choose another {out}.", out = Setting::named("out")),
    }
}

/// Creates the directory and its parents. Returns those that were missing, innermost first.
fn make(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let missing = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let missing: Vec<PathBuf> = missing.map(Path::to_path_buf).collect();
    fs::create_dir_all(path).map_err(|error| out_error(path, &error))?;
    Ok(missing)
}

fn lock(path: &Path) -> Result<DirLock, Error> {
    DirLock::acquire(path).map_err(|error| match error {
        LockError::InUse => Error::Input {
            code: "run-in-use",
            message: message!("another process is training in {path}", path = shown(path)),
            hint: message!(
                "Wait until it is done, or choose another {out}.",
                out = Setting::named("out")
            ),
        },
        LockError::Io(error) => out_error(path, &error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<RunDir, Error>) -> &'static str {
        result.expect_err("refused").code()
    }

    #[test]
    fn a_directory_that_was_never_written_is_removed_with_its_parents() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let path = root.path().join("a/b/run");
        drop(RunDir::create(&path).expect("free"));
        assert_eq!(fs::read_dir(root.path()).expect("readable").count(), 0);
    }

    #[test]
    fn a_non_empty_directory_is_refused_and_left_untouched() {
        let root = tempfile::tempdir().expect("a scratch folder");
        fs::write(root.path().join("thesis.txt"), "years of work").expect("writable");
        assert_eq!(code(RunDir::create(root.path())), "output-exists");
        assert_eq!(
            code(RunDir::create(&root.path().join("thesis.txt"))),
            "bad-output"
        );
        assert_eq!(
            code(RunDir::create(&root.path().join("thesis.txt/run"))),
            "bad-output"
        );
        assert_eq!(
            code(RunDir::reopen(root.path(), "run.json")),
            "nothing-to-resume"
        );
        assert_eq!(fs::read_dir(root.path()).expect("readable").count(), 1);
    }

    #[test]
    fn two_processes_cannot_train_in_one_directory() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let first = RunDir::create(root.path()).expect("free");
        assert_eq!(code(RunDir::create(root.path())), "run-in-use");
        first.write("run.json", b"{}").expect("writable");
        assert_eq!(code(RunDir::reopen(root.path(), "run.json")), "run-in-use");
        drop(first);
        assert_eq!(code(RunDir::create(root.path())), "output-exists");
        RunDir::reopen(root.path(), "run.json").expect("free again");
    }

    #[test]
    fn temporary_files_of_a_killed_process_are_removed() {
        let root = tempfile::tempdir().expect("a scratch folder");
        fs::create_dir_all(root.path().join("checkpoints/.clozelab.tmp-step-4")).expect("writable");
        fs::write(root.path().join(".clozelab.tmp-x"), "half").expect("writable");
        fs::write(root.path().join("run.json"), "{}").expect("writable");
        let _dir = RunDir::reopen(root.path(), "run.json").expect("a run");
        assert!(!root.path().join(".clozelab.tmp-x").exists());
        assert!(
            !root
                .path()
                .join("checkpoints/.clozelab.tmp-step-4")
                .exists()
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_that_another_run_took_over_is_left_alone() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let path = root.path().join("run");
        let first = RunDir::create(&path).expect("free");
        first.write("run.json", b"first").expect("writable");
        fs::remove_dir_all(&path).expect("there");
        assert!(
            first
                .write("run.json", b"first")
                .expect_err("removed")
                .is_lost()
        );
        assert!(!path.exists(), "the directory was made again");
        let second = RunDir::create(&path).expect("free");
        second.write("run.json", b"second").expect("writable");
        assert!(
            first
                .write("model/config.json", b"first")
                .expect_err("replaced")
                .is_lost()
        );
        drop(first);
        assert_eq!(fs::read(path.join("run.json")).expect("there"), b"second");
        assert_eq!(code(RunDir::reopen(&path, "run.json")), "run-in-use");
    }

    #[cfg(unix)]
    #[test]
    fn files_have_the_permissions_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().expect("a scratch folder");
        let dir = RunDir::create(root.path()).expect("free");
        dir.write("config.json", b"{}").expect("writable");
        fs::write(root.path().join("plain"), "").expect("writable");
        let mode = |name: &str| {
            fs::metadata(root.path().join(name))
                .expect("there")
                .permissions()
                .mode()
        };
        assert_eq!(mode("config.json"), mode("plain"));
    }
}
