//! The step of labelling: the document with a button and a key for each label, the labels given so
//! far, and suspicious labels.

use super::given_labels::GivenLabels;
use super::map::DocumentMap;
use super::progress::LabellingProgress;
use super::queue::{LabellingQueue, to_json_lines};
use super::session::{LabellingSession, SAMPLERS};
use super::suspects::Suspects;
use crate::context::app;
use crate::focus;
use crate::state::{RunState, StateSlice};
use crate::tr;
use crate::wording::grouped;
use crate::workspace::{Panel, Section, Step, View, keys, workspace};
use gloo::events::{EventListener, EventListenerOptions};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;

/// Number of labels that have a key.
const KEYS: usize = 9;
/// Maximum number of label buttons.
const MAX_BUTTONS: usize = 60;

/// The step of labelling.
#[component]
pub fn LabelPanel() -> impl IntoView {
    let session: LabellingSession = expect_context();
    listen(session);
    let panels = view! {
        <Panel id="document" title=tr!("Document to label")>
            <CurrentDocument session />
        </Panel>
        <Panel id="document-map" title=tr!("Map of the documents") note=tr!("similar documents are near each other")>
            <DocumentMap session />
        </Panel>
        <Panel id="given-labels" title=tr!("Labels given") note=tr!("by hand, in this browser")>
            <LabellingProgress session />
            <GivenLabels />
        </Panel>
        <Panel
            id="suspicious"
            title=tr!("Suspicious labels")
            note=tr!("labels that a classifier disagrees with")
        >
            <Suspects session />
        </Panel>
    };
    view! {
        <Section
            step=Step::Label
            lead=tr!("Label each document with one key. Labels are saved in this browser as you go, and are used the next time you fine-tune.")
            shape="four"
            action=view! { <Start session /> }.into_any()
            panels=panels.into_any()
        >
            <Settings session />
        </Section>
    }
    .into_any()
}

/// Gives labels by key while the step is open and nothing is typed.
fn listen(session: LabellingSession) {
    let workspace = workspace();
    let options = EventListenerOptions::enable_prevent_default();
    let listener = EventListener::new_with_options(&window(), "keydown", options, move |event| {
        let Some(event) = event.dyn_ref::<KeyboardEvent>() else {
            return;
        };
        let is_open = workspace.view.get_untracked() == View::Steps
            && workspace.step.get_untracked() == Step::Label;
        let is_taken = event.default_prevented() || event.repeat() || keys::is_modified(event);
        if is_open && !is_taken && keys::are_on() && !keys::is_on(event, keys::INPUTS) {
            press(session, event);
        }
    });
    let listener = StoredValue::new_local(Some(listener));
    on_cleanup(move || _ = listener.try_update_value(Option::take));
}

fn press(session: LabellingSession, event: &KeyboardEvent) {
    let key = event.key();
    let place = key.parse::<usize>().ok().and_then(|key| key.checked_sub(1));
    let label = place.and_then(|place| {
        session
            .labels
            .with_untracked(|labels| labels.iter().take(KEYS).nth(place).cloned())
    });
    match (label, key.as_str()) {
        (Some(label), _) => session.press(&label),
        (None, "Enter") if !keys::is_on(event, keys::PRESSED) => session.confirm(),
        (None, "s") => session.skip(),
        (None, "u" | "Backspace") => session.undo(),
        _ => return,
    }
    event.prevent_default();
}

/// The button that proposes the first documents, or why it is disabled.
#[component]
fn Start(session: LabellingSession) -> impl IntoView {
    let app = app();
    let reason = app.memo(
        &[
            StateSlice::Corpus,
            StateSlice::Engine,
            StateSlice::Runs,
            StateSlice::Progress,
        ],
        |state| match &state.corpus {
            None => Some(tr!("No text has been read yet.")),
            Some(_) if state.active().is_some() => Some(tr!("Training is running.")),
            Some(_) => None,
        },
    );
    let is_started = move || session.queue.with(|queue| !queue.is_empty());
    view! {
        <div class="start">
            <button
                type="button"
                class="large"
                class:primary=move || !is_started()
                data-testid="label-start"
                disabled=move || reason.with(Option::is_some)
                on:click=move |_| session.propose_others()
            >
                {move || if is_started() { tr!("Propose other documents") } else { tr!("Start labelling") }}
            </button>
            <p class="help">{move || reason.get().unwrap_or_default()}</p>
        </div>
    }
}

/// The document with its choices.
#[component]
fn CurrentDocument(session: LabellingSession) -> impl IntoView {
    let queue = session.queue;
    let is_empty = move || queue.with(LabellingQueue::is_empty);
    let place = move || {
        queue.with(|queue| {
            let document = queue.current()?;
            let (file, line) = (&document.file, document.line);
            Some(tr!("{file}, line {line}", file, line))
        })
    };
    let text = move || queue.with(|queue| Some(queue.current()?.text.replace('\t', " ⇥ ")));
    let button = move |(place, label): (usize, String)| {
        let chosen = label.clone();
        let is_chosen = move || {
            queue
                .with(|queue| queue.chosen().contains(&chosen))
                .to_string()
        };
        let (pressed, name) = (label.clone(), label.clone());
        let key = (place < KEYS).then(|| view! { <kbd>{place + 1}</kbd> " " });
        view! {
            <button
                type="button"
                class="label-choice"
                data-testid="label-choice"
                data-label=label
                aria-pressed=is_chosen
                on:click=move |_| session.press(&pressed)
            >
                {key} <bdi>{name}</bdi>
            </button>
        }
    };
    let can_undo = move || queue.with(LabellingQueue::can_undo);
    let buttons = move || {
        let labels = session.labels.get().into_iter().take(MAX_BUTTONS);
        labels.enumerate().map(button).collect_view()
    };
    let hint = move || {
        if session.is_searching.get() {
            tr!("Searching…")
        } else if can_undo() {
            tr!("No further document was found. Add the labels to the data to continue.")
        } else {
            tr!("Press Start labelling: documents without labels appear here, one at a time.")
        }
    };
    let is_multi = move || !session.is_single();
    let has_choice = move || queue.with(|queue| !queue.chosen().is_empty());
    view! {
        <p class="help" role="status" hidden=move || !is_empty()>{hint}</p>
        <div class="block" hidden=is_empty>
            <p class="label-line" data-testid="label-line" tabindex="-1" aria-live="polite">
                <bdi>{text}</bdi>
            </p>
            <p class="help">{place}</p>
            <div class="buttons" role="group" aria-label=tr!("Labels")>
                {buttons}
            </div>
            <NewLabel session />
        </div>
        <div class="buttons" hidden=move || is_empty() && !can_undo()>
            <button
                type="button"
                class="primary"
                hidden=move || !is_multi() || is_empty()
                disabled=move || !has_choice()
                on:click=move |_| session.confirm()
            >
                {tr!("Next")} " " <kbd>"Enter"</kbd>
            </button>
            <button type="button" hidden=is_empty on:click=move |_| session.skip()>
                {tr!("Skip")} " " <kbd>"s"</kbd>
            </button>
            <button
                type="button"
                data-testid="label-undo"
                disabled=move || !can_undo()
                on:click=move |_| session.undo()
            >
                {tr!("Undo")} " " <kbd>"u"</kbd>
            </button>
        </div>
    }
}

/// Adds a label that no document has yet.
#[component]
fn NewLabel(session: LabellingSession) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let add = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let label = typed.get_untracked().trim().to_string();
        if !label.is_empty() {
            session.labels.update(|labels| {
                if !labels.contains(&label) {
                    labels.push(label);
                }
            });
            typed.set(String::new());
        }
    };
    view! {
        <form class="ask" on:submit=add>
            <input
                type="text"
                autocomplete="off"
                maxlength="80"
                data-testid="new-label"
                aria-label=tr!("Another label")
                placeholder=tr!("Another label")
                prop:value=typed
                on:input=move |event| typed.set(event_target_value(&event))
            />
            <button type="submit">{tr!("Add")}</button>
        </form>
    }
}

/// How documents are chosen, and what to do with the labels.
#[component]
fn Settings(session: LabellingSession) -> impl IntoView {
    let app = app();
    let annotations = app.annotations;
    let count = move || annotations.with(|all| all.len() as u64);
    let is_busy = app.memo(
        &[StateSlice::Runs, StateSlice::Progress],
        RunState::is_at_work,
    );
    let save = move |_| app.save_text("labels.jsonl", &annotations.with_untracked(to_json_lines));
    let words = move || {
        let number = count();
        tr!(
            "{count} document labelled by hand" | "{count} documents labelled by hand" % number,
            count = grouped(number)
        )
    };
    let is_confirming = RwSignal::new(false);
    let forget = move |_| {
        let is_confirmed = is_confirming.get_untracked();
        is_confirming.set(!is_confirmed);
        if is_confirmed {
            session.forget();
            focus::on("[data-testid=label-start]");
        }
    };
    view! {
        <p data-testid="labelled-count" data-value=move || count().to_string()>
            {words}
        </p>
        <p class="warnings" role="alert" hidden=move || !session.is_refused.get()>
            {tr!("This browser could not store a label. Save the labels as a file before you close the page.")}
        </p>
        <SamplerField session />
        <label class="option">
            <input
                type="checkbox"
                prop:checked=move || !session.is_single()
                on:change=move |event| session.is_multi.set(Some(event_target_checked(&event)))
            />
            <span>{tr!("A document may have several labels")}</span>
        </label>
        <div class="buttons">
            <button
                type="button"
                data-testid="apply-labels"
                disabled=move || !session.is_dirty.get() || is_busy.get()
                on:click=move |_| session.apply()
            >
                {tr!("Add the labels to the data")}
            </button>
            <button type="button" data-testid="save-labels" disabled=move || count() == 0 on:click=save>
                {tr!("Save the labels as a file")}
            </button>
            <button
                type="button"
                disabled=move || count() == 0
                on:click=forget
                on:blur=move |_| is_confirming.set(false)
            >
                {move || if is_confirming.get() { tr!("Delete for good?") } else { tr!("Delete the labels") }}
            </button>
        </div>
    }
}

/// How documents are chosen.
#[component]
fn SamplerField(session: LabellingSession) -> impl IntoView {
    let has_classifier = app().memo(
        &[StateSlice::Runs, StateSlice::Engine, StateSlice::Answers],
        RunState::can_choose_documents,
    );
    let choose = move |event| {
        let name = event_target_value(&event);
        if session.sampler.get_untracked() != name {
            session.sampler.set(name);
            session.propose_others();
        }
    };
    let words = |name: &str| match name {
        "random" => tr!("random"),
        "rare" => tr!("likely rare labels"),
        "uncertain" => tr!("least certain"),
        _ => tr!("random, and likely rare labels"),
    };
    let option = |name: &'static str| {
        let needs_classifier = ["rare", "uncertain"].contains(&name);
        let is_off = move || needs_classifier && !has_classifier.get();
        view! { <option value=name disabled=is_off>{words(name)}</option> }
    };
    view! {
        <div class="field">
            <label for="sampler">{tr!("Documents to propose")}</label>
            <select id="sampler" prop:value=session.sampler on:change=choose>
                {SAMPLERS.map(option).collect_view()}
            </select>
            <p class="help">
                {tr!("Random documents keep the labels representative; the least certain ones do not.")}
            </p>
        </div>
    }
}
