//! Lines of a stream as they come: packed or not, in any encoding, so that `predict` can stand in a pipe and answer while
//! more is typed.

use crate::data::{Decoding, document_of};
use crate::error::Error;
use crate::native::output;
use std::io::{BufRead, BufReader, Read};

/// Lines that are answered together: enough to fill a batch, few enough to answer while more are typed.
pub const CHUNK_LINES: usize = 32;
/// Bytes of a line at most; what a model reads of it is a few hundred tokens.
const MAX_LINE_BYTES: u64 = 16 << 20;
/// How much of a stream the guess of its encoding looks at.
const SAMPLE_BYTES: usize = 64 << 10;

/// The text behind a reader of `name` that may be packed with gzip, with as much of it as is there ready to be looked at.
pub fn unpacked<'a>(
    name: &str,
    raw: Box<dyn Read + 'a>,
) -> Result<BufReader<Box<dyn Read + 'a>>, Error> {
    let mut raw = BufReader::with_capacity(SAMPLE_BYTES, raw);
    let start = raw
        .fill_buf()
        .map_err(|error| unreadable(name, 0, &error))?;
    if !start.starts_with(&[0x1f, 0x8b]) {
        return Ok(raw);
    }
    Ok(BufReader::with_capacity(
        SAMPLE_BYTES,
        Box::new(flate2::read::MultiGzDecoder::new(raw)),
    ))
}

/// The text of `name` in UTF-8, whatever its encoding.
pub fn decoded<'a>(
    name: &str,
    mut raw: BufReader<Box<dyn Read + 'a>>,
    forced: Option<&str>,
) -> Result<BufReader<Box<dyn Read + 'a>>, Error> {
    let sample = raw
        .fill_buf()
        .map_err(|error| unreadable(name, 0, &error))?
        .to_vec();
    if sample.is_empty() {
        return Ok(raw);
    }
    raw.consume(sample.len());
    let text = Decoding::new(name, sample, false, raw, forced)?;
    if text.guessed {
        output::to_people(&format!(
            "{name} seems to be {}; --encoding forces another.",
            text.encoding
        ));
    }
    Ok(BufReader::new(Box::new(text)))
}

/// Lines as they come, in chunks that do not wait for what has not been written yet.
pub struct Lines<R> {
    /// What is read.
    pub reader: BufReader<R>,
    /// What people call it.
    name: String,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Of the text of `name` in UTF-8, from its start.
    pub fn new(name: &str, reader: BufReader<R>) -> Self {
        Self {
            reader,
            name: name.into(),
            number: 0,
        }
    }

    /// The next lines with their numbers: as many as are there, at most [`CHUNK_LINES`]; none at the end.
    pub fn chunk(&mut self) -> Result<Vec<(u64, String)>, Error> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK_LINES
            && (chunk.is_empty() || self.reader.buffer().contains(&b'\n'))
        {
            match self.line()? {
                Some(line) => chunk.push(line),
                None => break,
            }
        }
        Ok(chunk)
    }

    fn line(&mut self) -> Result<Option<(u64, String)>, Error> {
        let mut bytes = Vec::new();
        let taken = self
            .reader
            .by_ref()
            .take(MAX_LINE_BYTES + 1)
            .read_until(b'\n', &mut bytes);
        let taken = taken.map_err(|error| unreadable(&self.name, self.number, &error))?;
        if taken == 0 {
            return Ok(None);
        }
        self.number += 1;
        if taken as u64 > MAX_LINE_BYTES {
            return Err(Error::Input {
                code: "line-too-long",
                message: format!(
                    "line {} of {} is longer than {} MiB",
                    self.number,
                    self.name,
                    MAX_LINE_BYTES >> 20
                ),
                hint: "Put one text on each line.".into(),
            });
        }
        Ok(Some((self.number, text_of(&bytes))))
    }
}

/// What a model reads of a line: the text without labels, cleaned as in training; nothing where there is no text.
fn text_of(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    // Only what ends a line is cut: a carriage return within would start a second document.
    let text = text
        .trim_start_matches('\u{feff}')
        .trim()
        .replace('\r', " ");
    document_of(&text)
        .map(|document| document.joined())
        .unwrap_or_default()
}

fn unreadable(name: &str, line: u64, error: &std::io::Error) -> Error {
    Error::Input {
        code: "unreadable-input",
        message: format!("{name} cannot be read after line {line}: {error}"),
        hint: "Check the file; all lines before were answered.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn all_lines(bytes: &[u8]) -> Vec<(u64, String)> {
        let reader =
            unpacked("stdin", Box::new(std::io::Cursor::new(bytes.to_vec()))).expect("readable");
        let mut lines = Lines::new("stdin", decoded("stdin", reader, None).expect("text"));
        std::iter::from_fn(|| {
            Some(lines.chunk().expect("readable")).filter(|chunk| !chunk.is_empty())
        })
        .flatten()
        .collect()
    }

    #[test]
    fn every_line_is_answered_under_its_number_and_without_its_labels() {
        let text = b"\xef\xbb\xbffirst\r\n\n  \nsecond __label__x __label__y\n__label__z\nbad \xff byte\na\tb __label__x\nlast";
        let lines = all_lines(text);
        let expected = [
            "first",
            "",
            "",
            "second",
            "",
            "bad \u{fffd} byte",
            "a\tb",
            "last",
        ];
        assert_eq!(
            lines
                .iter()
                .map(|(_, text)| text.as_str())
                .collect::<Vec<_>>(),
            expected
        );
        assert_eq!(
            lines.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
            (1..=8).collect::<Vec<_>>()
        );
    }

    #[test]
    fn other_encodings_are_found_and_a_line_is_no_file() {
        let german = "\u{fc}ber allen Gipfeln ist Ruh, in allen Wipfeln sp\u{fc}rest du kaum einen Hauch\n<svg line\n";
        let latin: Vec<u8> = german.chars().map(|c| c as u8).collect();
        let utf16: Vec<u8> = german.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [&[0xff, 0xfe][..], &utf16].concat();
        for bytes in [german.as_bytes(), &latin, &utf16, &marked] {
            let texts: Vec<String> = all_lines(bytes).into_iter().map(|(_, text)| text).collect();
            assert_eq!(texts, german.lines().collect::<Vec<_>>());
        }
        let picture = unpacked(
            "stdin",
            Box::new(std::io::Cursor::new(b"\x89PNG\r\n\x1a\n")),
        )
        .expect("readable");
        assert!(decoded("stdin", picture, None).is_err());
    }

    #[test]
    fn packed_input_is_unpacked_and_long_input_comes_in_chunks() {
        let text: String = (1..=100).map(|n| format!("line {n}\n")).collect();
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).expect("memory takes it");
        let packed = packer.finish().expect("memory takes it");
        for bytes in [text.as_bytes(), &packed] {
            let lines = all_lines(bytes);
            assert_eq!((lines.len(), lines[99].1.as_str()), (100, "line 100"));
        }
        let mut lines = Lines::new("stdin", BufReader::new(text.as_bytes()));
        assert_eq!(lines.chunk().expect("readable").len(), CHUNK_LINES);
        assert!(all_lines(b"").is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_is_told_with_its_file() {
        let long = vec![b'x'; MAX_LINE_BYTES as usize + 1];
        let error = Lines::new("a.txt", BufReader::new(&long[..]))
            .chunk()
            .expect_err("too long");
        assert_eq!(error.to_string(), "line 1 of a.txt is longer than 16 MiB");
    }
}
