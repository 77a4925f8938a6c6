//! Records the positions of quotes and line ends while the CSV reader consumes a text: the reader
//! reports only the byte where a row begins, and counts lines in its own way.

use crate::error::DataError;
use crate::reading::lines::MAX_LINE_BYTES;
use protocol::Quoting;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// A reader that records positions in the text that passes through it.
pub struct Noted<R> {
    text: R,
    /// Number of bytes read so far.
    read: u64,
    places: Rc<RefCell<Places>>,
}

/// Recorded positions that were not yet consumed, in text order.
#[derive(Default)]
pub struct Places {
    quotes: VecDeque<Quote>,
    /// The byte range of each line end: its first byte, and the byte after it.
    ends: VecDeque<(u64, u64)>,
    /// Number of line ends already consumed.
    lines: u64,
    /// The previous byte; `None` at the start.
    last: Option<u8>,
    /// Byte offset of the row whose line was requested last.
    asked: u64,
    /// The quote character, if cells are quoted.
    mark: Option<u8>,
    /// Whether a backslash escapes a quote.
    escapes: bool,
    /// Raw bytes that were not yet consumed; `None` if they are not requested.
    raw: Option<Vec<u8>>,
    /// Byte offset of the first byte of `raw`.
    raw_from: u64,
}

/// A quote character with its neighbouring bytes.
#[derive(Clone, Copy)]
struct Quote {
    at: u64,
    before: Option<u8>,
    behind: Option<u8>,
}

impl<R> Noted<R> {
    /// Reads `text` and records its positions in `places`.
    pub fn new(text: R, places: Rc<RefCell<Places>>) -> Self {
        Self {
            text,
            read: 0,
            places,
        }
    }

    /// Returns the underlying text.
    pub fn text(&self) -> &R {
        &self.text
    }
}

impl<R: BufRead> Read for Noted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.text.read(out)?;
        let mut places = self.places.borrow_mut();
        if self.read.saturating_sub(places.asked) > MAX_LINE_BYTES as u64 {
            return Err(io::Error::other(DataError::line_too_long(
                places.lines + 1,
                MAX_LINE_BYTES,
            )));
        }
        for byte in &out[..count] {
            places.note(*byte, self.read);
            self.read += 1;
        }
        Ok(count)
    }
}

impl Places {
    /// Starts after `lines` skipped lines. Cells are quoted by `quoting`; raw bytes are recorded if
    /// `with_raw` is set.
    pub fn new(lines: u64, quoting: Quoting, with_raw: bool) -> Self {
        let (mark, escapes) = (quoting.mark(), quoting == Quoting::Backslash);
        Self {
            lines,
            mark,
            escapes,
            raw: with_raw.then(Vec::new),
            ..Self::default()
        }
    }

    /// Returns the raw text up to byte `end` that was not returned before.
    pub fn raw(&mut self, end: u64) -> String {
        let Some(raw) = &mut self.raw else {
            return String::new();
        };
        let count = usize::try_from(end.saturating_sub(self.raw_from))
            .unwrap_or(usize::MAX)
            .min(raw.len());
        let taken: Vec<u8> = raw.drain(..count).collect();
        self.raw_from += count as u64;
        String::from_utf8_lossy(&taken).into_owned()
    }

    fn note(&mut self, byte: u8, at: u64) {
        let before = self.last.replace(byte);
        if let Some(quote) = self.quotes.back_mut().filter(|quote| quote.at + 1 == at) {
            quote.behind = Some(byte);
        }
        if let Some(raw) = &mut self.raw {
            raw.push(byte);
        }
        match byte {
            _ if Some(byte) == self.mark => self.quotes.push_back(Quote {
                at,
                before,
                behind: None,
            }),
            b'\n' if before == Some(b'\r') => {
                if let Some((_, end)) = self.ends.back_mut() {
                    *end = at + 1;
                }
            }
            b'\n' | b'\r' => self.ends.push_back((at, at + 1)),
            _ => {}
        }
    }

    /// Returns the line number (from 1) of the first byte at or after `at` that is not part of a
    /// line end. Must be called in text order.
    pub fn line(&mut self, mut at: u64) -> u64 {
        self.asked = at;
        while let Some((_, end)) = self.ends.front().copied().filter(|(first, _)| *first <= at) {
            self.ends.pop_front();
            self.lines += 1;
            // A line end at or around this offset is skipped, as the CSV reader skips blank lines.
            at = at.max(end);
        }
        self.lines + 1
    }

    /// Returns whether every quote that opens a cell before byte `end` is closed by a quote that is
    /// followed by `separator`, a line end or the end of the text. Consumes these quotes.
    pub fn closes(&mut self, end: u64, separator: u8) -> bool {
        let is_border = |byte: Option<u8>| {
            byte.is_none_or(|byte| byte == separator || matches!(byte, b'\n' | b'\r'))
        };
        let count = self.quotes.partition_point(|quote| quote.at < end);
        let (mut is_open, mut is_doubled, mut closes) = (false, false, true);
        for Quote { before, behind, .. } in self.quotes.drain(..count) {
            match is_open {
                false => is_open = is_border(before),
                // An escaped or a doubled quote is a literal one.
                true if before == Some(b'\\') && self.escapes => {}
                true if is_doubled || behind == self.mark => is_doubled = !is_doubled,
                true if is_border(behind) => is_open = false,
                true => closes = false,
            }
        }
        closes && !is_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_quote_is_closed_before_a_separator_or_line_end() {
        for (text, expected) in [
            ("\"a\",\"b \"\"c\"\"\"\n", true),
            ("\"a\nb\"", true),
            ("5\" of rain,\"a\nb\"\r\n", true),
            ("\"\",\"\"\"\"", true),
            ("\"a,b\nc,d\n", false),
            // A later row begins with a quote of its own.
            ("\"a,b\nc,d\n\"e f\",g\n", false),
        ] {
            let places = Rc::new(RefCell::new(Places::new(0, Quoting::Double, false)));
            let mut text_bytes = text.as_bytes();
            Noted::new(&mut text_bytes, Rc::clone(&places))
                .read_to_end(&mut Vec::new())
                .expect("memory");
            assert_eq!(
                places.borrow_mut().closes(u64::MAX, b','),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn line_numbers_match_an_editor_and_blank_lines_are_skipped() {
        for (text, starts, lines) in [
            ("a\nb\n\n\nc", &[0, 2, 4][..], &[1, 2, 5][..]),
            // After CRLF, the CSV reader begins the next row at the LF.
            ("a\r\nb\r\n\r\nc", &[0, 2, 5], &[1, 2, 4]),
            ("a\rb\rc", &[0, 2, 4], &[1, 2, 3]),
            ("\n\na", &[0], &[3]),
        ] {
            for size in [1, 2, 100] {
                let places = Rc::new(RefCell::new(Places::new(0, Quoting::Double, false)));
                let mut pieces = io::BufReader::with_capacity(size, text.as_bytes());
                Noted::new(&mut pieces, Rc::clone(&places))
                    .read_to_end(&mut Vec::new())
                    .expect("memory");
                let found: Vec<u64> = starts
                    .iter()
                    .map(|start| places.borrow_mut().line(*start))
                    .collect();
                assert_eq!(found, lines, "{text:?} in pieces of {size}");
            }
        }
    }
}
