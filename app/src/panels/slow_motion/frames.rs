//! The frames: what each shows of the numbers.

use super::view::SlowMotionView;
use crate::context::app;
use crate::focus;
use crate::panels::bar_table::{Bar, Bars};
use crate::slow_motion::{Frame, bar_lengths, is_guessed, strip};
use crate::state::{RunState, StateSlice};
use crate::tr;
use crate::wording::{figure, percent};
use leptos::prelude::*;
use protocol::{Candidate, HeadTrace, SlowMotion, WordPrediction};
use std::time::Duration;

/// Number of cells per row of a strip.
const COLUMNS: usize = 32;
/// Number of leading numbers shown as digits.
const SHOWN_NUMBERS: usize = 6;
/// Time in which the engine answers for a short text.
const FOCUS_DELAY: Duration = Duration::from_millis(400);

/// Returns the content of a frame.
pub fn content(frame: Frame, motion: &SlowMotion) -> AnyView {
    let attention = motion.attention.clone().unwrap_or_default();
    match frame {
        Frame::Masked => masked(motion).into_any(),
        Frame::Embedding => view! {
            <h3>{tr!("Numbers")}</h3>
            <p>{tr!("The model reads each token as {count} numbers. These stand for [MASK] at its position:", count = motion.embedding.len())}</p>
            {numbers(&motion.embedding)}
        }
        .into_any(),
        Frame::Scores => view! {
            <h3>{tr!("Query times key")}</h3>
            <p>{tr!("In layer {layer}, head {head}, the query of [MASK] is multiplied with the key of each token and divided by the square root of {size}. A higher score is a better match.", layer = attention.layer + 1, head = attention.head + 1, size = attention.output.len())}</p>
            <HeadChoice attention=attention.clone() position=motion.position />
            {bars(tr!("Scores"), motion, &attention.scores, |score| with_minus(score, 2))}
        }
        .into_any(),
        Frame::Softmax => view! {
            <h3>{tr!("Softmax")}</h3>
            <p>{tr!("The softmax turns the scores into weights that sum to 1. They are the attention of [MASK].")}</p>
            {bars(tr!("Attention weights"), motion, &attention.weights, percent)}
        }
        .into_any(),
        Frame::Mixture => view! {
            <h3>{tr!("Weighted values")}</h3>
            <p>{tr!("The value vector of each token is multiplied with its weight, and all are added. The bars show the length of each weighted vector.")}</p>
            {bars(tr!("Lengths"), motion, &attention.contributions, |length| figure(length, 3))}
            <p>{tr!("Their sum is what this head passes on, {count} numbers:", count = attention.output.len())}</p>
            {numbers(&attention.output)}
        }
        .into_any(),
        Frame::Prediction => prediction(motion).into_any(),
        Frame::Training => training(motion, &attention).into_any(),
    }
}

/// The line with the masked word, and the question which one it is.
fn masked(motion: &SlowMotion) -> impl IntoView + use<> {
    let (app, is_busy) = (app(), is_busy());
    let view = expect_context::<SlowMotionView>();
    let position = motion.position;
    let last = motion.tokens.len().saturating_sub(1) as u64;
    let token = move |(place, token): (u64, String)| {
        if place == 0 || place == last {
            return view! { <span class="help">{token}</span> " " }.into_any();
        }
        let shown = if place == position {
            "[MASK]".to_string()
        } else {
            token
        };
        view! {
            <button
                type="button"
                aria-pressed=(place == position).to_string()
                disabled=is_busy
                on:click=move |_| view.mask(app, Some(place))
            >
                <bdi>{shown}</bdi>
            </button>
            " "
        }
        .into_any()
    };
    let tokens = (0..).zip(motion.tokens.clone()).map(token).collect_view();
    view! {
        <h3>{tr!("A word is masked")}</h3>
        <p class="slow-line">{tokens}</p>
        <p class="help">{tr!("Press another word to mask that one instead.")}</p>
        <p>
            <label for="slow-guess">{tr!("Which word is it? Your guess:")}</label> " "
            <input
                id="slow-guess"
                type="text"
                autocomplete="off"
                data-testid="slow-motion-guess"
                prop:value=view.guess
                on:input=move |event| view.guess.set(event_target_value(&event))
            />
        </p>
    }
}

/// Returns whether the engine would answer only after a run.
fn is_busy() -> Memo<bool> {
    app().memo(
        &[StateSlice::Runs, StateSlice::Progress],
        RunState::is_at_work,
    )
}

/// Selects the head that is followed.
#[component]
fn HeadChoice(attention: HeadTrace, position: u64) -> impl IntoView {
    let (app, is_busy) = (app(), is_busy());
    let view = expect_context::<SlowMotionView>();
    let heads = attention.heads.max(1);
    let choose = move |event| {
        let index: u64 = event_target_value(&event).parse().unwrap_or_default();
        view.layer.set(index / heads);
        view.head.set(index % heads);
        view.ask(app, Some(position));
        // The answer mounts the panel again.
        set_timeout(|| focus::on("#slow-head"), FOCUS_DELAY);
    };
    let option = move |index: u64| {
        let (layer, head) = (index / heads, index % heads);
        let is_chosen = (attention.layer, attention.head) == (layer, head);
        view! {
            <option value=index prop:selected=is_chosen>
                {tr!("Layer {layer}, head {head}", layer = layer + 1, head = head + 1)}
            </option>
        }
    };
    view! {
        <p class="ask">
            <label for="slow-head">{tr!("Head")}</label>
            <select id="slow-head" disabled=is_busy on:change=choose>
                {(0..attention.layers * heads).map(option).collect_view()}
            </select>
        </p>
    }
}

fn prediction(motion: &SlowMotion) -> impl IntoView + use<> {
    let view = expect_context::<SlowMotionView>();
    let token = motion.tokens[motion.position as usize].clone();
    let WordPrediction { probability, .. } = &motion.before;
    let loss = figure(-probability.ln(), 2);
    let chance = percent(*probability);
    let guessed = {
        let token = token.clone();
        move || {
            let guess = view.guess.get();
            let guess = guess.trim();
            if guess.is_empty() {
                String::new()
            } else if is_guessed(guess, &token) {
                tr!("You guessed “{guess}”: correct.", guess)
            } else {
                tr!("You guessed “{guess}”; it was “{token}”.", guess, token)
            }
        }
    };
    view! {
        <h3>{tr!("Prediction")}</h3>
        <p>
            {tr!("After all layers, the result is compared with the embedding of every token of the vocabulary. “{token}” gets {chance}: a loss of {loss} nats.", token, chance, loss)}
        </p>
        {candidates(tr!("The five best"), &motion.before.candidates)}
        <p role="status">{guessed}</p>
    }
}

fn training(motion: &SlowMotion, attention: &HeadTrace) -> impl IntoView + use<> {
    let token = motion.tokens[motion.position as usize].clone();
    let (before, after) = (
        percent(motion.before.probability),
        percent(motion.after.probability),
    );
    let rate = figure(motion.learning_rate, 3);
    let moved = attention.weights.iter().zip(&attention.weights_after);
    let moved: f64 = moved.map(|(before, after)| (before - after).abs()).sum();
    // Half the sum of the differences is the share that went elsewhere.
    let moved = (!attention.weights.is_empty()).then(|| {
        tr!(
            "{share} of this head's attention now goes elsewhere.",
            share = percent(moved / 2.0)
        )
    });
    view! {
        <h3>{tr!("One training step")}</h3>
        <p>
            {tr!("The loss is reduced by changing every weight a little: here by one step of AdamW on this line alone, at a learning rate of {rate}. The probability of “{token}” goes from {before} to {after}.", rate, token, before, after)}
            " " {moved}
        </p>
        {candidates(tr!("The five best, after the step"), &motion.after.candidates)}
        <p class="help">
            {tr!("The step was done on a copy: your model is unchanged. In training, a step averages over all masked words of a batch, so that each changes less.")}
        </p>
    }
}

fn candidates(caption: String, candidates: &[Candidate]) -> impl IntoView + use<> {
    let row = |candidate: &Candidate| Bar {
        name: candidate.token.clone(),
        share: candidate.score,
        words: percent(candidate.score),
    };
    let rows: Vec<Bar> = candidates.iter().map(row).collect();
    let rows = Memo::new(move |_| rows.clone());
    view! { <Bars caption heads=[tr!("Token"), tr!("Probability")] rows /> }
}

/// One bar per token.
fn bars(
    caption: String,
    motion: &SlowMotion,
    values: &[f64],
    words: fn(f64) -> String,
) -> impl IntoView + use<> {
    let name = |(place, token): (usize, &String)| {
        if place as u64 == motion.position {
            "[MASK]".to_string()
        } else {
            token.clone()
        }
    };
    let names = motion.tokens.iter().enumerate().map(name);
    let row = |((name, share), value): ((String, f64), &f64)| Bar {
        name,
        share,
        words: words(*value),
    };
    let rows: Vec<Bar> = names
        .zip(bar_lengths(values))
        .zip(values)
        .map(row)
        .collect();
    let rows = Memo::new(move |_| rows.clone());
    view! { <Bars caption heads=[tr!("Token"), tr!("Value")] rows /> }
}

/// Numbers as a strip of cells, and the first of them as digits.
fn numbers(numbers: &[f32]) -> impl IntoView + use<> {
    let columns = numbers.len().min(COLUMNS);
    let rows = numbers.len().div_ceil(COLUMNS);
    let cells = strip(numbers, COLUMNS);
    let first: Vec<String> = numbers
        .iter()
        .take(SHOWN_NUMBERS)
        .map(|number| with_minus(f64::from(*number), 2))
        .collect();
    let first = first.join(", ");
    view! {
        <svg class="strip" viewBox=format!("0 0 {columns} {rows}") aria-hidden="true" inner_html=cells></svg>
        <p class="help">{first} ", …"</p>
    }
}

/// Formats a number with a minus sign instead of a hyphen.
fn with_minus(number: f64, decimals: usize) -> String {
    figure(number, decimals).replace('-', "−")
}
