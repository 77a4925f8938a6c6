//! JSON Lines: an object per line is a document. Keys are told by a person, by their names, or by the length of their text.

use super::labels::{self, Cell, LabelReader};
use super::{LABEL_NAMES, PAIR_NAMES, ReadOptions, TEXT_NAMES, guess, text_length, told_columns};
use crate::error::{DataError, quoted};
use crate::lines::{Parsed, Sink, each_line};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::{self, BufRead};
use std::ops::ControlFlow;

/// Lines that are looked at for their keys before the first is read: not every object has all, such as one without labels.
const LOOKED_AT: usize = 100;
/// Bytes of lines after which no more are looked at.
const LOOKED_AT_BYTES: usize = 1 << 20;

/// Reads objects, one per line.
///
/// # Errors
/// As [`super::read`].
pub fn read(name: &str, text: &mut dyn BufRead, options: &ReadOptions, sink: &mut Sink<'_>) -> io::Result<Parsed> {
    let mut objects = Objects { name, options, table: None, first: Vec::new(), bytes: 0, parsed: Parsed::default() };
    let mut outcome = Ok(ControlFlow::Continue(()));
    each_line(text, &mut |line, number| {
        outcome = objects.take(line, number, sink);
        if matches!(outcome, Ok(ControlFlow::Continue(()))) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    if outcome.map_err(io::Error::other)?.is_continue() {
        // Nobody asks for more after the last line.
        let _ = objects.begin(sink).map_err(io::Error::other)?;
    }
    Ok(objects.parsed())
}

/// The objects of a file on their way to documents.
struct Objects<'a> {
    name: &'a str,
    options: &'a ReadOptions,
    /// Once its keys are known.
    table: Option<(JsonKeys, LabelReader<'a>)>,
    /// The first lines with their numbers, until then.
    first: Vec<(String, u64)>,
    bytes: usize,
    parsed: Parsed,
}

impl Objects<'_> {
    fn take(&mut self, line: &str, number: u64, sink: &mut Sink<'_>) -> Result<ControlFlow<()>, DataError> {
        if self.table.is_some() {
            return Ok(self.take_line(line, number, sink));
        }
        self.bytes += line.len();
        self.first.push((line.into(), number));
        let is_enough = self.first.len() == LOOKED_AT || self.bytes > LOOKED_AT_BYTES;
        if is_enough { self.begin(sink) } else { Ok(ControlFlow::Continue(())) }
    }

    /// Finds the keys in the first lines, and reads these.
    fn begin(&mut self, sink: &mut Sink<'_>) -> Result<ControlFlow<()>, DataError> {
        let rows: Vec<_> = self.first.iter().filter_map(|(line, _)| object(line)).collect();
        if self.table.is_none() && rows.iter().any(|row| !row.is_empty()) {
            let keys = JsonKeys::of(self.name, &rows, self.options)?;
            let labels = LabelReader::new(keys.labels.clone(), self.options.separator());
            self.table = Some((keys, labels));
        }
        self.bytes = 0;
        let mut first = std::mem::take(&mut self.first).into_iter();
        Ok(first.try_for_each(|(line, number)| self.take_line(&line, number, sink)))
    }

    fn take_line(&mut self, line: &str, number: u64, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let Self { parsed, table, .. } = self;
        if line.trim().is_empty() {
            parsed.drop_line("empty", number);
            return ControlFlow::Continue(());
        }
        let Some(row) = object(line) else {
            parsed.drop_line("not a JSON object", number);
            return ControlFlow::Continue(());
        };
        let found = table.as_mut().and_then(|(keys, labels)| Some((text_at(&row, &keys.text)?, keys, labels)));
        let Some((text, keys, labels)) = found else {
            parsed.drop_line("object without a text", number);
            return ControlFlow::Continue(());
        };
        let labels = labels.labels(keys.labels.iter().map(|key| cell_at(&row, key)));
        parsed.take_row(&text, keys.second.as_ref().and_then(|key| text_at(&row, key)).as_deref(), labels, number);
        parsed.hand_over(sink)
    }

    /// What was noticed in all of them.
    fn parsed(self) -> Parsed {
        let mut parsed = self.parsed;
        if let Some((JsonKeys { text, second, labels, guessed, all }, reader)) = self.table {
            parsed.guessed_column = guessed;
            parsed.label_rows = reader.noticed();
            let text = std::iter::once(text).chain(second).collect();
            parsed.columns = Some(told_columns(all.into_iter(), text, labels));
        }
        parsed
    }
}

/// The object that a line is, if it is one.
fn object(line: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(line) {
        Ok(Value::Object(row)) => Some(row),
        _ => None,
    }
}

/// Where the texts and the labels stand in an object; a dot leads into an object inside.
struct JsonKeys {
    text: String,
    second: Option<String>,
    labels: Vec<String>,
    /// What was taken for the text where no key told.
    guessed: Option<String>,
    /// The keys of the first objects.
    all: Vec<String>,
}

impl JsonKeys {
    /// The keys of a file that begins with `rows`. A name of texts is taken where most of them have it; labels may be few.
    fn of(file: &str, rows: &[Map<String, Value>], options: &ReadOptions) -> Result<Self, DataError> {
        let count = |has: &dyn Fn(&Map<String, Value>) -> bool| rows.iter().filter(|row| has(row)).count();
        let having = |name: &str| count(&|row| at(row, name).is_some());
        let all: Vec<String> = rows.iter().flat_map(Map::keys).cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let asked = |name: &str| match having(name) {
            0 => Err(DataError::NoColumn { file: file.into(), column: name.into(), columns: all.clone() }),
            _ => Ok(name.to_string()),
        };
        let labels: Vec<String> = match &options.label_column {
            Some(names) => {
                let names = labels::asked(names, |name| having(name) > 0);
                names.into_iter().map(asked).collect::<Result<_, _>>()?
            }
            None => {
                let known = LABEL_NAMES.into_iter().chain(["meta.accusation"]).find(|name| having(name) > 0);
                known.map(String::from).into_iter().collect()
            }
        };
        // Of equally many, the likeliest one.
        let known = TEXT_NAMES.into_iter().rev().map(|name| (having(name), name)).max_by_key(|(count, _)| *count);
        let known = known.filter(|(count, _)| *count > 0);
        let pairs = PAIR_NAMES.map(|(a, b)| (count(&|row| row.contains_key(a) && row.contains_key(b)), (a, b)));
        let pair = pairs.into_iter().rev().max_by_key(|(count, _)| *count);
        let pair = pair.filter(|(pairs, _)| *pairs > 0 && *pairs >= known.map_or(0, |(count, _)| count));
        let mut guessed = None;
        let (text, second) = match (&options.text_column, pair, known) {
            (Some(names), ..) => match names.split_once(',').filter(|_| having(names) == 0) {
                Some((a, b)) => (asked(a.trim())?, Some(asked(b.trim())?)),
                None => (asked(names)?, None),
            },
            (None, Some((_, (a, b))), _) => (a.to_string(), Some(b.to_string())),
            (None, None, Some((_, text))) => (text.to_string(), None),
            (None, None, None) => {
                let length =
                    |key: &str| rows.iter().filter_map(|row| row.get(key)?.as_str()).map(text_length).sum::<usize>();
                let others = all.iter().filter(|key| !labels.contains(key)).map(|key| (length(key), key));
                let longest = others.filter(|(length, _)| *length > 0).max().map(|(_, key)| key.clone());
                let text = longest.ok_or_else(|| DataError::NoText { file: file.into() })?;
                let listed = labels.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", ");
                guessed = Some(guess(file, &quoted(&text), (!labels.is_empty()).then_some(listed)));
                (text, None)
            }
        };
        Ok(Self { text, second, labels, guessed, all })
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
