//! `checkpoints/step-N/`: enough to resume exactly, written whole or not at all, found again only if whole.
//!
//! A checkpoint is made under a temporary name, every file synced, then renamed; a manifest inside it holds each file's
//! size and SHA-256. A damaged one is passed over for the one before it, and the person hears which and why. What the
//! files mean is `session`'s.

use super::store::{
    CHECKPOINTS, RunDir, TEMPORARY, WriteFailure, remove, replace, shown, sync_folder,
};
use crate::session::{FileDigest, MANIFEST_FILE, Manifest, Snapshot};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// Checkpoints that stay: the newest, and one to fall back on.
const KEPT: usize = 2;
/// Start of a checkpoint's name; its step follows.
const NAME_START: &str = "step-";

/// A checkpoint that could not be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damaged {
    /// Of which step.
    pub step: u64,
    /// What is wrong, in words.
    pub reason: String,
}

/// SHA-256 of all that `reader` holds, in hexadecimal digits.
///
/// # Errors
/// When it cannot be read to its end.
pub(super) fn digest(reader: impl Read) -> io::Result<String> {
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

/// Writes a checkpoint and removes those it makes superfluous; on a full disk, all but the newest whole one make way first.
/// Returns its path below the run directory, which is the same wherever the run lies.
///
/// # Errors
/// When the disk does not take it or the directory is lost; the newest whole checkpoint is then untouched.
pub(super) fn keep(dir: &RunDir, snapshot: &Snapshot) -> Result<String, WriteFailure> {
    match save(dir, snapshot) {
        Err(failure) if failure.is_full() && remove_older(dir.path()) => save(dir, snapshot),
        result => result,
    }
}

fn save(dir: &RunDir, snapshot: &Snapshot) -> Result<String, WriteFailure> {
    dir.check_claim()?;
    let folder = dir.path().join(CHECKPOINTS);
    let name = format!("{NAME_START}{}", snapshot.step);
    let made = folder.join(format!("{TEMPORARY}{name}"));
    let result = make(&made, snapshot).and_then(|()| publish(&folder, &made, &name));
    if let Err(error) = result {
        let _ = remove(&made);
        return Err(dir.failure(&folder.join(name), error));
    }
    prune(&folder, snapshot.step);
    Ok(format!("{CHECKPOINTS}/{name}"))
}

/// Writes the last files of a run that came to its end. On a full disk its checkpoints make way, the newest whole one last;
/// where that does not help either, that one is written again, so that the run can be resumed.
///
/// # Errors
/// As of `write`.
pub(super) fn make_room_for(
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
        // Where there is no room for it any more, the failure of `write` is what counts.
        let _ = save(dir, &snapshot);
    }
    result
}

/// The newest whole checkpoint, if any, and the damaged ones that are newer.
pub(super) fn newest(run: &Path) -> (Option<Snapshot>, Vec<Damaged>) {
    let mut damaged = Vec::new();
    for step in steps(run).into_iter().rev() {
        match read(run, step) {
            Ok(snapshot) => return (Some(snapshot), damaged),
            Err(reason) => damaged.push(Damaged { step, reason }),
        }
    }
    (None, damaged)
}

/// Where the checkpoint of `step` lies.
pub(super) fn folder(run: &Path, step: u64) -> PathBuf {
    run.join(CHECKPOINTS).join(format!("{NAME_START}{step}"))
}

/// Steps of the checkpoints that are there, whole or not, oldest first.
pub(super) fn steps(run: &Path) -> Vec<u64> {
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

/// Reads one checkpoint and checks every byte of it.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read(run: &Path, step: u64) -> Result<Snapshot, String> {
    let folder = folder(run, step);
    let manifest = read_file(&folder, MANIFEST_FILE)?;
    let manifest: Manifest = serde_json::from_slice(&manifest)
        .map_err(|error| format!("{MANIFEST_FILE} is damaged ({error})"))?;
    if manifest.step != step {
        return Err(format!("{MANIFEST_FILE} is that of step {}", manifest.step));
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
    fs::read(folder.join(name))
        .map_err(|error| format!("{} cannot be read ({error})", super::output::plain(name)))
}

/// True for a name without folders.
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

/// The rename that makes the checkpoint exist. One of the same step, damaged or from before a resume, makes way first.
fn publish(folder: &Path, made: &Path, name: &str) -> io::Result<()> {
    let target = folder.join(name);
    let old = folder.join(format!("{TEMPORARY}old-{name}"));
    if target.exists() {
        fs::rename(&target, &old)?;
    }
    fs::rename(made, &target)?;
    sync_folder(folder)?;
    if old.exists() { remove(&old) } else { Ok(()) }
}

/// Removes all but the newest few up to `step`, and any beyond it: those were damaged, or `step` would come after them.
fn prune(folder: &Path, step: u64) {
    let run = folder.parent().expect("checkpoints lie in a run directory");
    let (past, beyond): (Vec<u64>, Vec<u64>) =
        steps(run).into_iter().partition(|kept| *kept <= step);
    let superfluous: Vec<u64> = past.into_iter().rev().skip(KEPT).chain(beyond).collect();
    remove_steps(run, &superfluous);
}

/// Removes all checkpoints but the newest whole one; whether there were any.
fn remove_older(run: &Path) -> bool {
    let (newest, _) = newest(run);
    let is_other = |step: &u64| newest.as_ref().is_none_or(|newest| newest.step != *step);
    let others: Vec<u64> = steps(run).into_iter().filter(is_other).collect();
    remove_steps(run, &others)
}

/// Removes checkpoints; whether any is gone.
fn remove_steps(run: &Path, steps: &[u64]) -> bool {
    let mut is_any_gone = false;
    for path in steps.iter().map(|&step| folder(run, step)) {
        match remove_renamed(&path) {
            Ok(()) => is_any_gone = true,
            Err(error) => super::output::to_people(&format!(
                "warning: the old checkpoint {} stays: {error}",
                shown(&path)
            )),
        }
    }
    is_any_gone
}

/// Renames before removing, so that a kill in between leaves no half of a checkpoint under its name.
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
