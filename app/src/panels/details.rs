//! Support for `<details>` elements whose content is computed only while they are open.

use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlDetailsElement};

/// Returns whether the `<details>` element that dispatched a `toggle` event is open.
pub fn is_open(event: &Event) -> bool {
    let details = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlDetailsElement>().ok());
    details.is_some_and(|details| details.open())
}
