//! Properties of reading several files as a corpus, with roles by name, held-out documents and
//! warnings.

use super::reading::{LIMITS, check_error};
use super::seeds;
use crate::{Corpus, InputFile, Opened, ReadOptions};
use fuzz::proptest::collection::vec;
use fuzz::proptest::prelude::*;
use fuzz::proptest::sample::select;
use fuzz::{Bytes, Outcome, ensure, mutated};

const PIECES: &[&[u8]] = &[
    b"\n",
    b"\t",
    b",",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b"__label__x",
    b"__label__",
    b"text",
    b"label",
    b"\xff",
    b"\0",
    b"\n\n",
    b" ",
    b"a red boat\n",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
];

const NAMES: &[&str] = &[
    "train.txt",
    "test.txt",
    "valid.txt",
    "train.csv",
    "test.csv",
    "dev.jsonl",
    "a/boat/1.txt",
    "a/tree/1.txt",
    "a/boat/2.txt",
    "x.json",
    "README.md",
    "b.tsv",
];

#[test]
fn any_files_are_a_corpus_or_refused() {
    let all = seeds::field(&[".txt", ".csv", ".tsv", ".json", ".jsonl", ".bz2", ".zip"]);
    let inputs = (
        vec((select(NAMES), mutated(all, PIECES)), 0..4),
        any::<bool>(),
    );
    fuzz::check(
        "corpora",
        800,
        &inputs,
        |(files, reads_folder_classes)| -> Outcome {
            let size = files.iter().map(|(_, Bytes(bytes))| bytes.len()).sum();
            let files: Vec<InputFile> = files
                .into_iter()
                .map(|(name, Bytes(bytes))| InputFile::in_memory(name, bytes, None))
                .collect();
            let options = ReadOptions {
                reads_folder_classes,
                ..ReadOptions::default()
            };
            match LIMITS.hold(size, || Corpus::read(&Opened::new(&files), &options))? {
                Ok((_, warnings)) => {
                    let is_sentence = |sentence: &str| {
                        !sentence.trim().is_empty() && !sentence.contains(char::is_control)
                    };
                    let odd = warnings
                        .iter()
                        .find(|(_, sentence)| !is_sentence(&sentence.to_string()));
                    ensure(odd.is_none(), || format!("{odd:?}"))
                }
                Err(error) => check_error(&error),
            }
        },
    );
}
