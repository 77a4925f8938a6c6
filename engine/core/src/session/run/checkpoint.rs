//! The files of a checkpoint: the manifest with their checksums, and the search for the newest
//! complete checkpoint. Their contents are encoded in `snapshot`.

use crate::data::{ByteSource, DataError};
use crate::error::{Error, Result};
use crate::interop::HISTORY_FILE;
use crate::session::Snapshot;
use crate::session::host::ModelFiles;
use protocol::FileInfo;
use protocol::message;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// Lists the files of a checkpoint; written last.
pub const MANIFEST_FILE: &str = "manifest.json";

/// Folder of the checkpoints in a run directory.
pub const CHECKPOINTS: &str = "checkpoints";

/// The step of a checkpoint, and the checksums of its files.
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    /// Optimiser steps done.
    pub step: u64,
    /// Every file except the manifest.
    pub files: Vec<FileDigest>,
}

/// Size and checksum of a file.
#[derive(Serialize, Deserialize)]
pub struct FileDigest {
    /// File name, without folders.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Returns the manifest of `files`.
    pub fn of<'a>(step: u64, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let digest = |(name, bytes): (&str, &[u8])| FileDigest {
            name: name.into(),
            bytes: bytes.len() as u64,
            sha256: sha256(bytes),
        };
        Self {
            step,
            files: files.map(digest).collect(),
        }
    }

    /// Returns the manifest of the files of `snapshot`.
    pub fn of_snapshot(snapshot: &Snapshot) -> Self {
        Self::of(
            snapshot.step,
            snapshot
                .files
                .iter()
                .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
        )
    }

    /// Serialises the manifest as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a manifest serialises")
    }
}

impl FileDigest {
    /// Checks the contents of a file against its size and checksum.
    ///
    /// # Errors
    /// Returns a description of the mismatch.
    pub fn check(&self, bytes: &[u8]) -> std::result::Result<(), String> {
        if bytes.len() as u64 != self.bytes {
            return Err(format!(
                "{} has {} bytes instead of {}",
                self.name,
                bytes.len(),
                self.bytes
            ));
        }
        if sha256(bytes) != self.sha256 {
            return Err(format!(
                "{} is not what was written: its SHA-256 differs",
                self.name
            ));
        }
        Ok(())
    }
}

/// Returns the SHA-256 of `bytes` in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Seconds between two checkpoints of a host that saves by its clock, if they are cheap.
const INTERVAL_SECS: f64 = 10.0;

/// Maximum number of seconds between two checkpoints of a small model.
const MAX_SMALL_INTERVAL_SECS: f64 = 15.0;

/// Maximum size of a small checkpoint in bytes: 5 million parameters with both moments.
const MAX_SMALL_BYTES: usize = 60_000_000;

/// Share of the time spent on saving a small model, unless [`MAX_SMALL_INTERVAL_SECS`] is exceeded.
const SMALL_SHARE: f64 = 0.02;

/// Maximum share of the time spent on saving a larger model.
const LARGE_SHARE: f64 = 0.05;

/// Returns the seconds until the next checkpoint of a host that saves by its clock, if the last one
/// took `cost_secs` for this many bytes.
pub fn interval_secs(cost_secs: f64, bytes: usize) -> f64 {
    let is_small = bytes <= MAX_SMALL_BYTES;
    let share = if is_small { SMALL_SHARE } else { LARGE_SHARE };
    let interval = (cost_secs / share - cost_secs).max(INTERVAL_SECS);
    if is_small {
        interval.min(MAX_SMALL_INTERVAL_SECS)
    } else {
        interval
    }
}

/// A checkpoint to resume from.
pub struct Found {
    /// Name of its folder.
    pub name: String,
    /// Its step and its files.
    pub snapshot: Snapshot,
    /// Its events so far, one per line; empty if the host saved none.
    pub log: Vec<u8>,
}

/// Finds the newest complete checkpoint among files named after their checkpoint and themselves
/// (`1/state.json`). Checkpoints are read one at a time, because each may take a large part of the
/// memory.
///
/// # Errors
/// Returns an error that says what is wrong with each checkpoint if none is complete.
pub fn newest_whole(files: &[FileInfo], contents: &[Rc<dyn ByteSource>]) -> Result<Found> {
    let read = |name: String| {
        let found = files
            .iter()
            .zip(contents)
            .find(|(file, _)| file.name == name);
        let (file, content) = found.ok_or_else(|| format!("{name} is missing"))?;
        let mut bytes = Vec::new();
        let outcome = content
            .open()
            .and_then(|mut content| content.read_to_end(&mut bytes));
        outcome.map_err(|error| DataError::reading(&file.name, error).to_string())?;
        Ok::<_, String>(bytes)
    };
    let mut manifests = Vec::new();
    let mut reasons = Vec::new();
    let is_manifest = |file: &&FileInfo| file.name.ends_with(&format!("/{MANIFEST_FILE}"));
    for file in files.iter().filter(is_manifest) {
        let name = file
            .name
            .trim_end_matches(MANIFEST_FILE)
            .trim_end_matches('/');
        match read(file.name.clone()).map(|bytes| serde_json::from_slice::<Manifest>(&bytes)) {
            Ok(Ok(manifest)) => manifests.push((name, manifest)),
            Ok(Err(_)) => reasons.push(format!("{name}: it was not completed")),
            Err(reason) => reasons.push(reason),
        }
    }
    manifests.sort_by_key(|(_, manifest)| std::cmp::Reverse(manifest.step));
    for (name, manifest) in manifests {
        match verified(name, &manifest, &read) {
            Ok(found) => return Ok(found),
            Err(reason) => reasons.push(format!("{name}: {reason}")),
        }
    }
    let reasons = if reasons.is_empty() {
        "there is none".into()
    } else {
        reasons.join("; ")
    };
    Err(Error::input(
        "no-whole-checkpoint",
        message!("this run has no usable checkpoint ({reasons})", reasons),
        message!("Start a new run. If this run saved a model, that model can still be opened."),
    ))
}

/// Reads the checkpoint `name` and verifies every file.
fn verified(
    name: &str,
    manifest: &Manifest,
    read: &impl Fn(String) -> std::result::Result<Vec<u8>, String>,
) -> std::result::Result<Found, String> {
    let mut names: Vec<&str> = manifest
        .files
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    names.sort_unstable();
    if names.iter().any(|name| name.contains(['/', '\\']))
        || names.windows(2).any(|pair| pair[0] == pair[1])
    {
        return Err("its manifest is damaged".into());
    }
    let checked = |digest: &FileDigest| {
        let bytes = read(format!("{name}/{}", digest.name))?;
        digest.check(&bytes).map(|()| (digest.name.clone(), bytes))
    };
    let mut files = manifest
        .files
        .iter()
        .map(checked)
        .collect::<std::result::Result<ModelFiles, String>>()?;
    let log = files
        .iter()
        .position(|(file, _)| file == HISTORY_FILE)
        .map(|at| files.swap_remove(at).1);
    let snapshot = Snapshot {
        step: manifest.step,
        files,
    };
    Ok(Found {
        name: name.into(),
        snapshot,
        log: log.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the files of a checkpoint of `step` under `name`, as a host provides them.
    fn checkpoint(name: &str, step: u64) -> Vec<(String, Vec<u8>)> {
        let files = [
            ("state.json", step.to_string().into_bytes()),
            (HISTORY_FILE, b"log".to_vec()),
        ];
        let manifest = Manifest::of(
            step,
            files.iter().map(|(name, bytes)| (*name, bytes.as_slice())),
        );
        let named = |(file, bytes): (&str, Vec<u8>)| (format!("{name}/{file}"), bytes);
        files
            .into_iter()
            .chain([(MANIFEST_FILE, manifest.to_json())])
            .map(named)
            .collect()
    }

    fn newest(files: Vec<(String, Vec<u8>)>) -> std::result::Result<u64, String> {
        let info = |name: &String| FileInfo {
            name: name.clone(),
            role: None,
            encoding: None,
            member_roles: std::collections::BTreeMap::new(),
        };
        let infos: Vec<FileInfo> = files.iter().map(|(name, _)| info(name)).collect();
        let contents: Vec<Rc<dyn ByteSource>> = files
            .into_iter()
            .map(|(_, bytes)| Rc::new(bytes) as Rc<dyn ByteSource>)
            .collect();
        let found = newest_whole(&infos, &contents).map_err(|error| error.to_string())?;
        assert_eq!(
            (found.log.as_slice(), found.snapshot.files.len()),
            (&b"log"[..], 1)
        );
        Ok(found.snapshot.step)
    }

    #[test]
    fn the_newest_whole_checkpoint_is_found() {
        let both = || [checkpoint("0", 40), checkpoint("1", 20)].concat();
        assert_eq!(newest(both()), Ok(40));
        for (damage, step) in [
            ("0/state.json", 20),
            ("0/manifest.json", 20),
            ("1/state.json", 40),
            ("1/manifest.json", 40),
        ] {
            let mut files = both();
            let (_, bytes) = files
                .iter_mut()
                .find(|(name, _)| name == damage)
                .expect("there");
            bytes.pop();
            assert_eq!(newest(files), Ok(step), "{damage} was cut");
            let without = both()
                .into_iter()
                .filter(|(name, _)| name != damage)
                .collect();
            assert_eq!(newest(without), Ok(step), "{damage} is missing");
        }
    }

    #[test]
    fn a_manifest_with_repeated_names_or_folders_is_damaged() {
        let state = || ("0/state.json".to_string(), b"{}".to_vec());
        for names in [
            ["state.json", "state.json"],
            ["state.json", "../state.json"],
        ] {
            let listed = names.map(|name| (name, b"{}".as_slice()));
            let manifest = Manifest::of(4, listed.into_iter()).to_json();
            let error = newest(vec![state(), ("0/manifest.json".into(), manifest)]);
            let reason = error.expect_err("it is refused");
            assert!(reason.contains("manifest is damaged"), "{reason}");
        }
    }

    #[test]
    fn saving_takes_a_small_share_of_the_time() {
        assert_eq!(interval_secs(0.01, 1_000_000), INTERVAL_SECS);
        assert_eq!(interval_secs(0.25, 50_000_000), 0.25 * 49.0);
        assert_eq!(interval_secs(1.0, 50_000_000), MAX_SMALL_INTERVAL_SECS);
        assert_eq!(interval_secs(2.0, 160_000_000), 38.0);
    }

    #[test]
    fn a_run_without_a_whole_checkpoint_says_what_is_wrong() {
        let mut files = checkpoint("0", 40);
        files[0].1 = b"41".to_vec();
        let error = newest(files).expect_err("changed");
        assert!(
            error.contains("0: state.json is not what was written"),
            "{error}"
        );
        assert!(
            newest(Vec::new())
                .expect_err("nothing")
                .contains("there is none")
        );
    }
}
