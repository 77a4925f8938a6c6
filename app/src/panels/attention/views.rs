//! Two views of one head: lines from each token to those it attends to, and a heat map. Both are
//! canvases because 512 tokens make a quarter of a million pairs.

use super::Choice;
use crate::chart::attention::{
    ROW, Shown, cell_at, min_width, paint_lines, paint_map, png_of_lines, png_of_map,
};
use crate::chart::canvas::zoom;
use crate::chart::heads::{full_colour, lines};
use crate::chart::scene::Size;
use crate::context::app;
use crate::panels::picture::save_png;
use crate::state::probability;
use crate::theme::Dark;
use crate::tr;
use crate::wording::percent;
use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{HtmlCanvasElement, PointerEvent, ResizeObserver};

/// Maximum number of lines drawn: more would be illegible and slow.
const MAX_LINES: usize = 3000;

/// Repaints a canvas when its size or a signal tracked by `reads` changes, at most once per
/// animation frame.
fn repaint(
    canvas: NodeRef<Canvas>,
    reads: impl Fn() + 'static,
    paint: impl Fn(&HtmlCanvasElement) + 'static,
) {
    let Dark(dark) = expect_context::<Dark>();
    let waiting = StoredValue::new(false);
    let paint = StoredValue::new_local(paint);
    let schedule = move || {
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
        schedule();
    });
    let on_resize = Closure::<dyn FnMut()>::new(schedule);
    let Ok(observer) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) else {
        return;
    };
    let handles = StoredValue::new_local((observer, on_resize));
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            handles.with_value(|(observer, _)| observer.observe(&canvas));
        }
    });
    on_cleanup(move || {
        handles.try_with_value(|(observer, _)| observer.disconnect());
    });
}

/// Button that saves a view of a head as PNG, in a file named after the view, the layer and the
/// head.
fn picture_button(
    (name, label): (&'static str, String),
    canvas: NodeRef<Canvas>,
    choice: Choice,
    png: impl Fn(&HtmlCanvasElement, &Shown<'_>) -> Option<String> + 'static,
) -> impl IntoView {
    let save = move |_| {
        let Some(canvas) = canvas.get_untracked() else {
            return;
        };
        let (layer, head) = choice.head.get_untracked();
        let url = choice.shown(|shown| png(&canvas, shown)).flatten();
        save_png(
            app(),
            &format!("clozelab-{name}-{}-{}", layer + 1, head + 1),
            url,
        );
    };
    let testid = format!("{name}-png");
    view! {
        <div class="buttons">
            <button type="button" data-testid=testid aria-label=label.clone() title=label on:click=save>
                "PNG"
            </button>
        </div>
    }
}

/// Returns the size at which a view is laid out, before [`zoom`].
fn size_of(canvas: &HtmlCanvasElement) -> Size {
    Size {
        width: canvas.client_width() as f64 / zoom(),
        height: canvas.client_height() as f64 / zoom(),
    }
}

/// Returns a length in CSS pixels as one that grows with the font size of the page.
fn rem(pixels: f64) -> String {
    format!("{}rem", pixels / 16.0)
}

/// Lines from queries to keys; if a token is in focus, only its own lines.
#[component]
pub(super) fn Lines(choice: Choice) -> impl IntoView {
    let Choice {
        map,
        places,
        head,
        focus,
        mass,
    } = choice;
    let canvas = NodeRef::<Canvas>::new();
    let region = NodeRef::<Div>::new();
    let top = RwSignal::new(0.0_f64);
    let drawn = Memo::new(move |_| {
        let (places, (layer, index), focus, mass) =
            (places.get(), head.get(), focus.get(), mass.get());
        let queries: Vec<usize> =
            focus.map_or_else(|| (0..places.len()).collect(), |focus| vec![focus]);
        map.with(|map| {
            let map = map.as_ref()?;
            let queries: Vec<usize> = queries
                .into_iter()
                .filter(|query| *query < places.len())
                .collect();
            Some(lines(
                map.head(layer, index),
                map.tokens.len(),
                &places,
                &queries,
                mass,
                MAX_LINES,
            ))
        })
    });
    let reads = move || {
        drawn.track();
        top.track();
    };
    repaint(canvas, reads, move |canvas| {
        let (top, lines) = (
            top.get_untracked(),
            drawn.get_untracked().unwrap_or_default(),
        );
        choice.shown(|shown| paint_lines(canvas, size_of(canvas), shown, &lines, top));
    });
    let is_hovered = StoredValue::new(false);
    let on_move = move |event: PointerEvent| {
        is_hovered.set_value(true);
        let Some(region) = region.get_untracked() else {
            return;
        };
        let y = f64::from(event.client_y()) - region.get_bounding_client_rect().top()
            + f64::from(region.scroll_top());
        let row = (y / zoom() / ROW).floor().max(0.0) as usize;
        focus.set(Some(row).filter(|row| *row < places.with_untracked(|places| places.len())));
    };
    let on_scroll = move |_| {
        top.set(
            region
                .get_untracked()
                .map_or(0.0, |region| f64::from(region.scroll_top()) / zoom()),
        )
    };
    // Scroll to a token that is selected elsewhere.
    Effect::new(move |_| {
        let Some((row, region)) = focus.get().zip(region.get_untracked()) else {
            return;
        };
        let (above, height) = (
            f64::from(region.scroll_top()),
            f64::from(region.client_height()),
        );
        let (at, row_height) = (row as f64 * ROW * zoom(), ROW * zoom());
        if !is_hovered.get_value() && !(above..=above + height - row_height).contains(&at) {
            region.set_scroll_top((at - height / 2.0) as i32);
        }
    });
    let height = move || rem(places.with(|places| places.len()) as f64 * ROW);
    let name = ("attention-lines", tr!("PNG: picture of these lines"));
    let picture = picture_button(name, canvas, choice, move |canvas, shown| {
        png_of_lines(canvas, shown, &drawn.get_untracked().unwrap_or_default())
    });
    view! {
        <div>
        <div
            class="scroll lines"
            role="region"
            aria-label=tr!("Lines from each token to the tokens it looks at")
            tabindex="0"
            node_ref=region
            on:scroll=on_scroll
            on:pointermove=on_move
            on:pointerleave=move |_| {
                is_hovered.set_value(false);
                focus.set(None);
            }
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
        {picture}
        </div>
    }
}

/// Heat map of all query-key pairs; hovering a cell puts its query in focus.
#[component]
pub(super) fn HeatMap(choice: Choice) -> impl IntoView {
    let Choice {
        map,
        places,
        head,
        focus,
        ..
    } = choice;
    let canvas = NodeRef::<Canvas>::new();
    let reads = move || {
        map.track();
        places.track();
        head.track();
        focus.track();
    };
    repaint(canvas, reads, move |canvas| {
        choice.shown(|shown| paint_map(canvas, size_of(canvas), shown));
    });
    let hovered = RwSignal::new(None::<(usize, usize)>);
    let on_move = move |event: PointerEvent| {
        let Some(canvas) = canvas.get_untracked() else {
            return;
        };
        let at = [event.offset_x(), event.offset_y()].map(|at| f64::from(at) / zoom());
        let tokens = places.with_untracked(|places| places.len());
        let cell = cell_at(size_of(&canvas), tokens, (at[0], at[1]));
        focus.set(cell.map(|(row, _)| row));
        hovered.set(cell);
    };
    let on_leave = move |_| {
        focus.set(None);
        hovered.set(None);
    };
    let words = move || {
        let (row, column) = hovered.get()?;
        places.with(|places| {
            let (query, key) = (*places.get(row)?, *places.get(column)?);
            map.with(|map| {
                let map = map.as_ref()?;
                let (layer, head) = head.get();
                let byte = *map.head(layer, head).get(query * map.tokens.len() + key)?;
                let (query, key) = (map.name_of(query), map.name_of(key));
                Some(tr!(
                    "{query} looks at {key}: {share}",
                    query,
                    key,
                    share = percent(probability(byte))
                ))
            })
        })
    };
    let legend = move || {
        reads();
        let full = choice
            .shown(|shown| full_colour(&shown.bytes(), shown.map.tokens.len()))
            .unwrap_or_default();
        tr!(
            "Each row: how much that token attends to each column's token. Darkest colour: {share}.",
            share = percent(full)
        )
    };
    let width = move || places.with(|places| rem(min_width(places.len())));
    let name = ("attention-map", tr!("PNG: picture of this map"));
    let picture = picture_button(name, canvas, choice, |canvas, shown| {
        png_of_map(canvas, size_of(canvas), shown)
    });
    view! {
        <div>
        <div class="chart-frame scroll" role="region" aria-label=tr!("Map of the head") tabindex="0">
            <canvas
                node_ref=canvas
                class="heat-map"
                style:min-width=width
                role="img"
                aria-label=tr!("Map of the head: rows look, columns are looked at")
                on:pointermove=on_move
                on:pointerleave=on_leave
            ></canvas>
        </div>
        <p class="help">{move || words().unwrap_or_else(legend)}</p>
        {picture}
        </div>
    }
}
