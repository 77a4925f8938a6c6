//! Held-out documents that are near-duplicates of training documents.

use std::collections::BTreeSet;

/// Text hashes of the documents that [`super::Selection::without_near_duplicates`] excludes.
#[derive(Default)]
pub(super) struct Excluded {
    pub valid: BTreeSet<u64>,
    pub test: BTreeSet<u64>,
}
