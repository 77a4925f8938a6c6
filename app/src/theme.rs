//! Light or dark theme: that of the system, until the user selects one. The selection is saved in
//! this browser; `shell.js` applies it before the first paint.

use crate::local_storage;
use gloo::events::EventListener;
use leptos::prelude::*;

/// Local storage key of the selection; `shell.js` reads the same key.
const KEY: &str = "clozelab-theme";

/// Returns whether the page is dark.
pub fn is_dark() -> bool {
    match local_storage::get(KEY).as_deref() {
        Some("dark") => true,
        Some("light") => false,
        _ => system_is_dark(),
    }
}

/// Makes the page dark or light, and saves the selection if the browser allows it.
pub fn choose(dark: bool) {
    let name = if dark { "dark" } else { "light" };
    if let Some(root) = web_sys::window()
        .and_then(|w| w.document())
        .and_then(|d| d.document_element())
    {
        root.set_attribute("data-theme", name).unwrap_or_default();
    }
    local_storage::keep(KEY, name);
}

fn system_is_dark() -> bool {
    let query = web_sys::window().and_then(|window| {
        window
            .match_media("(prefers-color-scheme: dark)")
            .ok()
            .flatten()
    });
    query.is_some_and(|query| query.matches())
}

/// Whether the page is dark; charts repaint when it changes.
#[derive(Clone, Copy)]
pub struct Dark(pub RwSignal<bool>);

/// Returns a signal of whether the page is dark, which follows the system's setting.
pub fn follow() -> RwSignal<bool> {
    let dark = RwSignal::new(is_dark());
    if let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") {
        EventListener::new(&query, "change", move |_| dark.set(is_dark())).forget();
    }
    dark
}
