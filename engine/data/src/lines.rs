//! Text -> documents: one line each, labels taken out, every line that is left out counted with its reason. It knows
//! nothing of files, encodings or of what the documents are for.

use crate::corpus::Document;
use crate::error::DataError;
use crate::table::TextColumns;
use protocol::{Dropped, TableColumns};
use std::io::{self, BufRead};
use unicode_normalization::UnicodeNormalization;

/// What marks a label: the convention of fastText (Joulin et al. 2016).
pub const LABEL_PREFIX: &str = "__label__";

/// What stands at one place of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// What it is.
    pub kind: Kind,
    /// Its document; `None` where it is no row, or was left out.
    pub document: Option<Document>,
    /// Its line, from 1.
    pub line: u64,
    /// Its characters, where these are wanted.
    pub raw: String,
    /// Of a row with another number of cells than its table has columns: its cells, one per column, where they are wanted.
    pub cells: Option<Vec<String>>,
}

impl Taken {
    /// Whether it is a line or a row, with a document or without.
    pub fn is_row(&self) -> bool {
        self.kind == Kind::Row
    }
}

/// What a place of a file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line or a row.
    Row,
    /// The names of columns.
    Header,
    /// What stands before the header.
    Before,
}

/// What was noticed on the way.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Parsed {
    /// Lines left out.
    pub dropped: Vec<Dropped>,
    /// Control characters that became spaces.
    pub controls: u64,
    /// Labels without a name, which are ignored.
    pub unnamed_labels: u64,
    /// Words that look like labels but do not begin as labels do, and the line of the first.
    pub odd_labels: Option<(u64, u64)>,
    /// Labels that were cut to [`MAX_LABEL_CHARS`].
    pub long_labels: u64,
    /// Blocks of lines that blank lines part, so far.
    pub blocks: u64,
    /// Whether the line before was blank, or there was none.
    after_blank: bool,
    /// Rows of a table that run on over their line since a quote is not closed.
    pub open_quotes: Option<OpenQuotes>,
    /// What was taken from where, of a table.
    pub columns: Option<TableColumns>,
    /// Whether it is a table.
    pub is_table: bool,
    /// Rows with more cells than columns whose text was joined again, and the line of the first.
    pub joined_rows: Option<(u64, u64)>,
    /// Columns that look like labels, where none was taken for them.
    pub label_candidates: Vec<String>,
    /// Labels that lost a comma or a semicolon at their end, or an invisible character.
    pub trimmed_labels: u64,
    /// Columns of a table without labels that hold 0 or 1.
    pub yes_no_columns: Vec<String>,
    /// What the rows of a table with several label columns say, as far as a person should hear of it.
    pub label_rows: LabelRows,
    /// The columns of a table whose text was found by its length, in words.
    pub guessed_column: Option<String>,
    /// The columns that the text is read from, where they have names.
    pub text_columns: Option<TextColumns>,
    /// Columns that the model was trained on and the table lacks.
    pub lacking: Vec<String>,
    /// Whether characters stand in the text that turn the direction of what is shown.
    pub bidi: bool,
}

/// The lines of a text in UTF-8. LF, CRLF and a lone CR end a line; other white space does not.
pub(crate) struct LineReader<R> {
    text: R,
    line: Vec<u8>,
    number: u64,
    after_return: bool,
}

impl<R: BufRead> LineReader<R> {
    /// Of `text`, from its start.
    pub fn new(text: R) -> Self {
        Self {
            text,
            line: Vec::new(),
            number: 0,
            after_return: false,
        }
    }

    /// The text that is read.
    pub fn text(&self) -> &R {
        &self.text
    }

    /// The text that is read, behind the last line that was handed out.
    pub fn text_mut(&mut self) -> &mut R {
        &mut self.text
    }

    /// The next line, without its end, and its number from 1; nothing at the end.
    ///
    /// # Errors
    /// When the text cannot be read, or the line is too long for a document.
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

/// A line is a document, and all of it is in memory at once: this is a hundred novels.
pub(crate) const MAX_LINE_BYTES: usize = 64 << 20;

/// What one line holds, cleaned as in training; `None` where that is no text.
pub fn document_of(line: &str) -> Option<Document> {
    Parsed::default().line(line, 1)
}

/// Rows of a table that take in what follows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenQuotes {
    /// How many.
    pub rows: u64,
    /// The line of the first.
    pub line: u64,
    /// Lines that they took in.
    pub lines: u64,
}

/// Rows of a table with several label columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelRows {
    /// How many say no to all of them.
    pub without: u64,
    /// A column that says yes or no in some rows and something else in others.
    pub mixed: Option<String>,
    /// Columns that say no in some rows and yes in none.
    pub denied: Vec<String>,
    /// Labels that are words for a missing value, and some of these words.
    pub missing: u64,
    pub missing_words: Vec<String>,
    /// The length of vectors of zeros and ones that stand for labels.
    pub vectors: Option<usize>,
}

impl Parsed {
    /// The document of a line; `None` where it holds no text.
    pub fn line(&mut self, line: &str, number: u64) -> Option<Document> {
        let line = self.clean(line);
        if line.trim().is_empty() {
            self.after_blank = true;
            self.drop_line("empty", number);
            return None;
        }
        let mut labels = Vec::new();
        let mut parts = line
            .split('\t')
            .map(|part| self.take_labels(part, &mut labels, number))
            .filter(|part| !part.is_empty());
        let Some(text) = parts.next() else {
            self.drop_line("labels without text", number);
            return None;
        };
        let parts: Vec<String> = parts.collect();
        let (text, second) = match parts.len() {
            1 => (text, parts.into_iter().next()),
            // More than two columns are no pair: the line is one text.
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

    /// The document of a row: one or two texts, which may hold line ends, and labels, which may hold spaces. `None` where
    /// there is no text.
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
            self.drop_line("empty", number);
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
                self.long_labels += 1;
                &name[..end]
            }
            None => name,
        };
        let visible = visible(name);
        self.trimmed_labels += u64::from(visible != name);
        if !visible.is_empty() && labels.len() < MAX_LABELS && !labels.contains(&visible) {
            labels.push(visible);
        }
    }

    /// `line` without invisible noise: control characters become spaces, byte order marks inside the text vanish.
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

    /// The text of `part` without its labels, which go to `labels`, each once.
    fn take_labels(&mut self, part: &str, labels: &mut Vec<String>, line: u64) -> String {
        let odd = part
            .split_whitespace()
            .filter(|word| is_odd_label(word))
            .count() as u64;
        if odd > 0 {
            self.odd_labels.get_or_insert((0, line)).0 += odd;
        }
        if !part.contains(LABEL_PREFIX) {
            return part.trim().into();
        }
        let mut words = Vec::new();
        for word in part.split_whitespace() {
            match word
                .trim_start_matches(is_unseen)
                .strip_prefix(LABEL_PREFIX)
            {
                None => words.push(word),
                Some(name) if visible(name).is_empty() => self.unnamed_labels += 1,
                Some(name) => {
                    let bare = name.trim_end_matches([',', ';']);
                    let bare = if bare.is_empty() { name } else { bare };
                    self.trimmed_labels += u64::from(bare != name);
                    self.take_label(bare, labels);
                }
            }
        }
        words.join(" ")
    }

    /// Counts a row that took in lines since a quote is not closed.
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

    /// Counts a line that is left out.
    pub fn drop_line(&mut self, reason: &str, line: u64) {
        match self
            .dropped
            .iter_mut()
            .find(|dropped| dropped.reason == reason)
        {
            Some(dropped) => dropped.count += 1,
            None => self.dropped.push(Dropped {
                reason: reason.into(),
                count: 1,
                first_line: line,
            }),
        }
    }
}

/// Whether a word is a label but for a slip in its beginning, such as `__lable__x` or `__LABEL__x`.
fn is_odd_label(word: &str) -> bool {
    let is_behind = |(before, name): (&str, &str)| {
        before.chars().count() <= 2
            && before
                .chars()
                .any(|c| !c.is_alphanumeric() && !is_unseen(c))
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

/// A label's name in one form of Unicode, without characters at its ends or marks of direction that nobody sees.
fn visible(name: &str) -> String {
    // Joiners mean something within a word.
    let is_joiner = |c: char| matches!(c, '\u{200C}' | '\u{200D}');
    if name.is_ascii() {
        return name.into();
    }
    let seen: String = name.chars().filter(|c| !is_unseen(*c)).nfc().collect();
    seen.trim_matches(|c: char| is_joiner(c) || c.is_whitespace())
        .into()
}

/// Labels of one document; more are a fault in the data.
const MAX_LABELS: usize = 1000;

/// Whether a character has neither width nor meaning in a label.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}' | '\u{AD}'
    ) || is_bidi(c)
        || c == BYTE_ORDER_MARK
}

/// Longer names are no names: what a label adds to every report would drown the rest.
const MAX_LABEL_CHARS: usize = 200;

const BYTE_ORDER_MARK: char = '\u{FEFF}';

fn is_control(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
}

/// Unicode's explicit directional formatting characters (UAX 9, 2).
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
