//! The navigation: one entry per step, with its status.

use super::{Step, View, status, workspace};
use crate::context::app;
use crate::language::translated;
use crate::state::StateSlice;
use crate::tr;
use crate::wording::grouped;
use leptos::prelude::*;
use web_sys::MouseEvent;

/// State slices that the descriptions of the steps depend on.
const TOPICS: &[StateSlice] = &[
    StateSlice::Corpus,
    StateSlice::Runs,
    StateSlice::Progress,
    StateSlice::Masking,
    StateSlice::Answers,
    StateSlice::Engine,
];

/// Entries of all steps. On a narrow screen they are a tab bar, whose last tab shows the rest.
#[component]
pub fn StepList() -> impl IntoView {
    let shows_rest = RwSignal::new(false);
    let entry = move |step: Step| view! { <Entry step shows_rest /> };
    view! {
        <nav class="steps" class:open=shows_rest aria-label=tr!("Steps")>
            <ol>{Step::ALL.map(entry).collect_view()}</ol>
            <button
                type="button"
                class="quiet more-steps"
                data-testid="more-steps"
                aria-expanded=move || shows_rest.get().to_string()
                on:click=move |_| shows_rest.update(|shows| *shows = !*shows)
            >
                {tr!("More")}
            </button>
        </nav>
    }
    .into_any()
}

#[component]
fn Entry(step: Step, shows_rest: RwSignal<bool>) -> impl IntoView {
    let workspace = workspace();
    let app = app();
    let of_state = app.memo(TOPICS, move |state| status(state, step));
    let words = move || match step {
        Step::Label => {
            let count = app.annotations.with(|annotations| annotations.len() as u64);
            (count > 0).then(|| tr!("{count} given", count = grouped(count)))
        }
        _ => of_state.get(),
    };
    let is_open = move || workspace.step.get() == step && workspace.view.get() == View::Steps;
    let open = move |event: MouseEvent| {
        // With a modifier the browser opens another tab.
        if !event.ctrl_key() && !event.meta_key() && !event.shift_key() {
            shows_rest.set(false);
            if workspace.view.get_untracked() == View::Steps {
                event.prevent_default();
                workspace.go(step);
            }
        }
    };
    view! {
        <li class:numbered=step.is_numbered()>
            <a
                href=format!("#{}", step.anchor())
                data-testid=step.nav_testid()
                aria-current=move || is_open().then_some("step")
                on:click=open
            >
                <span class="step-title">{translated(step.title())}</span>
                " "
                <span class="step-status">{words}</span>
            </a>
        </li>
    }
}
