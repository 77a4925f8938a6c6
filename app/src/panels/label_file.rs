//! Labels all documents of a file with the current classifier and downloads the result as a table.

use super::asked::Asked;
use super::file_button::FileButton;
use super::file_table::describe;
use super::review::REVIEW_TOPICS;
use crate::context::app;
use crate::file_import::Source;
use crate::focus;
use crate::localize_message::localize_message;
use crate::state::{Labelling, RunState, StateSlice};
use crate::tr;
use crate::wording::{grouped, sentence};
use leptos::prelude::*;
use protocol::Command;

/// File input, options, progress and result of labelling a file.
#[component]
pub fn LabelFile() -> impl IntoView {
    let app = app();
    let Asked { by_own, .. } = expect_context();
    let splits_long = RwSignal::new(false);
    let labelling = app.memo(&[StateSlice::Answers], |state| state.labelling.clone());
    let is_labelling = app.memo(&[StateSlice::Answers], RunState::is_labelling);
    let reason = app.memo(&REVIEW_TOPICS, RunState::reason_not_to_review);
    let is_waiting = app.memo(&[StateSlice::Answers], RunState::is_waiting);
    let reason = move || reason.get().filter(|_| !is_labelling.get());
    let off = move || is_labelling.get() || is_waiting.get() || reason().is_some();
    let share = move || {
        labelling.with(|file| {
            file.as_ref()
                .map_or(0.0, |file| file.documents as f64 / file.of.max(1) as f64)
        })
    };
    // Screen readers announce start and end, not every step in between.
    let announced = Memo::new(move |_| labelling.with(|file| file.as_ref().map(announcement)));
    let warnings = Memo::new(move |_| {
        labelling
            .with(|file| file.as_ref().map(notes))
            .unwrap_or_default()
    });
    let take = move |sources: Result<Vec<Source>, String>| {
        if let Some(source) = sources.unwrap_or_default().first() {
            app.label_file(source, by_own.get_untracked(), splits_long.get_untracked());
        }
    };
    let note = |words: String| view! { <li>{words}</li> };
    // The pressed control becomes unavailable: move the focus to the Stop button, and back
    // afterwards.
    Effect::new(move |before: Option<bool>| {
        let now = is_labelling.get();
        if before.is_some_and(|before| before != now) && focus::holds("[data-testid=label-file]") {
            let next = if now {
                "[data-testid=label-file] button"
            } else {
                "#label-file"
            };
            request_animation_frame(move || focus::on(next));
        }
        now
    });
    view! {
        <div class="block" data-testid="label-file">
            <h3>{tr!("Label a whole file")}</h3>
            <p class="help">
                {tr!("Each line of a text gets its labels in a table (.csv); a table or JSON file keeps its rows, columns and order, with the labels behind.")}
            </p>
            <div class="buttons">
                <FileButton
                    id="label-file"
                    testid="label-file-input"
                    words=tr!("Choose a file to label")
                    off=Signal::derive(off)
                    described_by="label-file-reason"
                    take=take
                />
                <button type="button" hidden=move || !is_labelling.get() on:click=move |_| app.send(Command::Stop)>{tr!("Stop")}</button>
                <label class="option">
                    <input
                        type="checkbox"
                        disabled=off
                        prop:checked=by_own
                        on:change=move |event| by_own.set(event_target_checked(&event))
                    />
                    <span>{tr!("Each label from its own threshold on, where it has one")}</span>
                </label>
                <label class="option">
                    <input
                        type="checkbox"
                        data-testid="split-long"
                        disabled=off
                        prop:checked=splits_long
                        on:change=move |event| splits_long.set(event_target_checked(&event))
                    />
                    <span>{tr!("Read long texts in parts, not only their beginning")}</span>
                </label>
            </div>
            <p id="label-file-reason" class="help">{reason}</p>
            <progress hidden=move || !is_labelling.get() max="1" prop:value=share aria-label=tr!("Share of the documents that are labelled")></progress>
            <p class="status" hidden=move || labelling.with(Option::is_none)>{move || labelling.get().map(|file| status(&file))}</p>
            <p class="visually-hidden" role="status">{announced}</p>
            <ul class="plain help" hidden=move || warnings.with(Vec::is_empty)>{move || warnings.get().into_iter().map(note).collect_view()}</ul>
        </div>
    }
    .into_any()
}

fn status(file: &Labelling) -> String {
    let Labelling {
        name,
        documents,
        of,
        dropped,
        ..
    } = file;
    match () {
        () if *of == 0 => tr!("{name} is read…", name),
        () if !file.is_done() => {
            let (count, of) = (grouped(*documents), grouped(*of));
            tr!(
                "{name}: {count} of about {of} documents are labelled.",
                name,
                count,
                of
            )
        }
        () => {
            let (count, table) = (grouped(*of), file.table_name());
            let done = tr!(
                "{name}: {count} documents are labelled; {table} is among your downloads.",
                name,
                count,
                table
            );
            match dropped.is_empty() {
                true => done,
                false => format!(
                    "{done} {}",
                    tr!("Left out: {lines}.", lines = describe(dropped))
                ),
            }
        }
    }
}

fn announcement(file: &Labelling) -> String {
    let started = Labelling {
        documents: 0,
        of: 0,
        ..file.clone()
    };
    status(if file.is_done() { file } else { &started })
}

/// Returns the columns that the text was read from, and the warnings about the file.
fn notes(file: &Labelling) -> Vec<String> {
    let columns = file.columns.join(", ");
    let columns_note =
        (!columns.is_empty()).then(|| tr!("The text is taken from: {columns}.", columns));
    columns_note
        .into_iter()
        .chain(
            file.warnings
                .iter()
                .map(|message| sentence(&localize_message(message))),
        )
        .collect()
}
