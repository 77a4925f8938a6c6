//! Opens archives: each is replaced by the texts it contains.

use super::{Opened, archive, is_archive, is_bomb, ratio_limit, too_large};
use crate::error::DataError;
use crate::reading::byte_source::InputFile;
use protocol::message;

/// Maximum total size of unpacked archives, in bytes: their content stays in memory.
pub const MAX_BYTES: u64 = 1 << 30;
/// Maximum nesting depth of archives: a ZIP of Word documents has two levels.
const MAX_DEPTH: usize = 2;

impl Opened {
    /// Replaces each archive, workbook and Word document by the texts it contains.
    pub fn new(files: &[InputFile]) -> Self {
        let mut opened = Self::default();
        let mut before = 0;
        for file in files {
            let mut budget = Budget {
                packed: file.content.size(),
                before,
                unpacked: 0,
            };
            opened.take(file.clone(), MAX_DEPTH, &mut budget);
            before += budget.unpacked;
        }
        opened
    }

    fn take(&mut self, file: InputFile, depth: usize, budget: &mut Budget) {
        match is_archive(&*file.content) {
            Ok(false) => return self.files.push(file),
            Ok(true) if depth > 0 => {}
            Ok(true) => {
                let kind = message!("an archive inside others");
                return self.refused.push(DataError::NotText {
                    file: file.name,
                    kind,
                });
            }
            Err(error) => return self.refused.push(DataError::reading(&file.name, error)),
        }
        match archive::members(&file, budget) {
            Ok(members) => members.into_iter().for_each(|member| {
                let role = file.member_roles.get(&member.name).copied().or(member.role);
                let member = InputFile { role, ..member };
                if member.converted.is_some() {
                    self.files.push(member)
                } else {
                    self.take(member, depth - 1, budget)
                }
            }),
            Err(error) => self.refused.push(error),
        }
    }
}

/// The unpacking budget of an archive, including the archives nested in it.
pub struct Budget {
    /// Packed size of the outermost archive, in bytes.
    packed: u64,
    /// Unpacked size of the archives opened before, in bytes.
    before: u64,
    /// Number of bytes unpacked so far.
    unpacked: u64,
}

impl Budget {
    /// Charges `bytes` more unpacked bytes of `file`.
    ///
    /// # Errors
    /// If the archive expands more than text would, or exceeds the memory limit.
    pub fn take(&mut self, bytes: u64, file: &str, format: &'static str) -> Result<(), DataError> {
        self.unpacked += bytes;
        if is_bomb(self.packed, self.unpacked) {
            return Err(too_large(file, format, ratio_limit()));
        }
        if self.before + self.unpacked > MAX_BYTES {
            return Err(too_large(
                file,
                format,
                message!("{size} GiB", size = MAX_BYTES >> 30),
            ));
        }
        Ok(())
    }
}
