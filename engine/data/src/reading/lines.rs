//! Parses lines of text into documents: extracts labels and counts every skipped line with its
//! reason. Does not know files, encodings or what the documents are used for.

use crate::document::Document;
use crate::error::DataError;
use crate::table::DocumentColumns;
use protocol::{Dropped, Message, TableColumns, phrase};
use std::io::{self, BufRead};
use unicode_normalization::UnicodeNormalization;

/// Prefix of a label, by the convention of fastText (Joulin et al. 2016).
pub const LABEL_PREFIX: &str = "__label__";

/// One line or row of a file, with its document if it has one.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// Whether this is a data row, a header or something before it.
    pub kind: Kind,
    /// Its document; `None` if it is not a data row or was skipped.
    pub document: Option<Document>,
    /// Line number, from 1.
    pub line: u64,
    /// Source text, if requested.
    pub raw: String,
    /// For a row whose number of cells differs from the number of columns: its cells, one per
    /// column, if requested.
    pub cells: Option<Vec<String>>,
}

impl Taken {
    /// Returns whether this is a data row, with or without a document.
    pub fn is_row(&self) -> bool {
        self.kind == Kind::Row
    }
}

/// What a line of a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line of text or a row of data.
    Row,
    /// The column names.
    Header,
    /// Lines before the header.
    Before,
}

/// Observations made while parsing a file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Parsed {
    /// Skipped lines, by reason.
    pub dropped: Vec<Dropped>,
    /// Number of control characters replaced by spaces.
    pub controls: u64,
    /// What was unusual about `__label__` words.
    pub labels: LabelNotes,
    /// Number of blocks so far, which are separated by blank lines.
    pub blocks: u64,
    /// Whether the previous line was blank; `false` at the start.
    after_blank: bool,
    /// Rows that span several lines because of an unclosed quote.
    pub open_quotes: Option<OpenQuotes>,
    /// What was found out about a table.
    pub table: TableNotes,
    /// Whether the text contains bidirectional formatting characters.
    pub bidi: bool,
}

/// What was unusual about the labels in the lines of a file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct LabelNotes {
    /// Number of labels with an empty name, which are ignored.
    pub unnamed: u64,
    /// Number of words that look like misspelt labels, and the line of the first.
    pub odd: Option<(u64, u64)>,
    /// Number of labels truncated to [`MAX_LABEL_CHARS`].
    pub long: u64,
    /// Number of labels that lost a trailing comma or semicolon or an invisible character.
    pub trimmed: u64,
}

/// What was found out about a table.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TableNotes {
    /// Columns of a table and how they are used.
    pub columns: Option<TableColumns>,
    /// Whether the file is a table.
    pub is_table: bool,
    /// Number of rows with more cells than columns whose text was joined again, and the line of the
    /// first.
    pub joined_rows: Option<(u64, u64)>,
    /// Columns that look like labels, if no label column was used.
    pub label_candidates: Vec<String>,
    /// Columns of a table without labels that contain only 0 and 1.
    pub yes_no_columns: Vec<String>,
    /// Observations about the cells of label columns.
    pub label_rows: LabelRows,
    /// Warning message if the text column was guessed from the length of its cells.
    pub guessed_column: Option<Message>,
    /// Columns that the documents are read from, if they have names.
    pub document_columns: Option<DocumentColumns>,
    /// Columns that the model was trained on and the table lacks.
    pub lacking: Vec<String>,
}

/// Reads the lines of UTF-8 text. LF, CRLF and a lone CR end a line; other white space does not.
pub(crate) struct LineReader<R> {
    text: R,
    line: Vec<u8>,
    number: u64,
    after_return: bool,
}

impl<R: BufRead> LineReader<R> {
    /// Creates a reader at the start of `text`.
    pub fn new(text: R) -> Self {
        Self {
            text,
            line: Vec::new(),
            number: 0,
            after_return: false,
        }
    }

    /// Returns the underlying reader.
    pub fn text(&self) -> &R {
        &self.text
    }

    /// Returns the underlying reader, positioned after the last line returned.
    pub fn text_mut(&mut self) -> &mut R {
        &mut self.text
    }

    /// Returns the next line without its terminator and its number from 1, or `None` at the end.
    ///
    /// # Errors
    /// Returns an error if the text cannot be read or the line is too long for a document.
    pub fn next(&mut self) -> io::Result<Option<(&str, u64)>> {
        self.line.clear();
        loop {
            let available = self.text.fill_buf()?;
            let Some(&first) = available.first() else {
                break;
            };
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                self.text.consume(1);
                continue;
            }
            let end = available
                .iter()
                .position(|&byte| byte == b'\n' || byte == b'\r');
            self.line
                .extend_from_slice(&available[..end.unwrap_or(available.len())]);
            self.after_return = end.is_some_and(|end| available[end] == b'\r');
            let used = end.map_or(available.len(), |end| end + 1);
            self.text.consume(used);
            if self.line.len() > MAX_LINE_BYTES {
                return Err(io::Error::other(DataError::line_too_long(
                    self.number + 1,
                    MAX_LINE_BYTES,
                )));
            }
            if end.is_some() {
                self.number += 1;
                return std::str::from_utf8(&self.line)
                    .map(|line| Some((line, self.number)))
                    .map_err(io::Error::other);
            }
        }
        if self.line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        std::str::from_utf8(&self.line)
            .map(|line| Some((line, self.number)))
            .map_err(io::Error::other)
    }
}

/// Maximum length of a line in bytes. A line is one document and is held in memory as a whole; this
/// is about a hundred novels.
pub(crate) const MAX_LINE_BYTES: usize = 64 << 20;

/// Parses one line, cleaned as in training; `None` if it holds no text.
pub fn document_of(line: &str) -> Option<Document> {
    Parsed::default().line(line, 1)
}

/// Rows of a table that swallow the lines after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenQuotes {
    /// Number of such rows.
    pub rows: u64,
    /// Line of the first such row.
    pub line: u64,
    /// Total number of lines swallowed.
    pub lines: u64,
}

/// Observations about the label columns of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelRows {
    /// Number of rows in which every label column is negative.
    pub without: u64,
    /// Column with yes/no values in some rows and other values in others.
    pub mixed: Option<String>,
    /// Columns that are negative in some rows and positive in none.
    pub denied: Vec<String>,
    /// Number of labels that are words for a missing value, and some of these words.
    pub missing: u64,
    pub missing_words: Vec<String>,
    /// Length of 0/1 vectors used as labels.
    pub vectors: Option<usize>,
}

impl Parsed {
    /// Parses a line; `None` if it holds no text.
    pub fn line(&mut self, line: &str, number: u64) -> Option<Document> {
        let line = self.clean(line);
        if line.trim().is_empty() {
            self.after_blank = true;
            self.drop_line(phrase!("empty"), number);
            return None;
        }
        let mut labels = Vec::new();
        let mut parts = line
            .split('\t')
            .map(|part| self.take_labels(part, &mut labels, number))
            .filter(|part| !part.is_empty());
        let Some(text) = parts.next() else {
            self.drop_line(phrase!("with labels but no text"), number);
            return None;
        };
        let parts: Vec<String> = parts.collect();
        let (text, second) = match parts.len() {
            1 => (text, parts.into_iter().next()),
            // A pair has exactly two columns; more are joined into one text.
            _ => (
                std::iter::once(text)
                    .chain(parts)
                    .collect::<Vec<_>>()
                    .join(" "),
                None,
            ),
        };
        Some(self.document(text, second, labels, number))
    }

    /// Builds a document from a table row: one or two texts, which may contain line breaks, and
    /// labels, which may contain spaces. `None` if there is no text.
    pub fn row(
        &mut self,
        text: &str,
        second: Option<&str>,
        labels: Vec<String>,
        number: u64,
    ) -> Option<Document> {
        let mut one_line = |text: &str| {
            self.clean(text)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        let text = one_line(text);
        let second = second
            .map(&mut one_line)
            .filter(|second| !second.is_empty());
        let labels: Vec<String> = labels.iter().map(|label| one_line(label)).collect();
        if text.is_empty() {
            self.drop_line(phrase!("empty"), number);
            return None;
        }
        let mut taken = Vec::new();
        for label in &labels {
            let name = label.strip_prefix(LABEL_PREFIX).unwrap_or(label);
            self.take_label(name, &mut taken);
        }
        Some(self.document(text, second, taken, number))
    }

    fn document(
        &mut self,
        text: String,
        second: Option<String>,
        labels: Vec<String>,
        line: u64,
    ) -> Document {
        if self.blocks == 0 || self.after_blank {
            self.blocks += 1;
        }
        self.after_blank = false;
        Document {
            text,
            second,
            labels,
            file: 0,
            line,
            block: self.blocks - 1,
        }
    }

    fn take_label(&mut self, name: &str, labels: &mut Vec<String>) {
        let name = match name.char_indices().nth(MAX_LABEL_CHARS) {
            Some((end, _)) => {
                self.labels.long += 1;
                &name[..end]
            }
            None => name,
        };
        let visible = visible(name);
        self.labels.trimmed += u64::from(visible != name);
        if !visible.is_empty() && labels.len() < MAX_LABELS && !labels.contains(&visible) {
            labels.push(visible);
        }
    }

    /// Removes invisible noise: control characters become spaces, and byte order marks inside the
    /// text are removed.
    fn clean<'a>(&mut self, line: &'a str) -> std::borrow::Cow<'a, str> {
        let noise = |c: char| is_control(c) || is_bidi(c) || c == BYTE_ORDER_MARK;
        if !line.contains(noise) {
            return line.into();
        }
        self.bidi |= line.contains(is_bidi);
        self.controls += line.chars().filter(|&c| is_control(c)).count() as u64;
        let shown = line.chars().filter(|&c| c != BYTE_ORDER_MARK);
        shown
            .map(|c| if is_control(c) { ' ' } else { c })
            .collect::<String>()
            .into()
    }

    /// Removes the labels from `part`, appends them to `labels` without duplicates, and returns the
    /// remaining text.
    fn take_labels(&mut self, part: &str, labels: &mut Vec<String>, line: u64) -> String {
        let odd = part
            .split_whitespace()
            .filter(|word| is_odd_label(word))
            .count() as u64;
        if odd > 0 {
            self.labels.odd.get_or_insert((0, line)).0 += odd;
        }
        if !part.contains(LABEL_PREFIX) {
            return part.trim().into();
        }
        let mut words = Vec::new();
        for word in part.split_whitespace() {
            match word
                .trim_start_matches(is_invisible)
                .strip_prefix(LABEL_PREFIX)
            {
                None => words.push(word),
                Some(name) if visible(name).is_empty() => self.labels.unnamed += 1,
                Some(name) => {
                    let trimmed = name.trim_end_matches([',', ';']);
                    let trimmed = if trimmed.is_empty() { name } else { trimmed };
                    self.labels.trimmed += u64::from(trimmed != name);
                    self.take_label(trimmed, labels);
                }
            }
        }
        words.join(" ")
    }

    /// Counts a row that swallowed `taken_in` lines because of an unclosed quote.
    pub fn note_open_quote(&mut self, line: u64, taken_in: u64) {
        if taken_in > 0 {
            let open = self.open_quotes.get_or_insert(OpenQuotes {
                line,
                ..OpenQuotes::default()
            });
            open.rows += 1;
            open.lines += taken_in;
        }
    }

    /// Counts a skipped line.
    pub fn drop_line(&mut self, reason: &'static str, line: u64) {
        match self
            .dropped
            .iter_mut()
            .find(|dropped| dropped.reason.template() == reason)
        {
            Some(dropped) => dropped.count += 1,
            None => self.dropped.push(Dropped {
                reason: Message::phrase(reason),
                count: 1,
                first_line: line,
            }),
        }
    }
}

/// Returns whether a word is a label with a typo in its prefix, such as `__lable__x` or
/// `__LABEL__x`.
fn is_odd_label(word: &str) -> bool {
    let is_behind = |(before, name): (&str, &str)| {
        before.chars().count() <= 2
            && before
                .chars()
                .any(|c| !c.is_alphanumeric() && !is_invisible(c))
            && !name.is_empty()
    };
    if word.split_once(LABEL_PREFIX).is_some_and(is_behind) {
        return true;
    }
    let Some((prefix, name)) = word
        .strip_prefix("__")
        .and_then(|word| word.split_once("__"))
    else {
        return false;
    };
    let begins_alike = prefix
        .chars()
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case(&'l'));
    begins_alike && prefix != "label" && prefix.chars().all(char::is_alphabetic) && !name.is_empty()
}

/// Normalises a label name to NFC, without invisible characters or direction marks.
fn visible(name: &str) -> String {
    // Zero-width joiners are meaningful inside a word, but not at its ends.
    let is_joiner = |c: char| matches!(c, '\u{200C}' | '\u{200D}');
    if name.is_ascii() {
        return name.into();
    }
    let visible: String = name.chars().filter(|c| !is_invisible(*c)).nfc().collect();
    visible
        .trim_matches(|c: char| is_joiner(c) || c.is_whitespace())
        .into()
}

/// Maximum labels of one document; more indicate a fault in the data.
const MAX_LABELS: usize = 1000;

/// Returns whether a character has neither width nor meaning in a label.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}' | '\u{AD}'
    ) || is_bidi(c)
        || c == BYTE_ORDER_MARK
}

/// Maximum length of a label name: longer ones would clutter every report.
const MAX_LABEL_CHARS: usize = 200;

const BYTE_ORDER_MARK: char = '\u{FEFF}';

fn is_control(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
}

/// Returns whether `c` is one of Unicode's explicit directional formatting characters (UAX 9,
/// section 2).
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
