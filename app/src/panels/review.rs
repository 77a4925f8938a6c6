//! Error analysis of the classifier: decision thresholds, confidence, confusion matrix,
//! label co-occurrence, and the documents behind each count. Also lists the least certain
//! unlabelled documents, which are worth labelling next.

use super::confidence::Confidence;
use super::sweep::Sweep;
use super::try_it::ModelName;
use crate::context::{AppContext, app};
use crate::focus;
use crate::language::translated;
use crate::mark;
use crate::state::{Lines, RunState, StateSlice};
use crate::tr;
use crate::wording::{self, grouped, percent};
use crate::workspace::{Panel, Section, Step};
use leptos::html::Div;
use leptos::prelude::*;
use protocol::{Command, LabelScore, LineQuery, Phase, PredictedDocument, Review, Sampler};
use std::sync::Arc;

/// State slices that decide whether the classifier can be run on many documents.
pub(super) const REVIEW_TOPICS: [StateSlice; 5] = [
    StateSlice::Runs,
    StateSlice::Engine,
    StateSlice::Corpus,
    StateSlice::Progress,
    StateSlice::Answers,
];

/// Documents that the classifier is least certain of.
const UNCERTAIN: LineQuery = LineQuery::Unlabelled {
    sampler: Sampler::Uncertain,
    seed: 1,
    except: Vec::new(),
};

/// The error analysis panel.
#[component]
pub fn ReviewPanel() -> impl IntoView {
    let app = app();
    let review = app.memo(
        &[StateSlice::Answers, StateSlice::Runs, StateSlice::Corpus],
        |state| state.review.clone().map(Arc::new),
    );
    let reason = app.memo(&REVIEW_TOPICS, RunState::reason_not_to_review);
    let has_test = app.memo(&[StateSlice::Corpus], |state| {
        state
            .corpus
            .as_ref()
            .is_some_and(|corpus| corpus.labelled[2] > 0)
    });
    let off = move || reason.get().is_some();
    let named = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.model_name(Phase::Finetune).is_some()
    });
    let is_waiting = app.memo(&[StateSlice::Answers], RunState::is_waiting);
    view! {
        <Section
            step=Step::Errors
            lead=tr!("Where the classifier is right, what it confuses, and which documents to label next.")
            shape="three"
            panels=view! { <Panels review /> }.into_any()
        >
            <h3 hidden=move || !named.get()>{tr!("The classifier:")} <ModelName phase=Phase::Finetune /></h3>
            <div class="buttons">
                <button type="button" class="primary" data-testid="review-valid" disabled=off on:click=move |_| app.review("valid")>
                    {tr!("Review the validation documents")}
                </button>
                <button type="button" disabled=move || off() || !has_test.get() on:click=move |_| app.review("test")>
                    {tr!("Review the test documents")}
                </button>
                <button type="button" data-testid="review-uncertain" disabled=off on:click=move |_| app.lines(UNCERTAIN, 0)>
                    {tr!("Show the unlabelled documents the model is least sure about")}
                </button>
            </div>
            <p class="help">{move || reason.get()}</p>
            <Show when=move || is_waiting.get()>
                <div class="start" role="status">
                    <p class="help">{tr!("The classifier reads the documents…")}</p>
                    <button type="button" on:click=move |_| app.send(Command::Stop)>{tr!("Stop")}</button>
                </div>
            </Show>
            <p class="status" role="status" hidden=move || review.with(Option::is_none)>
                {move || review.get().map(|review| summary(&review))}
            </p>
            <Sweep review />
        </Section>
    }
    .into_any()
}

#[component]
fn Panels(review: Shared) -> impl IntoView {
    let is_empty = move || review.with(Option::is_none);
    let lines = app().memo(&[StateSlice::Answers], |state| state.lines.is_some());
    let has_lines = move || lines.get();
    let hint = move || view! { <p class="help" hidden=move || !is_empty()>{tr!("Appears once the documents are reviewed.")}</p> };
    view! {
        <Panel id="confusion" title=tr!("Confusion matrix") note=tr!("press a count to list its documents")>
            {hint()}
            <Matrix review together=false />
            <Matrix review together=true />
        </Panel>
        <Panel id="examples" title=tr!("Documents") note=tr!("behind a count of the matrix")>
            <p class="help" hidden=has_lines>{tr!("Press a count in the matrix to list its documents.")}</p>
            <LineList />
        </Panel>
        <Panel id="confidence" title=tr!("Confidence")>
            {hint()}
            <Confidence review />
        </Panel>
    }
}

fn summary(review: &Review) -> String {
    let count = grouped(review.n);
    let documents = match review.split == "test" {
        true => tr!("{count} test documents.", count),
        false => tr!("{count} validation documents.", count),
    };
    let hits: u64 = (0..review.labels.len())
        .map(|place| review.confusion[place][place])
        .sum();
    let all: u64 = (0..review.labels.len())
        .map(|place| review.together[place][place])
        .sum();
    let found = tr!(
        "Of {all} true labels among the {most} most frequent, {hits} were found.",
        all = grouped(all),
        most = review.labels.len(),
        hits = grouped(hits)
    );
    format!("{documents} {found}")
}

pub(super) type Shared = Memo<Option<Arc<Review>>>;

/// Confusion matrix, or co-occurrence matrix if `together`; each count opens its documents.
#[component]
fn Matrix(review: Shared, together: bool) -> impl IntoView {
    let app = app();
    let (title, caption) = match together {
        true => (
            mark!("Labels that occur together"),
            mark!("Number of documents with both labels; on the diagonal, with the label."),
        ),
        false => (
            mark!("Confusion matrix"),
            mark!(
                "Rows: the true label. Columns: the predicted label; the diagonal is correct. First column: not predicted at all."
            ),
        ),
    };
    let testid = if together { "together" } else { "confusion" };
    let head =
        |label: &String| view! { <th scope="col"><bdi class="turned">{label.clone()}</bdi></th> };
    let rows = move |review: Arc<Review>| {
        let counts = if together {
            &review.together
        } else {
            &review.confusion
        };
        let row = |(place, label): (usize, &String)| {
            // Normalise each row by its own maximum, so that confusions of rare labels stay
            // visible.
            let missed = review.missed.get(place).copied().unwrap_or(0);
            let all = counts[place]
                .iter()
                .copied()
                .chain([missed])
                .max()
                .unwrap_or(0)
                .max(1);
            let cells = counts[place].iter().enumerate().map(|(column, count)| {
                let pair = (label.clone(), review.labels[column].clone());
                cell(app, *count, all, pair, together)
            });
            let first = (!together).then(|| missed_cell(app, missed, label));
            view! { <tr><th scope="row"><bdi>{label.clone()}</bdi></th>{first}{cells.collect_view()}</tr> }
        };
        view! {
            <table class="matrix" aria-describedby=format!("{testid}-note")>
                <thead>
                    <tr>
                        <td></td>
                        {(!together).then(|| view! { <th scope="col"><i class="turned">{tr!("missed")}</i></th> })}
                        {review.labels.iter().map(head).collect_view()}
                    </tr>
                </thead>
                <tbody>{review.labels.iter().enumerate().map(row).collect_view()}</tbody>
            </table>
        }
    };
    view! {
        <details hidden=move || review.with(Option::is_none) open=!together>
            <summary>{translated(title)}</summary>
            // Not a `<caption>`, which would be as narrow as its table.
            <p id=format!("{testid}-note") class="matrix-note">{translated(caption)}</p>
            <div class="scroll" role="region" aria-label=translated(title) tabindex="0" data-testid=testid>
                {move || review.get().map(rows)}
            </div>
        </details>
    }
}

fn cell(
    app: AppContext,
    count: u64,
    max: u64,
    (first, second): (String, String),
    together: bool,
) -> AnyView {
    if count == 0 {
        return view! { <td class="number nothing">"·"</td> }.into_any();
    }
    // The square root keeps small counts visible beside a large diagonal.
    let level = ((count as f64 / max as f64).sqrt() * LEVELS).ceil();
    let words = match (together, first == second) {
        (true, true) => tr!("{count} with {first}", count, first),
        (true, false) => tr!("{count} with {first} and {second}", count, first, second),
        (false, true) => tr!("{count} rightly given {first}", count, first),
        (false, false) => tr!(
            "{count} with {first} were given {second}",
            count,
            first,
            second
        ),
    };
    // Errors have a different colour from correct predictions.
    let wrong = !together && first != second;
    let query = match together {
        true => LineQuery::Together { first, second },
        false => LineQuery::Confused {
            truth: first,
            predicted: second,
        },
    };
    view! {
        <td class=format!("number level-{level}") class:wrong=wrong>
            <button type="button" class="cell" aria-label=words.clone() title=words on:click=move |_| app.lines(query.clone(), 0)>
                {count}
            </button>
        </td>
    }
    .into_any()
}

/// Cell for the false negatives of a label, with or without another label predicted instead.
fn missed_cell(app: AppContext, count: u64, label: &str) -> AnyView {
    if count == 0 {
        return view! { <td class="number nothing">"·"</td> }.into_any();
    }
    let words = tr!("{count} with {label} were not given it", count, label);
    let query = LineQuery::Missed {
        label: label.into(),
    };
    view! {
        <td class="number">
            <button type="button" class="cell" aria-label=words.clone() title=words on:click=move |_| app.lines(query.clone(), 0)>
                {count}
            </button>
        </td>
    }
    .into_any()
}

/// Number of shades in a matrix.
const LEVELS: f64 = 4.0;

/// Returns the heading of a list of documents.
fn title(query: &LineQuery) -> String {
    match query {
        LineQuery::Unlabelled { .. } => tr!("The least certain documents without a label"),
        LineQuery::Missed { label } => tr!("“{label}”, not given", label),
        LineQuery::Confused { truth, predicted } if truth == predicted => {
            tr!("“{label}”, rightly given", label = truth)
        }
        LineQuery::Confused { truth, predicted } => {
            tr!("“{truth}”, given “{predicted}” instead", truth, predicted)
        }
        LineQuery::Together { first, second } if first == second => tr!("“{label}”", label = first),
        LineQuery::Together { first, second } => tr!("“{first}” and “{second}”", first, second),
        // Listed elsewhere.
        LineQuery::First { .. } | LineQuery::Suspicious => String::new(),
    }
}

/// The list of requested documents.
#[component]
fn LineList() -> impl IntoView {
    let app = app();
    let lines = app.memo(&[StateSlice::Answers, StateSlice::Corpus], |state| {
        state.lines.clone()
    });
    let row = |PredictedDocument {
                   file,
                   line,
                   text,
                   truth,
                   predicted,
               }: PredictedDocument| {
        let predicted_label = |LabelScore { label, score, .. }: LabelScore| {
            view! { <li><bdi>{label}</bdi>" "<span class="help">{percent(score)}</span></li> }
        };
        let truth = if truth.is_empty() {
            "–".into()
        } else {
            truth.join(", ")
        };
        view! {
            <tr>
                <th scope="row" class="place"><bdi>{file}</bdi>":"{line}</th>
                <td><bdi>{text}</bdi></td>
                <td><bdi>{truth}</bdi></td>
                <td><ul class="inline">{predicted.into_iter().take(3).map(predicted_label).collect_view()}</ul></td>
            </tr>
        }
    };
    let region = NodeRef::<Div>::new();
    // Scroll position to restore after more documents have been loaded.
    let scroll_position = StoredValue::new(None::<(LineQuery, i32)>);
    let off = app.memo(&REVIEW_TOPICS, |state| {
        state.reason_not_to_review().is_some()
    });
    let table = move |Lines { of, lines, more }: Lines| {
        let title = of.as_ref().map(title);
        let count = lines.len();
        let more_button = of.filter(|_| more > 0).map(|of| {
            let load_more = move |_| {
                // Ignore clicks while a request is pending.
                if app.peek(RunState::is_waiting) {
                    return;
                }
                scroll_position.set_value(region.get_untracked().map(|region| (of.clone(), region.scroll_top())));
                app.lines(of.clone(), count);
            };
            view! { <button type="button" data-testid="more-lines" disabled=off on:click=load_more>{tr!("Show more of them")}</button> }
        });
        let (shown, all) = (
            lines.len() as u64,
            wording::lines(lines.len() as u64 + more),
        );
        let shown = if more > 0 {
            tr!("{shown} of {all}", shown = grouped(shown), all)
        } else {
            all
        };
        view! {
            <h3><bdi>{title}</bdi></h3>
            <p class="help" role="status">{shown}</p>
            <div class="scroll tall" role="region" aria-label=tr!("Lines") tabindex="0" node_ref=region>
                <table class="wide-table">
                    <thead>
                        <tr>
                            <th scope="col">{tr!("Line")}</th>
                            <th scope="col">{tr!("Text")}</th>
                            <th scope="col">{tr!("Labels")}</th>
                            <th scope="col">{tr!("The model says")}</th>
                        </tr>
                    </thead>
                    <tbody>{lines.into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
            <div class="buttons">{more_button}</div>
        }
    };
    // The list is below the pressed button: move the focus to it if it is still within the panel.
    Effect::new(move |before: Option<()>| {
        if lines.with(Option::is_some) && before.is_some() && focus::is_within("#review") {
            focus::on("[data-testid=lines] .scroll");
        }
        let shown = lines.with(|lines| lines.as_ref().and_then(|lines| lines.of.clone()));
        let scroll_position = scroll_position
            .try_update_value(Option::take)
            .flatten()
            .filter(|(of, _)| Some(of) == shown.as_ref());
        if let Some((region, (_, scroll_position))) = region.get_untracked().zip(scroll_position) {
            region.set_scroll_top(scroll_position);
        }
    });
    view! { <div class="block" data-testid="lines">{move || lines.get().map(table)}</div> }
}
