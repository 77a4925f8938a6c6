//! A chart on the page: a canvas that is repainted in an animation frame, at most ten times a second, and only while it
//! is in view and something changed. Knows scenes and canvases, never what the numbers mean.

use super::canvas;
use super::scene::{Scene, Size};
use gloo::timers::callback::Timeout;
use js_sys::Array;
use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{HtmlCanvasElement, IntersectionObserver, IntersectionObserverEntry, ResizeObserver};

/// Pause between two paintings.
const REDRAW_MILLIS: u32 = 100;

/// A canvas that shows what `scene` lays out, whenever `changed` is notified.
#[component]
pub fn ChartView(
    /// Name for tests and the style sheet.
    testid: &'static str,
    /// What a screen reader says of the picture.
    summary: Signal<String>,
    /// Tracks whatever makes a repainting necessary.
    changed: Signal<()>,
    /// Lays the chart out.
    scene: impl Fn(Size) -> Scene + 'static,
) -> impl IntoView {
    let node = NodeRef::<Canvas>::new();
    let chart = Chart {
        node,
        scene: StoredValue::new_local(Box::new(scene) as Layout),
        visible: StoredValue::new(false),
        dirty: StoredValue::new(true),
        waiting: StoredValue::new(false),
    };
    Effect::new(move |_| {
        changed.track();
        chart.mark_dirty();
    });
    Effect::new(move |_| {
        if let Some(canvas) = node.get() {
            chart.watch(&canvas);
        }
    });
    view! { <canvas node_ref=node class="chart" data-testid=testid role="img" aria-label=summary></canvas> }
}

type Layout = Box<dyn Fn(Size) -> Scene>;

#[derive(Clone, Copy)]
struct Chart {
    node: NodeRef<Canvas>,
    scene: StoredValue<Layout, LocalStorage>,
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
        let ready = self.visible.try_get_value() == Some(true) && self.dirty.try_get_value() == Some(true);
        if !ready || self.waiting.try_get_value() != Some(false) {
            return;
        }
        self.waiting.set_value(true);
        request_animation_frame(move || {
            self.paint();
            Timeout::new(REDRAW_MILLIS, move || {
                self.waiting.try_update_value(|waiting| *waiting = false);
                self.repaint_soon();
            })
            .forget();
        });
    }

    fn paint(self) {
        let Some(canvas) = self.node.try_get_untracked().flatten() else { return };
        let size = Size { width: canvas.client_width() as f64, height: canvas.client_height() as f64 };
        self.dirty.set_value(false);
        if size.width > 0.0 {
            self.scene.with_value(|scene| canvas::paint(&canvas, size, &scene(size)));
        }
    }

    /// Follows size, visibility and the system's theme for as long as the component lives.
    fn watch(self, canvas: &HtmlCanvasElement) {
        let on_resize = Closure::<dyn FnMut()>::new(move || self.mark_dirty());
        let on_sight = Closure::<dyn FnMut(Array)>::new(move |entries: Array| {
            let last = entries.pop().unchecked_into::<IntersectionObserverEntry>();
            self.visible.try_update_value(|visible| *visible = last.is_intersecting());
            self.repaint_soon();
        });
        let resize = ResizeObserver::new(on_resize.as_ref().unchecked_ref());
        let sight = IntersectionObserver::new(on_sight.as_ref().unchecked_ref());
        let (Ok(resize), Ok(sight)) = (resize, sight) else { return };
        resize.observe(canvas);
        sight.observe(canvas);
        let observers = StoredValue::new_local((resize, sight, on_resize, on_sight));
        on_cleanup(move || {
            observers.with_value(|(resize, sight, ..)| {
                resize.disconnect();
                sight.disconnect();
            });
        });
    }
}
