//! Evidence for a label of the classified text: the text with each word shaded by its effect, and
//! the words with the largest effects as a table.

use super::asked::{Asked, MASK};
use crate::context::app;
use crate::state::{Classification, Evidence, RunState, StateSlice};
use crate::tr;
use crate::wording::{percent, signed};
use crate::workspace::Panel;
use leptos::prelude::*;
use protocol::WordEvidence;

/// Maximum number of rows of the table.
const MAX_ROWS: usize = 8;

/// Effect that is shaded fully if no word has a larger one, so that small ones stay pale.
const MIN_SCALE: f64 = 0.02;

/// The evidence panel.
#[component]
pub fn EvidencePanel() -> impl IntoView {
    let answer = app().memo(&[StateSlice::Answers], |state| state.classified.clone());
    view! {
        <Panel id="evidence" title=tr!("Why this label")>
            <div data-testid="evidence">
                {move || match answer.get() {
                    Some(answer) => of_answer(answer).into_any(),
                    None => view! {
                        <p class="help">{tr!("Classify a text: its words are shaded by how much they contribute to the label.")}</p>
                    }.into_any(),
                }}
            </div>
        </Panel>
    }
}

fn of_answer(answer: Classification) -> impl IntoView {
    let app = app();
    let Classification {
        text,
        labels,
        evidence,
        ..
    } = answer;
    let explained = evidence.as_ref().map(|evidence| evidence.label.clone());
    let asked = text.clone();
    let choose = move |event| app.explain(asked.clone(), Some(event_target_value(&event)));
    let option = move |label: String| {
        let is_chosen = explained.as_ref() == Some(&label);
        view! { <option value=label.clone() prop:selected=is_chosen>{label.clone()}</option> }
    };
    let names = labels.into_iter().map(|label| label.label);
    view! {
        <p class="ask">
            <label for="evidence-label">{tr!("Label")}</label>
            <select id="evidence-label" on:change=choose>{names.map(option).collect_view()}</select>
        </p>
        {evidence.map(|evidence| view! {
            {strip(&text, &evidence)}
            {table(&text, evidence)}
        })}
    }
}

/// The text with its words as buttons, shaded by their evidence. A press asks the language model
/// what it would put there instead.
fn strip(text: &str, evidence: &Evidence) -> impl IntoView + use<> {
    let characters: Vec<char> = text.chars().collect();
    let largest = |scale: f64, word: &WordEvidence| scale.max(word.effect.abs());
    let scale = evidence.words.iter().fold(MIN_SCALE, largest);
    let mut parts = Vec::new();
    let mut end = 0;
    for word in &evidence.words {
        parts.push(between(&characters, end, word.start as usize).into_any());
        parts.push(shaded(&characters, *word, scale).into_any());
        end = word.end as usize;
    }
    parts.push(between(&characters, end, characters.len()).into_any());
    view! {
        <p class="evidence"><bdi>{parts}</bdi></p>
        <p class="help">
            {tr!("Underlined: raises the probability of the label. Dashed: lowers it. Press a word to see what the language model predicts in its place.")}
        </p>
    }
}

fn shaded(characters: &[char], word: WordEvidence, scale: f64) -> impl IntoView + use<> {
    let app = app();
    let guess = expect_context::<Asked>().guess;
    let (start, end) = (word.start as usize, word.end as usize);
    let name = between(characters, start, end);
    let masked = [
        between(characters, 0, start),
        MASK.into(),
        between(characters, end, characters.len()),
    ]
    .concat();
    let fill = move |_| {
        guess.set(masked.clone());
        if app.peek(RunState::reason_not_to_predict).is_none() {
            app.fill_mask(masked.clone());
        }
    };
    let class = match word.effect {
        effect if effect.abs() < 0.05 * scale => "",
        effect if effect > 0.0 => "for",
        _ => "against",
    };
    // A number for the style sheet, whatever the language.
    let weight = format!("{:.2}", word.effect.abs() / scale);
    view! {
        <button type="button" class=class style:--weight=weight title=points(word.effect) on:click=fill>
            {name}
        </button>
    }
}

/// The words with the largest effects.
fn table(text: &str, evidence: Evidence) -> impl IntoView + use<> {
    let Evidence {
        label,
        mut words,
        more,
    } = evidence;
    let characters: Vec<char> = text.chars().collect();
    let has_linear = words.iter().any(|word| word.linear.is_some());
    words.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
    words.truncate(MAX_ROWS);
    let row = |word: WordEvidence| {
        let name = between(&characters, word.start as usize, word.end as usize);
        let linear = word.linear.map(|linear| signed(linear, 2));
        view! {
            <tr>
                <th scope="row"><bdi>{name}</bdi></th>
                <td class="number">{points(word.effect)}</td>
                {has_linear.then(|| view! { <td class="number">{linear}</td> })}
            </tr>
        }
    };
    view! {
        <table class="scores">
            <caption>{tr!("Change of the probability of “{label}” by each word", label)}</caption>
            <thead>
                <tr>
                    <th scope="col">{tr!("Word")}</th>
                    <th scope="col">{tr!("Probability")}</th>
                    {has_linear.then(|| view! { <th scope="col">{tr!("Linear margin")}</th> })}
                </tr>
            </thead>
            <tbody>{words.into_iter().map(row).collect_view()}</tbody>
        </table>
        {(more > 0).then(|| view! { <p class="help">{tr!("Further words were not measured: {count}.", count = more)}</p> })}
    }
}

fn between(characters: &[char], start: usize, end: usize) -> String {
    let range = characters.get(start..end).unwrap_or_default();
    range.iter().collect()
}

/// Formats a difference of probabilities with its sign.
fn points(effect: f64) -> String {
    let sign = if effect < 0.0 { "−" } else { "+" };
    format!("{sign}{}", percent(effect.abs()))
}
