//! What a person should know of a file that was read: how it is packed, its encoding, what it was taken for, and what is
//! odd about its rows and labels. Each is a sentence with a stable name.

use super::Warning;
use crate::byte_source::InputFile;
use crate::encoding::Decoding;
use crate::error::DataError;
use crate::lines::{LabelRows, OpenQuotes, Parsed};
use crate::packed::Format;
use crate::shown::quoted;
use crate::table::{self, Shape};
use protocol::{Quoting, TableColumns};

/// Bytes of columns' names that a sentence lists.
const MAX_LISTED: usize = 300;

/// Columns that a sentence names.
const MAX_NAMED: usize = 12;

/// What is odd about how a file is packed.
pub fn packed(name: &str, format: Format, trailing: u64) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if Format::named(name) != Some(format) {
        let code = if format == Format::Gzip {
            "unnamed-gzip"
        } else {
            "unnamed-archive"
        };
        warnings.push((
            code,
            format!(
                "{} is packed with {}; it was unpacked",
                quoted(name),
                format.name()
            ),
        ));
    }
    if trailing > 0 {
        let message = format!(
            "{} ends in bytes that are not gzip ({trailing}); they were ignored",
            quoted(name)
        );
        warnings.push(("trailing-bytes", message));
    }
    warnings
}

/// Says so where a file only has the name of a packed one.
pub fn plain(name: &str) -> Option<Warning> {
    let code = if Format::named(name)? == Format::Gzip {
        "not-gzip"
    } else {
        "not-packed"
    };
    Some((
        code,
        format!("{} is not packed; it was read as plain text", quoted(name)),
    ))
}

/// What a person should check of the encoding.
pub fn encoding<R>(name: &str, decoded: &Decoding<R>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (file, encoding) = (quoted(name), decoded.encoding);
    if decoded.guessed {
        let message = format!(
            "{file} seems to be {encoding}; where its text looks wrong, --encoding forces another"
        );
        warnings.push(("encoding-detected", message));
    }
    if let Some(line) = decoded.first_undecodable {
        let count = decoded.undecodable;
        let message = format!(
            "{file} has bytes that {encoding} does not allow ({count}, the first in line {line}); --encoding forces another"
        );
        warnings.push(("undecodable-bytes", message));
    }
    warnings
}

/// What a file was taken for, where its name does not say so, and what was taken from where.
pub fn shape(
    file: &InputFile,
    shape: Shape,
    is_quoting_asked: bool,
    parsed: &Parsed,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (name, is_converted) = (file.name.as_str(), file.converted.is_some());
    let file = quoted(name);
    match shape {
        Shape::Lines => {}
        Shape::Objects(_) if !table::is_named_json(name) => {
            warnings.push((
                "read-as-json",
                format!("{file} holds JSON: each object was read as a row"),
            ));
        }
        Shape::Objects(_) => {}
        Shape::Separated(dialect) => {
            // A semicolon is the comma of spreadsheets in half of the world.
            let named = table::named_delimiter(name);
            let is_expected = is_converted
                || named == Some(dialect.delimiter)
                || named == Some(b',') && dialect.delimiter == b';';
            let between = match dialect.delimiter {
                b'\t' => "tabs",
                b';' => "semicolons",
                b'|' => "vertical bars",
                _ => "commas",
            };
            if dialect.width > 1 && !is_expected {
                warnings.push((
                    "read-as-table",
                    format!("{file} was read as a table with {between} between cells"),
                ));
            }
            if dialect.quoting != Quoting::Double && !is_quoting_asked {
                let how = dialect.quoting.name();
                let message = format!(
                    "cells of {file} were read with --quoting {how}, with which its rows fit their columns best"
                );
                warnings.push(("quoting", message));
            }
            if dialect.skipped_lines > 0 {
                let lines = dialect.skipped_lines;
                warnings.push((
                    "lines-before-header",
                    format!("{file} has lines above its header ({lines}); they were left out"),
                ));
            }
        }
    }
    if let Some(columns) = parsed
        .columns
        .as_ref()
        .filter(|_| parsed.is_table && parsed.guessed_column.is_none())
    {
        warnings.push((
            "columns",
            columns_note(&file, columns, &parsed.label_candidates),
        ));
    }
    warnings
}

/// What was taken from which column, in one sentence.
fn columns_note(file: &str, columns: &TableColumns, candidates: &[String]) -> String {
    let TableColumns {
        text,
        labels,
        is_pair,
        ..
    } = columns;
    let kind = match (is_pair, text.len()) {
        (true, _) => "pairs of texts",
        (false, 0 | 1) => "text",
        (false, _) => "text, joined,",
    };
    let text = DataError::columns(text);
    if !labels.is_empty() {
        return format!(
            "{file}: {kind} from {text}; labels from {}",
            DataError::columns(labels)
        );
    }
    match candidates {
        [] => format!("{file}: {kind} from {text}; no labels"),
        candidates => {
            format!(
                "{file}: {kind} from {text}; no labels; columns that look like some: {}",
                DataError::columns(candidates)
            )
        }
    }
}

/// What is odd about the rows and labels of a file.
pub fn rows(name: &str, parsed: &Parsed) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let file = quoted(name);
    if !parsed.lacking.is_empty() {
        let message = format!(
            "{file} lacks columns that the model was trained on: {}; check what is read instead",
            DataError::columns(&parsed.lacking)
        );
        warnings.push(("other-columns", message));
    }
    if let Some((count, line)) = parsed.joined_rows {
        let message = format!(
            "{file} has rows with more cells than columns ({count}, the first in line {line}): their text holds the \
             separator without quotes, and was joined again"
        );
        warnings.push(("joined-rows", message));
    }
    if parsed.trimmed_labels > 0 {
        let message = format!(
            "{file} has labels that end in a comma or hold invisible characters ({}); these were removed",
            parsed.trimmed_labels
        );
        warnings.push(("trimmed-labels", message));
    }
    if parsed.controls > 0 {
        let message = format!(
            "{file} has control characters ({}); each became a space",
            parsed.controls
        );
        warnings.push(("control-characters", message));
    }
    if parsed.unnamed_labels > 0 {
        let message = format!(
            "{file} has labels without a name ({}); they were ignored",
            parsed.unnamed_labels
        );
        warnings.push(("unnamed-labels", message));
    }
    if let Some((count, line)) = parsed.odd_labels {
        let message = format!(
            "{file} has words that look like labels but do not begin with __label__ ({count}, the first in line {line}); \
             they count as text"
        );
        warnings.push(("odd-labels", message));
    }
    if let Some(OpenQuotes { rows, line, lines }) = parsed.open_quotes {
        let message = format!(
            "{file} opens a quote in line {line} and does not close it, so that this row takes in what follows; rows like \
             this: {rows}, lines that they took in: {lines}; --quoting none takes quotes as characters"
        );
        warnings.push(("open-quotes", message));
    }
    warnings.extend(label_cells(&file, &parsed.label_rows));
    if parsed.yes_no_columns.len() > 1 {
        warnings.push((
            "yes-no-columns",
            yes_no_warning(&file, &parsed.yes_no_columns),
        ));
    }
    if let Some(message) = &parsed.guessed_column {
        warnings.push(("guessed-column", message.clone()));
    }
    if parsed.long_labels > 0 {
        let message = format!(
            "{file} has labels of more than 200 characters ({}); they were cut",
            parsed.long_labels
        );
        warnings.push(("long-labels", message));
    }
    if parsed.bidi {
        warnings.push((
            "bidi-characters",
            format!("{file} has characters that turn the direction of the text"),
        ));
    }
    warnings
}

/// What is odd about the cells of label columns.
fn label_cells(file: &str, found: &LabelRows) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let LabelRows {
        without,
        mixed,
        denied,
        missing,
        missing_words,
        vectors,
    } = found;
    if *missing > 0 {
        let words = DataError::columns(missing_words);
        let message = format!(
            "{file} has labels that stand for none ({missing}): {words}; their rows have no such label"
        );
        warnings.push(("missing-labels", message));
    }
    if let Some(length) = vectors {
        let message = format!(
            "{file} has vectors of {length} zeros and ones as labels: each place is a label, named by its number from 0"
        );
        warnings.push(("label-vectors", message));
    }
    if !denied.is_empty() {
        let columns = denied
            .iter()
            .take(MAX_NAMED)
            .map(|column| quoted(column))
            .collect::<Vec<_>>()
            .join(", ");
        let message = format!(
            "{file} has label columns that never say yes ({}), so that they are no labels: {columns}",
            denied.len()
        );
        warnings.push(("denied-labels", message));
    }
    if *without > 0 {
        let message = format!(
            "{file} has rows that say no to every label column ({without}); they are labelled \"none\""
        );
        warnings.push(("none-label", message));
    }
    if let Some(column) = mixed {
        let message = format!(
            "{file} says yes or no in some rows of the label column {} and something else in others: what it says else \
             counts as a label of its own",
            quoted(column)
        );
        warnings.push(("mixed-label-column", message));
    }
    warnings
}

/// How to take columns of yes and no for labels: the value to give, whole, or of many the first names.
fn yes_no_warning(file: &str, columns: &[String]) -> String {
    let shown = |columns: &[String]| format!("{:?}", columns.join(","));
    let (count, whole) = (columns.len(), shown(columns));
    if whole.len() <= MAX_LISTED {
        return format!(
            "{file} has no labels but columns of 0 and 1; --label-column {whole} makes each of them a label"
        );
    }
    let most = (1..=count)
        .take_while(|most| shown(&columns[..*most]).len() <= MAX_LISTED)
        .last()
        .unwrap_or(0);
    let first = shown(&columns[..most]);
    format!(
        "{file} has no labels but {count} columns of 0 and 1, the first {most} {first}; all of them with commas as \
         --label-column makes each a label"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_yes_and_no_are_listed_by_whole_names() {
        let names = |count| {
            (0..count)
                .map(|number| format!("emotion number {number}"))
                .collect::<Vec<_>>()
        };
        assert!(
            yes_no_warning("\"a\"", &names(9))
                .contains("--label-column \"emotion number 0,emotion number 1,")
        );
        let many = yes_no_warning("\"a\"", &names(40));
        assert!(
            many.contains("but 40 columns of 0 and 1, the first 17 \"emotion number 0,"),
            "{many}"
        );
        assert!(many.contains(",emotion number 16\"; all"), "{many}");
    }
}
