//! Properties of reading CSV and TSV, and of writing the same files back with predictions.

use super::reading::{LIMITS, check_file};
use super::seeds;
use crate::reading::byte_source::Converted;
use crate::table::tried::is_missing;
use crate::{DataError, FileRows, InputFile, ReadOptions, Shape};
use fuzz::proptest::collection::vec;
use fuzz::proptest::prelude::*;
use fuzz::proptest::sample::select;
use fuzz::{Bytes, Outcome, ensure, mutated};
use protocol::Quoting;

const PIECES: &[&[u8]] = &[
    b",",
    b";",
    b"\t",
    b"|",
    b"\"",
    b"\"\"",
    b"'",
    b"\\",
    b"\\\"",
    b"\n",
    b"\r",
    b"\r\n",
    b"\"\n\"",
    b",\"",
    b"\",",
    b"sep=;\n",
    b"text",
    b"label",
    b"id",
    b"sentence1",
    b"sentence2",
    b"__label__",
    b"0",
    b"1",
    b"-1",
    b"NaN",
    b"['a', 'b']",
    b"[0 1]",
    b"|---|",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\0",
    b" ",
    b"Unnamed: 0",
    b"1.0",
];

fn files() -> impl Strategy<Value = Bytes> {
    mutated(seeds::field(&[".csv", ".tsv"]), PIECES)
}

fn names() -> impl Strategy<Value = &'static str> {
    select(&["a.csv", "a.tsv", "a.txt", "a"][..])
}

fn options() -> impl Strategy<Value = ReadOptions> {
    let column =
        || prop_oneof![6 => Just(None), 1 => "[a-z1-9]{0,3}(,[a-z1-9]{1,3})?".prop_map(Some)];
    let quoting = prop_oneof![
        6 => Just(None),
        1 => select(&[Quoting::None, Quoting::Single, Quoting::Double, Quoting::Backslash][..]).prop_map(Some),
    ];
    (column(), column(), quoting, any::<bool>()).prop_map(
        |(text_column, label_column, quoting, is_for_prediction)| ReadOptions {
            text_column,
            label_column,
            quoting,
            is_for_prediction,
            ..ReadOptions::default()
        },
    )
}

#[test]
fn any_table_is_read_or_refused() {
    fuzz::check(
        "tables",
        1000,
        &(files(), names(), options()),
        |(Bytes(bytes), name, options)| -> Outcome {
            check_file(&InputFile::in_memory(name, bytes, None), &options).map(drop)
        },
    );
}

/// Returns the concatenated raw text of a table's rows, or `None` if the file is not separated
/// text.
fn raw(file: &InputFile) -> Result<Option<String>, DataError> {
    let options = ReadOptions::default();
    let mut rows = FileRows::open(file, &options, true)?;
    let is_separated = matches!(rows.shape, Shape::Separated(_));
    let mut raw = String::new();
    while let Some(taken) = rows.next()? {
        raw.push_str(&taken.raw);
    }
    Ok(is_separated.then_some(raw))
}

/// Writing a file back with predictions keeps every character of its rows.
#[test]
fn rows_hold_every_character_of_a_table() {
    fuzz::check("tables-raw", 1500, &files(), |Bytes(bytes)| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let file = InputFile {
            encoding: Some("utf-8".into()),
            ..InputFile::in_memory("a.csv", text.clone(), None)
        };
        let found = LIMITS.hold(bytes.len(), || raw(&file))?;
        let Ok(Some(found)) = found else {
            return Ok(());
        };
        let text = text.trim_start_matches('\u{feff}');
        ensure(found == text, || format!("{text:?} has the rows {found:?}"))
    });
}

#[test]
fn a_table_reads_back_as_it_was_written() {
    let cell = || prop_oneof![3 => "[a-z ,;\"'\\\\\t|]{0,12}", 1 => "\\PC{0,6}", 1 => "[a-z]{1,3}\r?\n[a-z]{1,3}"];
    let rows = vec((cell(), "[a-z]{1,8}"), 1..30);
    fuzz::check("tables-written", 1500, &rows, |rows| {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["text", "label"]).expect("memory");
        for (text, label) in &rows {
            csv.write_record([text, label]).expect("memory");
        }
        let file = InputFile {
            converted: Some(Converted::Table),
            ..InputFile::in_memory("a.csv", csv.into_inner().expect("memory"), None)
        };
        let options = ReadOptions {
            text_column: Some("text".into()),
            label_column: Some("label".into()),
            ..ReadOptions::default()
        };
        let expected = expected(&rows);
        match check_file(&file, &options)? {
            Ok((documents, _)) => {
                let found = documents
                    .into_iter()
                    .map(|document| (document.text, document.labels))
                    .collect::<Vec<_>>();
                ensure(found == expected, || {
                    format!("{rows:?} reads back as {found:?}")
                })
            }
            Err(error) => ensure(expected.is_empty() && error.code() == "no-text", || {
                error.to_string()
            }),
        }
    });
}

/// Returns the expected documents of rows: texts on one line without byte order marks, and labels
/// unless they stand for a missing value.
pub fn expected(rows: &[(String, String)]) -> Vec<(String, Vec<String>)> {
    let shown = |text: &str| {
        text.chars()
            .filter(|c| *c != '\u{feff}')
            .collect::<String>()
    };
    let one_line = |text: &str| shown(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let rows = rows
        .iter()
        .filter(|(text, _)| !is_missing(text))
        .map(|(text, label)| {
            let labels = if is_missing(label) {
                vec![]
            } else {
                vec![label.clone()]
            };
            (one_line(text), labels)
        });
    rows.filter(|(text, _)| !text.is_empty()).collect()
}
