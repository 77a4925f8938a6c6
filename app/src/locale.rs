//! The language of the page, and switching to another one.

use crate::context::AppContext;
use crate::focus;
use crate::form_snapshot::FormSnapshot;
use crate::language::{Language, choice};
use crate::workspace::address;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

/// Language of the page. Its panels are mounted again when it changes; the application state, the
/// user's input and an active run are preserved.
#[derive(Clone, Copy)]
pub struct Locale {
    /// Language of the mounted panels.
    pub now: RwSignal<Language>,
    /// Language chosen last, whose catalogue may still be loading.
    pub wanted: RwSignal<Language>,
    /// Snapshot of the form inputs of panels that are being mounted again.
    pub form_snapshot: StoredValue<Option<FormSnapshot>, LocalStorage>,
}

/// Reports that a catalogue could not be loaded; in English, since there is no translation.
pub fn report_missing_catalogue(app: AppContext, language: Language, problem: &str) {
    let message = format!(
        "The page's words in {} could not be read ({problem}).",
        language.name
    );
    app.show_error(message, "Reload the page.");
}

/// Switches the page to another language and updates the link, so that a language in it no longer
/// applies.
pub fn speak(
    app: AppContext,
    Locale {
        now,
        wanted,
        form_snapshot,
    }: Locale,
    language: Language,
) {
    wanted.set(language);
    spawn_local(async move {
        let words = choice::words_of(language).await;
        // Another language was chosen in the meantime.
        if wanted.get_untracked() != language {
            return;
        }
        match words {
            Ok(words) => {
                choice::speak(language, words);
                choice::keep(language);
                address::replace_query(&app.query());
                // Panels that are not mounted yet have no values; an earlier snapshot is still
                // waiting for them.
                if form_snapshot.with_value(Option::is_none) {
                    form_snapshot.set_value(Some(FormSnapshot::of_page()));
                }
                now.set(language);
                focus::on("[data-testid=language]");
            }
            Err(problem) => {
                report_missing_catalogue(app, language, &problem);
                wanted.set(now.get_untracked());
            }
        }
    });
}
