//! The loss chart of all pre-training runs, with its legend and its table.

use crate::chart::loss::{Floors, LossSeries, loss_rows, loss_scene, loss_summary};
use crate::chart::scene::RUN_INKS;
use crate::chart::view::ChartView;
use crate::lab::lab;
use crate::page::Dark;
use crate::state::{Run, RunState, Topic};
use crate::wording::{figure, grouped, percent};
use leptos::prelude::*;
use protocol::Phase;
use wasm_bindgen::JsCast;
use web_sys::HtmlDetailsElement;

/// The loss of every pre-training run, as a picture, in words and as a table.
#[component]
pub fn LossChart() -> impl IntoView {
    let lab = lab();
    let Dark(dark) = expect_context::<Dark>();
    let changed = Signal::derive(move || {
        dark.track();
        lab.read(&[Topic::Runs, Topic::Progress], |_| ());
    });
    let summary = lab.memo(&[Topic::Runs, Topic::Progress], |state| with_series(state, loss_summary));
    view! {
        <figure>
            <div class="chart-frame">
                <ChartView
                    testid="loss-chart"
                    summary=summary.into()
                    changed=changed
                    scene=move |size| lab.peek(|state| with_series(state, |series| loss_scene(series, size)))
                />
            </div>
            <figcaption>
                <LossLegend />
                <p class="help">"Thin: as measured. Thick: smoothed. Dots: text held out from training."</p>
            </figcaption>
        </figure>
        <LossTable />
    }
}

#[component]
fn LossLegend() -> impl IntoView {
    let lab = lab();
    let names = lab.memo(&[Topic::Runs], |state| state.runs_of(Phase::Pretrain).map(Run::name).collect::<Vec<_>>());
    let item = |(index, name): (usize, String)| {
        view! { <li><span class=format!("swatch run-{}", index % RUN_INKS)></span>{name}</li> }
    };
    view! { <ul class="legend">{move || names.get().into_iter().enumerate().map(item).collect_view()}</ul> }
}

#[component]
fn LossTable() -> impl IntoView {
    let lab = lab();
    let open = RwSignal::new(false);
    let rows = Memo::new(move |_| match open.get() {
        true => lab.read(&[Topic::Runs, Topic::Progress], |state| with_series(state, loss_rows)),
        false => vec![],
    });
    let held_out = lab.memo(&[Topic::Runs], held_out_rows);
    let names = lab.memo(&[Topic::Runs], |state| state.runs_of(Phase::Pretrain).map(Run::name).collect::<Vec<_>>());
    let head = |name: String| view! { <th scope="col" class="number">{name}</th> };
    let cell = |loss: Option<f64>| view! { <td class="number">{loss.map_or("–".into(), |loss| figure(loss, 3))}</td> };
    let row = move |(step, losses): (u64, Vec<Option<f64>>)| {
        view! {
            <tr>
                <th scope="row" class="number">{grouped(step)}</th>
                {losses.into_iter().map(cell).collect_view()}
            </tr>
        }
    };
    view! {
        <details on:toggle=move |event| open.set(is_open(&event))>
            <summary>"Show the loss as a table"</summary>
            <div class="scroll tall" role="region" aria-label="Loss by step" tabindex="0">
                <table>
                    <thead>
                        <tr>
                            <th scope="col" class="number">"Step"</th>
                            {move || names.get().into_iter().map(head).collect_view()}
                        </tr>
                    </thead>
                    <tbody>{move || rows.get().into_iter().map(row).collect_view()}</tbody>
                </table>
                <ul class="plain">
                    {move || held_out.get().into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}
                </ul>
            </div>
        </details>
    }
}

fn is_open(event: &web_sys::Event) -> bool {
    let details = event.target().and_then(|target| target.dyn_into::<HtmlDetailsElement>().ok());
    details.is_some_and(|details| details.open())
}

fn held_out_rows(state: &RunState) -> Vec<String> {
    let line = |run: &Run| {
        let name = run.name();
        let words = run.held_out.iter().map(move |quality| {
            let (step, loss) = (grouped(quality.step), figure(quality.loss, 3));
            format!("{name}, held out at step {step}: loss {loss}, {} right", percent(quality.accuracy))
        });
        words.collect::<Vec<_>>()
    };
    state.runs_of(Phase::Pretrain).flat_map(line).collect()
}

/// Lays the pre-training runs out as the chart needs them.
fn with_series<T>(state: &RunState, draw: impl FnOnce(&[LossSeries]) -> T) -> T {
    let series = state.runs_of(Phase::Pretrain).enumerate().map(|(ink, run)| LossSeries {
        name: run.name(),
        curve: &run.curve,
        held_out: run.held_out.iter().map(|quality| (quality.step, quality.loss)).collect(),
        floors: run.plan.as_ref().map(|plan| Floors {
            uniform: plan.uniform,
            unigram: plan.unigram,
            bigram: plan.bigram,
        }),
        steps: run.plan.as_ref().map_or(0, |plan| plan.steps),
        ink,
    });
    draw(&series.collect::<Vec<_>>())
}
