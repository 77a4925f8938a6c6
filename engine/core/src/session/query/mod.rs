//! Queries that a loaded model answers: predictions, previews, attention, neighbours and similar documents.

pub(crate) mod inference;
pub(crate) mod input;
pub(crate) mod neighbours;
pub(crate) mod preview;
pub(crate) mod similar;
pub(crate) mod top_k;
