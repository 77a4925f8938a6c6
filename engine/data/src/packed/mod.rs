//! Packed files. A stream (gzip, bzip2, xz) is unpacked as it is read; an archive, a workbook or a Word document is
//! replaced by the texts in it.

#[cfg(feature = "archives")]
mod archive;
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

use crate::byte_source::{ByteSource, InputFile};
use crate::error::DataError;
use std::io::{self, Read};

/// Text packs 2:1 to 20:1; deflate's limit is 1,032:1. Above this ratio it is a bomb or not worth training on.
const MAX_RATIO: u64 = 200;
/// Below this size any ratio is harmless.
const RATIO_FREE_BYTES: u64 = 16 << 20;
/// What became of files that may hold others.
#[derive(Debug, Default)]
pub struct Opened {
    /// Those that can be read: as they were, or from inside an archive.
    pub files: Vec<InputFile>,
    /// Why others could not be opened.
    pub refused: Vec<DataError>,
}

impl Opened {
    /// The one text that the file `name` held: itself, or what was in an archive of one file.
    ///
    /// # Errors
    /// When it is damaged, or holds no text or several.
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

/// Whether the bytes begin as an archive, a workbook or a Word document does.
///
/// # Errors
/// When they cannot be read.
pub fn is_archive(content: &dyn ByteSource) -> io::Result<bool> {
    let mut start = Vec::new();
    content.open()?.take(4).read_to_end(&mut start)?;
    Ok(start == b"PK\x03\x04")
}

/// The name that a file has when it is unpacked; in lower case.
pub(crate) fn unpacked_name(name: &str) -> &str {
    Format::named(name)
        .and_then(|format| name.strip_suffix(format.ending()))
        .unwrap_or(name)
}

/// Whether so many unpacked bytes are more than text gives.
fn is_bomb(packed: u64, unpacked: u64) -> bool {
    unpacked > RATIO_FREE_BYTES && unpacked / MAX_RATIO > packed
}

fn ratio_limit() -> String {
    format!("{MAX_RATIO} times its size")
}

/// An error for a file whose packing is broken.
fn damaged(file: &str, format: &'static str, problem: impl Into<String>) -> DataError {
    DataError::DamagedArchive {
        file: file.into(),
        format,
        problem: problem.into(),
    }
}

/// An error for a file that unpacks to more than `limit`.
fn too_large(file: &str, format: &'static str, limit: String) -> DataError {
    DataError::ArchiveTooLarge {
        file: file.into(),
        format,
        limit,
    }
}

#[cfg(all(test, feature = "archives"))]
mod tests;
