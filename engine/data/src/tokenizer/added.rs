//! Added tokens: vocabulary entries such as `[DATE]` or technical terms that are matched in the
//! text before it is split into words. A trie finds the longest match at each position, so that
//! matching takes linear time however many tokens there are. Does not know the model.
//!
//! Source: Hugging Face `tokenizers`, `tokenizer/added_vocabulary.rs`. White space that `lstrip`
//! and `rstrip` absorb into a token is a word boundary here anyway, so that the ids are equal; it
//! is not part of the token's offsets.

use super::normalize::{Normalization, normalize};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;

/// An added token as described in `tokenizer.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AddedToken {
    /// Token id.
    pub id: u32,
    /// Text of the token.
    pub content: String,
    /// Whether it only matches if no letter or digit is adjacent.
    #[serde(default)]
    pub single_word: bool,
    /// Not used here, but preserved when the tokenizer is written.
    #[serde(default)]
    pub lstrip: bool,
    /// Not used here, but preserved when the tokenizer is written.
    #[serde(default)]
    pub rstrip: bool,
    /// Whether it is matched in the normalised text.
    #[serde(default)]
    pub normalized: bool,
    /// Not used here, but preserved when the tokenizer is written.
    #[serde(default)]
    pub special: bool,
}

impl AddedToken {
    /// Creates a token of which only the text and the id are known.
    pub fn plain(content: String, id: u32) -> Self {
        Self {
            id,
            content,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: true,
            special: false,
        }
    }
}

/// Added tokens of one vocabulary, without BERT's five special ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AddedTokens {
    tokens: Vec<AddedToken>,
    ids: HashMap<String, u32>,
    /// Matches tokens in the original text.
    as_written: Trie,
    /// Matches tokens in the normalised text.
    normalized: Trie,
}

impl AddedTokens {
    pub fn new(tokens: Vec<AddedToken>, normalization: Normalization) -> Self {
        let (mut as_written, mut normalized) = (Trie::default(), Trie::default());
        for (index, token) in tokens.iter().enumerate() {
            if token.normalized {
                let glyphs = normalize(&token.content, normalization);
                normalized.insert(glyphs.iter().map(|glyph| glyph.character), index);
            } else {
                as_written.insert(token.content.chars(), index);
            }
        }
        let ids = tokens
            .iter()
            .map(|token| (token.content.clone(), token.id))
            .collect();
        Self {
            tokens,
            ids,
            as_written,
            normalized,
        }
    }

    pub fn all(&self) -> &[AddedToken] {
        &self.tokens
    }

    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub fn id(&self, content: &str) -> Option<u32> {
        self.ids.get(content).copied()
    }

    /// Splits original text at the tokens that are matched before normalisation.
    pub fn split_text(&self, text: &[char]) -> Vec<Piece> {
        self.as_written.split(text, &self.tokens)
    }

    /// Splits normalised text at the other tokens.
    pub fn split_normalized(&self, text: &[char]) -> Vec<Piece> {
        self.normalized.split(text, &self.tokens)
    }
}

/// Part of a text, as a range of its characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub range: Range<usize>,
    /// Id of the added token, if the part is one.
    pub added: Option<u32>,
}

/// Trie from characters to token indices. The root is node 0.
#[derive(Clone, Debug, Default, PartialEq)]
struct Trie {
    children: HashMap<(usize, char), usize>,
    /// Index of the token that ends at a node.
    ends: HashMap<usize, usize>,
}

impl Trie {
    fn insert(&mut self, characters: impl Iterator<Item = char>, token: usize) {
        let mut node = 0;
        for character in characters {
            let next = self.children.len() + 1;
            node = *self.children.entry((node, character)).or_insert(next);
        }
        if node > 0 {
            self.ends.insert(node, token);
        }
    }

    /// Returns the longest token that begins at `start`, and its end.
    fn longest(&self, text: &[char], start: usize) -> Option<(usize, usize)> {
        let (mut node, mut found) = (0, None);
        for (position, character) in text.iter().enumerate().skip(start) {
            let Some(next) = self.children.get(&(node, *character)) else {
                break;
            };
            node = *next;
            found = self
                .ends
                .get(&node)
                .map(|token| (*token, position + 1))
                .or(found);
        }
        found
    }

    fn split(&self, text: &[char], tokens: &[AddedToken]) -> Vec<Piece> {
        let (mut pieces, mut unmatched, mut position) = (Vec::new(), 0, 0);
        while position < text.len() && !self.ends.is_empty() {
            let Some((token, end)) = self.longest(text, position) else {
                position += 1;
                continue;
            };
            if !tokens[token].single_word || stands_alone(text, position..end) {
                pieces.push(Piece {
                    range: unmatched..position,
                    added: None,
                });
                pieces.push(Piece {
                    range: position..end,
                    added: Some(tokens[token].id),
                });
                unmatched = end;
            }
            position = end;
        }
        pieces.push(Piece {
            range: unmatched..text.len(),
            added: None,
        });
        pieces.retain(|piece| !piece.range.is_empty());
        pieces
    }
}

fn stands_alone(text: &[char], range: Range<usize>) -> bool {
    let is_word = |character: &char| character.is_alphanumeric() || *character == '_';
    let before = range
        .start
        .checked_sub(1)
        .and_then(|position| text.get(position));
    !before.is_some_and(is_word) && !text.get(range.end).is_some_and(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(added: &[(&str, bool)], text: &str) -> Vec<String> {
        let token = |(id, (content, single_word)): (usize, &(&str, bool))| AddedToken {
            single_word: *single_word,
            normalized: false,
            ..AddedToken::plain((*content).into(), id as u32)
        };
        let tokens = AddedTokens::new(
            added.iter().enumerate().map(token).collect(),
            Normalization::plain(true),
        );
        let text: Vec<char> = text.chars().collect();
        let shown = |piece: Piece| {
            let content: String = text[piece.range].iter().collect();
            if piece.added.is_some() {
                format!("<{content}>")
            } else {
                content
            }
        };
        tokens.split_text(&text).into_iter().map(shown).collect()
    }

    #[test]
    fn the_longest_match_is_found() {
        assert_eq!(
            pieces(&[("ab", false), ("abc", false), ("c", false)], "xabcabc"),
            ["x", "<abc>", "<abc>"]
        );
        assert_eq!(
            pieces(&[("ab", false), ("abc", false)], "abd"),
            ["<ab>", "d"]
        );
        assert_eq!(pieces(&[], "ab"), ["ab"]);
        assert_eq!(pieces(&[("ab", false)], ""), [""; 0]);
    }

    #[test]
    fn single_words_do_not_match_inside_others() {
        assert_eq!(
            pieces(&[("pier", true)], "pier piers, pier"),
            ["<pier>", " piers, ", "<pier>"]
        );
        assert_eq!(pieces(&[("pier", false)], "piers"), ["<pier>", "s"]);
    }

    #[test]
    fn tokens_with_a_common_prefix_take_linear_time() {
        let long = "a".repeat(500);
        let tokens: Vec<(&str, bool)> = (1..500).map(|length| (&long[..length], false)).collect();
        assert_eq!(pieces(&tokens, &"a".repeat(4990)).len(), 10);
    }
}
