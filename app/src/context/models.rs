//! The page's models as files: downloaded, saved with their runs in the browser, and opened again.

use super::AppContext;
use super::resuming::described;
use crate::archive;
use crate::download;
use crate::file_import::Source;
use crate::state::{Question, Stage};
use crate::tr;
use js_sys::ArrayBuffer;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{Command, ExportFormat, FileInfo};
use std::collections::{BTreeMap, VecDeque};
use web_sys::Blob;

/// Destination of an exported model.
pub(super) enum Export {
    /// Downloaded by the user.
    Download,
    /// Saved with the run of this key.
    Keep(String),
}

/// Number of imports whose files are remembered: answers may be on their way.
const REMEMBERED_IMPORTS: usize = 4;

/// Remembers the files of an import, and returns its number.
pub(super) fn remember_import(
    imports: &mut BTreeMap<u64, Vec<Source>>,
    sources: Vec<Source>,
) -> u64 {
    let request = imports.last_key_value().map_or(1, |(last, _)| last + 1);
    imports.insert(request, sources);
    while imports.len() > REMEMBERED_IMPORTS {
        imports.pop_first();
    }
    request
}

impl AppContext {
    /// Downloads the current model.
    pub fn save_model(&self, format: ExportFormat) {
        self.export(Export::Download, format);
    }

    /// Requests the current model from the engine, to be saved with the run of this key.
    pub(super) fn export_with_run(&self, key: String) {
        self.export(Export::Keep(key), ExportFormat::Zip);
    }

    fn export(&self, destination: Export, format: ExportFormat) {
        let request = self.next_request(Question::Export);
        self.exports
            .update_value(|exports| drop(exports.insert(request, destination)));
        self.send(Command::ExportModel { request, format });
    }

    /// Downloads a run with its newest checkpoint, which the command line can resume.
    pub fn save_run(&self, key: &str) {
        let (app, key) = (*self, key.to_string());
        spawn_local(async move {
            let files = archive::checkpoints(&key).await.unwrap_or_default();
            let (files, blobs): (Vec<FileInfo>, Vec<Blob>) =
                files.into_iter().map(described).unzip();
            let request = app.next_request(Question::Export);
            app.exports
                .update_value(|exports| drop(exports.insert(request, Export::Download)));
            app.send_with(Command::ExportRun { request, files }, blobs);
        });
    }

    /// Delivers an exported model to its destination.
    pub(super) fn exported(&self, request: u64, name: &str, buffers: &[ArrayBuffer]) {
        let destination = self
            .exports
            .try_update_value(|exports| exports.remove(&request))
            .flatten();
        match (destination, buffers.first()) {
            (None, _) => {}
            (Some(Export::Keep(key)), Some(bytes)) => self.keep_model(key, bytes.clone()),
            (_, Some(bytes)) if download::save(name, bytes).is_ok() => {}
            _ => self.show_error(
                tr!("The model could not be saved."),
                tr!("Try again, or free some memory."),
            ),
        }
    }

    /// Queues a model to be written after earlier ones, so that the later of two models of a run
    /// persists.
    fn keep_model(&self, key: String, bytes: ArrayBuffer) {
        let app = *self;
        let is_idle = self.models.with_value(Option::is_none);
        self.models
            .update_value(|models| models.get_or_insert_default().push_back((key, bytes)));
        if is_idle {
            spawn_local(async move {
                while let Some((key, bytes)) = app.next_model() {
                    app.write_model(&key, &bytes).await;
                }
            });
        }
    }

    fn next_model(&self) -> Option<(String, ArrayBuffer)> {
        let next = |models: &mut Option<VecDeque<_>>| {
            let next = models.as_mut().and_then(VecDeque::pop_front);
            if next.is_none() {
                *models = None;
            }
            next
        };
        self.models.try_update_value(next).flatten()
    }

    async fn write_model(&self, key: &str, bytes: &ArrayBuffer) {
        match archive::put_model(key, bytes).await {
            // The run was deleted in the meantime: delete its model too.
            Ok(()) if self.peek(|state| state.runs.iter().all(|run| run.key != key)) => {
                archive::forget_model(key).await
            }
            Ok(()) => {
                let size = u64::from(bytes.byte_length());
                self.change_run(key, |run| {
                    run.kept = Some(size);
                    run.resume.saved = run.resume.saved.filter(|_| run.stage != Stage::Finished);
                });
                if self.peek(|state| {
                    state
                        .runs
                        .iter()
                        .any(|run| run.key == key && run.stage == Stage::Finished)
                }) {
                    archive::forget_checkpoints(key).await;
                }
            }
            Err(reason) => {
                self.unsaved
                    .update_value(|unsaved| unsaved.push(key.into()));
                self.show_error(
                    tr!("The model of this run could not be saved in the browser: {reason}.", reason),
                    tr!("It will be saved as soon as there is room. Until then, leave this tab open, or save the model as .zip."),
                );
            }
        }
    }

    /// Opens the model saved with a run, or that of its newest checkpoint.
    pub fn open_run(&self, key: &str) {
        let (app, key) = (*self, key.to_string());
        spawn_local(async move {
            let files = match archive::model(&key).await {
                Ok(blob) => Ok(vec![Source::of_blob("model.zip", blob)]),
                Err(reason) => archive::newest_checkpoint(&key)
                    .await
                    .ok_or(reason)
                    .map(sources),
            };
            match files {
                Ok(sources) => {
                    let run = app.peek(|state| {
                        state
                            .runs
                            .iter()
                            .find(|run| run.key == key)
                            .map(|run| run.id.clone())
                    });
                    app.import_of(run, sources);
                }
                Err(reason) => app.show_error(
                    tr!("The model could not be opened: {reason}.", reason),
                    tr!("It may have been cleared."),
                ),
            }
        });
    }
}

/// Converts the files of a checkpoint to those of a model.
fn sources(files: Vec<(String, Blob)>) -> Vec<Source> {
    files
        .into_iter()
        .map(|(name, blob)| Source::of_blob(&name, blob))
        .collect()
}
