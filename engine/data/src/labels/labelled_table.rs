//! Writes a copy of a file with predictions added to each row. CSV and TSV keep their rows,
//! columns, delimiter, quoting, line ends and encoding; JSON objects get additional keys; lines of
//! text become a CSV table.
//!
//! Existing cells are copied byte by byte. Added cells, which hold labels and the text of a line,
//! are escaped so that no spreadsheet evaluates them as a formula (`protocol::inert_cell`): both
//! may come from an untrusted source.

use crate::reading::file::FileRows;
use crate::reading::lines::{Kind, Taken};
use crate::table::columns::added::{ADDED, PREFIX};
use crate::table::{Dialect, Layout, Shape, relaxed_json};
use encoding_rs::Encoding;
use protocol::{LabelScore, Quoting, inert_cell};
use serde_json::{Map, Value};

/// Prediction of a classifier for one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Predicted labels, most probable first.
    pub labels: Vec<String>,
    /// Score of each label before calibration; equal to its probability if the classifier is not
    /// calibrated.
    pub scores: Vec<f64>,
    /// Probability of each label.
    pub probabilities: Vec<f64>,
    /// Whether the row should be reviewed by a person.
    pub is_unsure: bool,
}

impl Answer {
    /// Creates a prediction from labels with their scores, most probable first.
    pub fn of(labels: Vec<LabelScore>, is_unsure: bool) -> Self {
        let scores = labels
            .iter()
            .map(|label| label.raw.unwrap_or(label.score))
            .collect();
        let probabilities = labels.iter().map(|label| label.score).collect();
        let labels = labels
            .into_iter()
            .map(|LabelScore { label, .. }| label)
            .collect();
        Self {
            labels,
            scores,
            probabilities,
            is_unsure,
        }
    }

    /// Returns the probability of the best label, or 0 if there is none.
    fn confidence(&self) -> f64 {
        self.probabilities.first().copied().unwrap_or_default()
    }
}

/// Default separator of several labels in one cell; unlike a comma, it needs no quoting in CSV.
pub const LABEL_SEPARATOR: &str = ";";

/// Writes the rows of a file with their predictions.
pub struct LabelledTable {
    shape: Shape,
    encoding: Output,
    separator: String,
    names: [String; 4],
    /// Number of rows written.
    rows: u64,
    has_mark: bool,
    is_begun: bool,
}

/// Encoding of the output.
enum Output {
    Utf8,
    Utf16 { big_endian: bool },
    Other(&'static Encoding),
}

impl LabelledTable {
    /// Creates a writer for the rows of `file`; several labels are joined by `separator`. If
    /// `for_spreadsheets`, a table of lines begins with a byte order mark, without which
    /// spreadsheets assume another encoding; other files begin as they did.
    pub fn new(file: &FileRows<'_>, separator: Option<&str>, for_spreadsheets: bool) -> Self {
        let encoding = match file.encoding() {
            "UTF-16LE" => Output::Utf16 { big_endian: false },
            "UTF-16BE" => Output::Utf16 { big_endian: true },
            name => match Encoding::for_label(name.as_bytes()) {
                Some(encoding) if encoding != encoding_rs::UTF_8 => Output::Other(encoding),
                _ => Output::Utf8,
            },
        };
        let separator = separator
            .filter(|separator| !separator.is_empty())
            .unwrap_or(LABEL_SEPARATOR)
            .into();
        let names = ADDED.map(String::from);
        let has_mark = if file.shape == Shape::Lines {
            for_spreadsheets
        } else {
            file.has_mark()
        };
        Self {
            shape: file.shape,
            encoding,
            separator,
            names,
            rows: 0,
            has_mark,
            is_begun: false,
        }
    }

    /// Returns the bytes of the next line of the file. `columns` are its existing column names;
    /// `answer` is `None` if the line has no prediction.
    pub fn push(&mut self, taken: &Taken, columns: &[String], answer: Option<&Answer>) -> Vec<u8> {
        let mut text = String::new();
        if taken.kind != Kind::Before {
            let is_taken = |name: &str| {
                columns
                    .iter()
                    .any(|column| column.eq_ignore_ascii_case(name))
            };
            self.names = ADDED.map(|name| {
                let prefixed = format!("{PREFIX}{name}");
                let numbered = (2..).map(|number| format!("{prefixed}_{number}"));
                let mut names = [name.to_string(), prefixed.clone()]
                    .into_iter()
                    .chain(numbered);
                names.find(|name| !is_taken(name)).unwrap_or_default()
            });
        }
        if !std::mem::replace(&mut self.is_begun, true) {
            text.push_str(&self.beginning());
        }
        match self.shape {
            Shape::Lines => text.push_str(&self.line(taken, answer)),
            Shape::Separated(dialect) => text.push_str(&self.cells(taken, &dialect, answer)),
            Shape::Objects(layout) => text.push_str(&self.object(taken, layout, answer)),
        }
        self.rows += u64::from(taken.kind == Kind::Row);
        self.encoded(&text)
    }

    /// Returns the bytes after the last row.
    pub fn end(&self) -> Vec<u8> {
        match self.shape {
            Shape::Objects(Layout::Stream) if self.rows == 0 => self.encoded("[]\n"),
            Shape::Objects(Layout::Stream) => self.encoded("\n]\n"),
            _ => Vec::new(),
        }
    }

    fn beginning(&self) -> String {
        let mark = if self.has_mark { "\u{feff}" } else { "" };
        match self.shape {
            Shape::Lines => format!(
                "{mark}{}",
                row(
                    ["line", "text"].into_iter().chain(self.names()),
                    b',',
                    Quoting::Double,
                    "\r\n"
                )
            ),
            _ => mark.into(),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    fn values(&self, answer: Option<&Answer>) -> [String; 4] {
        let Some(answer) = answer else {
            return [String::new(), String::new(), String::new(), "true".into()];
        };
        let Answer {
            labels,
            scores,
            is_unsure,
            ..
        } = answer;
        let confidence = answer.confidence();
        let scores: Vec<String> = scores.iter().map(|score| format!("{score:.4}")).collect();
        // Applied to each label, so that it is written the same in any combination.
        let labels: Vec<_> = labels.iter().map(|label| inert_cell(label)).collect();
        [
            labels.join(&self.separator),
            scores.join(&self.separator),
            format!("{confidence:.4}"),
            is_unsure.to_string(),
        ]
    }

    fn line(&self, taken: &Taken, answer: Option<&Answer>) -> String {
        let (line, text) = (taken.line.to_string(), inert_cell(&taken.raw));
        let values = self.values(answer);
        let cells = [line.as_str(), &text]
            .into_iter()
            .chain(values.iter().map(String::as_str));
        row(cells, b',', Quoting::Double, "\r\n")
    }

    /// Returns a row as written in the file, with cells appended.
    fn cells(&self, taken: &Taken, dialect: &Dialect, answer: Option<&Answer>) -> String {
        let is_end = |c: char| matches!(c, '\r' | '\n');
        let body = taken.raw.trim_start_matches(is_end);
        let leading = &taken.raw[..taken.raw.len() - body.len()];
        let row_text = body.trim_end_matches(is_end);
        let line_end = &body[row_text.len()..];
        let delimiter = char::from(dialect.delimiter);
        let aligned = taken.cells.as_ref();
        let aligned = aligned.map(|cells| {
            row(
                cells.iter().map(String::as_str),
                dialect.delimiter,
                dialect.quoting,
                "",
            )
        });
        let row_text = aligned.as_deref().unwrap_or(row_text);
        let added = |cells: &[String; 4]| {
            row(
                cells.iter().map(String::as_str),
                dialect.delimiter,
                dialect.quoting,
                "",
            )
        };
        match taken.kind {
            Kind::Before => taken.raw.clone(),
            Kind::Header => format!(
                "{leading}{row_text}{delimiter}{}{line_end}",
                added(&self.names)
            ),
            // The last row of a file may have no line end.
            Kind::Row => format!(
                "{leading}{row_text}{delimiter}{}{line_end}",
                added(&self.values(answer))
            ),
        }
    }

    fn object(&self, taken: &Taken, layout: Layout, answer: Option<&Answer>) -> String {
        let empty = Answer {
            is_unsure: true,
            ..Answer::default()
        };
        let answer = answer.unwrap_or(&empty);
        let Answer {
            labels,
            scores,
            is_unsure,
            ..
        } = answer;
        let rounded = |value: &f64| (value * 1e4).round() / 1e4;
        let scores: Vec<Value> = scores.iter().map(|score| rounded(score).into()).collect();
        let one = |mut values: Vec<Value>| {
            if values.len() == 1 {
                values.remove(0)
            } else {
                Value::Array(values)
            }
        };
        let labels: Vec<Value> = labels.iter().map(|label| label.as_str().into()).collect();
        let values = [
            one(labels),
            one(scores),
            rounded(&answer.confidence()).into(),
            (*is_unsure).into(),
        ];
        let text = with_members(
            &taken.raw,
            self.names.iter().map(String::as_str).zip(values),
        );
        match (layout, self.rows) {
            (Layout::Lines, _) => format!("{text}\n"),
            (Layout::Stream, 0) => format!("[\n{text}"),
            (Layout::Stream, _) => format!(",\n{text}"),
        }
    }

    fn encoded(&self, text: &str) -> Vec<u8> {
        match &self.encoding {
            Output::Utf8 => text.as_bytes().to_vec(),
            Output::Utf16 { big_endian } => {
                let bytes = |unit: u16| {
                    if *big_endian {
                        unit.to_be_bytes()
                    } else {
                        unit.to_le_bytes()
                    }
                };
                text.encode_utf16().flat_map(bytes).collect()
            }
            Output::Other(encoding) => encoding.encode(text).0.into_owned(),
        }
    }
}

/// Appends members to an object as written. Relaxed JSON that the reader accepts becomes valid
/// JSON.
fn with_members<'a>(raw: &str, added: impl Iterator<Item = (&'a str, Value)>) -> String {
    let raw = raw.trim();
    let as_written = serde_json::from_str::<Map<String, Value>>(raw).ok();
    let added = added.collect::<Vec<_>>();
    if let Some(object) = &as_written
        && let Some(open) = raw.strip_suffix('}')
        && added.iter().all(|(name, _)| !object.contains_key(*name))
    {
        let members = added
            .into_iter()
            .map(|(name, value)| format!("{}: {value}", Value::from(name)));
        let members = members.collect::<Vec<_>>().join(", ");
        let between = if object.is_empty() { "" } else { ", " };
        return format!("{}{between}{members}}}", open.trim_end());
    }
    let mut object = match as_written.map(Value::Object).or_else(|| relaxed_json(raw)) {
        Some(Value::Object(object)) => object,
        other => Map::from_iter([("text".to_string(), other.unwrap_or_else(|| raw.into()))]),
    };
    object.extend(
        added
            .into_iter()
            .map(|(name, value)| (name.to_string(), value)),
    );
    Value::Object(object).to_string()
}

/// Joins cells by a delimiter, quoting those that need it.
fn row<'a>(
    cells: impl Iterator<Item = &'a str>,
    delimiter: u8,
    quoting: Quoting,
    end: &str,
) -> String {
    let cells: Vec<String> = cells
        .map(|cell| quoted_cell(cell, delimiter, quoting))
        .collect();
    format!("{}{end}", cells.join(&char::from(delimiter).to_string()))
}

fn quoted_cell(cell: &str, delimiter: u8, quoting: Quoting) -> String {
    let needs = |mark: char| cell.contains([mark, '\r', '\n', char::from(delimiter)]);
    match quoting {
        Quoting::Double if needs('"') => format!("\"{}\"", cell.replace('"', "\"\"")),
        Quoting::Backslash if needs('"') => {
            format!("\"{}\"", cell.replace('\\', "\\\\").replace('"', "\\\""))
        }
        Quoting::Single if needs('\'') => format!("'{}'", cell.replace('\'', "''")),
        Quoting::None => cell.replace([char::from(delimiter), '\r', '\n'], " "),
        _ => cell.into(),
    }
}

/// Writes a whole file with the same prediction for each row.
///
/// # Errors
/// Returns an error if the file cannot be read.
#[cfg(test)]
fn write_all(name: &str, bytes: &[u8], labels: [&str; 2]) -> std::io::Result<Vec<u8>> {
    use crate::{InputFile, ReadOptions};
    use std::io;
    let file = InputFile::in_memory(name, bytes, None);
    let options = ReadOptions::default();
    let mut rows = FileRows::open(&file, &options, true).map_err(io::Error::other)?;
    let mut table = LabelledTable::new(&rows, None, false);
    let mut out = Vec::new();
    while let Some(taken) = rows.next().map_err(io::Error::other)? {
        let answer = Answer {
            labels: labels.map(String::from).into(),
            scores: vec![0.75, 0.5],
            probabilities: vec![0.8, 0.4],
            is_unsure: false,
        };
        let answer = taken.document.is_some().then_some(answer);
        out.extend(table.push(&taken, rows.column_names(), answer.as_ref()));
    }
    out.extend(table.end());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, expected: &str) {
        let out = write_all(name, text.as_bytes(), LABELS).expect("readable");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected, "{text}");
    }

    const LABELS: [&str; 2] = ["x", "y;z"];

    const ADDED_CELLS: &str = "x;y;z,0.7500;0.5000,0.8000,false";

    #[test]
    fn rows_are_copied_unchanged() {
        check(
            "a.csv",
            "id,text\r\n1,\"a \"\"b\"\"\r\nc\"\r\n\r\n2, d \r\n3,",
            &format!(
                "id,text,label,score,confidence,unsure\r\n1,\"a \"\"b\"\"\r\nc\",{ADDED_CELLS}\r\n\r\n2, d ,{ADDED_CELLS}\r\n3,,,,,true"
            ),
        );
        check(
            "a.csv",
            "sep=;\ntext;label\na b;u\nc d;v\n",
            "sep=;\ntext;label;predicted_label;score;confidence;unsure\na b;u;\"x;y;z\";\"0.7500;0.5000\";0.8000;false\nc d;v;\"x;y;z\";\"0.7500;0.5000\";0.8000;false\n",
        );
        // A table that already has predictions.
        check(
            "a.csv",
            "text,label,predicted_label\na b,u,v\n",
            &format!(
                "text,label,predicted_label,predicted_label_2,score,confidence,unsure\na b,u,v,{ADDED_CELLS}\n"
            ),
        );
        // A Markdown table keeps its delimiter row.
        check(
            "a.psv",
            "|text|kind\n|---|---\n|a b|u\n|c d|u\n",
            "|text|kind|label|score|confidence|unsure\n|---|---\n|a b|u|x;y;z|0.7500;0.5000|0.8000|false\n|c d|u|x;y;z|0.7500;0.5000|0.8000|false\n",
        );
        // Rows with too few cells, and rows with a delimiter in their text.
        check(
            "a.csv",
            "id,text,kind\n1,a b,u\n2,c d\n3,e, f,u\n",
            &format!(
                "id,text,kind,label,score,confidence,unsure\n1,a b,u,{ADDED_CELLS}\n2,c d,,{ADDED_CELLS}\n3,\"e, f\",u,{ADDED_CELLS}\n"
            ),
        );
        check(
            "a.txt",
            "a, b\n\nc\n",
            &format!(
                "line,text,label,score,confidence,unsure\r\n1,\"a, b\",{ADDED_CELLS}\r\n2,,,,,true\r\n3,c,{ADDED_CELLS}\r\n"
            ),
        );
    }

    #[test]
    fn added_cells_are_escaped_and_existing_cells_are_not() {
        let check = |name: &str, text: &str, expected: &str| {
            let out = write_all(name, text.as_bytes(), ["=A1", "-1"]).expect("readable");
            assert_eq!(String::from_utf8(out).expect("UTF-8"), expected, "{text}");
        };
        let added = "'=A1;-1,0.7500;0.5000,0.8000,false";
        // Existing cells are not escaped, even if a row has too few cells and is written anew.
        check(
            "a.csv",
            "id,text,kind\n=1+1,@a b,-u\n+2,=c d\n",
            &format!(
                "id,text,kind,label,score,confidence,unsure\n=1+1,@a b,-u,{added}\n+2,=c d,,{added}\n"
            ),
        );
        check(
            "a.txt",
            "=1+1, a\n- b\nc\n",
            &format!(
                "line,text,label,score,confidence,unsure\r\n1,\"'=1+1, a\",{added}\r\n2,'- b,{added}\r\n3,c,{added}\r\n"
            ),
        );
        let members =
            r#""label": ["=A1","-1"], "score": [0.75,0.5], "confidence": 0.8, "unsure": false}"#;
        check(
            "a.jsonl",
            "{\"text\": \"=a\"}\n",
            &format!("{{\"text\": \"=a\", {members}\n"),
        );
    }

    #[test]
    fn objects_get_more_members() {
        let added =
            r#""label": ["x","y;z"], "score": [0.75,0.5], "confidence": 0.8, "unsure": false}"#;
        check(
            "a.jsonl",
            "{\"text\": \"a\"}\n",
            &format!("{{\"text\": \"a\", {added}\n"),
        );
        check(
            "a.json",
            "[{\"text\": \"a\"}]",
            &format!("[\n{{\"text\": \"a\", {added}\n]\n"),
        );
        // Members keep their order and form, and an existing label is not overwritten.
        let own = added.replace("\"label\"", "\"predicted_label\"");
        check(
            "a.jsonl",
            "{\"z\":1.50,\"text\":\"a\",\"label\":\"u\"}\n",
            &format!("{{\"z\":1.50,\"text\":\"a\",\"label\":\"u\", {own}\n"),
        );
        // A Python dict literal becomes JSON.
        let sorted = r#"{"confidence":0.8,"label":["x","y;z"],"n":null,"score":[0.75,0.5],"text":"a","unsure":false}"#;
        check(
            "a.jsonl",
            "{'text': 'a', 'n': None}\n",
            &format!("{sorted}\n"),
        );
    }

    #[test]
    fn the_encoding_is_preserved() {
        let text = "text;label\r\nbläuliche Töne;x\r\nöde Wege über Land;y\r\n";
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        let out = write_all("a.csv", &latin, LABELS).expect("readable");
        assert!(out.windows(3).any(|bytes| bytes == [b'l', 0xe4, b'u']));
        let utf16: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        let out = write_all("a.csv", &utf16, LABELS).expect("readable");
        assert_eq!((&out[..2], out.len() % 2), (&[0xff, 0xfe][..], 0));
    }
}
