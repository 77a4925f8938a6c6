//! Everything a host does with one file, under one limit: reading its documents, and writing it
//! back with predictions.

use crate::labels::labelled_table::{Answer, LabelledTable};
use crate::{DataError, Document, FileRows, InputFile, ReadFile, ReadOptions, read_file};
use fuzz::{Limits, Outcome, ensure};
use std::ops::ControlFlow;

/// A byte of JSON such as `[[],[]]` becomes a value of 32 bytes, and an object with one member
/// takes 700. Columns are profiled in several ways, and the sample is held together with its
/// decoded text. bzip2 takes 4 MB for its blocks.
pub const LIMITS: Limits = Limits {
    base_bytes: 16 << 20,
    bytes_per_byte: 500,
};

/// The result of reading a file: its documents, and what was found in it.
pub type Read = Result<(Vec<Document>, ReadFile), DataError>;

/// Reads the documents of `file`.
pub fn documents(file: &InputFile, options: &ReadOptions) -> Read {
    let mut documents = Vec::new();
    let found = read_file(file, options, &mut |document| {
        documents.push(document);
        ControlFlow::Continue(())
    })?;
    Ok((documents, found))
}

/// Writes `file` with a prediction in each row, one row at a time as a host does, and returns the
/// size in bytes.
fn answered(file: &InputFile, options: &ReadOptions) -> Result<usize, DataError> {
    let mut rows = FileRows::open(file, options, true)?;
    let answer = Answer {
        labels: vec!["x".into()],
        scores: vec![0.5],
        probabilities: vec![0.5],
        is_unsure: false,
    };
    let mut table = LabelledTable::new(&rows, None, true);
    let mut bytes = 0;
    while let Some(taken) = rows.next()? {
        bytes += table
            .push(
                &taken,
                rows.column_names(),
                taken.document.as_ref().map(|_| &answer),
            )
            .len();
    }
    Ok(bytes + table.end().len())
}

/// Reads `file`, and writes it back with predictions, within [`LIMITS`].
///
/// # Errors
/// If a property of every reader is violated.
pub fn check_file(file: &InputFile, options: &ReadOptions) -> Outcome<Read> {
    let size = file.content.size() as usize;
    let read = LIMITS.hold(size, || documents(file, options))?;
    match &read {
        Ok((documents, found)) => {
            documents.iter().try_for_each(check_document)?;
            found
                .warnings
                .iter()
                .try_for_each(|(code, sentence)| check_sentence(code, &sentence.to_string()))?;
        }
        Err(error) => check_error(error)?,
    }
    if let Err(error) = LIMITS.hold(size, || answered(file, options))? {
        check_error(&error)?;
    }
    Ok(read)
}

/// Checks that an error has a message and a hint, and is not an I/O error, since content in memory
/// can always be read.
pub fn check_error(error: &DataError) -> Outcome {
    check_sentence(error.code(), &error.to_string())?;
    ensure(!error.hint().to_string().trim().is_empty(), || {
        format!("{} has no hint", error.code())
    })?;
    ensure(error.code() != "unreadable-input", || format!("{error:?}"))
}

/// Checks that a message to the user is not empty and has no control characters, so that it is one
/// line.
fn check_sentence(code: &str, sentence: &str) -> Outcome {
    ensure(!code.is_empty() && !sentence.trim().is_empty(), || {
        format!("{code:?} says {sentence:?}")
    })?;
    ensure(!sentence.contains(char::is_control), || {
        format!("{code} has control characters: {sentence:?}")
    })
}

/// Checks the properties of every document, whatever its source.
pub fn check_document(document: &Document) -> Outcome {
    ensure(document.line > 0, || "lines count from 1".into())?;
    for text in document.texts() {
        ensure(!text.trim().is_empty(), || {
            format!("a text is empty: {document:?}")
        })?;
        ensure(!text.contains(['\n', '\r']), || {
            format!("a text has several lines: {document:?}")
        })?;
    }
    for (place, label) in document.labels.iter().enumerate() {
        ensure(!label.is_empty(), || {
            format!("a label is empty: {document:?}")
        })?;
        ensure(!document.labels[..place].contains(label), || {
            format!("a label comes twice: {document:?}")
        })?;
    }
    Ok(())
}
