//! Word vector files: GloVe's format without a header, words that contain spaces, the binary
//! format, and a web page downloaded by mistake.

use super::{Bench, Case, cases};

#[test]
fn vectors_without_a_header_and_words_with_spaces_are_read() {
    cases(|bench| {
        embed(bench, "W01", "W01/glove.txt").ok().tells(&["7"]);
        embed(bench, "W02", "W02/glove840.txt").ok().tells(&["3"]);
    });
}

#[test]
fn files_without_vectors_are_refused() {
    cases(|bench| {
        embed(bench, "W03", "W03/vectors.bin")
            .refused()
            .tells_one_of(&["text form", "binary"]);
        embed(bench, "W04", "W04/vectors.txt")
            .refused()
            .tells(&["html"])
            .lacks(&["--hidden-size 1"]);
    });
}

/// Pre-trains a model with the width of the vectors.
fn embed<'a>(bench: &'a Bench, id: &'static str, file: &str) -> Case<'a> {
    let words = "pretrain --corpus base/corpus.txt --hidden-size 16 --tokenizer word --embeddings";
    bench.train(id, &format!("{words} {file}"))
}
