//! The corpus in tokens: encoded once per vocabulary, cached between runs, and turned into word vectors.

pub(crate) mod cache;
pub(crate) mod held_out;
pub(crate) mod near_duplicates;
pub(crate) mod tokenized_corpus;
pub(crate) mod vectors;
