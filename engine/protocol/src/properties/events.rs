//! Events, whose reading is written by hand.

use super::messages::{check, texts, values};
use crate::Event;
use crate::event::tests::{evaluations, every_kind};
use fuzz::Bytes;
use serde_json::Value;

fn messages() -> Vec<Value> {
    every_kind()
        .iter()
        .chain(&evaluations())
        .map(|event| serde_json::to_value(event).expect("serialises"))
        .collect()
}

#[test]
fn an_event_reads_back_as_it_was_written() {
    fuzz::check("events", 8000, &values(messages()), |event| {
        check::<Event>(event.to_string().as_bytes())
    });
}

#[test]
fn any_text_is_an_event_or_refused() {
    fuzz::check("event-texts", 8000, &texts(&messages()), |Bytes(text)| {
        check::<Event>(&text)
    });
}
