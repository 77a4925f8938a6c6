//! Detects the encoding of bytes: by byte order mark, by name, by structure, or by a guess.
//! Recognises files that are not text by their first bytes.

use crate::error::DataError;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};
use protocol::{message, phrase};

/// An encoding that can be decoded.
#[derive(Clone, Copy, PartialEq)]
pub enum Charset {
    /// An encoding of the WHATWG Encoding Standard.
    Known(&'static Encoding),
    /// UTF-32, which the standard does not include.
    Utf32 {
        /// Whether the most significant byte comes first.
        big_endian: bool,
    },
}

/// Returns the encoding of a byte order mark at the start, and the length of the mark in bytes.
pub fn by_mark(bytes: &[u8]) -> (Option<Charset>, usize) {
    // UTF-32LE before UTF-16LE: the longer mark begins with the shorter one.
    const MARKS: [(&[u8], Charset); 5] = [
        (&[0xFF, 0xFE, 0, 0], Charset::Utf32 { big_endian: false }),
        (&[0, 0, 0xFE, 0xFF], Charset::Utf32 { big_endian: true }),
        (&[0xEF, 0xBB, 0xBF], Charset::Known(UTF_8)),
        (&[0xFF, 0xFE], Charset::Known(UTF_16LE)),
        (&[0xFE, 0xFF], Charset::Known(UTF_16BE)),
    ];
    let found = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark));
    found.map_or((None, 0), |(mark, charset)| (Some(*charset), mark.len()))
}

/// Returns the encoding with this label.
///
/// # Errors
/// If the label is unknown.
pub fn by_name(label: &str) -> Result<Charset, DataError> {
    match label.trim().to_ascii_lowercase().as_str() {
        "utf-32le" | "utf-32" => return Ok(Charset::Utf32 { big_endian: false }),
        "utf-32be" => return Ok(Charset::Utf32 { big_endian: true }),
        _ => {}
    }
    let encoding = Encoding::for_label_no_replacement(label.as_bytes());
    encoding
        .map(Charset::Known)
        .ok_or_else(|| DataError::UnknownEncoding { name: label.into() })
}

/// Detects the encoding of bytes that begin with `sample` and have no mark, and returns whether it
/// is a guess. `is_complete` means that nothing follows the sample.
///
/// # Errors
/// If the bytes are not text.
pub fn by_shape(
    name: &str,
    sample: &[u8],
    is_complete: bool,
) -> Result<(Charset, bool), DataError> {
    if let Some(encoding) = utf16_by_zeros(sample) {
        return Ok((Charset::Known(encoding), true));
    }
    let valid = match std::str::from_utf8(sample) {
        Ok(_) => true,
        // The sample may end within a character.
        Err(error) => !is_complete && error.error_len().is_none(),
    };
    if looks_binary(sample, valid) {
        return Err(DataError::NotText {
            file: name.into(),
            kind: message!("binary data"),
        });
    }
    // The last line may be truncated too, and with it an escape sequence.
    let end = sample
        .iter()
        .rposition(|&byte| byte == b'\n')
        .filter(|_| !is_complete)
        .map_or(sample.len(), |end| end + 1);
    if valid && !is_iso_2022_jp(&sample[..end]) {
        return Ok((Charset::Known(UTF_8), false));
    }
    if !valid && mostly_utf8(sample) {
        return Ok((Charset::Known(UTF_8), false));
    }
    Ok((Charset::Known(likely_encoding(sample)), true))
}

/// Guesses the encoding of bytes that are not UTF-8.
pub fn likely_encoding(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// Detects UTF-16 of mostly Latin text by a zero in every second byte, which no other text has.
fn utf16_by_zeros(sample: &[u8]) -> Option<&'static Encoding> {
    let half = (sample.len() / 2).max(1);
    let zeros = |parity: usize| {
        sample
            .iter()
            .skip(parity)
            .step_by(2)
            .filter(|&&byte| byte == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let (many, few) = (half * 3 / 10, half / 20);
    match () {
        () if odd > many && even <= few => Some(UTF_16LE),
        () if even > many && odd <= few => Some(UTF_16BE),
        () => None,
    }
}

/// Returns whether there are too many control bytes for text. In valid UTF-8 only NUL counts; other
/// control characters are reported, but the file is accepted.
fn looks_binary(sample: &[u8], valid_utf8: bool) -> bool {
    let nuls = sample.iter().filter(|&&byte| byte == 0).count();
    let controls = sample
        .iter()
        .filter(|&&byte| byte < 0x20 && !matches!(byte, b'\t'..=b'\r' | 0x1b))
        .count();
    if valid_utf8 {
        nuls * 10 > sample.len()
    } else {
        controls * 50 > sample.len()
    }
}

/// Returns whether ASCII bytes contain escape sequences that switch to Japanese character sets (RFC
/// 1468), and are otherwise valid.
fn is_iso_2022_jp(bytes: &[u8]) -> bool {
    let escapes: [&[u8]; 3] = [b"\x1b$B", b"\x1b$@", b"\x1b(J"];
    let found = bytes.is_ascii() && bytes.windows(3).any(|window| escapes.contains(&window));
    found
        && ISO_2022_JP
            .decode_without_bom_handling_and_without_replacement(bytes)
            .is_some()
}

/// Returns whether most bytes of 0x80 and above are in sequences shaped like UTF-8: such a file is
/// damaged UTF-8, not another encoding.
fn mostly_utf8(sample: &[u8]) -> bool {
    let (mut shaped, mut high, mut at) = (0, 0, 0);
    while at < sample.len() {
        let length = utf8_shape(&sample[at..]);
        if sample[at] >= 0x80 {
            high += length.max(1);
            shaped += length;
        }
        at += length.max(1);
    }
    // Legacy Chinese, Japanese and Korean encodings stay below one half; see the tests.
    high == 0 || shaped * 10 >= high * 7
}

/// Returns the length of the UTF-8-like sequence at the start of `bytes`, or 0 if there is none.
/// Overlong sequences and one truncated by the end of `bytes` count.
fn utf8_shape(bytes: &[u8]) -> usize {
    let length = match bytes[0] {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => return 0,
    };
    let present = bytes.len().min(length);
    if bytes[1..present]
        .iter()
        .all(|byte| (0x80..0xC0).contains(byte))
    {
        present
    } else {
        0
    }
}

/// Returns the kind of a file whose first bytes show that it is not training text.
pub fn binary_kind(bytes: &[u8]) -> Option<&'static str> {
    let is = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let find = |kinds: &[(usize, &[u8], &'static str)]| {
        kinds
            .iter()
            .find(|(at, magic, _)| is(*at, magic))
            .map(|(_, _, kind)| *kind)
    };
    // A text may well begin with "ID3" or "BZh"; the binary formats have a zero byte soon after.
    let zero = bytes.iter().take(1024).any(|&byte| byte == 0);
    match find(&CERTAIN).or_else(|| if zero { find(&WITH_ZEROS) } else { None }) {
        Some(OLD_OFFICE) if is_encrypted(bytes) => {
            Some(phrase!("an Office document with a password"))
        }
        kind => kind,
    }
}

/// The kind of a compound file (MS-CFB).
const OLD_OFFICE: &str = phrase!("an old Office document");

/// Returns whether a compound file has the stream that holds a password-protected Office document
/// (MS-OFFCRYPTO 2.3.4.4).
fn is_encrypted(bytes: &[u8]) -> bool {
    let stream: Vec<u8> = "EncryptedPackage"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    bytes
        .windows(stream.len())
        .step_by(2)
        .any(|window| window == stream)
}

/// Offset, magic bytes and kind of formats that no plain text resembles, or that are text
/// themselves (SVG, RTF).
const CERTAIN: [(usize, &[u8], &str); 22] = [
    (0, b"\x89PNG\r\n\x1a\n", phrase!("a PNG image")),
    (0, b"\xFF\xD8\xFF", phrase!("a JPEG image")),
    (0, b"<svg", phrase!("an SVG image")),
    (0, b"%PDF-", phrase!("a PDF document")),
    (0, b"{\\rtf", phrase!("an RTF document")),
    (0, b"PK\x03\x04", phrase!("a ZIP archive")),
    (0, b"PK\x05\x06", phrase!("an empty ZIP archive")),
    (0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", OLD_OFFICE),
    (0, b"\x1f\x8b", phrase!("a nested or damaged gzip archive")),
    (0, b"\xFD7zXZ\0", phrase!("an xz archive")),
    (0, b"\x28\xB5\x2F\xFD", phrase!("a zstd archive")),
    (0, b"7z\xBC\xAF\x27\x1C", phrase!("a 7-Zip archive")),
    (0, b"Rar!\x1A\x07", phrase!("a RAR archive")),
    (0, b"\0asm", phrase!("a WebAssembly module")),
    (0, b"\x7fELF", phrase!("a program (ELF)")),
    (0, b"\xCF\xFA\xED\xFE", phrase!("a program (Mach-O)")),
    (0, b"MZ\x90\0", phrase!("a Windows program")),
    (0, b"SQLite format 3\0", phrase!("an SQLite database")),
    (0, b"PAR1\x15", phrase!("a Parquet file")),
    (0, b"ARROW1", "an Arrow file"),
    (0, b"\x89HDF\r\n\x1a\n", phrase!("an HDF5 file")),
    (257, b"ustar", phrase!("a TAR archive")),
];

/// Offset, magic bytes and kind of formats that a text could resemble.
const WITH_ZEROS: [(usize, &[u8], &str); 8] = [
    (0, b"GIF8", phrase!("a GIF image")),
    (8, b"WEBP", phrase!("a WebP image")),
    (0, b"BZh", phrase!("a bzip2 archive")),
    (0, b"PAR1", phrase!("a Parquet file")),
    (0, b"GGUF", phrase!("a GGUF model")),
    (0, b"ID3", phrase!("an MP3 recording")),
    (0, b"OggS", phrase!("an Ogg recording")),
    (4, b"ftyp", phrase!("a video")),
];
