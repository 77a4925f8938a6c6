//! Bytes with a place, without saying where they lie: what is read, from its start and as often as needed, and what is
//! set aside while working. A host keeps them in memory, on a disk or in a browser's file.

use protocol::FileRole;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// The bytes of one file. [`Any`] lets a host find its own kind of file again.
pub trait ByteSource: Any {
    /// How many there are.
    fn size(&self) -> u64;

    /// Opens them at their start.
    ///
    /// # Errors
    /// When they cannot be read, or are no longer what they were.
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

/// Reads what a buffered reader has at hand: `Read` for a type that is written as [`BufRead`].
///
/// # Errors
/// When its source cannot be read.
pub(crate) fn read_buffered(reader: &mut impl BufRead, out: &mut [u8]) -> io::Result<usize> {
    let available = reader.fill_buf()?;
    let taken = available.len().min(out.len());
    out[..taken].copy_from_slice(&available[..taken]);
    reader.consume(taken);
    Ok(taken)
}

/// What an Office document was converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Converted {
    /// CSV as in RFC 4180.
    Table,
    /// A document per line.
    Lines,
}

/// One file as a host hands it over.
#[derive(Clone)]
pub struct InputFile {
    /// Name as the person sees it, with its folder where there is one.
    pub name: String,
    /// ByteSource, possibly packed.
    pub content: Rc<dyn ByteSource>,
    /// What it is for; `None`: by its name.
    pub role: Option<FileRole>,
    /// Its encoding, where that is known better than how files are read says.
    pub encoding: Option<String>,
    /// Of an archive: what files inside it are for, by their names with the archive's before them.
    pub member_roles: BTreeMap<String, FileRole>,
    /// What it was converted to, whatever it looks like; then it is UTF-8.
    pub converted: Option<Converted>,
    /// What a person should know of it, whatever is found when it is read.
    pub notes: Vec<String>,
}

impl InputFile {
    /// A file as a host has found it.
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

    /// A file whose bytes are at hand.
    pub fn held(
        name: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
        role: Option<FileRole>,
    ) -> Self {
        Self::new(name, Rc::new(bytes.into()), role)
    }

    /// The same file as text that was made of it.
    #[cfg(feature = "archives")]
    pub(crate) fn converted_to(&self, converted: Converted, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            converted: Some(converted),
            ..self.with_content(bytes)
        }
    }

    /// The same file with other bytes.
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

/// Bytes that stand still and are read in pieces.
pub trait ReadAt {
    /// Fills `out` with the bytes from `offset` on.
    ///
    /// # Errors
    /// When they are not there or cannot be read.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}

/// Bytes that are written once, from start to end, before they stand still.
pub trait TempStorage: ReadAt {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// When there is no room for them.
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

/// A scratch in memory, in blocks, so that it never needs twice its size to grow.
#[derive(Default)]
pub struct ChunkedBuffer(Vec<Vec<u8>>);

/// Bytes of a block.
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
    fn blocks_give_back_what_they_took() {
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
