//! What holds for every reader and any input, tried on generated ones: it ends soon, takes memory in proportion to the
//! input, never panics, and refuses with a sentence. Beside that, what each reader owes by itself, such as that a table
//! which was written reads back.
//!
//! `cargo xtask soak` tries more inputs; `clozelab-fuzz` says how.

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
