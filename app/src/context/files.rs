//! The page's files: those in use, those being read by the engine, and the outcome of reading them.

use super::AppContext;
use super::models::remember_import;
use crate::file_import::{self, Source};
use crate::local_storage;
use crate::source_names::{SourceNames, unused};
use crate::state::{RunState, StateSlice};
use crate::tr;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{Command, FileRole, LabelMap, Phase, Quoting, RunConfig};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

/// Local storage key that records whether the user brought their own files, which a browser does
/// not restore on its own.
const OWN_FILES: &str = "clozelab-own-files";

/// Returns whether the user had their own files at the last visit.
pub fn had_own_files() -> bool {
    local_storage::get(OWN_FILES).is_some_and(|brought| !brought.is_empty())
}

/// Settings for reading tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    text: Option<String>,
    labels: Option<String>,
    separator: Option<String>,
    quoting: Option<Quoting>,
    label_map: LabelMap,
}

impl Columns {
    /// Copies these settings to `config`.
    pub fn put(&self, config: &mut RunConfig) {
        let Self {
            text,
            labels,
            separator,
            quoting,
            label_map,
        } = self.clone();
        (
            config.text_column,
            config.label_column,
            config.label_separator,
        ) = (text, labels, separator);
        (config.quoting, config.label_map) = (quoting, label_map);
    }
}

fn columns_of(config: &RunConfig) -> Columns {
    let RunConfig {
        text_column,
        label_column,
        label_separator,
        quoting,
        label_map,
        ..
    } = config.clone();
    Columns {
        text: text_column,
        labels: label_column,
        separator: label_separator,
        quoting,
        label_map,
    }
}

/// Files sent to the engine that it has not reported on yet, and the settings they are read with.
pub struct PendingUpload {
    /// Sources that were sent.
    pub sources: Vec<Source>,
    /// Column settings that were sent with them.
    pub columns: Columns,
}

impl AppContext {
    /// Loads the bundled corpus.
    pub fn use_bundle(&self) {
        self.take_or(
            file_import::bundle(),
            &tr!("The bundled corpus could not be fetched"),
            false,
        );
    }

    /// Opens the bundled model of a phase.
    pub fn open_finished_model(&self, phase: Phase) {
        self.take_or(
            file_import::finished_model(phase),
            &tr!("The finished model could not be fetched"),
            false,
        );
    }

    /// Replaces the corpus with files once they are listed, adds them to it if the user selected
    /// that, or opens the model that they contain. The most recent call wins, regardless of which
    /// files are listed first.
    pub fn take(
        &self,
        files: impl Future<Output = Result<Vec<Source>, String>> + 'static,
        failure: &str,
    ) {
        self.take_or(files, failure, true);
    }

    /// Like [`Self::take`]. If the files cannot be used and there is no other corpus, the bundled
    /// one may be loaded instead.
    fn take_or(
        &self,
        files: impl Future<Output = Result<Vec<Source>, String>> + 'static,
        failure: &str,
        bundle_may_stand_in: bool,
    ) {
        // Files fetched by the page itself are never added to others.
        let joins = bundle_may_stand_in && self.joins.get_untracked() && self.has_own_files();
        let Some(turn) = self.take_turn() else { return };
        let (app, failure) = (*self, failure.to_string());
        spawn_local(async move {
            let marked = match files.await {
                Ok(sources) => Ok(file_import::mark_models(sources).await),
                failed => failed,
            };
            if app.file_import.get_value() != turn {
                return;
            }
            let reason = match marked {
                Ok(sources)
                    if joins
                        && !sources.is_empty()
                        && file_import::as_model(&sources).is_none() =>
                {
                    return app.use_listed(file_import::joined(app.files(), sources));
                }
                Ok(sources) if !sources.is_empty() => {
                    // The encoding selected for the previous files does not apply to these.
                    app.encoding.set(None);
                    return app.use_listed(sources);
                }
                Ok(_) => None,
                Err(reason) => Some(reason),
            };
            let hint = match (app.files().is_empty(), bundle_may_stand_in) {
                (false, _) => tr!("The files before it stay in use."),
                (true, false) => tr!("Choose files of your own, or load the page again."),
                (true, true) => {
                    app.use_bundle();
                    tr!("The bundled dictionary stands in.")
                }
            };
            if let Some(reason) = reason {
                app.show_error(tr!("{failure}: {reason}.", failure, reason), hint);
            }
        });
    }

    /// Returns a number for a request to change the files. Returns `None` and complains if a run or
    /// a labelling job needs the current ones.
    pub(super) fn take_turn(&self) -> Option<u64> {
        if self.peek(|state| state.active().is_some()) {
            self.show_error(
                tr!("A run is under way on the present files."),
                tr!("Stop it before you change the data."),
            );
            return None;
        }
        if self.peek(RunState::is_labelling) {
            self.show_error(tr!("A file is being labelled."), tr!("Stop that first."));
            return None;
        }
        let turn = self.file_import.get_value() + 1;
        self.file_import.set_value(turn);
        // Choosing other files resolves any notice; the first load is not the user's choice.
        if turn > 1 && !self.has_crashed() {
            self.dismiss();
        }
        Some(turn)
    }

    pub(super) fn use_listed(&self, sources: Vec<Source>) {
        match (file_import::as_model(&sources), self.has_crashed()) {
            (Some(model), crashed) => {
                if crashed {
                    self.restart_engine();
                }
                self.import(model);
            }
            (None, true) => self.restart_engine_with(sources),
            (None, false) => self.offer(sources),
        }
    }

    /// Returns the files chosen last, whether or not the engine has reported on them.
    pub(super) fn files(&self) -> Vec<Source> {
        self.with_files(<[Source]>::to_vec)
    }

    /// Passes the files chosen last to `read`, without copying them.
    fn with_files<T>(&self, read: impl FnOnce(&[Source]) -> T) -> T {
        self.offered.with_value(|offered| match offered.back() {
            Some(upload) => read(&upload.sources),
            None => self.sources.with_value(|sources| read(sources)),
        })
    }

    /// Loads the bundled corpus at the user's request, unless a run needs the current one.
    pub fn go_back_to_bundle(&self) {
        if self.take_turn().is_some() {
            local_storage::keep(OWN_FILES, "");
            self.forget_last_text();
            self.use_bundle();
        }
    }

    /// Returns whether the user has loaded their own files.
    pub fn has_own_files(&self) -> bool {
        self.with_files(|sources| sources.iter().any(|source| !source.is_bundled()))
    }

    /// Changes the role of a file and reads the corpus again.
    pub fn set_role(&self, name: &str, role: FileRole) {
        self.change_files(|sources| {
            for source in sources.iter_mut().filter(|source| source.contains(name)) {
                if source.name == name {
                    source.role = Some(role);
                } else {
                    source.member_roles.insert(name.into(), role);
                }
            }
        });
    }

    /// Removes a file and reads the others again; if none of them is usable, the bundled corpus is
    /// loaded. A file inside an archive is removed with the whole archive.
    pub fn remove_file(&self, name: &str) {
        let refused: BTreeSet<String> = self.refused_files().into_iter().collect();
        self.change_files(|sources| {
            sources.retain(|source| !source.contains(name));
            if sources.iter().all(|source| refused.contains(&source.name)) {
                sources.clear();
            }
        });
    }

    /// Returns the names of the user's files to which the files `names` belong, as archive members
    /// or themselves.
    pub fn source_names<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<String> {
        self.sources.with_value(|sources| {
            let known = SourceNames::new(sources.iter().map(|source| source.name.as_str()));
            names
                .map(|name| known.source_of(name).unwrap_or(name).to_string())
                .collect()
        })
    }

    /// Returns the names of the files from which nothing could be read; a warning gives the reason.
    pub fn refused_files(&self) -> Vec<String> {
        self.peek(|state| {
            let files = state
                .corpus
                .as_ref()
                .map(|corpus| corpus.files.as_slice())
                .unwrap_or_default();
            let names = files.iter().map(|file| file.name.as_str());
            self.sources.with_value(|sources| {
                unused(sources.iter().map(|source| source.name.as_str()), names)
            })
        })
    }

    /// Reads the current files again, after a change of settings.
    pub fn read_again(&self) {
        self.change_files(|_| ());
    }

    /// Changes the files chosen last and reads them again.
    fn change_files(&self, change: impl FnOnce(&mut Vec<Source>)) {
        if self.take_turn().is_some() {
            let mut sources = self.files();
            change(&mut sources);
            match sources.is_empty() {
                true => self.go_back_to_bundle(),
                false => self.use_listed(sources),
            }
        }
    }

    /// Sets the word vectors with which new models are initialised, or removes them.
    pub fn set_word_vectors(&self, source: Option<Source>) {
        self.vectors.set_value(source);
        self.state.update_value(|state| state.vectors += 1);
        self.notify(&[StateSlice::Runs]);
        self.offer_word_vectors();
    }

    /// Returns the name of the file of word vectors.
    pub fn word_vectors(&self) -> Option<String> {
        self.vectors
            .with_value(|source| source.as_ref().map(|source| source.name.clone()))
    }

    pub(super) fn offer_word_vectors(&self) {
        let (files, blobs) = self
            .vectors
            .with_value(|source| file_import::to_transfer(source.as_slice(), None));
        self.send_with(
            Command::SetWordVectors {
                file: files.into_iter().next(),
            },
            blobs,
        );
    }

    /// Imports a model into the engine: one `.zip` or the loose files of a run directory.
    pub fn import(&self, sources: Vec<Source>) {
        self.import_of(None, sources);
    }

    /// Like [`Self::import`], for the model of a run.
    pub(super) fn import_of(&self, run: Option<String>, sources: Vec<Source>) {
        if self.peek(|state| state.active().is_some()) {
            return self.show_error(
                tr!("A run is under way; its model would be lost."),
                tr!("Stop it before you open a model."),
            );
        }
        if self.peek(RunState::is_labelling) {
            return self.show_error(tr!("A file is being labelled."), tr!("Stop that first."));
        }
        self.state.update_value(|state| state.open_model(run));
        let (files, blobs) = file_import::to_transfer(&sources, None);
        let request = self
            .imports
            .try_update_value(|imports| remember_import(imports, sources))
            .unwrap_or_default();
        self.send_with(Command::ImportModel { request, files }, blobs);
    }

    /// Sends files to the engine; they become the corpus once it reports on them.
    pub(super) fn offer(&self, sources: Vec<Source>) {
        let config = self
            .settings
            .with_untracked(|settings| settings.pretrain.clone());
        let (files, blobs) =
            file_import::to_transfer(&sources, self.encoding.get_untracked().as_deref());
        let columns = columns_of(&config);
        let Columns {
            text,
            labels,
            separator,
            quoting,
            label_map,
        } = columns.clone();
        let command = Command::SetCorpus {
            files,
            text_column: text,
            label_column: labels,
            label_separator: separator,
            quoting,
            label_map,
            annotations: self.annotations.get_untracked(),
        };
        self.offered
            .update_value(|offered| offered.push_back(PendingUpload { sources, columns }));
        self.state.update_value(RunState::begin_reading);
        self.notify(&[StateSlice::Corpus]);
        self.send_with(command, blobs);
    }

    /// Resolves the oldest pending upload.
    pub(super) fn settle_offer(&self, accepted: bool) {
        let settled = self.offered.try_update_value(VecDeque::pop_front).flatten();
        let selected = self
            .settings
            .with_untracked(|settings| columns_of(&settings.pretrain));
        let is_refused = settled.as_ref().is_some_and(|upload| {
            // A failure of other files says nothing about the columns of the current ones.
            !accepted
                && upload.columns == selected
                && self.columns.with_value(|present| *present != selected)
        });
        self.state
            .update_value(|state| state.columns_refused = is_refused);
        self.notify(&[StateSlice::Corpus]);
        if let Some(PendingUpload { sources, columns }) = settled.filter(|_| accepted) {
            self.columns.set_value(columns);
            if sources.iter().any(|source| !source.is_bundled()) {
                local_storage::keep(OWN_FILES, "brought");
            }
            self.sources.set_value(sources);
        }
        if self.offered.with_value(|offered| !offered.is_empty()) {
            self.state.update_value(|state| state.reading = true);
            self.notify(&[StateSlice::Corpus]);
        }
    }
}
