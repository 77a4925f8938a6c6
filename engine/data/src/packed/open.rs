//! Opens archives: each is replaced by the texts in it.

use super::{Opened, archive, is_archive, is_bomb, ratio_limit, too_large};
use crate::byte_source::InputFile;
use crate::error::DataError;

/// Bytes that archives may hold in all: they stay in memory.
pub const MAX_BYTES: u64 = 1 << 30;
/// Archives inside archives that are opened: a folder of Word documents, packed, is one.
const MAX_DEPTH: usize = 2;

impl Opened {
    /// Replaces each archive, workbook and Word document by the texts in it.
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
                let kind = "an archive inside others".into();
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

/// What unpacking an archive, with those inside it, may still take.
pub struct Budget {
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
    pub fn take(&mut self, bytes: u64, file: &str, format: &'static str) -> Result<(), DataError> {
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
