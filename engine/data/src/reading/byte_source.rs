//! Storage traits for bytes: input files that can be read repeatedly, and temporary storage for
//! encoded data. Hosts implement them over memory, disks or browser files.

use protocol::{FileRole, Message};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// Bytes of one file. The [`Any`] supertrait lets a host downcast to its own type.
pub trait ByteSource: Any {
    /// Returns the size in bytes.
    fn size(&self) -> u64;

    /// Opens a reader at the first byte.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or has changed since it was added.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

impl ByteSource for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.as_slice()))
    }
}

/// Implements `Read::read` for a [`BufRead`] type by copying from its buffer.
///
/// # Errors
/// Returns an error if the underlying source cannot be read.
pub(crate) fn read_buffered(reader: &mut impl BufRead, out: &mut [u8]) -> io::Result<usize> {
    let available = reader.fill_buf()?;
    let taken = available.len().min(out.len());
    out[..taken].copy_from_slice(&available[..taken]);
    reader.consume(taken);
    Ok(taken)
}

/// Format that an Office document was converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Converted {
    /// Comma-separated values as in RFC 4180.
    Table,
    /// Plain text, one document per line.
    Lines,
}

/// One input file as provided by a host.
#[derive(Clone)]
pub struct InputFile {
    /// Name shown to the user, including its folder if it has one.
    pub name: String,
    /// Content, possibly compressed.
    pub content: Rc<dyn ByteSource>,
    /// What the file is used for; inferred from its name if `None`.
    pub role: Option<FileRole>,
    /// Encoding of this file, if known; takes precedence over the read options.
    pub encoding: Option<String>,
    /// For an archive: roles of its members, by member name prefixed with the archive's name.
    pub member_roles: BTreeMap<String, FileRole>,
    /// Set if the content was converted from an Office document; it is then UTF-8 and its format is
    /// not detected.
    pub converted: Option<Converted>,
    /// Notes that are reported as warnings when the file is read.
    pub notes: Vec<Message>,
}

impl InputFile {
    /// Creates a file with a detected encoding and no notes.
    pub fn new(
        name: impl Into<String>,
        content: Rc<dyn ByteSource>,
        role: Option<FileRole>,
    ) -> Self {
        Self {
            name: name.into(),
            content,
            role,
            encoding: None,
            member_roles: BTreeMap::new(),
            converted: None,
            notes: Vec::new(),
        }
    }

    /// Creates a file from bytes in memory.
    pub fn in_memory(
        name: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
        role: Option<FileRole>,
    ) -> Self {
        Self::new(name, Rc::new(bytes.into()), role)
    }

    /// Returns a copy with converted content.
    #[cfg(feature = "archives")]
    pub(crate) fn converted_to(&self, converted: Converted, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            converted: Some(converted),
            ..self.with_content(bytes)
        }
    }

    /// Returns a copy with other content.
    #[cfg(feature = "archives")]
    pub(crate) fn with_content(&self, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            content: Rc::new(bytes.into()),
            ..self.clone()
        }
    }
}

impl fmt::Debug for InputFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputFile")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Immutable bytes with random access.
pub trait ReadAt {
    /// Fills `out` with the bytes starting at `offset`.
    ///
    /// # Errors
    /// Returns an error if the range is out of bounds or cannot be read.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}

/// Append-only storage that can be read back at any offset.
pub trait TempStorage: ReadAt {
    /// Appends bytes at the end.
    ///
    /// # Errors
    /// Returns an error if there is no space left.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = offset as usize;
        let bytes = self
            .get(from..from + out.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }
}

/// [`TempStorage`] in memory, in fixed-size blocks so that growing never copies existing data.
#[derive(Default)]
pub struct ChunkedBuffer(Vec<Vec<u8>>);

/// Size of a block in bytes.
const BLOCK_BYTES: usize = 1 << 20;

impl TempStorage for ChunkedBuffer {
    fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.0.last().is_none_or(|block| block.len() == BLOCK_BYTES) {
                self.0.push(Vec::new());
            }
            let block = self.0.last_mut().expect("just made sure of");
            let (taken, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - block.len()));
            block.extend_from_slice(taken);
            bytes = rest;
        }
        Ok(())
    }
}

impl ReadAt for ChunkedBuffer {
    fn read_at(&self, offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        let mut from = offset as usize;
        while !out.is_empty() {
            let block = self
                .0
                .get(from / BLOCK_BYTES)
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            let bytes = block
                .get(from % BLOCK_BYTES..)
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            let taken = bytes.len().min(out.len());
            if taken == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (filled, rest) = out.split_at_mut(taken);
            filled.copy_from_slice(&bytes[..taken]);
            (from, out) = (from + taken, rest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunked_buffer_returns_appended_bytes() {
        let bytes: Vec<u8> = (0..2 * BLOCK_BYTES + 1000)
            .map(|i| (i / 1000) as u8)
            .collect();
        let mut blocks = ChunkedBuffer::default();
        bytes
            .chunks(300_007)
            .for_each(|chunk| blocks.append(chunk).expect("memory"));
        for (from, length) in [
            (0, bytes.len()),
            (BLOCK_BYTES - 3, 7),
            (BLOCK_BYTES, BLOCK_BYTES),
            (bytes.len(), 0),
        ] {
            let mut out = vec![0; length];
            blocks.read_at(from as u64, &mut out).expect("there");
            assert!(out == bytes[from..from + length], "{from} {length}");
        }
        for from in [bytes.len() - 3, bytes.len() + 2, 4 * BLOCK_BYTES] {
            assert!(blocks.read_at(from as u64, &mut [0; 4]).is_err(), "{from}");
        }
    }
}
