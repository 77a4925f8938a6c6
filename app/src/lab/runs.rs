//! The lab's runs beyond this tab: kept in the browser, listed again, renamed, deleted.

use super::Lab;
use super::models::Export;
use crate::archive::{self, Archive};
use crate::focus;
use crate::language::LANGUAGES;
use crate::state::{Run, Topic};
use crate::tr;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Larger models are kept only where a person saves them: a browser's storage is not endless.
const MOST_KEPT_PARAMETERS: u64 = 30_000_000;

/// Of a run under way only smaller ones: reading the values holds it up.
const MOST_KEPT_UNDER_WAY: u64 = 5_000_000;

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

impl Lab {
    /// Opens the browser's storage and lists the runs that it keeps.
    pub(super) fn open_archive(&self) {
        let lab = *self;
        spawn_local(async move {
            let opened = Archive::open().await;
            match opened {
                Ok(archive) => {
                    let archive = Rc::new(archive);
                    // A run may end while the earlier ones are read.
                    lab.archive.set_value(Some(archive.clone()));
                    match archive.runs().await {
                        Ok(texts) => lab.take_kept(texts).await,
                        Err(reason) => lab.complain(
                            tr!("The kept runs could not be read: {reason}.", reason),
                            tr!("They are still there; load the page again to see them."),
                        ),
                    }
                    lab.weigh_storage().await;
                }
                Err(_) => lab.storage.set(Storage::Denied),
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
        self.touch(&[Topic::Runs]);
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

    async fn weigh_storage(&self) {
        let usage = archive::usage().await;
        self.storage.set(Storage::Open { usage, persistent: archive::is_persistent().await });
    }

    /// Asks the browser to keep what is kept.
    pub fn ask_to_persist(&self) {
        let lab = *self;
        spawn_local(async move {
            if !archive::persist().await {
                lab.complain(
                    tr!("The browser did not promise to keep the runs."),
                    tr!("It may clear them when room runs short: save what matters as .zip."),
                );
            }
            lab.weigh_storage().await;
        });
    }

    /// Gives a run that begins the name under which it is kept.
    pub(super) fn name_run(&self, id: &str) {
        let date = js_sys::Date::now();
        let begun = js_sys::Date::new(&date.into()).to_locale_string(&date_language(), &short_time());
        self.kept_at.set_value(date - KEEP_MILLIS + FIRST_KEEP_MILLIS);
        self.state.update_value(|state| {
            if let Some(run) = state.runs.iter_mut().find(|run| run.id == id) {
                run.key = format!("{id}@{date}");
                run.begun = begun.as_string();
            }
        });
    }

    /// Keeps what a run under way has told so far, from time to time: a tab may be closed at any moment.
    pub(super) fn keep_now_and_then(&self, id: &str) {
        let now = js_sys::Date::now();
        if now - self.kept_at.get_value() >= KEEP_MILLIS {
            self.kept_at.set_value(now);
            self.keep_run(id);
            self.keep_model_of(id, MOST_KEPT_UNDER_WAY);
        }
    }

    /// Keeps the present model of a run of this tab, where it has learned anything and is small enough.
    fn keep_model_of(&self, id: &str, most_parameters: u64) {
        let key = self.peek(|state| {
            let run = state.runs.iter().find(|run| run.id == id && run.is_own() && !run.key.is_empty())?;
            let is_small = run.plan.as_ref().is_some_and(|plan| plan.parameters <= most_parameters);
            (is_small && run.steps_done() > 0).then(|| run.key.clone())
        });
        if let Some(key) = key.filter(|_| self.archive.with_value(Option::is_some)) {
            self.export(Export::Keep(key));
        }
    }

    /// Keeps what a run of this tab has told so far.
    pub(super) fn keep_run(&self, id: &str) {
        let key = self.peek(|state| state.runs.iter().find(|run| run.id == id).map(|run| run.key.clone()));
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            self.put(&key);
        }
    }

    /// Keeps a run of this tab that came to its end and, where it is small enough, its model.
    pub(super) fn keep_with_model(&self, id: &str) {
        self.keep_run(id);
        let key = self.peek(|state| state.runs.iter().find(|run| run.id == id).map(|run| run.key.clone()));
        // Its end may be told twice; by then the model at hand may be another one.
        let Some(key) = key.filter(|key| !self.ended.with_value(|ended| ended.contains(key))) else { return };
        self.ended.update_value(|ended| ended.push(key));
        self.keep_model_of(id, MOST_KEPT_PARAMETERS);
    }

    /// Writes what is known of a run.
    fn put(&self, key: &str) {
        let (lab, key) = (*self, key.to_string());
        let run = self.state.try_update_value(|state| state.run_of_key(&key).cloned()).flatten();
        let Some((run, archive)) = run.zip(self.archive.get_value()) else { return };
        let text = serde_json::to_string(&run.reduced(KEPT_POINTS)).expect("a run is plain data");
        spawn_local(async move {
            if let Err(reason) = archive.put(&key, &text).await {
                lab.complain(
                    tr!("The run could not be kept: {reason}.", reason),
                    tr!("Save its model as .zip; free some storage."),
                );
            }
            lab.weigh_storage().await;
        });
    }

    /// Changes a run and keeps it so.
    pub fn change_run(&self, key: &str, change: impl FnOnce(&mut Run)) {
        self.state.update_value(|state| {
            if let Some(run) = state.run_of_key(key) {
                change(run);
            }
        });
        self.touch(&[Topic::Runs, Topic::Progress]);
        self.put(key);
    }

    /// Shows again what a comparison came to, where comparisons stand.
    pub fn show_comparison(&self, id: &str) {
        self.state.update_value(|state| state.show_comparison(id));
        self.touch(&[Topic::Answers]);
        if let Ok(Some(panel)) = document().query_selector("#compare") {
            panel.set_attribute("open", "").unwrap_or_default();
        }
        focus::on("#compare summary");
    }

    /// Shows a run in the charts, or no more.
    pub fn show_run(&self, id: &str, shown: bool) {
        self.state.update_value(|state| {
            state.runs.iter_mut().filter(|run| run.id == id).for_each(|run| run.shown = shown);
        });
        self.touch(&[Topic::Runs, Topic::Progress]);
    }

    /// Forgets a run, here and in the browser.
    pub fn delete_run(&self, id: &str) {
        let key = self.state.try_update_value(|state| state.forget_run(id).map(|run| run.key));
        self.touch(&[Topic::Runs, Topic::Progress]);
        let Some((key, archive)) = key.flatten().zip(self.archive.get_value()) else { return };
        let lab = *self;
        spawn_local(async move {
            if let Err(reason) = archive.remove(&key).await {
                lab.complain(
                    tr!("The run could not be deleted: {reason}.", reason),
                    tr!("Clear this site's data in the browser."),
                );
            }
            lab.weigh_storage().await;
        });
    }
}

/// The language of dates: that of the page, but of English the browser's own kind.
fn date_language() -> String {
    let spoken = document().document_element().and_then(|page| page.get_attribute("lang"));
    spoken.filter(|tag| tag != LANGUAGES[0].tag).unwrap_or_else(|| "default".into())
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
        window().set_timeout_with_callback(&resolve).expect("a window has a clock");
    };
    JsFuture::from(js_sys::Promise::new(wake)).await.unwrap_or_default();
}
