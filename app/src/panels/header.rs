//! The head of the page: its name, what it is for, where it computes, and the theme.

use super::tour::Tour;
use crate::lab::lab;
use crate::page::Dark;
use crate::state::{Engine, Topic};
use crate::theme;
use gloo::events::EventListener;
use leptos::prelude::*;
use protocol::DeviceInfo;

/// The panels as steps; each anchor is a section's id.
const STEPS: [(&str, &str); 8] = [
    ("#data", "Data"),
    ("#pretrain", "Pre-train"),
    ("#finetune", "Fine-tune"),
    ("#try", "Try it"),
    ("#attention", "Attention"),
    ("#review", "Review"),
    ("#runs-panel", "Runs"),
    ("#learn", "Learn"),
];

/// Name, purpose, device, steps and theme.
#[component]
pub fn Header() -> impl IntoView {
    view! {
        <header class="masthead">
            <div class="masthead-row">
                <h1>"Clozelab"</h1>
                <p class="tagline">"Train a small BERT on your own text. Nothing leaves this tab."</p>
                <div class="masthead-buttons">
                    <Tour />
                    <ThemeButton />
                </div>
            </div>
            <Device />
            <nav aria-label="Steps">
                <ol>
                    {STEPS.map(|(anchor, words)| view! { <li><a href=anchor>{words}</a></li> }).collect_view()}
                </ol>
            </nav>
        </header>
    }
    .into_any()
}

#[component]
fn Device() -> impl IntoView {
    let lab = lab();
    let engine = lab.memo(&[Topic::Engine], |state| state.engine.clone());
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
        </p>
    }
}

fn device_name(engine: &Engine) -> String {
    match engine {
        Engine::Loading => "Engine is loading…".into(),
        Engine::Crashed => "Engine has stopped".into(),
        Engine::Ready(DeviceInfo { backend, name, software, .. }) => {
            let kind = if backend == "cpu" { "CPU" } else { "WebGPU" };
            let software = if *software { " (software adapter)" } else { "" };
            if name.starts_with(kind) { format!("{name}{software}") } else { format!("{kind} · {name}{software}") }
        }
    }
}

fn device_reason(engine: &Engine) -> String {
    match engine {
        Engine::Ready(device) => device.reason.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

#[component]
fn ThemeButton() -> impl IntoView {
    let Dark(dark) = expect_context::<Dark>();
    if let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") {
        EventListener::new(&query, "change", move |_| dark.set(theme::is_dark())).forget();
    }
    let switch = move |_| {
        theme::choose(!dark.get_untracked());
        dark.set(theme::is_dark());
    };
    view! {
        <button type="button" class="quiet" on:click=switch>
            {move || if dark.get() { "Light theme" } else { "Dark theme" }}
        </button>
    }
}
