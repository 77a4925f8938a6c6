//! Tests of encodings that are forced, detected, guessed or rejected.

use crate::reading::encoding::*;
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
        let Decoding {
            encoding,
            guessed,
            undecodable,
            first_undecodable,
            ..
        } = decoding;
        Self {
            text,
            encoding,
            guessed,
            undecodable,
            first_undecodable,
        }
    }
}

fn decode(name: &str, bytes: &[u8], forced: Option<&str>) -> Result<Decoded, DataError> {
    Ok(Decoding::new(name, bytes.to_vec(), true, io::empty(), forced)?.into())
}

#[test]
fn encoding_is_detected_at_the_first_non_ascii_byte() {
    let ascii = b"plain words\n".repeat(10);
    for (rest, encoding, guessed) in [
        ("café naïve déjà vu\n", "windows-1252", true),
        ("no more than that\n", "UTF-8", false),
    ] {
        let latin: Vec<u8> = rest.chars().map(|c| c as u8).collect();
        let decoding =
            Decoding::new("a", ascii.clone(), false, Dripping(&latin), None).expect("text");
        let text = String::from_utf8(ascii.clone()).expect("ASCII") + rest;
        let expected = Decoded {
            text,
            encoding,
            guessed,
            undecodable: 0,
            first_undecodable: None,
        };
        assert_eq!(Decoded::from(decoding), expected);
        // A forced encoding takes precedence.
        let forced = Decoding::new("a", ascii.clone(), false, Dripping(&latin), Some("utf-8"))
            .expect("text");
        assert_eq!(Decoded::from(forced).encoding, "UTF-8");
    }
    let utf8 =
        Decoding::new("a", ascii.clone(), false, Dripping("déjà".as_bytes()), None).expect("text");
    assert_eq!(Decoded::from(utf8).undecodable, 0);
}

/// A reader that returns one byte at a time.
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
fn decoding_does_not_depend_on_chunking() {
    let quad: Vec<u8> = "Wörld 🙂!"
        .chars()
        .flat_map(|c| u32::from(c).to_be_bytes())
        .chain([0, 0])
        .collect();
    for (bytes, label) in [
        ("Hello, Wörld! 好🙂\n".as_bytes(), "utf-8"),
        (b"a\xc0\xaf b\xf4\x90\x80\x80 end \xe5\xa5", "utf-8"),
        (
            &Encoding::for_label(b"gbk")
                .expect("known")
                .encode(CHINESE)
                .0,
            "gbk",
        ),
        (b"A\0\0\xD8B\0\x43", "utf-16le"),
        (&quad, "utf-32be"),
    ] {
        let expected = decode("a", bytes, Some(label)).expect("text");
        let (sample, rest) = bytes.split_at(5);
        let pieces =
            Decoding::new("a", sample.to_vec(), false, Dripping(rest), Some(label)).expect("text");
        assert_eq!(Decoded::from(pieces), expected, "{label}");
    }
}

#[test]
fn a_sample_that_ends_within_a_character_is_still_utf8() {
    let text = RUSSIAN.repeat(3);
    for cut in 40..60 {
        let decoding = Decoding::new(
            "a",
            text.as_bytes()[..cut].to_vec(),
            false,
            &text.as_bytes()[cut..],
            None,
        );
        let decoded = Decoded::from(decoding.expect("text"));
        assert_eq!(
            (decoded.encoding, decoded.guessed, decoded.text),
            ("UTF-8", false, text.clone())
        );
    }
}

const CHINESE: &str =
    "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。\n";
const TRADITIONAL: &str =
    "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神相對待。\n";
const JAPANESE: &str =
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。\n";
const KOREAN: &str = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.\n";
const RUSSIAN: &str = "Все люди рождаются свободными и равными в своем достоинстве и правах.\n";
const FRENCH: &str =
    "Tous les êtres humains naissent libres et égaux en dignité – “voilà” ça coûte 5 €.\n";

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
        assert_eq!(
            (decoded.encoding, decoded.guessed, decoded.undecodable),
            (name, true, 0)
        );
        assert_eq!(decoded.text, text);
    }
}

#[test]
fn unicode_is_detected_by_mark_or_by_zero_bytes() {
    let text = "Hello, Wörld! 好🙂\n".repeat(9);
    let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let quad: Vec<u8> = text
        .chars()
        .flat_map(|c| u32::from(c).to_le_bytes())
        .collect();
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
        assert_eq!(
            (decoded.encoding, decoded.guessed, decoded.text),
            (name, guessed, text.clone())
        );
    }
}

#[test]
fn invalid_bytes_are_replaced_and_counted() {
    for (bytes, text, undecodable, line) in [
        (&b"a\xc0\xaf b"[..], "a\u{fffd}\u{fffd} b", 2, 1),
        (
            b"x\xed\xa0\xbd\xed\xb8\x80y",
            "x\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}y",
            6,
            1,
        ),
        (
            b"a\n\xf4\x90\x80\x80b\n\xff",
            "a\n\u{fffd}\u{fffd}\u{fffd}\u{fffd}b\n\u{fffd}",
            5,
            2,
        ),
        (
            b"one\r\ntwo\rend \xe5\xa5",
            "one\r\ntwo\rend \u{fffd}",
            2,
            3,
        ),
        (
            b"\xFF\xFEA\0\n\0\0\xD8B\0\x43",
            "A\n\u{fffd}B\u{fffd}",
            3,
            2,
        ),
        (
            b"\xFF\xFE\0\0A\0\0\0\n\0\0\0\0\0\x11\0\0",
            "A\n\u{fffd}\u{fffd}",
            5,
            2,
        ),
    ] {
        let decoded = decode("a", bytes, None).expect("text");
        assert_eq!(
            (decoded.text.as_str(), decoded.undecodable),
            (text, undecodable),
            "{bytes:?}"
        );
        assert_eq!(decoded.first_undecodable, Some(line), "{bytes:?}");
    }
}

#[test]
fn a_forced_encoding_wins_and_must_exist() {
    let decoded = decode("a", "é".as_bytes(), Some("latin1")).expect("text");
    assert_eq!((decoded.text.as_str(), decoded.guessed), ("Ã©", false));
    assert_eq!(
        decode("a", b"\xEF\xBB\xBFx", Some("utf-8"))
            .expect("text")
            .text,
        "x"
    );
    assert_eq!(
        decode("a", b"x", Some("klingon"))
            .expect_err("refused")
            .code(),
        "unknown-encoding"
    );
}

#[test]
fn files_that_are_not_text_are_rejected_with_their_kind() {
    let mut locked = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    locked.extend(
        "Root Entry\0EncryptedPackage"
            .encode_utf16()
            .flat_map(u16::to_le_bytes),
    );
    let tar = [&[b'a'; 257][..], b"ustar\0"].concat();
    for (bytes, kind) in [
        (&b"\x89PNG\r\n\x1a\n1234"[..], "a PNG image"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04word/document.xml", "a ZIP archive"),
        (b"\0asm\x01\0\0\0", "a WebAssembly module"),
        (b"\x7fELF\x02", "a program (ELF)"),
        (b"ID3\x04\0\0", "an MP3 recording"),
        (&tar, "a TAR archive"),
        (
            b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and more",
            "an old Office document",
        ),
        (&locked, "an Office document with a password"),
        (&[0; 4096], "binary data"),
        (&[7, 200, 201, 6, 250, 3, 255, 99], "binary data"),
    ] {
        let expected = DataError::NotText {
            file: "a".into(),
            kind: Message::phrase(kind),
        };
        assert_eq!(decode("a", bytes, None), Err(expected));
    }
    assert!(decode("a", b"ID3 tags are fine", None).is_ok());
    assert!(decode("a", b"one \0 NUL in much text is fine", None).is_ok());
}
