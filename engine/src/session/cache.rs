//! Tokens of a large corpus as a host keeps them between programs: named pieces under a key that tells everything they
//! depend on, so that no change of the text or of a setting ever meets the tokens of another.

use super::corpus::Encoded;
use super::host::Piece;
use crate::data::examples::Tokens;
use crate::data::{Corpus, Tokenizer};
use protocol::RunConfig;
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// Names of the pieces.
const TOKENIZER: &str = "tokenizer.json";
const COUNTS: &str = "counts";
const TRAIN: [&str; 2] = ["train.tokens", "train.lengths"];
const VALID: [&str; 2] = ["valid.tokens", "valid.lengths"];
/// Changes whenever tokens come out differently, or their form does.
const FORMAT: &str = "clozelab tokens 1";

/// Tells tokens apart: a digest of everything that they depend on.
pub(super) fn key(corpus: &Corpus, config: &RunConfig, tokenizer: Option<&Tokenizer>) -> String {
    let words = match tokenizer {
        Some(tokenizer) => sha256(&json(tokenizer)),
        None => format!("{:?} cased {} size {}", config.tokenizer, config.cased, config.vocab_size),
    };
    let limit = format!("{:?}", config.limit);
    sha256([FORMAT, corpus.fingerprint(), &words, &limit].join("\n").as_bytes())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn json(tokenizer: &Tokenizer) -> Vec<u8> {
    let files = tokenizer.to_files(0);
    files.into_iter().find(|(name, _)| name == TOKENIZER).map(|(_, bytes)| bytes).unwrap_or_default()
}

/// Words and tokens as pieces.
pub(super) fn pieces((tokenizer, train, valid): &Encoded) -> Vec<Piece> {
    let held =
        |name: &str, bytes: Vec<u8>| Piece { name: name.into(), size: bytes.len() as u64, bytes: Rc::new(bytes) };
    let counts = tokenizer.counts().iter().flat_map(|count| count.to_le_bytes()).collect();
    let mut pieces = vec![held(TOKENIZER, json(tokenizer)), held(COUNTS, counts)];
    for ([bytes, lengths], tokens) in [(TRAIN, train), (VALID, valid)] {
        let (stored, size) = tokens.stored();
        pieces.push(Piece { name: bytes.into(), size, bytes: stored.clone() });
        pieces.push(held(lengths, tokens.lengths()));
    }
    pieces
}

/// What [`pieces`] kept; `None` where something is missing or does not fit.
pub(super) fn restored(pieces: &[Piece], tokenizer: Option<Rc<Tokenizer>>) -> Option<Encoded> {
    let piece = |name: &str| pieces.iter().find(|piece| piece.name == name);
    let read = |name: &str| {
        let piece = piece(name)?;
        let mut bytes = vec![0; usize::try_from(piece.size).ok()?];
        piece.bytes.read_at(0, &mut bytes).ok()?;
        Some(bytes)
    };
    let tokenizer = match tokenizer {
        Some(tokenizer) => tokenizer,
        None => {
            let counts: Vec<u64> = read(COUNTS)?.as_chunks().0.iter().map(|count| u64::from_le_bytes(*count)).collect();
            let tokenizer = Tokenizer::from_files(&|name| (name == TOKENIZER).then(|| read(name))?).ok()?;
            Rc::new((tokenizer.len() == counts.len()).then(|| tokenizer.with_counts(counts))?)
        }
    };
    let tokens = |[bytes, lengths]: [&str; 2]| {
        let piece = piece(bytes)?;
        Tokens::restored(piece.bytes.clone(), piece.size, &read(lengths)?, tokenizer.len())
    };
    let (train, valid) = (tokens(TRAIN)?, tokens(VALID)?);
    Some((tokenizer, train, valid))
}
