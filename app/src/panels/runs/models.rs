//! The way out and in for models.

use crate::intake;
use crate::lab::{Lab, lab};
use crate::state::Topic;
use crate::told::told;
use crate::tr;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// Saves the model at hand, or opens another one.
#[component]
pub fn Models() -> impl IntoView {
    let lab = lab();
    let reason = lab.memo(&[Topic::Runs, Topic::Progress, Topic::Engine], |state| match () {
        // Of a run of one's own, the present values are saved.
        () if state.active().is_some_and(|run| !run.is_own()) => {
            Some(tr!("The run under way can be saved when it is over."))
        }
        () if state.active().is_some_and(|run| run.steps_done() > 0) => None,
        () if state.model.pretrained || state.model.classifier => None,
        () => Some(tr!(
            "There is no model to save yet. A model opens from a .zip or from the loose files of a run directory."
        )),
    });
    let imported = lab.memo(&[Topic::Runs, Topic::Engine], |state| state.model.imported.clone());
    view! {
        <div class="block">
            <h3>{tr!("Save or open a model")}</h3>
            <div class="buttons">
                <button
                    type="button"
                    data-testid="export-model"
                    aria-describedby="export-reason"
                    disabled=move || reason.get().is_some()
                    on:click=move |_| lab.save_model()
                >
                    {tr!("Save the model as .zip")}
                </button>
                <label class="button" for="import">
                    {tr!("Open a model")}
                    <input
                        id="import"
                        class="visually-hidden"
                        type="file"
                        multiple=true
                        data-testid="import-model"
                        on:change=move |event| take_model(lab, &event)
                    />
                </label>
            </div>
            <p id="export-reason" class="help">
                {move || reason.get()}
            </p>
            <p class="help">{move || imported.get().map(|summary| tr!("Opened: {summary}", summary = told(&summary)))}</p>
        </div>
    }
}

fn take_model(lab: Lab, event: &web_sys::Event) {
    let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else { return };
    let sources = input.files().map_or(Ok(Vec::new()), |files| intake::from_input(&files));
    input.set_value("");
    match sources {
        Ok(sources) if sources.is_empty() => {}
        Ok(sources) => lab.import(sources),
        Err(reason) => lab.complain(reason, tr!("Open a .zip, or all files of one model.")),
    }
}
