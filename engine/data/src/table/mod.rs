//! CSV, TSV and JSON Lines -> documents: one column is the text (two are a pair), one holds the labels or several are one
//! each. Which columns, a person says or their names tell. It cleans text as `lines` does and counts every row that it leaves out.

mod json_lines;
mod labels;
mod places;
mod separated;

use super::error::{DataError, quoted};
use super::lines::{Parsed, Sink};
use protocol::TableColumns;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead};

/// How to read files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOptions {
    /// Encoding, where detection guesses wrong.
    pub encoding: Option<String>,
    /// Column of the text in CSV, TSV and JSON Lines: a name, or a number from 1; two with a comma are a pair.
    pub text_column: Option<String>,
    /// Column of the labels: a name, or a number from 1; of several with commas, each is a label, or holds some.
    pub label_column: Option<String>,
    /// What parts several labels in one cell; `None`: a vertical bar.
    pub label_separator: Option<String>,
}

impl ReadOptions {
    /// What parts several labels in one cell.
    fn separator(&self) -> &str {
        self.label_separator.as_deref().filter(|separator| !separator.is_empty()).unwrap_or(LABEL_SEPARATOR)
    }
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
const TEXT_NAMES: [&str; 18] = [
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
    "comment_text",
    "review_body",
    "tweet",
    "utterance",
    "abstract",
    "title",
    "headline",
    "description",
];
const LABEL_NAMES: [&str; 16] = [
    "label",
    "labels",
    "category",
    "categories",
    "class",
    "sentiment",
    "intent",
    "topic",
    "genre",
    "tag",
    "tags",
    "accusation",
    "target",
    "emotion",
    "stars",
    "rating",
];
/// Names of columns that count rows: they are neither text nor label. An index that pandas writes has none.
const NUMBER_NAMES: [&str; 8] = ["", "id", "idx", "index", "no", "nr", "number", "unnamed: 0"];
/// Those of them that nobody writes as a text or a label: where one stands, the first row is a header.
const HEADER_NAMES: [&str; 4] = ["id", "idx", "index", "unnamed: 0"];
/// What `_id` stands behind in such a name, beside names of texts; `label_id` is a label.
const NUMBERED: [&str; 8] = ["doc", "example", "item", "post", "product", "row", "sample", "user"];
/// Names of the second text of a pair.
const PAIR_NAMES: [(&str, &str); 4] =
    [("sentence1", "sentence2"), ("text_a", "text_b"), ("premise", "hypothesis"), ("question1", "question2")];
/// What parts several labels in one cell, unless a person says otherwise.
const LABEL_SEPARATOR: &str = "|";

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

/// Whether a file is a table, by its name.
pub fn is_table(name: &str) -> bool {
    form_of(name).is_some()
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
        Form::Separated(separator) => separated::read(name, text, separator, options, sink),
        Form::JsonLines => json_lines::read(name, text, options, sink),
    }
}

/// What a person is told of a table's columns: a first row may be anything.
fn told_columns(names: impl Iterator<Item = String>, text: Vec<String>, labels: Vec<String>) -> TableColumns {
    let cut = |name: String| name.chars().take(MOST_NAME_CHARS).collect::<String>();
    TableColumns {
        names: names.take(MOST_NAMES).map(cut).collect(),
        text: text.into_iter().map(cut).collect(),
        labels: labels.into_iter().take(MOST_NAMES).map(cut).collect(),
    }
}

/// Columns that are told, and characters of their names.
const MOST_NAMES: usize = 200;
const MOST_NAME_CHARS: usize = 100;

/// How much of a text a cell is, where no name tells: an address is long and none.
fn text_length(cell: &str) -> usize {
    let is_address = ["http://", "https://"].iter().any(|scheme| cell.starts_with(scheme));
    if is_address && !cell.trim().contains(char::is_whitespace) { 0 } else { cell.len() }
}

/// What was taken for the text and for the labels of a file where no name told.
fn guess(file: &str, text: &str, labels: Option<String>) -> String {
    let file = quoted(file);
    let labels = labels.unwrap_or_else(|| "none".into());
    format!(
        "{file} names none of its columns text: {text} was taken as text and {labels} as labels; --text-column and \
         --label-column choose others"
    )
}

impl DataError {
    /// The columns of a table, for a sentence.
    pub(super) fn columns(columns: &[String]) -> String {
        const LISTED: usize = 12;
        columns.iter().take(LISTED).map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests;
