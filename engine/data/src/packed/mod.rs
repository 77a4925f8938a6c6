//! Packed files. A stream (gzip, bzip2, xz) is unpacked as it is read; an archive, a workbook or a Word document is
//! replaced by the texts in it.

mod archive;
mod gzip;
mod stream;
mod word;
mod workbook;

pub(crate) use stream::{Format, Unpacking};

use crate::content::InputFile;
use crate::error::DataError;

/// Text packs 2:1 to 20:1; deflate's limit is 1,032:1. Above this ratio it is a bomb or not worth training on.
const MAX_RATIO: u64 = 200;
/// Below this size any ratio is harmless.
const RATIO_FREE_BYTES: u64 = 16 << 20;
/// Archives inside archives that are opened: a folder of Word documents, packed, is one.
const MAX_DEPTH: usize = 2;

/// What became of files that may hold others.
#[derive(Debug, Default)]
pub struct Opened {
    /// Those that can be read: as they were, or from inside an archive.
    pub files: Vec<InputFile>,
    /// Why others could not be opened.
    pub refused: Vec<DataError>,
}

impl Opened {
    /// Replaces each archive, workbook and Word document by the texts in it.
    pub fn new(files: &[InputFile]) -> Self {
        let mut opened = Self::default();
        files.iter().for_each(|file| opened.take(file.clone(), MAX_DEPTH));
        opened
    }

    fn take(&mut self, file: InputFile, depth: usize) {
        match archive::members(&file) {
            Ok(None) => self.files.push(file),
            Ok(Some(_)) if depth == 0 => {
                let kind = "an archive inside others".into();
                self.refused.push(DataError::NotText { file: file.name, kind });
            }
            Ok(Some(members)) => members.into_iter().for_each(|member| {
                let role = file.member_roles.get(&member.name).copied().or(member.role);
                self.take(InputFile { role, ..member }, depth - 1);
            }),
            Err(error) => self.refused.push(error),
        }
    }
}

/// The one text that `file` holds: itself, or what is in an archive of one file.
///
/// # Errors
/// When it is damaged, or holds no text or several.
pub fn opened_one(file: InputFile) -> Result<InputFile, DataError> {
    let name = file.name.clone();
    let Opened { mut files, refused } = Opened::new(&[file]);
    match (files.len(), refused.into_iter().next()) {
        (1, _) => Ok(files.remove(0)),
        (0, Some(error)) => Err(error),
        (files, _) => Err(DataError::SeveralFiles { file: name, files }),
    }
}

/// The name that a file has when it is unpacked; in lower case.
pub(crate) fn unpacked_name(name: &str) -> &str {
    Format::named(name).and_then(|format| name.strip_suffix(format.ending())).unwrap_or(name)
}

/// Whether so many unpacked bytes are more than text gives.
fn is_bomb(packed: u64, unpacked: u64) -> bool {
    unpacked > RATIO_FREE_BYTES && unpacked / MAX_RATIO > packed
}

/// An error for a file whose packing is broken.
fn damaged(file: &str, format: &'static str, problem: impl Into<String>) -> DataError {
    DataError::DamagedArchive { file: file.into(), format, problem: problem.into() }
}

/// An error for a file that unpacks to far more than text does.
fn too_large(file: &str, format: &'static str) -> DataError {
    DataError::ArchiveTooLarge { file: file.into(), format, limit: format!("{MAX_RATIO} times its size") }
}

#[cfg(test)]
mod tests;
