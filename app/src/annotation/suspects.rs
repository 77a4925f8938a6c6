//! Suspicious labels: labelled documents whose labels a classifier trained on the other documents
//! disagrees with, each with the suggested labels to accept or reject.

use super::Stored;
use super::session::LabellingSession;
use crate::context::app;
use crate::focus;
use crate::state::{Question, RunState, StateSlice};
use crate::tr;
use leptos::prelude::*;
use protocol::PredictedDocument;

/// Maximum number of characters that are shown of a document.
const MAX_SHOWN_CHARS: usize = 400;

/// The list of suspicious labels.
#[component]
pub fn Suspects(session: LabellingSession) -> impl IntoView {
    let app = app();
    let reason = app.memo(
        &[
            StateSlice::Corpus,
            StateSlice::Runs,
            StateSlice::Progress,
            StateSlice::Answers,
        ],
        |state| {
            let labelled = state.corpus.as_ref().map_or(0, |corpus| corpus.labelled[0]);
            match labelled {
                0 => Some(tr!("There are no labelled documents.")),
                _ if state.active().is_some() => Some(tr!("Training is running.")),
                _ => None,
            }
        },
    );
    let is_waiting = app.memo(&[StateSlice::Answers], RunState::is_waiting);
    let is_checking = app.memo(&[StateSlice::Answers], |state| {
        state.is_waiting_for(Question::Suspects)
    });
    // Decided documents leave the list.
    let open = move || {
        let decided = session.decided.get();
        app.read(&[StateSlice::Answers, StateSlice::Corpus], |state| {
            let mut all = state.suspects.clone().unwrap_or_default();
            all.retain(|document| !decided.contains(&document.text));
            all
        })
    };
    let is_done = move || {
        let is_asked = app.read(&[StateSlice::Answers, StateSlice::Corpus], |state| {
            state.suspects.is_some()
        });
        is_asked && open().is_empty()
    };
    let suspect = move |(place, document)| view! { <Suspect session place document /> };
    view! {
        <div class="buttons">
            <button
                type="button"
                data-testid="find-suspicious"
                disabled=move || reason.with(Option::is_some) || is_waiting.get()
                on:click=move |_| session.find_suspects()
            >
                {tr!("Find suspicious labels")}
            </button>
        </div>
        <p class="help" role="status">
            {move || reason.get().or_else(|| is_checking.get().then(|| tr!("The documents are being checked…")))}
        </p>
        <p class="help" hidden=move || !is_done()>{tr!("No suspicious label is left.")}</p>
        <ol class="suspects" data-testid="suspicious">
            {move || open().into_iter().enumerate().map(suspect).collect_view()}
        </ol>
    }
}

#[component]
fn Suspect(session: LabellingSession, place: usize, document: PredictedDocument) -> impl IntoView {
    let PredictedDocument {
        file,
        line,
        text,
        truth,
        predicted,
    } = document;
    let suggested: Vec<String> = predicted.iter().map(|label| label.label.clone()).collect();
    let shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    let decide = move |labels: Vec<String>| {
        let text = text.clone();
        move |_| {
            session.store(&Stored {
                text: text.clone(),
                labels: Some(labels.clone()),
            });
            session.decided.update(|decided| decided.push(text.clone()));
            // The decided document leaves the list, and the next one takes its place.
            request_animation_frame(move || {
                focus::on("[data-testid=find-suspicious]");
                focus::on(&format!(
                    "[data-testid=suspicious] > li:nth-child({}) [data-testid=accept-label]",
                    place + 1
                ));
            });
        }
    };
    let (accept, reject) = (decide(suggested.clone()), decide(truth.clone()));
    view! {
        <li>
            <p class="excerpt"><bdi>{shown}</bdi> " " <span class="help">{tr!("{file}, line {line}", file, line)}</span></p>
            <p>
                <del><bdi>{truth.join(", ")}</bdi></del> " → " <b><bdi>{suggested.join(", ")}</bdi></b>
            </p>
            <div class="row-actions">
                <button type="button" data-testid="accept-label" on:click=accept>{tr!("Accept")}</button>
                <button type="button" data-testid="reject-label" on:click=reject>{tr!("Keep the given label")}</button>
            </div>
        </li>
    }
}
