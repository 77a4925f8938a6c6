//! A row as it was read, and how a column finds its cell in it.

use super::values;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What a row holds.
#[derive(Debug)]
pub enum Record {
    /// Cells, in order.
    Cells(csv::StringRecord),
    /// Values by their keys.
    Object(Map<String, Value>),
    /// A text and nothing else.
    Text(String),
    /// Something that is no object.
    NoObject,
    /// Nothing but white space.
    Blank,
}

/// The key of a row that is a text and nothing else.
pub const TEXT_KEY: &str = "text";

/// A row and where it stands.
#[derive(Debug)]
pub struct Row {
    /// What it holds.
    pub record: Record,
    /// Its line in the file, from 1.
    pub line: u64,
    /// Its characters in the file, where these are wanted.
    pub raw: String,
}

/// A column, by its name and by how it is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// As a person reads it; of a table without a header, its number from 1.
    pub name: String,
    /// Where its cells stand.
    pub place: Place,
}

/// Where the cells of a column stand.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// The number of the cell, from 0.
    Cell(usize),
    /// The key of the value; a dot leads into an object inside.
    Key(String),
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// A text as it stands in the file.
    Text(&'a str),
    /// A value of JSON that is no text.
    Value(&'a Value),
    /// There is none.
    Nothing,
}

impl Record {
    /// The cell at this place.
    pub fn cell(&self, place: &Place) -> Cell<'_> {
        match (self, place) {
            (Self::Cells(cells), Place::Cell(number)) => {
                cells.get(*number).map_or(Cell::Nothing, Cell::Text)
            }
            (Self::Object(object), Place::Key(key)) => match value_at(object, key) {
                None | Some(Value::Null) => Cell::Nothing,
                Some(Value::String(text)) => Cell::Text(text),
                Some(value) => Cell::Value(value),
            },
            (Self::Text(text), Place::Key(key)) if key == TEXT_KEY => Cell::Text(text),
            _ => Cell::Nothing,
        }
    }

    /// Bytes it takes in memory, roughly.
    pub fn size(&self) -> usize {
        match self {
            Self::Cells(cells) => cells.as_slice().len() + cells.len() * size_of::<usize>(),
            Self::Object(object) => object
                .iter()
                .map(|(key, value)| key.len() + size_of_value(value))
                .sum(),
            Self::Text(text) => text.len(),
            Self::NoObject | Self::Blank => 0,
        }
    }
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size_of_value).sum(),
        Value::Object(object) => object.values().map(size_of_value).sum(),
        _ => size_of::<Value>(),
    }
}

impl<'a> Cell<'a> {
    /// Its text, where it has one.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text.into()),
            Self::Value(value) => values::text_of(value).map(Cow::Owned),
            Self::Nothing => None,
        }
    }
}

/// The value at a key, which may lead through objects by dots.
fn value_at<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    object.get(key).or_else(|| {
        key.match_indices('.')
            .find_map(|(dot, _)| value_at(object.get(&key[..dot])?.as_object()?, &key[dot + 1..]))
    })
}

/// Objects inside of objects whose keys are listed.
const MAX_DEPTH: usize = 3;

/// The keys of an object, those of objects inside with a dot.
pub fn keys(object: &Map<String, Value>) -> Vec<String> {
    let mut keys = Vec::new();
    add_keys(object, "", MAX_DEPTH, &mut keys);
    keys
}

fn add_keys(object: &Map<String, Value>, before: &str, depth: usize, keys: &mut Vec<String>) {
    for (key, value) in object {
        let name = format!("{before}{key}");
        if let (Value::Object(inner), true) = (value, depth > 1) {
            add_keys(inner, &format!("{name}."), depth - 1, keys);
        }
        keys.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_leads_into_an_object_unless_it_stands_in_a_key() {
        let Value::Object(object) =
            serde_json::json!({"a": {"b": {"c": "x"}}, "d.e": "y", "n": null})
        else {
            unreachable!("it is one")
        };
        let record = Record::Object(object);
        let at = |key: &str| record.cell(&Place::Key(key.into()));
        assert_eq!(
            (at("a.b.c"), at("d.e"), at("n")),
            (Cell::Text("x"), Cell::Text("y"), Cell::Nothing)
        );
        assert_eq!((at("a.c"), at("")), (Cell::Nothing, Cell::Nothing));
        let Record::Object(object) = &record else {
            unreachable!("it is one")
        };
        assert_eq!(keys(object), ["a.b.c", "a.b", "a", "d.e", "n"]);
    }
}
