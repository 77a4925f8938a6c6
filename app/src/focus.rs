//! Where the focus goes when what was pressed disappears: without this a keyboard would begin at the top of the page again.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// Moves the focus to the first element that `selector` finds and that takes it.
pub fn on(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
        element.focus().unwrap_or_default();
    }
}

/// Whether the focus is within what `selector` finds, or nowhere.
pub fn is_within(selector: &str) -> bool {
    let Some(active) = document().active_element() else {
        return true;
    };
    active.tag_name() == "BODY" || active.closest(selector).is_ok_and(|found| found.is_some())
}

/// Whether nothing has the focus.
pub fn is_nowhere() -> bool {
    document()
        .active_element()
        .is_none_or(|active| active.tag_name() == "BODY")
}

/// Whether what `selector` finds has the focus in it.
pub fn holds(selector: &str) -> bool {
    document()
        .query_selector(&format!("{selector} :focus"))
        .is_ok_and(|found| found.is_some())
}

/// Whether the focus is on what `selector` finds, and shown, as a keyboard brings it there.
pub fn is_shown(selector: &str) -> bool {
    document()
        .query_selector(&format!("{selector}:focus-visible"))
        .is_ok_and(|found| found.is_some())
}
