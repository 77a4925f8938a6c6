//! Decodes bytes to text: byte order marks, UTF-8, UTF-16 without a mark, ISO-2022-JP, and a guess
//! for the rest. Files that are not text are rejected with their kind. It knows nothing of lines or
//! labels.
//!
//! Sources: the WHATWG Encoding Standard (decoders, one U+FFFD per maximal subpart) through
//! `encoding_rs`; `chardetng` for the guess.

mod detect;

use crate::error::DataError;
use crate::reading::byte_source::read_buffered;
use crate::reading::encoding::detect::{Charset, binary_kind, by_mark, by_name, by_shape};
use encoding_rs::DecoderResult;
use protocol::Message;
use std::io::{self, BufRead, Read};

/// Guesses the encoding of bytes that are not UTF-8.
#[cfg(feature = "archives")]
pub(crate) fn likely_encoding(bytes: &[u8]) -> &'static encoding_rs::Encoding {
    detect::likely_encoding(bytes)
}

/// Maximum number of bytes that detection inspects, and the size of the sample that a reader should
/// pass.
pub const SAMPLE_BYTES: usize = 1 << 20;
/// Number of bytes read from the source at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A reader that decodes bytes to UTF-8 without a byte order mark; U+FFFD replaces invalid
/// sequences.
pub struct Decoding<R> {
    raw: R,
    decoder: Decoder,
    /// Bytes that are not yet decoded.
    input: Vec<u8>,
    text: String,
    shown: usize,
    ended: bool,
    /// Name of the encoding, as in the Encoding Standard.
    pub encoding: &'static str,
    /// Whether the file begins with a byte order mark.
    pub is_marked: bool,
    /// Whether the encoding is uncertain, so that the user should check it.
    pub guessed: bool,
    /// Whether all bytes so far were ASCII, so that the encoding is still open.
    is_open: bool,
    /// Number of bytes so far that are invalid in the encoding.
    pub undecodable: u64,
    /// Line (from 1) of the first invalid byte.
    pub first_undecodable: Option<u64>,
    ends: LineEnds,
}

/// The decoder in use; UTF-32 is not in the Encoding Standard.
enum Decoder {
    Known(Box<encoding_rs::Decoder>),
    Utf32 { big_endian: bool },
}

impl<R: Read> Decoding<R> {
    /// Decodes bytes that begin with `sample` and continue in `raw`, in the encoding `forced` if
    /// there is one. `is_complete` means that nothing follows the sample. `name` is the file name,
    /// for errors.
    ///
    /// # Errors
    /// If the file is empty or not text, or the forced encoding is unknown.
    pub fn new(
        name: &str,
        mut sample: Vec<u8>,
        is_complete: bool,
        raw: R,
        forced: Option<&str>,
    ) -> Result<Self, DataError> {
        if let Some(kind) = binary_kind(&sample) {
            return Err(DataError::NotText {
                file: name.into(),
                kind: Message::phrase(kind),
            });
        }
        let (marked, mark) = by_mark(&sample);
        let (charset, guessed) = match (forced, marked) {
            (Some(label), _) => (by_name(label)?, false),
            // UTF-32 is so rare that the user should check it.
            (None, Some(charset)) => (charset, matches!(charset, Charset::Utf32 { .. })),
            (None, None) => by_shape(name, &sample, is_complete)?,
        };
        let is_utf8 = charset == Charset::Known(encoding_rs::UTF_8);
        let is_open =
            forced.is_none() && marked.is_none() && is_utf8 && !is_complete && sample.is_ascii();
        let skipped = if marked == Some(charset) { mark } else { 0 };
        if is_complete && sample.len() == skipped {
            return Err(DataError::EmptyFile { file: name.into() });
        }
        sample.drain(..skipped);
        let (decoder, encoding) = match charset {
            Charset::Known(encoding) => (
                Decoder::Known(Box::new(encoding.new_decoder_without_bom_handling())),
                encoding.name(),
            ),
            Charset::Utf32 { big_endian } => (
                Decoder::Utf32 { big_endian },
                if big_endian { "UTF-32BE" } else { "UTF-32LE" },
            ),
        };
        Ok(Self {
            raw,
            decoder,
            input: sample,
            text: String::new(),
            shown: 0,
            ended: false,
            encoding,
            is_marked: skipped > 0,
            guessed,
            is_open,
            undecodable: 0,
            first_undecodable: None,
            ends: LineEnds::default(),
        })
    }

    /// Returns the underlying byte source.
    pub fn raw(&self) -> &R {
        &self.raw
    }

    /// Decodes the next chunk of bytes.
    fn refill(&mut self) -> io::Result<()> {
        if self.first_undecodable.is_none() {
            self.ends.take(&self.text);
        }
        self.text.clear();
        self.shown = 0;
        while self.text.is_empty() && !self.ended {
            // The sample is decoded first; UTF-32 may have left an incomplete character.
            if self.input.len() < 4 {
                self.read_chunk()?;
            }
            if self.is_open && !self.input.is_ascii() {
                self.detect_encoding()?;
            }
            match &self.decoder {
                Decoder::Known(_) => self.decode_known(),
                Decoder::Utf32 { big_endian } => self.decode_utf32(*big_endian),
            }
        }
        Ok(())
    }

    /// Appends the next chunk to the bytes that are not yet decoded.
    fn read_chunk(&mut self) -> io::Result<()> {
        let waiting = self.input.len();
        self.input.resize(waiting + CHUNK_BYTES, 0);
        let read = self.raw.read(&mut self.input[waiting..]);
        self.input.truncate(waiting + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        Ok(())
    }

    /// Detects the encoding of a file that began with only ASCII, at its first other byte.
    fn detect_encoding(&mut self) -> io::Result<()> {
        let first = self
            .input
            .iter()
            .position(|byte| !byte.is_ascii())
            .unwrap_or_default();
        while !self.ended && self.input.len() < first + CHUNK_BYTES {
            self.read_chunk()?;
        }
        self.is_open = false;
        if let Ok((Charset::Known(encoding), guessed)) = by_shape("", &self.input, self.ended)
            && encoding.is_ascii_compatible()
        {
            self.decoder = Decoder::Known(Box::new(encoding.new_decoder_without_bom_handling()));
            (self.encoding, self.guessed) = (encoding.name(), guessed);
        }
        Ok(())
    }

    fn decode_known(&mut self) {
        let Decoder::Known(decoder) = &mut self.decoder else {
            unreachable!("asked for by its variant")
        };
        let mut taken = 0;
        loop {
            let rest = &self.input[taken..];
            let room = decoder.max_utf8_buffer_length_without_replacement(rest.len());
            self.text.reserve(room.unwrap_or(CHUNK_BYTES));
            let (result, read) =
                decoder.decode_to_string_without_replacement(rest, &mut self.text, self.ended);
            taken += read;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(bad, _) => {
                    self.undecodable += u64::from(bad);
                    self.first_undecodable
                        .get_or_insert_with(|| self.ends.before(&self.text) + 1);
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
        self.input.clear();
    }

    fn decode_utf32(&mut self, big_endian: bool) {
        let input = std::mem::take(&mut self.input);
        let complete = if self.ended {
            input.len()
        } else {
            input.len() / 4 * 4
        };
        for unit in input[..complete].chunks(4) {
            let number = <[u8; 4]>::try_from(unit).ok();
            let number = number.map(if big_endian {
                u32::from_be_bytes
            } else {
                u32::from_le_bytes
            });
            match number.and_then(char::from_u32) {
                Some(character) => self.text.push(character),
                None => {
                    self.undecodable += unit.len() as u64;
                    self.first_undecodable
                        .get_or_insert_with(|| self.ends.before(&self.text) + 1);
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
        self.input = input[complete..].to_vec();
    }
}

/// Counts the line ends (LF, CRLF and lone CR) of a text that arrives in pieces, as the line reader
/// does.
#[derive(Clone, Copy, Default)]
struct LineEnds {
    /// Number of line ends in the pieces taken so far.
    count: u64,
    after_return: bool,
}

impl LineEnds {
    /// Returns the count including `piece`, which is still growing, without changing `self`.
    fn before(mut self, piece: &str) -> u64 {
        self.take(piece);
        self.count
    }

    fn take(&mut self, piece: &str) {
        for byte in piece.bytes() {
            let second = byte == b'\n' && self.after_return;
            self.count += u64::from(matches!(byte, b'\n' | b'\r') && !second);
            self.after_return = byte == b'\r';
        }
    }
}

impl<R: Read> BufRead for Decoding<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.shown == self.text.len() {
            self.refill()?;
        }
        Ok(&self.text.as_bytes()[self.shown..])
    }

    fn consume(&mut self, amount: usize) {
        self.shown += amount;
    }
}

impl<R: Read> Read for Decoding<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}

#[cfg(test)]
mod tests;
