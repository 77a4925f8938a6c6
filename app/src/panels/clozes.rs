//! The bundled cloze sentences with one masked word each: how many words the model finds, and its
//! predictions.

use crate::clozes::{bundled_clozes, found};
use crate::context::app;
use crate::state::{FilledClozes, StateSlice};
use crate::tr;
use crate::wording::percent;
use leptos::prelude::*;
use protocol::{Candidate, Cloze};

/// A summary of how many masked words are found; expanded, the sentences with the predictions.
#[component]
pub fn Clozes() -> impl IntoView {
    let app = app();
    let filled = app.memo(&[StateSlice::Answers], |state| state.clozes.clone());
    let count = Memo::new(move |_| filled.with(|filled| filled.as_ref().map(found)));
    let summary = move || {
        count.get().map(|count| {
            tr!(
                "{count} of {all} hidden words found",
                count,
                all = bundled_clozes().len()
            )
        })
    };
    view! {
        <details class="more" hidden=move || count.get().is_none()>
            <summary data-testid="clozes" data-value=move || count.get().map(|count| count.to_string())>
                {summary}
            </summary>
            <p class="help">
                {tr!("A word counts as found when it is among the five best guesses. The sentences are always the same, so that models can be compared.")}
            </p>
            <ul class="clozes">{move || filled.get().map(rows)}</ul>
        </details>
    }
    .into_any()
}

fn rows(filled: FilledClozes) -> impl IntoView {
    bundled_clozes()
        .iter()
        .zip(filled.guesses)
        .map(|(cloze, guesses)| row(cloze, &guesses))
        .collect_view()
}

fn row(cloze: &Cloze, guesses: &[Candidate]) -> impl IntoView + use<> {
    let is_found = cloze.is_found(guesses.iter().map(|guess| guess.token.as_str()));
    let (sign, label) = if is_found {
        ("✓ ", tr!("found"))
    } else {
        ("✗ ", tr!("not found"))
    };
    let guesses: Vec<String> = guesses
        .iter()
        .map(|guess| format!("{} {}", guess.token, percent(guess.score)))
        .collect();
    view! {
        <li class:right=is_found>
            <span aria-hidden="true">{sign}</span>
            <span class="visually-hidden">{label} ": "</span>
            <bdi>{cloze.text.clone()}</bdi>
            <span class="help">{guesses.join(", ")}</span>
        </li>
    }
}
