//! Runs: the runs of this tab and those stored earlier, with sharing, storage, and export
//! and import of models.

mod actions;
mod models;
mod note;
mod share_link;
mod shown;
mod storage;

use super::loss_chart::LossPanel;
use crate::chart::scene::RUN_INKS;
use crate::context::app;
use crate::focus;
use crate::share::MAX_RUNS;
use crate::state::{Column, Run, RunOrder, RunState, StateSlice};
use crate::tr;
use crate::wording::grouped;
use crate::workspace::{Fold, OnlyIn, Panel, Section, Step, View};
use actions::{Actions, NameField};
use leptos::prelude::*;
use models::Models;
use note::NoteField;
pub use share_link::CopyOut;
use shown::{Shown, shown};
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
    let order = RwSignal::new(RunOrder::default());
    let ids = Memo::new(move |_| {
        let (order, skipped) = (order.get(), earlier.get());
        app.read(&[StateSlice::Runs, StateSlice::Progress], |state| {
            state.run_ids(order, skipped)
        })
    });
    view! {
        <div id="runs-table" class="scroll" role="region" aria-label=tr!("Table of runs") tabindex="0">
            <table class="wide-table" data-testid="runs">
                <thead>
                    <tr>
                        <SortedBy column=Column::Start name=tr!("Run") order />
                        <SortedBy column=Column::Size name=tr!("Size") order />
                        <SortedBy column=Column::Result name=tr!("Result") order />
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

/// The head of a column, which sorts the table.
#[component]
fn SortedBy(column: Column, name: String, order: RwSignal<RunOrder>) -> impl IntoView {
    let sort = move || match order.get() {
        order if order.column != column => "none",
        order if order.is_reversed => "descending",
        _ => "ascending",
    };
    let press = move |_| order.update(|order| *order = order.pressed(column));
    view! {
        <th scope="col" aria-sort=sort>
            <button type="button" class="sort" on:click=press>{name}</button>
        </th>
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
                <span class="help origin" hidden=move || !row.with(|row| row.is_pinned)>{tr!("pinned")}</span>
                <span class="help origin">{move || row.with(|row| row.origin.clone())}</span>
                <span class="help run-settings">{move || field(|row| row.settings.clone())}</span>
                <NoteField row />
            </th>
            <td data-label=tr!("Size")>{move || field(|row| row.size.clone())}</td>
            <td data-label=tr!("Result")>
                {move || field(|row| row.result.clone())}
                <span class="help origin">{move || row.with(|row| row.against.clone())}</span>
            </td>
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
