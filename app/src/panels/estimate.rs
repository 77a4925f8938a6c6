//! What the run that is set up would take on this device, tried out before it is started.

use crate::lab::lab;
use crate::state::Topic;
use crate::wording::{bytes, counted, duration, grouped};
use leptos::prelude::*;
use protocol::Estimate;

/// A button and a sentence.
#[component]
pub fn EstimateLine() -> impl IntoView {
    let lab = lab();
    let reason = lab.memo(&[Topic::Engine, Topic::Corpus, Topic::Runs, Topic::Progress], |state| {
        state.reason_not_to_start(protocol::Phase::Pretrain, protocol::StartFrom::Scratch)
    });
    let estimate = lab.memo(&[Topic::Answers, Topic::Corpus], |state| state.estimate);
    // A changed setting makes what was said of the one before untrue.
    let settings = Memo::new(move |_| lab.settings.with(|settings| settings.pretrain.clone()));
    Effect::new(move |before: Option<protocol::RunConfig>| {
        let now = settings.get();
        if before.is_some_and(|before| before != now) {
            lab.forget_estimate();
        }
        now
    });
    view! {
        <div class="start">
            <button type="button" data-testid="estimate" disabled=move || reason.get().is_some() on:click=move |_| lab.estimate()>
                "How long would this take here?"
            </button>
            <p class="help" aria-live="polite" data-testid="estimate-result">{move || estimate.get().map(words)}</p>
        </div>
    }
    .into_any()
}

fn words(estimate: Estimate) -> String {
    let Estimate { parameters, bytes: memory, steps, tokens_per_step, step_secs } = estimate;
    let (size, memory, steps_words) = (counted(parameters, "parameter"), bytes(memory), counted(steps, "step"));
    let tokens = grouped(tokens_per_step);
    if step_secs <= 0.0 {
        return format!(
            "{size}, about {memory} of memory, {steps_words} of {tokens} tokens: too large to try out here."
        );
    }
    let time = duration(step_secs * steps as f64);
    format!(
        "{size}, about {memory} of memory, {steps_words} of {tokens} tokens: about {time}, as a few steps just showed."
    )
}
