//! Splits one word into pieces of the vocabulary, greedily the longest first. Source: Wu et al.
//! 2016, section 4.1; Devlin et al. 2019, `WordpieceTokenizer`; Hugging Face `tokenizers`,
//! `models/wordpiece`.

use super::vocabulary::Vocabulary;
use std::ops::Range;

/// Maximum word length in characters; a longer word is `[UNK]`, as in BERT.
pub(super) const MAX_WORD_CHARS: usize = 100;

/// Maximum word length in a script without spaces, where a paragraph may be one word.
pub(super) const MAX_UNSPACED_CHARS: usize = 1000;

/// Prefix of a piece that continues a word, as in BERT.
pub(super) const PREFIX: &str = "##";

/// Settings of the algorithm.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WordPiece {
    prefix: String,
    max_chars: usize,
}

impl Default for WordPiece {
    fn default() -> Self {
        Self {
            prefix: PREFIX.into(),
            max_chars: MAX_WORD_CHARS,
        }
    }
}

impl WordPiece {
    pub fn new(prefix: String, max_chars: usize) -> Self {
        Self { prefix, max_chars }
    }

    /// Returns the settings for scripts without spaces: no prefix, since words do not begin where
    /// spaces end.
    pub fn unspaced() -> Self {
        Self::new(String::new(), MAX_UNSPACED_CHARS)
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    pub fn max_chars(&self) -> usize {
        self.max_chars
    }

    /// Calls `put` with each piece of `word` and the characters that it covers; a word that cannot
    /// be spelled is one `[UNK]`.
    pub fn encode(
        &self,
        vocabulary: &Vocabulary,
        word: impl Iterator<Item = char>,
        put: &mut dyn FnMut(u32, Range<usize>),
    ) {
        let word: Vec<char> = word.collect();
        match self.pieces(vocabulary, &word) {
            Some(pieces) => pieces.into_iter().for_each(|(id, range)| put(id, range)),
            None => put(vocabulary.specials().unk, 0..word.len()),
        }
    }

    fn pieces(&self, vocabulary: &Vocabulary, word: &[char]) -> Option<Vec<(u32, Range<usize>)>> {
        if word.len() > self.max_chars {
            return None;
        }
        let mut pieces = Vec::new();
        let mut start = 0;
        let mut candidate = String::new();
        while start < word.len() {
            let mut end = word.len().min(start + vocabulary.longest_chars());
            candidate.clear();
            candidate.push_str(if start > 0 { &self.prefix } else { "" });
            candidate.extend(&word[start..end]);
            let id = loop {
                match vocabulary.piece(&candidate) {
                    Some(id) => break id,
                    None if end == start + 1 => return None,
                    None => {
                        candidate.pop();
                        end -= 1;
                    }
                }
            };
            pieces.push((id, start..end));
            start = end;
        }
        Some(pieces)
    }
}
