//! What the classifier gets right and wrong: a threshold, which labels are taken for which, which stand together, and the
//! lines behind each number. Also the lines that are worth labelling next.

use super::section::Section;
use crate::lab::{Lab, lab};
use crate::state::{Lines, Topic};
use crate::wording::{counted, figure, grouped, percent};
use leptos::prelude::*;
use protocol::{JudgedLine, LabelScore, LineQuery, Review, ThresholdPoint};
use std::sync::Arc;

/// Questions about the classifier as a whole.
#[component]
pub fn ReviewPanel() -> impl IntoView {
    let lab = lab();
    let review = lab.memo(&[Topic::Answers, Topic::Runs, Topic::Corpus], |state| state.review.clone().map(Arc::new));
    let reason = lab.memo(&[Topic::Runs, Topic::Engine, Topic::Corpus, Topic::Progress], |state| match () {
        () if !state.model.classifier => Some("There is no classifier yet: fine-tune or import one first."),
        () if state.active().is_some() => Some("Waits until the run under way is over."),
        () => None,
    });
    let has_test =
        lab.memo(&[Topic::Corpus], |state| state.corpus.as_ref().is_some_and(|corpus| corpus.labelled[2] > 0));
    let off = move || reason.get().is_some();
    view! {
        <Section
            id="review"
            number="6"
            title="Review"
            lead="Where the classifier is right, what it confuses, and which lines to label next."
        >
            <div class="buttons">
                <button type="button" class="primary" data-testid="review-valid" disabled=off on:click=move |_| lab.review("valid")>
                    "Review the validation documents"
                </button>
                <button type="button" disabled=move || off() || !has_test.get() on:click=move |_| lab.review("test")>
                    "Review the test documents"
                </button>
                <button type="button" data-testid="review-uncertain" disabled=off on:click=move |_| lab.lines(LineQuery::Uncertain)>
                    "Show the least certain lines without a label"
                </button>
            </div>
            <p class="help">{move || reason.get()}</p>
            <p class="status" role="status" hidden=move || review.with(Option::is_none)>
                {move || review.get().map(|review| summary(&review))}
            </p>
            <Sweep review />
            <Matrix review together=false />
            <Matrix review together=true />
            <LineList />
        </Section>
    }
    .into_any()
}

fn summary(review: &Review) -> String {
    let split = if review.split == "test" { "test" } else { "validation" };
    let hits: u64 = (0..review.labels.len()).map(|place| review.confusion[place][place]).sum();
    let all: u64 = (0..review.labels.len()).map(|place| review.together[place][place]).sum();
    format!(
        "{} {split} documents. Of {} true labels among the {} most frequent, {} were found.",
        grouped(review.n),
        grouped(all),
        review.labels.len(),
        grouped(hits)
    )
}

type Shared = Memo<Option<Arc<Review>>>;

/// What each threshold would give.
#[component]
fn Sweep(review: Shared) -> impl IntoView {
    let points = move || review.with(|review| review.as_ref().map(|review| review.sweep.clone()).unwrap_or_default());
    let chosen = RwSignal::new(None::<f64>);
    Effect::new(move |_| {
        review.track();
        chosen.set(None);
    });
    let at = move || {
        let points = points();
        let wanted = chosen.get().or_else(|| review.with(|review| review.as_ref().map(|review| review.threshold)))?;
        let near = |a: &&ThresholdPoint, b: &&ThresholdPoint| {
            (a.threshold - wanted).abs().total_cmp(&(b.threshold - wanted).abs())
        };
        points.iter().min_by(near).copied()
    };
    let words = move || {
        at().map(|point| {
            let [precision, recall, micro, r#macro] =
                [point.precision, point.recall, point.micro_f1, point.macro_f1].map(|value| figure(value, 3));
            format!(
                "From {} on: precision {precision}, recall {recall}, micro F1 {micro}, macro F1 {macro}.",
                percent(point.threshold)
            )
        })
    };
    let value = move || at().map_or("0.5".into(), |point| point.threshold.to_string());
    view! {
        <div class="block" hidden=move || points().is_empty()>
            <label for="sweep">"Threshold: a label counts from this probability on"</label>
            <input
                id="sweep"
                type="range"
                min="0.05"
                max="0.95"
                step="0.05"
                data-testid="threshold"
                prop:value=value
                aria-valuetext=words
                on:input=move |event| chosen.set(event_target_value(&event).parse().ok())
            />
            <p class="help">{words}</p>
        </div>
    }
}

/// Labels against labels; each number opens its lines.
#[component]
fn Matrix(review: Shared, together: bool) -> impl IntoView {
    let lab = lab();
    let (title, caption) = match together {
        true => ("Which labels stand together", "Documents that carry both labels; on the diagonal, the label at all."),
        false => (
            "Which labels are taken for which",
            "Rows: the true label. Columns: the label that was given instead; on the diagonal, rightly.",
        ),
    };
    let testid = if together { "together" } else { "confusion" };
    let head = |label: &String| view! { <th scope="col"><bdi class="turned">{label.clone()}</bdi></th> };
    let rows = move |review: Arc<Review>| {
        let counts = if together { &review.together } else { &review.confusion };
        let most = counts.iter().flatten().copied().max().unwrap_or(0).max(1);
        let row = |(place, label): (usize, &String)| {
            let cells = counts[place].iter().enumerate().map(|(column, count)| {
                let pair = (label.clone(), review.labels[column].clone());
                cell(lab, *count, most, pair, together)
            });
            view! { <tr><th scope="row"><bdi>{label.clone()}</bdi></th>{cells.collect_view()}</tr> }
        };
        view! {
            <table class="matrix">
                <caption>{caption}</caption>
                <thead><tr><td></td>{review.labels.iter().map(head).collect_view()}</tr></thead>
                <tbody>{review.labels.iter().enumerate().map(row).collect_view()}</tbody>
            </table>
        }
    };
    view! {
        <details hidden=move || review.with(Option::is_none) open=!together>
            <summary>{title}</summary>
            <div class="scroll" role="region" aria-label=title tabindex="0" data-testid=testid>
                {move || review.get().map(rows)}
            </div>
        </details>
    }
}

fn cell(lab: Lab, count: u64, most: u64, (first, second): (String, String), together: bool) -> AnyView {
    if count == 0 {
        return view! { <td class="number nothing">"·"</td> }.into_any();
    }
    // Roots keep small counts visible beside a large diagonal.
    let level = ((count as f64 / most as f64).sqrt() * LEVELS).ceil();
    let words = match (together, first == second) {
        (true, true) => format!("{count} with {first}"),
        (true, false) => format!("{count} with {first} and {second}"),
        (false, true) => format!("{count} rightly given {first}"),
        (false, false) => format!("{count} with {first} were given {second}"),
    };
    let query = match together {
        true => LineQuery::Together { first, second },
        false => LineQuery::Confused { truth: first, predicted: second },
    };
    view! {
        <td class=format!("number level-{level}")>
            <button type="button" class="cell" aria-label=words.clone() title=words on:click=move |_| lab.lines(query.clone())>
                {count}
            </button>
        </td>
    }
    .into_any()
}

/// Shades of a matrix.
const LEVELS: f64 = 4.0;

/// The lines that were asked for.
#[component]
fn LineList() -> impl IntoView {
    let lab = lab();
    let lines = lab.memo(&[Topic::Answers, Topic::Corpus], |state| state.lines.clone());
    let row = |JudgedLine { line, text, truth, predicted }: JudgedLine| {
        let given = |LabelScore { label, score }: LabelScore| {
            view! { <li><bdi>{label}</bdi>" "<span class="help">{percent(score)}</span></li> }
        };
        let truth = if truth.is_empty() { "–".into() } else { truth.join(", ") };
        view! {
            <tr>
                <th scope="row" class="number">{grouped(line)}</th>
                <td><bdi>{text}</bdi></td>
                <td><bdi>{truth}</bdi></td>
                <td><ul class="inline">{predicted.into_iter().take(3).map(given).collect_view()}</ul></td>
            </tr>
        }
    };
    let table = move |Lines { lines, more }: Lines| {
        let rest = (more > 0).then(|| view! { <p class="help">{format!("And {} more.", counted(more, "line"))}</p> });
        let shown = counted(lines.len() as u64, "line");
        view! {
            <p class="help" role="status">{shown}</p>
            <div class="scroll tall" role="region" aria-label="Lines" tabindex="0">
                <table class="wide-table">
                    <thead>
                        <tr>
                            <th scope="col" class="number">"Line"</th>
                            <th scope="col">"Text"</th>
                            <th scope="col">"Labels"</th>
                            <th scope="col">"The model says"</th>
                        </tr>
                    </thead>
                    <tbody>{lines.into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
            {rest}
        }
    };
    view! { <div class="block" data-testid="lines">{move || lines.get().map(table)}</div> }
}
