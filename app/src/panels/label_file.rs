//! Labels for a whole file: what a person takes the classifier away for, without taking it away.

use super::file_table::describe;
use super::try_it::Asked;
use crate::intake;
use crate::lab::{Lab, lab};
use crate::state::{Labelling, Topic};
use crate::tr;
use crate::wording::grouped;
use leptos::prelude::*;
use protocol::Command;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// Chooses a file, shows how far its labels are, and tells when their table is there.
#[component]
pub fn LabelFile() -> impl IntoView {
    let lab = lab();
    let Asked { by_own, .. } = expect_context();
    let reason = lab.memo(&[Topic::Runs, Topic::Engine, Topic::Progress], |state| match () {
        () if !state.model.classifier => Some(tr!("There is no classifier yet: fine-tune or import one first.")),
        () if state.active().is_some() => Some(tr!("Waits until the run under way is over.")),
        () => None,
    });
    let labelling = lab.memo(&[Topic::Answers], |state| state.labelling.clone());
    let under_way = move || labelling.with(|labelling| labelling.as_ref().is_some_and(|file| !file.is_done()));
    let off = move || under_way() || reason.with(Option::is_some);
    view! {
        <div class="block" data-testid="label-file">
            <h3>{tr!("Label a whole file")}</h3>
            <p class="help">
                {tr!("Each line of a text, or row of a table, gets its labels, in a table (.csv) that a spreadsheet opens and that can be trained on.")}
            </p>
            <div class="buttons">
                <label class="button" for="label-file">
                    {tr!("Choose a file to label")}
                    <input
                        id="label-file"
                        class="visually-hidden"
                        type="file"
                        data-testid="label-file-input"
                        aria-describedby="label-file-reason"
                        disabled=off
                        on:change=move |event| take(lab, &event, by_own.get_untracked())
                    />
                </label>
                <button type="button" hidden=move || !under_way() on:click=move |_| lab.send(Command::Stop)>{tr!("Stop")}</button>
            </div>
            <p id="label-file-reason" class="help">{reason}</p>
            <p class="status" role="status">{move || labelling.get().map(|file| how_far(&file))}</p>
        </div>
    }
    .into_any()
}

fn how_far(file: &Labelling) -> String {
    let Labelling { name, documents, of, dropped } = file;
    match () {
        () if *of == 0 => tr!("{name} is read…", name),
        () if !file.is_done() => {
            let (count, of) = (grouped(*documents), grouped(*of));
            tr!("{name}: {count} of {of} documents are labelled.", name, count, of)
        }
        () => {
            let (count, table) = (grouped(*of), file.table_name());
            let done =
                tr!("{name}: {count} documents are labelled; {table} is among your downloads.", name, count, table);
            match dropped.is_empty() {
                true => done,
                false => format!("{done} {}", tr!("Left out: {lines}.", lines = describe(dropped))),
            }
        }
    }
}

fn take(lab: Lab, event: &web_sys::Event, own_thresholds: bool) {
    let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else { return };
    let sources = input.files().map_or(Ok(Vec::new()), |files| intake::from_input(&files));
    // The same file may be chosen again.
    input.set_value("");
    if let Some(source) = sources.unwrap_or_default().first() {
        lab.label_file(source, own_thresholds);
    }
}
