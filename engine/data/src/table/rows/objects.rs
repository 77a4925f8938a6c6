//! Reads JSON as rows: one object per line, or objects in sequence over any number of lines, with
//! or without an enclosing array. A file that is a single object may hold its rows in a nested
//! array, or in a list or object per column, as pandas writes it.

use crate::reading::lines::LineReader;
use crate::table::layout::Layout;
use crate::table::rows::relaxed;
use crate::table::rows::row::{Record, Row};
use crate::table::rows::scanner::Scanner;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::io::{self, BufRead};

/// Reads the rows of a JSON text.
pub struct ObjectRows<R> {
    lines: LineReader<R>,
    layout: Layout,
    with_raw: bool,
    scanner: Scanner,
    /// The current bytes of a stream; those before `place` have been scanned.
    chunk: Vec<u8>,
    place: usize,
    rows: u64,
    is_array: bool,
    /// The first object of a stream with its line, held back until another follows: the only object
    /// of a file may hold its rows.
    only: Option<(String, u64)>,
    ready: VecDeque<Row>,
    /// The rows nested in the only object, and the line where that begins.
    inside: Option<(RowsInside, u64)>,
}

/// The rows of an object that holds a table. They are produced one at a time: each repeats the
/// column names, which may be longer than the values.
type RowsInside = Box<dyn Iterator<Item = Map<String, Value>>>;

impl<R: BufRead> ObjectRows<R> {
    /// Reads `text`, with the raw text of each row if `with_raw` is set.
    pub fn new(text: R, layout: Layout, with_raw: bool) -> Self {
        Self {
            lines: LineReader::new(text),
            layout,
            with_raw,
            scanner: Scanner::default(),
            chunk: Vec::new(),
            place: 0,
            rows: 0,
            is_array: false,
            only: None,
            ready: VecDeque::new(),
            inside: None,
        }
    }

    /// Returns the underlying text.
    pub fn text(&self) -> &R {
        self.lines.text()
    }

    /// Returns the next row, or `None` at the end.
    ///
    /// # Errors
    /// If the text cannot be read.
    pub fn next(&mut self) -> io::Result<Option<Row>> {
        match self.layout {
            Layout::Lines => self.next_line(),
            Layout::Stream => self.next_object(),
        }
    }

    fn next_line(&mut self) -> io::Result<Option<Row>> {
        while let Some((line, number)) = self.lines.next()? {
            // Skip the brackets of an enclosing array and the commas between lines.
            let bare = line.trim().trim_end_matches(',');
            if !matches!(bare, "[" | "]") {
                return Ok(Some(row(bare, number, self.with_raw)));
            }
        }
        Ok(None)
    }

    /// Reads the next object, over any number of lines.
    fn next_object(&mut self) -> io::Result<Option<Row>> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Ok(Some(row));
            }
            if self.inside.is_some() {
                return Ok(self.next_inside());
            }
            if self.place == self.chunk.len() {
                let text = self.lines.text_mut();
                let available = text.fill_buf()?;
                self.chunk = available.to_vec();
                self.place = 0;
                text.consume(self.chunk.len());
                if self.chunk.is_empty() {
                    return Ok(self.last_rows());
                }
            }
            while let Some(byte) = self.chunk.get(self.place).copied() {
                self.place += 1;
                self.is_array |= self.rows == 0 && self.scanner.depth == 0 && byte == b'[';
                if let Some((value, line)) = self.scanner.take(byte)? {
                    self.rows += 1;
                    if self.rows == 1 && !self.is_array {
                        self.only = Some((value, line));
                        continue;
                    }
                    let first = self
                        .only
                        .take()
                        .map(|(value, line)| row(&value, line, self.with_raw));
                    self.ready
                        .extend(first.into_iter().chain([row(&value, line, self.with_raw)]));
                    break;
                }
            }
        }
    }
}

impl<R> ObjectRows<R> {
    /// Returns the first remaining row at the end of a stream: nested in the only object of a file,
    /// or a truncated value.
    fn last_rows(&mut self) -> Option<Row> {
        let cut = self
            .scanner
            .cut()
            .map(|(value, line)| row(&value, line, self.with_raw));
        if let Some((value, line)) = self.only.take() {
            if cut.is_none()
                && let Some(rows) = rows_inside(&value)
            {
                self.inside = Some((rows, line));
                return self.next_inside();
            }
            self.ready.push_back(row(&value, line, self.with_raw));
        }
        self.ready.extend(cut);
        self.ready.pop_front()
    }

    fn next_inside(&mut self) -> Option<Row> {
        let (rows, line) = self.inside.as_mut()?;
        let object = rows.next()?;
        let raw = if self.with_raw {
            Value::Object(object.clone()).to_string()
        } else {
            String::new()
        };
        Some(Row {
            record: Record::Object(object),
            line: *line,
            raw,
        })
    }
}

/// Parses a text as a row.
fn row(text: &str, line: u64, with_raw: bool) -> Row {
    let parsed = relaxed::parse(text)
        .or_else(|| relaxed::parse(text.trim_start_matches('[').trim_end_matches(']')));
    let record = match parsed {
        Some(Value::Object(object)) => Record::Object(object),
        Some(Value::String(text)) => Record::Text(text),
        Some(Value::Array(values)) if !values.is_empty() => Record::Object(numbered(values)),
        _ if text.trim().is_empty() => Record::Blank,
        _ => Record::NoObject,
    };
    Row {
        record,
        line,
        raw: if with_raw { text.into() } else { String::new() },
    }
}

/// Names the values of a row by their position, from 1.
fn numbered(values: Vec<Value>) -> Map<String, Value> {
    values
        .into_iter()
        .enumerate()
        .map(|(place, value)| ((place + 1).to_string(), value))
        .collect()
}

/// Maximum nesting depth at which lists of objects are found.
const MAX_DEPTH: usize = 4;

/// Returns whether each value is an object and each key a number: pandas' `orient="index"`.
fn is_numbered(object: &Map<String, Value>) -> bool {
    object.len() > 1
        && object
            .iter()
            .all(|(key, value)| value.is_object() && key.parse::<u64>().is_ok())
}

/// Returns whether the items are objects or null, with at least one object.
fn are_objects(items: &[Value]) -> bool {
    items.iter().all(|item| item.is_object() || item.is_null())
        && items.iter().any(Value::is_object)
}

/// Returns whether there is a list of objects within `depth` levels.
fn has_lists(object: &Map<String, Value>, depth: usize) -> bool {
    object.values().any(|value| match value {
        Value::Array(items) => are_objects(items),
        Value::Object(inner) => depth > 1 && has_lists(inner, depth - 1),
        _ => false,
    })
}

/// Returns the lists of objects within `depth` levels.
fn lists_in(object: Map<String, Value>, depth: usize) -> Vec<Vec<Map<String, Value>>> {
    let mut lists = Vec::new();
    for (_, value) in object {
        match value {
            Value::Array(items) if are_objects(&items) => {
                lists.push(objects(items.into_iter()).collect())
            }
            Value::Object(inner) if depth > 1 => lists.extend(lists_in(inner, depth - 1)),
            _ => {}
        }
    }
    lists
}

fn objects(values: impl Iterator<Item = Value>) -> impl Iterator<Item = Map<String, Value>> {
    values.filter_map(|value| {
        if let Value::Object(object) = value {
            Some(object)
        } else {
            None
        }
    })
}

/// Returns the objects of the longest list and of all other lists whose objects have the same keys,
/// such as other splits.
fn rows_of_lists(object: Map<String, Value>) -> RowsInside {
    let mut lists = lists_in(object, MAX_DEPTH);
    let keys = |list: &Vec<Map<String, Value>>| list[0].keys().cloned().collect::<Vec<_>>();
    let longest = lists.iter().max_by_key(|list| list.len()).map(keys);
    lists.retain(|list| Some(keys(list)) == longest);
    Box::new(lists.into_iter().flatten())
}

/// Returns the column names of pandas' `orient="split"`, an object that holds names and lists of
/// values.
fn split_names(object: &Map<String, Value>) -> Option<Vec<String>> {
    let are_rows = object.get("data")?.as_array()?.iter().all(Value::is_array);
    let names = object
        .get("columns")?
        .as_array()?
        .iter()
        .map(crate::table::columns::values::word)
        .collect::<Option<_>>()?;
    are_rows.then_some(names)
}

/// Returns the rows of pandas' `orient="split"`.
fn rows_of_split(mut object: Map<String, Value>, names: Vec<String>) -> RowsInside {
    let rows = match object.remove("data") {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
    };
    let values = |row| {
        if let Value::Array(values) = row {
            values
        } else {
            Vec::new()
        }
    };
    Box::new(
        rows.into_iter()
            .map(move |row| names.iter().cloned().zip(values(row)).collect()),
    )
}

/// Returns whether an object holds one list per column, or one object keyed by row number, all of
/// the same length.
fn is_columns(object: &Map<String, Value>) -> bool {
    let length = |value: &Value| match value {
        Value::Array(items) => Some(items.len()),
        Value::Object(items) if items.keys().all(|key| key.parse::<u64>().is_ok()) => {
            Some(items.len())
        }
        _ => None,
    };
    let Some(first) = object.values().next().and_then(length) else {
        return false;
    };
    object.len() > 1 && first > 1 && object.values().all(|value| length(value) == Some(first))
}

/// Returns the rows of an object that holds columns.
fn rows_of_columns(object: Map<String, Value>) -> RowsInside {
    let column = |value: Value| match value {
        Value::Array(items) => items,
        Value::Object(items) => {
            let mut numbered: Vec<(Option<u64>, Value)> = items
                .into_iter()
                .map(|(key, value)| (key.parse().ok(), value))
                .collect();
            numbered.sort_by_key(|(number, _)| *number);
            numbered.into_iter().map(|(_, value)| value).collect()
        }
        _ => Vec::new(),
    };
    let mut columns: Vec<(String, std::vec::IntoIter<Value>)> = object
        .into_iter()
        .map(|(name, value)| (name, column(value).into_iter()))
        .collect();
    let row = move || {
        columns
            .iter_mut()
            .map(|(name, values)| Some((name.clone(), values.next()?)))
            .collect()
    };
    Box::new(std::iter::from_fn(row))
}

/// Returns the rows nested in an object, or `None` if there are none.
fn rows_inside(text: &str) -> Option<RowsInside> {
    let Some(Value::Object(object)) = relaxed::parse(text) else {
        return None;
    };
    // An object with a text is a row, whatever lists it also holds.
    if object.iter().any(|(name, value)| {
        value.is_string() && crate::table::columns::names::text_name(name).is_some()
    }) {
        return None;
    }
    if let Some(names) = split_names(&object) {
        return Some(rows_of_split(object, names));
    }
    match () {
        () if is_numbered(&object) => Some(Box::new(objects(
            object.into_iter().map(|(_, value)| value),
        ))),
        () if has_lists(&object, MAX_DEPTH) => Some(rows_of_lists(object)),
        () if is_columns(&object) => Some(rows_of_columns(object)),
        () => None,
    }
}

/// Returns whether an object holds nested rows.
pub fn holds_rows(text: &str) -> bool {
    rows_inside(text).is_some()
}

/// Returns the first object of a text that begins with one, or `None` if it is incomplete.
pub fn first_value(text: &str) -> Option<&str> {
    let mut scanner = Scanner::default();
    text.bytes().enumerate().find_map(|(place, byte)| {
        let found = scanner.take(byte).ok().flatten()?;
        Some(&text[..=place]).filter(|_| !found.0.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Formats each row as `line:object`, or `line!` if it is not an object.
    fn shown(text: &str, layout: Layout) -> String {
        let pieces = io::BufReader::with_capacity(3, text.as_bytes());
        let mut rows = ObjectRows::new(pieces, layout, false);
        let rows = std::iter::from_fn(|| rows.next().expect("memory"));
        let shown = rows.map(|Row { record, line, .. }| match record {
            Record::Object(object) => format!("{line}:{}", Value::Object(object)),
            Record::Text(text) => format!("{line}:{text:?}"),
            Record::Blank => format!("{line}-"),
            Record::NoObject => format!("{line}!"),
            Record::Cells(_) => unreachable!("there are no cells"),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn objects_are_read_in_any_layout() {
        let (a, b) = ("{\"a\":1}", "{\"a\":2}");
        for (text, layout, expected) in [
            (
                format!("{a}\n\n{b}\nno\n\"s\"\n"),
                Layout::Lines,
                format!("1:{a} 2- 3:{b} 4! 5:\"s\""),
            ),
            (
                format!("[\n{a},\n{b}\n]\n"),
                Layout::Lines,
                format!("2:{a} 3:{b}"),
            ),
            (
                format!("[{a},\n{b}]\n"),
                Layout::Lines,
                format!("1:{a} 2:{b}"),
            ),
            (
                format!("[{a}, {b}]"),
                Layout::Stream,
                format!("1:{a} 1:{b}"),
            ),
            (
                "[\n {\n \"a\": 1\n },\r\n {\"a\": \"}\\\"{\"}\n]".into(),
                Layout::Stream,
                format!("2:{a} 5:{{\"a\":\"}}\\\"{{\"}}"),
            ),
            (format!("{a}\n{b}"), Layout::Stream, format!("1:{a} 2:{b}")),
            (a.into(), Layout::Stream, format!("1:{a}")),
            (
                format!("{{\"version\": 1, \"data\": [{a}, {b}]}}"),
                Layout::Stream,
                format!("1:{a} 1:{b}"),
            ),
            (
                "{\"a\": {\"0\": 1, \"1\": 2}, \"b\": {\"0\": 3, \"1\": 4}}".into(),
                Layout::Stream,
                "1:{\"a\":1,\"b\":3} 1:{\"a\":2,\"b\":4}".into(),
            ),
            (
                "{\"a\": [1, 2], \"b\": [3, 4]}".into(),
                Layout::Stream,
                "1:{\"a\":1,\"b\":3} 1:{\"a\":2,\"b\":4}".into(),
            ),
            (
                format!("{{\"0\": {a}, \"1\": {b}}}"),
                Layout::Stream,
                format!("1:{a} 1:{b}"),
            ),
            (
                "{\"columns\": [\"a\"], \"data\": [[1], [2]]}".into(),
                Layout::Stream,
                format!("1:{a} 1:{b}"),
            ),
            (
                "[\"s\", [\"x\", 1], null, {\"a\":1}]".into(),
                Layout::Stream,
                format!("1:\"s\" 1:{{\"1\":\"x\",\"2\":1}} 1! 1:{a}"),
            ),
            // Truncated, or swallowed by an unclosed quote.
            (
                format!("[{a},\n{{\"a\": \"x"),
                Layout::Stream,
                format!("1:{a} 2!"),
            ),
            (
                format!("{a}\n{{\"a\": 2"),
                Layout::Stream,
                format!("1:{a} 2!"),
            ),
        ] {
            assert_eq!(shown(&text, layout), expected, "{text}");
        }
    }
}
