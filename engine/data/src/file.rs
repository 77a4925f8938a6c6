//! One file's bytes -> documents, as they are read, and a warning for everything a person should know about the file. It
//! does not know what the file is for.

use crate::content::{Content, InputFile};
use crate::corpus::Document;
use crate::encoding::{Decoding, SAMPLE_BYTES};
use crate::error::{DataError, quoted};
use crate::gzip::{self, Unpacking};
use crate::lines::{LabelRows, OpenQuotes, Parsed, Taken};
use crate::reader::RowReader;
use crate::table::{self, ReadOptions, Shape};
use protocol::{Dropped, Quoting, TableColumns};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Chain, Cursor, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

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
    /// Columns that look like labels, where none was taken for them.
    pub label_candidates: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<Warning>,
}

/// Reads one file and hands its documents to `sink`, until that has enough. It is never in memory as a whole.
///
/// # Errors
/// When it is empty, not text, damaged, lacks a column, holds no document, or cannot be read. Documents that came before
/// were handed over.
pub fn read_file(
    file: &InputFile,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Document) -> ControlFlow<()>,
) -> Result<ReadFile, DataError> {
    let mut rows = FileRows::open(file, options, false)?;
    while let Some(taken) = rows.next()? {
        if let Some(document) = taken.document
            && sink(document).is_break()
        {
            break;
        }
    }
    rows.finish()
}

/// The rows of an open file, one at a time.
pub struct FileRows<'a> {
    file: &'a InputFile,
    options: &'a ReadOptions,
    bytes_read: Rc<Cell<u64>>,
    rows: RowReader<'a, Raw<'a>>,
    /// What the file is.
    pub shape: Shape,
    documents: u64,
}

/// The bytes of a file, unpacked where they are packed.
enum Raw<'a> {
    Plain(Begun<'a>),
    Packed(Box<Unpacking<Begun<'a>>>),
}

type Begun<'a> = Chain<Cursor<Vec<u8>>, Box<dyn Read + 'a>>;

impl Read for Raw<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.read(out),
            Self::Packed(raw) => raw.read(out),
        }
    }
}

/// Counts the bytes that are read.
struct Counted<'a> {
    content: Box<dyn Read + 'a>,
    bytes: Rc<Cell<u64>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(out)?;
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
    }
}

impl<'a> FileRows<'a> {
    /// Opens `file`: unpacks and decodes it, and finds out what it is. The characters of its rows are kept `with_raw`.
    ///
    /// # Errors
    /// When it is empty, not text, damaged, or cannot be read.
    pub fn open(file: &'a InputFile, options: &'a ReadOptions, with_raw: bool) -> Result<Self, DataError> {
        let name = &file.name;
        let failed = |error: io::Error| DataError::reading(name, error);
        let bytes_read = Rc::new(Cell::new(0));
        let content = file.content.open().map_err(failed)?;
        let mut content: Box<dyn Read + 'a> = Box::new(Counted { content, bytes: Rc::clone(&bytes_read) });
        let start = first_bytes(&mut content, SAMPLE_BYTES).map_err(failed)?;
        let packed = gzip::is_gzip(&start);
        let begun = Cursor::new(start).chain(content);
        let mut raw = if packed {
            Raw::Packed(Box::new(Unpacking::new(name, file.content.size(), begun)))
        } else {
            Raw::Plain(begun)
        };
        let sample = first_bytes(&mut raw, SAMPLE_BYTES).map_err(failed)?;
        let is_whole = sample.len() < SAMPLE_BYTES;
        let forced = file.encoding.as_deref().or(options.encoding.as_deref());
        let mut text = Decoding::new(name, sample, is_whole, raw, forced)?;
        let (head, is_whole) = head(&mut text, is_whole).map_err(failed)?;
        let shape = table::shape_of(name, &head, is_whole, options);
        if shape == Shape::Lines && options.wants_columns() {
            return Err(DataError::NotATable { file: name.into() });
        }
        let rows = RowReader::new(name, text, shape, options, with_raw).map_err(failed)?;
        Ok(Self { file, options, bytes_read, rows, shape, documents: 0 })
    }

    /// The names of its columns, once the first row was read; of a table without a header, their numbers.
    pub fn column_names(&self) -> &[String] {
        self.rows.column_names()
    }

    /// Whether it begins with a byte order mark.
    pub fn has_mark(&self) -> bool {
        self.rows.text().is_marked
    }

    /// The encoding that the file is read in.
    pub fn encoding(&self) -> &'static str {
        self.rows.text().encoding
    }

    /// The share of the file's bytes that were read, above 0 and up to 1.
    pub fn share_read(&self) -> f64 {
        let size = self.file.content.size().max(1);
        (self.bytes_read.get().clamp(1, size)) as f64 / size as f64
    }

    /// The next row; nothing at the end.
    ///
    /// # Errors
    /// When the file is damaged, lacks a column, or cannot be read.
    #[expect(clippy::should_implement_trait, reason = "it can fail")]
    pub fn next(&mut self) -> Result<Option<Taken>, DataError> {
        let mut taken = self.rows.next().map_err(|error| DataError::reading(&self.file.name, error))?;
        if let Some(Taken { document: Some(document), .. }) = &mut taken {
            rename_labels(document, &self.options.label_map);
        }
        self.documents += u64::from(taken.as_ref().is_some_and(|taken| taken.document.is_some()));
        Ok(taken)
    }

    #[cfg(test)]
    pub(crate) fn parsed(self) -> Parsed {
        self.rows.parsed()
    }

    /// What was found so far.
    ///
    /// # Errors
    /// When that holds no document.
    pub fn finish(self) -> Result<ReadFile, DataError> {
        let name = &self.file.name;
        if self.documents == 0 {
            return Err(DataError::NoText { file: name.into() });
        }
        let text = self.rows.text();
        let mut warnings = match text.raw() {
            Raw::Packed(unpacking) => gzip_warning(name, unpacking.trailing),
            Raw::Plain(_) => plain_warning(name).into_iter().collect(),
        };
        warnings.extend(encoding_warnings(name, text));
        let encoding = text.encoding.into();
        let parsed = self.rows.parsed();
        warnings.extend(shape_warnings(name, self.shape, &parsed));
        warnings.extend(line_warnings(name, &parsed));
        let Parsed { dropped, columns, label_candidates, .. } = parsed;
        Ok(ReadFile { encoding, dropped, columns, label_candidates, warnings })
    }
}

/// Gives labels their new names, each once; one without a new name goes.
fn rename_labels(document: &mut Document, map: &BTreeMap<String, Option<String>>) {
    if map.is_empty() {
        return;
    }
    let mut labels: Vec<String> = Vec::new();
    for label in document.labels.drain(..) {
        let label = match map.get(&label) {
            Some(Some(renamed)) => renamed.clone(),
            Some(None) => continue,
            None => label,
        };
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    document.labels = labels;
}

/// The first part of a text, to be looked at, and whether that is all of it.
fn head<R: Read>(text: &mut Decoding<R>, is_whole: bool) -> io::Result<(String, bool)> {
    let available = std::str::from_utf8(text.fill_buf()?).map_err(io::Error::other)?;
    let end = available.floor_char_boundary(HEAD_BYTES);
    Ok((available[..end].into(), is_whole && end == available.len()))
}

/// As much of a text as is looked at to see what it is.
const HEAD_BYTES: usize = 256 << 10;

/// Bytes of columns' names that a sentence lists.
const MOST_LISTED: usize = 300;

/// Columns that a sentence names.
const MOST_NAMED: usize = 12;

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

fn encoding_warnings<R>(name: &str, decoded: &Decoding<R>) -> Vec<Warning> {
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

/// What a file was taken for, where its name does not say so, and what was taken from where.
fn shape_warnings(name: &str, shape: Shape, parsed: &Parsed) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let file = quoted(name);
    match shape {
        Shape::Lines => {}
        Shape::Objects(_) if !table::is_named_json(name) => {
            warnings.push(("read-as-json", format!("{file} holds JSON: each object was read as a row")));
        }
        Shape::Objects(_) => {}
        Shape::Separated(dialect) => {
            // A semicolon is the comma of spreadsheets in half of the world.
            let named = table::named_delimiter(name);
            let is_expected = named == Some(dialect.delimiter) || named == Some(b',') && dialect.delimiter == b';';
            let between = match dialect.delimiter {
                b'\t' => "tabs",
                b';' => "semicolons",
                b'|' => "vertical bars",
                _ => "commas",
            };
            if dialect.width > 1 && !is_expected {
                warnings.push(("read-as-table", format!("{file} was read as a table with {between} between cells")));
            }
            if dialect.quoting != Quoting::Double {
                let how = dialect.quoting.name();
                let message =
                    format!("cells of {file} were read with --quoting {how}, since rows fit their columns best so");
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
    if let Some(columns) = parsed.columns.as_ref().filter(|_| parsed.is_table && parsed.guessed_column.is_none()) {
        warnings.push(("columns", columns_note(&file, columns, &parsed.label_candidates)));
    }
    warnings
}

/// What was taken from which column, in one sentence.
fn columns_note(file: &str, columns: &TableColumns, candidates: &[String]) -> String {
    let TableColumns { text, labels, is_pair, .. } = columns;
    let kind = match (is_pair, text.len()) {
        (true, _) => "pairs of texts",
        (false, 0 | 1) => "text",
        (false, _) => "text, joined,",
    };
    let text = DataError::columns(text);
    if !labels.is_empty() {
        return format!("{file}: {kind} from {text}; labels from {}", DataError::columns(labels));
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

fn line_warnings(name: &str, parsed: &Parsed) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let file = quoted(name);
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
    let LabelRows { without, mixed, denied, missing, missing_words, vectors } = &parsed.label_rows;
    if *missing > 0 {
        let words = DataError::columns(missing_words);
        let message =
            format!("{file} has labels that stand for none ({missing}): {words}; their rows have no such label");
        warnings.push(("missing-labels", message));
    }
    if let Some(length) = vectors {
        let message = format!(
            "{file} has vectors of {length} zeros and ones as labels: each place is a label, named by its number from 0"
        );
        warnings.push(("label-vectors", message));
    }
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
