//! The rows of a table, and how a column finds its cell in a row.

use crate::table::columns::values;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The content of a row.
#[derive(Debug)]
pub enum Record {
    /// Cells in column order.
    Cells(csv::StringRecord),
    /// A JSON object.
    Object(Map<String, Value>),
    /// A bare text without a column name.
    Text(String),
    /// Any other JSON value, or invalid JSON.
    NoObject,
    /// Only white space, or nothing at all.
    Blank,
}

/// Column name of rows that are a bare text.
pub const TEXT_KEY: &str = "text";

/// A row and its position in the file.
#[derive(Debug)]
pub struct Row {
    /// The content of the row.
    pub record: Record,
    /// Line in the file, from 1.
    pub line: u64,
    /// Raw text in the file; empty unless requested.
    pub raw: String,
}

/// A column: its name and where its cells are.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Name shown to the user; the column number from 1 if there is no header.
    pub name: String,
    /// Position of its cells in a row.
    pub place: Place,
}

/// The position of a column's cells in a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// Index of the cell, from 0.
    Cell(usize),
    /// JSON key of the value; dots lead into nested objects.
    Key(String),
}

/// The content of one cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Text as written in the file.
    Text(&'a str),
    /// A JSON value that is not a string.
    Value(&'a Value),
    /// The row has no such cell, or it is JSON null.
    Nothing,
}

impl Record {
    /// Returns the cell at `place`.
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

    /// Returns the approximate size in memory, in bytes.
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
    /// Returns the text of the cell, if it has any.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text.into()),
            Self::Value(value) => values::text_of(value).map(Cow::Owned),
            Self::Nothing => None,
        }
    }
}

/// Returns the value at a key; dots lead into nested objects.
fn value_at<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    object.get(key).or_else(|| {
        key.match_indices('.')
            .find_map(|(dot, _)| value_at(object.get(&key[..dot])?.as_object()?, &key[dot + 1..]))
    })
}

/// Maximum nesting depth of objects whose keys are listed.
const MAX_DEPTH: usize = 3;

/// Returns the keys of an object; keys of nested objects are joined with dots.
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
    fn dots_lead_into_nested_objects_unless_part_of_a_key() {
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
