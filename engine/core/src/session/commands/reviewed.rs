//! What an error analysis leaves for the queries that follow it.

use crate::data::Selection;
use protocol::{FileRole, LabelScore};

/// Results of the last error analysis.
pub(crate) struct Reviewed {
    /// The documents that were classified.
    pub role: FileRole,
    /// The selection among them.
    pub selection: Selection,
    /// Fingerprint of the corpus.
    pub corpus: String,
    /// Names of the labels.
    pub labels: Vec<String>,
    /// The most probable labels of each document.
    pub ranked: Vec<Vec<LabelScore>>,
    /// True labels of each document.
    pub truth: Vec<Vec<usize>>,
    /// Predicted labels of each document.
    pub given: Vec<Vec<usize>>,
}
