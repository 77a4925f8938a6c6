//! Opens archives: each is replaced by the texts it contains.

use super::budget::Budget;
use super::{Opened, archive, is_archive};
use crate::error::DataError;
use crate::reading::byte_source::InputFile;
use protocol::message;

/// Maximum nesting depth of archives: a ZIP of Word documents has two levels.
const MAX_DEPTH: usize = 2;

impl Opened {
    /// Replaces each archive, workbook and Word document by the texts it contains.
    pub fn new(files: &[InputFile]) -> Self {
        let mut opened = Self::default();
        let mut before = 0;
        for file in files {
            let mut budget = Budget::new(file.content.size(), before);
            opened.take(file.clone(), MAX_DEPTH, &mut budget);
            before += budget.unpacked();
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
