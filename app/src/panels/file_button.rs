//! A button that lets a person choose files: an input that is hidden from sight only, below a label that looks like one.

use crate::file_import::{self, Source};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// Chooses files and hands them over, or says in words why they cannot be taken.
#[component]
pub fn FileButton(
    /// Of the input.
    id: &'static str,
    /// Its name for tests.
    testid: &'static str,
    /// On the button.
    words: String,
    /// Whether several files make sense.
    #[prop(optional)]
    multiple: bool,
    /// Whether a folder is chosen, with all that is in it.
    #[prop(optional)]
    folder: bool,
    /// Whether nothing can be chosen now.
    #[prop(optional, into)]
    off: Signal<bool>,
    /// What says why.
    #[prop(optional)]
    described_by: Option<&'static str>,
    /// Takes them; a folder may hold none.
    #[prop(into)]
    take: Callback<Result<Vec<Source>, String>>,
) -> impl IntoView {
    let chosen = move |event: web_sys::Event| {
        let Some(input) = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
        else {
            return;
        };
        let Some(sources) = input.files().map(|files| file_import::from_input(&files)) else {
            return;
        };
        // The same files may be chosen again.
        input.set_value("");
        take.run(sources);
    };
    view! {
        <label class="button" for=id>
            {words}
            <input
                id=id
                class="visually-hidden"
                type="file"
                multiple=multiple
                data-testid=testid
                aria-describedby=described_by
                disabled=off
                prop:webkitdirectory=folder
                on:change=chosen
            />
        </label>
    }
    .into_any()
}
