//! Cache entries for the tokens of a large corpus: named pieces under a key that hashes everything
//! they depend on, so that a changed text or setting never finds stale tokens.

use crate::data::examples::{EncodedDocuments, Tokens};
use crate::data::{Corpus, LabelSet, Selection, Tokenizer};
use crate::session::host::CacheEntry;
use crate::session::run::checkpoint::sha256;
use protocol::{FileRole, RunConfig};
use std::rc::Rc;

/// The tokenizer, the encoded training documents, and the encoded validation documents.
pub type Encoded = (Rc<Tokenizer>, Tokens, Tokens);

/// Names of the pieces.
const TOKENIZER: &str = "tokenizer.json";
const COUNTS: &str = "counts";
const TRAIN: [&str; 2] = ["train.tokens", "train.lengths"];
const VALID: [&str; 2] = ["valid.tokens", "valid.lengths"];
const MARKS: &str = "train.labels";
/// Version of the cache: changes whenever tokens are encoded or stored differently.
const FORMAT: &str = "clozelab tokens 3";

/// Returns the cache key of encoded labelled documents.
pub(crate) fn labelled_key(
    corpus: &Corpus,
    selection: &Selection,
    tokenizer: &Tokenizer,
    labels: &LabelSet,
) -> String {
    let selection = format!("labelled {selection:?} {}", split(corpus));
    let words = sha256(&json(tokenizer));
    let mut parts = vec![FORMAT, corpus.fingerprint(), &words, &selection];
    parts.extend(labels.names().iter().map(String::as_str));
    sha256(parts.join("\n").as_bytes())
}

/// Returns labelled documents as cache entries.
pub(crate) fn labelled_pieces(documents: &EncodedDocuments) -> Vec<CacheEntry> {
    let mut pieces = token_pieces(TRAIN, documents.texts());
    pieces.push(entry(MARKS, documents.marks()));
    pieces
}

/// Restores the entries of [`labelled_pieces`]; `None` if something is missing or inconsistent.
pub(crate) fn restored_labelled(
    pieces: &[CacheEntry],
    tokenizer: &Tokenizer,
    labels: &LabelSet,
) -> Option<EncodedDocuments> {
    let texts = restored_tokens(pieces, TRAIN, tokenizer.len())?;
    EncodedDocuments::restored(texts, &read(pieces, MARKS)?, labels.len())
}

/// Returns the cache key of a tokenized corpus: a hash of everything it depends on.
pub(crate) fn key(corpus: &Corpus, config: &RunConfig, tokenizer: Option<&Tokenizer>) -> String {
    let words = match tokenizer {
        Some(tokenizer) => sha256(&json(tokenizer)),
        None => {
            let RunConfig {
                tokenizer,
                cased,
                strip_accents,
                vocab_size,
                min_count,
                ..
            } = config;
            let min_count_part =
                min_count.map_or_else(String::new, |count| format!(" from {count}"));
            format!(
                "{tokenizer:?} cased {cased} accents {} size {vocab_size}{min_count_part}",
                !strip_accents
            )
        }
    };
    let limit = format!("{:?} {}", config.limit, split(corpus));
    sha256(
        [FORMAT, corpus.fingerprint(), &words, &limit]
            .join("\n")
            .as_bytes(),
    )
}

/// Describes which documents are trained on: cross-validation splits the same files differently.
fn split(corpus: &Corpus) -> String {
    let [train, valid, test] =
        [FileRole::Train, FileRole::Valid, FileRole::Test].map(|role| corpus.documents(role));
    format!("{train} {valid} {test} {}", corpus.trains_on_all())
}

fn json(tokenizer: &Tokenizer) -> Vec<u8> {
    let files = tokenizer.to_files(0);
    files
        .into_iter()
        .find(|(name, _)| name == TOKENIZER)
        .map(|(_, bytes)| bytes)
        .unwrap_or_default()
}

/// Returns the tokenizer and the encoded corpus as cache entries.
pub(crate) fn pieces((tokenizer, train, valid): &Encoded) -> Vec<CacheEntry> {
    let counts = tokenizer
        .counts()
        .iter()
        .flat_map(|count| count.to_le_bytes())
        .collect();
    let words = vec![entry(TOKENIZER, json(tokenizer)), entry(COUNTS, counts)];
    [
        words,
        token_pieces(TRAIN, train),
        token_pieces(VALID, valid),
    ]
    .concat()
}

/// Restores the entries of [`pieces`]; `None` if something is missing or inconsistent.
pub(crate) fn restored(pieces: &[CacheEntry], tokenizer: Option<Rc<Tokenizer>>) -> Option<Encoded> {
    let tokenizer = match tokenizer {
        Some(tokenizer) => tokenizer,
        None => {
            let counts = read(pieces, COUNTS)?
                .as_chunks()
                .0
                .iter()
                .map(|count| u64::from_le_bytes(*count))
                .collect();
            let file = |name: &str| {
                if name == TOKENIZER {
                    read(pieces, TOKENIZER)
                } else {
                    None
                }
            };
            Rc::new(Tokenizer::from_files(&file).ok()?.with_counts(counts)?)
        }
    };
    let tokens = |names| restored_tokens(pieces, names, tokenizer.len());
    let (train, valid) = (tokens(TRAIN)?, tokens(VALID)?);
    Some((tokenizer, train, valid))
}

fn entry(name: &str, bytes: Vec<u8>) -> CacheEntry {
    CacheEntry {
        name: name.into(),
        size: bytes.len() as u64,
        bytes: Rc::new(bytes),
    }
}

fn token_pieces([bytes, lengths]: [&str; 2], tokens: &Tokens) -> Vec<CacheEntry> {
    let (stored, size) = tokens.stored();
    vec![
        CacheEntry {
            name: bytes.into(),
            size,
            bytes: stored.clone(),
        },
        entry(lengths, tokens.lengths()),
    ]
}

fn restored_tokens(
    pieces: &[CacheEntry],
    [bytes, lengths]: [&str; 2],
    vocab_size: usize,
) -> Option<Tokens> {
    let piece = pieces.iter().find(|piece| piece.name == bytes)?;
    Tokens::restored(
        piece.bytes.clone(),
        piece.size,
        &read(pieces, lengths)?,
        vocab_size,
    )
}

fn read(pieces: &[CacheEntry], name: &str) -> Option<Vec<u8>> {
    let piece = pieces.iter().find(|piece| piece.name == name)?;
    let mut bytes = vec![0; usize::try_from(piece.size).ok()?];
    piece.bytes.read_at(0, &mut bytes).ok()?;
    Some(bytes)
}
