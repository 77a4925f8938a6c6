//! Detects the format of a text from its content: lines, rows of cells, or JSON objects. The file
//! name decides only where the content does not.

use super::ReadOptions;
use super::dialect::{self, Agreement, Dialect};
use super::layout::Layout;
use crate::packed::unpacked_name;
use crate::reading::lines::LABEL_PREFIX;
use crate::table::columns::pair_names;
use crate::table::columns::profile::text_length;
use crate::table::rows::relaxed;
use std::collections::BTreeMap;

/// The format of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Lines, each of which is a document.
    Lines,
    /// Rows of cells in a dialect, such as CSV or TSV.
    Separated(Dialect),
    /// JSON objects in one of the layouts.
    Objects(Layout),
}

/// The format that a file name implies by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Rows with this byte between cells.
    Separated(u8),
    /// JSON in either layout.
    Json,
    /// No particular format.
    Other,
}

/// Returns the format that a file name implies.
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

/// Returns whether a file name implies JSON.
pub fn is_named_json(name: &str) -> bool {
    named(name) == Named::Json
}

/// Returns the delimiter that a file name implies, if any.
pub fn named_delimiter(name: &str) -> Option<u8> {
    match named(name) {
        Named::Separated(delimiter) => Some(delimiter),
        _ => None,
    }
}

/// Minimum number of rows to recognise a table whose file name does not imply one.
const MIN_ROWS: usize = 3;
/// Maximum number of rows whose cells are inspected.
const MAX_INSPECTED_ROWS: usize = 200;
/// Minimum number of rows to recognise such a table without known column names.
const MIN_UNNAMED_ROWS: usize = 8;
/// Minimum share of consistent rows in a table that is recognised by content alone.
const MIN_AGREEMENT: f64 = 0.95;
/// Maximum length of a label, in characters.
const MAX_LABEL_CHARS: usize = 40;
/// A cell of few words is text if it is longer than this, in alphabetic characters: it may be in a
/// script without spaces.
const MIN_TEXT_LENGTH: usize = 15;
/// Minimum mean number of occurrences of a label.
const MIN_REPETITION: usize = 3;

/// Returns the shape of RFC 4180 CSV that begins with `head`; `is_complete` means that nothing
/// follows it.
pub fn of_csv(head: &str, is_complete: bool) -> Shape {
    Shape::Separated(dialect::of_csv(head, is_complete))
}

/// Detects the shape of a text that begins with `head`; `is_complete` means that nothing follows
/// it.
pub fn of(name: &str, head: &str, is_complete: bool, options: &ReadOptions) -> Shape {
    let (wants_columns, quoting) = (options.wants_columns(), options.quoting);
    let named = named(name);
    if let Some(layout) = layout(head, is_complete, named == Named::Json) {
        return Shape::Objects(layout);
    }
    let delimiter = match named {
        Named::Separated(delimiter) => Some(delimiter),
        _ => None,
    };
    let (dialect, agreement) = dialect::find(head, is_complete, delimiter, quoting);
    match named {
        Named::Separated(_) => Shape::Separated(dialect),
        _ if wants_columns && dialect.width > 1 && agreement.share >= MIN_AGREEMENT => {
            Shape::Separated(dialect)
        }
        _ if is_table(head, &dialect, agreement, options) => Shape::Separated(dialect),
        _ => Shape::Lines,
    }
}

/// Returns the layout of a text that holds JSON objects; `is_named` means that the file name
/// implies JSON.
fn layout(head: &str, is_complete: bool, is_named: bool) -> Option<Layout> {
    let text = head.trim_start();
    let opens_list = text.strip_prefix('[').map(str::trim_start);
    let first = opens_list.unwrap_or(text);
    let is_object = first.starts_with('{');
    if !is_object && !is_named {
        return None;
    }
    if is_complete && opens_list.is_none() && is_only_value(first) {
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
    let object = crate::table::rows::objects::first_value(first);
    match object {
        Some(object) if is_object && relaxed::parse(object).is_some() => Some(Layout::Stream),
        // An object that continues beyond the head, in a file whose name implies JSON.
        None if is_object && is_named && !is_complete => Some(Layout::Stream),
        _ if opens_list.is_some() && is_named => Some(Layout::Stream),
        _ if is_named => Some(Layout::Lines),
        _ => None,
    }
}

/// Returns whether a text is a single object that holds rows.
fn is_only_value(text: &str) -> bool {
    let object = crate::table::rows::objects::first_value(text).filter(|_| text.starts_with('{'));
    object.is_some_and(|object| {
        text[object.len()..].trim().is_empty() && crate::table::rows::objects::holds_rows(object)
    })
}

/// Returns whether a text is a table by its content alone: its rows are consistent, and column
/// names or values confirm it. A header with the columns that the model was trained on is enough.
fn is_table(head: &str, dialect: &Dialect, agreement: Agreement, options: &ReadOptions) -> bool {
    let is_labelled_text = head
        .split_whitespace()
        .any(|word| word.starts_with(LABEL_PREFIX));
    if is_labelled_text || dialect.width < 2 || agreement.share < MIN_AGREEMENT {
        return false;
    }
    let rows = dialect::first_rows(head, dialect, MAX_INSPECTED_ROWS);
    if let [header, _, ..] = rows.as_slice()
        && has_trained_columns(header, options)
    {
        return true;
    }
    if agreement.rows < MIN_ROWS {
        return false;
    }
    let header = rows
        .first()
        .map(|row| row.iter().filter(|cell| pair_names::is_known(cell)).count())
        .unwrap_or_default();
    let is_certain = dialect.delimiter == b'\t' || header > 1 || dialect.skipped_lines > 0;
    if header > 0 && is_certain {
        return true;
    }
    if options.is_for_prediction {
        return false;
    }
    if dialect.delimiter == b'\t' && dialect.width > 2 {
        return true;
    }
    rows.len() >= MIN_UNNAMED_ROWS
        && (0..dialect.width).any(|column| holds_labels(&rows, column, dialect.width))
}

/// Whether the first row of a table names all text columns that the model was trained on.
fn has_trained_columns(header: &[&str], options: &ReadOptions) -> bool {
    let trained = options.trained_columns.as_ref();
    trained.is_some_and(|columns| {
        let is_named = |name: &String| {
            let name = name.trim().to_lowercase();
            header.iter().any(|cell| cell.to_lowercase() == name)
        };
        !columns.names.is_empty() && columns.names.iter().all(is_named)
    })
}

/// Returns whether a column holds a few short values next to text in another column.
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
    let next_to_text = rows.iter().filter(|row| words(row)).count() * 2 > rows.len();
    counts.len() > 1 && are_short && counts.len() * MIN_REPETITION <= rows.len() && next_to_text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::DocumentColumns;

    fn kind(name: &str, text: &str) -> &'static str {
        match of(name, text, true, &ReadOptions::default()) {
            Shape::Lines => "lines",
            Shape::Separated(_) => "rows",
            Shape::Objects(Layout::Lines) => "objects in lines",
            Shape::Objects(Layout::Stream) => "objects",
        }
    }

    #[test]
    fn cells_may_span_lines() {
        let row = |i: usize| {
            let team = ["boat", "tree"][i % 2];
            format!("{i};\"the number {i} is here;\nand there\";{team}\n")
        };
        let table: String = std::iter::once("Nr;Inhalt;Abteilung\n".to_string())
            .chain((0..12).map(row))
            .collect();
        assert_eq!(kind("a.txt", &table), "rows");
    }

    #[test]
    fn a_header_with_the_columns_of_training_makes_a_table() {
        let table = "Nr;Kunde;Inhalt\n1;A;the parcel is late\n";
        let options = |names: &[&str]| ReadOptions {
            trained_columns: Some(DocumentColumns {
                names: names.iter().map(|name| (*name).to_string()).collect(),
                is_pair: false,
                labels: Vec::new(),
            }),
            is_for_prediction: true,
            ..ReadOptions::default()
        };
        let without_rows = of("-", "Hello, Inhalt\n", true, &options(&["Inhalt"]));
        assert_eq!(without_rows, Shape::Lines);
        let is_table =
            |names: &[&str]| matches!(of("-", table, true, &options(names)), Shape::Separated(_));
        assert!(is_table(&["Inhalt"]));
        assert!(is_table(&["inhalt "]));
        assert!(!is_table(&["Inhalt", "Betreff"]));
        assert!(!is_table(&[]));
    }

    #[test]
    fn formats_are_detected_from_content() {
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
