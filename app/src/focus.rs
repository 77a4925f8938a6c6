//! Keyboard focus after the focused element is removed: without this, keyboard navigation would
//! restart at the top of the page.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{FocusOptions, HtmlElement};

/// Where the focus goes when what had it is gone: the open step in the navigation, or the first
/// panels.
pub const HOME: &str = "nav.steps [aria-current], #stage:not(.away)";

/// Moves the focus to the first element that matches `selector`.
pub fn on(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
        element.focus().unwrap_or_default();
    }
}

/// Like [`on`], without scrolling to the element.
pub fn on_in_place(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        element.focus_with_options(&options).unwrap_or_default();
    }
}

/// Returns whether the focus is inside an element that matches `selector`, or nowhere.
pub fn is_within(selector: &str) -> bool {
    let Some(active) = document().active_element() else {
        return true;
    };
    active.tag_name() == "BODY" || active.closest(selector).is_ok_and(|found| found.is_some())
}

/// Returns whether no element has the focus.
pub fn is_nowhere() -> bool {
    document()
        .active_element()
        .is_none_or(|active| active.tag_name() == "BODY")
}

/// Returns whether an element that matches `selector` contains the focus.
pub fn holds(selector: &str) -> bool {
    document()
        .query_selector(&format!("{selector} :focus"))
        .is_ok_and(|found| found.is_some())
}
