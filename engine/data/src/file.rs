//! One file's bytes -> documents, as they are read, and a warning for everything a person should know about the file. It
//! does not know what the file is for.

use crate::content::{Content, InputFile};
use crate::encoding::{Decoding, SAMPLE_BYTES};
use crate::error::{DataError, quoted};
use crate::gzip::{self, Unpacking};
use crate::lines::{self, LabelRows, OpenQuotes, Parsed, Sink};
use crate::table::{self, ReadOptions};
use protocol::{Dropped, TableColumns};
use std::io::{self, Cursor, Read};

/// A nuisance: a stable name and a sentence. The run goes on.
pub type Warning = (&'static str, String);

/// What was found while reading a file.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadFile {
    /// Encoding it was read in.
    pub encoding: String,
    /// Lines left out, by reason.
    pub dropped: Vec<Dropped>,
    /// What was taken from where, of a table.
    pub columns: Option<TableColumns>,
    /// What a person should know.
    pub warnings: Vec<Warning>,
}

/// Reads one file and hands its documents to `sink`, until that has enough: unpacks, decodes, and splits it: a table by
/// its name's ending, else lines of text. It is never in memory as a whole.
///
/// # Errors
/// When it is empty, not text, damaged, lacks a column, holds no document, or cannot be read. Documents that came before
/// were handed over.
pub fn read_file(file: &InputFile, options: &ReadOptions, sink: &mut Sink<'_>) -> Result<ReadFile, DataError> {
    let name = &file.name;
    let failed = |error: io::Error| DataError::reading(name, error);
    let mut raw = file.content.open().map_err(failed)?;
    let start = first_bytes(&mut raw, SAMPLE_BYTES).map_err(failed)?;
    let mut found = 0_u64;
    let mut counting = |document| {
        found += 1;
        sink(document)
    };
    let mut warnings = Vec::new();
    let packed = gzip::is_gzip(&start);
    let raw = Cursor::new(start).chain(raw);
    let (decoding, parsed) = if packed {
        let mut unpacking = Unpacking::new(name, file.content.size(), raw);
        let read = documents(file, &mut unpacking, options, &mut counting)?;
        warnings.extend(gzip_warning(name, unpacking.trailing));
        read
    } else {
        warnings.extend(plain_warning(name));
        documents(file, raw, options, &mut counting)?
    };
    warnings.extend(encoding_warnings(name, &decoding));
    warnings.extend(line_warnings(name, &parsed));
    if found == 0 {
        return Err(DataError::NoText { file: name.into() });
    }
    let Parsed { dropped, columns, .. } = parsed;
    Ok(ReadFile { encoding: decoding.encoding.into(), dropped, columns, warnings })
}

/// Bytes of columns' names that a sentence lists.
const MOST_LISTED: usize = 300;

/// Columns that a sentence names.
const MOST_NAMED: usize = 12;

/// How a text was decoded.
struct Decoded {
    encoding: &'static str,
    guessed: bool,
    undecodable: u64,
    first_undecodable: Option<u64>,
}

fn documents(
    file: &InputFile,
    mut raw: impl Read,
    options: &ReadOptions,
    sink: &mut Sink<'_>,
) -> Result<(Decoded, Parsed), DataError> {
    let name = &file.name;
    let failed = |error: io::Error| DataError::reading(name, error);
    let sample = first_bytes(&mut raw, SAMPLE_BYTES).map_err(failed)?;
    let whole = sample.len() < SAMPLE_BYTES;
    let forced = file.encoding.as_deref().or(options.encoding.as_deref());
    let mut text = Decoding::new(name, sample, whole, raw, forced)?;
    let parsed = match table::form_of(name) {
        Some(form) => table::read(name, &mut text, form, options, sink),
        None => lines::read(&mut text, sink),
    };
    let parsed = parsed.map_err(failed)?;
    let Decoding { encoding, guessed, undecodable, first_undecodable, .. } = text;
    Ok((Decoded { encoding, guessed, undecodable, first_undecodable }, parsed))
}

/// The first `most` bytes, or as many as there are.
fn first_bytes(raw: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    raw.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `content` as it is, or unpacked where it is gzip. Errors carry a [`DataError`] where the packing is damaged.
///
/// # Errors
/// When it cannot be opened.
pub fn unpacked(content: &dyn Content) -> io::Result<Box<dyn Read + '_>> {
    let mut raw = content.open()?;
    let start = first_bytes(&mut raw, 3)?;
    let packed = gzip::is_gzip(&start);
    let raw = Cursor::new(start).chain(raw);
    Ok(if packed { Box::new(Unpacking::new("the file", content.size(), raw)) } else { Box::new(raw) })
}

fn has_gzip_name(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".gz")
}

fn gzip_warning(name: &str, trailing: u64) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !has_gzip_name(name) {
        warnings.push(("unnamed-gzip", format!("{} is packed with gzip; it was unpacked", quoted(name))));
    }
    if trailing > 0 {
        let message = format!("{} ends in bytes that are not gzip ({trailing}); they were ignored", quoted(name));
        warnings.push(("trailing-bytes", message));
    }
    warnings
}

fn plain_warning(name: &str) -> Option<Warning> {
    has_gzip_name(name).then(|| ("not-gzip", format!("{} is not packed; it was read as plain text", quoted(name))))
}

fn encoding_warnings(name: &str, decoded: &Decoded) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (file, encoding) = (quoted(name), decoded.encoding);
    if decoded.guessed {
        let message = format!("{file} seems to be {encoding}; where its text looks wrong, --encoding forces another");
        warnings.push(("encoding-detected", message));
    }
    if let Some(line) = decoded.first_undecodable {
        let count = decoded.undecodable;
        let message = format!("{file} has bytes that {encoding} does not allow ({count}, the first in line {line})");
        warnings.push(("undecodable-bytes", message));
    }
    warnings
}

fn line_warnings(name: &str, parsed: &Parsed) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let file = quoted(name);
    if parsed.controls > 0 {
        let message = format!("{file} has control characters ({}); each became a space", parsed.controls);
        warnings.push(("control-characters", message));
    }
    if parsed.unnamed_labels > 0 {
        let message = format!("{file} has labels without a name ({}); they were ignored", parsed.unnamed_labels);
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
             this: {rows}, lines that they took in: {lines}"
        );
        warnings.push(("open-quotes", message));
    }
    let LabelRows { without, mixed, denied } = &parsed.label_rows;
    if !denied.is_empty() {
        let columns = denied.iter().take(MOST_NAMED).map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
        let message = format!(
            "{file} has label columns that never say yes ({}), so that they are no labels: {columns}",
            denied.len()
        );
        warnings.push(("denied-labels", message));
    }
    if *without > 0 {
        let message =
            format!("{file} has rows that say no to every label column ({without}); they are labelled \"none\"");
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
    if parsed.yes_no_columns.len() > 1 {
        warnings.push(("yes-no-columns", yes_no_warning(&file, &parsed.yes_no_columns)));
    }
    if let Some(message) = &parsed.guessed_column {
        warnings.push(("guessed-column", message.clone()));
    }
    if parsed.long_labels > 0 {
        let message = format!("{file} has labels of more than 200 characters ({}); they were cut", parsed.long_labels);
        warnings.push(("long-labels", message));
    }
    if parsed.bidi {
        warnings.push(("bidi-characters", format!("{file} has characters that turn the direction of the text")));
    }
    warnings
}

/// How to take columns of yes and no for labels: the value to give, whole, or of many the first names.
fn yes_no_warning(file: &str, columns: &[String]) -> String {
    let shown = |columns: &[String]| format!("{:?}", columns.join(","));
    let (count, whole) = (columns.len(), shown(columns));
    if whole.len() <= MOST_LISTED {
        return format!(
            "{file} has no labels but columns of 0 and 1; --label-column {whole} makes each of them a label"
        );
    }
    let most = (1..=count).take_while(|most| shown(&columns[..*most]).len() <= MOST_LISTED).last().unwrap_or(0);
    let first = shown(&columns[..most]);
    format!(
        "{file} has no labels but {count} columns of 0 and 1, the first {most} {first}; all of them with commas as \
         --label-column makes each a label"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;

    fn read(name: &str, bytes: &[u8], options: &ReadOptions, found: &mut usize) -> Result<ReadFile, DataError> {
        read_file(&InputFile::held(name, bytes, None), options, &mut |_| {
            *found += 1;
            ControlFlow::Continue(())
        })
    }

    fn check(name: &str, bytes: &[u8], documents: usize, encoding: &str, warnings: &[&str]) {
        let mut found = 0;
        let read = read(name, bytes, &ReadOptions::default(), &mut found).expect("text");
        let codes: Vec<&str> = read.warnings.iter().map(|(code, _)| *code).collect();
        assert_eq!((found, read.encoding.as_str(), codes.as_slice()), (documents, encoding, warnings));
    }

    /// `one two` as gzip, made by Python's `gzip.compress(b"one two\n", mtime=0)`.
    const PACKED: &[u8] =
        &[31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 207, 75, 85, 40, 41, 207, 231, 2, 0, 67, 60, 203, 153, 8, 0, 0, 0];

    #[test]
    fn a_nuisance_is_a_warning() {
        check("a.txt", b"one\r\ntwo\r\n", 2, "UTF-8", &[]);
        check("a.txt.GZ", PACKED, 1, "UTF-8", &[]);
        check("a.txt", PACKED, 1, "UTF-8", &["unnamed-gzip"]);
        check("a.gz", &[PACKED, b"GARBAGE"].concat(), 1, "UTF-8", &["trailing-bytes"]);
        check("a.gz", b"plain text", 1, "UTF-8", &["not-gzip"]);
        check("a.txt", b"caf\xe9 caf\xe9 na\xefve d\xe9j\xe0 vu", 1, "windows-1252", &["encoding-detected"]);
        check(
            "a.txt",
            "déjà \u{202e} \u{7} __label__".as_bytes(),
            1,
            "UTF-8",
            &["control-characters", "unnamed-labels", "bidi-characters"],
        );
        check("a.txt", b"end \xe5\xa5", 1, "UTF-8", &["undecodable-bytes"]);
    }

    #[test]
    fn columns_of_yes_and_no_are_listed_by_whole_names() {
        let names = |count| (0..count).map(|number| format!("emotion number {number}")).collect::<Vec<_>>();
        assert!(yes_no_warning("\"a\"", &names(9)).contains("--label-column \"emotion number 0,emotion number 1,"));
        let many = yes_no_warning("\"a\"", &names(40));
        assert!(many.contains("but 40 columns of 0 and 1, the first 17 \"emotion number 0,"), "{many}");
        assert!(many.contains(",emotion number 16\"; all"), "{many}");
    }

    #[test]
    fn what_holds_no_document_is_refused() {
        for (bytes, code) in [
            (&b""[..], "empty-file"),
            (b"\n\n\n", "no-text"),
            (b"__label__x\n", "no-text"),
            (&PACKED[..PACKED.len() - 4], "damaged-gzip"),
            (b"\x89PNG\r\n\x1a\n", "not-text"),
        ] {
            assert_eq!(read("a.gz", bytes, &ReadOptions::default(), &mut 0).expect_err("refused").code(), code);
        }
        assert_eq!(
            read("a", b"x", &ReadOptions { encoding: Some("nonsense".into()), ..Default::default() }, &mut 0)
                .expect_err("refused")
                .code(),
            "unknown-encoding"
        );
    }
}
