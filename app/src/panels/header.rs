//! The page header: name, tagline, compute device, navigation, language and theme.

use super::tour::Tour;
use crate::context::app;
use crate::language::{LANGUAGES, Language, translated};
use crate::localize_message::localize_message;
use crate::mark;
use crate::page::{self, Dark, Locale};
use crate::state::{Engine, StateSlice};
use crate::theme;
use crate::tr;
use crate::wording::sentence;
use leptos::prelude::*;
use protocol::DeviceInfo;

/// Navigation entries: the anchor of each panel's section and its title.
const STEPS: [(&str, &str); 8] = [
    ("#data", mark!("Data")),
    ("#pretrain", mark!("Pre-train")),
    ("#finetune", mark!("Fine-tune")),
    ("#try", mark!("Try it")),
    ("#attention", mark!("Attention")),
    ("#review", mark!("Review")),
    ("#runs-panel", mark!("Runs")),
    ("#learn", mark!("Learn")),
];

/// The header of the page.
#[component]
pub fn Header() -> impl IntoView {
    view! {
        <header class="masthead">
            <div class="masthead-row">
                <h1>"Clozelab"</h1>
                <p class="tagline">{tr!("Train a small BERT on your own text. Nothing leaves this tab.")}</p>
                <div class="masthead-buttons">
                    <LanguageChoice />
                    <Tour />
                    <ThemeButton />
                </div>
            </div>
            <Device />
            <nav aria-label=tr!("Steps")>
                <ol>
                    {STEPS.into_iter().zip(1..).map(step).collect_view()}
                </ol>
            </nav>
        </header>
    }
    .into_any()
}

/// Returns a navigation entry, numbered as its section even if a link hides other sections.
fn step(((anchor, words), number): ((&'static str, &'static str), i32)) -> impl IntoView {
    view! { <li data-step=number.to_string()><a href=anchor>{translated(words)}</a></li> }
}

#[component]
fn Device() -> impl IntoView {
    let app = app();
    let engine = app.memo(&[StateSlice::Engine], |state| state.engine.clone());
    let kind = move || match engine.get() {
        Engine::Loading => "waiting",
        Engine::Ready(_) => "ready",
        Engine::Crashed => "crashed",
    };
    view! {
        <p class="device" data-testid="device" data-state=kind>
            <span class="chip">{move || device_name(&engine.get())}</span>
            " "
            <span class="device-reason">{move || device_reason(&engine.get())}</span>
            " "
            <span class="device-reason" data-testid="self-check" hidden=move || !is_checked(&engine.get())>
                {tr!("Self-check passed: a training step gave the same numbers as on the CPU.")}
            </span>
        </p>
    }
}

fn device_name(engine: &Engine) -> String {
    match engine {
        Engine::Loading => tr!("Engine is loading…"),
        Engine::Crashed => tr!("Engine has stopped"),
        Engine::Ready(DeviceInfo {
            backend,
            name,
            software,
            ..
        }) => {
            let kind = if backend == "cpu" { "CPU" } else { "WebGPU" };
            let name = if name.starts_with(kind) {
                name.clone()
            } else {
                format!("{kind} · {name}")
            };
            if *software {
                tr!("{name} (software adapter)", name)
            } else {
                name
            }
        }
    }
}

fn device_reason(engine: &Engine) -> String {
    match engine {
        Engine::Ready(device) => device
            .reason
            .as_ref()
            .map(|reason| sentence(&localize_message(reason)))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

fn is_checked(engine: &Engine) -> bool {
    matches!(engine, Engine::Ready(device) if device.self_check)
}

/// Language selector; each language is listed under its own name.
#[component]
fn LanguageChoice() -> impl IntoView {
    let (app, locale) = (app(), expect_context::<Locale>());
    let change = move |event| {
        if let Some(language) = Language::of(&event_target_value(&event)) {
            page::speak(app, locale, language);
        }
    };
    let option =
        |Language { tag, name, .. }: Language| view! { <option value=tag lang=tag>{name}</option> };
    view! {
        <select class="quiet" data-testid="language" aria-label=tr!("Language") prop:value=move || locale.wanted.get().tag on:change=change>
            {LANGUAGES.map(option).collect_view()}
        </select>
    }
}

#[component]
fn ThemeButton() -> impl IntoView {
    let Dark(dark) = expect_context::<Dark>();
    let switch = move |_| {
        let wanted = !dark.get_untracked();
        theme::choose(wanted);
        // Needed even if storage is denied, in which case the choice is not saved.
        dark.set(wanted);
    };
    view! {
        <button type="button" class="quiet" on:click=switch>
            {move || if dark.get() { tr!("Light theme") } else { tr!("Dark theme") }}
        </button>
    }
}
