//! The models to choose from, as cards with their sizes. Once they were measured each says its time on this device, too, and one
//! of them is suggested.

use super::estimate::reason_not_to_estimate;
use crate::lab::{Lab, lab};
use crate::language::translated;
use crate::presets::{GROUPS, Group, Preset, run_time, suggested};
use crate::state::{RunState, Topic};
use crate::tr;
use crate::wording::{bytes, parameters};
use leptos::prelude::*;
use protocol::{Estimate, RunConfig};

/// A card per preset; those that are rarely wanted are folded.
#[component]
pub fn PresetCards() -> impl IntoView {
    let lab = lab();
    let [first, others @ ..] = GROUPS;
    let is_rare = lab.settings.with_untracked(|settings| {
        !first
            .presets
            .iter()
            .any(|preset| preset.name == settings.pretrain.preset)
    });
    let reason = reason_not_to_estimate(lab);
    let measuring = lab.memo(&[Topic::Answers, Topic::Corpus], RunState::is_measuring);
    let measure = move |_| lab.estimate(first.presets.iter().map(|preset| preset.name), true);
    // A changed setting makes what was said of the ones before untrue; another preset has an estimate of its own.
    let settings = Memo::new(move |_| {
        lab.settings.with(|settings| RunConfig {
            preset: String::new(),
            ..settings.pretrain.clone()
        })
    });
    Effect::new(move |before: Option<RunConfig>| {
        let now = settings.get();
        if before.is_some_and(|before| before != now) {
            lab.forget_estimates();
        }
        // Sizes cost nothing: they stand there before anybody asks.
        if reason.with(Option::is_none) {
            let known = lab.peek(|state| state.estimates.keys().cloned().collect::<Vec<_>>());
            let all = GROUPS
                .iter()
                .flat_map(|group| group.presets)
                .map(|preset| preset.name);
            lab.estimate(
                all.filter(|name| !known.iter().any(|other| other == name)),
                false,
            );
        }
        now
    });
    let words = lab.memo(&[Topic::Answers, Topic::Corpus], |state| {
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
            {group(lab, first)}
            <details class="more" open=is_rare>
                <summary>{tr!("Other kinds: BERT as published, the sizes of 2018, without attention")}</summary>
                {others.map(|others| view! { <h3>{translated(others.title)}</h3> {group(lab, others)} }).collect_view()}
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

fn group(lab: Lab, group: Group) -> AnyView {
    let cards = group
        .presets
        .iter()
        .map(|preset| card(lab, *preset))
        .collect_view();
    view! { <div class="cards">{cards}</div> }.into_any()
}

fn card(lab: Lab, Preset { name, title, shape }: Preset) -> AnyView {
    let choose = move |_| {
        lab.settings
            .update(|settings| settings.edit("preset", name).unwrap_or_default())
    };
    let chosen = move || {
        lab.settings
            .with(|settings| settings.pretrain.preset == name)
    };
    let figures = lab.memo(&[Topic::Answers, Topic::Corpus], move |state| {
        match state.estimates.get(name) {
            _ if state.is_estimating(name) => Some("…".into()),
            estimate => estimate.map(figures_of),
        }
    });
    view! {
        <label class="card">
            <input type="radio" name="preset" value=name prop:checked=chosen on:change=choose />
            <span class="card-title">{translated(title)}</span>
            <span class="help">{translated(shape)}</span>
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
