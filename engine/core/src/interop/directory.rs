//! Classifies a directory by its file names: a supported model, or weights in another format, which
//! are reported together with a way to convert them.
//!
//! Both hosts check a directory before they read it, since weights in another format may be large.
//! Uses file names and small configuration files only, without file system access or tensors.

pub(crate) mod foreign;
mod listing;
pub(crate) mod sentence;

use super::error::{InteropError, listed};
use super::python::{CONFIGURATION_FILE, MODELING_FILE};
use super::{
    CARD_FILE, CLASSIFIER_FILE, CONFIG_FILE, LINEAR_FILE, MODULES_FILE, POOLING_FILE, WEIGHTS_FILE,
};
use crate::interop::config::family::family_of;
use crate::interop::weights::shards::{INDEX_FILE, check_downloaded, is_shard};
use data::quoted;
use foreign::Form;
pub use listing::{Directory, MAX_START_BYTES};
use protocol::message;

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
/// Name of `config.json` in Google's checkpoints.
const GOOGLE_CONFIG: &str = "bert_config.json";

/// Returns whether a file of a model directory belongs to the model; others, such as metrics and
/// checkpoints, are not read.
pub fn is_model_file(name: &str) -> bool {
    let is_network = name.starts_with("parts/network-") && name.ends_with(".safetensors");
    SMALL_FILES.contains(&name) || is_network || is_weights(name)
}

/// Returns whether a file holds weights in an unsupported format; such files may be large.
pub fn is_foreign_weights(name: &str) -> bool {
    let is_of = |form: &Form| *form != Form::OtherName && form.is_of(file_name(name));
    Form::ALL.iter().any(is_of)
}

fn is_weights(name: &str) -> bool {
    name == WEIGHTS_FILE || name == INDEX_FILE || is_shard(name)
}

impl Directory<'_> {
    /// Checks that there are a configuration and weights in a supported format.
    ///
    /// # Errors
    /// Returns [`InteropError::NotAModel`], which describes what was found instead, or
    /// [`InteropError::Unsupported`].
    pub fn check(&self) -> Result<(), InteropError> {
        let has_config = self.has(CONFIG_FILE);
        if self.names.iter().any(|name| is_weights(name)) {
            return if has_config {
                Ok(())
            } else {
                Err(self.without_config())
            };
        }
        // An unsupported model family need not be converted.
        family_of(&self.json(CONFIG_FILE))?;
        if let Some((form, name)) = self.foreign_form(|name| !name.contains('/')) {
            return Err(self.in_form(form, name));
        }
        let folders = self.model_folders();
        if let Some(folder) = folders.first() {
            return Err(self.in_subfolder(&folders, folder));
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
            found: message!(
                "{place} contains no model: {missing} is missing",
                place = self.place,
                missing
            ),
            remedy: message!(
                "Use the directory of a finished run, or a Hugging Face model directory."
            ),
        })
    }

    fn in_form(&self, form: Form, name: &str) -> InteropError {
        let start = (self.start)(name).unwrap_or_default();
        check_downloaded(name, &start)
            .err()
            .unwrap_or_else(|| foreign::converted(self, form, name))
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|other| other == name)
    }

    /// Returns the first format of any file accepted by `is_included`, and the file's name.
    fn foreign_form(&self, is_included: impl Fn(&str) -> bool) -> Option<(Form, &str)> {
        let names = || {
            self.names
                .iter()
                .map(String::as_str)
                .filter(|name| is_included(name))
        };
        Form::ALL
            .iter()
            .find_map(|form| Some((*form, names().find(|name| form.is_of(file_name(name)))?)))
    }

    /// Returns the subfolders with a configuration and weights in any format: supported formats
    /// first, then by depth, and the latest of numbered checkpoints first.
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
        let ranked = folders.filter_map(|folder| {
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
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort();
        ranked.into_iter().map(|(_, folder)| folder).collect()
    }

    fn in_subfolder(&self, folders: &[&str], first: &str) -> InteropError {
        let names = listed(folders.iter().map(|folder| quoted(folder)));
        InteropError::NotAModel {
            found: message!(
                "{place} is not a model directory, but has models in subfolders: {names}",
                place = self.place,
                names
            ),
            remedy: message!("Use this folder: {path}/{first}", path = self.path, first),
        }
    }

    fn without_config(&self) -> InteropError {
        let place = self.place;
        if self.has(GOOGLE_CONFIG) {
            return InteropError::NotAModel {
                found: message!(
                    "the configuration in {place} is named {file}, not {expected}",
                    place,
                    file = GOOGLE_CONFIG,
                    expected = CONFIG_FILE
                ),
                remedy: message!(
                    "Copy {file} to {expected} in the same directory.",
                    file = GOOGLE_CONFIG,
                    expected = CONFIG_FILE
                ),
            };
        }
        InteropError::NotAModel {
            found: message!(
                "{place} contains no model: {file} is missing",
                place,
                file = CONFIG_FILE
            ),
            remedy: message!("Add the config.json that was saved together with the weights."),
        }
    }
}

fn file_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
