//! How well labels given by hand can be predicted: the scores of a linear classifier trained on them,
//! as labels are added.

use super::measure::{MIN_HELD_OUT, TooFew, may_differ_by_chance};
use super::session::LabellingSession;
use crate::context::app;
use crate::state::{LabelMeasurement, Question, StateSlice};
use crate::tr;
use crate::wording::{documents, figure, grouped};
use leptos::prelude::*;
use protocol::HandLabelScores;

/// Maximum number of measurements shown, newest first.
const SHOWN: usize = 6;

/// The newest measurement in words, the earlier ones as a table, and a button for another one.
#[component]
pub fn LabellingProgress(session: LabellingSession) -> impl IntoView {
    let app = app();
    let measured = app.memo(&[StateSlice::Answers], |state| {
        state.label_measurements.clone()
    });
    let is_busy = app.memo(
        &[StateSlice::Runs, StateSlice::Progress, StateSlice::Answers],
        |state| state.is_at_work() || state.is_waiting_for(Question::LabelScores),
    );
    let missing = Memo::new(move |_| session.too_few());
    let advice = move || {
        Some(match missing.get()? {
            TooFew::Labels => {
                tr!("Label documents with at least two different labels to measure them.")
            }
            TooFew::HeldOut(count) => tr!(
                "A fifth of the documents drawn at random is held out to measure the labels: {held_out} so far, {needed} are needed.",
                held_out = grouped(count as u64),
                needed = grouped(MIN_HELD_OUT as u64)
            ),
        })
    };
    let newest = move || measured.with(|all| all.last().map(sentence));
    let compared = move || measured.with(|all| all.last().and_then(comparison));
    let row = |LabelMeasurement { scores, .. }: LabelMeasurement| {
        scores.first().map(|scores| {
            let interval = scores.interval.map(|interval| interval.micro_f1);
            let interval =
                interval.map(|[low, high]| format!("({}–{})", figure(low, 2), figure(high, 2)));
            view! {
                <tr>
                    <th scope="row" class="number">{grouped(scores.documents)}</th>
                    <td class="number">{figure(scores.micro_f1, 2)} " " {interval}</td>
                    <td class="number">{figure(scores.macro_f1, 2)}</td>
                </tr>
            }
        })
    };
    let rows = move || {
        let mut all = measured.get();
        all.reverse();
        all.truncate(SHOWN);
        all.into_iter().map(row).collect_view()
    };
    let has_table = move || measured.with(|all| all.len() > 1);
    view! {
        <div class="block" data-testid="label-progress">
            <p class="help" hidden=move || missing.get().is_none()>{advice}</p>
            <p role="status" hidden=move || measured.with(Vec::is_empty)>{newest}</p>
            <p hidden=move || compared().is_none()>{compared}</p>
            <div class="buttons">
                <button
                    type="button"
                    data-testid="measure-labels"
                    hidden=move || missing.get().is_some()
                    disabled=is_busy
                    on:click=move |_| session.measure()
                >
                    {tr!("Measure the labels")}
                </button>
            </div>
            <table hidden=move || !has_table()>
                <thead>
                    <tr>
                        <th scope="col" class="number">{tr!("Documents")}</th>
                        <th scope="col" class="number">{tr!("Micro F1")}</th>
                        <th scope="col" class="number">{tr!("Macro F1")}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn sentence(LabelMeasurement { held_out, scores }: &LabelMeasurement) -> Option<String> {
    let newest = scores.first()?;
    let held_out = documents(*held_out);
    let trained = documents(newest.documents);
    let micro = figure(newest.micro_f1, 2);
    Some(match newest.interval {
        Some(interval) => {
            let [low, high] = interval.micro_f1.map(|bound| figure(bound, 2));
            tr!(
                "A linear classifier trained on {trained} reaches micro F1 {micro} on {held_out} held out, between {low} and {high} with 95 % confidence.",
                trained,
                micro,
                held_out,
                low,
                high
            )
        }
        None => tr!(
            "A linear classifier trained on {trained} reaches micro F1 {micro} on {held_out} held out.",
            trained,
            micro,
            held_out
        ),
    })
}

/// Compares documents drawn at random with chosen ones, if both were measured.
fn comparison(LabelMeasurement { scores, .. }: &LabelMeasurement) -> Option<String> {
    let [_, random, chosen] = scores.as_slice() else {
        return None;
    };
    let micro = |scores: &HandLabelScores| figure(scores.micro_f1, 2);
    let (random_f1, chosen_f1) = (micro(random), micro(chosen));
    let trained = documents(random.documents);
    Some(if may_differ_by_chance(random, chosen) {
        tr!(
            "With {trained} of each: drawn at random {random_f1}, chosen {chosen_f1}. The difference may be chance.",
            trained,
            random_f1,
            chosen_f1
        )
    } else {
        tr!(
            "With {trained} of each: drawn at random {random_f1}, chosen {chosen_f1}.",
            trained,
            random_f1,
            chosen_f1
        )
    })
}
