//! Bytes with a place, without saying where they lie: what is read, from its start and as often as needed, and what is
//! set aside while working. A host keeps them in memory, on a disk or in a browser's file.

use protocol::FileRole;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;

/// The bytes of one file.
pub trait Content {
    /// How many there are.
    fn size(&self) -> u64;

    /// Opens them at their start.
    ///
    /// # Errors
    /// When they cannot be read, or are no longer what they were.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

impl Content for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.as_slice()))
    }
}

/// One file as a host hands it over.
#[derive(Clone)]
pub struct InputFile {
    /// Name as the person sees it, with its folder where there is one.
    pub name: String,
    /// Content, possibly packed with gzip.
    pub content: Rc<dyn Content>,
    /// What it is for; `None`: by its name.
    pub role: Option<FileRole>,
}

impl InputFile {
    /// A file whose bytes are at hand.
    pub fn held(name: impl Into<String>, bytes: impl Into<Vec<u8>>, role: Option<FileRole>) -> Self {
        Self { name: name.into(), content: Rc::new(bytes.into()), role }
    }
}

impl fmt::Debug for InputFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputFile").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// Bytes that stand still and are read in pieces.
pub trait Stored {
    /// Fills `out` with the bytes from `offset` on.
    ///
    /// # Errors
    /// When they are not there or cannot be read.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}

/// Bytes that are written once, from start to end, before they stand still.
pub trait Scratch: Stored {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// When there is no room for them.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl Stored for Vec<u8> {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = offset as usize;
        let bytes = self.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }
}

impl Scratch for Vec<u8> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}
