//! The layouts of JSON objects in a file.

/// How JSON objects follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One per line; the brackets and commas of an enclosing array are ignored.
    Lines,
    /// One after the other, over any number of lines.
    Stream,
}
