//! Files and text that are dropped or pasted anywhere on the page.

use crate::context::AppContext;
use crate::workspace::{Step, Workspace};
use crate::{file_import, tr};
use gloo::events::{EventListener, EventListenerOptions};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, DragEvent};

/// Selector of the elements that accept pasted text.
const TEXT_INPUTS: &str =
    "textarea, input:not([type=radio], [type=checkbox], [type=range], [type=file])";

/// Accepts files dropped anywhere on the page: outside the drop zone the browser would otherwise
/// navigate away from it.
pub fn catch_drops(app: AppContext, workspace: Workspace) {
    let options = EventListenerOptions::enable_prevent_default();
    let on_drag_over = |event: &web_sys::Event| {
        if carries_files(event) {
            event.prevent_default();
            show_drop(true);
        }
    };
    EventListener::new_with_options(&window(), "dragover", options, on_drag_over).forget();
    // A drag that leaves the window has no related target.
    let on_drag_leave = |event: &web_sys::Event| {
        if event
            .dyn_ref::<DragEvent>()
            .is_some_and(|drag| drag.related_target().is_none())
        {
            show_drop(false);
        }
    };
    EventListener::new(&window(), "dragleave", on_drag_leave).forget();
    let take = move |event: &web_sys::Event| {
        show_drop(false);
        if !carries_files(event) {
            return;
        }
        event.prevent_default();
        let dropped = event
            .dyn_ref::<DragEvent>()
            .and_then(DragEvent::data_transfer);
        if let Some(dropped) = dropped {
            // Shows what is read from the files.
            workspace.go_if_shown(Step::Data);
            app.take(
                file_import::from_drop(&dropped),
                &tr!("What was dropped could not be read"),
            );
        }
    };
    EventListener::new_with_options(&window(), "drop", options, take).forget();
}

/// Imports files and multi-line text pasted outside a text input, as if they were dropped.
pub fn catch_pastes(app: AppContext) {
    let take = move |event: &web_sys::Event| {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let into_text = target.is_some_and(|target| {
            target
                .closest(TEXT_INPUTS)
                .is_ok_and(|found| found.is_some())
        });
        let pasted = event
            .dyn_ref::<ClipboardEvent>()
            .and_then(ClipboardEvent::clipboard_data);
        let Some(pasted) = pasted.filter(|_| !into_text) else {
            return;
        };
        let failure = tr!("What was pasted could not be read");
        let text = pasted.get_data("text").unwrap_or_default();
        // Text comes first: office programs also put a picture of the text on the clipboard. A
        // single word may have been pasted by mistake.
        if text.trim().contains('\n') {
            let source = file_import::from_text("pasted.txt", &text);
            app.take(async move { source.map(|source| vec![source]) }, &failure);
        } else if pasted.types().includes(&"Files".into(), 0) {
            app.take(file_import::from_drop(&pasted), &failure);
        }
    };
    EventListener::new(&window(), "paste", take).forget();
}

/// Shows or hides the drop indicator of the page.
fn show_drop(on: bool) {
    if let Some(body) = document().body() {
        body.class_list()
            .toggle_with_force("dropping", on)
            .unwrap_or_default();
    }
}

/// Returns whether the drag carries files; dragged text is left to the inputs.
fn carries_files(event: &web_sys::Event) -> bool {
    let dragged = event
        .dyn_ref::<DragEvent>()
        .and_then(DragEvent::data_transfer);
    dragged.is_some_and(|dragged| dragged.types().includes(&"Files".into(), 0))
}
