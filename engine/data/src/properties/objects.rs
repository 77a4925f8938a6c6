//! Properties of reading JSON: rows and documents, in all layouts.

use super::reading::check_file;
use super::seeds;
use crate::{InputFile, ReadOptions};
use fuzz::proptest::collection::vec;
use fuzz::proptest::sample::select;
use fuzz::{Bytes, Outcome, ensure, mutated};
use serde_json::json;

const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"'",
    b":",
    b",",
    b"\\",
    b"\\u",
    b"\\ud83d",
    b"\n",
    b"\r",
    b" ",
    b"null",
    b"true",
    b"NaN",
    b"None",
    b"0",
    b"-1",
    b"1e999",
    b"1.0",
    b"{}",
    b"[]",
    b"{\"\":0}",
    b"[[",
    b"]]",
    b"{\"a\":",
    b"\"text\"",
    b"\"label\"",
    b"\"text\": \"a b\"",
    b"\"columns\": ",
    b"\"data\": ",
    b"\"0\": ",
    b"\"result\": ",
    b"\"a.b\": ",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\0",
];

fn extra_seeds() -> Vec<Vec<u8>> {
    let split = json!({"columns": ["text", "label"], "index": [0, 1], "data": [["a red boat", "x"], ["a tree", "y"]]});
    let columns =
        json!({"text": {"0": "a red boat", "1": "a tree"}, "label": {"0": "x", "1": "y"}});
    let nested = json!({"version": 1, "data": {"train": [{"text": "a boat", "label": ["x"]}, {"text": "b", "label": []}]}});
    let python = "{'text': 'a \\'red\\' boat', 'label': None,}\n{text: \"b\", label: [1,],}\n";
    let made = [split, columns, nested].map(|value| value.to_string().into_bytes());
    made.into_iter()
        .chain([
            python.into(),
            "\"a text\"\n\"another\"\n".into(),
            "[\"a\", \"x\"]\n[\"b\", \"y\"]\n".into(),
        ])
        .collect()
}

#[test]
fn any_json_is_read_or_refused() {
    let seeds = [seeds::field(&[".json", ".jsonl"]), extra_seeds()].concat();
    let names = select(&["a.json", "a.jsonl", "a.txt"][..]);
    fuzz::check(
        "objects",
        1500,
        &(mutated(seeds, PIECES), names),
        |(Bytes(bytes), name)| -> Outcome {
            check_file(
                &InputFile::in_memory(name, bytes, None),
                &ReadOptions::default(),
            )
            .map(drop)
        },
    );
}

#[test]
fn objects_read_back_as_they_were_written() {
    let rows = vec(("\\PC{0,12}", "[a-z]{1,8}"), 1..20);
    let layouts = 0..4_usize;
    fuzz::check(
        "objects-written",
        3000,
        &(rows, layouts),
        |(rows, layout)| {
            let objects: Vec<_> = rows
                .iter()
                .map(|(text, label)| json!({"text": text, "label": label}))
                .collect();
            let written = |between: &str| {
                objects
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(between)
            };
            let (name, text) = match layout {
                0 => ("a.jsonl", written("\n")),
                1 => ("a.json", format!("[{}]", written(", "))),
                2 => ("a.json", format!("[\n{}\n]\n", written(",\n"))),
                _ => (
                    "a.json",
                    serde_json::to_string_pretty(&objects).expect("values"),
                ),
            };
            let options = ReadOptions {
                text_column: Some("text".into()),
                label_column: Some("label".into()),
                ..ReadOptions::default()
            };
            let expected = super::tables::expected(&rows);
            match check_file(&InputFile::in_memory(name, text.clone(), None), &options)? {
                Ok((documents, _)) => {
                    let found = documents
                        .into_iter()
                        .map(|document| (document.text, document.labels))
                        .collect::<Vec<_>>();
                    ensure(found == expected, || {
                        format!("{text} reads back as {found:?}")
                    })
                }
                Err(error) => ensure(expected.is_empty() && error.code() == "no-text", || {
                    format!("{text}: {error}")
                }),
            }
        },
    );
}

/// Regression test: a column name longer than all values together was repeated in each row, which
/// took 10,000 bytes of memory per input byte.
#[test]
fn long_column_names_are_not_stored_for_each_row() {
    let (name, ones) = ("x".repeat(20_000), vec![1; 10_000]);
    let columns = json!({&name: ones, "b": ones});
    let split =
        json!({"columns": [name], "data": ones.iter().map(|one| [one]).collect::<Vec<_>>()});
    for json in [columns, split] {
        let file = InputFile::in_memory("a.json", json.to_string(), None);
        let read = check_file(&file, &ReadOptions::default())
            .expect("within the limits")
            .expect("a table");
        assert_eq!(read.0.len(), 10_000);
    }
}
