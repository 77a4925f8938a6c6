//! The user's note on a run.

use super::shown::Shown;
use crate::context::app;
use crate::tr;
use leptos::prelude::*;

/// Maximum length of a note in characters.
const MAX_LENGTH: &str = "200";

/// Text input for the note, of a run that is stored; leaving it saves the note.
#[component]
pub fn NoteField(row: Memo<Shown>) -> impl IntoView {
    let app = app();
    let save = move |event| {
        let note = event_target_value(&event).trim().to_string();
        let key = row.with_untracked(|row| row.key.clone());
        app.change_run(&key, |run| run.note = note);
    };
    let label = move || tr!("Note on {name}", name = row.with(|row| row.name.clone()));
    view! {
        <input
            type="text"
            class="note-field"
            data-testid="run-note"
            aria-label=label
            placeholder=tr!("note")
            maxlength=MAX_LENGTH
            hidden=move || row.with(|row| row.key.is_empty())
            prop:value=move || row.with(|row| row.note.clone())
            on:change=save
        />
    }
}
