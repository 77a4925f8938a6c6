//! Reads tables that lack columns which another table has, such as an unlabelled test file next to
//! labelled training files. Requested columns are used where they exist; otherwise the table is
//! read by its own column names.

use crate::error::DataError;
use crate::reading::byte_source::InputFile;
use crate::reading::file::read_file;
use crate::reading::warning::Warning;
use crate::table::ReadOptions;
use crate::text::shown::quoted;
use protocol::message;
use std::ops::ControlFlow;

/// Returns whether one of `files` is a table with the requested columns.
pub fn has_columns(files: &[InputFile], options: &ReadOptions) -> bool {
    files
        .iter()
        .any(|file| read_first_document(file, options).is_ok())
}

/// Returns options that read a table without the missing columns, and a warning about it.
pub fn lacking(file: &InputFile, options: &ReadOptions) -> (ReadOptions, Warning) {
    let own_text = ReadOptions {
        text_column: None,
        ..options.clone()
    };
    let without_labels = ReadOptions {
        label_column: Some(String::new()),
        ..options.clone()
    };
    let lacks_column = |options: &ReadOptions| {
        matches!(
            read_first_document(file, options),
            Err(DataError::NoColumn { .. })
        )
    };
    let name = quoted(&file.name);
    if matches!(
        read_first_document(file, options),
        Err(DataError::NotATable { .. })
    ) {
        let options = ReadOptions {
            text_column: None,
            label_column: None,
            ..options.clone()
        };
        return (
            options,
            (
                "other-columns",
                message!(
                    "{file} is not a table, unlike another file, so it was read as lines of text",
                    file = name
                ),
            ),
        );
    }
    let (options, message) = if !lacks_column(&without_labels) {
        (
            without_labels,
            message!(
                "{file} lacks label columns that another file has, so it was read without labels",
                file = name
            ),
        )
    } else if !lacks_column(&own_text) {
        let message = message!(
            "{file} lacks the text column that another file has, so its text column was chosen from its own column names",
            file = name
        );
        (own_text, message)
    } else {
        let by_own_columns = ReadOptions {
            text_column: None,
            ..without_labels
        };
        let message = message!(
            "{file} lacks text and label columns that another file has, so its text column was chosen from its own column names, and it was read without labels",
            file = name
        );
        (by_own_columns, message)
    };
    (options, ("other-columns", message))
}

/// Reads up to the first document.
fn read_first_document(file: &InputFile, options: &ReadOptions) -> Result<(), DataError> {
    read_file(file, options, &mut |_| ControlFlow::Break(())).map(|_| ())
}
