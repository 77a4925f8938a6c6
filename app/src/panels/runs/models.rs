//! Export and import of models.

use crate::context::app;
use crate::file_import::{self, Source};
use crate::localize_message::localize_message;
use crate::panels::file_button::FileButton;
use crate::state::StateSlice;
use crate::tr;
use leptos::prelude::*;
use protocol::ExportFormat;

/// Buttons that save the current model or open another one.
#[component]
pub fn Models() -> impl IntoView {
    let app = app();
    let reason = app.memo(&[StateSlice::Runs, StateSlice::Progress, StateSlice::Engine], |state| match () {
        // An active run of pre-training or fine-tuning saves its current weights; a comparison or
        // the counting task cannot be saved while it runs.
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
        Ok(sources) => app.import(file_import::as_model(&sources).unwrap_or(sources)),
        Err(reason) => app.show_error(reason, tr!("Open a .zip, or all files of one model.")),
    };
    let imported = app.memo(&[StateSlice::Runs, StateSlice::Engine], |state| {
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
                    on:click=move |_| app.save_model(ExportFormat::Zip)
                >
                    {tr!("Save the model as .zip")}
                </button>
                <button
                    type="button"
                    data-testid="export-html"
                    aria-describedby="export-reason export-html-help"
                    disabled=move || reason.get().is_some()
                    on:click=move |_| app.save_model(ExportFormat::Html)
                >
                    {tr!("Save as a web page")}
                </button>
                <FileButton id="import" testid="import-model" words=tr!("Open a model") multiple=true take />
                <FileButton id="import-folder" testid="import-folder" words=tr!("Open a run directory") multiple=true folder=true take />
            </div>
            <p id="export-reason" class="help">
                {move || reason.get()}
            </p>
            <p id="export-html-help" class="help">
                {tr!("The web page is one file that labels texts and tables, or fills masks, without a network. Anyone can open it in a browser.")}
            </p>
            <p class="help">
                {tr!("A run that the command line left unfinished appears in the table of runs with its curves, and can resume once this page has the same text.")}
            </p>
            <p class="help">{move || imported.get().map(|summary| tr!("Opened: {summary}", summary = localize_message(&summary)))}</p>
        </div>
    }
}
