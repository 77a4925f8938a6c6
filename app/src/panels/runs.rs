//! Runs: the runs of this tab and those stored earlier, with sharing, storage, and export
//! and import of models.

mod actions;
mod models;
mod share_link;
mod storage;

use super::loss_chart::LossPanel;
use crate::chart::scene::RUN_INKS;
use crate::context::app;
use crate::focus;
use crate::localize_message::localize_message;
use crate::share::MAX_RUNS;
use crate::state::{Run, RunState, Stage, StateSlice};
use crate::tr;
use crate::wording::{self, figure, grouped};
use crate::workspace::{Fold, OnlyIn, Panel, Section, Step, View};
use actions::{Actions, NameField};
use leptos::prelude::*;
use models::Models;
use protocol::Phase;
pub use share_link::CopyOut;
use storage::StorageLine;

/// The runs panel.
#[component]
pub fn RunsPanel() -> impl IntoView {
    view! {
        <Section
            step=Step::Runs
            shape="three"
            panels=view! { <Panels /> }.into_any()
            lead=tr!("This browser stores figures, models and checkpoints; your text only if you allowed it. A saved model opens on the command line and in Hugging Face transformers.")
        >
            <LinkToShown />
            <Models />
            <StorageLine />
        </Section>
    }
    .into_any()
}

#[component]
fn Panels() -> impl IntoView {
    view! {
        <Panel id="runs" title=tr!("Runs")>
            <RunTable />
        </Panel>
        <OnlyIn is_here=|view, step| view == View::Steps && step == Step::Runs><LossPanel /></OnlyIn>
        <Panel id="differences" title=tr!("Differences in settings") note=tr!("between the runs in the charts")>
            <Differences />
        </Panel>
    }
}

/// Number of runs, the newest ones, that the table shows at first: a browser may have stored
/// hundreds.
const MAX_FIRST_RUNS: usize = 50;

#[component]
fn RunTable() -> impl IntoView {
    let app = app();
    let count = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.runs.len()
    });
    let earlier = Memo::new(move |_| {
        if app.shows_all_runs.get() {
            0
        } else {
            count.get().saturating_sub(MAX_FIRST_RUNS)
        }
    });
    let ids = Memo::new(move |_| {
        let skipped = earlier.get();
        app.read(&[StateSlice::Runs, StateSlice::Progress], |state| {
            state
                .runs
                .iter()
                .skip(skipped)
                .map(|run| run.id.clone())
                .collect::<Vec<_>>()
        })
    });
    view! {
        <div id="runs-table" class="scroll" role="region" aria-label=tr!("Table of runs") tabindex="0">
            <table class="wide-table" data-testid="runs">
                <thead>
                    <tr>
                        <th scope="col">{tr!("Run")}</th>
                        <th scope="col">{tr!("Size")}</th>
                        <th scope="col">{tr!("Result")}</th>
                        <th scope="col">{tr!("State")}</th>
                        <th scope="col">{tr!("Actions")}</th>
                    </tr>
                </thead>
                <tbody>
                    <EarlierRuns earlier />
                    <For each=move || ids.get() key=String::clone children=move |id| view! { <Row id /> } />
                    <tr hidden=move || ids.with(|ids| !ids.is_empty())>
                        <td colspan="5">{tr!("No run yet.")}</td>
                    </tr>
                </tbody>
            </table>
        </div>
    }
}

/// A row with the button that shows the earlier runs, if there are any.
#[component]
fn EarlierRuns(earlier: Memo<usize>) -> impl IntoView {
    let app = app();
    let show = move |_| {
        app.shows_all_runs.set(true);
        // The focused button is removed.
        focus::on("#runs-table");
    };
    let words = move || {
        let number = earlier.get() as u64;
        tr!(
            "Show {count} earlier run" | "Show {count} earlier runs" % number,
            count = grouped(number)
        )
    };
    view! {
        <Show when=move || earlier.get() != 0>
            <tr>
                <td colspan="5">
                    <button type="button" data-testid="earlier-runs" on:click=show>{words}</button>
                </td>
            </tr>
        </Show>
    }
}

/// The data of a row.
#[derive(Clone, Default, PartialEq)]
struct Shown {
    swatch: Option<usize>,
    name: String,
    origin: Option<String>,
    settings: String,
    size: String,
    result: String,
    stage: String,
    shown: bool,
    own: bool,
    compared: bool,
    over: bool,
    key: String,
    kept: Option<u64>,
    saved: bool,
    resumes: bool,
    elsewhere: bool,
}

fn shown(state: &RunState, id: &str) -> Shown {
    let Some(run) = state.runs.iter().find(|run| run.id == id) else {
        return Shown::default();
    };
    let swatch = state
        .shown_of(Phase::Pretrain)
        .position(|other| other.id == id);
    Shown {
        swatch,
        name: run.name(),
        origin: state.origin_of(run),
        settings: if run.settings.is_empty() {
            "–".into()
        } else {
            run.settings.clone()
        },
        size: run
            .plan
            .as_ref()
            .map_or("–".into(), |plan| wording::parameters(plan.parameters)),
        result: run.result(),
        stage: match state.is_loaded(id) {
            true => tr!("{state}; its model is at hand", state = stage_words(run)),
            false => stage_words(run),
        },
        shown: run.shown,
        own: run.is_own(),
        compared: run.comparison.is_some(),
        over: run.stage.is_over(),
        key: run.key.clone(),
        kept: run.kept,
        saved: run.resume.saved.is_some() && run.stage != Stage::Finished,
        resumes: run.can_resume(),
        elsewhere: run.resume.elsewhere,
    }
}

#[component]
fn Row(id: String) -> impl IntoView {
    let app = app();
    let of = id.clone();
    let row = Memo::new(move |_| {
        // A finished run does not depend on the progress of the active one.
        let over = app.peek(|state| {
            state
                .runs
                .iter()
                .any(|run| run.id == of && run.stage.is_over())
        });
        let topics: &[StateSlice] = if over {
            &[StateSlice::Runs]
        } else {
            &[StateSlice::Runs, StateSlice::Progress]
        };
        app.read(topics, |state| shown(state, &of))
    });
    let field = move |take: fn(&Shown) -> String| row.with(take);
    let swatch = move || {
        row.with(|row| row.swatch)
            .map(|index| view! { <span class=format!("swatch run-{}", index % RUN_INKS)></span> })
    };
    let naming = RwSignal::new(false);
    let show = {
        let id = id.clone();
        move |event| app.show_run(&id, event_target_checked(&event))
    };
    let label = move || {
        tr!(
            "Show {name} in the charts",
            name = field(|row| row.name.clone())
        )
    };
    view! {
        <tr>
            <th scope="row">
                <input
                    type="checkbox"
                    aria-label=label
                    hidden=move || !row.with(|row| row.own)
                    prop:checked=move || row.with(|row| row.shown)
                    on:change=show
                />
                " "
                {swatch}
                <span hidden=naming>{move || field(|row| row.name.clone())}</span>
                <Show when=move || naming.get()>
                    <NameField row naming />
                </Show>
                <span class="help origin">{move || row.with(|row| row.origin.clone())}</span>
                <span class="help run-settings">{move || field(|row| row.settings.clone())}</span>
            </th>
            <td data-label=tr!("Size")>{move || field(|row| row.size.clone())}</td>
            <td data-label=tr!("Result")>{move || field(|row| row.result.clone())}</td>
            <td data-label=tr!("State")>{move || field(|row| row.stage.clone())}</td>
            <td><Actions id row naming /></td>
        </tr>
    }
}

/// Button for one link to all runs shown in the charts, such as both fine-tuning runs; an active
/// run is left out.
#[component]
fn LinkToShown() -> impl IntoView {
    let app = app();
    let runs = app.memo(&[StateSlice::Runs], |state| {
        let shown = state
            .runs
            .iter()
            .filter(|run| run.shown && run.is_own() && run.stage.is_over());
        let ids: Vec<String> = shown.map(|run| run.id.clone()).collect();
        if ids.len() > 1 { ids } else { vec![] }
    });
    let link = move |ids: Vec<String>| app.link_to(&ids);
    let words = tr!(
        "Copy one link to the runs in the charts ({most} at most)",
        most = MAX_RUNS
    );
    view! {
        <div class="row-actions">
            <CopyOut
                testid="share-shown"
                words
                what=tr!("Link with settings and curves")
                runs
                make=link
            />
        </div>
    }
}

/// Table of the settings in which the shown runs differ.
#[component]
fn Differences() -> impl IntoView {
    let app = app();
    let names = app.memo(&[StateSlice::Runs], |state| {
        state
            .runs
            .iter()
            .filter(|run| run.shown && run.is_own())
            .map(Run::name)
            .collect::<Vec<_>>()
    });
    let rows = app.memo(&[StateSlice::Runs], RunState::differences);
    let is_comparable = move || names.with(|names| names.len() > 1);
    let head = |name: String| view! { <th scope="col">{name}</th> };
    let cell = |value: Option<String>| view! { <td>{value.unwrap_or_else(|| tr!("default"))}</td> };
    let row = move |(key, values): (String, Vec<Option<String>>)| {
        view! { <tr><th scope="row">{key}</th>{values.into_iter().map(cell).collect_view()}</tr> }
    };
    view! {
        <p class="help" hidden=is_comparable>{tr!("Show at least two runs in the charts to compare their settings.")}</p>
        <Fold step=Step::Runs title=tr!("Differences in settings")>
            <div class="scroll" role="region" aria-label=tr!("Differences in the settings") tabindex="0" hidden=move || !is_comparable()>
                <table>
                    <thead><tr><th scope="col">{tr!("Setting")}</th>{move || names.get().into_iter().map(head).collect_view()}</tr></thead>
                    <tbody>
                        {move || rows.get().into_iter().map(row).collect_view()}
                        <tr hidden=move || rows.with(|rows| !rows.is_empty())><td>{tr!("They are the same.")}</td></tr>
                    </tbody>
                </table>
            </div>
        </Fold>
    }
}

fn stage_words(run: &Run) -> String {
    let steps = grouped(run.steps_done());
    if run.resume.elsewhere {
        return tr!("running in another tab, step {step}", step = steps);
    }
    let stage = stage_without_checkpoint(run, steps);
    match run.resume.saved {
        Some(step) if run.stage != Stage::Finished => {
            tr!("{stage}; saved at step {step}", stage, step = grouped(step))
        }
        _ => stage,
    }
}

fn stage_without_checkpoint(run: &Run, steps: String) -> String {
    match &run.stage {
        Stage::Requested | Stage::Started | Stage::Compiling(_) => tr!("preparing"),
        Stage::Running => tr!(
            "running, {share} %",
            share = figure((run.share() * 100.0).floor(), 0)
        ),
        Stage::Paused => tr!("paused at step {step}", step = steps),
        // A comparison has no step count of its own; its runs have.
        Stage::Finished if !run.is_own() || run.steps_done() == 0 => tr!("finished"),
        Stage::Stopped if !run.is_own() => tr!("stopped"),
        Stage::Finished => tr!("finished, {steps} steps", steps),
        Stage::Stopped => tr!("stopped at step {step}", step = steps),
        Stage::Failed(message) => {
            let message = localize_message(message);
            tr!("failed: {message}", message)
        }
    }
}
