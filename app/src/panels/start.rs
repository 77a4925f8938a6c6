//! Components shared by pre-training and fine-tuning: a start button that says why it is disabled,
//! and a sentence on the state of the latest run.

use crate::context::app;
use crate::focus;
use crate::localize_message::localize_message;
use crate::state::{Run, Stage, StateSlice};
use crate::tr;
use crate::wording::{grouped, sentence};
use leptos::prelude::*;
use protocol::{Message, Phase, is_note};
use std::time::Duration;

/// A start button, with the reason if it is disabled.
#[component]
pub fn StartButton(
    /// The phase that it starts.
    phase: Phase,
    /// Text on the button.
    #[prop(into)]
    label: String,
    /// `data-testid` of the button.
    testid: &'static str,
) -> impl IntoView {
    let app = app();
    let reason = Memo::new(move |_| {
        let from = app.settings.with(|settings| settings.finetune_from);
        app.read(
            &[
                StateSlice::Engine,
                StateSlice::Corpus,
                StateSlice::Runs,
                StateSlice::Progress,
            ],
            |state| state.reason_not_to_start(phase, from),
        )
    });
    // After a run the verdict names a better next step than to start again.
    let has_next = app.memo(
        &[StateSlice::Runs, StateSlice::Answers, StateSlice::Corpus],
        move |state| {
            state
                .verdict(phase)
                .is_some_and(|verdict| verdict.next.is_some())
        },
    );
    let id = format!("{testid}-reason");
    let start = move |_| {
        app.start(phase);
        // The button becomes disabled: the controls of the run follow.
        set_timeout(|| focus::on_in_place(".run-bar"), Duration::ZERO);
    };
    view! {
        <div class="start">
            <button
                type="button"
                class="large"
                class:primary=move || !has_next.get()
                data-testid=testid
                aria-describedby=id.clone()
                disabled=move || reason.get().is_some()
                on:click=start
            >
                {label}
            </button>
            <p id=id class="help">{move || reason.get().unwrap_or_default()}</p>
        </div>
    }
    .into_any()
}

/// Button that restarts the active pre-training run with the current settings, shown if they differ
/// from those of the run.
#[component]
pub fn ApplyChanges() -> impl IntoView {
    let app = app();
    let differs = Memo::new(move |_| {
        let pairs = app.settings.with(|settings| settings.pretrain.pairs());
        app.read(&[StateSlice::Runs], |state| {
            let run = state
                .active()
                .filter(|run| run.phase == Phase::Pretrain && run.is_own());
            run.is_some_and(|run| {
                let same = |(a, b): (&(String, String), &(&str, String))| a.0 == b.0 && a.1 == b.1;
                run.pairs.len() != pairs.len() || !run.pairs.iter().zip(&pairs).all(same)
            })
        })
    });
    let apply = move |_| {
        app.apply_changes();
        focus::on("[data-testid=stop]");
    };
    view! {
        <button type="button" data-testid="apply-changes" hidden=move || !differs.get() on:click=apply>
            {tr!("Start anew with the changed settings")}
        </button>
    }
    .into_any()
}

/// Sentence on the state of the latest run of a phase, or else on runs from a link or from storage.
#[component]
pub fn PhaseSentence(
    /// The phase of the run.
    phase: Phase,
) -> impl IntoView {
    let app = app();
    let sentence = app.memo(&[StateSlice::Runs, StateSlice::Progress], move |state| {
        let from_link = || {
            let shared_runs = || state.runs.iter().filter(|run| run.shared);
            let names: Vec<String> = shared_runs().map(Run::name).collect();
            let is_of = |phase| shared_runs().any(|run| run.phase == phase);
            let here = tr!(
                "This link brought the curves of a run: {list}."
                    | "This link brought the curves of {count} runs: {list}." % names.len() as u64,
                count = names.len(),
                list = names.join("; ")
            );
            match phase {
                Phase::Pretrain if !is_of(phase) && is_of(Phase::Finetune) => Some(format!(
                    "{here} {}",
                    tr!("They are drawn below, under “Fine-tune”.")
                )),
                phase => is_of(phase).then_some(here),
            }
        };
        let stored = || {
            let old = state
                .runs
                .iter()
                .filter(|run| run.old && !run.key.is_empty())
                .count() as u64;
            let words = tr!(
                "An earlier run is kept in this browser, under “Runs”."
                    | "{count} earlier runs are kept in this browser, under “Runs”." % old,
                count = grouped(old)
            );
            (phase == Phase::Pretrain && old > 0).then_some(words)
        };
        state.headline(phase).or_else(from_link).or_else(stored)
    });
    let repeats = move || {
        let config = app.settings.with(|settings| settings.pretrain.clone());
        let repeats = app.read(&[StateSlice::Runs, StateSlice::Corpus], |state| {
            state.would_repeat(&config)
        });
        (phase == Phase::Pretrain && repeats).then(|| {
            format!(
                " {}",
                tr!("Starting again would give the same result. Change the seed for a different run.")
            )
        })
    };
    let failed = app.memo(&[StateSlice::Runs], move |state| {
        state
            .runs_of(phase)
            .last()
            .is_some_and(|run| matches!(run.stage, Stage::Failed(_)))
    });
    view! { <p class="status" class:failed=failed hidden=move || sentence.with(Option::is_none)>{sentence}{repeats}</p> }
        .into_any()
}

/// Warnings of the latest run of a phase.
#[component]
pub fn PhaseWarnings(
    /// The phase of the run.
    phase: Phase,
) -> impl IntoView {
    let app = app();
    let warnings = app.memo(&[StateSlice::Runs], move |state| {
        state
            .runs_of(phase)
            .last()
            .map(|run| run.warnings.clone())
            .unwrap_or_default()
    });
    let row = |(code, message): (String, Message)| view! { <li class:note=is_note(&code)>{sentence(&localize_message(&message))}</li> };
    view! {
        <Show when=move || warnings.with(|warnings| !warnings.is_empty())>
            <ul class="warnings">{move || warnings.get().into_iter().map(row).collect_view()}</ul>
        </Show>
    }
    .into_any()
}
