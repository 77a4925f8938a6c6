//! The way out and in for models.

use crate::intake::Source;
use crate::lab::lab;
use crate::panels::file_button::FileButton;
use crate::state::Topic;
use crate::told::told;
use crate::tr;
use leptos::prelude::*;

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
    let take = move |sources: Result<Vec<Source>, String>| match sources {
        Ok(sources) if sources.is_empty() => {}
        Ok(sources) => lab.import(sources),
        Err(reason) => lab.complain(reason, tr!("Open a .zip, or all files of one model.")),
    };
    let imported = lab.memo(&[Topic::Runs, Topic::Engine], |state| {
        state.model.imported.clone()
    });
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
                <FileButton id="import" testid="import-model" words=tr!("Open a model") multiple=true take />
            </div>
            <p id="export-reason" class="help">
                {move || reason.get()}
            </p>
            <p class="help">{move || imported.get().map(|summary| tr!("Opened: {summary}", summary = told(&summary)))}</p>
        </div>
    }
}
