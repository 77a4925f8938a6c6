//! Tells of held-out documents that are nearly training documents, and leaves them out of scores where that was chosen.

use super::portfolio::MAX_DOCUMENTS;
use super::{Host, Session};
use crate::error::Result;
use protocol::{FileRole, NearDuplicates};
use std::collections::BTreeSet;

impl<H: Host> Session<H> {
    /// Counts the near-duplicates of labelled training documents among the held-out ones, of at most [`MAX_DOCUMENTS`]
    /// training documents, and lets them take part in scores or not, by `choice`; without one, all documents take part.
    ///
    /// # Errors
    /// When a file can no longer be read.
    pub(super) fn find_near_duplicates(&mut self, run: &str, choice: Option<NearDuplicates>) -> Result<()> {
        let Some(corpus) = &mut self.corpus else { return Ok(()) };
        corpus.leave_out(BTreeSet::new());
        let Some(choice) = choice.filter(|_| corpus.labelled_documents(FileRole::Train) <= MAX_DOCUMENTS) else {
            return Ok(());
        };
        let (hashes, [valid, test]) = corpus.near_duplicates()?;
        if hashes.is_empty() {
            return Ok(());
        }
        // A split that has nothing else would leave nothing to measure on.
        let empties = |count: u64, role| count > 0 && count == corpus.labelled_documents(role);
        let is_all = empties(valid, FileRole::Valid) || empties(test, FileRole::Test);
        let message = match choice {
            NearDuplicates::Keep => format!(
                "{valid} validation and {test} test documents are near-duplicates of training documents: scores on them \
                 flatter. --near-duplicates drop leaves them out"
            ),
            NearDuplicates::Drop if is_all => format!(
                "{valid} validation and {test} test documents are near-duplicates of training documents: nothing else \
                 would be left, so they stay in the scores"
            ),
            NearDuplicates::Drop => format!(
                "{valid} validation and {test} test documents are near-duplicates of training documents and are left out \
                 of the scores"
            ),
        };
        if choice == NearDuplicates::Drop && !is_all {
            corpus.leave_out(hashes);
        }
        self.warn(run, "near-duplicates", message);
        Ok(())
    }
}
