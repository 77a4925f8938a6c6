//! A table that lacks columns which another one has, such as the texts without labels that a competition gives beside those
//! with. What was asked for holds where it can: the rest is read by the table's own names.

use crate::byte_source::InputFile;
use crate::error::DataError;
use crate::file::{Warning, read_file};
use crate::shown::quoted;
use crate::table::ReadOptions;
use std::ops::ControlFlow;

/// Whether one of `files` is a table with the columns that were asked for.
pub fn has_columns(files: &[InputFile], options: &ReadOptions) -> bool {
    files.iter().any(|file| begin(file, options).is_ok())
}

/// How to read a table that lacks columns which were asked for, and what a person should know of that.
pub fn lacking(file: &InputFile, options: &ReadOptions) -> (ReadOptions, Warning) {
    let own_text = ReadOptions {
        text_column: None,
        ..options.clone()
    };
    let without_labels = ReadOptions {
        label_column: Some(String::new()),
        ..options.clone()
    };
    let lacks =
        |options: &ReadOptions| matches!(begin(file, options), Err(DataError::NoColumn { .. }));
    let name = quoted(&file.name);
    if matches!(begin(file, options), Err(DataError::NotATable { .. })) {
        let options = ReadOptions {
            text_column: None,
            label_column: None,
            ..options.clone()
        };
        return (
            options,
            (
                "other-columns",
                format!("{name} is no table as another file is: it was read as lines of text"),
            ),
        );
    }
    let (options, message) = if !lacks(&without_labels) {
        (
            without_labels,
            format!("{name} lacks label columns that another file has: it was read without labels"),
        )
    } else if !lacks(&own_text) {
        let message = format!(
            "{name} lacks the text column that another file has: its text was found by the names of its own columns"
        );
        (own_text, message)
    } else {
        let own = ReadOptions {
            text_column: None,
            ..without_labels
        };
        let message = format!(
            "{name} lacks text and label columns that another file has: its text was found by the names of its own \
             columns, and it was read without labels"
        );
        (own, message)
    };
    (options, ("other-columns", message))
}

/// Reads as far as the first document.
fn begin(file: &InputFile, options: &ReadOptions) -> Result<(), DataError> {
    read_file(file, options, &mut |_| ControlFlow::Break(())).map(|_| ())
}
