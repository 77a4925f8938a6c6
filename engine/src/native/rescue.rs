//! A run whose directory was removed, renamed or replaced while it ran ends, since another process may write there. Its last
//! state is saved in a directory of its own beside the lost one, in the form of a run directory.

use super::checkpoints;
use super::record::{RECORD_FILE, Record, Status};
use super::store::{RunDir, WriteFailure, shown};
use super::train::phase_name;
use crate::error::Error;
use crate::interop::is_model_file;
use crate::session::{ModelFiles, Snapshot};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Names that are tried beside a lost directory.
const MAX_RESCUES: u32 = 100;

/// What happened to the directory `run`, as a clause.
pub(super) fn lost_sentence(run: &Path) -> String {
    format!(
        "{} was removed, renamed or replaced while the run wrote there",
        shown(run)
    )
}

/// Saves `snapshot` beside the lost directory `run` so that the run can be resumed; returns the error that ends the run.
pub(super) fn save_snapshot(run: &Path, record: &Record, snapshot: &Snapshot) -> Error {
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
        format!("clozelab {command} --resume --out {place} continues it.")
    })
}

/// Saves the model of a run that came to its end beside the lost directory `run`; returns the error that ends it.
pub(super) fn save_model(run: &Path, record: &Record, model: &ModelFiles) -> Error {
    let saved = save(run, |dir| {
        dir.write_model(model)?;
        if record.status == Status::Finished {
            dir.write(RECORD_FILE, &record.to_json())
        } else {
            Ok(())
        }
    });
    ended(run, "the model", saved, |place| {
        format!("Use it as it is, or start from it with --from {place}.")
    })
}

/// Writes files into a new directory beside the lost directory `run`; returns where.
///
/// # Errors
/// When there is no place for one, or it cannot be written.
pub(super) fn save(
    run: &Path,
    write: impl Fn(&RunDir) -> Result<(), WriteFailure>,
) -> Result<PathBuf, Error> {
    let dir = create_beside(run)?;
    write(&dir)?;
    Ok(dir.path().into())
}

/// The error that ends a run whose directory `run` is lost: what was `saved`, and a hint for the directory it is in.
pub(super) fn ended(
    run: &Path,
    what: &str,
    saved: Result<PathBuf, Error>,
    hint: impl Fn(&str) -> String,
) -> Error {
    let lost = lost_sentence(run);
    match saved {
        Ok(path) => {
            let place = shown(&path);
            Error::Io {
                message: format!("{lost}; saved in {place}: {what}"),
                hint: hint(&place),
            }
        }
        Err(error) => Error::Io {
            message: format!("{lost}, and {what} could not be saved beside it: {error}"),
            hint: error.hint(),
        },
    }
}

/// The first free one of `run-rescue`, `run-rescue-2`, ..
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
    fn what_could_not_be_saved_is_told() {
        let refused = Err(Error::input("bad-output", "no room", "Make room."));
        let error = ended(Path::new("a/run"), "step 4", refused, |_| {
            unreachable!("nothing was saved")
        });
        let expected = "a/run was removed, renamed or replaced while the run wrote there, and step 4 could not be saved \
                        beside it: no room";
        assert_eq!(
            (
                error.to_string().as_str(),
                error.hint().as_str(),
                error.code()
            ),
            (expected, "Make room.", "io")
        );
    }
}
