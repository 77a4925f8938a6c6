//! A text to take away: copied to the clipboard if the browser allows it, and always shown in an
//! input.

use crate::tr;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

/// A button that makes a text and copies it, and an input that then shows it.
#[component]
pub fn CopyOut(
    /// `data-testid` of the button; the input's has `-link` after it.
    testid: &'static str,
    /// Text on the button.
    words: String,
    /// What the text is, for the label of the input.
    what: String,
    /// Ids of the runs that the text is about; without any, the button is hidden.
    runs: Memo<Vec<String>>,
    /// Makes the text from the ids.
    #[prop(into)]
    make: Callback<Vec<String>, Option<String>>,
) -> impl IntoView {
    let (made, copied) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let press = move |_| {
        made.set(make.run(runs.get_untracked()));
        copied.set(false);
        if let Some(text) = made.get_untracked() {
            copy(text, copied);
        }
    };
    // Hide the text when the selection changes: it would be mistaken for that of the new one.
    Effect::new(move |_| {
        runs.track();
        made.set(None);
    });
    let label = StoredValue::new(what);
    view! {
        <button type="button" hidden=move || runs.with(Vec::is_empty) data-testid=testid on:click=press>{words}</button>
        <Show when=move || made.with(Option::is_some)>
            <input
                type="text"
                readonly
                class="name-field"
                data-testid=format!("{testid}-link")
                aria-label=move || {
                    let what = label.get_value();
                    if copied.get() { tr!("{what}, copied", what) } else { tr!("{what}, to copy", what) }
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
