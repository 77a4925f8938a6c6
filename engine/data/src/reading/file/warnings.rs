//! Warnings about a file that was read: its compression, encoding, detected shape, rows and labels.
//! Each has a stable code and a message.

use crate::error::DataError;
use crate::packed::Format;
use crate::reading::byte_source::InputFile;
use crate::reading::encoding::Decoding;
use crate::reading::lines::{LabelRows, OpenQuotes, Parsed};
use crate::reading::warning::Warning;
use crate::table::{self, ReadOptions, Shape};
use crate::text::shown::quoted;
use protocol::{Message, Quoting, Setting, TableColumns, message};

/// Maximum bytes of column names listed in a message.
const MAX_LISTED: usize = 300;

/// Maximum columns named in a message.
const MAX_NAMED: usize = 12;

/// Warns if the file name does not match the compression format, and about bytes after the end of
/// the compressed data.
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
            message!(
                "{file} is compressed with {format}; it was decompressed",
                file = quoted(name),
                format = format.name()
            ),
        ));
    }
    if trailing > 0 {
        let message = message!(
            "{file} ends in bytes that are not gzip ({count}); they were ignored",
            file = quoted(name),
            count = trailing
        );
        warnings.push(("trailing-bytes", message));
    }
    warnings
}

/// Warns if the file has the extension of a compressed file but is not compressed.
pub fn plain(name: &str) -> Option<Warning> {
    let code = if Format::named(name)? == Format::Gzip {
        "not-gzip"
    } else {
        "not-packed"
    };
    Some((
        code,
        message!(
            "{file} is not compressed; it was read as plain text",
            file = quoted(name)
        ),
    ))
}

/// Warns about a guessed encoding and about bytes that cannot be decoded.
pub fn encoding<R>(name: &str, decoded: &Decoding<R>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (file, encoding) = (quoted(name), decoded.encoding);
    if decoded.guessed {
        let message = message!(
            "{file} was read as {encoding}; if characters look wrong, choose another encoding with {encoding_setting}",
            file,
            encoding,
            encoding_setting = Setting::named("encoding")
        );
        warnings.push(("encoding-detected", message));
    }
    if let Some(line) = decoded.first_undecodable {
        let count = decoded.undecodable;
        let message = message!(
            "{file} has bytes that are not valid {encoding} ({count}, the first in line {line}); choose another encoding with {encoding_setting}",
            file,
            encoding,
            count,
            line,
            encoding_setting = Setting::named("encoding")
        );
        warnings.push(("undecodable-bytes", message));
    }
    warnings
}

/// Warns if the detected shape does not match the file name, and reports which columns are used.
pub fn shape(
    file: &InputFile,
    shape: Shape,
    options: &ReadOptions,
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
                message!("{file} contains JSON: each object was read as a row", file),
            ));
        }
        Shape::Objects(_) => {}
        Shape::Separated(dialect) => {
            // Spreadsheets write CSV with semicolons in locales with a decimal comma.
            let named = table::named_delimiter(name);
            let is_expected = is_converted
                || named == Some(dialect.delimiter)
                || named == Some(b',') && dialect.delimiter == b';';
            let delimiter = match dialect.delimiter {
                b'\t' => message!("tabs"),
                b';' => message!("semicolons"),
                b'|' => message!("vertical bars"),
                _ => message!("commas"),
            };
            if dialect.width > 1 && !is_expected {
                warnings.push((
                    "read-as-table",
                    message!(
                        "{file} was read as a table with {delimiter} between cells",
                        file,
                        delimiter
                    ),
                ));
            }
            if dialect.quoting != Quoting::Double && options.quoting.is_none() {
                let how = dialect.quoting.name();
                let message = message!(
                    "{file} was read with {quoting}, because its rows match its columns best that way",
                    file,
                    quoting = Setting::with_value("quoting", how)
                );
                warnings.push(("quoting", message));
            }
            if dialect.skipped_lines > 0 {
                let lines = dialect.skipped_lines;
                warnings.push((
                    "lines-before-header",
                    message!(
                        "{file} has lines above its header ({lines}); they were left out",
                        file,
                        lines
                    ),
                ));
            }
        }
    }
    if let Some(columns) = parsed
        .table
        .columns
        .as_ref()
        .filter(|_| parsed.table.is_table && parsed.table.guessed_column.is_none())
    {
        warnings.push((
            "columns",
            columns_note(
                &file,
                columns,
                &parsed.table.label_candidates,
                options.is_for_prediction,
            ),
        ));
    }
    warnings
}

/// Describes which columns the text and labels are read from, in one sentence; for prediction, only
/// the text is read.
fn columns_note(
    file: &str,
    columns: &TableColumns,
    candidates: &[String],
    is_for_prediction: bool,
) -> Message {
    let TableColumns {
        text,
        labels,
        is_pair,
        ..
    } = columns;
    let kind = match (is_pair, text.len()) {
        (true, _) => message!("pairs of texts"),
        (false, 0 | 1) => message!("text"),
        (false, _) => message!("joined text"),
    };
    let text = DataError::columns(text);
    if is_for_prediction {
        return message!("{file}: {kind} from {text}", file, kind, text);
    }
    if !labels.is_empty() {
        return message!(
            "{file}: {kind} from {text}; labels from {labels}",
            file,
            kind,
            text,
            labels = DataError::columns(labels)
        );
    }
    match candidates {
        [] => message!("{file}: {kind} from {text}; no labels", file, kind, text),
        candidates => {
            message!(
                "{file}: {kind} from {text}; no labels; possible label columns: {candidates}",
                file,
                kind,
                text,
                candidates = DataError::columns(candidates)
            )
        }
    }
}

/// Warns about unusual rows and labels.
pub fn rows(name: &str, parsed: &Parsed) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let file = quoted(name);
    if !parsed.table.lacking.is_empty() {
        let message = message!(
            "{file} lacks columns that the model was trained on: {columns}; check which columns are used instead",
            file,
            columns = DataError::columns(&parsed.table.lacking)
        );
        warnings.push(("other-columns", message));
    }
    if let Some((count, line)) = parsed.table.joined_rows {
        let message = message!(
            "{file} has rows with more cells than columns ({count}, the first in line {line}): their text contains the separator without quotes, so it was joined back together",
            file,
            count,
            line
        );
        warnings.push(("joined-rows", message));
    }
    if parsed.labels.trimmed > 0 {
        let message = message!(
            "{file} has labels that end in a comma or contain invisible characters ({count}); these characters were removed",
            file,
            count = parsed.labels.trimmed
        );
        warnings.push(("trimmed-labels", message));
    }
    if parsed.controls > 0 {
        let message = message!(
            "{file} has control characters ({count}); each was replaced by a space",
            file,
            count = parsed.controls
        );
        warnings.push(("control-characters", message));
    }
    if parsed.labels.unnamed > 0 {
        let message = message!(
            "{file} has labels without a name ({count}); they were ignored",
            file,
            count = parsed.labels.unnamed
        );
        warnings.push(("unnamed-labels", message));
    }
    if let Some((count, line)) = parsed.labels.odd {
        let message = message!(
            "{file} has words that look like labels but do not begin with __label__ ({count}, the first in line {line}); they count as text",
            file,
            count,
            line
        );
        warnings.push(("odd-labels", message));
    }
    if let Some(OpenQuotes { rows, line, lines }) = parsed.open_quotes {
        let message = message!(
            "{file} opens a quote in line {line} and does not close it, so the row runs on into the lines below; rows like this: {rows}, lines added to them: {lines}; {quoting} treats quotes as ordinary characters",
            file,
            line,
            rows,
            lines,
            quoting = Setting::with_value("quoting", "none")
        );
        warnings.push(("open-quotes", message));
    }
    warnings.extend(label_cells(&file, &parsed.table.label_rows));
    if parsed.table.yes_no_columns.len() > 1 {
        warnings.push((
            "yes-no-columns",
            yes_no_warning(&file, &parsed.table.yes_no_columns),
        ));
    }
    if let Some(message) = &parsed.table.guessed_column {
        warnings.push(("guessed-column", message.clone()));
    }
    if parsed.labels.long > 0 {
        let message = message!(
            "{file} has labels of more than 200 characters ({count}); they were truncated",
            file,
            count = parsed.labels.long
        );
        warnings.push(("long-labels", message));
    }
    if parsed.bidi {
        warnings.push((
            "bidi-characters",
            message!(
                "{file} has characters that change the direction of the text",
                file
            ),
        ));
    }
    warnings
}

/// Warns about unusual cells in label columns.
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
        let message = message!(
            "{file} has placeholders for missing labels ({count}): {placeholders}; they are not used as labels",
            file,
            count = missing,
            placeholders = words
        );
        warnings.push(("missing-labels", message));
    }
    if let Some(length) = vectors {
        let message = message!(
            "{file} has label vectors of {length} zeros and ones: each position is a label, numbered from 0",
            file,
            length
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
        let message = message!(
            "{file} has label columns that are never 1 or yes ({count}), so they are not used as labels: {columns}",
            file,
            count = denied.len(),
            columns
        );
        warnings.push(("denied-labels", message));
    }
    if *without > 0 {
        let message = message!(
            "{file} has rows with 0 or no in every label column ({count}); they are labelled \"none\"",
            file,
            count = without
        );
        warnings.push(("none-label", message));
    }
    if let Some(column) = mixed {
        let message = message!(
            "in {file}, the label column {column} has yes or no in some rows and other values in others; each of these values is a label of its own",
            file,
            column = quoted(column)
        );
        warnings.push(("mixed-label-column", message));
    }
    warnings
}

/// Suggests a `--label-column` value that turns 0/1 columns into labels: all of them if the list is
/// short, otherwise the first ones.
fn yes_no_warning(file: &str, columns: &[String]) -> Message {
    let quoted_list = |columns: &[String]| format!("{:?}", columns.join(","));
    let (count, all) = (columns.len(), quoted_list(columns));
    if all.len() <= MAX_LISTED {
        return message!(
            "{file} has no labels, but it has columns of 0 and 1; to use each of them as a label, set {label_column} {all}",
            file,
            all,
            label_column = Setting::named("label-column")
        );
    }
    let shown_count = (1..=count)
        .take_while(|shown_count| quoted_list(&columns[..*shown_count]).len() <= MAX_LISTED)
        .last()
        .unwrap_or(0);
    let first = quoted_list(&columns[..shown_count]);
    message!(
        "{file} has no labels, but {count} columns of 0 and 1, the first {shown_count} being {first}; to use each as a label, list all of them in {label_column}, separated by commas",
        file,
        count,
        shown_count,
        first,
        label_column = Setting::named("label-column")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_column_names_are_never_cut() {
        let names = |count| {
            (0..count)
                .map(|number| format!("emotion number {number}"))
                .collect::<Vec<_>>()
        };
        assert!(
            yes_no_warning("\"a\"", &names(9))
                .to_string()
                .contains("--label-column \"emotion number 0,emotion number 1,")
        );
        let many = yes_no_warning("\"a\"", &names(40));
        assert!(
            many.to_string()
                .contains("but 40 columns of 0 and 1, the first 17 being \"emotion number 0,"),
            "{many}"
        );
        assert!(
            many.to_string()
                .contains(",emotion number 16\"; to use each"),
            "{many}"
        );
    }
}
