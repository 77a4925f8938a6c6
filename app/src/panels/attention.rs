//! Where the model looks: all heads as small squares, one of them as lines and as a map. The grid stands beside the text
//! under the microscope and sharpens as the model learns; the details stand among the questions.

use super::section::Section;
use crate::chart::attention::{ROW, Shown, cell_at, paint_lines, paint_map, paint_thumbnail};
use crate::chart::heads::{Pattern, Traits, lines, looks_at, shown, traits};
use crate::chart::scene::Size;
use crate::focus;
use crate::lab::lab;
use crate::page::Dark;
use crate::scope::{Scope, scope};
use crate::state::{AttentionMap, Topic};
use crate::tr;
use crate::wording::figure;
use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use wasm_bindgen::prelude::*;
use web_sys::{HtmlCanvasElement, HtmlElement, KeyboardEvent, PointerEvent, ResizeObserver};

/// More lines than this are a blur, and take time.
const MOST_LINES: usize = 3000;

/// Share of a token's attention that its lines show, at first (Hoover et al. 2020).
const MASS: f64 = 0.7;

/// All heads of the text under the microscope.
#[component]
pub fn AttentionGrid() -> impl IntoView {
    let scope = scope();
    let map = scope.attention();
    let shape = Memo::new(move |_| map.with(|map| map.as_ref().map(|map| (map.layers, map.heads))));
    let reason = no_map_reason(scope);
    let grid = NodeRef::<Div>::new();
    let chosen = scope.chosen_head();
    let keys = move |event: KeyboardEvent| {
        let Some((layers, heads)) = shape.get_untracked().filter(|_| !is_shortcut(&event)) else { return };
        let (layer, head) = chosen.get_untracked();
        let next = match event.key().as_str() {
            "ArrowLeft" => (layer, head.saturating_sub(1)),
            "ArrowRight" => (layer, (head + 1).min(heads - 1)),
            "ArrowUp" => (layer.saturating_sub(1), head),
            "ArrowDown" => ((layer + 1).min(layers - 1), head),
            _ => return,
        };
        event.prevent_default();
        scope.head.set(next);
        focus_head(grid, next.0 * heads + next.1);
    };
    let cells = move |(layers, heads): (usize, usize)| {
        let row = move |layer: usize| {
            let cell = move |head: usize| view! { <Head map scope chosen place=(layer, head) /> };
            view! { <div class="head-row">{(0..heads).map(cell).collect_view()}</div> }
        };
        (0..layers).map(row).collect_view()
    };
    view! {
        <div class="attention-block">
            <h3>{tr!("Where it looks")} " " <span class="summary-note">{tr!("layers down, heads across")}</span></h3>
            <div
                class="head-grid"
                role="group"
                aria-label=tr!("Attention heads; arrow keys move between them")
                data-testid="attention-grid"
                node_ref=grid
                on:keydown=keys
            >
                {move || shape.get().map(cells)}
                <p class="help" hidden=move || shape.with(Option::is_some)>{reason}</p>
            </div>
        </div>
    }
    .into_any()
}

fn focus_head(grid: NodeRef<Div>, index: usize) {
    let buttons = grid.get_untracked().and_then(|grid| grid.query_selector_all("button").ok());
    let button =
        buttons.and_then(|buttons| buttons.item(index as u32)).and_then(|node| node.dyn_into::<HtmlElement>().ok());
    if let Some(button) = button {
        button.focus().unwrap_or_default();
    }
}

fn no_map_reason(scope: Scope) -> impl Fn() -> String + Copy {
    let lab = lab();
    let guessed = lab.memo(&[Topic::Masking, Topic::Corpus], |state| state.film.is_guessed());
    let before = lab.memo(&[Topic::Masking, Topic::Corpus], |state| {
        state.film.frames().iter().any(|frame| frame.attention.is_some())
    });
    move || match (scope.typed.get(), guessed.get(), before.get()) {
        (true, ..) => tr!("Type a text under Attention and ask."),
        (false, true, true) => tr!("Nothing was looked at yet at this moment."),
        (false, true, false) => tr!("This model has no attention; a Transformer has."),
        (false, false, _) => tr!("Appears with the first steps: each square is a head, each dark spot a look."),
    }
}

/// One head: a square, its pattern and its entropy.
#[component]
fn Head(
    map: Memo<Option<AttentionMap>>,
    scope: Scope,
    chosen: Memo<(usize, usize)>,
    place: (usize, usize),
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let Dark(dark) = expect_context::<Dark>();
    // How often there was something new to show. Large maps are taken in head by head, each in a task of its own.
    let news = RwSignal::new(0_u64);
    Effect::new(move |_| {
        let bytes = map.with(|map| map.as_ref().map_or(0, |map| map.layers * map.heads * map.tokens.len().pow(2)));
        let tell = move || news.try_update(|news| *news += 1).unwrap_or_default();
        match bytes > MOST_AT_ONCE {
            true => set_timeout(tell, Duration::ZERO),
            false => tell(),
        }
    });
    let measured = Memo::new(move |_| {
        news.track();
        map.with_untracked(|map| {
            map.as_ref()
                .filter(|map| place.0 < map.layers && place.1 < map.heads)
                .map(|map| traits(map, place.0, place.1))
        })
    });
    Effect::new(move |_| {
        dark.track();
        news.track();
        map.with_untracked(|map| {
            if let Some((canvas, map)) = canvas.get().zip(map.as_ref()) {
                paint_thumbnail(&canvas, map, place);
            }
        });
    });
    let is_chosen = move || chosen.get() == place;
    let name = move || {
        let Traits { entropy, pattern } = measured.get().unwrap_or(NOTHING);
        let (word, words, entropy) = (pattern.word(), pattern.words(), figure(entropy, 1));
        let (layer, head) = (place.0 + 1, place.1 + 1);
        tr!("Layer {layer}, head {head}: {word}, {words}, entropy {entropy} nats", layer, head, word, words, entropy)
    };
    let badge = move || measured.get().map(|measured| measured.pattern.word());
    view! {
        <button
            type="button"
            class="head"
            aria-label=name
            title=name
            aria-pressed=move || is_chosen().to_string()
            tabindex=move || if is_chosen() { "0" } else { "-1" }
            on:click=move |_| scope.head.set(place)
        >
            <canvas node_ref=canvas class="thumbnail" aria-hidden="true"></canvas>
            <span class="badge" aria-hidden="true">{badge}</span>
        </button>
    }
}

/// Bytes of all heads that are measured and painted within one task: some milliseconds' worth.
const MOST_AT_ONCE: usize = 1_000_000;

const NOTHING: Traits = Traits { entropy: 0.0, pattern: Pattern::Other };

/// What is chosen of the details.
#[derive(Clone, Copy)]
struct Choice {
    map: Memo<Option<AttentionMap>>,
    /// Places of the tokens that are shown.
    places: Memo<Arc<Vec<usize>>>,
    head: Memo<(usize, usize)>,
    /// The token in focus, among the shown ones.
    focus: RwSignal<Option<usize>>,
    mass: RwSignal<f64>,
}

/// One head as lines and as a map, of the text under the microscope or of one that is typed.
#[component]
pub fn AttentionPanel() -> impl IntoView {
    let scope = scope();
    let map = scope.attention();
    let hide = RwSignal::new(false);
    let places = Memo::new(move |_| {
        Arc::new(map.with(|map| map.as_ref().map(|map| shown(map, hide.get())).unwrap_or_default()))
    });
    let head = scope.chosen_head();
    let choice = Choice { map, places, head, focus: RwSignal::new(None), mass: RwSignal::new(MASS) };
    // Another text has other tokens.
    let texts = Memo::new(move |_| map.with(|map| map.as_ref().map(|map| map.tokens.clone())));
    Effect::new(move |_| {
        texts.track();
        choice.focus.set(None);
    });
    let missing = move || map.with(Option::is_none);
    let reason = no_map_reason(scope);
    view! {
        <Section
            id="attention"
            number="5"
            title=tr!("Attention")
            lead=tr!("Which tokens each head brings together. Attention shows where information may flow; it is not an explanation of the answer.")
        >
            <Source scope />
            <div class="block" data-testid="attention-detail">
                <p class="help" hidden=move || !missing()>{reason}</p>
                <Controls choice hide scope />
                <Words choice />
                <div class="attention-views" hidden=missing>
                    <Lines choice />
                    <HeatMap choice />
                </div>
            </div>
        </Section>
    }
    .into_any()
}

/// The text under the microscope, or a typed one.
#[component]
fn Source(scope: Scope) -> impl IntoView {
    let lab = lab();
    let text = RwSignal::new("a small pot used for cooking".to_string());
    let missing = lab.memo(&[Topic::Runs, Topic::Engine, Topic::Progress], |state| {
        !state.model.pretrained && !state.model.classifier && state.active().is_none_or(|run| run.steps_done() == 0)
    });
    let ask = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !missing.get_untracked() {
            scope.typed.set(true);
            lab.attend(text.get_untracked());
        }
    };
    let back = move |_| {
        scope.typed.set(false);
        focus::on("#attend");
    };
    view! {
        <form class="block" on:submit=ask>
            <label for="attend">{tr!("Text to look at; a tab parts the two texts of a pair")}</label>
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
                    {tr!("Back to the text under the microscope")}
                </button>
            </div>
            <p id="attend-reason" class="help">
                {move || missing.get().then(|| tr!("There is no model yet: pre-train or import one first."))}
            </p>
        </form>
    }
}

#[component]
fn Controls(choice: Choice, hide: RwSignal<bool>, scope: Scope) -> impl IntoView {
    let Choice { map, places, head, focus, mass } = choice;
    let shape = Memo::new(move |_| map.with(|map| map.as_ref().map_or((0, 0), |map| (map.layers, map.heads))));
    let numbered = |count: usize, chosen: usize| {
        let option =
            move |index: usize| view! { <option value=index.to_string() selected=index == chosen>{index + 1}</option> };
        (0..count).map(option).collect_view()
    };
    let number = |event: &web_sys::Event| event_target_value(event).parse::<usize>().unwrap_or(0);
    let token = move || {
        let places = places.get();
        let place = focus.get().and_then(|focus| places.get(focus).copied());
        place.and_then(|place| map.with(|map| Some(map.as_ref()?.tokens.get(place)?.clone())))
    };
    let named = move || token().unwrap_or_else(|| tr!("all"));
    let spoken = move || {
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
                    aria-valuetext=move || spoken().unwrap_or_else(|| tr!("all tokens"))
                    on:input=move |event| focus.set(number(&event).checked_sub(1))
                />
            </div>
            <div class="field">
                <label for="attention-mass">
                    {move || tr!("Lines that make up {share} %", share = figure(mass.get() * 100.0, 0))}
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

/// A sentence with the special tokens in it set as code.
fn with_code(sentence: &str) -> Vec<AnyView> {
    let piece = |text: &str| match text.starts_with('[') {
        true => view! { <code>{text.to_string()}</code> }.into_any(),
        false => text.to_string().into_any(),
    };
    sentence.split_inclusive([' ', ']']).map(piece).collect()
}

/// The head in words, and what the token in focus looks at.
#[component]
fn Words(choice: Choice) -> impl IntoView {
    let Choice { map, places, head, focus, .. } = choice;
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

/// A canvas that is painted again, once per animation frame at most, when what `reads` tracks or its size has changed.
fn repaint(canvas: NodeRef<Canvas>, reads: impl Fn() + 'static, paint: impl Fn(&HtmlCanvasElement) + 'static) {
    let Dark(dark) = expect_context::<Dark>();
    let waiting = StoredValue::new(false);
    let paint = StoredValue::new_local(paint);
    let soon = move || {
        if waiting.try_get_value() != Some(false) {
            return;
        }
        waiting.set_value(true);
        request_animation_frame(move || {
            waiting.try_update_value(|waiting| *waiting = false);
            if let Some(canvas) = canvas.try_get_untracked().flatten() {
                paint.try_with_value(|paint| paint(&canvas));
            }
        });
    };
    Effect::new(move |_| {
        dark.track();
        canvas.track();
        reads();
        soon();
    });
    let on_resize = Closure::<dyn FnMut()>::new(soon);
    let Ok(observer) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) else { return };
    let kept = StoredValue::new_local((observer, on_resize));
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            kept.with_value(|(observer, _)| observer.observe(&canvas));
        }
    });
    on_cleanup(move || {
        kept.try_with_value(|(observer, _)| observer.disconnect());
    });
}

/// Whether a key is meant for the browser rather than the page.
pub fn is_shortcut(event: &KeyboardEvent) -> bool {
    event.ctrl_key() || event.meta_key() || event.alt_key()
}

fn size_of(canvas: &HtmlCanvasElement) -> Size {
    Size { width: canvas.client_width() as f64, height: canvas.client_height() as f64 }
}

#[component]
fn Lines(choice: Choice) -> impl IntoView {
    let Choice { map, places, head, focus, mass } = choice;
    let canvas = NodeRef::<Canvas>::new();
    let region = NodeRef::<Div>::new();
    let top = RwSignal::new(0.0_f64);
    let drawn = Memo::new(move |_| {
        let (places, (layer, index), focus, mass) = (places.get(), head.get(), focus.get(), mass.get());
        let queries: Vec<usize> = focus.map_or_else(|| (0..places.len()).collect(), |focus| vec![focus]);
        map.with(|map| {
            let map = map.as_ref()?;
            let queries: Vec<usize> = queries.into_iter().filter(|query| *query < places.len()).collect();
            Some(lines(map.head(layer, index), map.tokens.len(), &places, &queries, mass, MOST_LINES))
        })
    });
    let reads = move || {
        drawn.track();
        top.track();
    };
    repaint(canvas, reads, move |canvas| {
        let (places, focus, top) = (places.get_untracked(), focus.get_untracked(), top.get_untracked());
        map.with_untracked(|map| {
            let fits = |map: &&AttentionMap| places.iter().all(|&place| place < map.tokens.len());
            let Some(map) = map.as_ref().filter(fits) else { return };
            let shown = Shown { map, head: head.get_untracked(), places: &places, focus };
            let lines = drawn.get_untracked().unwrap_or_default();
            paint_lines(canvas, size_of(canvas), &shown, &lines, top);
        });
    });
    let point = move |event: PointerEvent| {
        let Some(region) = region.get_untracked() else { return };
        let y = f64::from(event.client_y()) - region.get_bounding_client_rect().top() + f64::from(region.scroll_top());
        let row = (y / ROW).floor().max(0.0) as usize;
        focus.set(Some(row).filter(|row| *row < places.with_untracked(|places| places.len())));
    };
    let scrolled = move |_| top.set(region.get_untracked().map_or(0.0, |region| f64::from(region.scroll_top())));
    let height = move || format!("{}px", places.with(|places| places.len()) as f64 * ROW);
    view! {
        <div
            class="scroll lines"
            role="region"
            aria-label=tr!("Lines from each token to the tokens it looks at")
            tabindex="0"
            node_ref=region
            on:scroll=scrolled
            on:pointermove=point
            on:pointerleave=move |_| focus.set(None)
        >
            <div class="lines-inner" style:height=height>
                <canvas
                    node_ref=canvas
                    class="lines-canvas"
                    style:height=height
                    role="img"
                    aria-label=tr!("Lines between tokens; the sentence above tells what the token in focus looks at")
                ></canvas>
            </div>
        </div>
    }
}

#[component]
fn HeatMap(choice: Choice) -> impl IntoView {
    let Choice { map, places, head, focus, .. } = choice;
    let canvas = NodeRef::<Canvas>::new();
    let reads = move || {
        map.track();
        places.track();
        head.track();
        focus.track();
    };
    repaint(canvas, reads, move |canvas| {
        let (places, focus) = (places.get_untracked(), focus.get_untracked());
        map.with_untracked(|map| {
            let fits = |map: &&AttentionMap| places.iter().all(|&place| place < map.tokens.len());
            let Some(map) = map.as_ref().filter(fits) else { return };
            paint_map(canvas, size_of(canvas), &Shown { map, head: head.get_untracked(), places: &places, focus });
        });
    });
    let point = move |event: PointerEvent| {
        let Some(canvas) = canvas.get_untracked() else { return };
        let at = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        let tokens = places.with_untracked(|places| places.len());
        focus.set(cell_at(size_of(&canvas), tokens, at).map(|(row, _)| row));
    };
    view! {
        <div class="chart-frame">
            <canvas
                node_ref=canvas
                class="heat-map"
                role="img"
                aria-label=tr!("Map of the head: rows look, columns are looked at")
                on:pointermove=point
                on:pointerleave=move |_| focus.set(None)
            ></canvas>
        </div>
    }
}
