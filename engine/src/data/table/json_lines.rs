//! JSON Lines: an object per line is a document. Keys are told by a person, by their names, or by the length of their text.

use super::labels::{self, Cell, LabelReader};
use super::{LABEL_NAMES, PAIR_NAMES, ReadOptions, TEXT_NAMES, guess, told_columns};
use crate::data::error::{DataError, quoted};
use crate::data::lines::{Parsed, Sink, each_line};
use serde_json::{Map, Value};
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
        let mut all = Map::new();
        self.first.iter().filter_map(|(line, _)| object(line)).for_each(|row| join(&mut all, row));
        if self.table.is_none() && !all.is_empty() {
            let keys = JsonKeys::of(self.name, &all, self.options)?;
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

/// Adds the keys of `row` to those of the objects before, and of two texts keeps the longer one.
fn join(all: &mut Map<String, Value>, row: Map<String, Value>) {
    for (key, value) in row {
        match (all.get_mut(&key), value) {
            (Some(Value::Object(all)), Value::Object(row)) => join(all, row),
            (Some(Value::String(text)), Value::String(other)) if other.len() > text.len() => *text = other,
            (Some(known @ Value::Null), value) => *known = value,
            (Some(_), _) => {}
            (None, value) => {
                all.insert(key, value);
            }
        }
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
                    let listed = labels.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", ");
                    guessed = Some(guess(file, &quoted(&longest), (!labels.is_empty()).then_some(listed)));
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
