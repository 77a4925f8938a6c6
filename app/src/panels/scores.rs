//! Scores of fine-tuning: the F1 chart of all shown runs, the headline scores with their confidence
//! interval, and the latest scores by label.

use super::picture::{PICTURE, PictureButtons};
use crate::chart::f1::{
    F1Point, F1Series, METRICS, f1_keys, f1_readout, f1_scene, f1_summary, last_epoch,
};
use crate::chart::options::ViewState;
use crate::chart::scene::{DASHES, Scene, Size};
use crate::chart::view::{ChartView, Steps};
use crate::chart_context::{ChartContext, plotting};
use crate::context::{AppContext, app};
use crate::language::translated;
use crate::order;
use crate::plain_score::plain_score;
use crate::state::{Run, RunState, Score, StateSlice};
use crate::theme::Dark;
use crate::tr;
use crate::wording::{figure, grouped};
use crate::workspace::{Fold, Step};
use leptos::prelude::*;
use protocol::{LabelMetrics, Phase};

/// Maximum number of rows of the table by label.
const LABEL_ROWS: usize = 50;

/// Headline, confidence interval, F1 chart and table by label.
#[component]
pub fn Scores() -> impl IntoView {
    let app = app();
    let Dark(dark) = expect_context::<Dark>();
    let changed = Signal::derive(move || {
        dark.track();
        app.read(&[StateSlice::Runs], |_| ());
    });
    let summary = app.memo(&[StateSlice::Runs], |state| {
        f1_summary(&series(state), state.n_grams())
    });
    let plotting = plotting();
    let last = app.memo(&[StateSlice::Runs], |state| {
        last_epoch(&series(state)) * per_epoch(state).unwrap_or(1.0)
    });
    let words = move || {
        let step = plotting.cursor.get()?;
        app.read(&[StateSlice::Runs], |state| {
            f1_readout(&series(state), step)
        })
    };
    let has_breaks = app.memo(&[StateSlice::Runs], |state| {
        series(state).iter().any(F1Series::has_breaks)
    });
    let break_note = move || {
        has_breaks.get().then(|| {
            tr!("A line breaks where the next network of a classifier begins, and before the score of all parts together.")
        })
    };
    view! {
        <Headline />
        <Interval />
        <figure>
            <div class="chart-frame">
                <ChartView
                    testid="f1-chart"
                    summary=summary.into()
                    changed=changed
                    steps=Steps { plotting, last: last.into() }
                    scene=Box::new(move |size| app.peek(|state| scene(state, &plotting.look(size))))
                />
            </div>
            <figcaption>
                <Legend />
                <p class="help" aria-live="polite">{words}</p>
                <p class="help">{break_note}</p>
                <p class="help">
                    {tr!("Micro F1 weights every document equally; macro F1 weights every label equally, so rare labels matter more. Mean F1 is their average.")}
                </p>
            </figcaption>
        </figure>
        <div class="buttons">
            <button
                type="button"
                hidden=move || plotting.options.with(|options| options.stretch.is_none())
                on:click=move |_| plotting.options.update(|options| options.stretch = None)
            >
                {tr!("Show all epochs")}
            </button>
            <PictureButtons
                chart="f1-chart"
                name="clozelab-f1"
                title=tr!("F1")
                picture=move || picture(app, plotting)
            />
        </div>
    }
    .into_any()
}

/// Lays out the chart for export, with its legend.
fn picture(app: AppContext, plotting: ChartContext) -> (Scene, Size) {
    let view = ViewState {
        cursor: None,
        drag: None,
        ..plotting.look(PICTURE)
    };
    app.peek(|state| {
        let mut scene = scene(state, &view);
        let size = scene.add_legend(f1_keys(&series(state)), PICTURE);
        (scene, size)
    })
}

fn scene(state: &RunState, view: &ViewState) -> Scene {
    match per_epoch(state) {
        Some(steps) => f1_scene(&series(state), state.n_grams(), view, steps),
        // The steps per epoch are unknown, so the shared view options, which are in steps, do not
        // apply.
        None => f1_scene(
            &series(state),
            state.n_grams(),
            &ViewState::plain(view.size),
            1.0,
        ),
    }
}

/// Returns the steps per epoch of the latest run with scores, which relate the epoch axis to the
/// charts by step.
fn per_epoch(state: &RunState) -> Option<f64> {
    state
        .shown_of(Phase::Finetune)
        .filter_map(steps_of_epoch)
        .next_back()
}

/// Returns the steps per epoch of a run, from the step and the epoch of its last evaluation.
fn steps_of_epoch(run: &Run) -> Option<f64> {
    let last = run
        .scores
        .last()
        .filter(|score| score.step > 0 && score.epoch > 0.0)?;
    Some(last.step as f64 / last.epoch)
}

#[component]
fn Headline() -> impl IntoView {
    let app = app();
    let score = app.memo(&[StateSlice::Runs], |state| {
        latest(state).map(|(run, score)| (run.name(), score.clone()))
    });
    let value = move || {
        score.with(|score| {
            score
                .as_ref()
                .map(|(_, score)| score.metrics.mean_f1.to_string())
        })
    };
    let words = move || {
        score.get().map_or_else(
            || tr!("No scores yet."),
            |(run, score)| describe(&run, &score),
        )
    };
    view! { <p class="headline" data-testid="f1" data-value=value>{words}</p> }
}

/// 95 % confidence interval of the scores.
#[component]
fn Interval() -> impl IntoView {
    let app = app();
    let interval = app.memo(&[StateSlice::Runs], |state| {
        let (_, score) = latest(state)?;
        Some((score.metrics.interval?, score.metrics.n))
    });
    let plain = app.memo(&[StateSlice::Runs], |state| {
        let metrics = &latest(state)?.1.metrics;
        // Runs from links lack the share.
        let is_known = metrics.precision_at_1 > 0.0;
        is_known.then(|| plain_score(metrics.precision_at_1, metrics.n))?
    });
    let words = move || {
        let (interval, n) = interval.get()?;
        let [low, high] = interval.micro_f1.map(|value| figure(value, 3));
        let [macro_low, macro_high] = interval.macro_f1.map(|value| figure(value, 3));
        let documents = grouped(n);
        Some(tr!(
            "95 % interval for documents like these {documents}: micro F1 {low} to {high}, macro F1 {macro_low} to {macro_high}.",
            documents,
            low,
            high,
            macro_low,
            macro_high
        ))
    };
    view! {
        <p data-testid="plain-score" hidden=move || plain.with(Option::is_none)>{plain}</p>
        <p class="help" data-testid="interval" hidden=move || interval.with(Option::is_none)>{words}</p>
    }
}

fn describe(run: &str, score: &Score) -> String {
    let metrics = &score.metrics;
    let [mean, micro, macro_f1] =
        [metrics.mean_f1, metrics.micro_f1, metrics.macro_f1].map(|value| figure(value, 3));
    let figures = tr!(
        "Mean F1 {mean} · micro {micro} · macro {macro_f1}",
        mean,
        micro,
        macro_f1
    );
    let figures = match metrics.accuracy.map(|accuracy| figure(accuracy, 3)) {
        Some(accuracy) => tr!("{figures}, accuracy {accuracy}", figures, accuracy),
        None => figures,
    };
    let (documents, epoch) = (grouped(metrics.n), figure(score.epoch, 1));
    match score.split == "test" {
        // Links of earlier versions lack the number of documents.
        _ if metrics.n == 0 => tr!(
            "{figures}, after epoch {epoch} ({run})",
            figures,
            epoch,
            run
        ),
        // A classification layer fitted on a frozen encoder has no epochs.
        true if score.epoch == 0.0 => tr!(
            "{figures}, on {documents} test documents ({run})",
            figures,
            documents,
            run
        ),
        false if score.epoch == 0.0 => {
            tr!(
                "{figures}, on {documents} validation documents ({run})",
                figures,
                documents,
                run
            )
        }
        true => {
            tr!(
                "{figures}, on {documents} test documents after epoch {epoch} ({run})",
                figures,
                documents,
                epoch,
                run
            )
        }
        false => tr!(
            "{figures}, on {documents} validation documents after epoch {epoch} ({run})",
            figures,
            documents,
            epoch,
            run
        ),
    }
}

#[component]
fn Legend() -> impl IntoView {
    let app = app();
    let names = app.memo(&[StateSlice::Runs], |state| {
        series(state)
            .into_iter()
            .map(|run| run.name)
            .collect::<Vec<_>>()
    });
    let metric = |(index, name): (usize, &'static str)| {
        view! { <li><span class=format!("swatch metric-{index}")></span>{translated(name)}</li> }
    };
    let run = |(index, name): (usize, String)| {
        view! { <li><span class=format!("dash dash-{}", index % DASHES.len())></span>{name}</li> }
    };
    view! {
        <ul class="legend">
            {METRICS.into_iter().enumerate().map(metric).collect_view()}
            {move || names.get().into_iter().enumerate().map(run).collect_view()}
        </ul>
    }
}

/// Scores of the latest run by label.
#[component]
pub fn LabelTable() -> impl IntoView {
    let app = app();
    let labels = app.memo(&[StateSlice::Runs], |state| {
        latest(state)
            .map(|(_, score)| by_support(score))
            .unwrap_or_default()
    });
    let row = |label: LabelMetrics| {
        view! {
            <tr>
                <th scope="row"><bdi>{label.label}</bdi></th>
                <td class="number">{figure(label.f1, 3)}</td>
                <td class="number">{figure(label.precision, 3)}</td>
                <td class="number">{figure(label.recall, 3)}</td>
                <td class="number">{grouped(label.support)}</td>
            </tr>
        }
    };
    view! {
        <Fold step=Step::Finetune title=tr!("Scores by label")>
            <div class="scroll tall" role="region" aria-label=tr!("Table of scores by label") tabindex="0">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{tr!("Label")}</th>
                            <th scope="col" class="number">"F1"</th>
                            <th scope="col" class="number">{tr!("Precision")}</th>
                            <th scope="col" class="number">{tr!("Recall")}</th>
                            <th scope="col" class="number">{tr!("Documents")}</th>
                        </tr>
                    </thead>
                    <tbody>{move || labels.get().into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </Fold>
    }
}

fn latest(state: &RunState) -> Option<(&Run, &Score)> {
    let scored = |run| Run::kept_score(run).map(|score| (run, score));
    // Prefer runs of this tab to runs from a link.
    state
        .runs_of(Phase::Finetune)
        .filter_map(scored)
        .next_back()
        .or_else(|| {
            state
                .shown_of(Phase::Finetune)
                .filter_map(scored)
                .next_back()
        })
}

fn by_support(score: &Score) -> Vec<LabelMetrics> {
    let mut labels = score.metrics.per_label.clone();
    order::sort_by(&mut labels, |label| -(label.support as f64));
    labels.truncate(LABEL_ROWS);
    labels
}

/// Returns the validation scores of every shown run. The test set is evaluated once and shown in
/// the headline.
fn series(state: &RunState) -> Vec<F1Series> {
    let point = |score: &Score| {
        let metrics = &score.metrics;
        let scores = [metrics.micro_f1, metrics.macro_f1, metrics.mean_f1];
        F1Point {
            step: score.step,
            epoch: score.epoch,
            network: score.network,
            scores,
        }
    };
    let one = |(dash, run): (usize, &Run)| {
        let points: Vec<F1Point> = run
            .scores
            .iter()
            .filter(|score| score.split != "test")
            .map(point)
            .collect();
        F1Series {
            name: run.name(),
            epochs: planned_epochs(run),
            points,
            dash,
        }
    };
    state
        .shown_of(Phase::Finetune)
        .enumerate()
        .map(one)
        .collect()
}

/// Returns the planned number of epochs, to two decimals; 0 while it is unknown.
fn planned_epochs(run: &Run) -> f64 {
    let steps = run.plan.as_ref().map_or(0, |plan| plan.steps) as f64;
    steps_of_epoch(run).map_or(0.0, |per_epoch| (steps / per_epoch * 100.0).round() / 100.0)
}
