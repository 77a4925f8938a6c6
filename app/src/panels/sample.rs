//! How a file was read: its first documents with their labels, so that a wrong column, encoding or separator shows at once.

use super::section::is_open;
use crate::lab::lab;
use crate::state::{Lines, RunState, Topic};
use crate::tr;
use crate::wording;
use leptos::prelude::*;
use protocol::JudgedLine;

/// The first documents of a file, asked for when they are unfolded.
#[component]
pub fn Sample() -> impl IntoView {
    let lab = lab();
    let open = RwSignal::new(false);
    let chosen = RwSignal::new(0_usize);
    let names = lab.memo(&[Topic::Corpus], |state| {
        let files = state.corpus.as_ref().map(|corpus| corpus.files.as_slice()).unwrap_or_default();
        files.iter().map(|file| file.name.clone()).collect::<Vec<_>>()
    });
    let place = Memo::new(move |_| names.with(|names| chosen.get().min(names.len().saturating_sub(1))));
    let sample = lab.memo(&[Topic::Answers, Topic::Corpus], |state| state.sample.clone());
    Effect::new(move || {
        if open.get() && lab.read(&[Topic::Corpus], RunState::wants_sample) {
            lab.sample(place.get_untracked());
        }
    });
    let choose = move |event| {
        chosen.set(event_target_value(&event).parse().unwrap_or_default());
        lab.sample(place.get());
    };
    let option = move |(file, name): (usize, String)| {
        view! { <option value=file.to_string() prop:selected=move || place.get() == file>{name}</option> }
    };
    view! {
        <details class="more" data-testid="sample" on:toggle=move |event| open.set(is_open(&event))>
            <summary>{tr!("How a file was read: its first documents")}</summary>
            <div class="field" hidden=move || names.with(|names| names.len() < 2)>
                <label for="sample-file">{tr!("File")}</label>
                <select id="sample-file" on:change=choose>
                    {move || names.get().into_iter().enumerate().map(option).collect_view()}
                </select>
            </div>
            {move || sample.get().map(table)}
        </details>
    }
    .into_any()
}

fn table(Lines { lines, more }: Lines) -> impl IntoView {
    let row = |JudgedLine { line, text, truth, .. }: JudgedLine| {
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
