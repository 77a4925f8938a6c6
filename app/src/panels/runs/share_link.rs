//! A link to runs, as it leaves the page: on the clipboard where the browser allows it, and in a field in any case.

use crate::context::context;
use crate::tr;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

/// The button that makes a link, and the field that holds it then.
#[component]
pub fn LinkOut(
    testid: &'static str,
    /// On the button.
    words: String,
    /// Names of the runs that it carries; there is no button where there are none.
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
    // A link to other runs than are chosen now would be taken for one to these.
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

/// Puts a text on the clipboard, where the browser has one and allows it.
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
