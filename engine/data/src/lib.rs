//! The data pipeline: files become documents, documents become tokens, and tokens become masked or
//! labelled batches.
//!
//! Pure Rust without tensors, file access, clock or platform code: the same bytes and seed yield
//! the same batches in a Web Worker and on the command line. The only failures are bad inputs,
//! reported as [`DataError`].

pub mod byte_source;
pub mod corpus;
pub mod embeddings;
mod encoding;
pub mod entropy_baselines;
pub mod error;
pub mod examples;
mod file;
mod label_map;
mod labelled_table;
pub mod labels;
mod lines;
pub mod masking;
mod near_duplicates;
mod packed;
#[cfg(all(test, feature = "archives"))]
mod properties;
pub mod random;
mod reader;
pub mod script;
pub mod sentences;
mod shown;
mod table;
pub mod tokenizer;
pub mod word_vectors;

pub use byte_source::{ByteSource, ChunkedBuffer, InputFile, ReadAt, TempStorage};
pub use corpus::{Corpus, Document, LOOKED_AT, NearDuplicateCounts, Selection};
pub use encoding::Decoding;
pub use entropy_baselines::EntropyBaselines;
pub use error::DataError;
pub use examples::{
    Batch, EncodedDocument, LabelledExamples, MaskedExamples, Packed, SentencePairs, Windows,
};
pub use file::{FileRows, ReadFile, Warning, looks_like_table, read_file, unpacked};
pub use labelled_table::{Answer, LabelledTable};
pub use labels::{LabelSet, LabelSurvey};
pub use lines::{Kind, Taken, document_of};
pub use masking::{Corruption, Masked, Masker};
pub use packed::{Opened, is_archive};
pub use shown::quoted;
pub use table::{Dialect, Layout, ReadOptions, Shape, TextColumns};
pub use tokenizer::{Encoding, Specials, Tokenizer, VocabularyLearner};
