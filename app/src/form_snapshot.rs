//! Snapshot of form inputs and open `details` elements, restored after the page's sections are
//! mounted again in another language. Values bound to the page's own state are equal in both and
//! stay untouched.

use js_sys::Reflect;
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, EventInit, NodeList};

/// Kinds of form elements: selector, value property, and the events fired by user input. The slider
/// of a preview history is excluded: its position belongs to the history, which advances on its
/// own.
const KINDS: [(&str, &str, &[&str]); 4] = [
    ("details", "open", &[]),
    ("input[type=checkbox]", "checked", &["change"]),
    (
        ":is(input[type=text]:not([readonly]), input[type=search], input[type=range]:not(.scrubber *), textarea)",
        "value",
        &["input", "change"],
    ),
    ("select", "value", &["change"]),
];

/// Section id, kind, and the values in document order.
pub struct FormSnapshot(Vec<(String, usize, Vec<JsValue>)>);

impl FormSnapshot {
    /// Captures the sections of the page.
    pub fn of_page() -> Self {
        let ids = elements("section[id]")
            .into_iter()
            .map(|section| section.id());
        let values_of_kind = |id: &str, kind: usize| {
            let values = places(id, kind)
                .iter()
                .map(|element| value(element, KINDS[kind].1))
                .collect();
            (id.to_string(), kind, values)
        };
        Self(
            ids.flat_map(|id| {
                (0..KINDS.len())
                    .map(|kind| values_of_kind(&id, kind))
                    .collect::<Vec<_>>()
            })
            .collect(),
        )
    }

    /// Restores the values. A section whose number of elements has changed is skipped, since its
    /// elements cannot be matched.
    pub fn give_back(self) {
        for (id, kind, values) in self.0 {
            let places = places(&id, kind);
            if places.len() == values.len() {
                places
                    .iter()
                    .zip(&values)
                    .for_each(|(element, value)| restore(element, KINDS[kind], value));
            }
        }
    }
}

fn restore(element: &Element, (_, property, events): (&str, &str, &[&str]), saved: &JsValue) {
    if value(element, property) == *saved {
        return;
    }
    // Neither call can fail on an element.
    let _ = Reflect::set(element, &property.into(), saved);
    let bubbling = EventInit::new();
    bubbling.set_bubbles(true);
    for event in events
        .iter()
        .filter_map(|name| Event::new_with_event_init_dict(name, &bubbling).ok())
    {
        let _ = element.dispatch_event(&event);
    }
}

fn value(element: &Element, property: &str) -> JsValue {
    Reflect::get(element, &property.into()).unwrap_or_default()
}

fn places(section: &str, kind: usize) -> Vec<Element> {
    elements(&format!("#{section} {}", KINDS[kind].0))
}

fn elements(selector: &str) -> Vec<Element> {
    let found = document().query_selector_all(selector).ok();
    let all = |found: NodeList| {
        (0..found.length())
            .filter_map(move |index| found.item(index))
            .map(JsCast::unchecked_into)
    };
    found.map(all).into_iter().flatten().collect()
}
