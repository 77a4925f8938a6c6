//! Text of single documents: sentences, scripts, and names made safe to show.

pub mod script;
pub mod sentences;
pub(crate) mod shown;
