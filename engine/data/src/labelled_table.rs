//! Writes a file again with predictions added to each row. CSV and TSV keep their rows, columns, delimiter, quoting, line
//! ends and encoding; objects of JSON get more keys; lines of text become a CSV table.
//!
//! Cells that a person's table has already stay as they are, byte by byte. Cells that are added, labels and the text of a
//! line, are never a formula (`protocol::inert_cell`): both may come from somebody else.

use crate::file::FileRows;
use crate::lines::{Kind, Taken};
use crate::table::{Dialect, Layout, Shape, relaxed_json};
use encoding_rs::Encoding;
use protocol::{LabelScore, Quoting, inert_cell};
use serde_json::{Map, Value};

/// What a classifier answers for a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Its labels, best first.
    pub labels: Vec<String>,
    /// The score of each before calibration, where the classifier is calibrated.
    pub scores: Vec<f64>,
    /// The probability of each.
    pub probabilities: Vec<f64>,
    /// Whether a person should look at it.
    pub is_unsure: bool,
}

impl Answer {
    /// Of labels with their scores, best first.
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

    /// The probability of the best label, 0 without any.
    fn confidence(&self) -> f64 {
        self.probabilities.first().copied().unwrap_or_default()
    }
}

/// Names of what is added.
const ADDED: [&str; 4] = ["label", "score", "confidence", "unsure"];
/// Before names that the table has already.
const PREFIX: &str = "predicted_";
/// What parts several labels in one cell: spreadsheets leave it alone where rows have commas.
pub const LABEL_SEPARATOR: &str = ";";

/// Writes the rows of a file with their answers.
pub struct LabelledTable {
    shape: Shape,
    encoding: Output,
    separator: String,
    names: [String; 4],
    /// Rows that were written.
    rows: u64,
    has_mark: bool,
    is_begun: bool,
}

/// How characters become bytes.
enum Output {
    Utf8,
    Utf16 { big_endian: bool },
    Other(&'static Encoding),
}

impl LabelledTable {
    /// For the rows of `file`; `separator` parts several labels. A table of lines begins with a byte order mark where it is
    /// `for_spreadsheets`, which take it for another encoding otherwise; other files begin as they did.
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

    /// The bytes of one more place of the file; `columns` are the names that it has already. What is no row has no answer.
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

    /// The bytes behind the last row.
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
        // Each label, so that it is written the same wherever it stands.
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

    /// A row as it stands in the file, with more cells behind it.
    fn cells(&self, taken: &Taken, dialect: &Dialect, answer: Option<&Answer>) -> String {
        let is_end = |c: char| matches!(c, '\r' | '\n');
        let bare = taken.raw.trim_start_matches(is_end);
        let before = &taken.raw[..taken.raw.len() - bare.len()];
        let whole = bare.trim_end_matches(is_end);
        let behind = &bare[whole.len()..];
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
        let whole = aligned.as_deref().unwrap_or(whole);
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
            Kind::Header => format!("{before}{whole}{delimiter}{}{behind}", added(&self.names)),
            // The last row of a file may have no line end.
            Kind::Row => format!(
                "{before}{whole}{delimiter}{}{behind}",
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

/// An object as it was written, with more members at its end. What is not JSON, but was read as such, becomes JSON.
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

/// Cells with a delimiter between them, in quotes where they need some.
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

/// Writes all of a file with the same answer for each row: what a test and a check of a host need.
///
/// # Errors
/// When the file cannot be read.
#[cfg(test)]
fn written(name: &str, bytes: &[u8], labels: [&str; 2]) -> std::io::Result<Vec<u8>> {
    use crate::{InputFile, ReadOptions};
    use std::io;
    let file = InputFile::held(name, bytes, None);
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
        let out = written(name, text.as_bytes(), LABELS).expect("readable");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected, "{text}");
    }

    const LABELS: [&str; 2] = ["x", "y;z"];

    const ADDED_CELLS: &str = "x;y;z,0.7500;0.5000,0.8000,false";

    #[test]
    fn rows_are_kept_as_they_stand() {
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
        // A table that was labelled before.
        check(
            "a.csv",
            "text,label,predicted_label\na b,u,v\n",
            &format!(
                "text,label,predicted_label,predicted_label_2,score,confidence,unsure\na b,u,v,{ADDED_CELLS}\n"
            ),
        );
        // A table in Markdown keeps its rule.
        check(
            "a.psv",
            "|text|kind\n|---|---\n|a b|u\n|c d|u\n",
            "|text|kind|label|score|confidence|unsure\n|---|---\n|a b|u|x;y;z|0.7500;0.5000|0.8000|false\n|c d|u|x;y;z|0.7500;0.5000|0.8000|false\n",
        );
        // Rows with too few cells, and with a separator in their text.
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
    fn what_is_added_is_no_formula_and_what_was_there_stays() {
        let check = |name: &str, text: &str, expected: &str| {
            let out = written(name, text.as_bytes(), ["=A1", "-1"]).expect("readable");
            assert_eq!(String::from_utf8(out).expect("UTF-8"), expected, "{text}");
        };
        let added = "'=A1;-1,0.7500;0.5000,0.8000,false";
        // The cells of a table, also where a row had too few and is written anew.
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
        // Members keep their order and their form, and an own label stays.
        let own = added.replace("\"label\"", "\"predicted_label\"");
        check(
            "a.jsonl",
            "{\"z\":1.50,\"text\":\"a\",\"label\":\"u\"}\n",
            &format!("{{\"z\":1.50,\"text\":\"a\",\"label\":\"u\", {own}\n"),
        );
        // What Python wrote becomes JSON.
        let sorted = r#"{"confidence":0.8,"label":["x","y;z"],"n":null,"score":[0.75,0.5],"text":"a","unsure":false}"#;
        check(
            "a.jsonl",
            "{'text': 'a', 'n': None}\n",
            &format!("{sorted}\n"),
        );
    }

    #[test]
    fn the_encoding_stays() {
        let text = "text;label\r\nbläuliche Töne;x\r\nöde Wege über Land;y\r\n";
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        let out = written("a.csv", &latin, LABELS).expect("readable");
        assert!(out.windows(3).any(|bytes| bytes == [b'l', 0xe4, b'u']));
        let utf16: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        let out = written("a.csv", &utf16, LABELS).expect("readable");
        assert_eq!((&out[..2], out.len() % 2), (&[0xff, 0xfe][..], 0));
    }
}
