//! Resumes interrupted runs after a reload or crash: from their newest checkpoint, on the corpus
//! with which they started; a comparison resumes from its finished runs.

use super::AppContext;
use crate::archive;
use crate::file_import::{self, Source};
use crate::locks;
use crate::state::{Origin, Run, StateSlice, Text};
use crate::tr;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{Command, FileInfo, FoundCheckpoint};
use serde_json::Value;
use std::collections::BTreeMap;
use web_sys::Blob;

/// A run that is resumed once its corpus has been read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pending {
    key: String,
    text: Text,
}

impl AppContext {
    /// Resumes the run of this key, after loading its corpus if another one is in use.
    pub fn resume_run(&self, key: &str) {
        if self.peek(|state| state.active().is_some()) {
            return self.show_error(
                tr!("Another run is under way."),
                tr!("Stop it before you resume this one."),
            );
        }
        let Some(run) = self.run_of(key) else { return };
        self.dismiss();
        let text = run.resume.text.clone();
        if self.reads(&text.fingerprint) {
            return self.resume_now(key);
        }
        self.pending.set_value(Some(Pending {
            key: key.into(),
            text: text.clone(),
        }));
        if text.bundled {
            return self.use_bundle();
        }
        self.use_stored_text(text.fingerprint, |app| {
            app.show_error(
                tr!("The text of this run is not stored in this browser."),
                tr!("Choose the same files again: the run then resumes by itself."),
            );
        });
    }

    /// Resumes the run of this key once its corpus, which has been sent to the engine, is read.
    pub(super) fn resume_when_read(&self, key: &str) {
        let text = self
            .run_of(key)
            .map(|run| run.resume.text)
            .unwrap_or_default();
        self.pending.set_value(Some(Pending {
            key: key.into(),
            text,
        }));
    }

    /// Opens the model of the run of this key, if it is saved in the browser.
    pub(super) async fn open_model_of(&self, key: &str) {
        if let Ok(blob) = archive::model(key).await {
            self.import_of(
                self.run_of(key).map(|run| run.id),
                vec![Source::of_blob("model.zip", blob)],
            );
        }
    }

    /// Resumes the pending run if its corpus has just been read.
    pub(super) fn resume_pending(&self) {
        let Some(pending) = self.pending.get_value() else {
            return;
        };
        if self.peek(|state| state.active().is_some()) {
            return;
        }
        if self.reads(&pending.text.fingerprint) {
            self.pending.set_value(None);
            self.resume_now(&pending.key);
        } else if pending.text.bundled {
            self.pending.set_value(None);
            self.show_error(
                tr!("This run began with another version of the bundled text and cannot resume."),
                tr!("Its model can still be opened."),
            );
        } else if self.has_own_files() && self.peek(|state| !state.reading) {
            self.pending.set_value(None);
            self.show_error(
                tr!("These files are not the text that the run began with."),
                tr!("Press Resume again and choose the same files, or start a new run."),
            );
        }
    }

    fn resume_now(&self, key: &str) {
        let (app, key) = (*self, key.to_string());
        spawn_local(async move {
            let Some(run) = app.run_of(&key) else { return };
            let has_lock = app.lock.with_value(Option::is_some);
            if !has_lock && locks::held().await.contains(&lock_name(&key)) {
                return app.show_error(
                    tr!("This run is under way in another tab."),
                    tr!("Stop it there first."),
                );
            }
            app.open_origin(&run).await;
            if app.peek(|state| state.active().is_some()) {
                return;
            }
            if run.is_own() {
                app.resume_from_checkpoint(&run).await;
            } else {
                app.resume_comparison(&run);
            }
        });
    }

    async fn resume_from_checkpoint(&self, run: &Run) {
        let files = archive::checkpoints(&run.key).await.unwrap_or_default();
        let has_checkpoint = archive::newest_checkpoint(&run.key).await.is_some();
        match (has_checkpoint, command_of(run)) {
            (true, _) => {
                let (infos, blobs): (Vec<FileInfo>, Vec<Blob>) =
                    files.into_iter().map(described).unzip();
                self.reopen(&run.key);
                self.announce_checkpoints(&run.key, &run.id);
                self.send_with(
                    Command::ResumeRun {
                        run: run.id.clone(),
                        files: infos,
                    },
                    blobs,
                );
            }
            // The run ended before its first checkpoint.
            (false, Some(command)) => {
                self.change_run(&run.key, |run| run.replay(vec![]));
                self.reopen(&run.key);
                self.announce_checkpoints(&run.key, &run.id);
                self.send_text(command.to_string());
            }
            (false, None) => self.show_error(
                tr!("The checkpoints of this run are gone from this browser."),
                tr!("They may have been cleared. Start a new run."),
            ),
        }
    }

    fn resume_comparison(&self, run: &Run) {
        let Some(mut command) = command_of(run) else {
            return;
        };
        self.reopen(&run.key);
        self.state
            .update_value(|state| state.expect_runs(run.resume.min_runs));
        command["known"] = serde_json::to_value(&run.resume.cells).expect("plain data");
        self.send_text(command.to_string());
    }

    /// Opens the model that a run started from, if the engine no longer has it and the browser
    /// does.
    async fn open_origin(&self, run: &Run) {
        let Some(origin) = &run.origin else { return };
        let Origin::Run(key) = origin else { return };
        if self.peek(|state| state.is_loaded_from(origin)) {
            return;
        }
        self.open_model_of(key).await;
    }

    /// Tells the engine where to save the checkpoints of a run that starts or resumes.
    pub(super) fn announce_checkpoints(&self, key: &str, id: &str) {
        if self.archive.with_value(Option::is_some) {
            let folder = archive::folder_name(key);
            self.send(Command::SaveCheckpoints {
                run: id.into(),
                folder,
            });
        }
    }

    /// Stores the checkpoint of an imported run directory, so that its run can resume in this browser,
    /// now or later.
    pub(super) fn store_imported(&self, imported: &str, checkpoint: FoundCheckpoint) {
        let FoundCheckpoint { request, corpus } = checkpoint;
        let sources = self
            .imports
            .with_value(|imports| imports.get(&request).cloned());
        let Some(sources) = sources.filter(|_| self.archive.with_value(Option::is_some)) else {
            return;
        };
        let text = Text {
            bundled: !self.has_own_files() && self.reads(&corpus),
            fingerprint: corpus,
        };
        let date = js_sys::Date::now();
        let adopted = self
            .state
            .try_update_value(|state| state.adopt_imported(imported, text, date))
            .flatten();
        self.notify(&[StateSlice::Runs, StateSlice::Progress]);
        let Some((id, key)) = adopted else { return };
        self.announce_checkpoints(&key, &id);
        let (files, blobs) = file_import::to_transfer(&sources, None);
        self.send_with(Command::StoreCheckpoint { run: id, files }, blobs);
    }

    /// Makes a run the active one again, owned by this tab.
    fn reopen(&self, key: &str) {
        self.change_run(key, Run::reopen);
        self.lock_run(key);
        self.notify(&[StateSlice::Runs, StateSlice::Progress]);
    }

    /// Announces to other tabs that this one works on the run of this key.
    pub(super) fn lock_run(&self, key: &str) {
        self.lock.set_value(locks::hold(&lock_name(key)));
    }

    fn run_of(&self, key: &str) -> Option<Run> {
        self.peek(|state| state.runs.iter().find(|run| run.key == key).cloned())
    }

    /// Returns whether the engine has read the corpus of this fingerprint.
    fn reads(&self, fingerprint: &str) -> bool {
        self.peek(|state| {
            let corpus = state.corpus.as_ref().filter(|_| !state.reading);
            corpus.is_some_and(|corpus| corpus.traits.fingerprint == fingerprint)
        })
    }
}

/// Returns the command that started a run, with the run's current id.
fn command_of(run: &Run) -> Option<Value> {
    let mut command: Value = serde_json::from_str(run.resume.command.as_deref()?).ok()?;
    command["run"] = run.id.clone().into();
    Some(command)
}

/// Returns the name of the lock held by the tab that works on the run of this key.
pub(super) fn lock_name(key: &str) -> String {
    format!("clozelab-run-{key}")
}

/// Returns a checkpoint file as it is sent to the engine.
pub(super) fn described((name, blob): (String, Blob)) -> (FileInfo, Blob) {
    (
        FileInfo {
            name,
            role: None,
            encoding: None,
            member_roles: BTreeMap::new(),
        },
        blob,
    )
}
