//! Attention of the previewed text: all heads as thumbnails, and one of them as lines and as a heat
//! map. The grid is part of the first screen and is updated during a run; the detail views have
//! their own panel.

mod grid;
mod views;

pub use grid::HeadsPanel;

use super::microscope::Scrubber;
use crate::chart::attention::Shown;
use crate::chart::heads::{Traits, looks_at, shown, traits};
use crate::context::app;
use crate::focus;
use crate::preview_context::{PreviewContext, scope};
use crate::state::{AttentionMap, StateSlice};
use crate::tr;
use crate::wording::{figure, joined};
use crate::workspace::{OnlyIn, Panel, Section, Step, View};
use grid::no_map_reason;
use leptos::prelude::*;
use std::sync::Arc;
use views::{HeatMap, Lines};

/// Initial share of a token's attention that its lines show; low enough to keep the lines of a
/// broad head distinguishable.
const MASS: f64 = 0.5;

/// Selection of the detail views.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    map: Memo<Option<AttentionMap>>,
    /// Positions of the tokens that are shown.
    places: Memo<Arc<Vec<usize>>>,
    head: Memo<(usize, usize)>,
    /// Index into `places` of the token in focus.
    focus: RwSignal<Option<usize>>,
    mass: RwSignal<f64>,
}

impl Choice {
    /// Passes the current selection to `paint`, unless there is no map or the positions do not fit
    /// it.
    fn shown<T>(&self, paint: impl FnOnce(&Shown<'_>) -> T) -> Option<T> {
        let (places, head, focus) = (
            self.places.get_untracked(),
            self.head.get_untracked(),
            self.focus.get_untracked(),
        );
        self.map.with_untracked(|map| {
            let fits = |map: &&AttentionMap| places.iter().all(|&place| place < map.tokens.len());
            let map = map.as_ref().filter(fits)?;
            Some(paint(&Shown {
                map,
                head,
                places: &places,
                focus,
            }))
        })
    }
}

/// One head as lines and as a heat map, of the previewed text or of a typed one.
#[component]
pub fn AttentionPanel() -> impl IntoView {
    let scope = scope();
    let map = scope.attention();
    let hide = RwSignal::new(false);
    let places = Memo::new(move |_| {
        Arc::new(map.with(|map| {
            map.as_ref()
                .map(|map| shown(map, hide.get()))
                .unwrap_or_default()
        }))
    });
    let head = scope.chosen_head();
    let choice = Choice {
        map,
        places,
        head,
        focus: RwSignal::new(None),
        mass: RwSignal::new(MASS),
    };
    // The focus is an index into the tokens: reset it when the text changes.
    let texts = Memo::new(move |_| map.with(|map| map.as_ref().map(|map| map.tokens.clone())));
    Effect::new(move |_| {
        texts.with(|_| ());
        choice.focus.set(None);
    });
    let missing = move || map.with(Option::is_none);
    let seen_by = app().memo(&[StateSlice::Answers], |state| state.attended_by.clone());
    let shown_text = move || {
        let words = |map: &AttentionMap| joined(map.tokens.iter().map(String::as_str));
        let text = map.with(|map| map.as_ref().map(words)).unwrap_or_default();
        match (scope.typed.get(), seen_by.get()) {
            (false, _) => tr!(
                "Shown: the masked document, as the model sees it: {text}",
                text
            ),
            (true, Some(model)) => tr!("Shown: {text}, seen by {model}", text, model),
            (true, None) => tr!("Shown: {text}", text),
        }
    };
    let reason = no_map_reason(scope);
    let detail = move || {
        view! {
            <div class="block" data-testid="attention-detail">
                <p class="help" hidden=move || !missing()>{reason}</p>
                <p class="help" hidden=missing><bdi>{shown_text}</bdi></p>
                <Words choice />
                <div class="attention-views" hidden=missing>
                    <Lines choice />
                    <HeatMap choice />
                </div>
            </div>
        }
    };
    let title = move || {
        let (layer, head) = head.get();
        tr!(
            "Layer {layer}, head {head}",
            layer = layer + 1,
            head = head + 1
        )
    };
    let panels = view! {
        <Panel id="one-head" title>{detail()}</Panel>
        <OnlyIn is_here=|view, step| view == View::Steps && step == Step::Attention><HeadsPanel /></OnlyIn>
    };
    view! {
        <Section
            step=Step::Attention
            lead=tr!("Which tokens each head connects. Attention shows where information may flow; it does not explain a prediction.")
            shape="two"
            panels=panels.into_any()
        >
            <Source scope />
            <Controls choice hide scope />
            // Only the previewed text has a history to replay.
            <div hidden=move || scope.typed.get()><Scrubber id="attention-scrubber" /></div>
        </Section>
    }
    .into_any()
}

/// Form to attend to a typed text, or to return to the previewed one.
#[component]
fn Source(scope: PreviewContext) -> impl IntoView {
    let app = app();
    let text = RwSignal::new("a small pot used for cooking".to_string());
    let missing = app.memo(
        &[StateSlice::Runs, StateSlice::Engine, StateSlice::Progress],
        |state| {
            !state.model.pretrained
                && !state.model.classifier
                && state.active().is_none_or(|run| run.steps_done() == 0)
        },
    );
    let ask = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !missing.get_untracked() {
            scope.typed.set(true);
            app.attend(text.get_untracked());
        }
    };
    let back = move |_| {
        scope.typed.set(false);
        focus::on("#attend");
    };
    view! {
        <form class="block" on:submit=ask>
            <label for="attend">{tr!("Text to inspect; separate the two texts of a pair with a tab")}</label>
            <div class="ask">
                <input
                    id="attend"
                    type="text"
                    autocomplete="off"
                    data-testid="attention-input"
                    aria-describedby="attend-reason"
                    prop:value=text
                    on:input=move |event| text.set(event_target_value(&event))
                />
                <button type="submit" class="primary" disabled=missing>{tr!("Look")}</button>
                <button type="button" hidden=move || !scope.typed.get() on:click=back>
                    {tr!("Back to the masked document")}
                </button>
            </div>
            <p id="attend-reason" class="help">
                {move || missing.get().then(|| tr!("There is no model yet: pre-train or import one first."))}
            </p>
        </form>
    }
}

#[component]
fn Controls(choice: Choice, hide: RwSignal<bool>, scope: PreviewContext) -> impl IntoView {
    let Choice {
        map,
        places,
        head,
        focus,
        mass,
    } = choice;
    let shape = Memo::new(move |_| {
        map.with(|map| map.as_ref().map_or((0, 0), |map| (map.layers, map.heads)))
    });
    let numbered = |count: usize, chosen: usize| {
        let option = move |index: usize| view! { <option value=index.to_string() selected=index == chosen>{index + 1}</option> };
        (0..count).map(option).collect_view()
    };
    let number = |event: &web_sys::Event| event_target_value(event).parse::<usize>().unwrap_or(0);
    let token = move || {
        let places = places.get();
        let place = focus.get().and_then(|focus| places.get(focus).copied());
        place.and_then(|place| {
            map.with(|map| {
                map.as_ref()
                    .filter(|map| place < map.tokens.len())
                    .map(|map| map.name_of(place))
            })
        })
    };
    let named = move || token().unwrap_or_else(|| tr!("all"));
    let description = move || {
        let (focus, places) = (focus.get()?, places.get());
        map.with(|map| Some(looks_at(map.as_ref()?, head.get(), focus, &places)))
    };
    view! {
        <div class="fields" hidden=move || map.with(Option::is_none)>
            <div class="field">
                <label for="layer">{tr!("Layer")}</label>
                <select id="layer" on:change=move |event| scope.head.update(|head| head.0 = number(&event))>
                    {move || numbered(shape.get().0, head.get().0)}
                </select>
            </div>
            <div class="field">
                <label for="head">{tr!("Head")}</label>
                <select id="head" on:change=move |event| scope.head.update(|head| head.1 = number(&event))>
                    {move || numbered(shape.get().1, head.get().1)}
                </select>
            </div>
            <div class="field">
                <label for="attention-token">{tr!("Token:")} " " <bdi>{named}</bdi></label>
                <input
                    id="attention-token"
                    type="range"
                    min="0"
                    max=move || places.with(|places| places.len()).to_string()
                    prop:value=move || focus.get().map_or(0, |focus| focus + 1).to_string()
                    aria-valuetext=move || description().unwrap_or_else(|| tr!("all tokens"))
                    on:input=move |event| focus.set(number(&event).checked_sub(1))
                />
            </div>
            <div class="field">
                <label for="attention-mass">
                    {move || tr!("Strongest attention lines, covering {share} %", share = figure(mass.get() * 100.0, 0))}
                </label>
                <input
                    id="attention-mass"
                    type="range"
                    min="0.1"
                    max="1"
                    step="0.05"
                    prop:value=move || mass.get().to_string()
                    on:input=move |event| mass.set(event_target_value(&event).parse().unwrap_or(MASS))
                />
            </div>
            <label class="option">
                <input
                    type="checkbox"
                    prop:checked=hide
                    on:change=move |event| {
                        focus.set(None);
                        hide.set(event_target_checked(&event));
                    }
                />
                <span>{with_code(&tr!("Hide [CLS] and [SEP]"))}</span>
            </label>
        </div>
    }
}

/// Returns a sentence with its special tokens as `<code>` elements.
fn with_code(sentence: &str) -> Vec<AnyView> {
    let piece = |text: &str| match text.starts_with('[') {
        true => view! { <code>{text.to_string()}</code> }.into_any(),
        false => text.to_string().into_any(),
    };
    sentence.split_inclusive([' ', ']']).map(piece).collect()
}

/// Description of the head, and of what the token in focus attends to.
#[component]
fn Words(choice: Choice) -> impl IntoView {
    let Choice {
        map,
        places,
        head,
        focus,
        ..
    } = choice;
    let of_head = move || {
        map.with(|map| {
            let (layer, index) = head.get();
            let Traits { entropy, pattern } = traits(map.as_ref()?, layer, index);
            let (words, entropy) = (pattern.words(), figure(entropy, 2));
            let most = figure((map.as_ref()?.tokens.len() as f64).ln(), 2);
            Some(tr!(
                "Layer {layer}, head {head} {words}; entropy {entropy} of at most {most} nats.",
                layer = layer + 1,
                head = index + 1,
                words,
                entropy,
                most
            ))
        })
    };
    let of_token = move || {
        let (focus, places) = (focus.get()?, places.get());
        let words = map.with(|map| Some(looks_at(map.as_ref()?, head.get(), focus, &places)))?;
        (!words.is_empty()).then(|| format!(" {}", tr!("{sentence}.", sentence = words)))
    };
    view! {
        <p class="status" hidden=move || map.with(Option::is_none)>
            {of_head}
            <bdi>{of_token}</bdi>
        </p>
    }
}
