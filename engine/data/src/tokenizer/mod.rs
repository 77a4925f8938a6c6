//! Converts text to token ids and back. A vocabulary is learned from the corpus or read from a
//! model directory, and text is split into sub-words, words or characters. Ids, tokens and offsets
//! equal those of Hugging Face's `tokenizers`.
//!
//! Training text may contain `[MASK]` literally: [`Tokenizer::encode`] treats it as text, so that
//! special ids only occur where the pipeline put them. Only [`Tokenizer::encode_with_specials`],
//! for text typed by the user, recognises it.

mod added;
mod learn;
mod model;
mod normalize;
mod older_unicode;
mod read;
mod settings;
mod vocabulary;
mod wordpiece;
mod write;

use super::error::DataError;
use added::Piece;
use learn::WordCounts;
use model::Model;
use normalize::{Glyph, Normalization, Splitting, normalize, split};
pub use older_unicode::older_unicode;
use protocol::{TokenizerKind, message};
use std::ops::Range;
pub use vocabulary::Specials;
use vocabulary::{SPECIAL_NAMES, Vocabulary};
use wordpiece::WordPiece;

/// Splits text into the tokens of one vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
    model: Model,
    normalization: Normalization,
    splitting: Splitting,
    counts: Vec<u64>,
}

/// Learns a vocabulary from texts that are given one at a time.
#[derive(Clone, Debug)]
pub struct VocabularyLearner {
    kind: TokenizerKind,
    cased: bool,
    strips_accents: bool,
    is_unspaced: bool,
    vocab_size: usize,
    min_count: Option<u64>,
    words: WordCounts,
}

impl VocabularyLearner {
    /// Creates a learner of at most `vocab_size` entries, special tokens included.
    ///
    /// # Errors
    /// Returns an error if `vocab_size` leaves no room for text.
    pub fn new(kind: TokenizerKind, cased: bool, vocab_size: usize) -> Result<Self, DataError> {
        if vocab_size < MIN_VOCAB_SIZE {
            return Err(DataError::VocabularyTooSmall {
                vocab_size,
                needed: MIN_VOCAB_SIZE,
            });
        }
        let words = WordCounts::default();
        Ok(Self {
            kind,
            cased,
            strips_accents: false,
            is_unspaced: false,
            vocab_size,
            min_count: None,
            words,
        })
    }

    /// Sets whether accents and other marks above and below letters are removed, as in BERT's
    /// published uncased vocabularies.
    pub fn strip_accents(self, strips_accents: bool) -> Self {
        Self {
            strips_accents,
            ..self
        }
    }

    /// Sets the minimum frequency of a token: rare words reveal the most about the text. The
    /// default is 2, and 1 for characters.
    pub fn min_count(self, min_count: Option<u64>) -> Self {
        Self { min_count, ..self }
    }

    /// Sets whether sub-words are learned for a script without spaces: a piece is then the same
    /// anywhere in a word, and a paragraph may be one word.
    pub fn unspaced(self, is_unspaced: bool) -> Self {
        Self {
            is_unspaced,
            ..self
        }
    }

    fn parts(&self) -> (Model, Normalization, Splitting) {
        let Self {
            kind,
            cased,
            strips_accents,
            is_unspaced,
            ..
        } = *self;
        match kind {
            TokenizerKind::Wordpiece if is_unspaced => (
                Model::WordPiece(WordPiece::unspaced()),
                Normalization::unspaced(cased, strips_accents),
                Splitting::Bert,
            ),
            TokenizerKind::Wordpiece => (
                Model::WordPiece(WordPiece::default()),
                Normalization::bert(cased, strips_accents),
                Splitting::Bert,
            ),
            TokenizerKind::Word => (
                Model::Words,
                Normalization::plain(cased),
                Splitting::Whitespace,
            ),
            TokenizerKind::Char => (
                Model::Words,
                Normalization::plain(cased),
                Splitting::Characters,
            ),
        }
    }

    /// Counts the words of one more text.
    pub fn take(&mut self, text: &str) {
        let (model, normalization, splitting) = self.parts();
        self.words.take(text, &model, normalization, splitting);
    }

    /// Learns the vocabulary from the texts given so far.
    ///
    /// # Errors
    /// Returns an error if no token occurs often enough.
    pub fn finish(self) -> Result<Tokenizer, DataError> {
        let (model, normalization, splitting) = self.parts();
        let words = self.words.finish();
        let room = self.vocab_size - SPECIAL_NAMES.len();
        let min_frequency = self
            .min_count
            .unwrap_or(if self.kind == TokenizerKind::Char {
                1
            } else {
                learn::MIN_FREQUENCY
            });
        let learned = match &model {
            Model::WordPiece(model) => learn::word_pieces(&words, room, self.min_count, model),
            Model::Words => learn::frequent(&words, room, min_frequency),
        };
        if learned.is_empty() {
            let is_rare = self.kind == TokenizerKind::Word || self.min_count.is_some();
            let needed = if is_rare {
                message!("no word that occurs often enough")
            } else {
                message!("no text")
            };
            return Err(DataError::NothingToMask { needed });
        }
        let tokens = SPECIAL_NAMES
            .map(String::from)
            .into_iter()
            .chain(learned)
            .collect();
        let vocabulary = Vocabulary::new(tokens).expect("the special tokens stand in front");
        let mut tokenizer = Tokenizer {
            vocabulary,
            model,
            normalization,
            splitting,
            counts: Vec::new(),
        };
        tokenizer.counts = tokenizer.count(&words);
        Ok(tokenizer)
    }
}

/// Tokens of one text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoding {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Start and exclusive end of each token in the text, in characters.
    pub offsets: Vec<(usize, usize)>,
    /// Whether each token begins a word.
    pub word_starts: Vec<bool>,
}

impl Encoding {
    fn push(&mut self, id: u32, offsets: (usize, usize), starts: bool) {
        self.ids.push(id);
        self.offsets.push(offsets);
        self.word_starts.push(starts);
    }
}

impl Tokenizer {
    /// Learns a vocabulary of at most `vocab_size` entries, special tokens included, from `texts`.
    ///
    /// # Errors
    /// Returns an error if `vocab_size` leaves no room for text, or no token occurs often enough.
    pub fn learn(
        kind: TokenizerKind,
        cased: bool,
        vocab_size: usize,
        texts: &mut dyn Iterator<Item = &str>,
    ) -> Result<Self, DataError> {
        let mut learner = VocabularyLearner::new(kind, cased, vocab_size)?;
        texts.for_each(|text| learner.take(text));
        learner.finish()
    }

    /// Returns how often each token occurs in `words`.
    fn count(&self, words: &[(String, u64)]) -> Vec<u64> {
        let mut counts = vec![0; self.len()];
        for (word, count) in words {
            let glyphs: Vec<Glyph> = word
                .chars()
                .map(|character| Glyph {
                    character,
                    source: 0,
                })
                .collect();
            self.encode_word(&glyphs, 0..glyphs.len(), &mut |id, _| {
                counts[id as usize] += count
            });
        }
        counts
    }

    /// Returns the token ids of training text. Special tokens in the text are treated as text, and
    /// none are added.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        if !self.vocabulary.added().is_empty() {
            return self.encoding(text).ids;
        }
        let glyphs = normalize(text, self.normalization);
        let mut ids = Vec::new();
        for word in split(&glyphs, self.splitting) {
            self.encode_word(&glyphs, word, &mut |id, _| ids.push(id));
        }
        ids
    }

    /// Same as [`Self::encode`], with offsets and word starts.
    pub fn encoding(&self, text: &str) -> Encoding {
        let mut encoding = Encoding::default();
        self.encode_part(text, 0, &mut encoding);
        encoding
    }

    /// Encodes text typed by the user: `[MASK]` and the other special tokens are recognised, and
    /// none are added.
    pub fn encode_with_specials(&self, text: &str) -> Encoding {
        let mut encoding = Encoding::default();
        let (mut rest, mut start) = (text, 0);
        while let Some((before, id, after)) = self.vocabulary.split_at_special(rest) {
            self.encode_part(before, start, &mut encoding);
            let first = start + before.chars().count();
            start = first + self.token(id).chars().count();
            encoding.push(id, (first, start), true);
            rest = after;
        }
        self.encode_part(rest, start, &mut encoding);
        encoding
    }

    /// Appends the tokens of `text`, whose first character has the index `start`.
    fn encode_part(&self, text: &str, start: usize, encoding: &mut Encoding) {
        if self.vocabulary.added().is_empty() {
            return self.encode_glyphs(&normalize(text, self.normalization), start, encoding);
        }
        let characters: Vec<char> = text.chars().collect();
        for Piece { range, added } in self.vocabulary.added().split_text(&characters) {
            let first = start + range.start;
            match added {
                Some(id) => encoding.push(id, (first, start + range.end), true),
                None => self.encode_around_added(
                    &characters[range].iter().collect::<String>(),
                    first,
                    encoding,
                ),
            }
        }
    }

    /// Same as [`Self::encode_part`], for text whose remaining added tokens are matched after
    /// normalisation.
    fn encode_around_added(&self, text: &str, start: usize, encoding: &mut Encoding) {
        let glyphs = normalize(text, self.normalization);
        let characters: Vec<char> = glyphs.iter().map(|glyph| glyph.character).collect();
        for Piece { range, added } in self.vocabulary.added().split_normalized(&characters) {
            match added {
                Some(id) => encoding.push(id, source(&glyphs, &range, start), true),
                None => self.encode_glyphs(&glyphs[range], start, encoding),
            }
        }
    }

    /// Appends the tokens of normalised text, whose sources count from `start`.
    fn encode_glyphs(&self, glyphs: &[Glyph], start: usize, encoding: &mut Encoding) {
        for word in split(glyphs, self.splitting) {
            self.encode_word(glyphs, word.clone(), &mut |id, piece| {
                encoding.push(id, source(glyphs, &piece, start), piece.start == word.start);
            });
        }
    }

    /// Calls `put` with each token of the word at `word` in `glyphs` and the glyphs that it covers.
    fn encode_word(
        &self,
        glyphs: &[Glyph],
        word: Range<usize>,
        put: &mut dyn FnMut(u32, Range<usize>),
    ) {
        let characters = glyphs[word.clone()].iter().map(|glyph| glyph.character);
        match &self.model {
            Model::WordPiece(model) => {
                let start = word.start;
                model.encode(&self.vocabulary, characters, &mut |id, piece| {
                    put(id, start + piece.start..start + piece.end);
                });
            }
            Model::Words => put(
                self.vocabulary
                    .piece_or_unknown(&characters.collect::<String>()),
                word,
            ),
        }
    }

    /// Returns the normalised words of `text`.
    #[cfg(test)]
    pub(crate) fn normalized_words(&self, text: &str) -> Vec<String> {
        let glyphs = normalize(text, self.normalization);
        let word =
            |range: Range<usize>| glyphs[range].iter().map(|glyph| glyph.character).collect();
        split(&glyphs, self.splitting)
            .into_iter()
            .map(word)
            .collect()
    }

    /// Returns the size of the vocabulary, including special tokens and ids without a token.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a vocabulary holds its special tokens and is never empty"
    )]
    pub fn len(&self) -> usize {
        self.vocabulary.tokens().len()
    }

    /// Returns the token of an id; empty if the id has none.
    ///
    /// # Panics
    /// Panics if `id` is not below [`Self::len`].
    pub fn token(&self, id: u32) -> &str {
        &self.vocabulary.tokens()[id as usize]
    }

    /// Returns the id of a token, special tokens included.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.vocabulary.id(token)
    }

    /// Returns the ids of the special tokens.
    pub fn specials(&self) -> Specials {
        self.vocabulary.specials()
    }

    /// Returns whether `id` is a special token, which is never chosen for masking.
    pub fn is_special(&self, id: u32) -> bool {
        self.specials().contains(id)
    }

    /// Returns whether `id` stands for text: it is neither a special token, nor an id without a
    /// token, nor one that only pads the embedding table.
    pub fn is_text(&self, id: u32) -> bool {
        !self.is_special(id)
            && self
                .vocabulary
                .tokens()
                .get(id as usize)
                .is_some_and(|token| !token.is_empty())
    }

    /// Returns, for each id, whether its token continues a word.
    pub fn continues(&self) -> Vec<bool> {
        let prefix = match &self.model {
            Model::WordPiece(model) if !model.prefix().is_empty() => model.prefix(),
            _ => return vec![false; self.len()],
        };
        let continues = |(id, token): (usize, &String)| {
            token.starts_with(prefix) && !self.is_special(id as u32)
        };
        self.vocabulary
            .tokens()
            .iter()
            .enumerate()
            .map(continues)
            .collect()
    }

    /// Sets the number of occurrences of each id, for a vocabulary that was read from files.
    /// Returns `None` if there are not as many counts as ids.
    pub fn with_counts(self, counts: Vec<u64>) -> Option<Self> {
        (counts.len() == self.len()).then_some(Self { counts, ..self })
    }

    /// Returns how often each id occurs in the text that the vocabulary was learned from; zeros if
    /// it was read from files.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Returns the kind of tokens that text is split into.
    pub fn kind(&self) -> TokenizerKind {
        match (&self.model, self.splitting) {
            (Model::WordPiece(_), _) => TokenizerKind::Wordpiece,
            (Model::Words, Splitting::Characters) => TokenizerKind::Char,
            (Model::Words, _) => TokenizerKind::Word,
        }
    }

    /// Returns whether upper case is preserved.
    pub fn is_cased(&self) -> bool {
        !self.normalization.lowercase
    }
}

/// Returns the start and exclusive end of the characters that `range` of `glyphs` came from;
/// `start` is the index of the first character of the text.
fn source(glyphs: &[Glyph], range: &Range<usize>, start: usize) -> (usize, usize) {
    (
        start + glyphs[range.start].source,
        start + glyphs[range.end - 1].source + 1,
    )
}

/// Minimum vocabulary size: the special tokens and the letters of a word or two.
const MIN_VOCAB_SIZE: usize = 16;

#[cfg(test)]
mod tests;
