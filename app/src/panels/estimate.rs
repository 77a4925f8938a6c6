//! What the run that is set up would take on this device: its size unasked, its time by trying it out.

use crate::context::{AppContext, app};
use crate::presets::run_time;
use crate::state::StateSlice;
use crate::tr;
use crate::wording::{self, bytes};
use leptos::prelude::*;
use protocol::{Estimate, Phase, StartFrom};

/// Why nothing can be tried out now; `None` where it can.
pub fn reason_not_to_estimate(app: AppContext) -> Memo<Option<String>> {
    app.memo(
        &[
            StateSlice::Engine,
            StateSlice::Corpus,
            StateSlice::Runs,
            StateSlice::Progress,
        ],
        |state| state.reason_not_to_start(Phase::Pretrain, StartFrom::TempStorage),
    )
}

/// A button and a sentence, for the chosen preset.
#[component]
pub fn EstimateLine() -> impl IntoView {
    let app = app();
    let reason = reason_not_to_estimate(app);
    let estimates = app.memo(&[StateSlice::Answers, StateSlice::Corpus], |state| {
        state.estimates.clone()
    });
    let preset = Memo::new(move |_| {
        app.settings
            .with(|settings| settings.pretrain.preset.clone())
    });
    let words =
        move || estimates.with(|estimates| estimates.get(&preset.get()).copied().map(words));
    view! {
        <div class="start">
            <button
                type="button"
                data-testid="estimate"
                disabled=move || reason.get().is_some()
                on:click=move |_| app.estimate([preset.get_untracked().as_str()], true)
            >
                {tr!("How long would this take here?")}
            </button>
            <p class="help" aria-live="polite" data-testid="estimate-result">{words}</p>
        </div>
    }
    .into_any()
}

fn words(estimate: Estimate) -> String {
    let Estimate {
        parameters,
        bytes: memory,
        steps,
        tokens_per_step,
        ..
    } = estimate;
    let (size, memory, count) = (
        wording::parameters(parameters),
        bytes(memory),
        wording::steps(steps),
    );
    let tokens = wording::tokens(tokens_per_step);
    match run_time(&estimate) {
        // Of a time that was asked for, nobody knows the steps before some were tried.
        Some(time) if steps == 0 => tr!(
            "{size}, about {memory} of memory, for {time}.",
            size,
            memory,
            time
        ),
        Some(time) => tr!(
            "{size}, about {memory} of memory, {count} of {tokens}: about {time}, as a few steps just showed.",
            size,
            memory,
            count,
            tokens,
            time
        ),
        None if estimate.tried => tr!(
            "{size}, about {memory} of memory, {count} of {tokens}: too large to try out here.",
            size,
            memory,
            count,
            tokens
        ),
        None => tr!(
            "{size}, about {memory} of memory, {count} of {tokens}.",
            size,
            memory,
            count,
            tokens
        ),
    }
}
