//! Splits a stream of JSON into its values.

use crate::error::DataError;
use crate::reading::lines::MAX_LINE_BYTES;
use std::io;

/// Finds the end of each value in a stream or an array of JSON values by tracking brackets and
/// quotes.
#[derive(Default)]
pub struct Scanner {
    value: Vec<u8>,
    /// Number of open brackets.
    pub depth: usize,
    quote: Option<u8>,
    is_escaped: bool,
    lines: u64,
    begin: u64,
    after_return: bool,
    /// Whether the opening bracket of an enclosing array was consumed.
    in_array: bool,
}

impl Scanner {
    /// Consumes a byte. Returns the value that it completes, with the line (from 1) where the value
    /// begins.
    ///
    /// # Errors
    /// If a value is longer than [`MAX_LINE_BYTES`] or is not UTF-8.
    pub fn take(&mut self, byte: u8) -> io::Result<Option<(String, u64)>> {
        let is_line = matches!(byte, b'\n' | b'\r') && !(byte == b'\n' && self.after_return);
        self.lines += u64::from(is_line);
        self.after_return = byte == b'\r';
        if self.value.is_empty() {
            self.begin = self.lines + 1;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' => return Ok(None),
                b'[' if !self.in_array => {
                    self.in_array = true;
                    return Ok(None);
                }
                _ => {}
            }
        }
        // A number or a bare word ends at the separator after it.
        if self.depth == 0
            && self.quote.is_none()
            && !self.value.is_empty()
            && matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']')
        {
            return self.end().map(Some);
        }
        self.value.push(byte);
        if self.value.len() > MAX_LINE_BYTES {
            return Err(io::Error::other(DataError::line_too_long(
                self.begin,
                MAX_LINE_BYTES,
            )));
        }
        let ends = match (self.quote, byte) {
            (Some(_), _) if self.is_escaped => {
                self.is_escaped = false;
                false
            }
            (Some(_), b'\\') => {
                self.is_escaped = true;
                false
            }
            (Some(quote), _) if quote == byte => {
                self.quote = None;
                self.depth == 0
            }
            (Some(_), _) => false,
            (None, b'"' | b'\'') => {
                self.quote = Some(byte);
                false
            }
            (None, b'{' | b'[') => {
                self.depth += 1;
                false
            }
            (None, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                self.depth == 0
            }
            (None, _) => false,
        };
        if ends { self.end().map(Some) } else { Ok(None) }
    }

    fn end(&mut self) -> io::Result<(String, u64)> {
        let value = String::from_utf8(std::mem::take(&mut self.value)).map_err(io::Error::other)?;
        Ok((value, self.begin))
    }

    /// Returns the value that the end of the stream truncates, if any.
    pub fn cut(&mut self) -> Option<(String, u64)> {
        let value = String::from_utf8_lossy(&std::mem::take(&mut self.value)).into_owned();
        Some((value, self.begin)).filter(|(value, _)| !value.is_empty())
    }
}
