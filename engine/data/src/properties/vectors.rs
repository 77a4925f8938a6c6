//! Properties of reading word vectors in text format.

use super::reading::check_error;
use super::seeds;
use crate::Tokenizer;
use crate::word_vectors::WordVectors;
use fuzz::{Bytes, Limits, Outcome, ensure, mutated};
use protocol::TokenizerKind;

/// Covers one row per word of the vocabulary, and the fields of the longest line.
const LIMITS: Limits = Limits {
    base_bytes: 1 << 20,
    bytes_per_byte: 100,
};

const PIECES: &[&[u8]] = &[
    b" ",
    b"\t",
    b"\n",
    b"\r\n",
    b"4 2\n",
    b"the 0.5 1\n",
    b"1e39",
    b"NaN",
    b"inf",
    b"-",
    b"0x1",
    b"99999999999999999999 3\n",
    b"\xff",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xc2\xa0",
    b"\xe3\x80\x80",
    b"<html",
    b"{\"",
    b"[",
    b"PK\x03\x04",
    b". . . 1 2",
];

#[test]
fn any_lines_are_vectors_or_refused() {
    let tokenizer = Tokenizer::learn(
        TokenizerKind::Word,
        false,
        32,
        &mut ["the store the store new york"; 3].into_iter(),
    );
    let tokenizer = tokenizer.expect("text");
    let seeds = seeds::field(&["glove.txt", "glove840.txt", "vectors.txt", "vectors.bin"]);
    let inputs = (mutated(seeds, PIECES), 0..6_usize);
    fuzz::check(
        "word-vectors",
        10_000,
        &inputs,
        |(Bytes(bytes), width)| -> Outcome {
            let found = LIMITS.hold(bytes.len(), || {
                let mut vectors = WordVectors::new(&tokenizer, width);
                bytes
                    .split(|byte| *byte == b'\n')
                    .try_for_each(|line| vectors.take(line))?;
                vectors.finish()
            })?;
            match found {
                Ok(found) => {
                    let is_row = |(id, row): (&u32, &Vec<f32>)| {
                        (*id as usize) < tokenizer.len()
                            && row.len() == width
                            && row.iter().all(|value| value.is_finite())
                    };
                    ensure(found.rows.iter().all(is_row), || format!("{found:?}"))
                }
                Err(error) => check_error(&error),
            }
        },
    );
}
