//! Strategies and checks shared by events and commands: JSON derived from valid messages, as values
//! and as text.

use fuzz::proptest::collection::vec;
use fuzz::proptest::prelude::*;
use fuzz::proptest::sample::{Index, select};
use fuzz::{Bytes, Limits, Outcome, ensure, mutated};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;

/// A message is first parsed into JSON values: an object with one member takes 700 bytes.
const LIMITS: Limits = Limits {
    base_bytes: 64 << 10,
    bytes_per_byte: 300,
};

const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1.5",
    b"1e999",
    b"18446744073709551616",
    b"\\u0000",
    b"\\ud800",
    b"\"event\":",
    b"\"command\":",
    b"\"run\":",
    b"\"config\":",
    b"\"step\":",
    b"\"a\":{}",
    b"\xff",
    b"\xe5\xa5\xbd",
    b"\n",
];

/// Texts made by mutating `messages`.
pub fn texts(messages: &[Value]) -> impl Strategy<Value = Bytes> + use<> {
    mutated(
        messages
            .iter()
            .map(|message| message.to_string().into_bytes())
            .collect(),
        PIECES,
    )
}

/// The same messages with other numbers, strings and members.
pub fn values(messages: Vec<Value>) -> impl Strategy<Value = Value> {
    (any::<Index>(), vec((any::<Index>(), leaf()), 0..6)).prop_map(move |(which, changes)| {
        let mut message = which.get(&messages).clone();
        for (place, leaf) in changes {
            replace_leaf(&mut message, &place, &leaf);
        }
        message
    })
}

fn leaf() -> impl Strategy<Value = Value> {
    let number = any::<f64>().prop_filter("JSON has no others", |number| number.is_finite());
    let words = select(
        &[
            "",
            "none",
            "auto",
            "cpu",
            "train",
            "valid",
            "wordpiece",
            "double",
        ][..],
    );
    prop_oneof![
        4 => number.prop_map(Value::from),
        2 => (0.0..1.0_f64).prop_map(Value::from),
        4 => any::<u64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        2 => "\\PC{0,8}".prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => words.prop_map(Value::from),
        1 => vec("[a-z]{0,3}", 0..3).prop_map(Value::from),
    ]
}

/// Replaces one of the leaf values by `new`.
fn replace_leaf(value: &mut Value, place: &Index, new: &Value) {
    let count = count_leaves(value);
    if count > 0 {
        replace_nth_leaf(value, &mut place.index(count), new);
    }
}

fn inside(value: &mut Value) -> Option<Vec<&mut Value>> {
    match value {
        Value::Array(items) => Some(items.iter_mut().collect()),
        Value::Object(members) => Some(members.values_mut().collect()),
        _ => None,
    }
}

fn count_leaves(value: &mut Value) -> usize {
    inside(value).map_or(1, |inside| inside.into_iter().map(count_leaves).sum())
}

/// Counts `n` down to the selected leaf; returns true once it is replaced.
fn replace_nth_leaf(value: &mut Value, n: &mut usize, new: &Value) -> bool {
    if let Some(inside) = inside(value) {
        return inside
            .into_iter()
            .any(|value| replace_nth_leaf(value, n, new));
    }
    if *n == 0 {
        *value = new.clone();
        return true;
    }
    *n -= 1;
    false
}

/// Checks that `text` is a message that round-trips, or is refused with a non-empty error.
pub fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &[u8]) -> Outcome {
    let message = match LIMITS.hold(text.len(), || serde_json::from_slice::<T>(text))? {
        Ok(message) => message,
        Err(error) => {
            return ensure(!error.to_string().is_empty(), || {
                "an error says nothing".into()
            });
        }
    };
    let written =
        serde_json::to_string(&message).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let again = serde_json::from_str::<T>(&written)
        .map_err(|error| TestCaseError::fail(format!("{written}: {error}")))?;
    ensure(again == message, || {
        format!("{message:?} reads back as {again:?}")
    })
}
