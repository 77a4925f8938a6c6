//! One file's bytes -> documents, with a warning for everything a person should know about it. It does not know what
//! the file is for.

use super::corpus::Document;
use super::encoding::{self, Decoded};
use super::error::{DataError, quoted};
use super::gzip;
use super::lines::{self, Parsed};
use super::table::{self, ReadOptions};
use protocol::Dropped;

/// A nuisance: a stable name and a sentence. The run goes on.
pub type Warning = (&'static str, String);

/// What one file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadFile {
    /// In the order of their lines.
    pub documents: Vec<Document>,
    /// Encoding it was read in.
    pub encoding: String,
    /// Lines left out, by reason.
    pub dropped: Vec<Dropped>,
    /// What a person should know.
    pub warnings: Vec<Warning>,
}

/// Reads one file: unpacks, decodes, and splits it into documents: a table by its name's ending, else lines of text.
///
/// # Errors
/// When it is empty, not text, damaged, too large, lacks a column, or holds no document.
pub fn read_file(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<ReadFile, DataError> {
    let forced_encoding = options.encoding.as_deref();
    if bytes.len() as u64 > gzip::MAX_TEXT_BYTES {
        return Err(DataError::FileTooLarge { file: name.into(), limit: gzip::MAX_TEXT_BYTES });
    }
    let mut warnings = Vec::new();
    let decoded = if gzip::is_gzip(bytes) {
        let unpacked = gzip::unpack(name, bytes)?;
        warnings.extend(gzip_warning(name, unpacked.trailing));
        encoding::decode(name, &unpacked.bytes, forced_encoding)?
    } else {
        warnings.extend(plain_warning(name));
        encoding::decode(name, bytes, forced_encoding)?
    };
    warnings.extend(encoding_warnings(name, &decoded));
    let parsed = match table::form_of(name) {
        Some(form) => table::parse(name, &decoded.text, form, options)?,
        None => lines::parse(&decoded.text),
    };
    warnings.extend(line_warnings(name, &parsed));
    if parsed.documents.is_empty() {
        return Err(DataError::NoText { file: name.into() });
    }
    let Parsed { documents, dropped, .. } = parsed;
    Ok(ReadFile { documents, encoding: decoded.encoding.into(), dropped, warnings })
}

/// `bytes` as they are, or unpacked where they are gzip.
///
/// # Errors
/// When they are damaged, or unpack to far more than text does.
pub fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, DataError> {
    if gzip::is_gzip(&bytes) { Ok(gzip::unpack("the file", &bytes)?.bytes) } else { Ok(bytes) }
}

fn has_gzip_name(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".gz")
}

fn gzip_warning(name: &str, trailing: usize) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !has_gzip_name(name) {
        warnings.push(("unnamed-gzip", format!("{} is packed with gzip; it was unpacked", quoted(name))));
    }
    if trailing > 0 {
        let message = format!("{} ends in {trailing} bytes that are not gzip; they were ignored", quoted(name));
        warnings.push(("trailing-bytes", message));
    }
    warnings
}

fn plain_warning(name: &str) -> Option<Warning> {
    has_gzip_name(name).then(|| ("not-gzip", format!("{} is not packed; it was read as plain text", quoted(name))))
}

fn encoding_warnings(name: &str, decoded: &Decoded) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (file, encoding) = (quoted(name), decoded.encoding);
    if decoded.guessed {
        let message = format!("{file} seems to be {encoding}; where its text looks wrong, --encoding forces another");
        warnings.push(("encoding-detected", message));
    }
    if let Some(first) = decoded.first_undecodable {
        let count = decoded.undecodable;
        let message = format!("{file} has {count} bytes that {encoding} does not allow, the first at offset {first}");
        warnings.push(("undecodable-bytes", message));
    }
    warnings
}

fn line_warnings(name: &str, parsed: &Parsed) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let file = quoted(name);
    if parsed.controls > 0 {
        let message = format!("{file} has {} control characters; each became a space", parsed.controls);
        warnings.push(("control-characters", message));
    }
    if parsed.unnamed_labels > 0 {
        let message = format!("{file} has {} labels without a name; they were ignored", parsed.unnamed_labels);
        warnings.push(("unnamed-labels", message));
    }
    if parsed.long_labels > 0 {
        let message = format!("{file} has {} labels of more than 200 characters; they were cut", parsed.long_labels);
        warnings.push(("long-labels", message));
    }
    if parsed.bidi {
        warnings.push(("bidi-characters", format!("{file} has characters that turn the direction of the text")));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, bytes: &[u8], documents: usize, encoding: &str, warnings: &[&str]) {
        let read = read_file(name, bytes, &ReadOptions::default()).expect("text");
        let codes: Vec<&str> = read.warnings.iter().map(|(code, _)| *code).collect();
        assert_eq!((read.documents.len(), read.encoding.as_str(), codes.as_slice()), (documents, encoding, warnings));
    }

    /// `one two` as gzip, made by Python's `gzip.compress(b"one two\n", mtime=0)`.
    const PACKED: &[u8] =
        &[31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 207, 75, 85, 40, 41, 207, 231, 2, 0, 67, 60, 203, 153, 8, 0, 0, 0];

    #[test]
    fn a_nuisance_is_a_warning() {
        check("a.txt", b"one\r\ntwo\r\n", 2, "UTF-8", &[]);
        check("a.txt.GZ", PACKED, 1, "UTF-8", &[]);
        check("a.txt", PACKED, 1, "UTF-8", &["unnamed-gzip"]);
        check("a.gz", &[PACKED, b"GARBAGE"].concat(), 1, "UTF-8", &["trailing-bytes"]);
        check("a.gz", b"plain text", 1, "UTF-8", &["not-gzip"]);
        check("a.txt", b"caf\xe9 caf\xe9 na\xefve d\xe9j\xe0 vu", 1, "windows-1252", &["encoding-detected"]);
        check(
            "a.txt",
            "déjà \u{202e} \u{7} __label__".as_bytes(),
            1,
            "UTF-8",
            &["control-characters", "unnamed-labels", "bidi-characters"],
        );
        check("a.txt", b"end \xe5\xa5", 1, "UTF-8", &["undecodable-bytes"]);
    }

    #[test]
    fn what_holds_no_document_is_refused() {
        for (bytes, code) in [
            (&b""[..], "empty-file"),
            (b"\n\n\n", "no-text"),
            (b"__label__x\n", "no-text"),
            (&PACKED[..PACKED.len() - 4], "damaged-gzip"),
            (b"\x89PNG\r\n\x1a\n", "not-text"),
        ] {
            assert_eq!(read_file("a.gz", bytes, &ReadOptions::default()).expect_err("refused").code(), code);
        }
        assert_eq!(
            read_file("a", b"x", &ReadOptions { encoding: Some("nonsense".into()), ..Default::default() })
                .expect_err("refused")
                .code(),
            "unknown-encoding"
        );
    }
}
