//! Where quotes and line ends stand in a text that a reader of rows goes through: it tells where a row begins as a byte, and
//! counts lines in its own way.

use crate::error::DataError;
use crate::lines::MAX_LINE_BYTES;
use protocol::Quoting;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// A text that is read, and notes of it on the way.
pub struct Noted<R> {
    text: R,
    /// Bytes so far.
    read: u64,
    places: Rc<RefCell<Places>>,
}

/// What was noted and not asked for yet, in the order of the text.
#[derive(Default)]
pub struct Places {
    quotes: VecDeque<Quote>,
    /// The first byte of each line end, and the byte behind it.
    ends: VecDeque<(u64, u64)>,
    /// Line ends that were passed.
    lines: u64,
    /// The byte before the next one; none at the start.
    last: Option<u8>,
    /// Where the row begins that was asked for last.
    asked: u64,
    /// What stands around quoted cells.
    mark: Option<u8>,
    /// Whether a backslash takes a quote's meaning.
    escapes: bool,
    /// Characters that were not asked for yet, where they are wanted, and their place.
    raw: Option<Vec<u8>>,
    raw_from: u64,
}

/// A quote and what stands around it.
#[derive(Clone, Copy)]
struct Quote {
    at: u64,
    before: Option<u8>,
    behind: Option<u8>,
}

impl<R> Noted<R> {
    /// Notes what is read of `text` in `places`.
    pub fn new(text: R, places: Rc<RefCell<Places>>) -> Self {
        Self {
            text,
            read: 0,
            places,
        }
    }

    /// The text that is read.
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
    /// Behind `lines` lines that are passed already; cells are quoted by `quoting`. Characters are kept `with_raw`.
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

    /// The characters up to `end` that were not asked for before.
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
                if let Some((_, behind)) = self.ends.back_mut() {
                    *behind = at + 1;
                }
            }
            b'\n' | b'\r' => self.ends.push_back((at, at + 1)),
            _ => {}
        }
    }

    /// The line, from 1, of the first byte from `at` on that is no line end. Asked for in the order of the text.
    pub fn line(&mut self, mut at: u64) -> u64 {
        self.asked = at;
        while let Some((_, behind)) = self.ends.front().copied().filter(|(first, _)| *first <= at) {
            self.ends.pop_front();
            self.lines += 1;
            // A line end at this place, or around it, is skipped, as a reader of rows skips blank lines.
            at = at.max(behind);
        }
        self.lines + 1
    }

    /// Whether each quote that opens a cell before `end` has one that closes it: one with a `separator`, a line end or nothing
    /// behind it. Takes the quotes that it was asked of.
    pub fn closes(&mut self, end: u64, separator: u8) -> bool {
        let is_border = |byte: Option<u8>| {
            byte.is_none_or(|byte| byte == separator || matches!(byte, b'\n' | b'\r'))
        };
        let count = self.quotes.partition_point(|quote| quote.at < end);
        let (mut is_open, mut is_doubled, mut closes) = (false, false, true);
        for Quote { before, behind, .. } in self.quotes.drain(..count) {
            match is_open {
                false => is_open = is_border(before),
                // Two stand for one.
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
    fn a_quote_that_opens_is_closed_by_one_at_a_border() {
        for (text, expected) in [
            ("\"a\",\"b \"\"c\"\"\"\n", true),
            ("\"a\nb\"", true),
            ("5\" of rain,\"a\nb\"\r\n", true),
            ("\"\",\"\"\"\"", true),
            ("\"a,b\nc,d\n", false),
            // What follows begins with a quote of its own.
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
    fn lines_are_those_of_an_editor_whatever_ends_them_and_blank_ones_are_passed() {
        for (text, starts, lines) in [
            ("a\nb\n\n\nc", &[0, 2, 4][..], &[1, 2, 5][..]),
            // The reader begins a row at the second half of what ends the one before.
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
