//! Properties of reading labels from lines and from cells.

use crate::document_of;
use crate::table::relaxed_json;
use crate::table::tried::{Cell, Form, LabelReader, listed};
use fuzz::proptest::collection::vec;
use fuzz::proptest::prelude::*;
use fuzz::{Limits, ensure, spliced_text};

/// A list in a cell becomes JSON values, each of which becomes a label.
const LIMITS: Limits = Limits {
    base_bytes: 1 << 20,
    bytes_per_byte: 1500,
};

const PIECES: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "'",
    "\"",
    ",",
    ":",
    " ",
    "|",
    "\\",
    "\\u",
    "d83d",
    "\n",
    "0",
    "1",
    "1.0",
    "-1",
    "array(",
    "], dtype",
    "None",
    "NaN",
    "true",
    "-",
    "-a",
    "label",
    "choices",
    "result",
    "was_cancelled",
    "name",
    "__label__",
    "é",
    "日",
    "\u{feff}",
    "\0",
    "1e999",
    "#",
    "$a",
    "_",
];

#[test]
fn any_cell_has_labels_or_none() {
    let cells = vec(spliced_text(PIECES, 40), 1..4);
    fuzz::check("labels-of-cells", 6000, &cells, |cells| {
        let size = cells.iter().map(String::len).sum();
        let labels = LIMITS.hold(size, || {
            let cells = || cells.iter().map(|cell| Cell::Text(cell));
            let names = cells()
                .enumerate()
                .map(|(column, _)| format!("c{column}"))
                .collect();
            let forms = cells()
                .map(|cell| Form::of([cell, cell].into_iter()))
                .collect();
            LabelReader::new(names, forms, "|").labels(cells())
        })?;
        let label_bytes = labels.iter().map(String::len).sum::<usize>();
        // The labels of a multi-hot vector are indices of a few digits each.
        ensure(label_bytes <= 4 * size + 100, || {
            format!("{size} bytes of cells have labels of {label_bytes} bytes")
        })?;
        cells
            .iter()
            .try_for_each(|cell| LIMITS.hold(cell.len(), || drop(listed(cell))))
    });
}

#[test]
fn labels_of_a_line_are_those_that_were_written() {
    let name = "[a-zé好0-9][a-zé好0-9_.-]{0,12}";
    let inputs = (vec(name, 0..6), vec("[a-zé好]{1,8}", 1..6), any::<bool>());
    fuzz::check(
        "labels-of-lines",
        4000,
        &inputs,
        |(labels, words, are_first)| {
            let written: Vec<String> = labels
                .iter()
                .map(|label| format!("__label__{label}"))
                .collect();
            let text = words.join(" ");
            let parts = if are_first {
                [written.join(" "), text.clone()]
            } else {
                [text.clone(), written.join(" ")]
            };
            let document = document_of(&parts.join(" ")).expect("there is text");
            let mut expected: Vec<String> = Vec::new();
            labels.into_iter().for_each(|label| {
                if !expected.contains(&label) {
                    expected.push(label);
                }
            });
            ensure(
                document.labels == expected && document.text.trim() == text,
                || format!("{document:?}"),
            )
        },
    );
}

#[test]
fn any_text_is_relaxed_json_or_not() {
    fuzz::check("relaxed-json", 6000, &spliced_text(PIECES, 60), |text| {
        let value = LIMITS.hold(text.len(), || relaxed_json(&text))?;
        let strict = serde_json::from_str::<serde_json::Value>(&text).ok();
        ensure(strict.is_none() || strict == value, || {
            format!("{text} is read as {value:?}")
        })?;
        let Some(value) = value else { return Ok(()) };
        let again = relaxed_json(&value.to_string());
        ensure(again.as_ref() == Some(&value), || {
            format!("{value} is read as {again:?}")
        })
    });
}
