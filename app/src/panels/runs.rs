//! Step 5: the runs of this tab, and the way out and in for models.

use super::section::Section;
use crate::chart::scene::RUN_INKS;
use crate::intake;
use crate::lab::{Lab, lab};
use crate::state::{Run, RunState, Stage, Topic};
use crate::wording::{counted, grouped};
use leptos::prelude::*;
use protocol::{Command, Phase};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// One row, as shown.
#[derive(Clone, PartialEq)]
struct Row {
    swatch: Option<usize>,
    name: String,
    settings: String,
    size: String,
    result: String,
    stage: String,
}

/// Runs, export and import.
#[component]
pub fn RunsPanel() -> impl IntoView {
    view! {
        <Section
            id="runs-panel"
            number="5"
            title="Runs"
            lead="The runs of this tab. A saved model opens on the command line and in Hugging Face transformers."
        >
            <RunTable />
            <Models />
        </Section>
    }
    .into_any()
}

#[component]
fn RunTable() -> impl IntoView {
    let lab = lab();
    let rows = lab.memo(&[Topic::Runs, Topic::Progress], rows);
    view! {
        <div class="scroll" role="region" aria-label="Table of runs" tabindex="0">
            <table class="wide-table" data-testid="runs">
                <thead>
                    <tr>
                        <th scope="col">"Run"</th>
                        <th scope="col">"Settings"</th>
                        <th scope="col">"Size"</th>
                        <th scope="col">"Result"</th>
                        <th scope="col">"State"</th>
                    </tr>
                </thead>
                <tbody>
                    {move || rows.get().into_iter().map(row).collect_view()}
                    <tr hidden=move || rows.with(|rows| !rows.is_empty())>
                        <td colspan="5">"No run yet."</td>
                    </tr>
                </tbody>
            </table>
        </div>
    }
}

fn row(row: Row) -> impl IntoView {
    let swatch = row.swatch.map(|index| view! { <span class=format!("swatch run-{}", index % RUN_INKS)></span> });
    view! {
        <tr>
            <th scope="row">{swatch}{row.name}</th>
            <td>{row.settings}</td>
            <td>{row.size}</td>
            <td>{row.result}</td>
            <td>{row.stage}</td>
        </tr>
    }
}

fn rows(state: &RunState) -> Vec<Row> {
    let mut pretrained = 0..;
    let row = |run: &Run| Row {
        swatch: if run.phase == Phase::Pretrain { pretrained.next() } else { None },
        name: run.name(),
        settings: run.settings.clone(),
        size: run.plan.as_ref().map_or("–".into(), |plan| counted(plan.parameters, "parameter")),
        result: run.result(),
        stage: stage_words(run),
    };
    state.runs.iter().map(row).collect()
}

fn stage_words(run: &Run) -> String {
    let steps = grouped(run.steps_done());
    match &run.stage {
        Stage::Requested | Stage::Started | Stage::Compiling(_) => "preparing".into(),
        Stage::Running => format!("running, {:.0} %", (run.share() * 100.0).floor()),
        Stage::Paused => format!("paused at step {steps}"),
        Stage::Finished => format!("finished, {steps} steps"),
        Stage::Stopped => format!("stopped at step {steps}"),
        Stage::Failed(message) => format!("failed: {message}"),
    }
}

#[component]
fn Models() -> impl IntoView {
    let lab = lab();
    let reason = lab.memo(&[Topic::Runs, Topic::Engine], |state| match () {
        () if state.active().is_some() => Some("The run under way can be saved when it is over."),
        () if state.model.pretrained || state.model.classifier => None,
        () => Some("There is no model to save yet. Open takes a .zip or the loose files of a run directory."),
    });
    let imported = lab.memo(&[Topic::Runs, Topic::Engine], |state| state.model.imported.clone());
    view! {
        <div class="block">
            <h3>"Save or open a model"</h3>
            <div class="buttons">
                <button
                    type="button"
                    data-testid="export-model"
                    aria-describedby="export-reason"
                    disabled=move || reason.get().is_some()
                    on:click=move |_| lab.send(Command::ExportModel)
                >
                    "Save the model as .zip"
                </button>
                <label class="button" for="import">
                    "Open a model"
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
            <p class="help">{move || imported.get().map(|summary| format!("Opened: {summary}"))}</p>
        </div>
    }
}

fn take_model(lab: Lab, event: &web_sys::Event) {
    let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else { return };
    let sources = input.files().map(|files| intake::from_input(&files)).unwrap_or_default();
    input.set_value("");
    if !sources.is_empty() {
        lab.import(sources);
    }
}
