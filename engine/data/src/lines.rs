//! Text -> documents: one line each, labels taken out, every line that is left out counted with its reason. It knows
//! nothing of files, encodings or of what the documents are for.

use crate::corpus::Document;
use crate::error::DataError;
use protocol::{Dropped, TableColumns};
use std::io::{self, BufRead};
use std::ops::ControlFlow;

/// What marks a label: the convention of fastText (Joulin et al. 2016).
pub const LABEL_PREFIX: &str = "__label__";

/// Takes documents one after another, until it has enough.
pub(crate) type Sink<'a> = dyn FnMut(Document) -> ControlFlow<()> + 'a;

/// What was noticed on the way, and the documents that were not handed over yet.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Parsed {
    /// In the order of their lines.
    pub documents: Vec<Document>,
    /// Lines left out.
    pub dropped: Vec<Dropped>,
    /// Control characters that became spaces.
    pub controls: u64,
    /// Labels without a name, which are ignored.
    pub unnamed_labels: u64,
    /// Words that look like labels but do not begin as labels do, and the line of the first.
    pub odd_labels: Option<(u64, u64)>,
    /// Labels that were cut to [`MOST_LABEL_CHARS`].
    pub long_labels: u64,
    /// Blocks of lines that blank lines part, so far.
    pub blocks: u64,
    /// Whether the line before was blank, or there was none.
    after_blank: bool,
    /// Rows of a table that run on over their line since a quote is not closed.
    pub open_quotes: Option<OpenQuotes>,
    /// What was taken from where, of a table.
    pub columns: Option<TableColumns>,
    /// Columns of a table without labels that hold 0 or 1.
    pub yes_no_columns: Vec<String>,
    /// What the rows of a table with several label columns say, as far as a person should hear of it.
    pub label_rows: LabelRows,
    /// The columns of a table whose text was found by its length, in words.
    pub guessed_column: Option<String>,
    /// Whether characters stand in the text that turn the direction of what is shown.
    pub bidi: bool,
}

/// Reads `text`, in UTF-8, line by line, and hands its documents to `sink`. LF, CRLF and a lone CR end a line; other white
/// space does not.
///
/// # Errors
/// When the text cannot be read to its end.
pub(crate) fn read(text: &mut dyn BufRead, sink: &mut Sink<'_>) -> io::Result<Parsed> {
    let mut parsed = Parsed::default();
    each_line(text, &mut |line, number| {
        parsed.take_line(line, number);
        parsed.hand_over(sink)
    })?;
    Ok(parsed)
}

/// Hands each line of `text`, without its end, and its number from 1 to `take`, until that has enough.
///
/// # Errors
/// When the text cannot be read to its end, or a line is too long for a document.
pub(crate) fn each_line(text: &mut dyn BufRead, take: &mut dyn FnMut(&str, u64) -> ControlFlow<()>) -> io::Result<()> {
    let (mut line, mut number, mut after_return) = (Vec::new(), 0, false);
    loop {
        let available = text.fill_buf()?;
        let Some(&first) = available.first() else { break };
        if std::mem::take(&mut after_return) && first == b'\n' {
            text.consume(1);
            continue;
        }
        let end = available.iter().position(|&byte| byte == b'\n' || byte == b'\r');
        line.extend_from_slice(&available[..end.unwrap_or(available.len())]);
        let used = end.map_or(available.len(), |end| end + 1);
        after_return = end.is_some_and(|end| available[end] == b'\r');
        text.consume(used);
        if line.len() > MOST_LINE_BYTES {
            return Err(io::Error::other(DataError::LineTooLong { line: number + 1, limit: MOST_LINE_BYTES }));
        }
        if end.is_some() {
            number += 1;
            let whole = std::str::from_utf8(&line).map_err(io::Error::other)?;
            if take(whole, number).is_break() {
                return Ok(());
            }
            line.clear();
        }
    }
    if !line.is_empty() {
        // Nobody asks for more after the last line.
        let _ = take(std::str::from_utf8(&line).map_err(io::Error::other)?, number + 1);
    }
    Ok(())
}

/// A line is a document, and all of it is in memory at once: this is a hundred novels.
const MOST_LINE_BYTES: usize = 64 << 20;

/// What one line holds, cleaned as in training; `None` where that is no text.
pub fn document_of(line: &str) -> Option<Document> {
    let mut parsed = Parsed::default();
    parsed.take_line(line, 1);
    parsed.documents.pop()
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
}

impl Parsed {
    /// Gives the documents read so far to `sink`.
    pub fn hand_over(&mut self, sink: &mut Sink<'_>) -> ControlFlow<()> {
        self.documents.drain(..).try_for_each(sink)
    }

    fn take_line(&mut self, line: &str, number: u64) {
        let line = self.clean(line);
        if line.trim().is_empty() {
            self.after_blank = true;
            return self.drop_line("empty", number);
        }
        let mut labels = Vec::new();
        let mut parts =
            line.split('\t').map(|part| self.take_labels(part, &mut labels, number)).filter(|part| !part.is_empty());
        let Some(text) = parts.next() else { return self.drop_line("labels without text", number) };
        let parts: Vec<String> = parts.collect();
        let (text, second) = match parts.len() {
            1 => (text, parts.into_iter().next()),
            // More than two columns are no pair: the line is one text.
            _ => (std::iter::once(text).chain(parts).collect::<Vec<_>>().join(" "), None),
        };
        self.push(text, second, labels, number);
    }

    /// Takes a row of a table: one or two texts, which may hold line ends, and labels, which may hold spaces.
    pub fn take_row(&mut self, text: &str, second: Option<&str>, labels: Vec<String>, number: u64) {
        let mut one_line = |text: &str| self.clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
        let text = one_line(text);
        let second = second.map(&mut one_line).filter(|second| !second.is_empty());
        let labels: Vec<String> =
            labels.iter().map(|label| one_line(label)).filter(|label| !label.is_empty()).collect();
        if text.is_empty() {
            return self.drop_line("empty", number);
        }
        let mut taken = Vec::new();
        labels.iter().for_each(|label| self.take_label(label, &mut taken));
        self.push(text, second, taken, number);
    }

    fn push(&mut self, text: String, second: Option<String>, labels: Vec<String>, line: u64) {
        if self.blocks == 0 || self.after_blank {
            self.blocks += 1;
        }
        self.after_blank = false;
        self.documents.push(Document { text, second, labels, file: 0, line, block: self.blocks - 1 });
    }

    fn take_label(&mut self, name: &str, labels: &mut Vec<String>) {
        let name = match name.char_indices().nth(MOST_LABEL_CHARS) {
            Some((end, _)) => {
                self.long_labels += 1;
                &name[..end]
            }
            None => name,
        };
        if !labels.iter().any(|label| label == name) {
            labels.push(name.into());
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
        shown.map(|c| if is_control(c) { ' ' } else { c }).collect::<String>().into()
    }

    /// The text of `part` without its labels, which go to `labels`, each once.
    fn take_labels(&mut self, part: &str, labels: &mut Vec<String>, line: u64) -> String {
        let odd = part.split_whitespace().filter(|word| is_odd_label(word)).count() as u64;
        if odd > 0 {
            self.odd_labels.get_or_insert((0, line)).0 += odd;
        }
        if !part.contains(LABEL_PREFIX) {
            return part.trim().into();
        }
        let mut words = Vec::new();
        for word in part.split_whitespace() {
            match word.strip_prefix(LABEL_PREFIX) {
                None => words.push(word),
                Some("") => self.unnamed_labels += 1,
                Some(name) => self.take_label(name, labels),
            }
        }
        words.join(" ")
    }

    /// Counts a line that is left out.
    pub fn drop_line(&mut self, reason: &str, line: u64) {
        match self.dropped.iter_mut().find(|dropped| dropped.reason == reason) {
            Some(dropped) => dropped.count += 1,
            None => self.dropped.push(Dropped { reason: reason.into(), count: 1, first_line: line }),
        }
    }
}

/// Whether a word is a label but for a slip in its beginning, such as `__lable__x` or `__LABEL__x`.
fn is_odd_label(word: &str) -> bool {
    let Some((prefix, name)) = word.strip_prefix("__").and_then(|word| word.split_once("__")) else { return false };
    let begins_alike = prefix.chars().next().is_some_and(|first| first.eq_ignore_ascii_case(&'l'));
    begins_alike && prefix != "label" && prefix.chars().all(char::is_alphabetic) && !name.is_empty()
}

/// Longer names are no names: what a label adds to every report would drown the rest.
const MOST_LABEL_CHARS: usize = 200;

const BYTE_ORDER_MARK: char = '\u{FEFF}';

fn is_control(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
}

/// Unicode's explicit directional formatting characters (UAX 9, 2).
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(line: u64, text: &str, second: Option<&str>, labels: &[&str]) -> Document {
        let labels = labels.iter().map(|label| (*label).into()).collect();
        Document { text: text.into(), second: second.map(Into::into), labels, file: 0, line, block: 0 }
    }

    fn parse(text: &str) -> Parsed {
        let mut documents = Vec::new();
        let parsed = read(&mut text.as_bytes(), &mut |document| {
            documents.push(document);
            ControlFlow::Continue(())
        });
        Parsed { documents, ..parsed.expect("memory") }
    }

    fn check(text: &str, expected: &[Document]) {
        let mut documents = parse(text).documents;
        documents.iter_mut().for_each(|document| document.block = 0);
        assert_eq!(documents, expected, "{text:?}");
    }

    #[test]
    fn every_line_end_ends_a_line() {
        let three = [document(1, "a", None, &[]), document(2, "b c", None, &[]), document(3, "d", None, &[])];
        for text in ["a\nb c\nd\n", "a\nb c\nd", "a\r\nb c\r\nd\r\n", "a\rb c\rd\r", "a\r\nb c\rd\n"] {
            check(text, &three);
        }
        check("a\u{2028}b\u{b}c\u{85}d", &[document(1, "a\u{2028}b\u{b}c\u{85}d", None, &[])]);
        check("", &[]);
    }

    #[test]
    fn lines_do_not_depend_on_the_pieces_they_come_in() {
        let text = "é a\r\nb\rc\n\r\n\n好🙂";
        let whole = parse(text).documents;
        for size in 1..7 {
            let mut documents = Vec::new();
            let mut pieces = io::BufReader::with_capacity(size, text.as_bytes());
            let taken = read(&mut pieces, &mut |document| {
                documents.push(document);
                ControlFlow::Continue(())
            });
            assert!(taken.is_ok() && documents == whole, "{size}: {documents:?}");
        }
        let mut first = Vec::new();
        let stopped = read(&mut text.as_bytes(), &mut |document| {
            first.push(document);
            ControlFlow::Break(())
        });
        assert!(stopped.is_ok() && first == whole[..1]);
    }

    #[test]
    fn labels_are_taken_out_wherever_they_stand() {
        check("a b __label__x __label__y", &[document(1, "a b", None, &["x", "y"])]);
        check("__label__x a b", &[document(1, "a b", None, &["x"])]);
        check("a __label__x b __label__x", &[document(1, "a b", None, &["x"])]);
        check("a __label__ b", &[document(1, "a b", None, &[])]);
        check("a__label__x b", &[document(1, "a__label__x b", None, &[])]);
        check("a\t__label__x", &[document(1, "a", None, &["x"])]);
        check("a  b __LABEL__x", &[document(1, "a  b __LABEL__x", None, &[])]);
        check("x __label__é__label__z", &[document(1, "x", None, &["é__label__z"])]);
    }

    #[test]
    fn one_tab_between_two_texts_makes_a_pair() {
        check("a b\tc d __label__x", &[document(1, "a b", Some("c d"), &["x"])]);
        check("__label__x a\tb", &[document(1, "a", Some("b"), &["x"])]);
        check("\ta b", &[document(1, "a b", None, &[])]);
        check("a\tb\tc", &[document(1, "a b c", None, &[])]);
    }

    #[test]
    fn blank_lines_part_blocks() {
        let blocks = |text: &str| parse(text).documents.iter().map(|document| document.block).collect::<Vec<_>>();
        assert_eq!(blocks("\na\nb\n\n \nc\n__label__x\nd\n"), [0, 0, 1, 1]);
        assert_eq!((blocks("a\nb\nc"), parse("").blocks), (vec![0, 0, 0], 0));
    }

    #[test]
    fn dropped_lines_are_counted_with_their_reason() {
        let parsed = parse("\nx\n \u{3000}\u{a0}\t\n__label__a __label__b\n\n__label__c");
        assert_eq!(parsed.documents, [document(2, "x", None, &[])]);
        let dropped = |reason: &str, count, first_line| Dropped { reason: reason.into(), count, first_line };
        assert_eq!(parsed.dropped, [dropped("empty", 3, 1), dropped("labels without text", 2, 4)]);
    }

    #[test]
    fn noise_is_replaced_and_reported() {
        let parsed = parse("a\0b\u{1b}[2J\n\u{feff}c\u{feff}d\u{202e} __label__\n\0\0\n");
        assert_eq!(parsed.documents, [document(1, "a b [2J", None, &[]), document(2, "cd\u{202e}", None, &[])]);
        assert_eq!((parsed.controls, parsed.unnamed_labels, parsed.bidi), (4, 1, true));
        let odd = |text: &str| parse(text).odd_labels;
        assert_eq!(odd("a __label__x\nb __lable__x __LABEL__y\nc __label_x"), Some((2, 2)));
        assert_eq!(odd("__init__ __call__x __label__ __label__l__x"), None);
        assert_eq!(parsed.dropped, [Dropped { reason: "empty".into(), count: 1, first_line: 3 }]);
    }
}
