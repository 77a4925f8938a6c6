//! The comparison of fine-tuning from pre-trained weights, from scratch, and an n-gram baseline:
//! controls, chart, table and a one-sentence result.

use super::picture::{PICTURE, PictureButtons};
use crate::chart::comparison::{by_labels, by_pass, csv};
use crate::chart::scene::{Scene, Size};
use crate::chart::spread::{SpreadSeries, spread_scene, spread_summary};
use crate::chart::view::ChartView;
use crate::comparing::{asked_for, expectation, gain};
use crate::context::{AppContext, app};
use crate::localize_message::localize_message;
use crate::state::StateSlice;
use crate::theme::Dark;
use crate::tr;
use crate::wording::{self, duration, figure, grouped};
use crate::workspace::{Fold, Step};
use leptos::prelude::*;
use protocol::{Comparison, ComparisonPoint, Spread};

/// Controls, progress and result of a comparison.
#[component]
pub fn ComparePanel() -> impl IntoView {
    let app = app();
    let seeds = RwSignal::new("3".to_string());
    let shares = RwSignal::new("1".to_string());
    let expected = RwSignal::new(String::new());
    let request = Memo::new(move |_| asked_for(&seeds.get(), &shares.get()));
    let reason = Memo::new(move |_| {
        let engine = app.read(
            &[
                StateSlice::Engine,
                StateSlice::Corpus,
                StateSlice::Runs,
                StateSlice::Progress,
            ],
            |state| state.reason_not_to_compare(),
        );
        engine.or_else(|| request.get().err())
    });
    // The guess of the comparison that was started last; it cannot be changed afterwards.
    let guessed = RwSignal::new(String::new());
    let start = move |_| {
        if let Ok(compare) = request.get_untracked() {
            guessed.set(expected.get_untracked());
            app.compare(compare);
        }
    };
    let comparison = app.memo(&[StateSlice::Answers], |state| state.comparison.clone());
    let progress = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        let (run, least) = state.comparing()?;
        Some(tr!("Run {run} of at least {least}.", run, least))
    });
    let planned = move || {
        let compare = request.get().ok()?;
        let (runs, documents) = (
            compare.min_runs(),
            app.read(&[StateSlice::Corpus], |state| {
                state.corpus.as_ref().map_or(0, |corpus| corpus.labelled[0])
            }),
        );
        Some(tr!(
            "At least {runs} runs on up to {documents}.",
            runs,
            documents = wording::documents(documents)
        ))
    };
    view! {
        <Fold step=Step::Finetune title=tr!("Is pre-training worth it? A fair comparison") id="compare">
            <p class="help">
                {tr!("Both starts get the same words, shape, documents and epochs; each tries at least four learning rates and keeps the one that validation prefers; several seeds show the spread; a linear model on n-grams stands beside them. This takes many runs.")}
            </p>
            <div class="fields">
                <PlainField id="compare-seeds" label=tr!("Seeds") help=tr!("Runs of each start.") value=seeds />
                <PlainField
                    id="compare-shares"
                    label=tr!("Shares of the labels")
                    help=tr!("With commas, e.g. 0.1, 0.5, 1.")
                    value=shares
                />
                <PlainField
                    id="compare-expected"
                    label=tr!("Your guess")
                    help=tr!("Points of micro F1 that pre-training gains, e.g. 3 or −1. You will see how close it was.")
                    value=expected
                />
            </div>
            <div class="start">
                <button
                    type="button"
                    data-testid="start-compare"
                    aria-describedby="start-compare-reason"
                    disabled=move || reason.with(Option::is_some)
                    on:click=start
                >
                    {tr!("Compare")}
                </button>
                <p id="start-compare-reason" class="help">{move || reason.get().or_else(planned).unwrap_or_default()}</p>
            </div>
            <p class="help" role="status" data-testid="comparing">{move || progress.get()}</p>
            <div class="block" data-testid="comparison">{move || comparison.get().map(|comparison| result(app, comparison, guessed))}</div>
        </Fold>
    }
    .into_any()
}

#[component]
fn PlainField(
    id: &'static str,
    label: String,
    help: String,
    value: RwSignal<String>,
) -> impl IntoView {
    let describes = format!("{id}-help");
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input
                id=id
                type="text"
                inputmode="decimal"
                autocomplete="off"
                aria-describedby=describes.clone()
                prop:value=value
                on:input=move |event| value.set(event_target_value(&event))
            />
            <p id=describes class="help">{help}</p>
        </div>
    }
}

fn result(app: AppContext, comparison: Comparison, guessed: RwSignal<String>) -> impl IntoView {
    let note = note(&comparison);
    let rows = comparison
        .points
        .iter()
        .flat_map(rows)
        .map(row)
        .collect_view();
    let (sentence, table) = (localize_message(&comparison.sentence), csv(&comparison));
    let picture = Picture::of(&comparison);
    let gain = gain(&comparison);
    let guessed = move || guessed.with(|guessed| expectation(guessed, gain?));
    view! {
        <p class="status">{sentence}</p>
        <p>{guessed}</p>
        <Curves picture=picture.clone() />
        <div class="scroll" role="region" aria-label=tr!("Comparison") tabindex="0">
            <table class="wide-table">
                <thead>
                    <tr>
                        <th scope="col">{tr!("Start")}</th>
                        <th scope="col" class="number">{tr!("Documents")}</th>
                        <th scope="col" class="number">{tr!("Micro F1")}</th>
                        <th scope="col" class="number">{tr!("Macro F1")}</th>
                        <th scope="col" class="number">{tr!("Learning rate")}</th>
                        <th scope="col" class="number">{tr!("Time")}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <p class="help">{note}</p>
        <div class="buttons">
            <button type="button" data-testid="comparison-csv" on:click=move |_| app.save_text("clozelab-comparison.csv", &table)>"CSV"</button>
            <PictureButtons
                chart="comparison-chart"
                name="clozelab-comparison"
                title=picture.title.clone()
                picture=move || (picture.scene(PICTURE), PICTURE)
            />
        </div>
    }
}

/// Chart of a comparison: both conditions and the n-gram baseline, by number of labelled documents
/// or, for a single label fraction, by epoch.
#[derive(Clone)]
struct Picture {
    series: Vec<SpreadSeries>,
    across: String,
    title: String,
    is_shaded: bool,
}

impl Picture {
    fn of(comparison: &Comparison) -> Self {
        let (series, across, title) = match comparison.points.as_slice() {
            [point] => {
                let series = by_pass(point, &comparison.measured_on);
                (
                    series,
                    tr!("epoch"),
                    tr!("Micro F1 on validation documents, by epoch"),
                )
            }
            _ => (
                by_labels(comparison),
                tr!("labelled documents"),
                tr!("Micro F1 by labelled documents"),
            ),
        };
        Self {
            series,
            across,
            title,
            is_shaded: comparison.seeds > 1,
        }
    }

    fn scene(&self, size: Size) -> Scene {
        spread_scene(&self.series, (&self.across, &tr!("micro F1")), size)
    }
}

#[component]
fn Curves(picture: Picture) -> impl IntoView {
    let Dark(dark) = expect_context::<Dark>();
    let summary = spread_summary(&picture.series, &picture.title);
    let shaded = picture
        .is_shaded
        .then(|| tr!("Shaded: one standard deviation over the seeds."));
    let title = picture.title.clone();
    view! {
        <figure>
            <div class="chart-frame">
                <ChartView
                    testid="comparison-chart"
                    summary=Signal::stored(summary)
                    changed=Signal::derive(move || dark.track())
                    scene=Box::new(move |size| picture.scene(size))
                />
            </div>
            <figcaption>
                <p class="help">{title} ". " {shaded}</p>
            </figcaption>
        </figure>
    }
    .into_any()
}

fn note(comparison: &Comparison) -> String {
    let Comparison { seeds, epochs, .. } = comparison;
    let how = match comparison.measured_on == "test" {
        true if *seeds == 1 => tr!("On test documents, one seed; epochs: {epochs}.", epochs),
        false if *seeds == 1 => tr!(
            "On validation documents, one seed; epochs: {epochs}.",
            epochs
        ),
        true => tr!(
            "Mean ± standard deviation over the seeds, on test documents. Seeds: {seeds}; epochs: {epochs}.",
            seeds,
            epochs
        ),
        false => tr!(
            "Mean ± standard deviation over the seeds, on validation documents. Seeds: {seeds}; epochs: {epochs}.",
            seeds,
            epochs
        ),
    };
    let how = format!(
        "{how} {}",
        tr!("Of each run, the pass that validation preferred counts.")
    );
    match comparison.pretraining_secs.map(duration) {
        Some(time) => format!("{how} {}", tr!("Pre-training before it took {time}.", time)),
        None => how,
    }
}

fn rows(point: &ComparisonPoint) -> [[String; 6]; 3] {
    let documents = grouped(point.documents);
    let condition_row = |name: String, condition: &protocol::ComparisonCondition| {
        let lr = format!("{:.1e}", condition.lr);
        [
            name,
            documents.clone(),
            spread(condition.micro_f1),
            spread(condition.macro_f1),
            lr,
            duration(condition.secs_per_run),
        ]
    };
    let linear = &point.linear;
    let n_grams = tr!(
        "n-grams: {features}",
        features = localize_message(&linear.member)
    );
    let [micro, r#macro] =
        [linear.test.micro_f1, linear.test.macro_f1].map(|value| figure(value, 3));
    [
        condition_row(tr!("pre-trained"), &point.pretrained),
        condition_row(tr!("from scratch"), &point.scratch),
        [
            n_grams,
            documents.clone(),
            micro,
            r#macro,
            "–".into(),
            duration(linear.elapsed_secs),
        ],
    ]
}

fn row(cells: [String; 6]) -> impl IntoView {
    let [name, rest @ ..] = cells;
    let heads = [
        tr!("Documents"),
        tr!("Micro F1"),
        tr!("Macro F1"),
        tr!("Learning rate"),
        tr!("Time"),
    ];
    let cell =
        |(head, text): (String, String)| view! { <td class="number" data-label=head>{text}</td> };
    view! { <tr><th scope="row">{name}</th>{heads.into_iter().zip(rest).map(cell).collect_view()}</tr> }
}

fn spread(spread: Spread) -> String {
    let mean = figure(spread.mean, 3);
    if spread.sd > 0.0 {
        format!("{mean} ± {}", figure(spread.sd, 3))
    } else {
        mean
    }
}
