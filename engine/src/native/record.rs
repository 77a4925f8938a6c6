//! `run.json`: what was run, so that it can be told, compared and resumed. Without clock or host name: the same run
//! twice gives the same record, but for the words that name its device.

use super::checkpoints;
use super::inputs::{Source, sha256_of};
use super::model_digests::ModelDigests;
use super::recorded_path;
use super::store::shown;
use crate::error::Error;
use crate::interop::{CONFIG_FILE, WEIGHTS_FILE};
use protocol::{DeviceInfo, FileRole, Phase, RunConfig};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Name of the record in a run directory.
pub(super) const RECORD_FILE: &str = "run.json";

/// A run as it was asked for and as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// How far it is.
    pub status: Status,
    /// What it does.
    pub phase: Phase,
    /// Its name in every event.
    pub run: String,
    /// Every use of chance derives from it; repeated from the configuration for readers of this file.
    pub seed: u64,
    /// What was asked for.
    pub config: RunConfig,
    /// Encoding that was forced on the input.
    pub encoding: Option<String>,
    /// Model it started from.
    pub from: Option<Origin>,
    /// Word vectors it started from.
    #[serde(
        default,
        with = "recorded_path::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub embeddings: Option<PathBuf>,
    /// Files it reads, in order.
    pub inputs: Vec<Input>,
    /// What computes; known once it runs.
    pub device: Option<DeviceInfo>,
    /// Trainable numbers; known once it runs.
    pub parameters: Option<u64>,
    /// Digests of its model's files, once it is finished.
    #[serde(default, skip_serializing_if = "ModelDigests::is_empty")]
    pub model_sha256: ModelDigests,
    /// What made it.
    pub versions: Versions,
}

/// How far a run is. Only `Finished` needs nothing more; every other can be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// A process works on it, or was killed.
    Running,
    /// It was stopped and kept a checkpoint.
    Interrupted,
    /// Its plan is done and its model is in place.
    Finished,
}

/// A model that a run started from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// As given.
    #[serde(with = "recorded_path")]
    pub path: PathBuf,
    /// Of its weights.
    pub sha256: String,
}

/// A file that a run reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Input {
    /// As given.
    #[serde(with = "recorded_path")]
    pub path: PathBuf,
    /// As events name it.
    pub name: String,
    /// What it is for.
    pub role: Option<FileRole>,
    /// Size.
    pub bytes: u64,
    /// Of its content.
    pub sha256: String,
}

/// Versions of what made a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Versions {
    /// Of this program.
    pub clozelab: String,
    /// Of its events.
    pub protocol: u32,
}

impl Versions {
    /// Those of this program.
    pub fn current() -> Self {
        Self {
            clozelab: env!("CARGO_PKG_VERSION").into(),
            protocol: protocol::PROTOCOL_VERSION,
        }
    }

    /// Refuses what a newer program wrote into the file at `path`, before its `json` is read otherwise: it may have any form.
    /// What names no versions is the reader's question.
    ///
    /// # Errors
    /// When it was written for newer events than this program's.
    pub fn check(path: &Path, json: &[u8]) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Versioned {
            versions: Versions,
        }
        let Ok(Versioned { versions }) = serde_json::from_slice(json) else {
            return Ok(());
        };
        let ours = Self::current();
        if versions.protocol <= ours.protocol {
            return Ok(());
        }
        let theirs = super::output::plain(&versions.clozelab);
        Err(Error::newer_version(
            &shown(path),
            &format!("version {theirs} of Clozelab"),
        ))
    }
}

impl Input {
    /// Describes the file that lies at `path`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(Source { path, file }: &Source) -> Result<Self, Error> {
        let (name, bytes) = (file.name.clone(), file.content.size());
        Ok(Self {
            path: path.into(),
            name,
            role: file.role,
            bytes,
            sha256: sha256_of(path, &*file.content)?,
        })
    }
}

impl Record {
    /// Reads the record of a run directory.
    ///
    /// # Errors
    /// When there is none, a newer program wrote it, or it cannot be understood.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(RECORD_FILE);
        let refuse = |reason: String| Error::Input {
            code: "bad-run-record",
            message: format!("{} cannot be read: {reason}", shown(&path)),
            hint: hint_without(dir),
        };
        let bytes = std::fs::read(&path).map_err(|error| refuse(error.to_string()))?;
        Versions::check(&path, &bytes)?;
        serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))
    }

    /// The record as its file holds it.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self)
            .expect("a record is plain data, and its paths are text");
        json.push(b'\n');
        json
    }
}

/// What can still be done with the run in `dir`, whose record cannot be read.
fn hint_without(dir: &Path) -> String {
    let usable = if dir.join(CONFIG_FILE).is_file() && dir.join(WEIGHTS_FILE).is_file() {
        Some(("its model", dir.to_path_buf()))
    } else {
        let newest = checkpoints::newest(dir).0;
        newest.map(|snapshot| {
            (
                "its newest whole checkpoint",
                checkpoints::folder(dir, snapshot.step),
            )
        })
    };
    match usable {
        Some((what, path)) => {
            format!("Without it the run cannot be resumed; a new run starts from {what} with --from {}.", shown(&path))
        }
        None => "Without it the run cannot be resumed, and it left no model; start it anew in another --out.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As version 0.1.0 with protocol 6 wrote it.
    const GOLDEN: &str = include_str!("../../../tests/golden/run/run.json");

    fn read(json: &str) -> Result<Record, Error> {
        let dir = tempfile::tempdir().expect("a scratch folder");
        std::fs::write(dir.path().join(RECORD_FILE), json).expect("writable");
        Record::read(dir.path())
    }

    #[test]
    fn a_record_of_an_older_version_is_read() {
        let record = read(GOLDEN).expect("the golden record");
        assert_eq!(
            (record.status, record.phase, record.seed),
            (Status::Finished, Phase::Pretrain, 3)
        );
        assert_eq!(record.versions.protocol, 6);
    }

    #[test]
    fn a_record_of_a_newer_version_is_refused_by_name() {
        let newer = GOLDEN
            .replace("\"0.1.0\"", "\"9.9.9\"")
            .replace("\"protocol\": 6", "\"protocol\": 99");
        for json in [
            newer.as_str(),
            r#"{"status":"new","versions":{"clozelab":"9.9.9","protocol":99}}"#,
        ] {
            let error = read(json).expect_err("refused");
            assert_eq!(error.code(), "newer-version");
            assert!(
                error
                    .to_string()
                    .contains("run.json was written by version 9.9.9 of Clozelab"),
                "{error}"
            );
            assert!(
                error.to_string().contains(env!("CARGO_PKG_VERSION"))
                    && error.hint().contains("Update")
            );
        }
    }
}
