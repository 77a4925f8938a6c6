//! Which documents of a corpus are used.

use super::stats::text_hash;
use crate::document::Document;

/// Number of documents that previews of a large corpus choose from.
pub const LOOKED_AT: usize = 1000;

/// Which documents a run uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Selection {
    /// Maximum number of training documents, for a quick run.
    pub limit: Option<usize>,
    /// Skips labelled documents that do not have two texts.
    pub pairs: bool,
    /// Skips labelled training documents whose text hash exceeds this; see [`super::Corpus::share`].
    pub share: Option<u64>,
    /// Appends the documents held out for validation to the training documents.
    pub with_set_aside: bool,
    /// Skips validation and test documents that are near-duplicates of training documents, as last
    /// found by [`super::Corpus::find_near_duplicates`].
    pub without_near_duplicates: bool,
}

impl Selection {
    pub(super) fn takes(&self, document: &Document) -> bool {
        let labelled = !document.labels.is_empty();
        !(labelled && self.pairs && document.second.is_none())
    }

    pub(super) fn takes_for_training(&self, document: &Document) -> bool {
        let labelled = !document.labels.is_empty();
        self.takes(document)
            && !(labelled && self.share.is_some_and(|share| text_hash(document) > share))
    }
}
