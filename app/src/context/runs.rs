//! Persistence of runs in the browser: saving, listing, renaming and deleting them, and following
//! those of other tabs.

use super::AppContext;
use super::resuming::lock_name;
use crate::archive::{self, Archive};
use crate::language::LANGUAGES;
use crate::state::{Origin, Run, StateSlice};
use crate::wording::bytes;
use crate::{local_storage, locks, tr};
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{Annotations, Message};
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Maximum bytes per parameter that a run stores: two checkpoints with both Adam moments, and its
/// model.
const BYTES_PER_PARAMETER: u64 = 28;

/// Interval between attempts to save a model for which there was no space.
const RETRY_INTERVAL: Duration = Duration::from_secs(20);

/// Interval between refreshes of the runs of other tabs.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(3);

/// Interval at which an active run is saved, in milliseconds.
const SAVE_INTERVAL_MILLIS: f64 = 20_000.0;

/// Delay of the first save after the start of a run, in milliseconds: from then on there is
/// something to lose.
const FIRST_SAVE_DELAY_MILLIS: f64 = 2_000.0;

/// Number of points per saved curve.
const SAVED_POINTS: usize = 512;

/// State of the browser's storage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Storage {
    /// Not known yet.
    #[default]
    Unknown,
    /// Storage is denied: runs end with their tab.
    Denied,
    /// Runs are saved.
    Open {
        /// Bytes used and quota, if the browser reports them.
        usage: Option<(f64, f64)>,
        /// Whether the browser agreed not to evict them.
        persistent: bool,
    },
}

impl AppContext {
    /// Opens the browser's storage and lists the saved runs.
    pub(super) fn open_archive(&self) {
        let app = *self;
        spawn_local(async move {
            match Archive::open().await {
                Ok(archive) => {
                    let archive = Rc::new(archive);
                    // A run may end while the earlier ones are loaded.
                    app.archive.set_value(Some(archive.clone()));
                    if let Some(fingerprint) = Self::last_text() {
                        app.use_stored_text(fingerprint, |app| app.use_bundle());
                    }
                    match archive.runs().await {
                        Ok(texts) => {
                            app.load_saved(texts).await;
                            app.follow_other_tabs().await;
                            app.poll_other_tabs();
                        }
                        Err(reason) => app.show_error(
                            tr!("The kept runs could not be read: {reason}.", reason),
                            tr!("They are still there; load the page again to see them."),
                        ),
                    }
                    app.refresh_storage_usage().await;
                }
                Err(_) => {
                    app.storage.set(Storage::Denied);
                    if Self::last_text().is_some() {
                        app.use_bundle();
                    }
                }
            }
        });
    }

    /// Parses saved runs and adds them to the state, yielding between them: a hundred runs would
    /// block the page for longer than a frame.
    async fn load_saved(&self, texts: Vec<String>) {
        let (all, mut runs) = (texts.len(), Vec::with_capacity(texts.len()));
        for text in texts {
            runs.extend(serde_json::from_str::<Run>(&text).ok());
            yield_to_browser().await;
        }
        let foreign = all - runs.len();
        self.state.update_value(|state| state.take_saved(runs));
        self.notify(&[StateSlice::Runs]);
        if foreign > 0 {
            self.show_error(
                tr!(
                    "{count} of the kept runs were written by another version of this page and are not shown.",
                    count = foreign
                ),
                tr!("Their models are kept, too, until this site's data is cleared."),
            );
        }
    }

    pub(super) async fn refresh_storage_usage(&self) {
        let usage = archive::usage().await;
        self.storage.set(Storage::Open {
            usage,
            persistent: archive::is_persistent().await,
        });
    }

    /// Asks the browser for persistent storage.
    pub fn ask_to_persist(&self) {
        let app = *self;
        spawn_local(async move {
            if !archive::persist().await {
                app.show_error(
                    tr!("The browser did not promise to keep the runs."),
                    tr!("It may clear them when room runs short: save what matters as .zip."),
                );
            }
            app.refresh_storage_usage().await;
        });
    }

    /// Assigns the storage key to a new run.
    pub(super) fn name_run(&self, id: &str) {
        let date = js_sys::Date::now();
        let start_time =
            js_sys::Date::new(&date.into()).to_locale_string(&date_language(), &short_time());
        let has_own_files = self.has_own_files();
        self.kept_at
            .set_value(date - SAVE_INTERVAL_MILLIS + FIRST_SAVE_DELAY_MILLIS);
        self.state.update_value(|state| {
            if let Some(run) = state.runs.iter_mut().find(|run| run.id == id) {
                run.key = format!("{id}@{date}");
                run.begun = start_time.as_string();
                run.resume.text.bundled = !has_own_files;
            }
        });
    }

    /// Saves an active run at intervals: a tab may be closed at any moment.
    pub(super) fn save_periodically(&self, id: &str) {
        let now = js_sys::Date::now();
        if now - self.kept_at.get_value() >= SAVE_INTERVAL_MILLIS {
            self.kept_at.set_value(now);
            self.keep_run(id);
        }
    }

    /// Saves the current model of a run of this tab, if it has been trained.
    fn keep_model_of(&self, id: &str) {
        let key = self.peek(|state| {
            let run = state
                .runs
                .iter()
                .find(|run| run.id == id && run.is_own() && !run.key.is_empty())?;
            // A run without steps fitted an output layer.
            let has_learned =
                run.steps_done() > 0 || run.plan.as_ref().is_some_and(|plan| plan.steps == 0);
            has_learned.then(|| run.key.clone())
        });
        if let Some(key) = key.filter(|_| self.archive.with_value(Option::is_some)) {
            self.export_with_run(key);
        }
    }

    /// Saves the state of a run of this tab.
    pub(super) fn keep_run(&self, id: &str) {
        let key = self.peek(|state| {
            state
                .runs
                .iter()
                .find(|run| run.id == id)
                .map(|run| run.key.clone())
        });
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            self.put(&key);
        }
    }

    /// Saves a run of this tab that has ended and, if it is small enough, its model.
    pub(super) fn keep_with_model(&self, id: &str) {
        self.keep_run(id);
        let key = self.peek(|state| {
            state
                .runs
                .iter()
                .find(|run| run.id == id)
                .map(|run| run.key.clone())
        });
        // The end may be reported twice; by then another model may be loaded.
        let Some(key) = key.filter(|key| !self.ended.with_value(|ended| ended.contains(key)))
        else {
            return;
        };
        self.ended.update_value(|ended| ended.push(key));
        self.keep_model_of(id);
    }

    /// Saves the model that a comparison starts from, if no run in this browser has it saved.
    pub(super) fn keep_compared_model(&self, id: &str) {
        let is_imported = |run: &Run| run.id == id && matches!(run.origin, Some(Origin::Import(_)));
        let key = self.peek(|state| {
            state
                .runs
                .iter()
                .find(|run| is_imported(run))
                .map(|run| run.key.clone())
        });
        if let Some(key) = key.filter(|_| self.archive.with_value(Option::is_some)) {
            self.change_run(&key, |run| run.origin = Some(Origin::Run(run.key.clone())));
            self.export_with_run(key);
        }
    }

    /// Adds a warning if the browser has no space for the checkpoints of a run that starts.
    pub(super) fn check_room(&self, id: &str) {
        let parameters = self.peek(|state| {
            let run = state
                .runs
                .iter()
                .find(|run| run.id == id && !run.key.is_empty())?;
            Some((run.key.clone(), run.plan.as_ref()?.parameters))
        });
        let Some((key, parameters)) = parameters else {
            return;
        };
        let app = *self;
        spawn_local(async move {
            let Some((used, quota)) = archive::usage().await else {
                return;
            };
            let (needed, free) = (
                parameters * BYTES_PER_PARAMETER,
                (quota - used).max(0.0) as u64,
            );
            if needed > free {
                let (needed, free) = (bytes(needed), bytes(free));
                let sentence = tr!(
                    "The browser has {free} free, but the checkpoints and the model of this run need up to {needed}: it may not resume after a reload.",
                    free,
                    needed
                );
                app.change_run(&key, |run| {
                    run.warnings
                        .push(("little-room".into(), Message::verbatim(sentence)))
                });
            }
        });
    }

    /// Retries at intervals to save the models for which there was no space.
    pub(super) fn retry_unsaved_models(&self) {
        let app = *self;
        set_interval(
            move || {
                let unsaved = app
                    .unsaved
                    .try_update_value(std::mem::take)
                    .unwrap_or_default();
                for key in unsaved {
                    let id = app.peek(|state| {
                        state
                            .runs
                            .iter()
                            .find(|run| run.key == key && state.is_loaded(&run.id))
                            .map(|run| run.id.clone())
                    });
                    if let Some(id) = id {
                        app.keep_run(&id);
                        app.keep_model_of(&id);
                    }
                }
            },
            RETRY_INTERVAL,
        );
    }

    /// Marks the runs that other tabs work on, and refreshes them.
    pub(super) async fn follow_other_tabs(&self) {
        let held = locks::held().await;
        let own = self.peek(|state| state.active().map(|run| run.key.clone()));
        let is_held =
            |run: &Run| held.contains(&lock_name(&run.key)) && own.as_ref() != Some(&run.key);
        let changed = self.peek(|state| {
            let differs = |run: &&Run| !run.key.is_empty() && is_held(run) != run.resume.elsewhere;
            let followed = |run: &&Run| run.resume.elsewhere;
            let keys = state
                .runs
                .iter()
                .filter(|run| differs(run) || followed(run))
                .map(|run| run.key.clone());
            keys.collect::<Vec<String>>()
        });
        let Some(archive) = self.archive.get_value() else {
            return;
        };
        for key in changed {
            let Ok(Some(text)) = archive.run(&key).await else {
                continue;
            };
            let Ok(run) = serde_json::from_str::<Run>(&text) else {
                continue;
            };
            self.state
                .update_value(|state| state.refresh_saved(run, held.contains(&lock_name(&key))));
            self.notify(&[StateSlice::Runs, StateSlice::Progress]);
        }
    }

    fn poll_other_tabs(&self) {
        let app = *self;
        set_interval(
            move || spawn_local(async move { app.follow_other_tabs().await }),
            FOLLOW_INTERVAL,
        );
    }

    /// Deletes everything that this page stored in the browser and reports what was deleted.
    pub fn delete_everything(&self) {
        let (runs, models) = self.peek(|state| {
            let stored = state.runs.iter().filter(|run| !run.key.is_empty());
            (
                stored.clone().count(),
                stored
                    .filter(|run| run.kept.is_some() || run.resume.saved.is_some())
                    .count(),
            )
        });
        self.with_archive(move |app, archive| async move {
            let is_running = |name: &String| name.starts_with(&lock_name(""));
            if locks::held().await.iter().any(is_running) {
                return app.show_error(
                    tr!("A run is under way, here or in another tab."),
                    tr!("Stop it first."),
                );
            }
            let before = archive::usage().await.map_or(0.0, |(used, _)| used);
            let outcome = match archive.clear().await {
                Ok(()) => archive::clear_files().await,
                failed => failed,
            };
            local_storage::clear();
            app.annotations.set(Annotations::new());
            app.stores_text.set(None);
            app.state
                .update_value(|state| state.runs.retain(|run| !run.stage.is_over()));
            app.notify(&[StateSlice::Runs, StateSlice::Progress]);
            app.refresh_storage_usage().await;
            let after = archive::usage().await.map_or(0.0, |(used, _)| used);
            match outcome {
                Ok(()) => app
                    .deleted
                    .set(Some((runs, models, (before - after).max(0.0) as u64))),
                Err(reason) => app.show_error(
                    tr!("Not everything could be deleted: {reason}.", reason),
                    tr!("Clear this site's data in the browser."),
                ),
            }
        });
    }

    /// Writes a run to the browser's storage.
    fn put(&self, key: &str) {
        let (app, key) = (*self, key.to_string());
        let run = self
            .state
            .try_update_value(|state| state.run_of_key(&key).cloned())
            .flatten();
        let Some((run, archive)) = run.zip(self.archive.get_value()) else {
            return;
        };
        let text = serde_json::to_string(&run.reduced(SAVED_POINTS)).expect("a run is plain data");
        spawn_local(async move {
            if let Err(reason) = archive.put(&key, &text).await {
                app.show_error(
                    tr!("The run could not be kept: {reason}.", reason),
                    tr!("Save its model as .zip; free some storage."),
                );
            }
            app.refresh_storage_usage().await;
        });
    }

    /// Changes a run and saves it.
    pub fn change_run(&self, key: &str, change: impl FnOnce(&mut Run)) {
        self.state.update_value(|state| {
            if let Some(run) = state.run_of_key(key) {
                change(run);
            }
        });
        self.notify(&[StateSlice::Runs, StateSlice::Progress]);
        self.put(key);
    }

    /// Pins a run, or releases it: the results of the others are compared with its result.
    pub fn pin_run(&self, key: &str) {
        let changed = self.state.try_update_value(|state| state.pin(key));
        self.notify(&[StateSlice::Runs]);
        changed
            .unwrap_or_default()
            .iter()
            .for_each(|key| self.put(key));
    }

    /// Shows the results of a past comparison in the comparison panel.
    pub fn show_comparison(&self, id: &str) {
        self.state.update_value(|state| state.show_comparison(id));
        self.notify(&[StateSlice::Answers]);
    }

    /// Shows or hides a run in the charts.
    pub fn show_run(&self, id: &str, shown: bool) {
        self.state.update_value(|state| {
            state
                .runs
                .iter_mut()
                .filter(|run| run.id == id)
                .for_each(|run| run.shown = shown);
        });
        self.notify(&[StateSlice::Runs, StateSlice::Progress]);
    }

    /// Deletes a run, here and in the browser's storage.
    pub fn delete_run(&self, id: &str) {
        let key = self
            .state
            .try_update_value(|state| state.forget_run(id).map(|run| run.key));
        self.notify(&[StateSlice::Runs, StateSlice::Progress]);
        let Some((key, archive)) = key.flatten().zip(self.archive.get_value()) else {
            return;
        };
        let app = *self;
        spawn_local(async move {
            if let Err(reason) = archive.remove(&key).await {
                app.show_error(
                    tr!("The run could not be deleted: {reason}.", reason),
                    tr!("Clear this site's data in the browser."),
                );
            }
            app.refresh_storage_usage().await;
        });
    }
}

/// Returns the locale of dates: that of the page, or the browser's own for English.
fn date_language() -> String {
    let page_language = document()
        .document_element()
        .and_then(|page| page.get_attribute("lang"));
    page_language
        .filter(|tag| tag != LANGUAGES[0].tag)
        .unwrap_or_else(|| "default".into())
}

/// Returns options for a short date and time format.
fn short_time() -> JsValue {
    let options = js_sys::Object::new();
    for (name, style) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        // Setting a field of a new object cannot fail.
        let _ = js_sys::Reflect::set(&options, &name.into(), &style.into());
    }
    options.into()
}

/// Yields to the browser, so that the page can handle input and paint.
async fn yield_to_browser() {
    let wake = &mut |resolve: js_sys::Function, _| {
        window()
            .set_timeout_with_callback(&resolve)
            .expect("a window has a clock");
    };
    JsFuture::from(js_sys::Promise::new(wake))
        .await
        .unwrap_or_default();
}
