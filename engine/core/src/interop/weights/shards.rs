//! Merges sharded weights into `model.safetensors`, and detects placeholders of files that were not
//! downloaded.
//!
//! Source: `transformers`, `modeling_utils` (`model.safetensors.index.json` maps tensors to files);
//! Git LFS, `docs/spec.md`.

use crate::interop::WEIGHTS_FILE;
use crate::interop::error::{InteropError, listed};
use crate::interop::weights::{aliases, check_header};
use data::quoted;
use protocol::{Message, message};
use safetensors::tensor::{SafeTensors, TensorView};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// File that maps each tensor to its shard.
pub(crate) const INDEX_FILE: &str = "model.safetensors.index.json";
/// First bytes of a Git LFS pointer.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
/// First bytes of an HTML page, in lower case.
const HTML_STARTS: [&[u8]; 2] = [b"<!doctype html", b"<html"];

/// Files of a model: name and content.
type Files = Vec<(String, Vec<u8>)>;

/// Returns whether a file is a shard of the weights, e.g. `model-00001-of-00002.safetensors`.
pub(crate) fn is_shard(name: &str) -> bool {
    shard_count(name).is_some()
}

/// Returns the total number of shards from the name of a shard.
fn shard_count(name: &str) -> Option<usize> {
    let (number, count) = name
        .strip_prefix("model-")?
        .strip_suffix(".safetensors")?
        .split_once("-of-")?;
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(number) && is_number(count) {
        count.parse().ok()
    } else {
        None
    }
}

/// Returns a model's files with all weights in one file.
///
/// # Errors
/// Returns an error if a file is a placeholder for one that was not downloaded, or a shard is
/// missing or damaged.
pub fn whole(mut files: Files) -> Result<Files, InteropError> {
    files
        .iter()
        .try_for_each(|(name, bytes)| check_downloaded(name, bytes))?;
    let is_part = |name: &str| name == INDEX_FILE || is_shard(name);
    if !files.iter().any(|(name, _)| name == WEIGHTS_FILE)
        && let Some(needed) = shards_of(&files)?
    {
        let joined = joined(&files, &needed)?;
        files.push((WEIGHTS_FILE.into(), joined));
    }
    files.retain(|(name, _)| !is_part(name));
    Ok(files)
}

/// Rejects placeholders: Git LFS pointers, and HTML pages under another name. A run directory has a
/// page of its own, the report.
pub(crate) fn check_downloaded(name: &str, bytes: &[u8]) -> Result<(), InteropError> {
    if bytes.starts_with(LFS_POINTER) {
        return Err(InteropError::NotAModel {
            found: message!(
                "{file} is a Git LFS pointer: the file itself was not downloaded",
                file = quoted(name)
            ),
            remedy: message!(
                "Run git lfs pull in the model's directory, or download the file itself."
            ),
        });
    }
    let start = bytes.trim_ascii_start();
    let is_page = |page: &&[u8]| {
        start
            .get(..page.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(page))
    };
    if !name.ends_with(".html") && HTML_STARTS.iter().any(is_page) {
        return Err(InteropError::NotAModel {
            found: message!(
                "{file} is an HTML page: the file itself was not downloaded",
                file = quoted(name)
            ),
            remedy: message!("Download the file itself, not the page that shows it."),
        });
    }
    Ok(())
}

/// Returns the names of the shards, from the index or by their numbers; `None` if there are none.
fn shards_of(files: &Files) -> Result<Option<BTreeSet<String>>, InteropError> {
    let Some((_, index)) = files.iter().find(|(name, _)| name == INDEX_FILE) else {
        let count = files.iter().find_map(|(name, _)| shard_count(name));
        let name = |number, count| format!("model-{number:05}-of-{count:05}.safetensors");
        return Ok(count.map(|count| (1..=count).map(|number| name(number, count)).collect()));
    };
    let bad = |reason: Message| InteropError::Weights {
        reason: message!("{file} cannot be used: {reason}", file = INDEX_FILE, reason),
    };
    let index: Value = serde_json::from_slice(index).map_err(|error| {
        bad(message!(
            "it is not JSON ({error})",
            error = error.to_string()
        ))
    })?;
    let map = index["weight_map"]
        .as_object()
        .ok_or_else(|| bad(message!("it has no weight_map")))?;
    let names: Option<BTreeSet<String>> = map
        .values()
        .map(|name| name.as_str().map(String::from))
        .collect();
    names
        .map(Some)
        .ok_or_else(|| bad(message!("weight_map has a value that is not a file name")))
}

fn joined(files: &Files, needed: &BTreeSet<String>) -> Result<Vec<u8>, InteropError> {
    let bytes_of = |name: &str| {
        files
            .iter()
            .find(|(file, _)| file == name)
            .map(|(_, bytes)| bytes.as_slice())
    };
    let missing: Vec<&String> = needed
        .iter()
        .filter(|name| bytes_of(name).is_none())
        .collect();
    if !missing.is_empty() {
        let names = listed(missing.into_iter().map(|name| quoted(name)));
        return Err(InteropError::NotAModel {
            found: message!(
                "some of the weight files ({count}) are missing: {names}",
                count = needed.len(),
                names
            ),
            remedy: message!("Download or copy all of them into the model's directory."),
        });
    }
    let mut tensors: BTreeMap<String, TensorView<'_>> = BTreeMap::new();
    for name in needed {
        let bytes = bytes_of(name).expect("none is missing");
        let damaged = |reason: Message| InteropError::Weights {
            reason: message!("{name} cannot be used: {reason}", name, reason),
        };
        check_header(bytes).map_err(|error| damaged(Message::verbatim(error.to_string())))?;
        let shard = SafeTensors::deserialize(bytes)
            .map_err(|error| damaged(Message::verbatim(error.to_string())))?;
        let others = aliases(bytes)
            .into_iter()
            .filter_map(|(alias, stored)| Some((alias, shard.tensor(&stored).ok()?)));
        for (tensor, view) in shard.tensors().into_iter().chain(others) {
            if tensors.contains_key(&tensor) {
                return Err(damaged(message!(
                    "the tensor {tensor} is also in another file",
                    tensor = quoted(&tensor)
                )));
            }
            tensors.insert(tensor, view);
        }
    }
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    Ok(safetensors::serialize(tensors, Some(metadata))
        .expect("views of sound files with distinct names serialise"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::{HostTensor, Weights, weights_from_bytes, weights_to_bytes};

    fn weights(names: &[&str]) -> Weights {
        let tensor = |name: &&str| HostTensor {
            shape: vec![1],
            data: vec![name.len() as f32],
        };
        names
            .iter()
            .map(|name| (name.to_string(), tensor(name)))
            .collect()
    }

    fn shards() -> Files {
        let file = |number, names: &[&str]| {
            (
                format!("model-0000{number}-of-00002.safetensors"),
                weights_to_bytes(&weights(names)),
            )
        };
        vec![
            file(1, &["a", "bb"]),
            file(2, &["ccc"]),
            ("vocab.txt".into(), b"x".to_vec()),
        ]
    }

    fn index(map: &str) -> (String, Vec<u8>) {
        (
            INDEX_FILE.into(),
            format!("{{\"weight_map\": {map}}}").into_bytes(),
        )
    }

    #[test]
    fn shards_become_one_file_with_and_without_an_index() {
        let map = r#"{"a": "model-00001-of-00002.safetensors", "ccc": "model-00002-of-00002.safetensors"}"#;
        for more in [vec![index(map)], Vec::new()] {
            let files = whole([shards(), more].concat()).expect("whole");
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["vocab.txt", WEIGHTS_FILE]);
            assert_eq!(
                weights_from_bytes(&files[1].1).expect("sound"),
                weights(&["a", "bb", "ccc"])
            );
        }
    }

    #[test]
    fn a_single_file_takes_precedence_over_shards() {
        let one = (WEIGHTS_FILE.to_string(), weights_to_bytes(&weights(&["z"])));
        let files = whole([shards(), vec![one.clone()]].concat()).expect("whole");
        assert_eq!(files, [("vocab.txt".to_string(), b"x".to_vec()), one]);
    }

    #[test]
    fn missing_and_damaged_shards_are_reported() {
        let check = |files: Files, expected: &str| {
            let error = whole(files).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error} lacks {expected}");
        };
        check(
            shards()[1..].to_vec(),
            "are missing: \"model-00001-of-00002.safetensors\"",
        );
        check(
            [shards(), vec![index(r#"{"a": "b.safetensors"}"#)]].concat(),
            "are missing: \"b.safetensors\"",
        );
        check(
            [shards(), vec![index("{\"a\": 1}")]].concat(),
            "not a file name",
        );
        check([shards(), vec![index("[]")]].concat(), "no weight_map");
        check(vec![(INDEX_FILE.into(), b"{".to_vec())], "not JSON");
        let mut twice = shards();
        twice[1].1 = twice[0].1.clone();
        check(twice, "is also in another file");
        let mut cut = shards();
        cut[1].1.truncate(20);
        check(cut, "model-00002-of-00002.safetensors cannot be used");
    }

    #[test]
    fn placeholders_are_reported() {
        let pointer =
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 438012727\n".to_vec();
        for name in [
            WEIGHTS_FILE,
            "vocab.txt",
            "model-00001-of-00002.safetensors",
        ] {
            let error = whole(vec![(name.into(), pointer.clone())]).expect_err("a pointer");
            assert!(
                error.to_string().contains("Git LFS pointer") && error.to_string().contains(name),
                "{error}"
            );
            assert!(error.hint().to_string().contains("git lfs pull"));
        }
        let page = b"\n<!DOCTYPE HTML><html>".to_vec();
        let report = ("report.html".into(), page.clone());
        assert_eq!(whole(vec![report]).expect("not a placeholder").len(), 1);
        let error = whole(vec![("config.json".into(), page)]).expect_err("a page");
        assert!(
            error
                .to_string()
                .contains("\"config.json\" is an HTML page"),
            "{error}"
        );
    }

    #[test]
    fn only_numbers_of_five_digits_make_a_shard() {
        assert!(is_shard("model-00001-of-00002.safetensors"));
        for name in [
            "model.safetensors",
            "model-1-of-2.safetensors",
            "model-00001-of-00002.bin",
            "x-00001-of-00002.safetensors",
        ] {
            assert!(!is_shard(name), "{name}");
        }
    }
}
