//! Bytes -> text: byte order marks, UTF-8, UTF-16 without a mark, ISO-2022-JP, and a guess for the rest; files that are
//! not text are refused by name. It knows nothing of lines or labels.
//!
//! Sources: the WHATWG Encoding Standard (decoders, U+FFFD per maximal subpart) through `encoding_rs`; `chardetng` for
//! the guess.

mod detect;

use crate::byte_source::read_buffered;
use crate::error::DataError;
use detect::{Charset, binary_kind, by_mark, by_name, by_shape};
use encoding_rs::DecoderResult;
use std::io::{self, BufRead, Read};

/// The encoding that bytes seem to be in which are not UTF-8.
#[cfg(feature = "archives")]
pub(crate) fn guess(bytes: &[u8]) -> &'static encoding_rs::Encoding {
    detect::guess(bytes)
}

/// How many bytes the guesses look at, at most: what a reader should hand over as a sample.
pub const SAMPLE_BYTES: usize = 1 << 20;
/// Bytes decoded between two looks at the source.
const CHUNK_BYTES: usize = 64 << 10;

/// Text as it comes out of bytes: UTF-8 whatever its encoding, without byte order mark, U+FFFD for what is none.
pub struct Decoding<R> {
    raw: R,
    decoder: Decoder,
    /// Bytes that wait.
    input: Vec<u8>,
    text: String,
    shown: usize,
    ended: bool,
    /// Name of the encoding.
    pub encoding: &'static str,
    /// Whether a byte order mark stands at the start.
    pub is_marked: bool,
    /// Whether the encoding may be wrong, so that a person should look.
    pub guessed: bool,
    /// Whether all bytes so far were ASCII, which says nothing of those to come.
    is_open: bool,
    /// Bytes so far that the encoding does not allow.
    pub undecodable: u64,
    /// In which line the first of them stands, from 1.
    pub first_undecodable: Option<u64>,
    ends: LineEnds,
}

/// What turns bytes into characters; UTF-32 is no encoding of the web's standard.
enum Decoder {
    Known(Box<encoding_rs::Decoder>),
    Utf32 { big_endian: bool },
}

impl<R: Read> Decoding<R> {
    /// Decodes what begins with `sample` and goes on in `raw`, in the encoding that `forced` names, where it does.
    /// `whole` tells that nothing follows the sample. `name` is the file's, for errors.
    ///
    /// # Errors
    /// When it is empty or not text, or nobody knows the forced encoding.
    pub fn new(
        name: &str,
        mut sample: Vec<u8>,
        whole: bool,
        raw: R,
        forced: Option<&str>,
    ) -> Result<Self, DataError> {
        if let Some(kind) = binary_kind(&sample) {
            return Err(DataError::NotText {
                file: name.into(),
                kind: kind.into(),
            });
        }
        let (marked, mark) = by_mark(&sample);
        let (charset, guessed) = match (forced, marked) {
            (Some(label), _) => (by_name(label)?, false),
            // UTF-32 is so rare that a person should look.
            (None, Some(charset)) => (charset, matches!(charset, Charset::Utf32 { .. })),
            (None, None) => by_shape(name, &sample, whole)?,
        };
        let is_utf8 = charset == Charset::Known(encoding_rs::UTF_8);
        let is_open =
            forced.is_none() && marked.is_none() && is_utf8 && !whole && sample.is_ascii();
        let skipped = if marked == Some(charset) { mark } else { 0 };
        if whole && sample.len() == skipped {
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

    /// Where the bytes come from.
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
            // The sample is decoded first; UTF-32 may have left the beginning of a character.
            if self.input.len() < 4 {
                self.read_chunk()?;
            }
            if self.is_open && !self.input.is_ascii() {
                self.settle()?;
            }
            match &self.decoder {
                Decoder::Known(_) => self.decode_known(),
                Decoder::Utf32 { big_endian } => self.decode_utf32(*big_endian),
            }
        }
        Ok(())
    }

    /// Adds the next bytes to those that wait.
    fn read_chunk(&mut self) -> io::Result<()> {
        let waiting = self.input.len();
        self.input.resize(waiting + CHUNK_BYTES, 0);
        let read = self.raw.read(&mut self.input[waiting..]);
        self.input.truncate(waiting + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        Ok(())
    }

    /// Finds the encoding of a file that began with nothing but ASCII, at its first other byte.
    fn settle(&mut self) -> io::Result<()> {
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
        let whole = if self.ended {
            input.len()
        } else {
            input.len() / 4 * 4
        };
        for unit in input[..whole].chunks(4) {
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
        self.input = input[whole..].to_vec();
    }
}

/// Counts the line ends of a text that comes in pieces: LF, CRLF and a lone CR, as lines are read.
#[derive(Clone, Copy, Default)]
struct LineEnds {
    /// Those of the pieces that are over.
    count: u64,
    after_return: bool,
}

impl LineEnds {
    /// How many there are up to the end of `piece`, which is not over yet.
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
