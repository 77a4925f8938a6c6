//! `run.json`: what was run, so that it can be told, compared and resumed. Without clock or host name: the same run
//! twice gives the same record, but for the words that name its device.

use super::inputs::{Source, sha256_of};
use super::store::shown;
use crate::error::Error;
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embeddings: Option<PathBuf>,
    /// Files it reads, in order.
    pub inputs: Vec<Input>,
    /// What computes; known once it runs.
    pub device: Option<DeviceInfo>,
    /// Trainable numbers; known once it runs.
    pub parameters: Option<u64>,
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
    pub path: PathBuf,
    /// Of its weights.
    pub sha256: String,
}

/// A file that a run reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Input {
    /// As given.
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
        Self { clozelab: env!("CARGO_PKG_VERSION").into(), protocol: protocol::PROTOCOL_VERSION }
    }
}

impl Input {
    /// Describes the file that lies at `path`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(Source { path, file }: &Source) -> Result<Self, Error> {
        let (name, bytes) = (file.name.clone(), file.content.size());
        Ok(Self { path: path.into(), name, role: file.role, bytes, sha256: sha256_of(path, &*file.content)? })
    }
}

impl Record {
    /// Reads the record of a run directory.
    ///
    /// # Errors
    /// When there is none or it cannot be understood.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(RECORD_FILE);
        let refuse = |reason: String| Error::Input {
            code: "bad-run-record",
            message: format!("{} cannot be read: {reason}", shown(&path)),
            hint: "Without it the run cannot be resumed; its model can still be used with --from.".into(),
        };
        let bytes = std::fs::read(&path).map_err(|error| refuse(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))
    }

    /// The record as its file holds it.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a record serialises");
        json.push(b'\n');
        json
    }
}
