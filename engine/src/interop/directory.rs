//! What a directory holds, by the names of its files: a model that is read here, or weights in another form, which are
//! named with the way that converts them.
//!
//! Both hosts ask before they read: weights in another form may be large. It knows names and the two small files that say
//! what a model is; no path of the system and no tensor.

use super::error::{InteropError, listed, quoted};
use super::family::family_of;
use super::foreign::{self, Form};
use super::python::{CONFIGURATION_FILE, MODELING_FILE};
use super::shards::{INDEX_FILE, check_downloaded, is_shard};
use super::{
    CARD_FILE, CLASSIFIER_FILE, CONFIG_FILE, LINEAR_FILE, MODULES_FILE, POOLING_FILE, WEIGHTS_FILE,
};
use serde_json::{Map, Value};

/// Files of a model directory besides its weights and a classifier's networks.
const SMALL_FILES: [&str; 13] = [
    CARD_FILE,
    CONFIG_FILE,
    CLASSIFIER_FILE,
    CONFIGURATION_FILE,
    MODELING_FILE,
    LINEAR_FILE,
    MODULES_FILE,
    POOLING_FILE,
    "tokenizer.json",
    "vocab.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];
/// How Google's checkpoints call `config.json`.
const GOOGLE_CONFIG: &str = "bert_config.json";

/// Bytes of a file that are looked at.
pub const MAX_START_BYTES: u64 = 1 << 20;

/// A directory that should be a model.
pub struct Directory<'a> {
    /// What sentences call it.
    pub place: &'a str,
    /// What commands call it.
    pub path: &'a str,
    /// Its files, those of folders inside it with their way.
    pub names: &'a [String],
    /// How one of them begins: no more than [`MAX_START_BYTES`], which is all of a small file.
    pub start: &'a dyn Fn(&str) -> Option<Vec<u8>>,
}

/// Whether a file of a model directory is one of the model's; others, such as metrics and checkpoints, are not read.
pub fn is_model_file(name: &str) -> bool {
    let is_network = name.starts_with("parts/network-") && name.ends_with(".safetensors");
    SMALL_FILES.contains(&name) || is_network || is_weights(name)
}

/// Whether a file holds weights in a form that is not read here, which may be large.
pub fn is_foreign_weights(name: &str) -> bool {
    let is_of = |form: &Form| *form != Form::OtherName && form.is_of(file_name(name));
    Form::ALL.iter().any(is_of)
}

fn is_weights(name: &str) -> bool {
    name == WEIGHTS_FILE || name == INDEX_FILE || is_shard(name)
}

impl Directory<'_> {
    /// Whether there is a configuration and weights that are read here.
    ///
    /// # Errors
    /// [`InteropError::NotAModel`], which says what there is instead.
    pub fn check(&self) -> Result<(), InteropError> {
        let has_config = self.has(CONFIG_FILE);
        if self.names.iter().any(|name| is_weights(name)) {
            return if has_config {
                Ok(())
            } else {
                Err(self.without_config())
            };
        }
        // What is not computed here need not be converted.
        family_of(&self.json(CONFIG_FILE))?;
        if let Some((form, name)) = self.foreign_form(|name| !name.contains('/')) {
            return Err(self.in_form(form, name));
        }
        let folders = self.model_folders();
        if let Some(folder) = folders.first() {
            return Err(self.elsewhere(&folders, folder));
        }
        if let Some((form, name)) = self.foreign_form(|_| true) {
            return Err(self.in_form(form, name));
        }
        let missing = if has_config {
            WEIGHTS_FILE
        } else {
            CONFIG_FILE
        };
        Err(InteropError::NotAModel {
            found: format!("{} holds no model: {missing} is missing", self.place),
            remedy: "Give the directory of a finished run, or a Hugging Face model directory."
                .into(),
        })
    }

    fn in_form(&self, form: Form, name: &str) -> InteropError {
        let start = (self.start)(name).unwrap_or_default();
        check_downloaded(name, &start)
            .err()
            .unwrap_or_else(|| foreign::converted(self, form, name))
    }

    /// The fields of a small file; none where it is not there or no object.
    pub(super) fn json(&self, name: &str) -> Map<String, Value> {
        (self.start)(name)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|other| other == name)
    }

    /// The first form that a file in the places `here` has, and its name.
    fn foreign_form(&self, here: impl Fn(&str) -> bool) -> Option<(Form, &str)> {
        let names = || {
            self.names
                .iter()
                .map(String::as_str)
                .filter(|name| here(name))
        };
        Form::ALL
            .iter()
            .find_map(|form| Some((*form, names().find(|name| form.is_of(file_name(name)))?)))
    }

    /// Folders inside that hold a configuration and weights of any form: those that can be read and lie highest first, of
    /// numbered checkpoints the last.
    fn model_folders(&self) -> Vec<&str> {
        let inside = |folder: &str| {
            let names = self
                .names
                .iter()
                .filter_map(|name| name.strip_prefix(folder)?.strip_prefix('/'));
            names.filter(|name| !name.contains('/')).collect::<Vec<_>>()
        };
        let folders = self
            .names
            .iter()
            .filter_map(|name| name.strip_suffix(CONFIG_FILE)?.strip_suffix('/'));
        let rated = folders.filter_map(|folder| {
            let names = inside(folder);
            let is_read = names.iter().any(|name| is_weights(name));
            let is_model = is_read
                || names
                    .iter()
                    .any(|name| Form::ALL.iter().any(|form| form.is_of(name)));
            let depth = folder.matches('/').count();
            let last = std::cmp::Reverse((folder.len(), folder));
            is_model.then_some(((!is_read, depth, last), folder))
        });
        let mut rated: Vec<_> = rated.collect();
        rated.sort();
        rated.into_iter().map(|(_, folder)| folder).collect()
    }

    fn elsewhere(&self, folders: &[&str], first: &str) -> InteropError {
        let names = listed(folders.iter().map(|folder| quoted(folder)));
        InteropError::NotAModel {
            found: format!(
                "{} is no model itself; it holds one in a folder: {names}",
                self.place
            ),
            remedy: format!("Give that folder: {}/{first}", self.path),
        }
    }

    fn without_config(&self) -> InteropError {
        let place = self.place;
        if self.has(GOOGLE_CONFIG) {
            return InteropError::NotAModel {
                found: format!(
                    "{place} calls the configuration {GOOGLE_CONFIG}, not {CONFIG_FILE}"
                ),
                remedy: format!("Copy {GOOGLE_CONFIG} to {CONFIG_FILE} in the same directory."),
            };
        }
        InteropError::NotAModel {
            found: format!("{place} holds no model: {CONFIG_FILE} is missing"),
            remedy: "Add the config.json that was saved together with the weights.".into(),
        }
    }
}

fn file_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
