//! Normalises text and splits it into words: cleaning, spacing of Chinese characters, accent
//! stripping, lower-casing and splitting, exactly as Hugging Face's `BertNormalizer`, `Lowercase`,
//! `BertPreTokenizer`, `Whitespace` and `WhitespaceSplit` do. Each resulting character records the
//! original one it came from. Does not know the vocabulary.
//!
//! Source: Devlin et al. 2019, `tokenization.py`; Hugging Face `tokenizers`, `normalizers/bert.rs`.

use super::older_unicode::{
    FORMER_MARKS, FORMER_PUNCTUATION, LATER_FORMAT, LATER_MARKS, LATER_PUNCTUATION, holds,
};
use std::ops::Range;
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::char::decompose_canonical;

/// Rules applied to characters before splitting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Normalization {
    /// Removes control characters and replaces white space by a space.
    pub clean_text: bool,
    /// Makes each Chinese character a word.
    pub space_chinese: bool,
    /// Decomposes characters (NFD) and removes combining marks.
    pub strip_accents: bool,
    /// Lower-cases each character.
    pub lowercase: bool,
}

impl Normalization {
    /// Returns BERT's rules. Its published uncased vocabularies strip accents; many scripts write
    /// vowels and tones as such marks.
    pub fn bert(cased: bool, strip_accents: bool) -> Self {
        Self {
            clean_text: true,
            space_chinese: true,
            strip_accents,
            lowercase: !cased,
        }
    }

    /// Returns BERT's rules for scripts without spaces: the vocabulary alone determines the words,
    /// Chinese characters included.
    pub fn unspaced(cased: bool, strip_accents: bool) -> Self {
        Self {
            space_chinese: false,
            ..Self::bert(cased, strip_accents)
        }
    }

    /// Returns rules that change nothing but the case.
    pub fn plain(cased: bool) -> Self {
        Self {
            clean_text: false,
            space_chinese: false,
            strip_accents: false,
            lowercase: !cased,
        }
    }
}

/// How normalised text is split into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Splitting {
    /// At white space; each punctuation character is a word.
    Bert,
    /// At white space; runs of word characters and runs of other characters are words.
    Words,
    /// At white space only.
    Whitespace,
    /// Every character other than white space is a word.
    Characters,
}

/// A character after normalisation and the index of the original character it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glyph {
    pub character: char,
    pub source: usize,
}

/// Normalises `text`.
pub(super) fn normalize(text: &str, rules: Normalization) -> Vec<Glyph> {
    let mut glyphs = Vec::with_capacity(text.len());
    for (source, original) in text.chars().enumerate() {
        let mut put = |character| glyphs.push(Glyph { character, source });
        if original.is_ascii() {
            put_ascii(original, rules, &mut put);
        } else {
            put_any(original, rules, &mut put);
        }
    }
    glyphs
}

/// Applies the rules to ASCII, which needs none of Unicode's tables and is by far the most frequent
/// case.
fn put_ascii(c: char, rules: Normalization, put: &mut impl FnMut(char)) {
    if !rules.clean_text || !c.is_ascii_control() {
        put(if rules.lowercase {
            c.to_ascii_lowercase()
        } else {
            c
        });
    } else if matches!(c, '\t' | '\n' | '\r') {
        put(' ');
    }
}

fn put_any(c: char, rules: Normalization, put: &mut impl FnMut(char)) {
    let c = match rules.clean_text {
        true if c == char::REPLACEMENT_CHARACTER || is_other(c) => return,
        true if c.is_whitespace() => ' ',
        _ => c,
    };
    let spaced = rules.space_chinese && is_chinese(c);
    if spaced {
        put(' ');
    }
    if rules.strip_accents && !holds(&LATER_MARKS, c) {
        decompose_canonical(c, |part| {
            if !is_nonspacing_mark(part) {
                put_case(part, rules, put);
            }
        });
    } else {
        put_case(c, rules, put);
    }
    if spaced {
        put(' ');
    }
}

fn put_case(c: char, rules: Normalization, put: &mut impl FnMut(char)) {
    if rules.lowercase {
        c.to_lowercase().for_each(put)
    } else {
        put(c)
    }
}

/// Splits glyphs into words, returned as ranges of their indices.
pub(super) fn split(glyphs: &[Glyph], splitting: Splitting) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut previous = Class::Space;
    for (index, glyph) in glyphs.iter().enumerate() {
        let class = classify(glyph.character, splitting);
        match class {
            Class::Space => {}
            _ if class == previous && class != Class::Alone => {
                words.last_mut().expect("a word has begun").end += 1
            }
            _ => words.push(index..index + 1),
        }
        previous = class;
    }
    words
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Space,
    Letter,
    Symbol,
    Alone,
}

fn classify(c: char, splitting: Splitting) -> Class {
    match splitting {
        _ if c.is_whitespace() => Class::Space,
        Splitting::Bert if is_punctuation(c) => Class::Alone,
        Splitting::Words if !is_word(c) => Class::Symbol,
        Splitting::Characters => Class::Alone,
        _ => Class::Letter,
    }
}

/// Returns whether `c` is a control, format or private-use character.
fn is_other(c: char) -> bool {
    use GeneralCategory::{Control, Format, PrivateUse};
    !matches!(c, '\t' | '\n' | '\r')
        && matches!(get_general_category(c), Control | Format | PrivateUse)
        && !holds(&LATER_FORMAT, c)
}

fn is_nonspacing_mark(c: char) -> bool {
    get_general_category(c) == GeneralCategory::NonspacingMark || holds(&FORMER_MARKS, c)
}

/// Returns whether `c` is a CJK ideograph. Source: `tokenization.py`, `_is_chinese_char`.
fn is_chinese(c: char) -> bool {
    matches!(
        c,
        '\u{4E00}'..='\u{9FFF}'
            | '\u{3400}'..='\u{4DBF}'
            | '\u{20000}'..='\u{2A6DF}'
            | '\u{2A700}'..='\u{2B73F}'
            | '\u{2B740}'..='\u{2B81F}'
            | '\u{2B920}'..='\u{2CEAF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{2F800}'..='\u{2FA1F}'
    )
}

fn is_punctuation(c: char) -> bool {
    use GeneralCategory::{
        ClosePunctuation, ConnectorPunctuation, DashPunctuation, FinalPunctuation,
        InitialPunctuation, OpenPunctuation, OtherPunctuation,
    };
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    let is_current = matches!(
        get_general_category(c),
        ConnectorPunctuation
            | DashPunctuation
            | OpenPunctuation
            | ClosePunctuation
            | InitialPunctuation
            | FinalPunctuation
            | OtherPunctuation
    );
    is_current && !holds(&LATER_PUNCTUATION, c) || holds(&FORMER_PUNCTUATION, c)
}

/// Returns whether `c` matches `\w` of Unicode regular expressions (UTS 18, annex C).
fn is_word(c: char) -> bool {
    use GeneralCategory::{
        ConnectorPunctuation, DecimalNumber, EnclosingMark, NonspacingMark, SpacingMark,
    };
    c.is_alphabetic()
        || matches!(c, '\u{200C}' | '\u{200D}')
        || matches!(
            get_general_category(c),
            ConnectorPunctuation | DecimalNumber | EnclosingMark | NonspacingMark | SpacingMark
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NONE: Normalization = Normalization {
        clean_text: false,
        space_chinese: false,
        strip_accents: false,
        lowercase: false,
    };

    fn text(glyphs: &[Glyph]) -> String {
        glyphs.iter().map(|glyph| glyph.character).collect()
    }

    /// Returns whether a character is normalised to `result`.
    fn becomes(character: char, rules: Normalization, result: &str) -> bool {
        text(&normalize(character.encode_utf8(&mut [0; 4]), rules)) == result
    }

    #[test]
    fn every_character_is_treated_as_hugging_face_does() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/golden/tokenizer/characters.json"
        );
        let expected: Value =
            serde_json::from_slice(&std::fs::read(path).expect(path)).expect("JSON");
        type Test<'a> = (&'a str, &'a dyn Fn(char) -> bool);
        let tests: [Test; 5] = [
            ("removed", &|c| {
                becomes(
                    c,
                    Normalization {
                        clean_text: true,
                        ..NONE
                    },
                    "",
                )
            }),
            ("blank", &|c| {
                becomes(
                    c,
                    Normalization {
                        clean_text: true,
                        ..NONE
                    },
                    " ",
                )
            }),
            ("spaced", &|c| {
                becomes(
                    c,
                    Normalization {
                        space_chinese: true,
                        ..NONE
                    },
                    &format!(" {c} "),
                )
            }),
            ("stripped", &|c| {
                becomes(
                    c,
                    Normalization {
                        strip_accents: true,
                        ..NONE
                    },
                    "",
                )
            }),
            ("punctuation", &|c| {
                classify(c, Splitting::Bert) == Class::Alone
            }),
        ];
        for (name, test) in tests {
            let mut ranges: Vec<[u32; 2]> = Vec::new();
            // The reference data leaves out planes in which nothing is assigned.
            let characters = ('\0'..='\u{33FFF}').chain('\u{E0000}'..='\u{E01FF}');
            for code in characters.filter(|&c| test(c)).map(u32::from) {
                match ranges.last_mut() {
                    Some([_, last]) if *last + 1 == code => *last = code,
                    _ => ranges.push([code, code]),
                }
            }
            assert!(json!(ranges) == expected[name], "{name}");
        }
    }

    #[test]
    fn each_glyph_records_its_source() {
        let sources = |text, rules| {
            normalize(text, rules)
                .iter()
                .map(|glyph| glyph.source)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            text(&normalize("Éa\0 İ好", Normalization::bert(false, true))),
            "ea i 好 "
        );
        assert_eq!(
            sources("Éa\0 İ好", Normalization::bert(false, true)),
            [0, 1, 3, 4, 5, 5, 5]
        );
        assert_eq!(
            text(&normalize("İß", Normalization::plain(false))),
            "i\u{307}ß"
        );
        assert_eq!(sources("İß", Normalization::plain(false)), [0, 0, 1]);
        assert_eq!(text(&normalize("É\t각", NONE)), "É\t각");
    }

    #[test]
    fn words_are_split_as_defined() {
        let line = "don't  a-b c_d\u{a0}好。e";
        for (splitting, expected) in [
            (
                Splitting::Bert,
                &[
                    "don", "'", "t", "a", "-", "b", "c", "_", "d", "好", "。", "e",
                ][..],
            ),
            (
                Splitting::Words,
                &["don", "'", "t", "a", "-", "b", "c_d", "好", "。", "e"],
            ),
            (Splitting::Whitespace, &["don't", "a-b", "c_d", "好。e"]),
            (
                Splitting::Characters,
                &[
                    "d", "o", "n", "'", "t", "a", "-", "b", "c", "_", "d", "好", "。", "e",
                ],
            ),
        ] {
            let glyphs = normalize(line, NONE);
            let words: Vec<String> = split(&glyphs, splitting)
                .into_iter()
                .map(|word| text(&glyphs[word]))
                .collect();
            assert_eq!(words, expected);
        }
    }
}
