//! The presets as cards with their sizes. Once measured, each card also shows the estimated time on
//! this device, and the largest one that is fast enough is suggested.

use super::estimate::reason_not_to_estimate;
use crate::context::{AppContext, app};
use crate::language::translated;
use crate::presets::{Card, GROUPS, Group, run_time, suggested};
use crate::state::{RunState, StateSlice};
use crate::tr;
use crate::wording::{bytes, parameters};
use leptos::prelude::*;
use protocol::{Estimate, RunConfig};

/// A card per preset; rarely used ones are collapsed.
#[component]
pub fn PresetCards() -> impl IntoView {
    let app = app();
    let [first, others @ ..] = GROUPS;
    let is_rare = app.settings.with_untracked(|settings| {
        !first
            .presets
            .iter()
            .any(|preset| preset.name == settings.pretrain.preset)
    });
    let reason = reason_not_to_estimate(app);
    let measuring = app.memo(
        &[StateSlice::Answers, StateSlice::Corpus],
        RunState::is_measuring,
    );
    let measure = move |_| app.estimate(first.presets.iter().map(|preset| preset.name), true);
    // Estimates depend on all settings except the preset: each preset has its own estimate.
    let settings = Memo::new(move |_| {
        app.settings.with(|settings| RunConfig {
            preset: String::new(),
            ..settings.pretrain.clone()
        })
    });
    Effect::new(move |before: Option<RunConfig>| {
        let now = settings.get();
        if before.is_some_and(|before| before != now) {
            app.forget_estimates();
        }
        // Sizes are cheap to compute, so they are requested without being asked for.
        if reason.with(Option::is_none) {
            let known = app.peek(|state| state.estimates.keys().cloned().collect::<Vec<_>>());
            let all = GROUPS
                .iter()
                .flat_map(|group| group.presets)
                .map(|preset| preset.name);
            app.estimate(
                all.filter(|name| !known.iter().any(|other| other == name)),
                false,
            );
        }
        now
    });
    let words = app.memo(&[StateSlice::Answers, StateSlice::Corpus], |state| {
        let titles = GROUPS[0].presets.iter();
        let name = suggested(&state.estimates)?;
        let title = titles
            .filter(|preset| preset.name == name)
            .map(|preset| translated(preset.title))
            .next()?;
        Some(tr!(
            "{model} is the largest that is done here in five minutes.",
            model = title
        ))
    });
    view! {
        <fieldset class="presets">
            <legend>{tr!("Model")}</legend>
            <p class="help">{tr!("Larger models learn more from more text, and take longer.")}</p>
            {group(app, first)}
            <details class="more" open=is_rare>
                <summary>{tr!("Other kinds: BERT as published, the sizes of 2018, without attention")}</summary>
                {others.map(|others| view! { <h3>{translated(others.title)}</h3> {group(app, others)} }).collect_view()}
            </details>
        </fieldset>
        <div class="start">
            <button type="button" data-testid="estimate-all" disabled=move || reason.get().is_some() || measuring.get() on:click=measure>
                {tr!("Measure these models on this device")}
            </button>
            <p class="help" aria-live="polite" data-testid="suggestion">{words}</p>
        </div>
    }
    .into_any()
}

fn group(app: AppContext, group: Group) -> AnyView {
    let cards = group
        .presets
        .iter()
        .map(|shown| card(app, *shown))
        .collect_view();
    view! { <div class="cards">{cards}</div> }.into_any()
}

fn card(app: AppContext, shown: Card) -> AnyView {
    let Card { name, title } = shown;
    let choose = move |_| {
        app.settings
            .update(|settings| settings.edit("preset", name).unwrap_or_default())
    };
    let chosen = move || {
        app.settings
            .with(|settings| settings.pretrain.preset == name)
    };
    let figures = app.memo(
        &[StateSlice::Answers, StateSlice::Corpus],
        move |state| match state.estimates.get(name) {
            _ if state.is_estimating(name) => Some("…".into()),
            estimate => estimate.map(figures_of),
        },
    );
    view! {
        <label class="card">
            <input type="radio" name="preset" value=name prop:checked=chosen on:change=choose />
            <span class="card-title">{translated(title)}</span>
            <span class="help">{shown.shape()}</span>
            <span class="card-figures">{figures}</span>
        </label>
    }
    .into_any()
}

fn figures_of(estimate: &Estimate) -> String {
    let too_large = estimate.tried.then(|| tr!("too large to try out here"));
    let costs = [
        Some(bytes(estimate.bytes)),
        run_time(estimate).or(too_large),
    ];
    format!(
        "{}\n{}",
        parameters(estimate.parameters),
        costs.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    )
}
