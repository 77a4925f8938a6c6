//! Properties of decoding bytes in any encoding to text.

use super::seeds;
use crate::reading::encoding::Decoding;
use fuzz::proptest::prelude::*;
use fuzz::{Bytes, Limits, Outcome, ensure, mutated};
use std::io::{self, BufRead, BufReader, Read};

/// A chunk of bytes, its text, and the copy that it is compared with.
const LIMITS: Limits = Limits {
    base_bytes: 2 << 20,
    bytes_per_byte: 20,
};

/// Byte sequences that matter for detecting or decoding an encoding.
const PIECES: &[&[u8]] = &[
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xff\xfe\0\0",
    b"\0\0\xfe\xff",
    b"\0",
    b"\0\0\0",
    b"\xd8\x00",
    b"\xdc\x00",
    b"\x00\xd8",
    b"\x1b$B",
    b"\x1b$@",
    b"\x1b(J",
    b"\x1b(B",
    b"\x81\x30\x81\x30",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc0\x80",
    b"\xe5\xa5",
    b"\xe9",
    b"\r",
    b"\n",
    b"\r\n",
    b"\x80",
    b"\xff",
    b"\x0e",
    b"\x1a",
    b"\x85",
    b"\xa4\xa4",
];

/// Encodings that differ in the number of bytes per character and in whether they are stateful.
const NAMES: [&str; 10] = [
    "utf-8",
    "utf-16le",
    "utf-16be",
    "utf-32le",
    "utf-32be",
    "windows-1252",
    "gb18030",
    "shift_jis",
    "iso-2022-jp",
    "big5",
];

fn texts() -> Vec<Vec<u8>> {
    let text = "Grüße, naïve 日本語 текст 🙂\r\nline two\rline three\n";
    let encoded = NAMES
        .iter()
        .filter_map(|name| encoding_rs::Encoding::for_label(name.as_bytes()));
    let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf32 = text
        .chars()
        .flat_map(|c| u32::from(c).to_be_bytes())
        .collect();
    let encoded = encoded.map(|encoding| encoding.encode(text).0.into_owned());
    encoded
        .chain([utf16, utf32])
        .chain(seeds::field(&["input.txt", "thai.txt", "gb.csv", "sj.csv"]))
        .collect()
}

/// Generates bytes, the index at which they are split, the number of bytes per read, and the forced
/// encoding.
fn inputs() -> impl Strategy<Value = (Bytes, prop::sample::Index, usize, Option<&'static str>)> {
    let name = prop_oneof![1 => Just(None), 2 => prop::sample::select(&NAMES[..]).prop_map(Some)];
    (
        mutated(texts(), PIECES),
        any::<prop::sample::Index>(),
        1..40_usize,
        name,
    )
}

/// Returns the complete text; each chunk must be valid UTF-8 by itself.
fn decoded(mut decoding: Decoding<impl Read>) -> String {
    let mut text = String::new();
    loop {
        let part = decoding.fill_buf().expect("memory");
        if part.is_empty() {
            return text;
        }
        text.push_str(std::str::from_utf8(part).expect("UTF-8"));
        let length = part.len();
        decoding.consume(length);
    }
}

#[test]
fn any_bytes_are_text_or_refused() {
    fuzz::check(
        "encodings",
        3000,
        &inputs(),
        |(Bytes(bytes), at, size, forced)| {
            let at = at.index(bytes.len() + 1);
            let single = LIMITS.hold(bytes.len(), || {
                Decoding::new("a", bytes.clone(), true, io::empty(), forced).map(decoded)
            })?;
            let chunked = LIMITS.hold(bytes.len(), || {
                let rest = BufReader::with_capacity(size, Slow(&bytes[at..], size));
                Decoding::new("a", bytes[..at].to_vec(), false, rest, forced).map(decoded)
            })?;
            match (single, chunked) {
                (Ok(single), Ok(chunked)) => {
                    same_where_named(&bytes[..at], forced, &single, &chunked)
                }
                (Err(error), _) | (_, Err(error)) => super::reading::check_error(&error),
            }
        },
    );
}

/// A reader that returns at most this many bytes at once.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let max_bytes = self.1.min(out.len());
        self.0.read(&mut out[..max_bytes])
    }
}

/// Checks that in a forced encoding the text does not depend on chunking; a byte order mark has to
/// be within the sample.
fn same_where_named(sample: &[u8], forced: Option<&str>, single: &str, chunked: &str) -> Outcome {
    let is_known = forced.is_some() && sample.len() >= 4;
    ensure(!is_known || single == chunked, || {
        format!("{single:?} in parts is {chunked:?}")
    })
}

#[test]
fn text_with_a_mark_decodes_to_itself() {
    let cases = ("\\PC{1,40}", 0..5_usize);
    fuzz::check("encodings-marked", 4000, &cases, |(text, form)| {
        let marked = format!("\u{feff}{text}");
        let bytes: Vec<u8> = match form {
            0 => marked.bytes().collect(),
            1 => marked.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            2 => marked.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            3 => marked
                .chars()
                .flat_map(|c| u32::from(c).to_le_bytes())
                .collect(),
            _ => marked
                .chars()
                .flat_map(|c| u32::from(c).to_be_bytes())
                .collect(),
        };
        match Decoding::new("a", bytes, true, io::empty(), None) {
            Ok(decoding) => ensure(decoded(decoding) == text, || {
                format!("{text:?} has changed")
            }),
            // A text may begin with the magic bytes of a binary format.
            Err(error) => ensure(error.code() == "not-text", || error.to_string()),
        }
    });
}
