//! Summarises the first rows of a table for display: its columns, a few cells, and columns of zeros
//! and ones that may be labels.

use crate::table::columns::choice::Choice;
use crate::table::columns::names;
use crate::table::rows::row::{self, Cell, Column, Place, Record, Row};
use protocol::TableColumns;
use std::collections::BTreeSet;

/// Maximum number of columns that are shown.
pub const MAX_SHOWN_COLUMNS: usize = 200;
/// Maximum length of a shown column name, in characters.
const MAX_NAME_CHARS: usize = 100;
/// Maximum number of rows that are shown.
const MAX_SHOWN_ROWS: usize = 5;
/// Maximum length of a shown cell, in characters.
const MAX_CELL_CHARS: usize = 120;
/// Returns whether each row begins with a unique number that the header has no name for, as R
/// writes row numbers.
pub fn has_unnamed_index(rows: &[Vec<&str>]) -> bool {
    let Some((header, rows)) = rows.split_first().filter(|(_, rows)| !rows.is_empty()) else {
        return false;
    };
    let has_name = header
        .first()
        .is_some_and(|name| names::is_number_name(name));
    let are_longer = rows.iter().all(|row| row.len() == header.len() + 1);
    let ends_empty = rows
        .iter()
        .all(|row| row.last().is_some_and(|cell| cell.trim().is_empty()));
    let numbers: Option<BTreeSet<i64>> = rows
        .iter()
        .map(|row| row.first()?.trim().parse().ok())
        .collect();
    !has_name
        && are_longer
        && !ends_empty
        && numbers.is_some_and(|numbers| numbers.len() == rows.len())
}

/// Returns the columns of JSON objects: their keys in code point order. Bare texts have one column,
/// [`row::TEXT_KEY`].
pub fn object_columns(sample: &[Row]) -> Vec<Column> {
    let mut keys = BTreeSet::new();
    for row in sample {
        if let Record::Object(object) = &row.record {
            keys.extend(row::keys(object));
        }
    }
    if keys.is_empty()
        && sample
            .iter()
            .any(|row| matches!(row.record, Record::Text(_)))
    {
        keys.insert(row::TEXT_KEY.into());
    }
    keys.into_iter()
        .map(|key| Column {
            name: key.clone(),
            place: Place::Key(key),
        })
        .collect()
}

/// Returns the part of a table that is shown to the user. Names and cells are truncated, since a
/// first row may contain anything.
pub fn shown_columns(columns: &[Column], choice: &Choice, sample: &[Row]) -> TableColumns {
    let cut = |name: &str, max_chars: usize| name.chars().take(max_chars).collect::<String>();
    let names = |numbers: &[usize]| {
        numbers
            .iter()
            .take(MAX_SHOWN_COLUMNS)
            .map(|number| cut(&columns[*number].name, MAX_NAME_CHARS))
            .collect()
    };
    let cell = |row: &Row, column: &Column| match row.record.cell(&column.place) {
        Cell::Text(text) => cut(text, MAX_CELL_CHARS),
        Cell::Value(value) => cut(&value.to_string(), MAX_CELL_CHARS),
        Cell::Nothing => String::new(),
    };
    let shown = &columns[..columns.len().min(MAX_SHOWN_COLUMNS)];
    TableColumns {
        names: names(&(0..columns.len()).collect::<Vec<_>>()),
        text: names(&choice.text),
        labels: names(&choice.labels),
        is_pair: choice.is_pair,
        rows: sample
            .iter()
            .take(MAX_SHOWN_ROWS)
            .map(|row| shown.iter().map(|column| cell(row, column)).collect())
            .collect(),
    }
}

/// Returns the columns of zeros and ones if no label column was chosen: each may be a label.
pub fn yes_no_columns(columns: &[Column], choice: &Choice, sample: &[Row]) -> Vec<String> {
    let is_answer = |column: &&Column| {
        let is_yes_or_no = |row: &Row| {
            matches!(
                row.record
                    .cell(&column.place)
                    .text()
                    .as_deref()
                    .map(str::trim),
                Some("0" | "1")
            )
        };
        // A name with a comma cannot be requested together with others.
        !column.name.contains(',')
            && !names::is_number_name(&column.name)
            && sample.iter().all(is_yes_or_no)
    };
    let free = columns
        .iter()
        .enumerate()
        .filter(|(number, _)| choice.labels.is_empty() && !choice.text.contains(number));
    free.map(|(_, column)| column)
        .filter(is_answer)
        .map(|column| column.name.clone())
        .collect()
}
