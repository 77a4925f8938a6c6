//! Estimate of the configured run on this device: its size, computed automatically, and its
//! duration, measured by running a few steps on request.

use crate::context::{AppContext, app};
use crate::presets::run_time;
use crate::state::StateSlice;
use crate::tr;
use crate::wording::{self, bytes};
use leptos::prelude::*;
use protocol::{Estimate, Phase, StartFrom};

/// Returns why no estimate can be made now; `None` if it can.
pub fn reason_not_to_estimate(app: AppContext) -> Memo<Option<String>> {
    app.memo(
        &[
            StateSlice::Engine,
            StateSlice::Corpus,
            StateSlice::Runs,
            StateSlice::Progress,
        ],
        |state| state.reason_not_to_start(Phase::Pretrain, StartFrom::Scratch),
    )
}

/// A button that estimates the duration for the selected preset, and the result.
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
        // For a length given as a time, the number of steps is unknown.
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
