//! A button that opens a file picker: a visually hidden file input inside a label styled as a
//! button.

use crate::file_import::{self, Source};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// Passes the chosen files to `take`, or an error message if they cannot be used.
#[component]
pub fn FileButton(
    /// Id of the input.
    id: &'static str,
    /// `data-testid` of the input.
    testid: &'static str,
    /// Text on the button.
    words: String,
    /// Whether several files can be chosen.
    #[prop(optional)]
    multiple: bool,
    /// Whether a folder is chosen, with all its contents.
    #[prop(optional)]
    folder: bool,
    /// Whether the button is disabled.
    #[prop(optional, into)]
    off: Signal<bool>,
    /// Id of the element that says why it is disabled.
    #[prop(optional)]
    described_by: Option<&'static str>,
    /// Receives the files; a folder may contain none.
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
        // Reset the input, so that choosing the same files again fires another event.
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
