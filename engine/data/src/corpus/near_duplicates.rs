//! Finds held-out documents that are near-duplicates of training documents.

use super::excluded::Excluded;
use super::stats::text_hash;
use super::{Corpus, Selection};
use crate::error::DataError;
use crate::near_duplicates::TrainingSketches;
use protocol::FileRole;
use std::collections::BTreeSet;

/// Number of held-out documents that are near-duplicates of training documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NearDuplicateCounts {
    /// Near-duplicates in the validation set.
    pub valid: u64,
    /// Near-duplicates in the test set.
    pub test: u64,
    /// Whether one of the two splits consists of near-duplicates only; it is then not filtered.
    pub is_all_of_a_split: bool,
}

impl Corpus {
    /// Finds the validation and test documents that are near-duplicates of the labelled training
    /// documents in `selection`, for [`Selection::without_near_duplicates`]. Returns the number
    /// found in each split.
    ///
    /// # Errors
    /// Returns an error if a file can no longer be read.
    pub fn find_near_duplicates(
        &mut self,
        selection: &Selection,
    ) -> Result<NearDuplicateCounts, DataError> {
        let selection = Selection {
            without_near_duplicates: false,
            ..*selection
        };
        let mut known = TrainingSketches::default();
        self.each_labelled(FileRole::Train, &selection, &mut |document| {
            known.add(document);
            Ok::<(), DataError>(())
        })?;
        known.finish();
        let valid = self.near_duplicates_of(&known, FileRole::Valid, &selection)?;
        let test = self.near_duplicates_of(&known, FileRole::Test, &selection)?;
        let counts = NearDuplicateCounts {
            valid: valid.count,
            test: test.count,
            is_all_of_a_split: valid.is_all() || test.is_all(),
        };
        self.near_duplicates = Excluded {
            valid: valid.excluded(),
            test: test.excluded(),
        };
        Ok(counts)
    }

    fn near_duplicates_of(
        &self,
        known: &TrainingSketches,
        role: FileRole,
        selection: &Selection,
    ) -> Result<Found, DataError> {
        let mut found = Found::default();
        self.each_labelled(role, selection, &mut |document| {
            found.documents += 1;
            if known.contain_near_duplicate(document) {
                found.hashes.insert(text_hash(document));
                found.count += 1;
            }
            Ok::<(), DataError>(())
        })?;
        Ok(found)
    }
}

/// Near-duplicates found in one split.
#[derive(Default)]
struct Found {
    hashes: BTreeSet<u64>,
    count: u64,
    documents: u64,
}

impl Found {
    fn is_all(&self) -> bool {
        self.count > 0 && self.count == self.documents
    }

    /// Returns the hashes to exclude; none if that would leave no documents to evaluate on.
    fn excluded(self) -> BTreeSet<u64> {
        if self.is_all() {
            BTreeSet::new()
        } else {
            self.hashes
        }
    }
}
