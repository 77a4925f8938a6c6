//! Keyboard shortcuts of the page, and the sheet that lists them. Single keys can be switched off,
//! as WCAG 2.2 (2.1.4) asks, since speech input may type them by mistake.

use super::context::is_shown;
use super::{Step, View, Workspace};
use crate::context::AppContext;
use crate::local_storage;
use crate::state::Stage;
use crate::tr;
use gloo::events::{EventListener, EventListenerOptions};
use leptos::html::Dialog;
use leptos::prelude::*;
use protocol::Command;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

/// Key under which it is stored that single keys are off.
const OFF_KEY: &str = "clozelab-keys-off";

/// Elements that take what is typed.
pub const INPUTS: &str =
    "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable=true], dialog";
/// Elements that Enter or the space bar presses or scrolls.
pub const PRESSED: &str = "button, a, summary, label, input, [role=button], [tabindex='0']";

/// Returns whether single keys are shortcuts.
pub fn are_on() -> bool {
    local_storage::get(OFF_KEY).is_none()
}

/// Returns whether the event's target is inside an element that matches `selector`.
pub fn is_on(event: &KeyboardEvent, selector: &str) -> bool {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.closest(selector).is_ok_and(|found| found.is_some()))
}

/// Returns whether the key belongs to the browser or the system.
pub fn is_modified(event: &KeyboardEvent) -> bool {
    event.ctrl_key() || event.meta_key() || event.alt_key()
}

/// Reacts to the shortcuts for as long as the page is open.
pub fn listen(app: AppContext, workspace: Workspace) {
    let options = EventListenerOptions::enable_prevent_default();
    EventListener::new_with_options(&window(), "keydown", options, move |event| {
        let Some(event) = event.dyn_ref::<KeyboardEvent>() else {
            return;
        };
        if !event.default_prevented() && press(app, workspace, event) {
            event.prevent_default();
        }
    })
    .forget();
}

/// Carries out a shortcut; returns whether the key was one.
fn press(app: AppContext, workspace: Workspace, event: &KeyboardEvent) -> bool {
    let is_in = |selector: &str| is_on(event, selector);
    let key = event.key();
    if key == "Enter" && (event.ctrl_key() || event.meta_key()) && !is_in("dialog") {
        return start(workspace);
    }
    if is_modified(event) || event.repeat() || is_in(INPUTS) {
        return false;
    }
    let is_in_steps = workspace.view.get_untracked() == View::Steps;
    match key.as_str() {
        "Escape" => return leave(workspace),
        "ArrowRight" | "ArrowLeft" if workspace.presenting.get_untracked() => {
            let is_taken = is_in(".chart-steps, .head-grid");
            if !is_taken {
                workspace.turn(key == "ArrowRight");
            }
            return !is_taken;
        }
        _ => {}
    }
    if !are_on() {
        return false;
    }
    match key.as_str() {
        "?" => open_sheet(),
        "p" if is_in_steps => workspace.toggle_presenting(),
        "f" if is_in_steps => workspace.turn(true),
        "v" => workspace.choose(workspace.view.get_untracked().other()),
        "." => return send(app, Command::Step { steps: 1 }),
        " " if !is_in(PRESSED) => return pause_or_resume(app),
        // There the digits give labels.
        _ if is_in_steps && workspace.step.get_untracked() == Step::Label => return false,
        _ => return open_step(workspace, &key),
    }
    true
}

/// Presses the start button of the open step.
fn start(workspace: Workspace) -> bool {
    let button = match workspace.step.get_untracked() {
        Step::Finetune => "start-finetune",
        Step::Data | Step::Pretrain | Step::Learn => "start-pretrain",
        _ => return false,
    };
    let button = format!("[data-testid={button}]:enabled:not(.withheld, .withheld *)");
    let button = document().query_selector(&button);
    let Some(button) = button.ok().flatten() else {
        return false;
    };
    button.unchecked_into::<HtmlElement>().click();
    true
}

/// Restores an enlarged panel and ends presenting mode.
fn leave(workspace: Workspace) -> bool {
    if workspace.presenting.get_untracked() {
        workspace.toggle_presenting();
        return true;
    }
    let is_enlarged = workspace.enlarged.get_untracked().is_some();
    workspace.enlarged.set(None);
    is_enlarged
}

fn send(app: AppContext, command: Command) -> bool {
    let is_active = app.peek(|state| state.active().is_some());
    if is_active {
        app.send(command);
    }
    is_active
}

fn pause_or_resume(app: AppContext) -> bool {
    let is_paused = app.peek(|state| state.active().is_some_and(|run| run.stage == Stage::Paused));
    send(
        app,
        if is_paused {
            Command::Resume
        } else {
            Command::Pause
        },
    )
}

/// Opens a step by its place in the navigation, without the entries that a link hides.
fn open_step(workspace: Workspace, key: &str) -> bool {
    let Some(place) = key.parse::<usize>().ok().and_then(|key| key.checked_sub(1)) else {
        return false;
    };
    let Some(step) = Step::ALL
        .into_iter()
        .filter(|step| is_shown(*step))
        .nth(place)
    else {
        return false;
    };
    workspace.go(step);
    true
}

/// Id of the sheet.
const SHEET: &str = "keys";

/// Opens the sheet of the shortcuts.
pub fn open_sheet() {
    let sheet = document().get_element_by_id(SHEET);
    if let Some(sheet) = sheet.and_then(|sheet| sheet.dyn_into::<web_sys::HtmlDialogElement>().ok())
        && !sheet.open()
    {
        sheet.show_modal().unwrap_or_default();
    }
}

/// The button that opens the sheet of the shortcuts, and the sheet.
#[component]
pub fn KeySheet() -> impl IntoView {
    let sheet = NodeRef::<Dialog>::new();
    let close = move |_| {
        if let Some(sheet) = sheet.get_untracked() {
            sheet.close();
        }
    };
    let is_on = RwSignal::new(are_on());
    let switch = move |event| {
        let on = event_target_checked(&event);
        if on {
            local_storage::remove(OFF_KEY);
        } else {
            local_storage::keep(OFF_KEY, "1");
        }
        is_on.set(on);
    };
    let row = |(key, words): (&'static str, String)| {
        let keys = key
            .split(' ')
            .map(|key| view! { <kbd>{key}</kbd> " " })
            .collect_view();
        view! { <tr><th scope="row">{keys}</th><td>{words}</td></tr> }
    };
    view! {
        <button type="button" class="quiet" data-testid="keys" aria-label=tr!("Help and keyboard shortcuts") title=tr!("Help and keyboard shortcuts") on:click=move |_| open_sheet()>
            "?"
        </button>
        <dialog id=SHEET class="sheet" node_ref=sheet aria-labelledby="keys-heading">
            <h2 id="keys-heading">{tr!("Keyboard shortcuts")}</h2>
            <table>
                <tbody>
                    {row(("1 … 9", tr!("Open a step, or assign a label in the Label step")))}
                    {row(("Ctrl+Enter", tr!("Start pre-training, or fine-tuning in its step")))}
                    {row(("Space", tr!("Pause or resume the run")))}
                    {row((".", tr!("Train one step, then pause")))}
                    {row(("f", tr!("Enlarge the next panel")))}
                    {row(("p", tr!("Present: one panel in large type")))}
                    {row(("← →", tr!("While presenting: the previous or the next panel")))}
                    {row(("Esc", tr!("Restore the panel, or stop presenting")))}
                    {row(("v", tr!("Switch between the steps and one page")))}
                    {row(("?", tr!("Show this list")))}
                </tbody>
            </table>
            <label class="option">
                <input type="checkbox" prop:checked=is_on on:change=switch />
                <span>{tr!("Single-key shortcuts")}</span>
            </label>
            <p class="help">
                {tr!("Your text, the model and its training stay in this tab: the page makes no request to any other place. The bundled definitions are from")}
                " " <a href="./bundle/LICENSE.wordnet">"WordNet 3.0"</a> ", Princeton University."
            </p>
            <div class="buttons">
                <button type="button" class="primary" on:click=move |_| close(())>{tr!("Close")}</button>
            </div>
        </dialog>
    }
    .into_any()
}
