//! All that a host does with one file, under one limit: its documents are read, and it is written again with answers.

use crate::labelled_table::{Answer, LabelledTable};
use crate::{DataError, Document, FileRows, InputFile, ReadFile, ReadOptions, read_file};
use fuzz::{Limits, Outcome, ensure};
use std::ops::ControlFlow;

/// A byte of JSON such as `[[],[]]` becomes a value of 32 bytes, an object with one member takes 700; columns are looked at
/// in several ways, and the sample and its decoded text lie beside each other. bzip2 takes 4 MB for its blocks.
pub const LIMITS: Limits = Limits {
    base_bytes: 16 << 20,
    bytes_per_byte: 500,
};

/// The documents of a file and what was found in it.
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

/// How many bytes `file` has with an answer in each row: a host writes them as they come.
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

/// Reads `file` in both ways within [`LIMITS`].
///
/// # Errors
/// When a property of every reader does not hold.
pub fn check_file(file: &InputFile, options: &ReadOptions) -> Outcome<Read> {
    let size = file.content.size() as usize;
    let read = LIMITS.hold(size, || documents(file, options))?;
    match &read {
        Ok((documents, found)) => {
            documents.iter().try_for_each(check_document)?;
            found
                .warnings
                .iter()
                .try_for_each(|(code, sentence)| check_sentence(code, sentence))?;
        }
        Err(error) => check_error(error)?,
    }
    if let Err(error) = LIMITS.hold(size, || answered(file, options))? {
        check_error(&error)?;
    }
    Ok(read)
}

/// A refusal says something, and what lies in memory can be read.
pub fn check_error(error: &DataError) -> Outcome {
    check_sentence(error.code(), &error.to_string())?;
    ensure(!error.hint().trim().is_empty(), || {
        format!("{} has no hint", error.code())
    })?;
    ensure(error.code() != "unreadable-input", || format!("{error:?}"))
}

/// What a person reads is one line without control characters.
fn check_sentence(code: &str, sentence: &str) -> Outcome {
    ensure(!code.is_empty() && !sentence.trim().is_empty(), || {
        format!("{code:?} says {sentence:?}")
    })?;
    ensure(!sentence.contains(char::is_control), || {
        format!("{code} has control characters: {sentence:?}")
    })
}

/// What every document holds, wherever it comes from.
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
