//! A chart on the page: a canvas that is repainted in an animation frame, at most ten times a
//! second, and only while it is visible and its data has changed. A chart with a step axis handles
//! pointer and keyboard: cross-hair, range selection, zoom. Knows scenes and canvases, not what the
//! numbers mean.

use super::canvas;
use super::scale::Scale;
use super::scene::{Scene, Size};
use crate::chart_context::ChartContext;
use crate::tr;
use crate::workspace::keys::is_modified;
use gloo::events::EventListener;
use js_sys::Array;
use leptos::html::Canvas;
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::prelude::*;
use web_sys::{
    HtmlCanvasElement, IntersectionObserver, IntersectionObserverEntry, KeyboardEvent, MouseEvent,
    PointerEvent, ResizeObserver,
};

/// Minimum interval between two repaints.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// A canvas that shows the scene laid out by `scene` and repaints it whenever `changed` is
/// notified.
#[component]
pub fn ChartView(
    /// `data-testid` of the canvas; the tests and the style sheet use it.
    testid: &'static str,
    /// Description of the chart for screen readers.
    summary: Signal<String>,
    /// Tracks everything that makes a repaint necessary.
    changed: Signal<()>,
    /// Lays out the chart.
    scene: Layout,
    /// Shared view state, for a chart with a step axis.
    #[prop(optional)]
    steps: Option<Steps>,
) -> impl IntoView {
    let node = NodeRef::<Canvas>::new();
    let chart = Chart {
        node,
        scene: StoredValue::new_local(scene),
        x: StoredValue::new(None),
        visible: StoredValue::new(false),
        dirty: StoredValue::new(true),
        waiting: StoredValue::new(false),
    };
    Effect::new(move |_| {
        changed.track();
        if let Some(steps) = steps {
            steps.plotting.track();
        }
        chart.mark_dirty();
    });
    Effect::new(move |_| {
        if let Some(canvas) = node.get() {
            chart.watch(&canvas);
        }
    });
    let Some(steps) = steps else {
        let canvas = view! { <canvas node_ref=node class="chart" data-testid=testid role="img" aria-label=summary></canvas> };
        return canvas.into_any();
    };
    let ChartContext {
        options,
        cursor,
        drag,
    } = steps.plotting;
    let at = move |event: &MouseEvent| {
        chart
            .x
            .get_value()
            .map(|x: Scale| x.value(f64::from(event.offset_x()) / canvas::zoom()))
    };
    let on_move = move |event: PointerEvent| {
        let step = at(&event);
        cursor.set(step);
        if let (Some((from, _)), Some(to)) = (drag.get_untracked(), step) {
            drag.set(Some((from, to)));
        }
    };
    let on_press = move |event: PointerEvent| {
        drag.set(
            at(&event)
                .filter(|_| event.button() == 0)
                .map(|at| (at, at)),
        )
    };
    let last = move || steps.last.get_untracked();
    let on_release = move |_| {
        if let Some(stretch) = drag.get_untracked() {
            options.update(|options| options.zoom_to(stretch, last()));
        }
        drag.set(None);
    };
    let on_leave = move |_| {
        cursor.set(None);
        drag.set(None);
    };
    let fit = move |_| options.update(|options| options.stretch = None);
    view! {
        <div
            class="chart-steps"
            role="group"
            tabindex="0"
            aria-label=tr!("Chart by steps: arrow keys, Home and End move the cross-hair, plus and minus zoom, 0 shows all")
            on:keydown=move |event| steps.key(&event)
            on:blur=move |_| cursor.set(None)
        >
            <canvas
                node_ref=node
                class="chart"
                data-testid=testid
                role="img"
                aria-label=summary
                on:pointermove=on_move
                on:pointerdown=on_press
                on:pointerup=on_release
                on:pointerleave=on_leave
                on:dblclick=fit
            ></canvas>
        </div>
    }
    .into_any()
}

/// Shared view state of the charts with a step axis.
#[derive(Clone, Copy)]
pub struct Steps {
    /// Smoothing, axes, zoom and cross-hair.
    pub plotting: ChartContext,
    /// The last step that any run plans or reaches.
    pub last: Signal<f64>,
}

impl Steps {
    fn key(self, event: &KeyboardEvent) {
        // Leave the browser's own shortcuts alone, such as page zoom and history.
        if is_modified(event) {
            return;
        }
        let ChartContext {
            options, cursor, ..
        } = self.plotting;
        let last = self.last.get_untracked();
        let (low, high) = options.get_untracked().steps(last);
        let start = if event.key() == "ArrowRight" {
            low
        } else {
            high
        };
        let now = cursor.get_untracked().unwrap_or(start);
        let distance = (high - low) * KEY_FRACTION;
        match event.key().as_str() {
            "ArrowLeft" => cursor.set(Some((now - distance).max(low))),
            "ArrowRight" => cursor.set(Some((now + distance).min(high))),
            "Home" => cursor.set(Some(low)),
            "End" => cursor.set(Some(high)),
            "+" | "=" => options.update(|options| options.zoom_by(0.5, now, last)),
            "-" => options.update(|options| options.zoom_by(2.0, now, last)),
            "0" => options.update(|options| options.stretch = None),
            _ => return,
        }
        event.prevent_default();
    }
}

/// Fraction of the visible range by which an arrow key moves the cross-hair.
const KEY_FRACTION: f64 = 0.02;

/// A function that lays out a chart at a given size.
pub type Layout = Box<dyn Fn(Size) -> Scene>;

#[derive(Clone, Copy)]
struct Chart {
    node: NodeRef<Canvas>,
    scene: StoredValue<Layout, LocalStorage>,
    /// Horizontal scale of the last painted scene, from steps to pixels.
    x: StoredValue<Option<Scale>>,
    visible: StoredValue<bool>,
    dirty: StoredValue<bool>,
    waiting: StoredValue<bool>,
}

impl Chart {
    fn mark_dirty(self) {
        self.dirty.try_update_value(|dirty| *dirty = true);
        self.repaint_soon();
    }

    fn repaint_soon(self) {
        let ready =
            self.visible.try_get_value() == Some(true) && self.dirty.try_get_value() == Some(true);
        if !ready || self.waiting.try_get_value() != Some(false) {
            return;
        }
        self.waiting.set_value(true);
        request_animation_frame(move || {
            self.paint();
            let after_pause = move || {
                self.waiting.try_update_value(|waiting| *waiting = false);
                self.repaint_soon();
            };
            set_timeout(after_pause, REDRAW_EVERY);
        });
    }

    fn paint(self) {
        let Some(canvas) = self.node.try_get_untracked().flatten() else {
            return;
        };
        let zoom = canvas::zoom();
        let size = Size {
            width: canvas.client_width() as f64 / zoom,
            height: canvas.client_height() as f64 / zoom,
        };
        self.dirty.set_value(false);
        if size.width > 0.0 {
            let scene = self.scene.with_value(|scene| scene(size));
            self.x.set_value(Some(scene.x));
            canvas::paint(&canvas, size, &scene);
        }
    }

    /// Observes size and visibility of the canvas until the component is unmounted.
    fn watch(self, canvas: &HtmlCanvasElement) {
        let on_resize = Closure::<dyn FnMut()>::new(move || self.mark_dirty());
        let on_intersection = Closure::<dyn FnMut(Array)>::new(move |entries: Array| {
            let last = entries.pop().unchecked_into::<IntersectionObserverEntry>();
            self.visible
                .try_update_value(|visible| *visible = last.is_intersecting());
            self.repaint_soon();
        });
        let resize = ResizeObserver::new(on_resize.as_ref().unchecked_ref());
        let intersection = IntersectionObserver::new(on_intersection.as_ref().unchecked_ref());
        let (Ok(resize), Ok(intersection)) = (resize, intersection) else {
            return;
        };
        resize.observe(canvas);
        intersection.observe(canvas);
        // Print shows charts that were never in view, at the size of the paper.
        let printing = EventListener::new(&window(), "beforeprint", move |_| self.paint());
        let observers =
            StoredValue::new_local((resize, intersection, on_resize, on_intersection, printing));
        on_cleanup(move || {
            observers.with_value(|(resize, intersection, ..)| {
                resize.disconnect();
                intersection.disconnect();
            });
        });
    }
}
