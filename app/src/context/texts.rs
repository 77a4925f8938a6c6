//! The corpus of a run, stored in the browser if the user allows it, which is asked once, when
//! their first own files are read. A run resumes only on its own corpus; without permission, the
//! files are recognised by fingerprint when they are chosen again.

use super::AppContext;
use super::files::Columns;
use crate::archive::Archive;
use crate::file_import::{Source, StoredSource};
use crate::local_storage;
use crate::state::Run;
use crate::tr;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Local storage key of the user's answer.
const STORES_TEXT: &str = "clozelab-stores-text";

/// Local storage key of the fingerprint of the corpus used last.
const LAST_TEXT: &str = "clozelab-last-text";

/// Description of a stored corpus and of how it is read.
#[derive(Serialize, Deserialize)]
struct Description {
    files: Vec<StoredSource>,
    columns: Columns,
    encoding: Option<String>,
}

impl AppContext {
    /// Returns whether to ask the user if the corpus may be stored.
    pub fn asks_to_store_text(&self) -> bool {
        self.stores_text.get().is_none()
            && self.has_own_files()
            && self.archive.with_value(Option::is_some)
    }

    /// Returns whether the corpus may be stored, as answered earlier.
    pub(super) fn remembered_answer() -> Option<bool> {
        local_storage::get(STORES_TEXT).map(|answer| answer == "yes")
    }

    /// Saves the answer, and stores the current corpus or deletes all stored ones.
    pub fn answer_store_text(&self, stores: bool) {
        local_storage::keep(STORES_TEXT, if stores { "yes" } else { "no" });
        self.stores_text.set(Some(stores));
        if stores {
            return self.store_text();
        }
        local_storage::keep(LAST_TEXT, "");
        self.with_archive(|app, archive| async move {
            // The stored corpora are no longer wanted, so a failure to delete them is ignored.
            let _ = archive.keep_texts(&[]).await;
            app.refresh_storage_usage().await;
        });
    }

    /// Stores the current corpus, if it is the user's own and may be stored.
    pub(super) fn store_text(&self) {
        let is_allowed = self.stores_text.get_untracked() == Some(true);
        let sources = self.sources.get_value();
        let fingerprint = self.peek(|state| {
            state
                .corpus
                .as_ref()
                .map(|corpus| corpus.traits.fingerprint.clone())
        });
        let Some(fingerprint) = fingerprint.filter(|_| is_allowed && self.has_own_files()) else {
            return;
        };
        let description = Description {
            files: sources.iter().map(Source::description).collect(),
            columns: self.columns.get_value(),
            encoding: self.encoding.get_untracked(),
        };
        let description = serde_json::to_string(&description).expect("plain data");
        let blobs: Vec<_> = sources.iter().map(Source::blob).collect();
        self.with_archive(|app, archive| async move {
            match archive.put_text(&fingerprint, &description, &blobs).await {
                Ok(()) => {
                    local_storage::keep(LAST_TEXT, &fingerprint);
                    app.forget_unused_texts(&archive).await;
                }
                Err(reason) => app.show_error(
                    tr!(
                        "The text could not be stored in this browser: {reason}.",
                        reason
                    ),
                    tr!("To resume a run after a reload, choose the same files again."),
                ),
            }
            app.refresh_storage_usage().await;
        });
    }

    /// Deletes the corpora that no saved run uses, in this tab or another, and that are not the
    /// current one.
    async fn forget_unused_texts(&self, archive: &Archive) {
        let Ok(stored) = archive.runs().await else {
            return;
        };
        let stored = stored
            .iter()
            .filter_map(|text| serde_json::from_str::<Run>(text).ok());
        let present = self.peek(|state| state.runs.clone());
        let run_fingerprints = stored.chain(present).map(|run| run.resume.text.fingerprint);
        let used: Vec<String> = run_fingerprints
            .chain(local_storage::get(LAST_TEXT))
            .collect();
        // A corpus that is not deleted now is deleted the next time.
        let _ = archive.keep_texts(&used).await;
    }

    /// Returns the fingerprint of the corpus used last, if it was the user's own and is stored.
    pub(super) fn last_text() -> Option<String> {
        local_storage::get(LAST_TEXT).filter(|fingerprint| !fingerprint.is_empty())
    }

    /// Loads a stored corpus; calls `otherwise` if it is not stored.
    pub(super) fn use_stored_text(
        &self,
        fingerprint: String,
        otherwise: impl FnOnce(AppContext) + 'static,
    ) {
        let Some(turn) = self.take_turn() else { return };
        self.with_archive(move |app, archive| async move {
            let found = archive.text(&fingerprint).await.ok().flatten();
            if app.file_import.get_value() != turn {
                return;
            }
            let read = found.and_then(|(description, blobs)| {
                let description: Description = serde_json::from_str(&description).ok()?;
                (description.files.len() == blobs.len()).then_some((description, blobs))
            });
            let Some((
                Description {
                    files,
                    columns,
                    encoding,
                },
                blobs,
            )) = read
            else {
                return otherwise(app);
            };
            app.encoding.set(encoding);
            app.settings
                .update(|settings| columns.put(&mut settings.pretrain));
            app.use_listed(
                files
                    .into_iter()
                    .zip(blobs)
                    .map(|(file, blob)| file.with(blob))
                    .collect(),
            );
        });
    }

    /// Loads the bundled corpus at the next visit.
    pub(super) fn forget_last_text(&self) {
        local_storage::keep(LAST_TEXT, "");
    }

    /// Runs `act` with the browser's storage, if it is available.
    pub(super) fn with_archive<F: Future<Output = ()> + 'static>(
        &self,
        act: impl FnOnce(AppContext, Rc<Archive>) -> F,
    ) {
        if let Some(archive) = self.archive.get_value() {
            spawn_local(act(*self, archive));
        }
    }
}
