//! Tokens and their ids. An id may have no token, like a blank line of `vocab.txt`; the five
//! special tokens are found by name, wherever they are.

use super::added::{AddedToken, AddedTokens};
use super::normalize::Normalization;
use std::collections::HashMap;

/// Special tokens of BERT, in the order in which a learned vocabulary begins.
pub(super) const SPECIAL_NAMES: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Ids of the special tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Specials {
    /// `[PAD]`, which fills up a sequence.
    pub pad: u32,
    /// `[UNK]`, which stands for a word that the vocabulary cannot spell.
    pub unk: u32,
    /// `[CLS]`, which begins a sequence.
    pub cls: u32,
    /// `[SEP]`, which ends a document.
    pub sep: u32,
    /// `[MASK]`, which replaces a masked token.
    pub mask: u32,
}

impl Specials {
    /// Returns all five ids: `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`.
    pub fn all(&self) -> [u32; 5] {
        [self.pad, self.unk, self.cls, self.sep, self.mask]
    }

    /// Returns whether `id` is one of them.
    pub fn contains(&self, id: u32) -> bool {
        self.all().contains(&id)
    }
}

/// Tokens by id and ids by token.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Vocabulary {
    /// Tokens by id; empty if an id has none.
    tokens: Vec<String>,
    /// Ids of the tokens that words are split into.
    ids: HashMap<String, u32>,
    added: AddedTokens,
    specials: Specials,
    longest_chars: usize,
}

/// Reason why a list of tokens is not a vocabulary.
#[derive(Debug, PartialEq)]
pub(super) enum VocabularyError {
    /// Special tokens are missing.
    Missing { tokens: Vec<&'static str> },
    /// An added token has the id of another token.
    Taken {
        token: String,
        row: u32,
        other: String,
    },
    /// An added token has two ids.
    TwoRows { token: String, row: u32, other: u32 },
}

impl Vocabulary {
    /// Creates a vocabulary from tokens by id. If a token occurs twice, its last id counts, as in
    /// `transformers`, and the other has no token.
    ///
    /// # Errors
    /// Returns an error if a special token is missing.
    pub fn new(mut tokens: Vec<String>) -> Result<Self, VocabularyError> {
        let mut ids = HashMap::with_capacity(tokens.len());
        for row in 0..tokens.len() {
            if tokens[row].is_empty() {
                continue;
            }
            if let Some(earlier) = ids.insert(tokens[row].clone(), row as u32) {
                tokens[earlier as usize].clear();
            }
        }
        let missing: Vec<&str> = SPECIAL_NAMES
            .into_iter()
            .filter(|&name| !ids.contains_key(name))
            .collect();
        if !missing.is_empty() {
            return Err(VocabularyError::Missing { tokens: missing });
        }
        let [pad, unk, cls, sep, mask] = SPECIAL_NAMES.map(|name| ids[name]);
        let specials = Specials {
            pad,
            unk,
            cls,
            sep,
            mask,
        };
        let longest_chars = tokens
            .iter()
            .map(|token| token.chars().count())
            .max()
            .unwrap_or(0);
        Ok(Self {
            tokens,
            ids,
            added: AddedTokens::default(),
            specials,
            longest_chars,
        })
    }

    /// Adds tokens that are matched in the text before it is split, normalised by `normalization`.
    ///
    /// # Errors
    /// Returns an error if one of them has the id of another token, or two ids.
    pub fn with_added(
        mut self,
        added: Vec<AddedToken>,
        normalization: Normalization,
    ) -> Result<Self, VocabularyError> {
        for AddedToken { content, id, .. } in &added {
            let row = *id as usize;
            match self.ids.get(content) {
                Some(other) if other == id => continue,
                Some(other) => {
                    return Err(VocabularyError::TwoRows {
                        token: content.clone(),
                        row: *id,
                        other: *other,
                    });
                }
                None => self
                    .tokens
                    .resize(self.tokens.len().max(row + 1), String::new()),
            }
            if !self.tokens[row].is_empty() && self.tokens[row] != *content {
                let other = self.tokens[row].clone();
                return Err(VocabularyError::Taken {
                    token: content.clone(),
                    row: *id,
                    other,
                });
            }
            self.tokens[row] = content.clone();
        }
        self.added = AddedTokens::new(added, normalization);
        Ok(self)
    }

    pub fn added(&self) -> &AddedTokens {
        &self.added
    }

    /// Returns whether words are split into the token of this id; an added token is only matched as
    /// a whole.
    pub fn is_of_words(&self, row: usize) -> bool {
        self.ids
            .get(&self.tokens[row])
            .is_some_and(|id| *id as usize == row)
    }

    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    pub fn specials(&self) -> Specials {
        self.specials
    }

    /// Returns the length of the longest token in characters: no longer piece needs to be looked
    /// up.
    pub fn longest_chars(&self) -> usize {
        self.longest_chars
    }

    pub fn id(&self, token: &str) -> Option<u32> {
        self.ids
            .get(token)
            .copied()
            .or_else(|| self.added.id(token))
    }

    /// Returns the id of a piece of text, which is never a special one.
    pub fn piece(&self, piece: &str) -> Option<u32> {
        self.ids
            .get(piece)
            .copied()
            .filter(|&id| !self.specials.contains(id))
    }

    pub fn piece_or_unknown(&self, piece: &str) -> u32 {
        self.piece(piece).unwrap_or(self.specials.unk)
    }

    /// Splits `text` at its first special token: returns the text before it, its id, and the text
    /// after it.
    pub fn split_at_special<'a>(&self, text: &'a str) -> Option<(&'a str, u32, &'a str)> {
        text.match_indices('[').find_map(|(start, _)| {
            let here = &text[start..];
            let index = SPECIAL_NAMES
                .iter()
                .position(|name| here.starts_with(name))?;
            Some((
                &text[..start],
                self.specials.all()[index],
                &here[SPECIAL_NAMES[index].len()..],
            ))
        })
    }
}
