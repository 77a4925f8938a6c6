//! Decodes the bytes of one file into documents and collects a warning for everything that the user
//! should know about the file. Does not know what the file is used for.

mod warnings;

use crate::document::Document;
use crate::error::DataError;
use crate::labels::label_map::Renaming;
use crate::packed::{Format, Unpacking};
use crate::reading::byte_source::{ByteSource, Converted, InputFile};
use crate::reading::encoding::{Decoding, SAMPLE_BYTES};
use crate::reading::lines::{Parsed, Taken};
use crate::reading::reader::RowReader;
use crate::reading::warning::Warning;
use crate::table::{self, DocumentColumns, ReadOptions, Shape};
use protocol::{Dropped, TableColumns};
use std::cell::Cell;
use std::io::{self, BufRead, Chain, Cursor, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

/// Result of reading a file, apart from its documents.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadFile {
    /// Name of the encoding that the file was decoded with.
    pub encoding: String,
    /// Skipped lines or rows, by reason.
    pub dropped: Vec<Dropped>,
    /// Columns of a table and how they are used; `None` for lines of text.
    pub columns: Option<TableColumns>,
    /// Columns that the documents were read from, if they have names.
    pub document_columns: Option<DocumentColumns>,
    /// Columns that look like labels, if no label column was used.
    pub label_candidates: Vec<String>,
    /// Labels of the label map that occurred in the file.
    pub renamed: Renaming,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

/// Reads one file and passes its documents to `sink` until it breaks. The file is never held in
/// memory as a whole.
///
/// # Errors
/// Returns an error if the file is empty, not text, damaged, lacks a column, holds no document, or
/// cannot be read. Documents before the error have already been passed on.
pub fn read_file(
    file: &InputFile,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Document) -> ControlFlow<()>,
) -> Result<ReadFile, DataError> {
    let mut rows = FileRows::open(file, options, false)?;
    while let Some(taken) = rows.next()? {
        if let Some(document) = taken.document
            && sink(document).is_break()
        {
            break;
        }
    }
    rows.finish()
}

/// Rows of an open file, read one at a time.
pub struct FileRows<'a> {
    file: &'a InputFile,
    options: &'a ReadOptions,
    bytes_read: Rc<Cell<u64>>,
    rows: RowReader<'a, Raw<'a>>,
    /// Detected shape: lines of text, a delimited table or JSON objects.
    pub shape: Shape,
    documents: u64,
    renaming: Renaming,
}

/// Bytes of a file, decompressed if necessary.
enum Raw<'a> {
    Plain(Begun<'a>),
    Packed(Box<Unpacking<Begun<'a>>>),
}

type Begun<'a> = Chain<Cursor<Vec<u8>>, Box<dyn Read + 'a>>;

impl Read for Raw<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.read(out),
            Self::Packed(raw) => raw.read(out),
        }
    }
}

/// Reader that counts the bytes read from `content`.
struct Counted<'a> {
    content: Box<dyn Read + 'a>,
    bytes: Rc<Cell<u64>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(out)?;
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
    }
}

impl<'a> FileRows<'a> {
    /// Opens `file`, decompresses and decodes it, and detects its shape. If `with_raw`, each row
    /// also carries its source text.
    ///
    /// # Errors
    /// Returns an error if it is empty, not text, damaged, or cannot be read.
    pub fn open(
        file: &'a InputFile,
        options: &'a ReadOptions,
        with_raw: bool,
    ) -> Result<Self, DataError> {
        let name = &file.name;
        let failed = |error: io::Error| DataError::reading(name, error);
        let bytes_read = Rc::new(Cell::new(0));
        let content = file.content.open().map_err(failed)?;
        let mut content: Box<dyn Read + 'a> = Box::new(Counted {
            content,
            bytes: Rc::clone(&bytes_read),
        });
        let start = first_bytes(&mut content, SAMPLE_BYTES).map_err(failed)?;
        let format = Format::of(&start);
        let stream = Cursor::new(start).chain(content);
        let mut raw = match format {
            Some(format) => Raw::Packed(Box::new(Unpacking::new(
                name,
                format,
                file.content.size(),
                stream,
            ))),
            None => Raw::Plain(stream),
        };
        let sample = first_bytes(&mut raw, SAMPLE_BYTES).map_err(failed)?;
        let is_whole = sample.len() < SAMPLE_BYTES;
        let requested = file.encoding.as_deref().or(options.encoding.as_deref());
        let forced = if file.converted.is_some() {
            Some("utf-8")
        } else {
            requested
        };
        let mut text = Decoding::new(name, sample, is_whole, raw, forced)?;
        let (head, is_whole) = head(&mut text, is_whole).map_err(failed)?;
        let shape = match file.converted {
            Some(Converted::Lines) => Shape::Lines,
            Some(Converted::Table) => table::shape_of_csv(&head, is_whole),
            None => table::shape_of(name, &head, is_whole, options),
        };
        if shape == Shape::Lines && options.wants_columns() {
            return Err(DataError::NotATable { file: name.into() });
        }
        let rows = RowReader::new(name, text, shape, options, with_raw).map_err(failed)?;
        Ok(Self {
            file,
            options,
            bytes_read,
            rows,
            shape,
            documents: 0,
            renaming: Renaming::default(),
        })
    }

    /// Returns the column names once the first row has been read; numbers if the table has no
    /// header.
    pub fn column_names(&self) -> &[String] {
        self.rows.column_names()
    }

    /// Returns whether the file begins with a byte order mark.
    pub fn has_mark(&self) -> bool {
        self.rows.text().is_marked
    }

    /// Returns the name of the file's encoding.
    pub fn encoding(&self) -> &'static str {
        self.rows.text().encoding
    }

    /// Returns the share of the file's bytes read so far, above 0 and at most 1.
    pub fn share_read(&self) -> f64 {
        let size = self.file.content.size().max(1);
        (self.bytes_read.get().clamp(1, size)) as f64 / size as f64
    }

    /// Returns the next row, or `None` at the end of the file.
    ///
    /// # Errors
    /// Returns an error if the file is damaged, lacks a column, or cannot be read.
    #[expect(clippy::should_implement_trait, reason = "it can fail")]
    pub fn next(&mut self) -> Result<Option<Taken>, DataError> {
        let mut taken = self
            .rows
            .next()
            .map_err(|error| DataError::reading(&self.file.name, error))?;
        if let Some(Taken {
            document: Some(document),
            ..
        }) = &mut taken
        {
            self.renaming
                .apply(&self.options.label_map, &mut document.labels);
            self.options.annotate(document);
        }
        self.documents += u64::from(taken.as_ref().is_some_and(|taken| taken.document.is_some()));
        Ok(taken)
    }

    #[cfg(test)]
    pub(crate) fn parsed(self) -> Parsed {
        self.rows.parsed()
    }

    /// Reads up to `max_documents` documents, within a fixed limit on the number of rows. Returns
    /// an empty vector at the end of the file.
    ///
    /// # Errors
    /// Same as [`Self::next`].
    pub fn chunk(&mut self, max_documents: usize) -> Result<Vec<Taken>, DataError> {
        let (mut chunk, mut documents) = (Vec::new(), 0);
        while documents < max_documents && chunk.len() < MAX_CHUNK_ROWS {
            let Some(taken) = self.next()? else { break };
            documents += usize::from(taken.document.is_some());
            chunk.push(taken);
        }
        Ok(chunk)
    }

    /// Returns the columns, skipped rows and warnings found so far.
    ///
    /// # Errors
    /// Returns an error if no document was read.
    pub fn finish(self) -> Result<ReadFile, DataError> {
        let name = &self.file.name;
        if self.documents == 0 {
            return Err(DataError::NoText { file: name.into() });
        }
        let text = self.rows.text();
        let mut warnings: Vec<Warning> = self
            .file
            .notes
            .iter()
            .map(|note| ("sheet", note.clone()))
            .collect();
        warnings.extend(match text.raw() {
            Raw::Packed(unpacking) => {
                warnings::packed(name, unpacking.format, unpacking.trailing())
            }
            Raw::Plain(_) => warnings::plain(name).into_iter().collect(),
        });
        warnings.extend(warnings::encoding(name, text));
        let encoding = text.encoding.into();
        let parsed = self.rows.parsed();
        warnings.extend(warnings::shape(
            self.file,
            self.shape,
            self.options,
            &parsed,
        ));
        warnings.extend(warnings::rows(name, &parsed));
        let Parsed { dropped, table, .. } = parsed;
        Ok(ReadFile {
            encoding,
            dropped,
            columns: table.columns,
            document_columns: table.document_columns,
            label_candidates: table.label_candidates,
            renamed: self.renaming,
            warnings,
        })
    }
}

/// Returns whether bytes are the start of a table or of JSON rather than of plain lines of text.
pub fn looks_like_table(start: &[u8], options: &ReadOptions) -> bool {
    let Ok(mut text) = Decoding::new(
        "stdin",
        start.to_vec(),
        false,
        io::empty(),
        options.encoding.as_deref(),
    ) else {
        return false;
    };
    let Ok((head, _)) = head(&mut text, false) else {
        return false;
    };
    table::shape_of("stdin", &head, false, options) != Shape::Lines
}

/// Returns the start of a text, at most [`HEAD_BYTES`] long, and whether that is the whole text.
fn head<R: Read>(text: &mut Decoding<R>, is_whole: bool) -> io::Result<(String, bool)> {
    let available = std::str::from_utf8(text.fill_buf()?).map_err(io::Error::other)?;
    let end = available.floor_char_boundary(HEAD_BYTES);
    Ok((available[..end].into(), is_whole && end == available.len()))
}

/// Number of bytes needed to recognise the compression format.
const START_BYTES: usize = 16;

/// Maximum rows of a chunk, including those without a document.
const MAX_CHUNK_ROWS: usize = 4096;

/// Number of bytes of text inspected to detect its shape.
const HEAD_BYTES: usize = 256 << 10;

/// Reads the first `limit` bytes, or fewer at the end of the input.
fn first_bytes(raw: &mut impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    raw.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens `content`, decompressing it if it is compressed. Read errors carry a [`DataError`] if the
/// compressed data is damaged.
///
/// # Errors
/// Returns an error if it cannot be opened.
pub fn unpacked(content: &dyn ByteSource) -> io::Result<Box<dyn Read + '_>> {
    let mut raw = content.open()?;
    let start = first_bytes(&mut raw, START_BYTES)?;
    let format = Format::of(&start);
    let raw = Cursor::new(start).chain(raw);
    Ok(match format {
        Some(format) => Box::new(Unpacking::new("the file", format, content.size(), raw)),
        None => Box::new(raw),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        name: &str,
        bytes: &[u8],
        options: &ReadOptions,
        found: &mut usize,
    ) -> Result<ReadFile, DataError> {
        read_file(
            &InputFile::in_memory(name, bytes, None),
            options,
            &mut |_| {
                *found += 1;
                ControlFlow::Continue(())
            },
        )
    }

    fn check(name: &str, bytes: &[u8], documents: usize, encoding: &str, warnings: &[&str]) {
        let mut found = 0;
        let read = read(name, bytes, &ReadOptions::default(), &mut found).expect("text");
        let codes: Vec<&str> = read.warnings.iter().map(|(code, _)| *code).collect();
        assert_eq!(
            (found, read.encoding.as_str(), codes.as_slice()),
            (documents, encoding, warnings)
        );
    }

    /// `one two` as gzip, made by Python's `gzip.compress(b"one two\n", mtime=0)`.
    const PACKED: &[u8] = &[
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 207, 75, 85, 40, 41, 207, 231, 2, 0, 67, 60, 203,
        153, 8, 0, 0, 0,
    ];

    #[test]
    fn recoverable_problems_are_warnings() {
        check("a.txt", b"one\r\ntwo\r\n", 2, "UTF-8", &[]);
        check("a.txt.GZ", PACKED, 1, "UTF-8", &[]);
        check("a.txt", PACKED, 1, "UTF-8", &["unnamed-gzip"]);
        check(
            "a.gz",
            &[PACKED, b"GARBAGE"].concat(),
            1,
            "UTF-8",
            &["trailing-bytes"],
        );
        check("a.gz", b"plain text", 1, "UTF-8", &["not-gzip"]);
        check(
            "a.txt",
            b"caf\xe9 caf\xe9 na\xefve d\xe9j\xe0 vu",
            1,
            "windows-1252",
            &["encoding-detected"],
        );
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
    fn files_without_documents_are_refused() {
        for (bytes, code) in [
            (&b""[..], "empty-file"),
            (b"\n\n\n", "no-text"),
            (b"__label__x\n", "no-text"),
            (&PACKED[..PACKED.len() - 4], "damaged-gzip"),
            (b"\x89PNG\r\n\x1a\n", "not-text"),
        ] {
            assert_eq!(
                read("a.gz", bytes, &ReadOptions::default(), &mut 0)
                    .expect_err("refused")
                    .code(),
                code
            );
        }
        assert_eq!(
            read(
                "a",
                b"x",
                &ReadOptions {
                    encoding: Some("nonsense".into()),
                    ..Default::default()
                },
                &mut 0
            )
            .expect_err("refused")
            .code(),
            "unknown-encoding"
        );
    }
}
