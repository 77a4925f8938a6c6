//! Tokens and their rows. Rows are dense, tokens distinct, and the five special tokens are found by name, wherever they
//! stand.

use std::collections::HashMap;

/// The special tokens of BERT, in the order in which a learned vocabulary begins.
pub(super) const SPECIAL_NAMES: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// The rows of the special tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Specials {
    /// Fills a sequence up.
    pub pad: u32,
    /// Stands for a word that the vocabulary cannot spell.
    pub unk: u32,
    /// Begins a sequence.
    pub cls: u32,
    /// Ends a document.
    pub sep: u32,
    /// Hides a token.
    pub mask: u32,
}

impl Specials {
    /// All five rows, in the order of their names.
    pub fn all(&self) -> [u32; 5] {
        [self.pad, self.unk, self.cls, self.sep, self.mask]
    }

    /// Whether `id` is one of them.
    pub fn contains(&self, id: u32) -> bool {
        self.all().contains(&id)
    }
}

/// Tokens by row and rows by token.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Vocabulary {
    tokens: Vec<String>,
    ids: HashMap<String, u32>,
    specials: Specials,
    longest_chars: usize,
}

/// Why a list of tokens is no vocabulary.
#[derive(Debug, PartialEq)]
pub(super) enum VocabularyError {
    /// Two rows, from 0, with the same token.
    Duplicate { token: String, first: usize, second: usize },
    /// A row, from 0, whose token is the empty string: it would match everywhere.
    Empty { row: usize },
    /// Special tokens are missing.
    Missing { tokens: Vec<&'static str> },
}

impl Vocabulary {
    /// # Errors
    /// When a token comes twice or is empty, or a special token is missing.
    pub fn new(tokens: Vec<String>) -> Result<Self, VocabularyError> {
        let mut ids = HashMap::with_capacity(tokens.len());
        for (second, token) in tokens.iter().enumerate() {
            if let Some(first) = ids.insert(token.clone(), second as u32) {
                return Err(VocabularyError::Duplicate { token: token.clone(), first: first as usize, second });
            }
        }
        if let Some(row) = tokens.iter().position(String::is_empty) {
            return Err(VocabularyError::Empty { row });
        }
        let missing: Vec<&str> = SPECIAL_NAMES.into_iter().filter(|&name| !ids.contains_key(name)).collect();
        if !missing.is_empty() {
            return Err(VocabularyError::Missing { tokens: missing });
        }
        let [pad, unk, cls, sep, mask] = SPECIAL_NAMES.map(|name| ids[name]);
        let specials = Specials { pad, unk, cls, sep, mask };
        let longest_chars = tokens.iter().map(|token| token.chars().count()).max().unwrap_or(0);
        Ok(Self { tokens, ids, specials, longest_chars })
    }

    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    pub fn specials(&self) -> Specials {
        self.specials
    }

    /// Characters of the longest token: no longer piece needs to be looked up.
    pub fn longest_chars(&self) -> usize {
        self.longest_chars
    }

    pub fn id(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }

    /// The row of a piece of text, which is never a special one.
    pub fn piece(&self, piece: &str) -> Option<u32> {
        self.id(piece).filter(|&id| !self.specials.contains(id))
    }

    pub fn piece_or_unknown(&self, piece: &str) -> u32 {
        self.piece(piece).unwrap_or(self.specials.unk)
    }

    /// Splits `text` at the first special token in it: what comes before, its row, what comes after.
    pub fn split_at_special<'a>(&self, text: &'a str) -> Option<(&'a str, u32, &'a str)> {
        text.match_indices('[').find_map(|(at, _)| {
            let here = &text[at..];
            let index = SPECIAL_NAMES.iter().position(|name| here.starts_with(name))?;
            Some((&text[..at], self.specials.all()[index], &here[SPECIAL_NAMES[index].len()..]))
        })
    }
}
