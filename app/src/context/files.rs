//! The lab's files: which are in use, which are on their way to the engine, and what becomes of those.

use super::AppContext;
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

/// Under which it is remembered that a person brought files of their own: a browser does not give those back by itself.
const OWN_FILES: &str = "clozelab-own-files";

/// Whether there were files of a person's own at the last visit.
pub fn had_own_files() -> bool {
    local_storage::get(OWN_FILES).is_some_and(|brought| !brought.is_empty())
}

/// How tables are read, as it is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    text: Option<String>,
    labels: Option<String>,
    separator: Option<String>,
    quoting: Option<Quoting>,
    label_map: LabelMap,
}

impl Columns {
    /// Makes them those of `config`.
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

/// Files on their way to the engine, and how they are to be read.
pub struct PendingUpload {
    /// What they are read from.
    pub sources: Vec<Source>,
    /// By which columns.
    pub columns: Columns,
}

impl AppContext {
    /// Loads the corpus that ships with the page.
    pub fn use_bundle(&self) {
        self.take_or(
            file_import::bundle(),
            &tr!("The bundled corpus could not be fetched"),
            false,
        );
    }

    /// Opens the model of a phase that ships with the page.
    pub fn open_finished_model(&self, phase: Phase) {
        self.take_or(
            file_import::finished_model(phase),
            &tr!("The finished model could not be fetched"),
            false,
        );
    }

    /// Replaces the corpus by files, once they are listed, or adds them to it where that was chosen, or opens the model that
    /// they are. The last intention wins, whichever is read first.
    pub fn take(
        &self,
        files: impl Future<Output = Result<Vec<Source>, String>> + 'static,
        failure: &str,
    ) {
        self.take_or(files, failure, true);
    }

    /// As [`Self::take`]; where it comes to nothing and there is no other text, the bundled one may stand in.
    fn take_or(
        &self,
        files: impl Future<Output = Result<Vec<Source>, String>> + 'static,
        failure: &str,
        bundle_may_stand_in: bool,
    ) {
        // What the page itself fetches joins nothing.
        let joins = bundle_may_stand_in && self.joins.get_untracked() && self.has_own_files();
        let Some(turn) = self.take_turn() else { return };
        let (app, failure) = (*self, failure.to_string());
        spawn_local(async move {
            let listed = match files.await {
                Ok(sources) => Ok(file_import::mark_models(sources).await),
                failed => failed,
            };
            if app.file_import.get_value() != turn {
                return;
            }
            let reason = match listed {
                Ok(sources)
                    if joins
                        && !sources.is_empty()
                        && file_import::as_model(&sources).is_none() =>
                {
                    return app.use_listed(file_import::joined(app.files(), sources));
                }
                Ok(sources) if !sources.is_empty() => {
                    // What was chosen for the files before says nothing of these.
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
                app.complain(tr!("{failure}: {reason}.", failure, reason), hint);
            }
        });
    }

    /// The number of a wish for other files; `None`, with the reason told, while a run needs the present ones.
    pub(super) fn take_turn(&self) -> Option<u64> {
        if self.peek(|state| state.active().is_some()) {
            self.complain(
                tr!("A run is under way on the present files."),
                tr!("Stop it before you change the data."),
            );
            return None;
        }
        if self.peek(RunState::is_labelling) {
            self.complain(tr!("A file is being labelled."), tr!("Stop that first."));
            return None;
        }
        let turn = self.file_import.get_value() + 1;
        self.file_import.set_value(turn);
        // Other files are the answer to whatever was wrong; the first ones come by themselves.
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

    /// The files that were chosen last, whether the engine has reported on them or not.
    pub(super) fn files(&self) -> Vec<Source> {
        self.with_files(<[Source]>::to_vec)
    }

    /// Reads the files that were chosen last, without copying them.
    fn with_files<T>(&self, read: impl FnOnce(&[Source]) -> T) -> T {
        self.offered.with_value(|offered| match offered.back() {
            Some(offer) => read(&offer.sources),
            None => self.sources.with_value(|sources| read(sources)),
        })
    }

    /// Loads the corpus that ships with the page since a person wants it, unless a run needs the present one.
    pub fn go_back_to_bundle(&self) {
        if self.take_turn().is_some() {
            local_storage::keep(OWN_FILES, "");
            self.forget_last_text();
            self.use_bundle();
        }
    }

    /// Whether the person brought files of their own.
    pub fn has_own_files(&self) -> bool {
        self.with_files(|sources| sources.iter().any(|source| !source.is_bundled()))
    }

    /// Changes what a file is used for, and has the corpus read again.
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

    /// Goes on with the other files only, as long as any of them can be used. A file inside an archive goes with all of it.
    pub fn remove_file(&self, name: &str) {
        let refused: BTreeSet<String> = self.refused_files().into_iter().collect();
        self.change_files(|sources| {
            sources.retain(|source| !source.contains(name));
            if sources.iter().all(|source| refused.contains(&source.name)) {
                sources.clear();
            }
        });
    }

    /// The files that a person chose of which the files `names` are parts, or are themselves.
    pub fn source_names<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<String> {
        self.sources.with_value(|sources| {
            let known = SourceNames::new(sources.iter().map(|source| source.name.as_str()));
            names
                .map(|name| known.source_of(name).unwrap_or(name).to_string())
                .collect()
        })
    }

    /// The files that came to nothing when they were read last; a warning says why.
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

    /// Has the present files read again, by other rules.
    pub fn read_again(&self) {
        self.change_files(|_| ());
    }

    /// Has the files that were chosen last read again, as changed.
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

    /// Gives new models word vectors to start from, or takes them away.
    pub fn set_word_vectors(&self, source: Option<Source>) {
        self.vectors.set_value(source);
        self.state.update_value(|state| state.vectors += 1);
        self.notify(&[StateSlice::Runs]);
        self.offer_word_vectors();
    }

    /// The file of word vectors that new models start from.
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

    /// Hands a model to the engine: one `.zip` or the loose files of a run directory.
    pub fn import(&self, sources: Vec<Source>) {
        self.import_of(None, sources);
    }

    /// As [`Self::import`], of the model of a run.
    pub(super) fn import_of(&self, run: Option<String>, sources: Vec<Source>) {
        if self.peek(|state| state.active().is_some()) {
            return self.complain(
                tr!("A run is under way; its model would be lost."),
                tr!("Stop it before you open a model."),
            );
        }
        if self.peek(RunState::is_labelling) {
            return self.complain(tr!("A file is being labelled."), tr!("Stop that first."));
        }
        self.state.update_value(|state| state.open_model(run));
        let (files, blobs) = file_import::to_transfer(&sources, None);
        self.send_with(Command::ImportModel { files }, blobs);
    }

    /// Sends files to the engine; they count as the corpus once it reports on them.
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
        };
        self.offered
            .update_value(|offered| offered.push_back(PendingUpload { sources, columns }));
        self.state.update_value(RunState::begin_reading);
        self.notify(&[StateSlice::Corpus]);
        self.send_with(command, blobs);
    }

    /// What the engine said of the files that have been on their way to it for longest.
    pub(super) fn settle_offer(&self, accepted: bool) {
        let settled = self.offered.try_update_value(VecDeque::pop_front).flatten();
        let chosen = self
            .settings
            .with_untracked(|settings| columns_of(&settings.pretrain));
        let is_refused = settled.as_ref().is_some_and(|offer| {
            // Other files that cannot be used say nothing of the columns of the present ones.
            !accepted
                && offer.columns == chosen
                && self.columns.with_value(|present| *present != chosen)
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
