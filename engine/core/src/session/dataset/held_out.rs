//! Held-out documents of a classifier, encoded.

use crate::data::examples::EncodedDocuments;
use crate::train::Logits;
use std::collections::BTreeMap;

/// Encoded held-out documents.
pub(crate) struct HeldOutDocuments {
    /// The documents, with those of their labels that the classifier knows.
    pub documents: EncodedDocuments,
    /// Counts of the labels that it does not know.
    pub unseen: BTreeMap<String, u64>,
    /// Whether each document has a label that the classifier does not know.
    pub has_unseen: Vec<bool>,
    /// Outputs of the linear part for each document, `[documents][C]`, if there is one.
    pub margins: Option<Logits>,
}
