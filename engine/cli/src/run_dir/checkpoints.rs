//! `checkpoints/step-N/`: everything that is needed to resume a run exactly. A checkpoint is
//! written atomically, and it is loaded only if it is intact.
//!
//! A checkpoint is written under a temporary name, every file is synced, and the folder is renamed.
//! A manifest inside it holds each file's size and SHA-256. A damaged checkpoint is skipped in
//! favour of the one before it, and the reason is returned to the caller. What the files contain is
//! up to `session`.

use crate::run_dir::store::{
    CHECKPOINTS, RunDir, TEMPORARY, WriteFailure, remove, replace, shown, sync_folder,
};
use engine::session::{FileDigest, MANIFEST_FILE, Manifest, Snapshot};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// Number of checkpoints to keep: the newest, and one to fall back on.
const MAX_CHECKPOINTS: usize = 2;
/// Prefix of the folder name of a checkpoint; the step follows.
const NAME_START: &str = "step-";

/// A checkpoint that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damaged {
    /// Step of the checkpoint.
    pub step: u64,
    /// Description of the damage.
    pub reason: String,
}

/// Returns the SHA-256 of everything that `reader` yields, in hexadecimal digits.
///
/// # Errors
/// Returns an error if `reader` cannot be read to its end.
pub(crate) fn digest(reader: impl Read) -> io::Result<String> {
    let (mut reader, mut hash) = (BufReader::with_capacity(1 << 20, reader), Sha256::new());
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hash
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect());
        }
        hash.update(bytes);
        let read = bytes.len();
        reader.consume(read);
    }
}

/// Saves a checkpoint and removes those that are no longer needed. If the disk is full, all but the
/// newest intact checkpoint are removed before another attempt. Returns the path of the checkpoint
/// relative to the run directory.
///
/// # Errors
/// Returns an error if the write fails or the directory is lost; the newest intact checkpoint is
/// then left untouched.
pub(crate) fn keep(dir: &RunDir, snapshot: &Snapshot) -> Result<String, WriteFailure> {
    match save(dir, snapshot) {
        Err(failure) if failure.is_full() && remove_older(dir.path()) => save(dir, snapshot),
        result => result,
    }
}

fn save(dir: &RunDir, snapshot: &Snapshot) -> Result<String, WriteFailure> {
    dir.check_claim()?;
    let folder = dir.path().join(CHECKPOINTS);
    let name = format!("{NAME_START}{}", snapshot.step);
    let staging = folder.join(format!("{TEMPORARY}{name}"));
    let result = make(&staging, snapshot).and_then(|()| publish(&folder, &staging, &name));
    if let Err(error) = result {
        let _ = remove(&staging);
        return Err(dir.failure(&folder.join(name), error));
    }
    prune(&folder, snapshot.step);
    Ok(format!("{CHECKPOINTS}/{name}"))
}

/// Writes the last files of a finished run with `write`. If the disk is full, checkpoints are
/// removed to make room, the newest intact one last. If even that does not help, that one is
/// written again, so that the run can be resumed.
///
/// # Errors
/// The errors of `write`.
pub(crate) fn make_room_for(
    dir: &RunDir,
    mut write: impl FnMut() -> Result<(), WriteFailure>,
) -> Result<(), WriteFailure> {
    let is_full =
        |result: &Result<(), WriteFailure>| result.as_ref().is_err_and(WriteFailure::is_full);
    let mut result = write();
    if is_full(&result) && remove_older(dir.path()) {
        result = write();
    }
    if !is_full(&result) {
        return result;
    }
    let (newest, _) = newest(dir.path());
    if !remove_steps(dir.path(), &steps(dir.path())) {
        return result;
    }
    result = write();
    if result.is_err()
        && let Some(snapshot) = newest
    {
        // If this fails too, the failure of `write` is the one to report.
        let _ = save(dir, &snapshot);
    }
    result
}

/// Returns the newest intact checkpoint, if any, and the damaged ones that are newer.
pub(crate) fn newest(run: &Path) -> (Option<Snapshot>, Vec<Damaged>) {
    let mut damaged = Vec::new();
    for step in steps(run).into_iter().rev() {
        match read(run, step) {
            Ok(snapshot) => return (Some(snapshot), damaged),
            Err(reason) => damaged.push(Damaged { step, reason }),
        }
    }
    (None, damaged)
}

/// Returns the folder of the checkpoint of `step`.
pub(crate) fn folder(run: &Path, step: u64) -> PathBuf {
    run.join(CHECKPOINTS).join(format!("{NAME_START}{step}"))
}

/// Returns the steps of all checkpoints, intact or damaged, oldest first.
pub(crate) fn steps(run: &Path) -> Vec<u64> {
    let entries = fs::read_dir(run.join(CHECKPOINTS))
        .into_iter()
        .flatten()
        .flatten();
    let mut steps: Vec<u64> = entries
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_prefix(NAME_START)?
                .parse()
                .ok()
        })
        .collect();
    steps.sort_unstable();
    steps
}

/// Reads one checkpoint and verifies every byte of it.
///
/// # Errors
/// Returns a description of the damage.
pub(crate) fn read(run: &Path, step: u64) -> Result<Snapshot, String> {
    let folder = folder(run, step);
    let manifest = read_file(&folder, MANIFEST_FILE)?;
    let manifest: Manifest = serde_json::from_slice(&manifest)
        .map_err(|error| format!("{MANIFEST_FILE} is damaged ({error})"))?;
    if manifest.step != step {
        return Err(format!("{MANIFEST_FILE} belongs to step {}", manifest.step));
    }
    let files = manifest
        .files
        .into_iter()
        .map(|digest| read_checked(&folder, digest))
        .collect::<Result<_, _>>()?;
    Ok(Snapshot { step, files })
}

fn read_checked(folder: &Path, digest: FileDigest) -> Result<(String, Vec<u8>), String> {
    if !is_plain(&digest.name) {
        return Err(format!(
            "{MANIFEST_FILE} names a file outside of the checkpoint"
        ));
    }
    let bytes = read_file(folder, &digest.name)?;
    digest.check(&bytes)?;
    Ok((digest.name, bytes))
}

fn read_file(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    fs::read(folder.join(name)).map_err(|error| {
        format!(
            "{} cannot be read ({error})",
            crate::terminal::output::plain(name)
        )
    })
}

/// Whether `name` is a file name without folders.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!(
        (parts.next(), parts.next()),
        (Some(std::path::Component::Normal(_)), None)
    )
}

fn make(folder: &Path, snapshot: &Snapshot) -> io::Result<()> {
    if folder.exists() {
        remove(folder)?;
    }
    fs::create_dir_all(folder)?;
    for (name, bytes) in &snapshot.files {
        assert!(
            is_plain(name),
            "a snapshot's files have plain names, not {name}"
        );
        let mut file = File::create_new(folder.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    replace(
        folder,
        &folder.join(MANIFEST_FILE),
        &Manifest::of_snapshot(snapshot).to_json(),
    )
}

/// Renames the folder `staging` to `name`, which makes the checkpoint visible. An existing
/// checkpoint of the same step (a damaged one, or one from before a resume) is moved away first.
fn publish(folder: &Path, staging: &Path, name: &str) -> io::Result<()> {
    let target = folder.join(name);
    let old = folder.join(format!("{TEMPORARY}old-{name}"));
    if target.exists() {
        fs::rename(&target, &old)?;
    }
    fs::rename(staging, &target)?;
    sync_folder(folder)?;
    if old.exists() { remove(&old) } else { Ok(()) }
}

/// Removes all but the newest checkpoints up to `step`, and all beyond it. The latter were damaged,
/// or the run would have resumed from them.
fn prune(folder: &Path, step: u64) {
    let run = folder.parent().expect("checkpoints lie in a run directory");
    let (past, beyond): (Vec<u64>, Vec<u64>) =
        steps(run).into_iter().partition(|other| *other <= step);
    let superfluous: Vec<u64> = past
        .into_iter()
        .rev()
        .skip(MAX_CHECKPOINTS)
        .chain(beyond)
        .collect();
    remove_steps(run, &superfluous);
}

/// Removes all checkpoints but the newest intact one. Returns whether any was removed.
fn remove_older(run: &Path) -> bool {
    let (newest, _) = newest(run);
    let is_other = |step: &u64| newest.as_ref().is_none_or(|newest| newest.step != *step);
    let others: Vec<u64> = steps(run).into_iter().filter(is_other).collect();
    remove_steps(run, &others)
}

/// Removes the checkpoints of `steps`. Returns whether any was removed.
fn remove_steps(run: &Path, steps: &[u64]) -> bool {
    let mut is_any_removed = false;
    for path in steps.iter().map(|&step| folder(run, step)) {
        match remove_renamed(&path) {
            Ok(()) => is_any_removed = true,
            Err(error) => crate::terminal::output::print_stderr(&format!(
                "warning: the old checkpoint {} could not be removed: {error}",
                shown(&path)
            )),
        }
    }
    is_any_removed
}

/// Renames a checkpoint before removing it, so that a kill in between leaves no partial checkpoint
/// under its name.
fn remove_renamed(path: &Path) -> io::Result<()> {
    let name = path
        .file_name()
        .expect("a checkpoint has a name")
        .to_string_lossy();
    let old: PathBuf = path.with_file_name(format!("{TEMPORARY}old-{name}"));
    fs::rename(path, &old)?;
    remove(&old)
}

#[cfg(test)]
#[path = "checkpoints_tests.rs"]
mod tests;
