//! Which encoding bytes are in: by their mark, by a name that was given, by their shape, or as a guess; and by their first
//! bytes, that they are no text.

use crate::error::DataError;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

/// An encoding that can be decoded.
#[derive(Clone, Copy, PartialEq)]
pub enum Charset {
    /// One of the Encoding Standard's.
    Known(&'static Encoding),
    /// UTF-32, which that leaves out.
    Utf32 {
        /// Which byte comes first.
        big_endian: bool,
    },
}

/// The encoding that a mark at the start tells, and the mark's length.
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

/// The encoding of that name.
///
/// # Errors
/// When nobody knows it.
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

/// The encoding of bytes that begin with `sample`, carry no mark and end there if it is `whole`, and whether it is a
/// guess.
///
/// # Errors
/// When the bytes are not text.
pub fn by_shape(name: &str, sample: &[u8], whole: bool) -> Result<(Charset, bool), DataError> {
    if let Some(encoding) = utf16_by_zeros(sample) {
        return Ok((Charset::Known(encoding), true));
    }
    let valid = match std::str::from_utf8(sample) {
        Ok(_) => true,
        // The sample may end within a character.
        Err(error) => !whole && error.error_len().is_none(),
    };
    if looks_binary(sample, valid) {
        return Err(DataError::NotText {
            file: name.into(),
            kind: "binary data".into(),
        });
    }
    // A line may be cut off too, and with it a sequence of escapes.
    let end = sample
        .iter()
        .rposition(|&byte| byte == b'\n')
        .filter(|_| !whole)
        .map_or(sample.len(), |end| end + 1);
    if valid && !is_iso_2022_jp(&sample[..end]) {
        return Ok((Charset::Known(UTF_8), false));
    }
    if !valid && mostly_utf8(sample) {
        return Ok((Charset::Known(UTF_8), false));
    }
    Ok((Charset::Known(guess(sample)), true))
}

/// The encoding that bytes seem to be in which are not UTF-8.
pub fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// UTF-16 of mostly Latin text has a zero in every second byte; no other text has.
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

/// Whether control bytes are too many for text. Valid UTF-8 may hold any but NUL: they are reported, not refused.
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

/// Escape sequences that switch to Japanese character sets (RFC 1468), in text without other surprises.
fn is_iso_2022_jp(bytes: &[u8]) -> bool {
    let escapes: [&[u8]; 3] = [b"\x1b$B", b"\x1b$@", b"\x1b(J"];
    let found = bytes.is_ascii() && bytes.windows(3).any(|window| escapes.contains(&window));
    found
        && ISO_2022_JP
            .decode_without_bom_handling_and_without_replacement(bytes)
            .is_some()
}

/// Whether most high bytes stand in sequences shaped like UTF-8: such a file is damaged UTF-8, not another encoding.
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
    // Chinese, Japanese and Korean legacy text stays below a half; see the tests.
    high == 0 || shaped * 10 >= high * 7
}

/// Length of the UTF-8-like sequence at the start of `bytes`, overlong ones and one cut off by the end included; 0
/// where there is none.
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

/// What a file is whose first bytes tell that it is not text for training.
pub fn binary_kind(bytes: &[u8]) -> Option<&'static str> {
    let is = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let find = |kinds: &[(usize, &[u8], &'static str)]| {
        kinds
            .iter()
            .find(|(at, magic, _)| is(*at, magic))
            .map(|(_, _, kind)| *kind)
    };
    // A text may well begin with "ID3" or "BZh"; the binary formats of that name hold a zero soon after.
    let zero = bytes.iter().take(1024).any(|&byte| byte == 0);
    match find(&CERTAIN).or_else(|| if zero { find(&WITH_ZEROS) } else { None }) {
        Some(OLD_OFFICE) if is_encrypted(bytes) => Some("an Office document with a password"),
        kind => kind,
    }
}

/// A compound file (MS-CFB).
const OLD_OFFICE: &str = "an old Office document";

/// Whether a compound file has the stream that an Office document with a password is kept in (MS-OFFCRYPTO 2.3.4.4).
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

/// Offset and first bytes that no text has, or that tell a document format that happens to be text.
const CERTAIN: [(usize, &[u8], &str); 22] = [
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xFF\xD8\xFF", "a JPEG image"),
    (0, b"<svg", "an SVG image"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", OLD_OFFICE),
    (0, b"\x1f\x8b", "a nested or damaged gzip archive"),
    (0, b"\xFD7zXZ\0", "an xz archive"),
    (0, b"\x28\xB5\x2F\xFD", "a zstd archive"),
    (0, b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
    (0, b"Rar!\x1A\x07", "a RAR archive"),
    (0, b"\0asm", "a WebAssembly module"),
    (0, b"\x7fELF", "a program (ELF)"),
    (0, b"\xCF\xFA\xED\xFE", "a program (Mach-O)"),
    (0, b"MZ\x90\0", "a Windows program"),
    (0, b"SQLite format 3\0", "an SQLite database"),
    (0, b"PAR1\x15", "a Parquet file"),
    (0, b"ARROW1", "an Arrow file"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (257, b"ustar", "a TAR archive"),
];

/// First bytes that a text could have too.
const WITH_ZEROS: [(usize, &[u8], &str); 8] = [
    (0, b"GIF8", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"PAR1", "a Parquet file"),
    (0, b"GGUF", "a GGUF model"),
    (0, b"ID3", "an MP3 recording"),
    (0, b"OggS", "an Ogg recording"),
    (4, b"ftyp", "a video"),
];
