//! Saves a run whose directory was removed, renamed or replaced while it ran. Such a run must end,
//! since another process may be writing to that path; its last state is saved in a new run
//! directory next to the lost one.

use crate::run_dir::checkpoints;
use crate::run_dir::record::{Record, Status, phase_name};
use crate::run_dir::store::{RECORD_FILE, RunDir, WriteFailure, lost_sentence, shown};
use engine::error::Error;
use engine::interop::is_model_file;
use engine::session::{ModelFiles, Snapshot};
use protocol::{Message, Setting, message};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Maximum number of names tried for the new directory.
const MAX_RESCUES: u32 = 100;

/// Saves `snapshot` next to the lost directory `run`, so that the run can be resumed. Returns the
/// error that ends the run.
pub(crate) fn save_snapshot(run: &Path, record: &Record, snapshot: &Snapshot) -> Error {
    let record = Record {
        status: Status::Interrupted,
        ..record.clone()
    };
    let model: ModelFiles = snapshot
        .files
        .iter()
        .filter(|(name, _)| is_model_file(name))
        .cloned()
        .collect();
    let saved = save(run, |dir| {
        dir.write(RECORD_FILE, &record.to_json())?;
        checkpoints::keep(dir, snapshot)?;
        dir.write_model(&model)
    });
    let command = phase_name(record.phase);
    ended(run, &format!("step {}", snapshot.step), saved, |place| {
        message!(
            "Run clozelab {command} {resume} {out} {place} to continue.",
            command,
            place,
            resume = Setting::named("resume"),
            out = Setting::named("out")
        )
    })
}

/// Saves the model of a run that has ended next to its lost directory `run`. Returns the error that
/// ends the run.
pub(crate) fn save_model(run: &Path, record: &Record, model: &ModelFiles) -> Error {
    let saved = save(run, |dir| {
        dir.write_model(model)?;
        if record.status == Status::Finished {
            dir.write(RECORD_FILE, &record.to_json())
        } else {
            Ok(())
        }
    });
    ended(run, "the model", saved, |place| {
        message!(
            "Use it as it is, or start from it with {from} {place}.",
            place,
            from = Setting::named("from")
        )
    })
}

/// Writes files into a new directory next to the lost directory `run` and returns its path.
///
/// # Errors
/// Returns an error if no directory can be created there or a file cannot be written.
pub(crate) fn save(
    run: &Path,
    write: impl Fn(&RunDir) -> Result<(), WriteFailure>,
) -> Result<PathBuf, Error> {
    let dir = create_beside(run)?;
    write(&dir)?;
    Ok(dir.path().into())
}

/// Returns the error that ends a run whose directory `run` is lost. It says where `what` was saved,
/// with a `hint` for that path, or why it could not be saved.
pub(crate) fn ended(
    run: &Path,
    what: &str,
    saved: Result<PathBuf, Error>,
    hint: impl Fn(&str) -> Message,
) -> Error {
    let lost = lost_sentence(run);
    match saved {
        Ok(path) => {
            let place = shown(&path);
            Error::Io {
                message: message!("{lost}; saved in {place}: {what}", lost, place, what),
                hint: hint(&place),
            }
        }
        Err(error) => Error::Io {
            message: message!(
                "{lost}, and {what} could not be saved beside it: {error}",
                lost,
                what,
                error = error.to_string()
            ),
            hint: error.hint(),
        },
    }
}

/// Creates the first of `run-rescue`, `run-rescue-2`, .. that is free.
fn create_beside(run: &Path) -> Result<RunDir, Error> {
    let mut stem = run
        .file_name()
        .map_or_else(|| OsString::from("run"), OsString::from);
    stem.push("-rescue");
    let mut result = RunDir::create(&run.with_file_name(&stem));
    for number in 2..=MAX_RESCUES {
        let is_taken =
            |error: &Error| matches!(error.code(), "output-exists" | "run-in-use" | "bad-output");
        if !result.as_ref().is_err_and(is_taken) {
            break;
        }
        let mut name = stem.clone();
        name.push(format!("-{number}"));
        result = RunDir::create(&run.with_file_name(name));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_first_free_name_is_taken() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let run = root.path().join("run");
        let saved = || save(&run, |dir| dir.write("run.json", b"{}")).expect("saved");
        assert_eq!(saved(), root.path().join("run-rescue"));
        fs::write(root.path().join("run-rescue-2"), "a file").expect("writable");
        assert_eq!(saved(), root.path().join("run-rescue-3"));
    }

    #[test]
    fn a_failed_rescue_is_reported() {
        let refused = Err(Error::input(
            "bad-output",
            message!("no room"),
            message!("Make room."),
        ));
        let error = ended(Path::new("a/run"), "step 4", refused, |_| {
            unreachable!("nothing was saved")
        });
        let expected = "a/run was removed, renamed or replaced while the run was writing to it, and step 4 could not be saved \
                        beside it: no room";
        assert_eq!(
            (
                error.to_string().as_str(),
                error.hint().to_string().as_str(),
                error.code()
            ),
            (expected, "Make room.", "io")
        );
    }
}
