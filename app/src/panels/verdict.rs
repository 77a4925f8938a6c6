//! The verdict on a finished run, with buttons for the suggested next steps.

use crate::context::{AppContext, app};
use crate::state::{Next, StateSlice, Verdict};
use crate::workspace::{Step, Workspace, workspace};
use leptos::prelude::*;
use protocol::{Phase, StartFrom};

/// The verdict on the last run of a phase.
#[component]
pub fn VerdictLine(
    /// The phase of the run.
    phase: Phase,
) -> impl IntoView {
    let (app, workspace) = (app(), workspace());
    let verdict = app.memo(
        &[StateSlice::Runs, StateSlice::Answers, StateSlice::Corpus],
        move |state| state.verdict(phase),
    );
    let can = move |step: Next| {
        app.read(
            &[
                StateSlice::Runs,
                StateSlice::Progress,
                StateSlice::Engine,
                StateSlice::Corpus,
            ],
            |state| match step {
                Next::GoOn => state
                    .reason_not_to_start(Phase::Pretrain, StartFrom::Scratch)
                    .is_none(),
                Next::Finetune => state
                    .reason_not_to_start(Phase::Finetune, StartFrom::Pretrained)
                    .is_none(),
                Next::OtherStart(from) => {
                    state.reason_not_to_start(Phase::Finetune, from).is_none()
                }
                Next::Review => state.reason_not_to_review().is_none(),
            },
        )
    };
    let (testid, next) = match phase {
        Phase::Pretrain => ("pretrain-verdict", "pretrain-next"),
        Phase::Finetune => ("finetune-verdict", "finetune-next"),
    };
    let button = move |step: Next, testid: Option<&'static str>| {
        view! {
            <button
                type="button"
                class:primary=testid.is_some()
                data-testid=testid
                disabled=move || !can(step)
                on:click=move |_| go(app, workspace, step)
            >
                {step.words()}
            </button>
        }
    };
    let line = move |Verdict {
                         sentence,
                         next: step,
                         also,
                     }: Verdict| {
        let buttons = [
            step.map(|step| button(step, Some(next))),
            also.map(|also| button(also, None)),
        ];
        view! { <p>{sentence}</p><div class="buttons">{buttons}</div> }
    };
    view! {
        <div class="verdict" data-testid=testid hidden=move || verdict.with(Option::is_none)>
            {move || verdict.get().map(line)}
        </div>
    }
    .into_any()
}

fn go(app: AppContext, workspace: Workspace, next: Next) {
    match next {
        Next::GoOn => app.pretrain(true),
        Next::Finetune => {
            workspace.go(Step::Finetune);
            app.start(Phase::Finetune);
        }
        Next::OtherStart(from) => {
            app.settings.update(|settings| {
                settings
                    .edit("finetune-from", from.name())
                    .unwrap_or_default()
            });
            app.baseline();
            app.start(Phase::Finetune);
        }
        Next::Review => {
            workspace.go(Step::Errors);
            app.review("valid");
        }
    }
}
