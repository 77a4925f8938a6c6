//! The page header: name, tagline, compute device, navigation, language and theme.

use crate::context::app;
use crate::language::{LANGUAGES, Language};
use crate::locale::{Locale, speak};
use crate::localize_message::localize_message;
use crate::state::{Engine, RunState, StateSlice};
use crate::theme::{self, Dark};
use crate::tr;
use crate::wording::sentence;
use crate::workspace::{KeySheet, StepList, View, workspace};
use gloo::events::EventListener;
use leptos::prelude::*;
use protocol::DeviceInfo;
use web_sys::Event;

/// The header of the page.
#[component]
pub fn Header() -> impl IntoView {
    view! {
        <header class="masthead">
            <div class="masthead-row">
                <h1>"Clozelab"</h1>
                <p class="tagline">{tr!("Train a small BERT on your own text. Nothing leaves this tab.")}</p>
                <div class="masthead-buttons">
                    <UpdateButton />
                    <PresentButton />
                    <ViewButton />
                    <LanguageChoice />
                    <ThemeButton />
                    <KeySheet />
                </div>
            </div>
            <Device />
            <StepList />
        </header>
    }
    .into_any()
}

/// Reloads the page with a new version, once `boot.js` has stored one.
#[component]
fn UpdateButton() -> impl IntoView {
    let app = app();
    // `boot.js` may have found it before this button was mounted.
    let root = document().document_element();
    let is_ready = RwSignal::new(root.is_some_and(|root| root.has_attribute("data-update")));
    let found = EventListener::new(&window(), "clozelab-update", move |_| is_ready.set(true));
    let refused = EventListener::new(&window(), "clozelab-update-refused", move |_| {
        app.show_error(
            tr!("Another tab uses the present version."),
            tr!("Close the other tabs of this page, then press the button again."),
        );
    });
    let listeners = StoredValue::new_local(Some([found, refused]));
    on_cleanup(move || _ = listeners.try_update_value(Option::take));
    let is_busy = app.memo(
        &[StateSlice::Runs, StateSlice::Progress],
        RunState::is_at_work,
    );
    let apply = |_| {
        if let Ok(event) = Event::new("clozelab-apply-update") {
            window().dispatch_event(&event).unwrap_or_default();
        }
    };
    view! {
        <button
            type="button"
            class="primary"
            data-testid="update"
            hidden=move || !is_ready.get()
            disabled=is_busy
            on:click=apply
        >
            {tr!("New version: reload")}
        </button>
    }
}

/// Turns presenting mode on and off; while it is on, two further buttons turn to another panel.
#[component]
fn PresentButton() -> impl IntoView {
    let workspace = workspace();
    let is_on = workspace.presenting;
    let turn = move |forward: bool, words: String, sign: &'static str| {
        view! {
            <button
                type="button"
                class="quiet"
                aria-label=words.clone()
                title=words
                hidden=move || !is_on.get()
                on:click=move |_| workspace.turn(forward)
            >
                {sign}
            </button>
        }
    };
    view! {
        {turn(false, tr!("Previous panel"), "←")}
        {turn(true, tr!("Next panel"), "→")}
        <button
            type="button"
            class="quiet"
            data-testid="present"
            aria-pressed=move || is_on.get().to_string()
            hidden=move || workspace.view.get() == View::Page
            on:click=move |_| workspace.toggle_presenting()
        >
            {move || if is_on.get() { tr!("Stop presenting") } else { tr!("Present") }}
        </button>
    }
}

/// Switches between one step at a time and everything on one page.
#[component]
fn ViewButton() -> impl IntoView {
    let workspace = workspace();
    let switch = move |_| workspace.choose(workspace.view.get_untracked().other());
    view! {
        <button type="button" class="quiet" data-testid="view" on:click=switch>
            {move || match workspace.view.get() {
                View::Steps => tr!("One page"),
                View::Page => tr!("Steps"),
            }}
        </button>
    }
}

#[component]
fn Device() -> impl IntoView {
    let app = app();
    let engine = app.memo(&[StateSlice::Engine], |state| state.engine.clone());
    let workers = move || workers(&engine.get());
    let kind = move || match engine.get() {
        Engine::Loading => "waiting",
        Engine::Ready(_) => "ready",
        Engine::Crashed => "crashed",
    };
    view! {
        <p class="device" data-testid="device" data-state=kind>
            <span class="chip">{move || device_name(&engine.get())}</span>
            " "
            <span class="device-reason" data-testid="workers" data-value=workers hidden=move || workers() < 2>
                {move || tr!("up to {count} workers", count = workers())}
            </span>
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

/// Returns the number of workers that compute on the CPU; 0 on a GPU.
fn workers(engine: &Engine) -> u32 {
    match engine {
        Engine::Ready(device) => device.workers,
        _ => 0,
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
            speak(app, locale, language);
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
        <button type="button" class="quiet" data-testid="theme" on:click=switch>
            {move || if dark.get() { tr!("Light theme") } else { tr!("Dark theme") }}
        </button>
    }
}
