//! Properties of choosing columns: tables with names and values of all kinds, narrow and very wide.

use super::reading::check_file;
use crate::{DocumentColumns, InputFile, ReadOptions};
use fuzz::proptest::collection::vec;
use fuzz::proptest::prelude::*;
use fuzz::proptest::sample::select;
use fuzz::{MAX_INPUT_BYTES, Outcome, ensure};

const NAMES: &[&str] = &[
    "text",
    "label",
    "labels",
    "id",
    "",
    "Unnamed: 0",
    "sentence1",
    "sentence2",
    "question",
    "answer",
    "title",
    "body",
    "review",
    "rating",
    "split",
    "category",
    "toxic",
    "is_spam",
    "genre",
    "gold_label",
    "Text",
    "文本",
    "标签",
    "отзыв",
    "target",
    "y",
    "0",
    "1",
    "text.a",
    "a.b.c",
    "text,label",
    "meta",
    "date",
    "url",
    "lang",
    "score",
];

const VALUES: &[&str] = &[
    "the red boat waits near the pier",
    "a tall tree drops its leaves, slowly",
    "x",
    "y",
    "0",
    "1",
    "1.0",
    "-1",
    "NaN",
    "",
    "yes",
    "no",
    "accept",
    "reject",
    "train",
    "test",
    "['a', 'b']",
    "[0, 1]",
    "{\"a\": 1, \"b\": 0}",
    "2024-05-01",
    "http://a.b/c",
    "(sic)",
    "日本語のとても長い文章です。",
    "17",
    "18.5",
    "a|b",
    "en",
];

/// Column names, rows of cells, and how often the column names are repeated.
type Table = (Vec<String>, Vec<Vec<&'static str>>, usize);

fn tables() -> impl Strategy<Value = Table> {
    let name =
        prop_oneof![6 => select(NAMES).prop_map(String::from), 1 => "\\PC{0,8}", 1 => "[a-z]{200}"];
    let times = prop_oneof![30 => Just(1_usize), 3 => 2..40_usize, 1 => 40..2000_usize, 1 => 2000..60_000_usize];
    (
        vec(name, 1..8),
        vec(vec(select(VALUES), 1..9), 0..40),
        times,
    )
}

fn options() -> impl Strategy<Value = ReadOptions> {
    let asked =
        || prop_oneof![4 => Just(None), 1 => select(NAMES).prop_map(|name| Some(name.to_string()))];
    let trained = prop_oneof![
        4 => Just(None),
        1 => (vec(select(NAMES).prop_map(String::from), 0..3), any::<bool>())
            .prop_map(|(names, is_pair)| Some(DocumentColumns {
                names,
                is_pair,
                labels: Vec::new(),
            })),
    ];
    (asked(), asked(), trained).prop_map(|(text_column, label_column, trained_columns)| {
        ReadOptions {
            text_column,
            label_column,
            trained_columns,
            ..ReadOptions::default()
        }
    })
}

fn csv_of((names, rows, times): &Table) -> Vec<u8> {
    let mut csv = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    csv.write_record(
        names
            .iter()
            .cycle()
            .take(names.len() * times)
            .scan(0, |bytes, name| {
                *bytes += name.len() + 1;
                (*bytes < MAX_INPUT_BYTES / 2).then_some(name)
            }),
    )
    .expect("memory");
    rows.iter()
        .for_each(|row| csv.write_record(row).expect("memory"));
    csv.into_inner().expect("memory")
}

/// Writes one object per row with the names as keys; in a wide table, all rows have different keys.
fn json_of((names, rows, times): &Table) -> Vec<u8> {
    let mut json = String::new();
    for (number, row) in rows.iter().enumerate() {
        let member = |(place, value): (usize, &&str)| {
            let name = &names[place % names.len()];
            let name = if *times > 1 {
                format!("{name}{}", number * 1000 + place)
            } else {
                name.clone()
            };
            (name, serde_json::Value::from(*value))
        };
        let members = row
            .repeat((*times).min(50))
            .iter()
            .enumerate()
            .map(member)
            .collect();
        json.push_str(&format!("{}\n", serde_json::Value::Object(members)));
    }
    json.into_bytes()
}

#[test]
fn columns_are_found_or_the_table_is_refused() {
    fuzz::check(
        "columns",
        250,
        &(tables(), options(), any::<bool>()),
        |(table, options, is_json)| -> Outcome {
            let (name, bytes) = if is_json {
                ("a.jsonl", json_of(&table))
            } else {
                ("a.csv", csv_of(&table))
            };
            let Ok((_, found)) = check_file(&InputFile::in_memory(name, bytes, None), &options)?
            else {
                return Ok(());
            };
            let Some(columns) = found.columns else {
                return Ok(());
            };
            let is_listed =
                |name: &String| options.trained_columns.is_some() || columns.names.contains(name);
            let taken = columns.text.iter().chain(&columns.labels);
            // A requested column may be nested deeper than those listed.
            let is_asked = options.text_column.is_some() || options.label_column.is_some();
            let unknown: Vec<_> = taken.filter(|name| !is_listed(name)).collect();
            ensure(
                is_asked || unknown.is_empty() || columns.names.len() >= 200,
                || format!("{unknown:?} are no columns"),
            )
        },
    );
}
