//! The lab's runs beyond this tab: kept in the browser, listed again, renamed, deleted.

use super::AppContext;
use super::models::Export;
use super::resuming::lock_name;
use crate::archive::{self, Archive};
use crate::language::LANGUAGES;
use crate::state::{Origin, Run, StateSlice};
use crate::wording::bytes;
use crate::{focus, local_storage, locks, tr};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Bytes per parameter that a run stores at most: two checkpoints with both moments, and its model.
const BYTES_PER_PARAMETER: u64 = 28;

/// Between two attempts to save a model for which there was no room.
const RETRY_EVERY: Duration = Duration::from_secs(20);

/// Between two looks at the runs of other tabs.
const FOLLOW_EVERY: Duration = Duration::from_secs(3);

/// A run under way is kept this often.
const KEEP_MILLIS: f64 = 20_000.0;

/// And for the first time so long after it was asked for: by then there may be something to lose.
const FIRST_KEEP_MILLIS: f64 = 2_000.0;

/// Points of a curve that is kept.
const KEPT_POINTS: usize = 512;

/// What is known of the browser's storage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Storage {
    /// Nobody has asked yet.
    #[default]
    Unknown,
    /// Runs end with their tab.
    Denied,
    /// Runs are kept.
    Open {
        /// Bytes in use and granted, where the browser tells.
        usage: Option<(f64, f64)>,
        /// Whether the browser promised not to clear them.
        persistent: bool,
    },
}

impl AppContext {
    /// Opens the browser's storage and lists the runs that it keeps.
    pub(super) fn open_archive(&self) {
        let app = *self;
        spawn_local(async move {
            match Archive::open().await {
                Ok(archive) => {
                    let archive = Rc::new(archive);
                    // A run may end while the earlier ones are read.
                    app.archive.set_value(Some(archive.clone()));
                    if let Some(fingerprint) = Self::last_text() {
                        app.use_stored_text(fingerprint, |app| app.use_bundle());
                    }
                    match archive.runs().await {
                        Ok(texts) => {
                            app.take_kept(texts).await;
                            app.follow_other_tabs().await;
                            app.follow_from_time_to_time();
                        }
                        Err(reason) => app.complain(
                            tr!("The kept runs could not be read: {reason}.", reason),
                            tr!("They are still there; load the page again to see them."),
                        ),
                    }
                    app.weigh_storage().await;
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

    /// Takes in runs from their texts, each in a task of its own: a hundred of them would hold the page for longer than a
    /// frame.
    async fn take_kept(&self, texts: Vec<String>) {
        let (all, mut runs) = (texts.len(), Vec::with_capacity(texts.len()));
        for text in texts {
            runs.extend(serde_json::from_str::<Run>(&text).ok());
            breath().await;
        }
        let foreign = all - runs.len();
        self.state.update_value(|state| state.take_saved(runs));
        self.notify(&[StateSlice::Runs]);
        if foreign > 0 {
            self.complain(
                tr!(
                    "{count} of the kept runs were written by another version of this page and are not shown.",
                    count = foreign
                ),
                tr!("Their models are kept, too, until this site's data is cleared."),
            );
        }
    }

    pub(super) async fn weigh_storage(&self) {
        let usage = archive::usage().await;
        self.storage.set(Storage::Open {
            usage,
            persistent: archive::is_persistent().await,
        });
    }

    /// Asks the browser to keep what is kept.
    pub fn ask_to_persist(&self) {
        let app = *self;
        spawn_local(async move {
            if !archive::persist().await {
                app.complain(
                    tr!("The browser did not promise to keep the runs."),
                    tr!("It may clear them when room runs short: save what matters as .zip."),
                );
            }
            app.weigh_storage().await;
        });
    }

    /// Gives a run that begins the name under which it is kept.
    pub(super) fn name_run(&self, id: &str) {
        let date = js_sys::Date::now();
        let begun =
            js_sys::Date::new(&date.into()).to_locale_string(&date_language(), &short_time());
        let has_own_files = self.has_own_files();
        self.kept_at
            .set_value(date - KEEP_MILLIS + FIRST_KEEP_MILLIS);
        self.state.update_value(|state| {
            if let Some(run) = state.runs.iter_mut().find(|run| run.id == id) {
                run.key = format!("{id}@{date}");
                run.begun = begun.as_string();
                run.resume.text.bundled = !has_own_files;
            }
        });
    }

    /// Keeps what a run under way has told so far, from time to time: a tab may be closed at any moment.
    pub(super) fn keep_now_and_then(&self, id: &str) {
        let now = js_sys::Date::now();
        if now - self.kept_at.get_value() >= KEEP_MILLIS {
            self.kept_at.set_value(now);
            self.keep_run(id);
        }
    }

    /// Keeps the present model of a run of this tab, where it has learned anything.
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
            self.export(Export::Keep(key));
        }
    }

    /// Keeps what a run of this tab has told so far.
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

    /// Keeps a run of this tab that came to its end and, where it is small enough, its model.
    pub(super) fn keep_with_model(&self, id: &str) {
        self.keep_run(id);
        let key = self.peek(|state| {
            state
                .runs
                .iter()
                .find(|run| run.id == id)
                .map(|run| run.key.clone())
        });
        // Its end may be told twice; by then the model at hand may be another one.
        let Some(key) = key.filter(|key| !self.ended.with_value(|ended| ended.contains(key)))
        else {
            return;
        };
        self.ended.update_value(|ended| ended.push(key));
        self.keep_model_of(id);
    }

    /// Keeps the model that a comparison begins with, if no run of this browser keeps it.
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
            self.export(Export::Keep(key));
        }
    }

    /// Says so if the browser has no room for the checkpoints of a run that starts.
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
            let Some((used, granted)) = archive::usage().await else {
                return;
            };
            let (needed, free) = (
                parameters * BYTES_PER_PARAMETER,
                (granted - used).max(0.0) as u64,
            );
            if needed > free {
                let (needed, free) = (bytes(needed), bytes(free));
                let sentence = tr!(
                    "The browser has {free} free, but the checkpoints and the model of this run need up to {needed}: it may not resume after a reload.",
                    free,
                    needed
                );
                app.change_run(&key, |run| {
                    run.warnings.push(("little-room".into(), sentence))
                });
            }
        });
    }

    /// Tries again from time to time to save the models for which there was no room.
    pub(super) fn save_what_was_not(&self) {
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
                            .find(|run| run.key == key && state.is_at_hand(&run.id))
                            .map(|run| run.id.clone())
                    });
                    if let Some(id) = id {
                        app.keep_run(&id);
                        app.keep_model_of(&id);
                    }
                }
            },
            RETRY_EVERY,
        );
    }

    /// Marks the runs that other tabs work on, and follows them.
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

    fn follow_from_time_to_time(&self) {
        let app = *self;
        set_interval(
            move || spawn_local(async move { app.follow_other_tabs().await }),
            FOLLOW_EVERY,
        );
    }

    /// Deletes everything that this page stored in the browser, and says what that was.
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
                return app.complain(
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
            app.stores_text.set(None);
            app.state
                .update_value(|state| state.runs.retain(|run| !run.stage.is_over()));
            app.notify(&[StateSlice::Runs, StateSlice::Progress]);
            app.weigh_storage().await;
            let after = archive::usage().await.map_or(0.0, |(used, _)| used);
            match outcome {
                Ok(()) => app
                    .deleted
                    .set(Some((runs, models, (before - after).max(0.0) as u64))),
                Err(reason) => app.complain(
                    tr!("Not everything could be deleted: {reason}.", reason),
                    tr!("Clear this site's data in the browser."),
                ),
            }
        });
    }

    /// Writes what is known of a run.
    fn put(&self, key: &str) {
        let (app, key) = (*self, key.to_string());
        let run = self
            .state
            .try_update_value(|state| state.run_of_key(&key).cloned())
            .flatten();
        let Some((run, archive)) = run.zip(self.archive.get_value()) else {
            return;
        };
        let text = serde_json::to_string(&run.reduced(KEPT_POINTS)).expect("a run is plain data");
        spawn_local(async move {
            if let Err(reason) = archive.put(&key, &text).await {
                app.complain(
                    tr!("The run could not be kept: {reason}.", reason),
                    tr!("Save its model as .zip; free some storage."),
                );
            }
            app.weigh_storage().await;
        });
    }

    /// Changes a run and keeps it so.
    pub fn change_run(&self, key: &str, change: impl FnOnce(&mut Run)) {
        self.state.update_value(|state| {
            if let Some(run) = state.run_of_key(key) {
                change(run);
            }
        });
        self.notify(&[StateSlice::Runs, StateSlice::Progress]);
        self.put(key);
    }

    /// Shows again what a comparison came to, where comparisons stand.
    pub fn show_comparison(&self, id: &str) {
        self.state.update_value(|state| state.show_comparison(id));
        self.notify(&[StateSlice::Answers]);
        if let Ok(Some(panel)) = document().query_selector("#compare") {
            panel.set_attribute("open", "").unwrap_or_default();
        }
        focus::on("#compare summary");
    }

    /// Shows a run in the charts, or no more.
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

    /// Forgets a run, here and in the browser.
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
                app.complain(
                    tr!("The run could not be deleted: {reason}.", reason),
                    tr!("Clear this site's data in the browser."),
                );
            }
            app.weigh_storage().await;
        });
    }
}

/// The language of dates: that of the page, but of English the browser's own kind.
fn date_language() -> String {
    let spoken = document()
        .document_element()
        .and_then(|page| page.get_attribute("lang"));
    spoken
        .filter(|tag| tag != LANGUAGES[0].tag)
        .unwrap_or_else(|| "default".into())
}

/// Day and minute in few letters.
fn short_time() -> JsValue {
    let options = js_sys::Object::new();
    for (name, style) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        // Setting a field of a new object cannot fail.
        let _ = js_sys::Reflect::set(&options, &name.into(), &style.into());
    }
    options.into()
}

/// Lets the page answer a press and paint before what follows.
async fn breath() {
    let wake = &mut |resolve: js_sys::Function, _| {
        window()
            .set_timeout_with_callback(&resolve)
            .expect("a window has a clock");
    };
    JsFuture::from(js_sys::Promise::new(wake))
        .await
        .unwrap_or_default();
}
