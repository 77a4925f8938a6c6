//! JSON Lines: an object per line is a document. Keys are told by a person, by their names, or by the length of their text.

use super::labels::{self, Cell, LabelReader};
use super::{LABEL_NAMES, PAIR_NAMES, ReadOptions, TEXT_NAMES, guess, told_columns};
use crate::data::error::{DataError, quoted};
use crate::data::lines::{Parsed, Sink, each_line};
use serde_json::{Map, Value};
use std::io::{self, BufRead};
use std::ops::ControlFlow;

/// Reads objects, one per line.
///
/// # Errors
/// As [`super::read`].
pub fn read(name: &str, text: &mut dyn BufRead, options: &ReadOptions, sink: &mut Sink<'_>) -> io::Result<Parsed> {
    let mut parsed = Parsed::default();
    let mut table: Option<Result<(JsonKeys, LabelReader<'_>), DataError>> = None;
    each_line(text, &mut |line, number| {
        if line.trim().is_empty() {
            parsed.drop_line("empty", number);
            return ControlFlow::Continue(());
        }
        let Ok(Value::Object(row)) = serde_json::from_str::<Value>(line) else {
            parsed.drop_line("not a JSON object", number);
            return ControlFlow::Continue(());
        };
        let begin = || {
            let keys = JsonKeys::of(name, &row, options)?;
            let labels = LabelReader::new(keys.labels.clone(), options.separator());
            Ok((keys, labels))
        };
        let Ok((keys, labels)) = table.get_or_insert_with(begin) else {
            return ControlFlow::Break(());
        };
        let Some(text) = text_at(&row, &keys.text) else {
            parsed.drop_line("object without a text", number);
            return ControlFlow::Continue(());
        };
        let labels = labels.labels(keys.labels.iter().map(|key| cell_at(&row, key)));
        parsed.take_row(&text, keys.second.as_ref().and_then(|key| text_at(&row, key)).as_deref(), labels, number);
        parsed.hand_over(sink)
    })?;
    match table {
        Some(Err(error)) => Err(io::Error::other(error)),
        Some(Ok((JsonKeys { text, second, labels, guessed, all }, reader))) => {
            parsed.guessed_column = guessed;
            parsed.label_rows = reader.noticed();
            let text = std::iter::once(text).chain(second).collect();
            parsed.columns = Some(told_columns(all.into_iter(), text, labels));
            Ok(parsed)
        }
        None => Ok(parsed),
    }
}

/// Where the texts and the labels stand in an object; a dot leads into an object inside.
struct JsonKeys {
    text: String,
    second: Option<String>,
    labels: Vec<String>,
    /// What was taken for the text where no key told.
    guessed: Option<String>,
    /// The keys of the first object.
    all: Vec<String>,
}

impl JsonKeys {
    fn of(file: &str, row: &Map<String, Value>, options: &ReadOptions) -> Result<Self, DataError> {
        let known = |names: &[&str]| names.iter().find(|name| at(row, name).is_some()).map(|name| (*name).to_string());
        let asked = |name: &str| match at(row, name) {
            Some(_) => Ok(name.to_string()),
            None => Err(DataError::NoColumn {
                file: file.into(),
                column: name.into(),
                columns: row.keys().cloned().collect(),
            }),
        };
        let labels = match &options.label_column {
            Some(names) => {
                let names = labels::asked(names, |name| at(row, name).is_some());
                names.into_iter().map(asked).collect::<Result<_, _>>()?
            }
            None => Vec::from_iter(known(&LABEL_NAMES).or_else(|| known(&["meta.accusation"]))),
        };
        let pair = PAIR_NAMES.iter().find(|(a, b)| row.contains_key(*a) && row.contains_key(*b));
        let mut guessed = None;
        let (text, second) = match (&options.text_column, pair) {
            (Some(names), _) => match names.split_once(',').filter(|_| at(row, names).is_none()) {
                Some((a, b)) => (asked(a.trim())?, Some(asked(b.trim())?)),
                None => (asked(names)?, None),
            },
            (None, Some((a, b))) => ((*a).to_string(), Some((*b).to_string())),
            (None, None) => {
                let text = known(&TEXT_NAMES).or_else(|| {
                    let longest = row.iter().filter(|(key, _)| !labels.contains(key));
                    let longest = longest.filter_map(|(key, value)| Some((value.as_str()?.len(), key)));
                    let longest = longest.max().map(|(_, key)| key.clone())?;
                    guessed =
                        Some(guess(file, &quoted(&longest), &labels.iter().map(|key| quoted(key)).collect::<Vec<_>>()));
                    Some(longest)
                });
                (text.ok_or_else(|| DataError::NoText { file: file.into() })?, None)
            }
        };
        Ok(Self { text, second, labels, guessed, all: row.keys().cloned().collect() })
    }
}

/// What an object says of its labels at a key; nothing where it has none.
fn cell_at<'a>(row: &Map<String, Value>, key: &str) -> Cell<'a> {
    match at(row, key) {
        Some(Value::Array(labels)) => Cell::List(labels.iter().filter_map(word).collect()),
        value => Cell::Text(value.and_then(word).unwrap_or_default().into()),
    }
}

/// A value that is one word or number.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(label) => Some(label.clone()),
        Value::Number(label) => Some(label.to_string()),
        Value::Bool(label) => Some(label.to_string()),
        _ => None,
    }
}

fn at<'a>(row: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    row.get(key).or_else(|| {
        let (outer, inner) = key.split_once('.')?;
        at(row.get(outer)?.as_object()?, inner)
    })
}

fn text_at(row: &Map<String, Value>, key: &str) -> Option<String> {
    match at(row, key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
