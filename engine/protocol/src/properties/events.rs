//! Property tests of events, whose deserialisation is written by hand.

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
fn events_round_trip() {
    fuzz::check("events", 8000, &values(messages()), |event| {
        check::<Event>(event.to_string().as_bytes())
    });
}

#[test]
fn arbitrary_text_is_an_event_or_refused() {
    fuzz::check("event-texts", 8000, &texts(&messages()), |Bytes(text)| {
        check::<Event>(&text)
    });
}
