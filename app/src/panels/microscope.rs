//! The masking preview: an example token by token, with the original token, the masked input and
//! the model's predictions during training. Source: Devlin et al. 2019, section 3.1.

use crate::context::app;
use crate::preview_context::{OwnMask, PreviewContext, scope};
use crate::state::{PreviewSnapshot, RunState, StateSlice};
use crate::tr;
use crate::wording::{figure, grouped, joined, percent};
use leptos::prelude::*;
use protocol::{BackboneKind, Candidate, MaskKind, MaskedToken, RunConfig};

/// The parts of a token that do not change during training.
#[derive(Clone, PartialEq)]
struct Slot {
    original: String,
    shown: String,
    kind: MaskKind,
}

/// The example before and after masking, with the current predictions and a tally of them.
#[component]
pub fn Microscope() -> impl IntoView {
    let scope = scope();
    let frame = scope.frame();
    let slots = Memo::new(move |_| {
        frame
            .with(|frame| frame.as_ref().map(slots))
            .unwrap_or_default()
    });
    let missing = move || slots.with(Vec::is_empty);
    view! {
        <div class="microscope" data-testid="masking-preview">
            <p class="original-line" hidden=missing>
                <span class="help">{tr!("Before masking:")} " "</span>
                <bdi>{move || slots.with(|slots| joined(slots.iter().map(|slot| slot.original.as_str())))}</bdi>
            </p>
            <div class="masking">
                {move || {
                    let slots = slots.get();
                    if slots.is_empty() { waiting().into_any() } else { tokens(slots, frame, scope).into_any() }
                }}
            </div>
            <Tally frame />
        </div>
    }
    .into_any()
}

/// Buttons that preview another mask or another document.
#[component]
pub fn OtherLooks() -> impl IntoView {
    let app = app();
    let scope = scope();
    let missing = app.memo(&[StateSlice::Masking, StateSlice::Corpus], |state| {
        state.masking.is_none()
    });
    let another_mask = move |_| {
        scope.epoch.update(|epoch| *epoch += 1);
        scope.look();
    };
    let another_line = move |_| {
        scope.text.set(None);
        scope.example.update(|example| *example += 1);
        scope.look();
    };
    view! {
        <div class="buttons">
            <button type="button" disabled=missing on:click=another_mask>{tr!("Other masks")}</button>
            <button type="button" disabled=missing on:click=another_line>{tr!("Other document")}</button>
        </div>
    }
    .into_any()
}

fn slots(frame: &PreviewSnapshot) -> Vec<Slot> {
    let slot = |token: &MaskedToken| Slot {
        original: token.original.clone(),
        shown: token.shown.clone(),
        kind: token.kind,
    };
    frame.tokens.iter().map(slot).collect()
}

fn waiting() -> impl IntoView {
    view! { <p class="help">{tr!("Appears when the text is read and the vocabulary is learned.")}</p> }
}

fn tokens(
    slots: Vec<Slot>,
    frame: Memo<Option<PreviewSnapshot>>,
    scope: PreviewContext,
) -> impl IntoView {
    let one = move |(place, slot): (usize, Slot)| token(place, slot, frame, scope);
    view! {
        <ol class="tokens" aria-label=tr!("Tokens, each as it was, as the model sees it, and as it guesses")>
            {slots.into_iter().enumerate().map(one).collect_view()}
        </ol>
    }
}

fn token(
    place: usize,
    slot: Slot,
    frame: Memo<Option<PreviewSnapshot>>,
    scope: PreviewContext,
) -> impl IntoView {
    let Some((class, tag, words)) = treatment(slot.kind) else {
        let class = if slot.kind == MaskKind::Special {
            "token special"
        } else {
            "token"
        };
        return view! { <li class=class><span class="shown"><bdi>{slot.shown}</bdi></span></li> }
            .into_any();
    };
    let best = Memo::new(move |_| {
        frame.with(|frame| {
            frame
                .as_ref()
                .and_then(|frame| frame.tokens.get(place)?.guesses.first().cloned())
        })
    });
    // The loss relative to uniform predictions, as 0 to 1: it moves long before the top prediction
    // is correct.
    let app = app();
    let progress = Memo::new(move |_| {
        let loss = frame.with(|frame| {
            frame
                .as_ref()
                .and_then(|frame| frame.tokens.get(place)?.loss)
        });
        let random = app.read(
            &[StateSlice::Vocabulary, StateSlice::Runs],
            RunState::random_loss,
        );
        let (loss, random) = (loss?, random.filter(|random| *random > 0.0)?);
        Some((1.0 - loss / random).clamp(0.0, 1.0))
    });
    let length = move || {
        progress
            .get()
            .map(|progress| format!("{:.1}%", 100.0 * progress))
    };
    let original = slot.original.clone();
    let title = words.clone();
    let right = move || best.with(|best| best.as_ref().is_some_and(|best| best.token == original));
    let (mark, is_correct) = (right.clone(), right.clone());
    let guess = move || best.with(|best| best.as_ref().map(|best| best.token.clone()));
    view! {
        <li class=format!("token {class}")>
            <bdi class="original">{slot.original}</bdi>
            <button
                type="button"
                class="shown"
                title=title
                aria-pressed=move || (scope.token.get() == Some(place)).to_string()
                on:click=move |_| scope.token.set(Some(place))
            >
                <bdi>{slot.shown}</bdi>
                <abbr class=format!("tag {class}") title=words>{tag}</abbr>
                <span class="sure" aria-hidden="true" style:width=length></span>
            </button>
            <span class="guess" class:right=right class:none=move || best.with(Option::is_none)>
                <span aria-hidden="true">{move || if mark() { "✓ " } else { "✗ " }}</span>
                <span class="visually-hidden">
                    {move || if is_correct() { tr!("correct") } else { tr!("wrong") }} " "
                </span>
                <bdi>{guess}</bdi>
            </span>
        </li>
    }
    .into_any()
}

/// Returns the CSS class, the tag and the description of the masking of a token, or `None` if it is
/// not to be predicted.
fn treatment(kind: MaskKind) -> Option<(&'static str, &'static str, String)> {
    match kind {
        MaskKind::Untouched | MaskKind::Special => None,
        MaskKind::Masked => Some(("masked", "M", tr!("masked"))),
        MaskKind::Random => Some(("random", "R", tr!("replaced at random"))),
        MaskKind::Kept => Some(("kept", "K", tr!("kept, but to be predicted"))),
    }
}

/// Counts of masked, replaced and kept tokens, and of correct predictions.
#[component]
fn Tally(frame: Memo<Option<PreviewSnapshot>>) -> impl IntoView {
    let count = move |kind| {
        let of = move |frame: &Option<PreviewSnapshot>| {
            frame.as_ref().map_or(0, |frame| {
                frame
                    .tokens
                    .iter()
                    .filter(|token| token.kind == kind)
                    .count()
            })
        };
        frame.with(of)
    };
    let all = move || {
        let text = |frame: &PreviewSnapshot| {
            frame
                .tokens
                .iter()
                .filter(|token| token.kind != MaskKind::Special)
                .count()
        };
        frame.with(|frame| frame.as_ref().map_or(0, text))
    };
    let chosen = move || count(MaskKind::Masked) + count(MaskKind::Random) + count(MaskKind::Kept);
    let item = move |kind: MaskKind, words: fn(usize) -> String| {
        let (class, tag, _) = treatment(kind).expect("a chosen kind");
        view! { <span><b class=format!("tag {class}")>{tag}</b>" "{move || words(count(kind))}</span> }
    };
    let result = move || frame.with(|frame| frame.as_ref().and_then(outcome));
    view! {
        <p class="legend" hidden=move || frame.with(Option::is_none)>
            <span>{move || tr!("{chosen} of {all} tokens chosen:", chosen = chosen(), all = all())}</span>
            {item(MaskKind::Masked, |count| tr!("{count} masked", count))}
            {item(MaskKind::Random, |count| tr!("{count} random", count))}
            {item(MaskKind::Kept, |count| tr!("{count} kept", count))}
            <b hidden=move || result().is_none()>{result}</b>
            <span class="help" hidden=move || result().is_none()>{tr!("Longer bar: higher probability of the true token.")}</span>
        </p>
    }
}

fn outcome(frame: &PreviewSnapshot) -> Option<String> {
    let (right, asked) = frame.right();
    let loss = figure(frame.loss()?, 2);
    let Some(step) = frame.step.map(grouped) else {
        return Some(tr!(
            "{right} of {asked} guessed right, loss {loss} (now)",
            right,
            asked,
            loss
        ));
    };
    Some(tr!(
        "{right} of {asked} guessed right, loss {loss} (step {step})",
        right,
        asked,
        loss,
        step
    ))
}

/// The predictions for one token: the selected one, or else the first to be predicted.
#[component]
pub fn Predictions() -> impl IntoView {
    let scope = scope();
    let frame = scope.frame();
    let shown = Memo::new(move |_| {
        let chosen = scope.token.get();
        frame.with(|frame| {
            let tokens = &frame.as_ref()?.tokens;
            let pressed = chosen
                .and_then(|place| tokens.get(place))
                .filter(|token| token.loss.is_some());
            pressed
                .or_else(|| tokens.iter().find(|token| token.loss.is_some()))
                .cloned()
        })
    });
    let caption = move || {
        shown.with(|token| {
            let token = token.as_ref()?;
            let loss = figure(token.loss?, 2);
            let original = &token.original;
            Some(tr!(
                "Predictions for “{original}” (loss {loss} nats):",
                original,
                loss
            ))
        })
    };
    let rows = move || {
        shown.with(|token| {
            token
                .as_ref()
                .map(|token| token.guesses.clone())
                .unwrap_or_default()
        })
    };
    let row = |Candidate { token, score }: Candidate| {
        view! { <li><bdi>{token}</bdi>" "<span class="help">{percent(score)}</span></li> }
    };
    view! {
        <div class="candidates" hidden=move || shown.with(Option::is_none)>
            <p class="help">{caption}</p>
            <ol>{move || rows().into_iter().map(row).collect_view()}</ol>
        </div>
    }
}

/// Settings of the preview: a typed sentence, the masking, and the replay of its history.
#[component]
pub fn MicroscopeSettings() -> impl IntoView {
    let scope = scope();
    let typed = RwSignal::new(String::new());
    let take = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = typed.get_untracked();
        scope.text.set((!text.trim().is_empty()).then_some(text));
        scope.look();
    };
    view! {
        <form class="block" on:submit=take>
            <label for="own-sentence">{tr!("Your own sentence")}</label>
            <div class="ask">
                <input
                    id="own-sentence"
                    type="text"
                    autocomplete="off"
                    data-testid="own-sentence"
                    on:input=move |event| typed.set(event_target_value(&event))
                />
                <button type="submit">{tr!("Use this sentence")}</button>
            </div>
        </form>
        <MaskControls scope />
        <Scrubber id="scrubber" />
    }
    .into_any()
}

#[component]
fn MaskControls(scope: PreviewContext) -> impl IntoView {
    let app = app();
    let rate = move || scope.mask.get().rate;
    let in_training = move || {
        app.settings
            .with(|settings| training_rate(&settings.pretrain))
    };
    let here = move || match rate().map(percent) {
        Some(share) => tr!("{share} here.", share),
        None => tr!("As in training."),
    };
    let change = move |edit: fn(&mut OwnMask, String), event: web_sys::Event| {
        scope
            .mask
            .update(|mask| edit(mask, event_target_value(&event)));
        scope.look();
    };
    let whole_words = move || {
        let own = scope.mask.get().whole_word;
        own.unwrap_or_else(|| app.settings.with(|settings| settings.pretrain.whole_word))
    };
    view! {
        <div class="fields">
            <div class="field">
                <label for="scope-rate">{tr!("Share of tokens to predict")}</label>
                <input
                    id="scope-rate"
                    type="range"
                    min="0.05"
                    max="0.9"
                    step="0.05"
                    prop:value=move || rate().unwrap_or_else(in_training).to_string()
                    aria-valuetext=move || rate().map_or_else(|| tr!("as in training"), percent)
                    on:change=move |event| change(|mask, value| mask.rate = value.parse().ok(), event)
                />
                <p class="help">{here}</p>
            </div>
            <div class="field">
                <label for="scope-seed">{tr!("Seed of the mask")}</label>
                <input
                    id="scope-seed"
                    type="text"
                    inputmode="numeric"
                    autocomplete="off"
                    placeholder=tr!("as in training")
                    prop:value=move || scope.mask.get().seed.map(|seed| seed.to_string()).unwrap_or_default()
                    on:change=move |event| change(|mask, value| mask.seed = value.trim().parse().ok(), event)
                />
                <p class="help">{tr!("A different seed masks different words. This does not affect training.")}</p>
            </div>
            <label class="option">
                <input
                    type="checkbox"
                    prop:checked=whole_words
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        scope.mask.update(|mask| mask.whole_word = Some(on));
                        scope.look();
                    }
                />
                <span>{tr!("Whole words")}</span>
            </label>
        </div>
    }
}

/// Default mask rate of BERT as published; this and the following defaults match the engine's plan.
const PUBLISHED_RATE: f64 = 0.15;
/// Default mask rate of the 2018 system's masking.
const LEGACY_RATE: f64 = 0.1;
/// Default mask rate of the fast Transformers.
const FAST_RATE: f64 = 0.4;
/// Default mask rate of all other models.
const DEFAULT_RATE: f64 = 0.3;

/// Returns the mask rate of training: the configured one, or else the default for the masking and
/// the preset.
fn training_rate(config: &RunConfig) -> f64 {
    config
        .mask_rate
        .unwrap_or(match config.preset.starts_with("bert") {
            _ if config.seed_masking => LEGACY_RATE,
            true => PUBLISHED_RATE,
            false
                if config.preset.starts_with("fast")
                    && config.backbone == BackboneKind::Transformer =>
            {
                FAST_RATE
            }
            false => DEFAULT_RATE,
        })
}

/// Slider over the recorded snapshots of the preview; `id` distinguishes several sliders on a page.
#[component]
pub fn Scrubber(id: &'static str) -> impl IntoView {
    let (app, scope) = (app(), scope());
    let steps = Memo::new(move |_| {
        scope.read_film(|film| {
            film.frames()
                .iter()
                .map(|frame| (frame.step, frame.loss().is_some()))
                .collect::<Vec<_>>()
        })
    });
    let runs = app.memo(
        &[StateSlice::Masking, StateSlice::Corpus, StateSlice::Runs],
        RunState::runs_with_history,
    );
    let film = move || {
        scope
            .read_film(|film| film.run().map(String::from))
            .unwrap_or_default()
    };
    let choose = move |event| {
        scope.film.set(Some(event_target_value(&event)));
        scope.moment.set(None);
    };
    let option = move |(run, name): (String, String)| {
        let id = run.clone();
        view! { <option value=run prop:selected=move || film() == id>{name}</option> }
    };
    let last = move || steps.with(Vec::len).saturating_sub(1);
    let moment_of = |step: &(Option<u64>, bool)| step.0.unwrap_or(0);
    let place = move || match scope.moment.get() {
        Some(moment) => steps.with(|steps| {
            steps
                .iter()
                .rposition(|step| moment_of(step) <= moment)
                .unwrap_or(0)
        }),
        None => last(),
    };
    let words = move || match steps.with(|steps| steps.get(place()).copied()) {
        Some((Some(step), _)) => tr!("step {step}", step = grouped(step)),
        Some((None, false)) => tr!("before training"),
        _ => tr!("now"),
    };
    let go = move |place: usize| {
        let moment = steps.with_untracked(|steps| steps.get(place).map(moment_of));
        scope.moment.set(moment.filter(|_| place < last()));
    };
    let on_input = move |event| go(event_target_value(&event).parse().unwrap_or(usize::MAX));
    view! {
        <div class="field" hidden=move || runs.with(Vec::is_empty)>
            <label for=format!("{id}-run")>{tr!("Run to replay")}</label>
            <select id=format!("{id}-run") on:change=choose>
                {move || runs.get().into_iter().map(option).collect_view()}
            </select>
        </div>
        <p class="help" hidden=move || steps.with(|steps| steps.len() != 1)>
            {tr!("Nothing to replay yet. Predictions are recorded while a model trains with this text on screen.")}
        </p>
        <div class="field scrubber" hidden=move || steps.with(|steps| steps.len() < 2)>
            <label for=id>{tr!("Replay:")} " " <span>{words}</span></label>
            <div class="joined-wide">
                <button type="button" aria-label=tr!("A moment earlier") on:click=move |_| go(place().saturating_sub(1))>"‹"</button>
                <input
                    id=id
                    type="range"
                    min="0"
                    data-testid=id
                    max=move || last().to_string()
                    prop:value=move || place().to_string()
                    aria-valuetext=words
                    on:input=on_input
                />
                <button type="button" aria-label=tr!("A moment later") on:click=move |_| go(place() + 1)>"›"</button>
            </div>
            <p class="help">{tr!("Step back through saved moments to see predictions and attention develop.")}</p>
        </div>
    }
}
