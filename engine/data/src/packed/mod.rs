//! Packed files. A stream (gzip, bzip2, xz) is unpacked as it is read; an archive, a workbook or a
//! Word document is replaced by the texts it contains.

#[cfg(feature = "archives")]
mod archive;
#[cfg(feature = "archives")]
mod budget;
mod gzip;
#[cfg(feature = "archives")]
mod names;
#[cfg(feature = "archives")]
mod open;
#[cfg(feature = "archives")]
mod promised;
mod stream;
#[cfg(feature = "archives")]
mod word;
#[cfg(feature = "archives")]
mod workbook;

pub(crate) use stream::{Format, Unpacking};

use crate::error::DataError;
use crate::reading::byte_source::{ByteSource, InputFile};
use protocol::{Message, message};
use std::io::{self, Read};

/// Maximum ratio of unpacked to packed size. Text packs 2:1 to 20:1 and deflate is limited to
/// 1,032:1; above this ratio a file is a decompression bomb or not worth training on.
const MAX_RATIO: u64 = 200;
/// Unpacked size, in bytes, up to which any ratio is harmless.
const RATIO_FREE_BYTES: u64 = 16 << 20;
/// The result of opening files that may contain others.
#[derive(Debug, Default)]
pub struct Opened {
    /// Readable files: unchanged, or extracted from an archive.
    pub files: Vec<InputFile>,
    /// The errors of files that could not be opened.
    pub refused: Vec<DataError>,
}

impl Opened {
    /// Returns the only text that the file `name` contained: the file itself, or the content of an
    /// archive with a single file.
    ///
    /// # Errors
    /// If the file is damaged, or contains no text or several.
    pub fn single(mut self, name: &str) -> Result<InputFile, DataError> {
        match (self.files.len(), self.refused.into_iter().next()) {
            (1, None) => Ok(self.files.remove(0)),
            (0 | 1, Some(error)) => Err(error),
            (files, _) => Err(DataError::SeveralFiles {
                file: name.into(),
                files,
            }),
        }
    }
}

/// Returns whether the content begins like an archive, a workbook or a Word document (ZIP).
///
/// # Errors
/// If the content cannot be read.
pub fn is_archive(content: &dyn ByteSource) -> io::Result<bool> {
    let mut start = Vec::new();
    content.open()?.take(4).read_to_end(&mut start)?;
    Ok(start == b"PK\x03\x04")
}

/// Returns a file name without its compression extension; `name` must be in lower case.
pub(crate) fn unpacked_name(name: &str) -> &str {
    Format::named(name)
        .and_then(|format| name.strip_suffix(format.ending()))
        .unwrap_or(name)
}

/// Returns whether `unpacked` bytes are more than text would expand to from `packed` bytes.
fn is_bomb(packed: u64, unpacked: u64) -> bool {
    unpacked > RATIO_FREE_BYTES && unpacked / MAX_RATIO > packed
}

fn ratio_limit() -> Message {
    message!("{ratio} times its size", ratio = MAX_RATIO)
}

/// Returns the error for a packed file that is damaged.
fn damaged(file: &str, format: &'static str, problem: Message) -> DataError {
    DataError::DamagedArchive {
        file: file.into(),
        format,
        problem,
    }
}

/// Returns the error for a file that unpacks to more than `limit`.
fn too_large(file: &str, format: &'static str, limit: Message) -> DataError {
    DataError::ArchiveTooLarge {
        file: file.into(),
        format,
        limit,
    }
}

#[cfg(all(test, feature = "archives"))]
mod tests;
