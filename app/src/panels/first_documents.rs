//! The first documents of a file with their labels, which reveal a wrong column, encoding or
//! separator.

use crate::context::{AppContext, app};
use crate::state::{Lines, RunState, StateSlice};
use crate::tr;
use crate::wording::{self, grouped};
use crate::workspace::{Fold, Step};
use leptos::prelude::*;
use protocol::{FileReport, PredictedDocument};

/// Maximum number of files in the selector; a folder may contain thousands.
const MAX_CHOICES: usize = 500;

/// The first documents of a file, requested from the engine when expanded.
#[component]
pub fn FirstDocuments() -> impl IntoView {
    let app = app();
    let open = RwSignal::new(false);
    let chosen = RwSignal::new(String::new());
    let names = app.memo(&[StateSlice::Corpus], |state| {
        files(state)
            .iter()
            .take(MAX_CHOICES)
            .map(|file| file.name.clone())
            .collect::<Vec<_>>()
    });
    let place = move || {
        names.with(|names| {
            names
                .iter()
                .position(|name| *name == chosen.get())
                .unwrap_or(0)
        })
    };
    Effect::new(move || {
        if open.get() && app.read(&[StateSlice::Corpus], RunState::wants_first_documents) {
            app.first_documents(untrack(place));
        }
    });
    let found = app.memo(&[StateSlice::Answers, StateSlice::Corpus], |state| {
        state.first_documents.clone()
    });
    let is_run_active = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.active().is_some()
    });
    let status = move || match (found.with(Option::is_some), is_run_active.get()) {
        (true, _) => String::new(),
        (false, true) => tr!("They are told when the run under way is over."),
        (false, false) => tr!("The text is being read…"),
    };
    view! {
        <Fold
            step=Step::Data
            title=tr!("First documents, as they were read")
            testid="first-documents"
            on_toggle=Callback::new(move |is_open| open.set(is_open))
        >
            <Show when=move || open.get()>
                <FileChoice app names chosen place=Signal::derive(place) />
                <p class="help" role="status">{status}</p>
                {move || found.get().map(table)}
            </Show>
        </Fold>
    }
    .into_any()
}

/// File selector, hidden if there is only one file.
#[component]
fn FileChoice(
    app: AppContext,
    names: Memo<Vec<String>>,
    chosen: RwSignal<String>,
    place: Signal<usize>,
) -> impl IntoView {
    let are_more = app.memo(&[StateSlice::Corpus], |state| {
        files(state).len() > MAX_CHOICES
    });
    let choose = move |event| {
        chosen.set(event_target_value(&event));
        app.first_documents(place.get_untracked());
    };
    let options = move || {
        let place = place.get();
        let option = |(index, name): (usize, String)| {
            view! { <option value=name.clone() selected=index == place>{name.clone()}</option> }
        };
        names
            .get()
            .into_iter()
            .enumerate()
            .map(option)
            .collect_view()
    };
    view! {
        <div class="field" hidden=move || names.with(|names| names.len() < 2)>
            <label for="first-documents-of">{tr!("File")}</label>
            <select id="first-documents-of" on:change=choose>{options}</select>
            <p class="help" hidden=move || !are_more.get()>
                {tr!("The first {count} files can be chosen.", count = grouped(MAX_CHOICES as u64))}
            </p>
        </div>
    }
}

/// Returns the reports on the files of the current corpus.
fn files(state: &RunState) -> &[FileReport] {
    state
        .corpus
        .as_ref()
        .map(|corpus| corpus.files.as_slice())
        .unwrap_or_default()
}

fn table(Lines { lines, more, .. }: Lines) -> impl IntoView {
    let row = |PredictedDocument {
                   line, text, truth, ..
               }: PredictedDocument| {
        let label = |label: String| view! { <li><bdi>{label}</bdi></li> };
        view! {
            <tr>
                <th scope="row" class="number">{line}</th>
                <td data-label=tr!("Text")><bdi>{text}</bdi></td>
                <td data-label=tr!("Labels")><ul class="inline">{truth.into_iter().map(label).collect_view()}</ul></td>
            </tr>
        }
    };
    let more = (more > 0)
        .then(|| view! { <p class="help">{tr!("{documents} more.", documents = wording::documents(more))}</p> });
    view! {
        <div class="scroll" role="region" aria-label=tr!("First documents") tabindex="0">
            <table class="wide-table">
                <thead>
                    <tr>
                        <th scope="col" class="number">{tr!("Line")}</th>
                        <th scope="col">{tr!("Text")}</th>
                        <th scope="col">{tr!("Labels")}</th>
                    </tr>
                </thead>
                <tbody>{lines.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        {more}
    }
}
