//! SHA-256 digests of a finished run's model files, written to `run.json` and checked whenever the
//! model is used from that directory.

use crate::run_dir::checkpoints::digest;
use crate::run_dir::store::{RECORD_FILE, shown};
use engine::error::Error;
use engine::interop::{CARD_FILE, is_model_file};
use engine::session::{ModelFiles, sha256};
use protocol::message;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// SHA-256 digests in hexadecimal digits, by file name.
pub(crate) type ModelDigests = BTreeMap<String, String>;

/// Returns the digests of the files that determine what `model` computes. The model card is left
/// out, since users may edit it.
pub(crate) fn digests_of(model: &ModelFiles) -> ModelDigests {
    let decides = |name: &str| is_model_file(name) && name != CARD_FILE;
    let files = model.iter().filter(|(name, _)| decides(name));
    files
        .map(|(name, bytes)| (name.clone(), sha256(bytes)))
        .collect()
}

/// Checks the model files read from `dir` against the digests in its record, if there are any.
///
/// # Errors
/// Returns an error if a file differs from what the run wrote.
pub(crate) fn check(dir: &Path, model: &ModelFiles) -> Result<(), Error> {
    let found = |name: &str| {
        model
            .iter()
            .find(|(file, _)| file == name)
            .map(|(_, bytes)| sha256(bytes))
    };
    refuse_changed(dir, changed(&recorded(dir), found))
}

/// Like [`check`], but reads the files from `dir`.
///
/// # Errors
/// Returns an error if a file differs from what the run wrote.
pub(crate) fn check_on_disk(dir: &Path) -> Result<(), Error> {
    let found = |name: &str| File::open(dir.join(name)).and_then(digest).ok();
    refuse_changed(dir, changed(&recorded(dir), found))
}

/// Returns the first file whose digest differs. A missing file is left to the code that needs it.
fn changed(recorded: &ModelDigests, found: impl Fn(&str) -> Option<String>) -> Option<&str> {
    let differs = |(name, expected): &(&String, &String)| {
        found(name).is_some_and(|found| found != **expected)
    };
    recorded.iter().find(differs).map(|(name, _)| name.as_str())
}

fn refuse_changed(dir: &Path, changed: Option<&str>) -> Result<(), Error> {
    let Some(name) = changed else { return Ok(()) };
    Err(Error::Input {
        code: "model-damaged",
        message: message!(
            "{file} has changed since the run wrote it: its SHA-256 differs",
            file = shown(&dir.join(name))
        ),
        hint: message!(
            "Copy the model again; if you changed the file on purpose, use a copy of the directory without run.json."
        ),
    })
}

/// Returns the digests in the record of `dir`. Empty if there is no readable record or it was
/// written before digests were introduced.
fn recorded(dir: &Path) -> ModelDigests {
    #[derive(Deserialize)]
    struct Recorded {
        #[serde(default)]
        model_sha256: ModelDigests,
    }
    let record = std::fs::read(dir.join(RECORD_FILE)).unwrap_or_default();
    let digests = serde_json::from_slice(&record).map(|Recorded { model_sha256 }| model_sha256);
    digests
        .unwrap_or_default()
        .into_iter()
        .filter(|(name, _)| is_model_file(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelFiles {
        let file = |name: &str| (name.to_string(), name.as_bytes().to_vec());
        [
            "config.json",
            "model.safetensors",
            "parts/network-2.safetensors",
            CARD_FILE,
            "metrics.jsonl",
        ]
        .map(file)
        .into()
    }

    #[test]
    fn every_file_that_affects_the_model_is_checked() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        assert!(
            check(dir.path(), &model()).is_ok(),
            "without a record nothing is known"
        );
        let digests = digests_of(&model());
        assert_eq!(
            digests.keys().collect::<Vec<_>>(),
            [
                "config.json",
                "model.safetensors",
                "parts/network-2.safetensors"
            ]
        );
        let record = serde_json::json!({ "model_sha256": digests }).to_string();
        std::fs::write(dir.path().join(RECORD_FILE), record).expect("writable");
        assert!(check(dir.path(), &model()).is_ok());
        for changed in 0..model().len() {
            let mut files = model();
            files[changed].1[0] ^= 1;
            let result = check(dir.path(), &files);
            let name = &files[changed].0;
            if digests.contains_key(name) {
                assert!(result.expect_err("changed").to_string().contains(name));
            } else {
                assert!(result.is_ok(), "{name}");
            }
        }
        assert!(
            check(dir.path(), &model()[1..].to_vec()).is_ok(),
            "a missing file is left to whoever needs it"
        );
        std::fs::write(dir.path().join("model.safetensors"), "other").expect("writable");
        assert_eq!(
            check_on_disk(dir.path()).expect_err("changed").code(),
            "model-damaged"
        );
    }
}
