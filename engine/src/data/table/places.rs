//! Where quotes and line ends stand in a text that a reader of rows goes through: it tells where a row begins as a byte, and
//! counts lines in its own way.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

/// A text that is read, and notes of it on the way.
pub struct Noted<'a> {
    text: &'a mut dyn BufRead,
    /// Bytes so far.
    read: u64,
    places: &'a RefCell<Places>,
}

/// What was noted and not asked for yet, in the order of the text.
#[derive(Default)]
pub struct Places {
    quotes: VecDeque<u64>,
    /// The first byte of each line end, and the byte behind it.
    ends: VecDeque<(u64, u64)>,
    /// Line ends that were passed.
    lines: u64,
    after_return: bool,
}

impl<'a> Noted<'a> {
    /// Notes what is read of `text` in `places`.
    pub fn new(text: &'a mut dyn BufRead, places: &'a RefCell<Places>) -> Self {
        Self { text, read: 0, places }
    }
}

impl Read for Noted<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.text.read(out)?;
        let mut places = self.places.borrow_mut();
        for byte in &out[..count] {
            places.note(*byte, self.read);
            self.read += 1;
        }
        Ok(count)
    }
}

impl Places {
    fn note(&mut self, byte: u8, at: u64) {
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            b'"' => self.quotes.push_back(at),
            b'\n' if after_return => {
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
        while let Some((_, behind)) = self.ends.front().copied().filter(|(first, _)| *first <= at) {
            self.ends.pop_front();
            self.lines += 1;
            // A line end at this place, or around it, is skipped, as a reader of rows skips blank lines.
            at = at.max(behind);
        }
        self.lines + 1
    }

    /// How many quotes stand before `end` that were not counted yet.
    pub fn quotes_before(&mut self, end: u64) -> usize {
        let count = self.quotes.partition_point(|place| *place < end);
        self.quotes.drain(..count).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let places = RefCell::default();
                let mut pieces = io::BufReader::with_capacity(size, text.as_bytes());
                Noted::new(&mut pieces, &places).read_to_end(&mut Vec::new()).expect("memory");
                let found: Vec<u64> = starts.iter().map(|start| places.borrow_mut().line(*start)).collect();
                assert_eq!(found, lines, "{text:?} in pieces of {size}");
            }
        }
    }
}
