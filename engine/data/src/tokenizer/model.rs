//! The models of tokenizers: how a word becomes tokens.

use super::wordpiece::WordPiece;

/// How a word is split into tokens.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// Sub-words, greedily the longest known piece first.
    WordPiece(WordPiece),
    /// The whole word, or `[UNK]`.
    Words,
}
