//! Added tokens: entries of a vocabulary that are found in the text itself, before it is cut into words, such as `[DATE]`
//! or the terms of a field. A trie finds the longest one at each place, so that a text takes linear time whatever the
//! list. It knows no model.
//!
//! Source: Hugging Face `tokenizers`, `tokenizer/added_vocabulary.rs`. White space that `lstrip` and `rstrip` take into a
//! token is a boundary here anyway, so that the ids are equal; it stays outside of the token's offsets.

use super::normalize::{Normalization, normalize};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;

/// An added token, as `tokenizer.json` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AddedToken {
    /// Its row.
    pub id: u32,
    /// As it stands in the text.
    pub content: String,
    /// Whether it counts only where no letter or digit touches it.
    #[serde(default)]
    pub single_word: bool,
    /// Kept for whoever reads what is written.
    #[serde(default)]
    pub lstrip: bool,
    /// Kept for whoever reads what is written.
    #[serde(default)]
    pub rstrip: bool,
    /// Whether it is looked for in the normalised text.
    #[serde(default)]
    pub normalized: bool,
    /// Kept for whoever reads what is written.
    #[serde(default)]
    pub special: bool,
}

impl AddedToken {
    /// A token of which only the text and the row are known.
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

/// The added tokens of one vocabulary, without BERT's five special ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AddedTokens {
    tokens: Vec<AddedToken>,
    ids: HashMap<String, u32>,
    /// Finds those that stand in the text as it is.
    as_written: Trie,
    /// Finds those that stand in the normalised text.
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

    /// Cuts a text at the tokens that are looked for as written.
    pub fn split_text(&self, text: &[char]) -> Vec<Piece> {
        self.as_written.split(text, &self.tokens)
    }

    /// Cuts normalised text at the others.
    pub fn split_normalized(&self, text: &[char]) -> Vec<Piece> {
        self.normalized.split(text, &self.tokens)
    }
}

/// A part of a text, as a range of its characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub range: Range<usize>,
    /// The row of the added token that it is, if it is one.
    pub added: Option<u32>,
}

/// Characters to the indices of tokens. The root is node 0.
#[derive(Clone, Debug, Default, PartialEq)]
struct Trie {
    children: HashMap<(usize, char), usize>,
    /// The token that ends in a node.
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

    /// The longest token that begins at `start`, and where it ends.
    fn longest(&self, text: &[char], start: usize) -> Option<(usize, usize)> {
        let (mut node, mut found) = (0, None);
        for (place, character) in text.iter().enumerate().skip(start) {
            let Some(next) = self.children.get(&(node, *character)) else {
                break;
            };
            node = *next;
            found = self
                .ends
                .get(&node)
                .map(|token| (*token, place + 1))
                .or(found);
        }
        found
    }

    fn split(&self, text: &[char], tokens: &[AddedToken]) -> Vec<Piece> {
        let (mut pieces, mut begun, mut place) = (Vec::new(), 0, 0);
        while place < text.len() && !self.ends.is_empty() {
            let Some((token, end)) = self.longest(text, place) else {
                place += 1;
                continue;
            };
            if !tokens[token].single_word || stands_alone(text, place..end) {
                pieces.push(Piece {
                    range: begun..place,
                    added: None,
                });
                pieces.push(Piece {
                    range: place..end,
                    added: Some(tokens[token].id),
                });
                begun = end;
            }
            place = end;
        }
        pieces.push(Piece {
            range: begun..text.len(),
            added: None,
        });
        pieces.retain(|piece| !piece.range.is_empty());
        pieces
    }
}

fn stands_alone(text: &[char], range: Range<usize>) -> bool {
    let is_word = |character: &char| character.is_alphanumeric() || *character == '_';
    let before = range.start.checked_sub(1).and_then(|place| text.get(place));
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
    fn the_longest_token_at_the_first_place_is_found() {
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
    fn a_single_word_is_not_found_inside_of_another() {
        assert_eq!(
            pieces(&[("pier", true)], "pier piers, pier"),
            ["<pier>", " piers, ", "<pier>"]
        );
        assert_eq!(pieces(&[("pier", false)], "piers"), ["<pier>", "s"]);
    }

    #[test]
    fn many_tokens_with_one_beginning_take_linear_time() {
        let long = "a".repeat(500);
        let tokens: Vec<(&str, bool)> = (1..500).map(|length| (&long[..length], false)).collect();
        assert_eq!(pieces(&tokens, &"a".repeat(4990)).len(), 10);
    }
}
