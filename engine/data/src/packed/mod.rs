//! Packed files. A stream (gzip, bzip2, xz) is unpacked as it is read; an archive, a workbook or a Word document is
//! replaced by the texts in it.

mod archive;
mod gzip;
mod names;
mod stream;
mod word;
#[cfg(not(target_arch = "wasm32"))]
mod workbook;

pub use archive::is_archive;
pub(crate) use stream::{Format, Unpacking};

use crate::content::InputFile;
use crate::error::DataError;

/// Text packs 2:1 to 20:1; deflate's limit is 1,032:1. Above this ratio it is a bomb or not worth training on.
const MAX_RATIO: u64 = 200;
/// Below this size any ratio is harmless.
const RATIO_FREE_BYTES: u64 = 16 << 20;
/// Bytes that archives may hold in all: they stay in memory.
const MAX_BYTES: u64 = 1 << 30;
/// Archives inside archives that are opened: a folder of Word documents, packed, is one.
const MAX_DEPTH: usize = 2;

/// What became of files that may hold others.
#[derive(Debug, Default)]
pub struct Opened {
    /// Those that can be read: as they were, or from inside an archive.
    pub files: Vec<InputFile>,
    /// Why others could not be opened.
    pub refused: Vec<DataError>,
    unpacked: u64,
}

impl Opened {
    /// Replaces each archive, workbook and Word document by the texts in it.
    pub fn new(files: &[InputFile]) -> Self {
        let mut opened = Self::default();
        for file in files {
            let mut budget = Budget { packed: file.content.size(), before: opened.unpacked, unpacked: 0 };
            opened.take(file.clone(), MAX_DEPTH, &mut budget);
            opened.unpacked += budget.unpacked;
        }
        opened
    }

    fn take(&mut self, file: InputFile, depth: usize, budget: &mut Budget) {
        match is_archive(&*file.content) {
            Ok(false) => return self.files.push(file),
            Ok(true) if depth > 0 => {}
            Ok(true) => {
                let kind = "an archive inside others".into();
                return self.refused.push(DataError::NotText { file: file.name, kind });
            }
            Err(error) => return self.refused.push(DataError::reading(&file.name, error)),
        }
        match archive::members(&file, budget) {
            Ok(members) => members.into_iter().for_each(|member| {
                let role = file.member_roles.get(&member.name).copied().or(member.role);
                let member = InputFile { role, ..member };
                if member.converted.is_some() { self.files.push(member) } else { self.take(member, depth - 1, budget) }
            }),
            Err(error) => self.refused.push(error),
        }
    }
}

/// The one text that `file` holds: itself, or what is in an archive of one file.
///
/// # Errors
/// When it is damaged, or holds no text or several.
pub fn open_single(file: InputFile) -> Result<InputFile, DataError> {
    let name = file.name.clone();
    let Opened { mut files, refused, .. } = Opened::new(&[file]);
    match (files.len(), refused.into_iter().next()) {
        (1, None) => Ok(files.remove(0)),
        (0 | 1, Some(error)) => Err(error),
        (files, _) => Err(DataError::SeveralFiles { file: name, files }),
    }
}

/// The name that a file has when it is unpacked; in lower case.
pub(crate) fn unpacked_name(name: &str) -> &str {
    Format::named(name).and_then(|format| name.strip_suffix(format.ending())).unwrap_or(name)
}

/// What unpacking an archive, with those inside it, may still take.
struct Budget {
    /// Bytes of the outermost archive.
    packed: u64,
    /// Bytes that other archives hold.
    before: u64,
    /// Bytes that were unpacked so far.
    unpacked: u64,
}

impl Budget {
    /// Takes so many more unpacked bytes of `file`.
    ///
    /// # Errors
    /// When that is more than text gives, or than memory should hold.
    fn take(&mut self, bytes: u64, file: &str, format: &'static str) -> Result<(), DataError> {
        self.unpacked += bytes;
        if is_bomb(self.packed, self.unpacked) {
            return Err(too_large(file, format, ratio_limit()));
        }
        if self.before + self.unpacked > MAX_BYTES {
            return Err(too_large(file, format, format!("{} GiB", MAX_BYTES >> 30)));
        }
        Ok(())
    }
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
    DataError::DamagedArchive { file: file.into(), format, problem: problem.into() }
}

/// An error for a file that unpacks to more than `limit`.
fn too_large(file: &str, format: &'static str, limit: String) -> DataError {
    DataError::ArchiveTooLarge { file: file.into(), format, limit }
}

#[cfg(test)]
mod tests;
