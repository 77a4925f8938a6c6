//! Properties of learning vocabularies and encoding text with them.

use super::reading::check_error;
use crate::{DataError, Tokenizer, VocabularyLearner};
use fuzz::proptest::collection::vec;
use fuzz::proptest::option;
use fuzz::proptest::prelude::*;
use fuzz::proptest::sample::select;
use fuzz::{Limits, Outcome, ensure, spliced_text};
use protocol::TokenizerKind;

/// Words, pieces and pairs with their counts and their positions.
const LIMITS: Limits = Limits {
    base_bytes: 4 << 20,
    bytes_per_byte: 2000,
};

const PIECES: &[&str] = &[
    " ",
    " ",
    " ",
    "the ",
    "boat ",
    "low",
    "er",
    "est",
    "aaaa",
    "ab",
    "##",
    "##a",
    "[MASK]",
    "[UNK]",
    "[",
    "]",
    ".",
    ",",
    "'",
    "é",
    "e\u{301}",
    "\u{301}",
    "İ",
    "ß",
    "ﬁ",
    "好",
    "日本",
    "เรือ",
    "각",
    "🙂",
    "\u{200d}",
    "\0",
    "\u{ad}",
    "\u{e000}",
    "\n",
    "\u{3000}",
    "Ａ",
];

/// Settings for learning a vocabulary.
#[derive(Clone, Debug)]
struct Learning {
    kind: TokenizerKind,
    is_cased: bool,
    strips_accents: bool,
    is_unspaced: bool,
    vocab_size: usize,
    min_count: Option<u64>,
}

fn learnings() -> impl Strategy<Value = Learning> {
    let kinds = select(
        &[
            TokenizerKind::Wordpiece,
            TokenizerKind::Wordpiece,
            TokenizerKind::Word,
            TokenizerKind::Char,
        ][..],
    );
    let sizes = prop_oneof![1 => 0..20_usize, 6 => 16..300_usize, 1 => 300..100_000_usize, 1 => Just(usize::MAX)];
    let counts = option::weighted(0.2, 0..4_u64);
    (kinds, any::<[bool; 3]>(), sizes, counts).prop_map(
        |(kind, [is_cased, strips_accents, is_unspaced], vocab_size, min_count)| Learning {
            kind,
            is_cased,
            strips_accents,
            is_unspaced,
            vocab_size,
            min_count,
        },
    )
}

fn learn(learning: &Learning, texts: &[String]) -> Result<Tokenizer, DataError> {
    let learner = VocabularyLearner::new(learning.kind, learning.is_cased, learning.vocab_size)?;
    let learner = learner
        .strip_accents(learning.strips_accents)
        .min_count(learning.min_count);
    let mut learner = learner.unspaced(learning.is_unspaced);
    texts.iter().for_each(|text| learner.take(text));
    learner.finish()
}

#[test]
fn any_text_gives_a_vocabulary_or_an_error() {
    let inputs = (
        learnings(),
        vec(spliced_text(PIECES, 60), 0..8),
        spliced_text(PIECES, 60),
    );
    fuzz::check("tokenizers", 4000, &inputs, |(learning, texts, other)| {
        let size = texts.iter().map(String::len).sum();
        let tokenizer = match LIMITS.hold(size, || learn(&learning, &texts))? {
            Ok(tokenizer) => tokenizer,
            Err(error) => return check_error(&error),
        };
        ensure(tokenizer.len() <= learning.vocab_size, || {
            format!("{} entries", tokenizer.len())
        })?;
        texts
            .iter()
            .chain([&other])
            .try_for_each(|text| check_encoding(&tokenizer, text))?;
        texts
            .iter()
            .try_for_each(|text| check_pieces(&tokenizer, text))?;
        check_files(&tokenizer, &other)
    });
}

/// Checks the properties of the tokens of any text.
pub fn check_encoding(tokenizer: &Tokenizer, text: &str) -> Outcome {
    let encoding = LIMITS.hold(text.len(), || tokenizer.encode_with_specials(text))?;
    let chars = text.chars().count();
    ensure(
        encoding.ids.len() == encoding.offsets.len()
            && encoding.ids.len() == encoding.word_starts.len(),
        || "a token has no place".into(),
    )?;
    ensure(
        encoding
            .ids
            .iter()
            .all(|id| (*id as usize) < tokenizer.len()),
        || "a token has no row".into(),
    )?;
    ensure(
        encoding
            .offsets
            .iter()
            .all(|(from, to)| from < to && *to <= chars),
        || format!("{:?}", encoding.offsets),
    )?;
    ensure(encoding.offsets.is_sorted(), || {
        format!("{:?}", encoding.offsets)
    })?;
    let encoding = tokenizer.encoding(text);
    ensure(tokenizer.encode(text) == encoding.ids, || {
        "offsets change the tokens".into()
    })?;
    let unk = tokenizer.specials().unk;
    let obeyed = encoding
        .ids
        .iter()
        .find(|id| tokenizer.is_special(**id) && **id != unk);
    ensure(obeyed.is_none(), || {
        format!("text became {:?}", obeyed.map(|id| tokenizer.token(*id)))
    })
}

/// Checks that the concatenated pieces are the normalised text, unless a word is unknown.
fn check_pieces(tokenizer: &Tokenizer, text: &str) -> Outcome {
    let encoding = tokenizer.encoding(text);
    let unk = tokenizer.specials().unk;
    let continues = tokenizer.continues();
    let is_prefixed = tokenizer.kind() == TokenizerKind::Wordpiece && continues.contains(&true);
    let spelled = |id: &u32| {
        let token = tokenizer.token(*id);
        if continues[*id as usize] && is_prefixed {
            token.trim_start_matches("##")
        } else {
            token
        }
    };
    let words = encoding.ids.iter().map(spelled).collect::<String>();
    if encoding.ids.contains(&unk) {
        return Ok(());
    }
    let normalized = tokenizer.normalized_words(text).concat();
    ensure(
        words.replace("##", "") == normalized.replace("##", ""),
        || format!("{normalized:?} became {words:?}"),
    )
}

/// Checks that a vocabulary that was written to a directory reads back unchanged.
fn check_files(tokenizer: &Tokenizer, text: &str) -> Outcome {
    let files = tokenizer.to_files(128);
    let file = |asked: &str| {
        files
            .iter()
            .find(|(name, _)| name == asked)
            .map(|(_, bytes)| bytes.clone())
    };
    let read =
        Tokenizer::from_files(&file).map_err(|error| TestCaseError::fail(error.to_string()))?;
    ensure(read.encoding(text) == tokenizer.encoding(text), || {
        format!("{text:?} has other tokens")
    })?;
    ensure(
        read.with_counts(tokenizer.counts().to_vec()).as_ref() == Some(tokenizer),
        || "it has changed".into(),
    )
}
