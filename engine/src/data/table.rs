//! CSV, TSV and JSON Lines -> documents: one column is the text (two are a pair), one holds the labels. Which columns,
//! a person says or their names tell. It cleans text as `lines` does and counts every row that it leaves out.

use super::error::{DataError, quoted};
use super::lines::{Parsed, Sink, each_line};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io::{self, BufRead};
use std::ops::ControlFlow;

/// How to read files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOptions {
    /// Encoding, where detection guesses wrong.
    pub encoding: Option<String>,
    /// Column of the text in CSV, TSV and JSON Lines: a name, or a number from 1; two with a comma are a pair.
    pub text_column: Option<String>,
    /// Column of the labels: a name, or a number from 1.
    pub label_column: Option<String>,
}

/// Form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Values with this byte between them.
    Separated(u8),
    /// One JSON object per line.
    JsonLines,
}

/// Names of columns that hold text, and labels, likeliest first.
const TEXT_NAMES: [&str; 12] = [
    "text",
    "sentence",
    "content",
    "fact",
    "review",
    "document",
    "body",
    "comment",
    "message",
    "question",
    "title",
    "description",
];
const LABEL_NAMES: [&str; 9] =
    ["label", "labels", "category", "categories", "class", "tag", "tags", "accusation", "target"];
/// Names of the second text of a pair.
const PAIR_NAMES: [(&str, &str); 4] =
    [("sentence1", "sentence2"), ("text_a", "text_b"), ("premise", "hypothesis"), ("question1", "question2")];
/// What parts several labels in one cell.
const LABEL_SEPARATOR: char = '|';

/// The form that a file's name tells, `None` for lines of text.
pub(super) fn form_of(name: &str) -> Option<Form> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "csv" => Some(Form::Separated(b',')),
        "tsv" => Some(Form::Separated(b'\t')),
        "jsonl" | "ndjson" => Some(Form::JsonLines),
        _ => None,
    }
}

/// Reads the table `text`, in UTF-8, of the file `name` and hands its documents to `sink`.
///
/// # Errors
/// When a column that was asked for does not exist, none looks like text, or the text cannot be read to its end.
pub(super) fn read(
    name: &str,
    text: &mut dyn BufRead,
    form: Form,
    options: &ReadOptions,
    sink: &mut Sink<'_>,
) -> io::Result<Parsed> {
    match form {
        Form::Separated(separator) => separated(name, text, separator, options, sink),
        Form::JsonLines => json_lines(name, text, options, sink),
    }
}

/// Where the texts and the labels stand in a row.
#[derive(Debug, PartialEq)]
struct Columns {
    text: usize,
    second: Option<usize>,
    label: Option<usize>,
    /// Whether the text was found by its length.
    guessed: bool,
}

impl Columns {
    /// What was taken for the text where no name told, for a sentence that begins with the file.
    fn guess(&self, first: &[&str], header: bool) -> Option<String> {
        let named = |column: usize| match header {
            true => format!("column {} ({})", column + 1, quoted(first[column].trim())),
            false => format!("column {}", column + 1),
        };
        let (text, is_alone) = (named(self.text), first.len() == 1);
        let label = self.label.map_or("none as labels".into(), |label| format!("{} as labels", named(label)));
        (self.guessed && !is_alone).then(|| {
            format!("names none of its columns text: {text} was taken as text and {label}; --text-column and --label-column choose others")
        })
    }
}

fn separated(
    name: &str,
    text: &mut dyn BufRead,
    separator: u8,
    options: &ReadOptions,
    sink: &mut Sink<'_>,
) -> io::Result<Parsed> {
    // A semicolon is the comma of spreadsheets in half of the world.
    let start = text.fill_buf()?;
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| first.iter().filter(|byte| **byte == wanted).count();
    let semicolons = separator == b',' && count(b';') > count(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { separator })
        .has_headers(false)
        .flexible(true)
        .from_reader(text);
    let mut parsed = Parsed::default();
    let mut columns: Option<Columns> = None;
    let mut records = reader.records().peekable();
    while let Some(record) = records.next() {
        let record = match record.map_err(csv::Error::into_kind) {
            Ok(record) => record,
            Err(csv::ErrorKind::Io(error)) => return Err(error),
            Err(_) => {
                parsed.drop_line("not readable as a row", 0);
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let cells: Vec<&str> = record.iter().collect();
        if columns.is_none() {
            let second = records.peek().and_then(|record| record.as_ref().ok());
            let second: Vec<&str> = second.map(|record| record.iter().collect()).unwrap_or_default();
            let (found, header) = columns_of(name, [&cells, &second], options).map_err(io::Error::other)?;
            parsed.guessed_column = found.guess(&cells, header);
            columns = Some(found);
            if header {
                continue;
            }
        }
        let columns = columns.as_ref().expect("the first row told them");
        let cell = |column: usize| cells.get(column).copied();
        let Some(text) = cell(columns.text) else {
            parsed.drop_line("row without a text column", line);
            continue;
        };
        let labels =
            columns.label.and_then(cell).unwrap_or_default().split(LABEL_SEPARATOR).map(String::from).collect();
        parsed.take_row(text, columns.second.and_then(cell), labels, line);
        if parsed.hand_over(sink).is_break() {
            break;
        }
    }
    Ok(parsed)
}

/// The columns, from what was asked for or from the names in the first row, and whether that row is a header.
fn columns_of(file: &str, [first, second]: [&[&str]; 2], options: &ReadOptions) -> Result<(Columns, bool), DataError> {
    let named = |name: &str| first.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
    let known = |names: &[&str]| names.iter().find_map(|name| named(name));
    let asked = |name: &str| {
        let number = name.parse::<usize>().ok().filter(|number| (1..=first.len()).contains(number));
        named(name).or(number.map(|number| number - 1)).ok_or_else(|| DataError::NoColumn {
            file: file.into(),
            column: name.into(),
            columns: first.iter().map(|cell| cell.trim().to_string()).collect(),
        })
    };
    let label = match &options.label_column {
        Some(name) => Some(asked(name)?),
        None => known(&LABEL_NAMES),
    };
    let pair = PAIR_NAMES.iter().find_map(|(a, b)| Some((named(a)?, named(b)?)));
    let (text, other, guessed) = match (&options.text_column, pair, known(&TEXT_NAMES)) {
        (Some(names), ..) => match names.split_once(',') {
            Some((a, b)) => (asked(a.trim())?, Some(asked(b.trim())?), false),
            None => (asked(names)?, None, false),
        },
        (None, Some((a, b)), _) => (a, Some(b), false),
        (None, None, Some(text)) => (text, None, false),
        (None, None, None) => {
            let longest = longest_column([first, second], label);
            (longest.ok_or_else(|| DataError::NoText { file: file.into() })?, None, true)
        }
    };
    let by_name = |names: &Option<String>| {
        names.iter().flat_map(|names| names.split(',')).any(|name| named(name.trim()).is_some())
    };
    let header = known(&TEXT_NAMES).is_some()
        || known(&LABEL_NAMES).is_some()
        || pair.is_some()
        || by_name(&options.text_column)
        || by_name(&options.label_column)
        || guessed && is_name_of([first, second], text);
    // A table of two columns without known names is text and label.
    let label = label.or_else(|| ((guessed || !header) && first.len() == 2).then_some(1 - text.min(1)));
    Ok((Columns { text, second: other, label, guessed }, header))
}

/// Without a telling name: the column with the longest cell in the first two rows that is not the label.
fn longest_column([first, second]: [&[&str]; 2], label: Option<usize>) -> Option<usize> {
    let length = |column: usize| first[column].len().max(second.get(column).map_or(0, |cell| cell.len()));
    let candidates = (0..first.len()).filter(|column| Some(*column) != label);
    candidates.max_by_key(|&column| (length(column), std::cmp::Reverse(column)))
}

/// Whether the first cell of the text's column is its name: a word or two above a text of more words.
fn is_name_of([first, second]: [&[&str]; 2], text: usize) -> bool {
    let words = |row: &[&str]| row.get(text).map_or(0, |cell| cell.split_whitespace().count());
    (1..=2).contains(&words(first)) && words(second) > 2
}

fn json_lines(name: &str, text: &mut dyn BufRead, options: &ReadOptions, sink: &mut Sink<'_>) -> io::Result<Parsed> {
    let mut parsed = Parsed::default();
    let mut keys: Option<Result<JsonKeys, DataError>> = None;
    each_line(text, &mut |line, number| {
        if line.trim().is_empty() {
            parsed.drop_line("empty", number);
            return ControlFlow::Continue(());
        }
        let Ok(Value::Object(row)) = serde_json::from_str::<Value>(line) else {
            parsed.drop_line("not a JSON object", number);
            return ControlFlow::Continue(());
        };
        let Ok(keys) = keys.get_or_insert_with(|| JsonKeys::of(name, &row, options)) else {
            return ControlFlow::Break(());
        };
        let Some(text) = text_at(&row, &keys.text) else {
            parsed.drop_line("object without a text", number);
            return ControlFlow::Continue(());
        };
        let labels = keys.label.as_ref().map(|key| labels_at(&row, key)).unwrap_or_default();
        parsed.take_row(&text, keys.second.as_ref().and_then(|key| text_at(&row, key)).as_deref(), labels, number);
        parsed.hand_over(sink)
    })?;
    match keys {
        Some(Err(error)) => Err(io::Error::other(error)),
        Some(Ok(keys)) => {
            parsed.guessed_column = keys.guessed;
            Ok(parsed)
        }
        None => Ok(parsed),
    }
}

/// Where the texts and the labels stand in an object; a dot leads into an object inside.
struct JsonKeys {
    text: String,
    second: Option<String>,
    label: Option<String>,
    /// What was taken for the text where no key told.
    guessed: Option<String>,
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
        let label = match &options.label_column {
            Some(name) => Some(asked(name)?),
            None => known(&LABEL_NAMES).or_else(|| known(&["meta.accusation"])),
        };
        let pair = PAIR_NAMES.iter().find(|(a, b)| row.contains_key(*a) && row.contains_key(*b));
        let mut guessed = None;
        let (text, second) = match (&options.text_column, pair) {
            (Some(names), _) => match names.split_once(',') {
                Some((a, b)) => (asked(a.trim())?, Some(asked(b.trim())?)),
                None => (asked(names)?, None),
            },
            (None, Some((a, b))) => ((*a).to_string(), Some((*b).to_string())),
            (None, None) => {
                let text = known(&TEXT_NAMES).or_else(|| {
                    let longest = row.iter().filter(|(key, _)| Some(*key) != label.as_ref());
                    let longest = longest.filter_map(|(key, value)| Some((value.as_str()?.len(), key)));
                    let longest = longest.max().map(|(_, key)| key.clone())?;
                    guessed = Some(guessed_key(&longest, label.as_deref()));
                    Some(longest)
                });
                (text.ok_or_else(|| DataError::NoText { file: file.into() })?, None)
            }
        };
        Ok(Self { text, second, label, guessed })
    }
}

fn guessed_key(text: &str, label: Option<&str>) -> String {
    let label = label.map_or("none as labels".into(), |label| format!("{} as labels", quoted(label)));
    let text = quoted(text);
    format!(
        "names none of its columns text: {text} was taken as text and {label}; --text-column and --label-column choose others"
    )
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

fn labels_at(row: &Map<String, Value>, key: &str) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(label) => Some(label.clone()),
        Value::Number(label) => Some(label.to_string()),
        Value::Bool(label) => Some(label.to_string()),
        _ => None,
    };
    match at(row, key) {
        Some(Value::Array(labels)) => labels.iter().filter_map(one).collect(),
        Some(Value::String(labels)) => labels.split(LABEL_SEPARATOR).map(String::from).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

impl DataError {
    /// The columns of a table, for a sentence.
    pub(super) fn columns(columns: &[String]) -> String {
        const LISTED: usize = 12;
        columns.iter().take(LISTED).map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Document;

    fn options(text: &str, label: &str) -> ReadOptions {
        let column = |name: &str| (!name.is_empty()).then(|| name.to_string());
        ReadOptions { encoding: None, text_column: column(text), label_column: column(label) }
    }

    fn parse(name: &str, text: &str, form: Form, options: &ReadOptions) -> Result<Parsed, DataError> {
        let mut documents = Vec::new();
        let parsed = read(name, &mut text.as_bytes(), form, options, &mut |document| {
            documents.push(document);
            ControlFlow::Continue(())
        });
        let mut parsed = parsed.map_err(|error| error.downcast::<DataError>().expect("carried"))?;
        parsed.documents = documents;
        Ok(parsed)
    }

    /// `text|second|label label` of each document.
    fn shown(name: &str, text: &str, options: &ReadOptions) -> Vec<String> {
        let parsed = parse(name, text, form_of(name).expect("a table"), options).expect("readable");
        let line = |d: &Document| {
            let second = d.second.as_deref().map(|second| format!("|{second}")).unwrap_or_default();
            format!("{}{second}|{}", d.text, d.labels.join(" "))
        };
        parsed.documents.iter().map(line).collect()
    }

    /// A spreadsheet's columns have names in any language: what was taken for the text is told.
    #[test]
    fn a_column_that_was_guessed_is_told() {
        let none = &options("", "");
        let sheet = "Id;Beschreibung;Kategorie\n1;a text of some words;x\n2;another such text;y\n";
        assert_eq!(shown("a.csv", sheet, none), ["a text of some words|", "another such text|"]);
        let told = |text: &str, name: &str| {
            let parsed = parse(name, text, form_of(name).expect("a table"), none).expect("readable");
            parsed.guessed_column.unwrap_or_default()
        };
        let sentence = told(sheet, "a.csv");
        assert!(sentence.contains("column 2 (\"Beschreibung\") was taken as text and none as labels"), "{sentence}");
        assert!(told("a text of some words,x\nanother,y\n", "a.csv").contains("column 1 was taken as text"));
        assert!(told("{\"inhalt\": \"a text\"}\n", "a.jsonl").contains("\"inhalt\" was taken as text"));
        for named in ["text,label\na b,x\n", "only one column of text\n"] {
            assert_eq!(told(named, "a.csv"), "", "{named}");
        }
    }

    #[test]
    fn columns_are_found_by_name_number_or_length() {
        let none = &options("", "");
        for (text, options, expected) in [
            ("label,text\nx,a b\ny,c d\n", none, &["a b|x", "c d|y"][..]),
            ("Text;Label\na, b;x\n", none, &["a, b|x"]),
            ("id,body,tags\n1,a b,x|y z\n", none, &["a b|x y z"]),
            ("a long text,x\nanother one,y\n", none, &["a long text|x", "another one|y"]),
            ("n,what,kind\n1,a b,x\n", &options("what", "kind"), &["a b|x"]),
            ("1,a b,x\n", &options("2", "3"), &["a b|x"]),
            ("sentence1,sentence2,label\na b,c d,x\n", none, &["a b|c d|x"]),
            ("p,q,l\na b,c d,x\n", &options("p,q", "l"), &["a b|c d|x"]),
        ] {
            assert_eq!(shown("a.csv", text, options), expected, "{text}");
        }
        let json = "{\"text\":\"a b\",\"labels\":[\"x\",\"y z\"]}\n{\"text\":\"c\",\"labels\":3}\n";
        assert_eq!(shown("a.jsonl.gz", json, none), ["a b|x y z", "c|3"]);
        let cail = "{\"fact\":\"a\\nb\",\"meta\":{\"accusation\":[\"x\"]}}\n";
        assert_eq!(shown("a.ndjson", cail, none), ["a b|x"]);
        assert_eq!(shown("a.tsv", "text\tlabel\na\tx\n", none), ["a|x"]);
        for name in ["a.txt", "csv", "a.csv.zip"] {
            assert_eq!(form_of(name), None, "{name}");
        }
    }

    #[test]
    fn quotes_newlines_and_ragged_rows_do_no_harm() {
        let text =
            "text,label\n\"one, \"\"two\"\"\nthree\",x\nragged\n,empty\n\"four\",\"a b\",more\nnot __label__me,z\n";
        let parsed = parse("a.csv", text, Form::Separated(b','), &options("", "")).expect("readable");
        let documents: Vec<(&str, &[String])> =
            parsed.documents.iter().map(|d| (d.text.as_str(), d.labels.as_slice())).collect();
        let labels = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
        assert_eq!(
            documents,
            [
                ("one, \"two\" three", &labels(&["x"])[..]),
                ("ragged", &labels(&[])[..]),
                ("four", &labels(&["a b"])[..]),
                ("not __label__me", &labels(&["z"])[..]),
            ]
        );
        assert_eq!((parsed.dropped[0].reason.as_str(), parsed.dropped[0].count), ("empty", 1));
        let parsed = parse("a.jsonl", "{\"text\":1}\n[1]\n{bad\n\n{\"x\":2}\n", Form::JsonLines, &options("", ""));
        let parsed = parsed.expect("readable");
        assert_eq!((parsed.documents.len(), parsed.dropped.iter().map(|d| d.count).sum::<u64>()), (1, 4));
    }

    #[test]
    fn a_column_that_is_not_there_is_named() {
        for (name, text) in [("a.csv", "x,y\n1,2\n"), ("a.jsonl", "{\"x\":\"1\",\"y\":2}\n")] {
            let form = form_of(name).expect("a table");
            let error = parse(name, text, form, &options("text", "")).expect_err("refused");
            assert_eq!(error.code(), "no-column");
            assert!(error.to_string().contains("\"x\", \"y\""), "{error}");
        }
    }

    #[test]
    fn labels_of_any_kind_become_sound_ones() {
        let long = "x".repeat(10_000);
        let text = format!(
            "{{\"text\":\"a\",\"label\":[\" two\\n words \",\"\",\"<b>\\\"q\\\"</b>\",\"{long}\",\"<b>\\\"q\\\"</b>\"]}}\n"
        );
        let parsed = parse("a.jsonl", &text, Form::JsonLines, &options("", "")).expect("readable");
        let labels = &parsed.documents[0].labels;
        assert_eq!(labels[..2], ["two words".to_string(), "<b>\"q\"</b>".into()]);
        assert_eq!((labels.len(), labels[2].chars().count(), parsed.long_labels), (3, 200, 1));
    }
}
