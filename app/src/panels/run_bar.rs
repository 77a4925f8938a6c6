//! The run bar: metrics and controls of the current run, within reach on every part of the page.

use crate::context::{AppContext, app};
use crate::focus::{self, HOME};
use crate::state::{Progress, Run, Stage, StateSlice};
use crate::tr;
use crate::wording::{duration, figure, grouped, rate};
use leptos::prelude::*;
use protocol::Command;

/// Metrics and controls of the active run, or else of the last one.
#[component]
pub fn RunBar() -> impl IntoView {
    let app = app();
    let name = app.memo(&[StateSlice::Runs], |state| {
        state.in_reach().map_or_else(String::new, Run::name)
    });
    let stage = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.in_reach().map_or_else(String::new, stage_word)
    });
    let share = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.in_reach().map_or(0.0, Run::share)
    });
    // Hidden without a run, and once the metrics of the last one are dismissed.
    let latest = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        let run = state.in_reach()?;
        Some((run.id.clone(), state.active().is_none()))
    });
    let dismissed = RwSignal::new(None::<String>);
    let is_hidden = move || {
        latest.with(|latest| match latest {
            Some((run, true)) => dismissed.with(|dismissed| dismissed.as_ref() == Some(run)),
            Some((_, false)) => false,
            None => true,
        })
    };
    let is_over = move || latest.with(|latest| latest.as_ref().is_some_and(|(_, over)| *over));
    let dismiss = move |_| {
        dismissed.set(latest.get_untracked().map(|(run, _)| run));
        focus::on(HOME);
    };
    view! {
        <section class="run-bar" tabindex="-1" aria-label=tr!("Current run") hidden=is_hidden>
            <div class="run-bar-inner">
                <p class="run-name"><b>{name}</b>" "<span>{stage}</span></p>
                <Figures />
                <Controls />
                <button
                    type="button"
                    class="quiet"
                    data-testid="dismiss-run"
                    aria-label=tr!("Hide the run's metrics")
                    title=tr!("Hide the run's metrics")
                    hidden=move || !is_over()
                    on:click=dismiss
                >
                    "✕"
                </button>
            </div>
            <Silence />
            <progress aria-label=tr!("Share of the run that is done") max="1" prop:value=share></progress>
        </section>
    }
    .into_any()
}

/// Warns that the engine has stopped responding during a run, and offers to wait or to restart it.
#[component]
fn Silence() -> impl IntoView {
    let app = app();
    let silent = app.memo(&[StateSlice::Runs], |state| state.silent_secs);
    view! {
        <div class="silence" role="alert" hidden=move || silent.get().is_none()>
            <p>
                {move || silent.get().map(|secs| tr!("The engine has not answered for {secs} seconds.", secs))}
            </p>
            <button type="button" data-testid="wait-for-engine" on:click=move |_| app.wait_for_engine()>{tr!("Wait")}</button>
            <button type="button" class="primary" data-testid="restart-engine" on:click=move |_| app.replace_silent_engine()>
                {tr!("Restart engine")}
            </button>
        </div>
    }
}

fn stage_word(run: &Run) -> String {
    match run.stage {
        Stage::Requested | Stage::Started => tr!("preparing"),
        Stage::Compiling(_) => tr!("compiling"),
        Stage::Running => tr!("running"),
        Stage::Paused => tr!("paused"),
        Stage::Finished => tr!("finished"),
        Stage::Stopped => tr!("stopped"),
        Stage::Failed(_) => tr!("failed"),
    }
}

#[component]
fn Figures() -> impl IntoView {
    let app = app();
    let progress = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.in_reach().and_then(|run| run.progress)
    });
    let over = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.active().is_none()
    });
    let step = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.in_reach().map(steps)
    });
    let part = move |take: fn(Progress) -> f64| progress.get().map(take);
    // The remaining time of one run of a comparison is not that of the comparison.
    let is_own_run = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.in_reach().is_some_and(Run::is_own)
    });
    let time =
        move || part(|progress| progress.eta_secs).filter(|_| !over.get() && is_own_run.get());
    view! {
        <dl class="figures">
            <div>
                <dt>{tr!("Step")}</dt>
                <dd data-testid="step" data-value=move || step.get().map(|(done, _)| done.to_string())>
                    {move || step.get().map_or("–".into(), |(_, words)| words)}
                </dd>
            </div>
            <div>
                <dt>{tr!("Loss")}</dt>
                <dd data-testid="loss" data-value=move || part(|progress| progress.loss).map(|loss| loss.to_string())>
                    {move || part(|progress| progress.loss).map_or("–".into(), |loss| figure(loss, 3))}
                </dd>
            </div>
            <div>
                <dt>{tr!("Tokens/s")}</dt>
                <dd
                    data-testid="tokens-per-sec"
                    data-value=move || part(|progress| progress.tokens_per_sec).map(|speed| speed.to_string())
                >
                    {move || part(|progress| progress.tokens_per_sec).map_or("–".into(), rate)}
                </dd>
            </div>
            <div>
                <dt>{tr!("Time left")}</dt>
                <dd data-testid="eta" data-value=move || time().map(|secs| secs.to_string())>
                    {move || time().map_or("–".into(), duration)}
                </dd>
            </div>
        </dl>
    }
}

fn steps(run: &Run) -> (u64, String) {
    let done = run.steps_done();
    let words = match &run.plan {
        Some(plan) if plan.steps == 0 => "–".into(),
        Some(plan) => tr!(
            "{done} of {planned}",
            done = grouped(done),
            planned = grouped(plan.steps)
        ),
        None => grouped(done),
    };
    (done, words)
}

#[component]
fn Controls() -> impl IntoView {
    let app = app();
    let stage = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.active().map(|run| run.stage.clone())
    });
    let paused = move || stage.with(|stage| *stage == Some(Stage::Paused));
    let running = move || stage.with(|stage| stage.is_some()) && !paused();
    // When Pause or Resume becomes disabled, move the focus to its counterpart.
    Effect::new(move |before: Option<bool>| {
        let now = paused();
        if before.is_some_and(|before| before != now)
            && running() | now
            && focus::is_within(".controls")
        {
            let next = if now {
                "[data-testid=resume]"
            } else {
                "[data-testid=pause]"
            };
            request_animation_frame(move || focus::on(next));
        }
        now
    });
    // A finished run has no controls; the bar keeps showing its metrics.
    let over = Memo::new(move |_| stage.with(Option::is_none));
    Effect::new(move |before: Option<bool>| {
        if before == Some(false) && over.get() && focus::holds(".controls") {
            focus::on_in_place(".run-bar");
        }
        over.get()
    });
    view! {
        <div class="controls" hidden=over>
            {control(app, "pause", tr!("Pause"), Command::Pause, move || !running())}
            {control(app, "resume", tr!("Resume"), Command::Resume, move || !paused())}
            {control(app, "step-once", tr!("1 step"), Command::Step { steps: 1 }, move || !running() && !paused())}
            {control(app, "stop", tr!("Stop"), Command::Stop, move || !running() && !paused())}
        </div>
    }
}

fn control(
    app: AppContext,
    testid: &'static str,
    words: String,
    command: Command,
    off: impl Fn() -> bool + Send + 'static,
) -> impl IntoView {
    view! {
        <button type="button" data-testid=testid disabled=off on:click=move |_| app.send(command.clone())>
            {words}
        </button>
    }
}
