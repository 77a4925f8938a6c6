//! A link to runs: copied to the clipboard if the browser allows it, and always shown in an input.

use crate::context::app;
use crate::tr;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

/// A button that creates a link to runs, and an input that then shows it.
#[component]
pub fn LinkOut(
    testid: &'static str,
    /// Text on the button.
    words: String,
    /// Ids of the runs to share; without any, the button is hidden.
    runs: Memo<Vec<String>>,
) -> impl IntoView {
    let app = app();
    let (made, copied) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let make = move |_| {
        made.set(app.link_to(&runs.get_untracked()));
        copied.set(false);
        if let Some(link) = made.get_untracked() {
            copy(link, copied);
        }
    };
    // Hide the link when the selection changes: it would be mistaken for a link to the new one.
    Effect::new(move |_| {
        runs.track();
        made.set(None);
    });
    view! {
        <button type="button" hidden=move || runs.with(Vec::is_empty) data-testid=testid on:click=make>{words}</button>
        <Show when=move || made.with(Option::is_some)>
            <input
                type="text"
                readonly
                class="name-field"
                data-testid=format!("{testid}-link")
                aria-label=move || match copied.get() {
                    true => tr!("Link with settings and curves, copied"),
                    false => tr!("Link with settings and curves, to copy"),
                }
                prop:value=move || made.get().unwrap_or_default()
            />
            <span class="help" role="status">{move || copied.get().then(|| tr!("Copied."))}</span>
        </Show>
    }
    .into_any()
}

/// Copies a text to the clipboard, if the browser has one and allows it.
fn copy(text: String, copied: RwSignal<bool>) {
    let navigator = window().navigator();
    if !js_sys::Reflect::get(&navigator, &"clipboard".into())
        .is_ok_and(|clipboard| clipboard.is_object())
    {
        return;
    }
    let promise = navigator.clipboard().write_text(&text);
    spawn_local(async move { copied.set(JsFuture::from(promise).await.is_ok()) });
}
