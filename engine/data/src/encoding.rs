//! Bytes -> text: byte order marks, UTF-8, UTF-16 without a mark, ISO-2022-JP, and a guess for the rest; files that are
//! not text are refused by name. It knows nothing of lines or labels.
//!
//! Sources: the WHATWG Encoding Standard (decoders, U+FFFD per maximal subpart) through `encoding_rs`; `chardetng` for
//! the guess.

mod detect;

use crate::error::DataError;
use detect::{Charset, binary_kind, by_mark, by_name, by_shape};
use encoding_rs::DecoderResult;
use std::io::{self, BufRead, Read};

/// The encoding that bytes seem to be in which are not UTF-8.
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
    pub fn new(name: &str, mut sample: Vec<u8>, whole: bool, raw: R, forced: Option<&str>) -> Result<Self, DataError> {
        if let Some(kind) = binary_kind(&sample) {
            return Err(DataError::NotText { file: name.into(), kind: kind.into() });
        }
        let (marked, mark) = by_mark(&sample);
        let (charset, guessed) = match (forced, marked) {
            (Some(label), _) => (by_name(label)?, false),
            // UTF-32 is so rare that a person should look.
            (None, Some(charset)) => (charset, matches!(charset, Charset::Utf32 { .. })),
            (None, None) => by_shape(name, &sample, whole)?,
        };
        let is_utf8 = charset == Charset::Known(encoding_rs::UTF_8);
        let is_open = forced.is_none() && marked.is_none() && is_utf8 && !whole && sample.is_ascii();
        let skipped = if marked == Some(charset) { mark } else { 0 };
        if whole && sample.len() == skipped {
            return Err(DataError::EmptyFile { file: name.into() });
        }
        sample.drain(..skipped);
        let (decoder, encoding) = match charset {
            Charset::Known(encoding) => {
                (Decoder::Known(Box::new(encoding.new_decoder_without_bom_handling())), encoding.name())
            }
            Charset::Utf32 { big_endian } => {
                (Decoder::Utf32 { big_endian }, if big_endian { "UTF-32BE" } else { "UTF-32LE" })
            }
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
        let first = self.input.iter().position(|byte| !byte.is_ascii()).unwrap_or_default();
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
        let Decoder::Known(decoder) = &mut self.decoder else { unreachable!("asked for by its variant") };
        let mut taken = 0;
        loop {
            let rest = &self.input[taken..];
            let room = decoder.max_utf8_buffer_length_without_replacement(rest.len());
            self.text.reserve(room.unwrap_or(CHUNK_BYTES));
            let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut self.text, self.ended);
            taken += read;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(bad, _) => {
                    self.undecodable += u64::from(bad);
                    self.first_undecodable.get_or_insert_with(|| self.ends.before(&self.text) + 1);
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
        self.input.clear();
    }

    fn decode_utf32(&mut self, big_endian: bool) {
        let input = std::mem::take(&mut self.input);
        let whole = if self.ended { input.len() } else { input.len() / 4 * 4 };
        for unit in input[..whole].chunks(4) {
            let number = <[u8; 4]>::try_from(unit).ok();
            let number = number.map(if big_endian { u32::from_be_bytes } else { u32::from_le_bytes });
            match number.and_then(char::from_u32) {
                Some(character) => self.text.push(character),
                None => {
                    self.undecodable += unit.len() as u64;
                    self.first_undecodable.get_or_insert_with(|| self.ends.before(&self.text) + 1);
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
        let available = self.fill_buf()?;
        let taken = available.len().min(out.len());
        out[..taken].copy_from_slice(&available[..taken]);
        self.consume(taken);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::Encoding;

    #[derive(Debug, PartialEq)]
    struct Decoded {
        text: String,
        encoding: &'static str,
        guessed: bool,
        undecodable: u64,
        first_undecodable: Option<u64>,
    }

    impl<R: Read> From<Decoding<R>> for Decoded {
        fn from(mut decoding: Decoding<R>) -> Self {
            let mut text = String::new();
            decoding.read_to_string(&mut text).expect("memory");
            let Decoding { encoding, guessed, undecodable, first_undecodable, .. } = decoding;
            Self { text, encoding, guessed, undecodable, first_undecodable }
        }
    }

    fn decode(name: &str, bytes: &[u8], forced: Option<&str>) -> Result<Decoded, DataError> {
        Ok(Decoding::new(name, bytes.to_vec(), true, io::empty(), forced)?.into())
    }

    #[test]
    fn a_file_that_begins_with_ascii_is_judged_where_that_ends() {
        let ascii = b"plain words\n".repeat(10);
        for (rest, encoding, guessed) in
            [("café naïve déjà vu\n", "windows-1252", true), ("no more than that\n", "UTF-8", false)]
        {
            let latin: Vec<u8> = rest.chars().map(|c| c as u8).collect();
            let decoding = Decoding::new("a", ascii.clone(), false, Dripping(&latin), None).expect("text");
            let text = String::from_utf8(ascii.clone()).expect("ASCII") + rest;
            let expected = Decoded { text, encoding, guessed, undecodable: 0, first_undecodable: None };
            assert_eq!(Decoded::from(decoding), expected);
            // What a person says counts.
            let forced = Decoding::new("a", ascii.clone(), false, Dripping(&latin), Some("utf-8")).expect("text");
            assert_eq!(Decoded::from(forced).encoding, "UTF-8");
        }
        let utf8 = Decoding::new("a", ascii.clone(), false, Dripping("déjà".as_bytes()), None).expect("text");
        assert_eq!(Decoded::from(utf8).undecodable, 0);
    }

    /// Reads a byte at a time.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let taken = self.0.len().min(out.len()).min(1);
            out[..taken].copy_from_slice(&self.0[..taken]);
            self.0 = &self.0[taken..];
            Ok(taken)
        }
    }

    #[test]
    fn text_in_pieces_is_the_same_text() {
        let quad: Vec<u8> = "Wörld 🙂!".chars().flat_map(|c| u32::from(c).to_be_bytes()).chain([0, 0]).collect();
        for (bytes, label) in [
            ("Hello, Wörld! 好🙂\n".as_bytes(), "utf-8"),
            (b"a\xc0\xaf b\xf4\x90\x80\x80 end \xe5\xa5", "utf-8"),
            (&Encoding::for_label(b"gbk").expect("known").encode(CHINESE).0, "gbk"),
            (b"A\0\0\xD8B\0\x43", "utf-16le"),
            (&quad, "utf-32be"),
        ] {
            let whole = decode("a", bytes, Some(label)).expect("text");
            let (sample, rest) = bytes.split_at(5);
            let pieces = Decoding::new("a", sample.to_vec(), false, Dripping(rest), Some(label)).expect("text");
            assert_eq!(Decoded::from(pieces), whole, "{label}");
        }
    }

    #[test]
    fn a_sample_that_ends_within_a_character_is_still_utf8() {
        let text = RUSSIAN.repeat(3);
        for cut in 40..60 {
            let decoding = Decoding::new("a", text.as_bytes()[..cut].to_vec(), false, &text.as_bytes()[cut..], None);
            let decoded = Decoded::from(decoding.expect("text"));
            assert_eq!((decoded.encoding, decoded.guessed, decoded.text), ("UTF-8", false, text.clone()));
        }
    }

    const CHINESE: &str = "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。\n";
    const TRADITIONAL: &str = "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神相對待。\n";
    const JAPANESE: &str = "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。\n";
    const KOREAN: &str = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.\n";
    const RUSSIAN: &str = "Все люди рождаются свободными и равными в своем достоинстве и правах.\n";
    const FRENCH: &str = "Tous les êtres humains naissent libres et égaux en dignité – “voilà” ça coûte 5 €.\n";

    #[test]
    fn text_in_any_common_encoding_is_read_and_named() {
        for (text, label, name) in [
            (CHINESE, "gbk", "GBK"),
            (TRADITIONAL, "big5", "Big5"),
            (JAPANESE, "shift_jis", "Shift_JIS"),
            (JAPANESE, "euc-jp", "EUC-JP"),
            (JAPANESE, "iso-2022-jp", "ISO-2022-JP"),
            (KOREAN, "euc-kr", "EUC-KR"),
            (RUSSIAN, "koi8-r", "KOI8-U"),
            (RUSSIAN, "windows-1251", "windows-1251"),
            (FRENCH, "windows-1252", "windows-1252"),
        ] {
            let text = text.repeat(20);
            let encoding = Encoding::for_label(label.as_bytes()).expect("known");
            let decoded = decode("a", &encoding.encode(&text).0, None).expect("text");
            assert_eq!((decoded.encoding, decoded.guessed, decoded.undecodable), (name, true, 0));
            assert_eq!(decoded.text, text);
        }
    }

    #[test]
    fn unicode_is_told_by_its_mark_or_by_its_zeros() {
        let text = "Hello, Wörld! 好🙂\n".repeat(9);
        let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let quad: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        let (little, big) = (wide(u16::to_le_bytes), wide(u16::to_be_bytes));
        for (bytes, name, guessed) in [
            (text.as_bytes().to_vec(), "UTF-8", false),
            ([b"\xEF\xBB\xBF", text.as_bytes()].concat(), "UTF-8", false),
            ([b"\xFF\xFE", &little[..]].concat(), "UTF-16LE", false),
            ([b"\xFE\xFF", &big[..]].concat(), "UTF-16BE", false),
            (little, "UTF-16LE", true),
            (big, "UTF-16BE", true),
            ([b"\xFF\xFE\0\0", &quad[..]].concat(), "UTF-32LE", true),
        ] {
            let decoded = decode("a", &bytes, None).expect("text");
            assert_eq!((decoded.encoding, decoded.guessed, decoded.text), (name, guessed, text.clone()));
        }
    }

    #[test]
    fn damaged_unicode_keeps_its_encoding_and_is_counted() {
        for (bytes, text, undecodable, line) in [
            (&b"a\xc0\xaf b"[..], "a\u{fffd}\u{fffd} b", 2, 1),
            (b"x\xed\xa0\xbd\xed\xb8\x80y", "x\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}y", 6, 1),
            (b"a\n\xf4\x90\x80\x80b\n\xff", "a\n\u{fffd}\u{fffd}\u{fffd}\u{fffd}b\n\u{fffd}", 5, 2),
            (b"one\r\ntwo\rend \xe5\xa5", "one\r\ntwo\rend \u{fffd}", 2, 3),
            (b"\xFF\xFEA\0\n\0\0\xD8B\0\x43", "A\n\u{fffd}B\u{fffd}", 3, 2),
            (b"\xFF\xFE\0\0A\0\0\0\n\0\0\0\0\0\x11\0\0", "A\n\u{fffd}\u{fffd}", 5, 2),
        ] {
            let decoded = decode("a", bytes, None).expect("text");
            assert_eq!((decoded.text.as_str(), decoded.undecodable), (text, undecodable), "{bytes:?}");
            assert_eq!(decoded.first_undecodable, Some(line), "{bytes:?}");
        }
    }

    #[test]
    fn a_forced_encoding_wins_and_must_exist() {
        let decoded = decode("a", "é".as_bytes(), Some("latin1")).expect("text");
        assert_eq!((decoded.text.as_str(), decoded.guessed), ("Ã©", false));
        assert_eq!(decode("a", b"\xEF\xBB\xBFx", Some("utf-8")).expect("text").text, "x");
        assert_eq!(decode("a", b"x", Some("klingon")).expect_err("refused").code(), "unknown-encoding");
    }

    #[test]
    fn what_is_not_text_is_refused_by_name() {
        let tar = [&[b'a'; 257][..], b"ustar\0"].concat();
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n1234"[..], "a PNG image"),
            (b"%PDF-1.7\n", "a PDF document"),
            (b"PK\x03\x04word/document.xml", "a ZIP archive"),
            (b"\0asm\x01\0\0\0", "a WebAssembly module"),
            (b"\x7fELF\x02", "a program (ELF)"),
            (b"ID3\x04\0\0", "an MP3 recording"),
            (&tar, "a TAR archive"),
            (&[0; 4096], "binary data"),
            (&[7, 200, 201, 6, 250, 3, 255, 99], "binary data"),
        ] {
            let expected = DataError::NotText { file: "a".into(), kind: kind.into() };
            assert_eq!(decode("a", bytes, None), Err(expected));
        }
        assert!(decode("a", b"ID3 tags are fine", None).is_ok());
        assert!(decode("a", b"one \0 NUL in much text is fine", None).is_ok());
    }
}
