//! The text of a run, stored in the browser if the person allows it: it is asked once, when the first files of their own are
//! read. A run resumes only on its own text; without permission, the files are recognised when they are chosen again.

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

/// Under which the answer is remembered.
const STORES_TEXT: &str = "clozelab-stores-text";

/// Under which the fingerprint of the text that was used last is remembered.
const LAST_TEXT: &str = "clozelab-last-text";

/// How a stored text is read.
#[derive(Serialize, Deserialize)]
struct Description {
    files: Vec<StoredSource>,
    columns: Columns,
    encoding: Option<String>,
}

impl AppContext {
    /// Whether the person has to be asked if the text may be stored.
    pub fn asks_to_store_text(&self) -> bool {
        self.stores_text.get().is_none()
            && self.has_own_files()
            && self.archive.with_value(Option::is_some)
    }

    /// Whether the text may be stored, as answered before.
    pub(super) fn remembered_answer() -> Option<bool> {
        local_storage::get(STORES_TEXT).map(|answer| answer == "yes")
    }

    /// Remembers the answer, and stores the present text or forgets all of them.
    pub fn answer_store_text(&self, stores: bool) {
        local_storage::keep(STORES_TEXT, if stores { "yes" } else { "no" });
        self.stores_text.set(Some(stores));
        if stores {
            return self.store_text();
        }
        local_storage::keep(LAST_TEXT, "");
        self.with_archive(|app, archive| async move {
            // Without the text nothing is lost that the person wanted to keep.
            let _ = archive.keep_texts(&[]).await;
            app.weigh_storage().await;
        });
    }

    /// Stores the present text, if it is the person's own and may be stored.
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
                Err(reason) => app.complain(
                    tr!(
                        "The text could not be stored in this browser: {reason}.",
                        reason
                    ),
                    tr!("To resume a run after a reload, choose the same files again."),
                ),
            }
            app.weigh_storage().await;
        });
    }

    /// Forgets the texts that no stored run reads, in this tab or another, and that are not the present one.
    async fn forget_unused_texts(&self, archive: &Archive) {
        let Ok(stored) = archive.runs().await else {
            return;
        };
        let stored = stored
            .iter()
            .filter_map(|text| serde_json::from_str::<Run>(text).ok());
        let present = self.peek(|state| state.runs.clone());
        let of_runs = stored.chain(present).map(|run| run.resume.text.fingerprint);
        let used: Vec<String> = of_runs.chain(local_storage::get(LAST_TEXT)).collect();
        // What stays for longer than needed is forgotten the next time.
        let _ = archive.keep_texts(&used).await;
    }

    /// Fingerprint of the text that was used last, if that was the person's own and is stored.
    pub(super) fn last_text() -> Option<String> {
        local_storage::get(LAST_TEXT).filter(|fingerprint| !fingerprint.is_empty())
    }

    /// Reads a stored text; `otherwise` follows if it is not stored.
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

    /// Starts the bundled text the next time.
    pub(super) fn forget_last_text(&self) {
        local_storage::keep(LAST_TEXT, "");
    }

    /// Does something with the browser's storage, if there is one.
    pub(super) fn with_archive<F: Future<Output = ()> + 'static>(
        &self,
        act: impl FnOnce(AppContext, Rc<Archive>) -> F,
    ) {
        if let Some(archive) = self.archive.get_value() {
            spawn_local(act(*self, archive));
        }
    }
}
