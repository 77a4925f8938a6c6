//! Input of the linear classifiers: documents with their labels and vectors.

use crate::data::Document;
/// Input of a linear classifier for one document.
#[derive(Clone, Copy, Debug)]
pub struct LinearInput<'a> {
    /// The document with its one or two texts.
    pub document: &'a Document,
    /// Dense features of the whole document, e.g. its mean word vector; empty if there are none.
    pub dense: &'a [f32],
}
