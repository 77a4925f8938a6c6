//! Extracts n-grams from documents as 64-bit hashes: words with up to three in a row, and
//! characters within words. Hashes need less memory than text, and a saved classifier contains no
//! words.

use crate::data::Document;
use crate::data::text::script::is_unspaced;
use std::collections::HashSet;
use unicode_general_category::{GeneralCategory, get_general_category};

/// Length range of character n-grams, as in
/// `TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5))`.
const CHARACTERS: std::ops::RangeInclusive<usize> = 2..=5;

/// Returns whether a character is part of a word: letters, digits and their combining marks.
fn is_word_char(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    c.is_alphanumeric()
        || matches!(
            get_general_category(c),
            NonspacingMark | SpacingMark | EnclosingMark
        )
}

/// Splits lower-cased text into words, single letters of unspaced scripts, and single other
/// characters.
fn words(lowered: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in lowered.char_indices() {
        if is_word_char(c) && !is_unspaced(c) {
            start.get_or_insert(at);
            continue;
        }
        words.extend(start.take().map(|start| &lowered[start..at]));
        if !c.is_whitespace() {
            words.push(&lowered[at..at + c.len_utf8()]);
        }
    }
    words.extend(start.map(|start| &lowered[start..]));
    words
}

/// Returns the distinct words of a document in order of first occurrence, without punctuation. Each
/// has its hashes as a word of the first and of the second text of a pair.
pub(super) fn distinct_words(document: &Document) -> Vec<(String, [u64; 2])> {
    let mut known = HashSet::new();
    let mut found = Vec::new();
    for text in document.texts() {
        let lowered = text.to_lowercase();
        for word in words(&lowered)
            .into_iter()
            .filter(|word| word.chars().any(is_word_char))
        {
            if known.insert(word.to_string()) {
                let hash = |part| add(add(start(b'w', part), b" "), word.as_bytes());
                found.push((word.to_string(), [hash(0), hash(1)]));
            }
        }
    }
    found
}

/// Returns the hashes of all n-grams of one to `longest` words. The two texts of a pair have
/// separate n-grams.
pub(super) fn of_words(document: &Document, longest: usize) -> Vec<u64> {
    let mut grams = Vec::new();
    for (part, text) in document.texts().enumerate() {
        let lowered = text.to_lowercase();
        let words = words(&lowered);
        for length in 1..=longest {
            let gram = |words: &[&str]| {
                words.iter().fold(start(b'w', part), |hash, word| {
                    add(add(hash, b" "), word.as_bytes())
                })
            };
            grams.extend(words.windows(length).map(gram));
        }
    }
    grams
}

/// Returns the hashes of all character n-grams within words padded by blanks.
pub(super) fn of_characters(document: &Document) -> Vec<u64> {
    let mut grams = Vec::new();
    for (part, text) in document.texts().enumerate() {
        for word in text.to_lowercase().split_whitespace() {
            let padded: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
            for length in CHARACTERS {
                let gram = |characters: &[char]| {
                    characters.iter().fold(start(b'c', part), |hash, c| {
                        add(hash, c.encode_utf8(&mut [0; 4]).as_bytes())
                    })
                };
                grams.extend(padded.windows(length).map(gram));
            }
        }
    }
    grams
}

/// Returns the initial hash of an n-gram of this kind in text number `part` of a pair.
fn start(kind: u8, part: usize) -> u64 {
    add(FNV_OFFSET, &[kind, part as u8])
}

/// Updates a 64-bit FNV-1a hash (Fowler, Noll & Vo). The hash is part of the file format of a saved
/// classifier.
fn add(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

#[cfg(test)]
mod tests {
    use super::super::tests::document;
    use super::*;

    #[test]
    fn words_are_runs_of_letters_or_single_signs() {
        let check = |text: &str, expected: &[&str]| assert_eq!(words(text), expected, "{text}");
        check(
            "the  cat's (mat).",
            &["the", "cat", "'", "s", "(", "mat", ")", "."],
        );
        check("山a水", &["山", "a", "水"]);
        check("नमस्ते دنیا", &["नमस्ते", "دنیا"]);
        check("", &[]);
    }

    #[test]
    fn hashes_of_equal_ngrams_ignore_case() {
        let grams = |text: &str| of_words(&document(text), 2);
        assert_eq!(grams("The cat"), grams("the  CAT"));
        assert_eq!(grams("the cat the").len(), 5);
        assert_eq!(grams("the cat the")[0], grams("the cat the")[2]);
        assert!(
            !grams("ab")[..].contains(&grams("a b")[2]),
            "a pair is no word"
        );
        let pair = Document {
            second: Some("a".into()),
            ..document("a")
        };
        let grams = of_words(&pair, 1);
        assert!(
            grams.len() == 2 && grams[0] != grams[1],
            "the texts of a pair are told apart"
        );
    }

    #[test]
    fn characters_stay_within_words() {
        // " ab " and " c ": 3 + 2 pairs, 2 + 1 triples, 1 of four.
        assert_eq!(of_characters(&document("ab c")).len(), 9);
        assert_eq!(of_characters(&document("")), [0_u64; 0]);
    }
}
