//! Properties of reading plain text: lines and documents.

use super::reading::{check_document, check_file};
use super::seeds;
use crate::reading::lines::{LineReader, Parsed};
use crate::{Document, InputFile, ReadOptions};
use fuzz::proptest::collection::vec;
use fuzz::proptest::sample::select;
use fuzz::{Bytes, Limits, Outcome, ensure, mutated, spliced_text};
use std::io::BufReader;

/// A document has a text and labels, each in an allocation of its own.
const LIMITS: Limits = Limits {
    base_bytes: 1 << 20,
    bytes_per_byte: 300,
};

const PIECES: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "__label__",
    "__label__x",
    "__label__é",
    "__lable__x",
    "__LABEL__",
    "\0",
    "\u{1b}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{202e}",
    "\u{200b}",
    "\u{200d}",
    "\u{ad}",
    "\u{3000}",
    "good",
    "日本",
    "e\u{301}",
    ",",
    ";",
    "🙂",
];

const BYTES: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\n",
    b"\t",
    b" ",
    b"__label__",
    b"__label__x",
    b"__label__\xc3\xa9",
    b"\0",
    b"\xff",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b",",
    b";",
    b"\"",
    b"|",
    b"{",
    b"[",
];

fn lines(text: &str, size: usize) -> Vec<(String, u64)> {
    let mut reader = LineReader::new(BufReader::with_capacity(size, text.as_bytes()));
    let mut lines = Vec::new();
    while let Some((line, number)) = reader.next().expect("memory") {
        lines.push((line.to_string(), number));
    }
    lines
}

fn parsed(lines: &[(String, u64)]) -> Vec<Document> {
    let mut parsed = Parsed::default();
    lines
        .iter()
        .filter_map(|(line, number)| parsed.line(line, *number))
        .collect()
}

#[test]
fn documents_do_not_depend_on_chunking() {
    let inputs = (spliced_text(PIECES, 200), 1..20_usize);
    fuzz::check("lines", 4000, &inputs, |(text, size)| {
        let whole = LIMITS.hold(text.len(), || parsed(&lines(&text, 1 << 16)))?;
        whole.iter().try_for_each(check_document)?;
        let pieces = parsed(&lines(&text, size));
        ensure(whole == pieces, || {
            format!("{whole:?} in pieces of {size} is {pieces:?}")
        })
    });
}

#[test]
fn lines_read_back_as_they_were_joined() {
    let line = ("[^\r\n]{0,12}", select(&["\n", "\r\n", "\r"][..]));
    fuzz::check("lines-joined", 4000, &vec(line, 0..20), |parts| {
        // CR, an empty line and LF would read back as a single CRLF.
        let is_open = |pair: &[(String, &str)]| {
            pair[0].1 == "\r" && pair[1].0.is_empty() && pair[1].1 == "\n"
        };
        if parts.windows(2).any(is_open) {
            return Ok(());
        }
        let text: String = parts
            .iter()
            .map(|(line, end)| format!("{line}{end}"))
            .collect();
        let expected: Vec<(String, u64)> =
            parts.into_iter().map(|(line, _)| line).zip(1..).collect();
        let found = lines(&text, 7);
        ensure(found == expected, || {
            format!("{text:?} has the lines {found:?}")
        })
    });
}

#[test]
fn any_file_is_read_or_refused() {
    let seeds = seeds::field(&[
        "train.txt",
        "test.txt",
        "SMSCollection",
        "two.txt",
        "label_bar.txt",
        "corpus.txt",
    ]);
    fuzz::check(
        "line-files",
        1200,
        &mutated(seeds, BYTES),
        |Bytes(bytes)| -> Outcome {
            check_file(
                &InputFile::in_memory("a.txt", bytes, None),
                &ReadOptions::default(),
            )
            .map(drop)
        },
    );
}
