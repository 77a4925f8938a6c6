//! Detects the format of a text from its content: lines, rows of cells, or objects of JSON. The file's name only decides
//! where the content does not.

use super::ReadOptions;
use super::dialect::{self, Agreement, Dialect};
use super::names;
use super::profile::text_length;
use super::relaxed;
use crate::lines::LABEL_PREFIX;
use crate::packed::unpacked_name;
use std::collections::BTreeMap;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Lines, each a document.
    Lines,
    /// Rows of cells.
    Separated(Dialect),
    /// Objects of JSON.
    Objects(Layout),
}

/// How objects of JSON follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One per line; brackets and commas around them do no harm.
    Lines,
    /// One after the other, over as many lines as they take.
    Stream,
}

/// What the ending of a file's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Rows with this byte between cells.
    Separated(u8),
    /// JSON.
    Json,
    /// Nothing in particular.
    Other,
}

/// What the name of a file stands for.
pub fn named(name: &str) -> Named {
    let name = name.to_ascii_lowercase();
    let name = unpacked_name(&name);
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => Named::Separated(b','),
        Some("tsv" | "tab") => Named::Separated(b'\t'),
        Some("psv") => Named::Separated(b'|'),
        Some("jsonl" | "ndjson" | "json") => Named::Json,
        _ => Named::Other,
    }
}

/// Whether the name of a file stands for JSON.
pub fn is_named_json(name: &str) -> bool {
    named(name) == Named::Json
}

/// What the name of a file says stands between cells.
pub fn named_delimiter(name: &str) -> Option<u8> {
    match named(name) {
        Named::Separated(delimiter) => Some(delimiter),
        _ => None,
    }
}

/// Rows that show what a file without a telling name is.
const MIN_ROWS: usize = 3;
/// Rows that show it where their names do not.
const MIN_UNNAMED_ROWS: usize = 8;
/// The share of rows that agree, in a text that is a table by its content alone.
const MIN_AGREEMENT: f64 = 0.95;
/// Longer values are no labels.
const MAX_LABEL_CHARS: usize = 40;
/// A text without spaces between its words is longer than this, in letters of an alphabet.
const MIN_TEXT_LENGTH: usize = 15;
/// A label comes at least so many times, on average.
const MIN_REPETITION: usize = 3;

/// The shape of CSV as in RFC 4180 that begins with `head`, which is all of it where `whole`.
pub fn of_csv(head: &str, whole: bool) -> Shape {
    Shape::Separated(dialect::of_csv(head, whole))
}

/// The shape of a text that begins with `head`, which is all of it where `whole`.
pub fn of(name: &str, head: &str, whole: bool, options: &ReadOptions) -> Shape {
    let (wants_columns, quoting) = (options.wants_columns(), options.quoting);
    let named = named(name);
    if let Some(layout) = layout(head, whole, named == Named::Json) {
        return Shape::Objects(layout);
    }
    let delimiter = match named {
        Named::Separated(delimiter) => Some(delimiter),
        _ => None,
    };
    let (dialect, agreement) = dialect::find(head, whole, delimiter, quoting);
    match named {
        Named::Separated(_) => Shape::Separated(dialect),
        _ if wants_columns && dialect.width > 1 && agreement.share >= MIN_AGREEMENT => {
            Shape::Separated(dialect)
        }
        _ if is_table(head, &dialect, agreement, options.is_for_prediction) => {
            Shape::Separated(dialect)
        }
        _ => Shape::Lines,
    }
}

/// How objects follow each other in a text that holds such; `is_named` tells that its name says so.
fn layout(head: &str, whole: bool, is_named: bool) -> Option<Layout> {
    let text = head.trim_start();
    let opens_list = text.strip_prefix('[').map(str::trim_start);
    let first = opens_list.unwrap_or(text);
    let is_object = first.starts_with('{');
    if !is_object && !is_named {
        return None;
    }
    if whole && opens_list.is_none() && is_only_value(first) {
        // The only object of a file may hold its rows.
        return Some(Layout::Stream);
    }
    let line = first.lines().next().unwrap_or_default().trim_end();
    let is_lines =
        relaxed::parse(line.trim_end_matches([',', ']'])).is_some_and(|value| value.is_object());
    let on_own_line = opens_list.is_none_or(|_| {
        text[1..]
            .trim_start_matches([' ', '\t', '\r'])
            .starts_with('\n')
    });
    if is_lines && on_own_line {
        return Some(Layout::Lines);
    }
    let object = super::objects::first_value(first);
    match object {
        Some(object) if is_object && relaxed::parse(object).is_some() => Some(Layout::Stream),
        // An object that the head does not hold to its end, in a file that is named so.
        None if is_object && is_named && !whole => Some(Layout::Stream),
        _ if opens_list.is_some() && is_named => Some(Layout::Stream),
        _ if is_named => Some(Layout::Lines),
        _ => None,
    }
}

/// Whether a text is one object that holds rows.
fn is_only_value(text: &str) -> bool {
    let object = super::objects::first_value(text).filter(|_| text.starts_with('{'));
    object.is_some_and(|object| {
        text[object.len()..].trim().is_empty() && super::objects::holds_rows(object)
    })
}

/// Whether a text whose name does not tell is a table: its rows agree, and their names or values say so.
fn is_table(head: &str, dialect: &Dialect, agreement: Agreement, only_by_header: bool) -> bool {
    let is_labelled_text = head
        .split_whitespace()
        .any(|word| word.starts_with(LABEL_PREFIX));
    if is_labelled_text
        || dialect.width < 2
        || agreement.share < MIN_AGREEMENT
        || agreement.rows < MIN_ROWS
    {
        return false;
    }
    let rows: Vec<Vec<&str>> = head[dialect.skipped_bytes..]
        .lines()
        .filter(|line| !line.is_empty())
        .take(200)
        .map(|line| {
            line.split(char::from(dialect.delimiter))
                .map(|cell| cell.trim_matches(['"', ' ']))
                .collect()
        })
        .collect();
    let header = rows
        .first()
        .map(|row| row.iter().filter(|cell| names::is_known(cell)).count())
        .unwrap_or_default();
    let is_certain = dialect.delimiter == b'\t' || header > 1 || dialect.skipped_lines > 0;
    if header > 0 && is_certain {
        return true;
    }
    if only_by_header {
        return false;
    }
    if dialect.delimiter == b'\t' && dialect.width > 2 {
        return true;
    }
    rows.len() >= MIN_UNNAMED_ROWS
        && (0..dialect.width).any(|column| holds_labels(&rows, column, dialect.width))
}

/// Whether few short values stand in this column, beside text in another one.
fn holds_labels(rows: &[Vec<&str>], column: usize, width: usize) -> bool {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let rows: Vec<&Vec<&str>> = rows.iter().filter(|row| row.len() == width).collect();
    rows.iter()
        .for_each(|row| *counts.entry(row[column].trim()).or_default() += 1);
    let are_short = counts
        .keys()
        .all(|value| value.chars().count() <= MAX_LABEL_CHARS);
    let words = |row: &&Vec<&str>| {
        let is_text =
            |cell: &str| cell.split_whitespace().count() > 2 || text_length(cell) > MIN_TEXT_LENGTH;
        (0..width)
            .filter(|other| *other != column)
            .any(|other| is_text(row[other]))
    };
    let beside_text = rows.iter().filter(|row| words(row)).count() * 2 > rows.len();
    counts.len() > 1 && are_short && counts.len() * MIN_REPETITION <= rows.len() && beside_text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, text: &str) -> &'static str {
        match of(name, text, true, &ReadOptions::default()) {
            Shape::Lines => "lines",
            Shape::Separated(_) => "rows",
            Shape::Objects(Layout::Lines) => "objects in lines",
            Shape::Objects(Layout::Stream) => "objects",
        }
    }

    #[test]
    fn the_content_tells_what_a_file_is() {
        let labelled: String = (0..12)
            .map(|i| format!("{}\tthe boat number {i} is here\n", ["boat", "tree"][i % 2]))
            .collect();
        let commas: String = (0..12)
            .map(|i| format!("the boat number {i} is here,{}\n", ["boat", "tree"][i % 2]))
            .collect();
        for (name, text, expected) in [
            ("a.txt", "some text\nand more\n", "lines"),
            ("a.txt", "one, two\nthree, four\nfive, six\n", "lines"),
            (
                "a.txt",
                "a b\tc d __label__x\na b\tc d __label__y\na b\tc d __label__y\n",
                "lines",
            ),
            (
                "a.txt",
                "a b c\td e f\ng h i\tj k l\nm n o\tp q r\ns t u\tv w x\n",
                "lines",
            ),
            ("a.txt", "[1] a note\n[2] another\n", "lines"),
            ("a.txt", "{not json}\n", "lines"),
            ("a.txt", "text\tlabel\na b\tx\nc d\ty\n", "rows"),
            ("SMSCollection", &labelled, "rows"),
            ("a.txt", &commas, "rows"),
            ("a.csv", "only text\n", "rows"),
            (
                "a.txt",
                "{\"text\": \"a\"}\n{\"text\": \"b\"}\n",
                "objects in lines",
            ),
            (
                "a.csv",
                "{\"text\": \"a\"}\n{\"text\": \"b\"}\n",
                "objects in lines",
            ),
            ("a.json", "{\"data\": [{\"text\": \"a\"}]}\n", "objects"),
            ("a.json", "[\"a\", \"b\"]", "objects"),
            (
                "a.jsonl",
                "[\n{\"text\": \"a\"},\n{\"text\": \"b\"}\n]\n",
                "objects in lines",
            ),
            ("a", "[{\"text\": \"a\"}, {\"text\": \"b\"}]", "objects"),
            ("a", "[\n {\n  \"text\": \"a\"\n }\n]", "objects"),
            (
                "a.json",
                "{\n  \"text\": \"a\"\n}\n{\n  \"text\": \"b\"\n}\n",
                "objects",
            ),
            ("a.jsonl", "\"a string\"\n", "objects in lines"),
            ("a.jsonl", "", "objects in lines"),
        ] {
            assert_eq!(kind(name, text), expected, "{name} {text}");
        }
    }
}
