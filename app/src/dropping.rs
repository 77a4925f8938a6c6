//! What is dropped or pasted anywhere on the page: files, and lines of text.

use crate::context::AppContext;
use crate::{file_import, tr};
use gloo::events::{EventListener, EventListenerOptions};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, DragEvent};

/// What a text is pasted into.
const TEXT_INPUTS: &str =
    "textarea, input:not([type=radio], [type=checkbox], [type=range], [type=file])";

/// Files may be dropped anywhere: beside the drop zone the browser would otherwise leave the page for them.
pub fn catch_drops(app: AppContext) {
    let options = EventListenerOptions::enable_prevent_default();
    let hold = |event: &web_sys::Event| {
        if carries_files(event) {
            event.prevent_default();
            show_drop(true);
        }
    };
    EventListener::new_with_options(&window(), "dragover", options, hold).forget();
    // Whatever leaves the window goes to no other part of it.
    let leave = |event: &web_sys::Event| {
        if event
            .dyn_ref::<DragEvent>()
            .is_some_and(|drag| drag.related_target().is_none())
        {
            show_drop(false);
        }
    };
    EventListener::new(&window(), "dragleave", leave).forget();
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
            app.take(
                file_import::from_drop(&dropped),
                &tr!("What was dropped could not be read"),
            );
        }
    };
    EventListener::new_with_options(&window(), "drop", options, take).forget();
}

/// Lines of text and files that are pasted into no text input are taken as if they were dropped.
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
        // Lines come first: an office program puts a picture of them beside them. A word may be pasted by mistake.
        if text.trim().contains('\n') {
            let source = file_import::from_text("pasted.txt", &text);
            app.take(async move { source.map(|source| vec![source]) }, &failure);
        } else if pasted.types().includes(&"Files".into(), 0) {
            app.take(file_import::from_drop(&pasted), &failure);
        }
    };
    EventListener::new(&window(), "paste", take).forget();
}

/// Whether the page shows that it takes what is dragged over it.
fn show_drop(on: bool) {
    if let Some(body) = document().body() {
        body.class_list()
            .toggle_with_force("dropping", on)
            .unwrap_or_default();
    }
}

/// Text that is dragged is for the inputs.
fn carries_files(event: &web_sys::Event) -> bool {
    let dragged = event
        .dyn_ref::<DragEvent>()
        .and_then(DragEvent::data_transfer);
    dragged.is_some_and(|dragged| dragged.types().includes(&"Files".into(), 0))
}
