//! Property tests of the readers of untrusted data. For any input, a reader finishes soon, takes
//! memory in proportion to the input, never panics, and rejects it with a message. In addition,
//! each reader has properties of its own: for example, a table that was written reads back.
//!
//! `cargo xtask soak` tries more inputs; the crate `clozelab-fuzz` documents how.

mod archives;
mod columns;
mod corpora;
mod encodings;
mod labels;
mod lines;
mod objects;
mod reading;
mod seeds;
mod streams;
mod tables;
mod tokenizer_files;
mod tokenizers;
mod vectors;
