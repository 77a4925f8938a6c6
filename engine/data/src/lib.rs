//! The data pipeline: files become documents, documents become tokens, and tokens become masked or
//! labelled batches.
//!
//! Pure Rust without tensors, file access, clock or platform code: the same bytes and seed yield
//! the same batches in a Web Worker and on the command line. The only failures are bad inputs,
//! reported as [`DataError`].

pub mod corpus;
mod document;
pub mod embeddings;
pub mod entropy_baselines;
pub mod error;
pub mod examples;
pub mod labels;
pub mod masking;
mod near_duplicates;
mod packed;
#[cfg(all(test, feature = "archives"))]
mod properties;
pub mod random;
mod reading;
mod table;
pub mod text;
pub mod tokenizer;
pub mod word_vectors;

pub use corpus::{Corpus, LOOKED_AT, NearDuplicateCounts, Selection};
pub use document::Document;
pub use entropy_baselines::EntropyBaselines;
pub use error::DataError;
pub use examples::{
    Batch, EncodedDocument, LabelledExamples, MaskedExamples, Packed, SentencePairs, Windows,
};
pub use labels::labelled_table::{Answer, LabelledTable};
pub use labels::{LabelSet, LabelSurvey};
pub use masking::{Corruption, Masked, Masker};
pub use packed::{Opened, is_archive};
pub use reading::byte_source::{
    ByteSource, ChunkedBuffer, Converted, InputFile, ReadAt, TempStorage,
};
pub use reading::encoding::Decoding;
pub use reading::file::{FileRows, ReadFile, looks_like_table, read_file, unpacked};
pub use reading::lines::{Kind, Taken, document_of};
pub use reading::warning::Warning;
pub use table::{Dialect, DocumentColumns, Layout, ReadOptions, Shape, missing_values};
pub use text::shown::quoted;
pub use tokenizer::{Encoding, Specials, Tokenizer, VocabularyLearner, older_unicode};
