//! Properties of reading tokenizer directories as other programs write them.

use super::reading::check_error;
use super::seeds;
use super::tokenizers::check_encoding;
use crate::Tokenizer;
use fuzz::proptest::option;
use fuzz::proptest::prelude::*;
use fuzz::{Bytes, Limits, Outcome, ensure, mutated, spliced_text};

/// A token id may be any number below [`MAX_ROWS`](crate::tokenizer), and each id has a string and
/// a count.
const LIMITS: Limits = Limits {
    base_bytes: 200 << 20,
    bytes_per_byte: 300,
};

const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"\n",
    b"\r\n",
    b"null",
    b"true",
    b"false",
    b"0",
    b"1",
    b"-1",
    b"1000",
    b"1048575",
    b"4294967296",
    b"\"\"",
    b"\"##\"",
    b"[PAD]",
    b"[UNK]",
    b"[CLS]",
    b"[SEP]",
    b"[MASK]",
    b"##",
    b"##a",
    b"\"a\": 3",
    b"\"type\"",
    b"\"WordPiece\"",
    b"\"WordLevel\"",
    b"\"BPE\"",
    b"\"Lowercase\"",
    b"\"BertNormalizer\"",
    b"\"Whitespace\"",
    b"\"WhitespaceSplit\"",
    b"\"normalized\": true",
    b"\"normalized\": false",
    b"\"single_word\": true",
    b"\"max_input_chars_per_word\": 1000",
    b"\"continuing_subword_prefix\": \"\"",
    b"{\"id\": 9, \"content\": \"a\"}",
    b"\"do_lower_case\": false",
    b"\xff",
    b"\\u0000",
    b"\"strip_accents\": true",
    b"\xe5\xa5\xbd",
    b"\xc3\xa9",
];

const TEXT: &[&str] = &[
    "a", "b", "the ", " ", "[MASK]", "##", "é", "好", "boat", "tree", "\u{301}", "İ", "A", ".",
    "\0", "[DATE]", "aaaa",
];

/// The files of a tokenizer directory, each of which may be missing.
const NAMES: [&str; 4] = [
    "tokenizer.json",
    "vocab.txt",
    "tokenizer_config.json",
    "added_tokens.json",
];

fn files() -> impl Strategy<Value = Vec<Option<Bytes>>> {
    let file = |name, share| option::weighted(share, mutated(seeds::field(&[name]), PIECES));
    (
        file("tokenizer.json", 0.6),
        file("vocab.txt", 0.8),
        file("tokenizer_config.json", 0.5),
        file("added_tokens.json", 0.3),
    )
        .prop_map(|(json, vocab, config, added)| vec![json, vocab, config, added])
}

#[test]
fn any_directory_is_a_tokenizer_or_refused() {
    let inputs = (files(), spliced_text(TEXT, 80));
    fuzz::check(
        "tokenizer-files",
        5000,
        &inputs,
        |(files, text)| -> Outcome {
            let file = |name: &str| {
                let place = NAMES.iter().position(|known| *known == name)?;
                files[place].as_ref().map(|Bytes(bytes)| bytes.clone())
            };
            let size = files.iter().flatten().map(|Bytes(bytes)| bytes.len()).sum();
            match LIMITS.hold(size, || Tokenizer::from_files(&file))? {
                Ok(tokenizer) => {
                    check_encoding(&tokenizer, &text)?;
                    check_encoding(&tokenizer, &text.repeat(20))?;
                    let files = LIMITS.hold(size, || tokenizer.to_files(128))?;
                    let file = |asked: &str| {
                        files
                            .iter()
                            .find(|(name, _)| name == asked)
                            .map(|(_, bytes)| bytes.clone())
                    };
                    let read = Tokenizer::from_files(&file)
                        .map_err(|error| TestCaseError::fail(error.to_string()))?;
                    ensure(read.encoding(&text) == tokenizer.encoding(&text), || {
                        "what is written has other tokens".into()
                    })
                }
                Err(error) => check_error(&error),
            }
        },
    );
}
