//! Inference: predictions for `[MASK]` tokens and labels for a text, or the reason why the
//! model cannot answer.

use super::asked::{Asked, MASK};
use super::evidence::EvidencePanel;
use super::label_file::LabelFile;
use crate::confidence::unfamiliar;
use crate::context::app;
use crate::language::translated;
use crate::mark;
use crate::state::{Classification, Engine, Model, RunState, StateSlice};
use crate::tr;
use crate::wording::percent;
use crate::workspace::{Panel, Section, Step};
use leptos::html;
use leptos::prelude::*;
use protocol::{Candidate, LabelScore, MaskPrediction, Phase};

/// The inference panel: fill-mask, classification of a text, and of a whole file.
#[component]
pub fn TryPanel() -> impl IntoView {
    view! {
        <Section
            step=Step::Try
            lead=tr!("Uses the most recent model: it fills masks after pre-training, and classifies after fine-tuning.")
            shape="beside"
            panels=view! { <Panels /> }.into_any()
        >
            <LabelFile />
        </Section>
    }
    .into_any()
}

#[component]
fn Panels() -> impl IntoView {
    view! {
        <Panel id="fill-mask" title=tr!("Fill in the blank")>
            <FillMask />
        </Panel>
        <Panel id="classify" title=tr!("Classify a text")>
            <Classify />
        </Panel>
        <EvidencePanel />
    }
}

#[component]
fn FillMask() -> impl IntoView {
    let app = app();
    let input = NodeRef::<html::Input>::new();
    let text = expect_context::<Asked>().guess;
    let missing = app.memo(
        &[StateSlice::Runs, StateSlice::Engine, StateSlice::Progress],
        RunState::reason_not_to_predict,
    );
    let reason = move || {
        missing.get().or_else(|| {
            text.with(|text| !text.contains(MASK))
                .then(|| translated(NO_MASK))
        })
    };
    let guesses = app.memo(&[StateSlice::Answers, StateSlice::Runs], |state| {
        let before = state.guesses_before().map(<[MaskPrediction]>::to_vec);
        let text = state.answered_text().to_string();
        state.guesses.clone().map(|masks| (text, masks, before))
    });
    let ask = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if reason().is_none() {
            app.fill_mask(text.get_untracked());
        }
    };
    let label = tr!("A text with [MASK] where a word is missing");
    let (before, after) = label.split_once(MASK).unwrap_or((label.as_str(), ""));
    let (before, after) = (before.to_string(), after.to_string());
    view! {
        <form class="block" on:submit=ask>
            <p><ModelName phase=Phase::Pretrain /></p>
            <label for="fill-mask">{before}<code>"[MASK]"</code>{after}</label>
            <div class="ask">
                <input
                    id="fill-mask"
                    node_ref=input
                    type="text"
                    autocomplete="off"
                    data-testid="fill-mask-input"
                    aria-describedby="fill-mask-reason"
                    prop:value=text
                    on:input=move |event| text.set(event_target_value(&event))
                />
                <button type="button" on:click=move |_| insert_mask(input, text)>{tr!("Insert [MASK]")}</button>
                <button type="submit" class="primary" disabled=move || reason().is_some()>{tr!("Predict")}</button>
            </div>
            <p id="fill-mask-reason" class="help">{move || reason().unwrap_or_default()}</p>
            <FinishedModel phase=Phase::Pretrain testid="finished-model-try" />
            <div class="answers" data-testid="fill-mask-result">
                {move || guesses.get().map(|(text, masks, before)| view! { {of_text(text)} {prediction_tables(masks, before)} })}
            </div>
        </form>
    }
}

/// Offers the bundled model of a phase if there is no model for it yet and opening it would not
/// replace one trained in this tab.
#[component]
pub(super) fn FinishedModel(
    /// Phase that the model was trained for.
    phase: Phase,
    /// `data-testid` of the button.
    testid: &'static str,
) -> impl IntoView {
    let app = app();
    let is_wanted = app.memo(
        &[StateSlice::Runs, StateSlice::Engine, StateSlice::Progress],
        move |state| {
            let Model {
                guesses,
                classifier,
                ..
            } = state.model;
            let answers = if phase == Phase::Pretrain {
                guesses
            } else {
                classifier
            };
            let is_trained_here = state
                .runs
                .iter()
                .any(|run| run.is_here() && state.is_loaded(&run.id));
            matches!(state.engine, Engine::Ready(_))
                && state.active().is_none()
                && !answers
                && !is_trained_here
        },
    );
    let (button, help) = match phase {
        Phase::Pretrain => (
            tr!("Open a finished model"),
            tr!(
                "Pre-trained on the bundled definitions, with its curves, 3 MB: to try things before you train."
            ),
        ),
        Phase::Finetune => (
            tr!("Open a finished classifier"),
            tr!("Fine-tuned on the bundled definitions, one network without a linear part, 3 MB."),
        ),
    };
    view! {
        <p class="ask" hidden=move || !is_wanted.get()>
            <button type="button" data-testid=testid on:click=move |_| app.open_finished_model(phase)>
                {button}
            </button>
            <span class="help">{help}</span>
        </p>
    }
}

/// Name of the model that answers.
#[component]
pub(super) fn ModelName(phase: Phase) -> impl IntoView {
    let name = app().memo(&[StateSlice::Runs, StateSlice::Progress], move |state| {
        state.model_name(phase)
    });
    view! { <span class="summary-note">{move || name.get().map(|name| format!(" {name}"))}</span> }
}

/// Shows the text that an answer refers to, since the input may have changed.
fn of_text(text: String) -> impl IntoView {
    view! { <p class="asked"><bdi>{text}</bdi></p> }
}

const NO_MASK: &str = mark!("Put [MASK] where a word is missing.");

fn reason_not_to_label(state: &RunState) -> Option<String> {
    let can = state.model.classifier || state.is_learning(Phase::Finetune);
    (!can).then(|| tr!("There is no classifier yet: fine-tune or import one first."))
}

/// Inserts `[MASK]` at the caret, or at the end if there is none, separated by spaces.
fn insert_mask(input: NodeRef<html::Input>, text: RwSignal<String>) {
    let Some(input) = input.get_untracked() else {
        return;
    };
    let caret = input.selection_start().ok().flatten().unwrap_or(u32::MAX) as usize;
    let units: Vec<u16> = input.value().encode_utf16().collect();
    let (before, after) = units.split_at(caret.min(units.len()));
    let (before, after) = (
        String::from_utf16_lossy(before),
        String::from_utf16_lossy(after),
    );
    let space = |needed: bool| if needed { " " } else { "" };
    let left = space(!before.is_empty() && !before.ends_with(' '));
    let right = space(!after.is_empty() && !after.starts_with(' '));
    text.set(format!("{before}{left}{MASK}{right}{after}"));
    input.focus().unwrap_or_default();
}

fn prediction_tables(
    masks: Vec<MaskPrediction>,
    before: Option<Vec<MaskPrediction>>,
) -> impl IntoView {
    let earlier = |index: usize| {
        before
            .as_ref()
            .and_then(|before| before.get(index).cloned())
    };
    masks
        .into_iter()
        .enumerate()
        .map(|(index, mask)| prediction_table(index, mask, earlier(index)))
        .collect_view()
}

/// Table of the predictions for one mask, beside the previous predictions by an earlier model or at
/// an earlier step.
fn prediction_table(
    index: usize,
    mask: MaskPrediction,
    before: Option<MaskPrediction>,
) -> impl IntoView {
    let compared = before.is_some();
    let row = move |Candidate { token, score }: Candidate| {
        let earlier = before.as_ref().map(|before| {
            let known = before
                .candidates
                .iter()
                .find(|candidate| candidate.token == token);
            known.map_or_else(|| tr!("not listed"), |candidate| percent(candidate.score))
        });
        scored_row(token, score, None, earlier)
    };
    view! {
        <table class="scores">
            <caption>{tr!("Blank {number}, token {position}", number = index + 1, position = mask.position)}</caption>
            <thead>
                <tr>
                    <th scope="col">{tr!("Token")}</th>
                    <th scope="col">{tr!("Probability")}</th>
                    {compared.then(|| view! { <th scope="col">{tr!("Before")}</th> })}
                </tr>
            </thead>
            <tbody>{mask.candidates.into_iter().map(row).collect_view()}</tbody>
        </table>
    }
}

#[component]
fn Classify() -> impl IntoView {
    let app = app();
    let Asked {
        label: text,
        by_own,
        ..
    } = expect_context();
    let reason = app.memo(
        &[StateSlice::Runs, StateSlice::Engine, StateSlice::Progress],
        reason_not_to_label,
    );
    let reason = move || {
        reason.get().or_else(|| {
            text.with(|text| text.trim().is_empty())
                .then(|| tr!("Type a text to classify."))
        })
    };
    let answer = app.memo(&[StateSlice::Answers], |state| state.classified.clone());
    let ask = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if reason().is_none() {
            app.classify(text.get_untracked());
        }
    };
    view! {
        <form class="block" on:submit=ask>
            <p><ModelName phase=Phase::Finetune /></p>
            <label for="classify">{tr!("Any text")}</label>
            <div class="ask">
                <input
                    id="classify"
                    type="text"
                    autocomplete="off"
                    data-testid="classify-input"
                    aria-describedby="classify-reason"
                    prop:value=text
                    on:input=move |event| text.set(event_target_value(&event))
                />
                <button type="submit" class="primary" disabled=move || reason().is_some()>{tr!("Classify")}</button>
            </div>
            <p id="classify-reason" class="help">{reason}</p>
            <FinishedModel phase=Phase::Finetune testid="finished-classifier" />
            <label class="option" hidden=move || answer.with(|answer| answer.as_ref().is_none_or(|answer| answer.thresholds.is_empty()))>
                <input type="checkbox" prop:checked=by_own on:change=move |event| by_own.set(event_target_checked(&event)) />
                <span>{tr!("Each label counts from its own threshold")}</span>
            </label>
            <div class="answers" data-testid="classify-result">
                {move || answer.get().map(|answer| label_table(answer, by_own.get()))}
            </div>
        </form>
    }
}

/// Table of the labels of a text; if `by_own`, each label uses its own threshold instead of the
/// common one.
fn label_table(answer: Classification, by_own: bool) -> impl IntoView {
    let threshold = answer.threshold;
    let text = of_text(answer.text);
    let unfamiliar = unfamiliar(answer.words, &answer.unseen);
    let (cutoffs, own) = (answer.cutoffs, answer.thresholds);
    let by_label = cutoffs.iter().any(|cutoff| *cutoff != threshold);
    let tuned = !own.is_empty();
    let by_own = by_own && tuned;
    let row = move |(index, LabelScore { label, score, .. }): (usize, LabelScore)| {
        let from = if by_own { &own } else { &cutoffs }
            .get(index)
            .copied()
            .unwrap_or(threshold);
        let predicted = Some(index == 0 || score >= from && from > 0.0);
        scored_row(
            label,
            score,
            predicted,
            own.get(index).filter(|_| by_own).map(|own| percent(*own)),
        )
    };
    let caption = match threshold > 0.0 {
        _ if by_own || by_label => {
            tr!("✓ = predicted: the best label, and any label above its own threshold.")
        }
        true => {
            let share = percent(threshold);
            tr!(
                "✓ = predicted: the best label, and any label with at least {share}.",
                share
            )
        }
        false => tr!("✓ = predicted: the best label."),
    };
    view! {
        {text}
        <table class="scores">
            <caption>{caption}</caption>
            <thead>
                <tr>
                    <th scope="col">{tr!("Label")}</th>
                    <th scope="col">{tr!("Probability")}</th>
                    {by_own.then(|| view! { <th scope="col">{tr!("Own threshold")}</th> })}
                </tr>
            </thead>
            <tbody>{answer.labels.into_iter().enumerate().map(row).collect_view()}</tbody>
        </table>
        {unfamiliar.map(|words| view! { <p class="help whole" data-testid="unfamiliar">{words}</p> })}
    }
}

fn scored_row(
    name: String,
    score: f64,
    predicted: Option<bool>,
    further: Option<String>,
) -> impl IntoView {
    let label = tr!("Probability of {name}", name);
    let mark = predicted
        .filter(|predicted| *predicted)
        .map(|_| view! { <span class="given">" ✓"</span> });
    view! {
        <tr class:not-given=predicted == Some(false)>
            <th scope="row"><bdi>{name}</bdi>{mark}</th>
            <td>
                <meter min="0" max="1" value=score.to_string() aria-label=label aria-valuetext=percent(score)></meter>
                <span class="number">{percent(score)}</span>
            </td>
            {further.map(|further| view! { <td class="number">{further}</td> })}
        </tr>
    }
}
