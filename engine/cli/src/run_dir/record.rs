//! `run.json`: the record of a run, with its configuration, inputs and status, so that the run can
//! be inspected, compared and resumed. It holds no time and no host name: repeating a run gives the
//! same record, apart from the description of the device.

use crate::inputs::{Source, sha256_of};
use crate::run_dir::checkpoints;
use crate::run_dir::model_digests::ModelDigests;
use crate::run_dir::recorded_path;
use crate::run_dir::store::{RECORD_FILE, shown};
use engine::error::Error;
use engine::interop::{CONFIG_FILE, WEIGHTS_FILE};
use protocol::{DeviceInfo, FileRole, Message, Phase, RunConfig, Setting, message};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The configuration and the current state of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Whether the run is running, interrupted or finished.
    pub status: Status,
    /// Pre-training or fine-tuning.
    pub phase: Phase,
    /// Name of the run in its events.
    pub run: String,
    /// Seed of the random generator, copied from `config` for readers of this file.
    pub seed: u64,
    /// The configuration of the run.
    pub config: RunConfig,
    /// Text encoding given with `--encoding`, if any.
    pub encoding: Option<String>,
    /// Model that the run started from; `None` for a new model.
    pub from: Option<Origin>,
    /// File of word vectors that initialised the model, if any.
    #[serde(
        default,
        with = "recorded_path::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub embeddings: Option<PathBuf>,
    /// Input files, in the order in which they are read.
    pub inputs: Vec<Input>,
    /// Device that the run computes on; known once the run has started.
    pub device: Option<DeviceInfo>,
    /// Number of trainable parameters; known once the run has started.
    pub parameters: Option<u64>,
    /// SHA-256 digests of the model files, once the run is finished.
    #[serde(default, skip_serializing_if = "ModelDigests::is_empty")]
    pub model_sha256: ModelDigests,
    /// Versions of the program and of its event protocol at the start of the run.
    pub versions: Versions,
}

/// Status of a run. A run that is not `Finished` can be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// A process is training, or was killed while it did.
    Running,
    /// The run was stopped and has a checkpoint.
    Interrupted,
    /// The run has completed and its model is saved.
    Finished,
}

/// A model that a run started from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Path of the model directory, as given.
    #[serde(with = "recorded_path")]
    pub path: PathBuf,
    /// SHA-256 of the weights, in hexadecimal digits.
    pub sha256: String,
}

/// An input file of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Input {
    /// Path of the file, as given.
    #[serde(with = "recorded_path")]
    pub path: PathBuf,
    /// Name of the file in events.
    pub name: String,
    /// Role of the file: training, validation or test; `None` if file names determine it.
    pub role: Option<FileRole>,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content, in hexadecimal digits.
    pub sha256: String,
}

/// Versions of the program and of its event protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Versions {
    /// Version of Clozelab.
    pub clozelab: String,
    /// Version of the event protocol.
    pub protocol: u32,
}

impl Versions {
    /// Returns the versions of this program.
    pub fn current() -> Self {
        Self {
            clozelab: env!("CARGO_PKG_VERSION").into(),
            protocol: protocol::PROTOCOL_VERSION,
        }
    }

    /// Rejects the content `json` of the file at `path` if a newer version wrote it. Must be called
    /// before any other parsing, since a newer file may have any form. Content without versions is
    /// accepted and left to the caller.
    ///
    /// # Errors
    /// Returns an error if the file has a newer protocol version than this program.
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
        let theirs = crate::terminal::output::plain(&versions.clozelab);
        Err(Error::newer_version(
            &shown(path),
            &format!("version {theirs} of Clozelab"),
        ))
    }
}

impl Input {
    /// Describes an input file, for the record.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
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
    /// Returns an error if there is no record, a newer version wrote it, or it cannot be parsed.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(RECORD_FILE);
        let refuse = |reason: String| Error::Input {
            code: "bad-run-record",
            message: message!(
                "{path} cannot be read: {reason}",
                path = shown(&path),
                reason
            ),
            hint: hint_without(dir),
        };
        let bytes = std::fs::read(&path).map_err(|error| refuse(error.to_string()))?;
        Versions::check(&path, &bytes)?;
        serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))
    }

    /// Serialises the record as the content of its file.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self)
            .expect("a record is plain data, and its paths are text");
        json.push(b'\n');
        json
    }
}

/// Returns a hint on what to do with the run in `dir` if its record cannot be read.
fn hint_without(dir: &Path) -> Message {
    let usable = if dir.join(CONFIG_FILE).is_file() && dir.join(WEIGHTS_FILE).is_file() {
        Some((message!("its model"), dir.to_path_buf()))
    } else {
        let newest = checkpoints::newest(dir).0;
        newest.map(|snapshot| {
            (
                message!("its newest intact checkpoint"),
                checkpoints::folder(dir, snapshot.step),
            )
        })
    };
    match usable {
        Some((what, path)) => {
            message!(
                "The run cannot be resumed without it; start a new run from {what} with {from} {path}.",
                what,
                from = Setting::named("from"),
                path = shown(&path)
            )
        }
        None => message!(
            "The run cannot be resumed without it, and it saved no model; start a new run in another {out}.",
            out = Setting::named("out")
        ),
    }
}

/// Returns the name of the command for a phase, which is also the name of its run.
pub(crate) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Pretrain => "pretrain",
        Phase::Finetune => "finetune",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record written by version 0.1.0 with protocol 6.
    const GOLDEN: &str = include_str!("../../../../tests/golden/run/run.json");

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
                    && error.hint().to_string().contains("Update")
            );
        }
    }
}
