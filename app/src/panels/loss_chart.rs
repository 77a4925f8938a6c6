//! Charts of training runs: the pre-training loss of the first screen, the other metrics in the
//! pre-training panel, the loss as a table, and the curves of fine-tuning. The charts of a phase
//! share their view options and the cross-hair.

use super::picture::{PICTURE, PictureButtons};
use crate::chart::curve::Curve;
use crate::chart::loss::{
    EntropyBaselines, LossSeries, loss_readout, loss_rows, loss_scene, loss_summary,
};
use crate::chart::metric::{MetricSeries, metric_scene, metric_summary, readout};
use crate::chart::options::{Smoothing, ViewState};
use crate::chart::scene::{ColorRole, Key, RUN_INKS, Scene, Size};
use crate::chart::view::{ChartView, Steps};
use crate::chart_context::{ChartContext, plotting};
use crate::context::{AppContext, app};
use crate::language::translated;
use crate::mark;
use crate::state::{Run, RunState, StateSlice};
use crate::theme::Dark;
use crate::tr;
use crate::wording::{figure, grouped, percent};
use crate::workspace::{OnlyIn, Panel, in_steps, is_unfolded};
use leptos::prelude::*;
use protocol::Phase;

/// State slices that the charts depend on.
const TOPICS: &[StateSlice] = &[StateSlice::Runs, StateSlice::Progress];

/// The loss of the shown runs; in the step view with the other metrics, which stand below the
/// settings in the page view.
#[component]
pub fn LossPanel() -> impl IntoView {
    view! {
        <Panel id="loss" title=tr!("Loss") note=tr!("nats per masked token; lower is better")>
            <LossChart />
            <OnlyIn is_here=in_steps><Curves /></OnlyIn>
        </Panel>
    }
}

/// The loss chart of all shown pre-training runs, with its legend and readout.
#[component]
fn LossChart() -> impl IntoView {
    let app = app();
    let plotting = plotting();
    let summary = app.memo(TOPICS, |state| with_series(state, loss_summary));
    let words = move || {
        let step = plotting.cursor.get()?;
        Some(app.read(TOPICS, |state| {
            with_series(state, |series| loss_readout(series, step))
        }))
    };
    view! {
        <figure>
            <div class="chart-frame">
                <ChartView
                    testid="loss-chart"
                    summary=summary.into()
                    changed=changes(app)
                    steps=steps(app, Phase::Pretrain)
                    scene=Box::new(move |size| {
                        let view = plotting.look(size);
                        app.peek(|state| with_series(state, |series| loss_scene(series, &view)))
                    })
                />
            </div>
            <figcaption>
                <Legend phase=Phase::Pretrain />
                // Only one of the charts that share a cross-hair is a live region.
                <p class="help" aria-live="polite">
                    {move || words().unwrap_or_else(|| tr!("Thin line: raw. Thick line: smoothed. Dots: loss on held-out text."))}
                </p>
            </figcaption>
        </figure>
    }
    .into_any()
}

fn changes(app: AppContext) -> Signal<()> {
    let Dark(dark) = expect_context::<Dark>();
    Signal::derive(move || {
        dark.track();
        app.read(TOPICS, |_| ());
    })
}

fn steps(app: AppContext, phase: Phase) -> Steps {
    let last = app.memo(TOPICS, move |state| {
        state
            .shown_of(phase)
            .map(Run::axis)
            .max()
            .unwrap_or(0)
            .max(1) as f64
    });
    Steps {
        plotting: plotting(),
        last: last.into(),
    }
}

/// A metric with a chart of its own, and how to read its series from a run.
#[derive(Clone, Copy)]
struct Metric {
    title: &'static str,
    testid: &'static str,
    of: fn(&Run) -> MetricSeries<'_>,
}

const METRICS: [Metric; 4] = [
    Metric {
        title: mark!("Masked tokens guessed right, held out"),
        testid: "accuracy-chart",
        of: accuracy,
    },
    Metric {
        title: mark!("Learning rate"),
        testid: "lr-chart",
        of: |run| by_step(run, &run.lr),
    },
    Metric {
        title: mark!("Gradient norm"),
        testid: "grad-norm-chart",
        of: |run| by_step(run, &run.grad_norm),
    },
    Metric {
        title: mark!("Tokens per second"),
        testid: "speed-chart",
        of: |run| by_step(run, &run.speed),
    },
];

/// Metrics of fine-tuning; the F1 scores have a separate chart.
const FINETUNE_METRICS: [Metric; 4] = [
    Metric {
        title: mark!("Loss; dots: held out"),
        testid: "finetune-loss-chart",
        of: label_loss,
    },
    Metric {
        title: mark!("Learning rate"),
        testid: "finetune-lr-chart",
        of: |run| by_step(run, &run.lr),
    },
    Metric {
        title: mark!("Gradient norm"),
        testid: "finetune-grad-norm-chart",
        of: |run| by_step(run, &run.grad_norm),
    },
    Metric {
        title: mark!("Tokens per second"),
        testid: "finetune-speed-chart",
        of: |run| by_step(run, &run.speed),
    },
];

fn label_loss(run: &Run) -> MetricSeries<'_> {
    let valid = run.scores.iter().filter(|score| score.split != "test");
    MetricSeries {
        points: valid
            .map(|score| (score.step, score.metrics.loss))
            .collect(),
        ..by_step(run, &run.curve)
    }
}

fn by_step<'a>(run: &'a Run, curve: &'a Curve) -> MetricSeries<'a> {
    MetricSeries {
        name: run.name(),
        curve: Some(curve),
        points: vec![],
        steps: run.axis(),
        ink: 0,
    }
}

fn accuracy(run: &Run) -> MetricSeries<'_> {
    let points = run
        .held_out
        .iter()
        .map(|quality| (quality.step, quality.accuracy))
        .collect();
    MetricSeries {
        curve: None,
        points,
        ..by_step(run, &run.lr)
    }
}

fn with_metric<T>(
    state: &RunState,
    phase: Phase,
    metric: Metric,
    draw: impl FnOnce(&[MetricSeries]) -> T,
) -> T {
    let series = state
        .shown_of(phase)
        .enumerate()
        .map(|(ink, run)| MetricSeries {
            ink,
            ..(metric.of)(run)
        });
    draw(&series.collect::<Vec<_>>())
}

/// Charts of the pre-training metrics other than the loss, below the shared toolbar.
#[component]
pub fn Curves() -> impl IntoView {
    let app = app();
    let plotting = plotting();
    view! {
        <details class="more" data-testid="curves">
            <summary>{tr!("Curves: accuracy, learning rate, gradient, speed")}</summary>
            <Toolbar smoothing="smoothing">
                <button type="button" data-testid="export-csv" on:click=move |_| app.save_figures("csv")>"CSV"</button>
                <button type="button" data-testid="export-json" on:click=move |_| app.save_figures("json")>"JSON"</button>
                <PictureButtons
                    chart="loss-chart"
                    name="clozelab-loss"
                    title=tr!("Loss")
                    picture=move || picture(app, plotting)
                />
            </Toolbar>
            <p class="help">
                {tr!("These hold for the loss above too. Drag across a chart to zoom, double-click to show all; with the keyboard: arrows, Home, End, plus, minus, 0.")}
            </p>
            <div class="small-charts">{METRICS.map(|metric| view! { <MetricChart phase=Phase::Pretrain metric /> }).collect_view()}</div>
        </details>
    }
    .into_any()
}

/// Charts of the fine-tuning metrics by step.
#[component]
pub fn FinetuneCurves() -> impl IntoView {
    let app = app();
    let plotting = plotting();
    let [loss, ..] = FINETUNE_METRICS;
    view! {
        <details class="more" data-testid="finetune-curves">
            <summary>{tr!("Curves: loss, learning rate, gradient, speed")}</summary>
            <Toolbar smoothing="finetune-smoothing">
                <PictureButtons
                    chart=loss.testid
                    name="clozelab-finetune-loss"
                    title=translated(loss.title)
                    picture=move || metric_picture(app, plotting, Phase::Finetune, loss)
                />
            </Toolbar>
            <p class="help">
                {tr!("These hold for F1 above too. Drag across a chart to zoom, double-click to show all; with the keyboard: arrows, Home, End, plus, minus, 0.")}
            </p>
            <Legend phase=Phase::Finetune />
            <div class="small-charts">
                {FINETUNE_METRICS.map(|metric| view! { <MetricChart phase=Phase::Finetune metric /> }).collect_view()}
            </div>
        </details>
    }
    .into_any()
}

#[component]
fn MetricChart(phase: Phase, metric: Metric) -> impl IntoView {
    let app = app();
    let plotting = plotting();
    let title = move || translated(metric.title);
    let summary = app.memo(TOPICS, move |state| {
        with_metric(state, phase, metric, |series| {
            metric_summary(series, &title())
        })
    });
    let words = move || {
        let step = plotting.cursor.get()?;
        Some(app.read(TOPICS, |state| {
            with_metric(state, phase, metric, |series| readout(series, step))
        }))
    };
    view! {
        <figure>
            <div class="chart-frame">
                <ChartView
                    testid=metric.testid
                    summary=summary.into()
                    changed=changes(app)
                    steps=steps(app, phase)
                    scene=Box::new(move |size| {
                        let view = plotting.look(size);
                        app.peek(|state| with_metric(state, phase, metric, |series| metric_scene(series, &title(), &view)))
                    })
                />
            </div>
            <figcaption><p class="help">{words}</p></figcaption>
        </figure>
    }
}

/// Controls for smoothing, axes and zoom, followed by the export buttons.
#[component]
fn Toolbar(smoothing: &'static str, children: Children) -> impl IntoView {
    let plotting = plotting();
    let options = plotting.options;
    let option = move |(index, (smoothing, words)): (usize, (Smoothing, &'static str))| {
        let chosen = move || options.get().smoothing == smoothing;
        view! { <option value=index.to_string() prop:selected=chosen>{translated(words)}</option> }
    };
    let smooth = move |event| {
        let index: usize = event_target_value(&event).parse().unwrap_or(0);
        options.update(|options| options.smoothing = Smoothing::ALL[index.min(2)].0);
    };
    view! {
        <div class="toolbar">
            <label for=smoothing>{tr!("Smoothing")}</label>
            <select id=smoothing on:change=smooth>{Smoothing::ALL.into_iter().enumerate().map(option).collect_view()}</select>
            <label class="option">
                <input
                    type="checkbox"
                    prop:checked=move || options.get().log_x
                    on:change=move |event| options.update(|options| options.log_x = event_target_checked(&event))
                />
                <span>{tr!("Logarithmic steps")}</span>
            </label>
            <label class="option">
                <input
                    type="checkbox"
                    prop:checked=move || options.get().log_y
                    on:change=move |event| options.update(|options| options.log_y = event_target_checked(&event))
                />
                <span>{tr!("Logarithmic values")}</span>
            </label>
            <button
                type="button"
                disabled=move || options.get().stretch.is_none()
                on:click=move |_| options.update(|options| options.stretch = None)
            >
                {tr!("Show all steps")}
            </button>
            {children()}
        </div>
    }
}

/// Lays out the loss chart for export.
fn picture(app: AppContext, plotting: ChartContext) -> (Scene, Size) {
    let draw =
        |state: &RunState, view: &ViewState| with_series(state, |series| loss_scene(series, view));
    named_picture(app, plotting, Phase::Pretrain, draw)
}

/// Lays out the chart of a metric for export.
fn metric_picture(
    app: AppContext,
    plotting: ChartContext,
    phase: Phase,
    metric: Metric,
) -> (Scene, Size) {
    let title = translated(metric.title);
    let draw = |state: &RunState, view: &ViewState| {
        with_metric(state, phase, metric, |series| {
            metric_scene(series, &title, view)
        })
    };
    named_picture(app, plotting, phase, draw)
}

/// Lays out a chart for export, with a legend of its runs.
fn named_picture(
    app: AppContext,
    plotting: ChartContext,
    phase: Phase,
    draw: impl FnOnce(&RunState, &ViewState) -> Scene,
) -> (Scene, Size) {
    let view = ViewState {
        cursor: None,
        drag: None,
        ..plotting.look(PICTURE)
    };
    app.peek(|state| {
        let mut scene = draw(state, &view);
        let key = |(index, run): (usize, &Run)| Key {
            name: run.name(),
            ink: ColorRole::Run(index),
            dash: None,
        };
        let size = scene.add_legend(state.shown_of(phase).enumerate().map(key), PICTURE);
        (scene, size)
    })
}

/// Legend of run colours.
#[component]
fn Legend(phase: Phase) -> impl IntoView {
    let app = app();
    let names = app.memo(&[StateSlice::Runs], move |state| {
        state.shown_of(phase).map(Run::name).collect::<Vec<_>>()
    });
    let item = |(index, name): (usize, String)| {
        view! { <li><span class=format!("swatch run-{}", index % RUN_INKS)></span>{name}</li> }
    };
    view! { <ul class="legend">{move || names.get().into_iter().enumerate().map(item).collect_view()}</ul> }
}

/// The loss of all shown pre-training runs as a table, computed only while it is expanded.
#[component]
pub fn LossTable() -> impl IntoView {
    let app = app();
    let open = RwSignal::new(false);
    let rows = Memo::new(move |_| match open.get() {
        true => app.read(TOPICS, |state| with_series(state, loss_rows)),
        false => vec![],
    });
    let held_out = Memo::new(move |_| match open.get() {
        true => app.read(&[StateSlice::Runs], held_out_rows),
        false => vec![],
    });
    let names = app.memo(&[StateSlice::Runs], |state| {
        state
            .shown_of(Phase::Pretrain)
            .map(Run::name)
            .collect::<Vec<_>>()
    });
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
        <details on:toggle=move |event| open.set(is_unfolded(&event))>
            <summary>{tr!("Loss as a table")}</summary>
            <div class="scroll tall" role="region" aria-label=tr!("Loss by step") tabindex="0">
                <table>
                    <thead>
                        <tr>
                            <th scope="col" class="number">{tr!("Step")}</th>
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

/// Maximum number of evaluations listed per run, the newest ones: a long run has thousands, and the
/// chart shows them all.
const MAX_EVALUATIONS: usize = 40;

fn held_out_rows(state: &RunState) -> Vec<String> {
    let line = |run: &Run| {
        let name = run.name();
        let first = run.held_out.len().saturating_sub(MAX_EVALUATIONS);
        let words = run.held_out[first..].iter().map(move |quality| {
            let (step, loss, share) = (
                grouped(quality.step),
                figure(quality.loss, 3),
                percent(quality.accuracy),
            );
            tr!(
                "{run}, held out at step {step}: loss {loss}, {share} right",
                run = name,
                step,
                loss,
                share
            )
        });
        words.collect::<Vec<_>>()
    };
    state.shown_of(Phase::Pretrain).flat_map(line).collect()
}

/// Passes the series of the shown pre-training runs to `draw`.
fn with_series<T>(state: &RunState, draw: impl FnOnce(&[LossSeries]) -> T) -> T {
    let series = state
        .shown_of(Phase::Pretrain)
        .enumerate()
        .map(|(ink, run)| LossSeries {
            name: run.name(),
            curve: &run.curve,
            held_out: run
                .held_out
                .iter()
                .map(|quality| (quality.step, quality.loss))
                .collect(),
            entropy_baselines: run.plan.as_ref().map(|plan| EntropyBaselines {
                uniform: plan.uniform,
                unigram: plan.unigram,
                bigram: plan.bigram,
            }),
            steps: run.axis(),
            ink,
        });
    draw(&series.collect::<Vec<_>>())
}
