//! What is folded away until asked for: work for it waits until then.

use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlDetailsElement};

/// Whether the `<details>` that an event of its own comes from is unfolded.
pub fn is_open(event: &Event) -> bool {
    let details = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlDetailsElement>().ok());
    details.is_some_and(|details| details.open())
}
