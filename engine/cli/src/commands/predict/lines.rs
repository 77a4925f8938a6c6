//! Reads lines from a stream as they arrive, gzipped or not and in any encoding, so that `predict`
//! can run in a pipe and answer while more input is typed.

use crate::terminal::output;
use data::{Decoding, document_of};
use engine::error::Error;
use protocol::message;
use std::io::{BufRead, BufReader, Read};

/// Maximum number of lines that are predicted together: enough for a batch, few enough to answer
/// while more are typed.
pub const CHUNK_LINES: usize = 32;
/// Maximum length of a line in bytes; a model reads only a few hundred tokens of it.
const MAX_LINE_BYTES: u64 = 16 << 20;
/// Number of bytes at the start of a stream from which its encoding is detected.
const SAMPLE_BYTES: usize = 64 << 10;

/// Returns a reader that decompresses `raw` if it is gzipped. Its buffer holds enough bytes for
/// encoding detection. `name` is for error messages.
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

/// Decodes the text of `name` to UTF-8, from the detected encoding or from `forced`.
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
        output::print_stderr(&format!(
            "{name} was read as {}; if that is wrong, set --encoding.",
            text.encoding
        ));
    }
    Ok(BufReader::new(Box::new(text)))
}

/// Lines of a stream, in chunks that do not wait for input that has not arrived yet.
pub struct Lines<R> {
    /// The stream, as UTF-8.
    pub reader: BufReader<R>,
    /// Name of the stream in error messages.
    name: String,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Creates a reader of the lines of `name` from its start.
    pub fn new(name: &str, reader: BufReader<R>) -> Self {
        Self {
            reader,
            name: name.into(),
            number: 0,
        }
    }

    /// Returns the next lines with their line numbers: those that have arrived, at least one and at
    /// most [`CHUNK_LINES`]. Empty at the end of the stream.
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
        let bytes_read = self
            .reader
            .by_ref()
            .take(MAX_LINE_BYTES + 1)
            .read_until(b'\n', &mut bytes);
        let bytes_read = bytes_read.map_err(|error| unreadable(&self.name, self.number, &error))?;
        if bytes_read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if bytes_read as u64 > MAX_LINE_BYTES {
            return Err(Error::Input {
                code: "line-too-long",
                message: message!(
                    "line {number} of {name} is longer than {value} MiB",
                    number = self.number,
                    name = self.name,
                    value = MAX_LINE_BYTES >> 20
                ),
                hint: message!("Put one document on each line."),
            });
        }
        Ok(Some((self.number, text_of(&bytes))))
    }
}

/// Returns the text of a line without labels, cleaned as in training. Empty if there is no text.
fn text_of(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    // A carriage return inside the line would start a second document.
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
        message: message!(
            "{name} cannot be read after line {line}: {error}",
            name,
            line,
            error = error.to_string()
        ),
        hint: message!("Check the file; all earlier lines were processed."),
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
    fn lines_keep_their_numbers_and_lose_their_labels() {
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
    fn encodings_are_detected_and_images_are_refused() {
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
    fn gzip_is_decompressed_and_long_input_comes_in_chunks() {
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
    fn a_line_that_is_too_long_is_reported_with_its_file() {
        let long = vec![b'x'; MAX_LINE_BYTES as usize + 1];
        let error = Lines::new("a.txt", BufReader::new(&long[..]))
            .chunk()
            .expect_err("too long");
        assert_eq!(error.to_string(), "line 1 of a.txt is longer than 16 MiB");
    }
}
