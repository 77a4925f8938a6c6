//! What a person typed, ticked and unfolded, carried from one mounting of the page's parts to the next: another language
//! mounts them anew. Values that the page holds itself are the same in both and are left alone.

use js_sys::Reflect;
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, EventInit, NodeList};

/// Which elements hold what: a selector, the property, and the events by which a person's hand would tell of it. A film's slider
/// stands where the film is, which goes on meanwhile.
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

/// By section and kind, the values in the order of the page.
pub struct FormSnapshot(Vec<(String, usize, Vec<JsValue>)>);

impl FormSnapshot {
    /// What the sections of the page hold now.
    pub fn of_page() -> Self {
        let ids = elements("section[id]")
            .into_iter()
            .map(|section| section.id());
        let of_kind = |id: &str, kind: usize| {
            let values = places(id, kind)
                .iter()
                .map(|place| value(place, KINDS[kind].1))
                .collect();
            (id.to_string(), kind, values)
        };
        Self(
            ids.flat_map(|id| {
                (0..KINDS.len())
                    .map(|kind| of_kind(&id, kind))
                    .collect::<Vec<_>>()
            })
            .collect(),
        )
    }

    /// Gives it to the same places; where a section has more or fewer by now, nobody knows which is which.
    pub fn give_back(self) {
        for (id, kind, values) in self.0 {
            let places = places(&id, kind);
            if places.len() == values.len() {
                places
                    .iter()
                    .zip(&values)
                    .for_each(|(place, value)| restore(place, KINDS[kind], value));
            }
        }
    }
}

fn restore(place: &Element, (_, property, events): (&str, &str, &[&str]), kept: &JsValue) {
    if value(place, property) == *kept {
        return;
    }
    // Both can fail on what is no element only.
    let _ = Reflect::set(place, &property.into(), kept);
    let bubbling = EventInit::new();
    bubbling.set_bubbles(true);
    for event in events
        .iter()
        .filter_map(|name| Event::new_with_event_init_dict(name, &bubbling).ok())
    {
        let _ = place.dispatch_event(&event);
    }
}

fn value(place: &Element, property: &str) -> JsValue {
    Reflect::get(place, &property.into()).unwrap_or_default()
}

fn places(section: &str, kind: usize) -> Vec<Element> {
    elements(&format!("#{section} {}", KINDS[kind].0))
}

fn elements(selector: &str) -> Vec<Element> {
    let found = document().query_selector_all(selector).ok();
    let all = |found: NodeList| {
        (0..found.length())
            .filter_map(move |place| found.item(place))
            .map(JsCast::unchecked_into)
    };
    found.map(all).into_iter().flatten().collect()
}
