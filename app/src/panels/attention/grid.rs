//! All attention heads of the previewed text as thumbnails, a row per layer; a head is selected by
//! pointer or with the arrow keys.

use crate::chart::attention::paint_thumbnail;
use crate::chart::heads::{Pattern, Traits, traits};
use crate::preview_context::{PreviewContext, scope};
use crate::state::{AttentionMap, PreviewHistory};
use crate::theme::Dark;
use crate::tr;
use crate::wording::figure;
use crate::workspace::Panel;
use crate::workspace::keys::is_modified;
use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

/// All attention heads of the previewed text.
#[component]
pub fn HeadsPanel() -> impl IntoView {
    view! {
        <Panel id="heads" title=tr!("Attention heads") note=tr!("layers down, heads across")>
            <AttentionGrid />
        </Panel>
    }
}

#[component]
fn AttentionGrid() -> impl IntoView {
    let scope = scope();
    let map = scope.attention();
    let shape = Memo::new(move |_| map.with(|map| map.as_ref().map(|map| (map.layers, map.heads))));
    let reason = no_map_reason(scope);
    let grid = NodeRef::<Div>::new();
    let chosen = scope.chosen_head();
    let keys = move |event: KeyboardEvent| {
        let Some((layers, heads)) = shape.get_untracked().filter(|_| !is_modified(&event)) else {
            return;
        };
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
            <a class="look-closer" href="#attention" hidden=move || shape.with(Option::is_none)>{tr!("Show the selected head in detail")}</a>
        </div>
    }
    .into_any()
}

fn focus_head(grid: NodeRef<Div>, index: usize) {
    let buttons = grid
        .get_untracked()
        .and_then(|grid| grid.query_selector_all("button").ok());
    let button = buttons
        .and_then(|buttons| buttons.item(index as u32))
        .and_then(|node| node.dyn_into::<HtmlElement>().ok());
    if let Some(button) = button {
        button.focus().unwrap_or_default();
    }
}

pub(super) fn no_map_reason(scope: PreviewContext) -> impl Fn() -> String + Copy {
    let has_predictions = Memo::new(move |_| scope.read_film(PreviewHistory::is_guessed));
    let has_attention = Memo::new(move |_| {
        scope.read_film(|film| film.frames().iter().any(|frame| frame.attention.is_some()))
    });
    move || match (
        scope.typed.get(),
        has_predictions.get(),
        has_attention.get(),
    ) {
        (true, ..) => tr!("Type a text under Attention and press Look."),
        (false, true, true) => tr!("No attention was recorded at this step."),
        (false, true, false) => tr!("This model has no attention; a Transformer has."),
        (false, false, _) => {
            tr!("Each square will show one attention head. Darker means more attention.")
        }
    }
}

/// One head: thumbnail and pattern, with its entropy in the tooltip.
#[component]
fn Head(
    map: Memo<Option<AttentionMap>>,
    scope: PreviewContext,
    chosen: Memo<(usize, usize)>,
    place: (usize, usize),
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let Dark(dark) = expect_context::<Dark>();
    // Counts updates of the map. The heads of a large map are processed in separate tasks.
    let updates = RwSignal::new(0_u64);
    Effect::new(move |_| {
        let bytes = map.with(|map| {
            map.as_ref()
                .map_or(0, |map| map.layers * map.heads * map.tokens.len().pow(2))
        });
        let notify = move || {
            updates
                .try_update(|updates| *updates += 1)
                .unwrap_or_default()
        };
        match bytes > MAX_AT_ONCE {
            true => set_timeout(notify, Duration::ZERO),
            false => notify(),
        }
    });
    let measured = Memo::new(move |_| {
        updates.track();
        map.with_untracked(|map| {
            map.as_ref()
                .filter(|map| place.0 < map.layers && place.1 < map.heads)
                .map(|map| traits(map, place.0, place.1))
        })
    });
    Effect::new(move |_| {
        dark.track();
        updates.track();
        map.with_untracked(|map| {
            if let Some((canvas, map)) = canvas.get().zip(map.as_ref()) {
                paint_thumbnail(&canvas, map, place);
            }
        });
    });
    let is_chosen = move || chosen.get() == place;
    let name = move || {
        let Traits { entropy, pattern } = measured.get().unwrap_or(UNMEASURED);
        let (word, words, entropy) = (pattern.word(), pattern.words(), figure(entropy, 1));
        let (layer, head) = (place.0 + 1, place.1 + 1);
        tr!(
            "Layer {layer}, head {head}: {word}, {words}, entropy {entropy} nats",
            layer,
            head,
            word,
            words,
            entropy
        )
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

/// Maximum size in bytes of a map whose heads are all processed in one task, which takes a few
/// milliseconds.
const MAX_AT_ONCE: usize = 1_000_000;

const UNMEASURED: Traits = Traits {
    entropy: 0.0,
    pattern: Pattern::Other,
};
