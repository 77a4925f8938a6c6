//! Queries that a loaded model answers: predictions, their evidence, previews, attention, neighbours
//! and similar documents.

mod document_scores;
pub(crate) mod evidence;
pub(crate) mod inference;
pub(crate) mod input;
pub(crate) mod neighbours;
pub(crate) mod preview;
pub(crate) mod similar;
pub(crate) mod slow_motion;
pub(crate) mod top_k;
pub(crate) mod tsne;
