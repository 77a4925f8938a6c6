//! Token ids of documents, stored end to end in two bytes each if the vocabulary allows it, in
//! storage provided by the host.

use crate::reading::byte_source::{ChunkedBuffer, ReadAt, TempStorage};
use std::io;
use std::ops::Range;
use std::rc::Rc;

/// Immutable token ids of documents. Clones share the data.
#[derive(Clone)]
pub struct Tokens {
    bytes: Rc<dyn ReadAt>,
    /// Bytes per token.
    width: usize,
    /// Start of each document, in tokens, followed by the number of tokens.
    bounds: Rc<Vec<usize>>,
}

/// Builder of [`Tokens`].
pub struct TokensBuilder {
    bytes: Box<dyn TempStorage>,
    width: usize,
    bounds: Vec<usize>,
    waiting: Vec<u8>,
}

/// Size of the write buffer in bytes.
const BUFFER_BYTES: usize = 256 << 10;
/// Number of tokens per chunk when iterating over all tokens.
const CHUNK_TOKENS: usize = 64 << 10;
/// Vocabularies up to this size use two bytes per id.
const MAX_NARROW_VOCAB_SIZE: usize = 1 << 16;

impl TokensBuilder {
    /// Creates a builder that writes documents of ids below `vocab_size` to `bytes`, which must be
    /// empty.
    pub fn new(bytes: Box<dyn TempStorage>, vocab_size: usize) -> Self {
        let width = if vocab_size <= MAX_NARROW_VOCAB_SIZE {
            2
        } else {
            4
        };
        Self {
            bytes,
            width,
            bounds: vec![0],
            waiting: Vec::new(),
        }
    }

    /// Appends a document.
    ///
    /// # Errors
    /// Returns an error if there is no space left.
    pub fn push(&mut self, ids: impl Iterator<Item = u32>) -> io::Result<()> {
        let before = self.waiting.len();
        match self.width {
            2 => self
                .waiting
                .extend(ids.flat_map(|id| (id as u16).to_le_bytes())),
            _ => self.waiting.extend(ids.flat_map(u32::to_le_bytes)),
        }
        let last = self.bounds.last().copied().unwrap_or(0);
        self.bounds
            .push(last + (self.waiting.len() - before) / self.width);
        if self.waiting.len() >= BUFFER_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Returns the documents appended so far.
    ///
    /// # Errors
    /// Returns an error if there is no space left for the last ones.
    pub fn finish(mut self) -> io::Result<Tokens> {
        self.flush()?;
        let bytes: Box<dyn ReadAt> = self.bytes;
        Ok(Tokens {
            bytes: bytes.into(),
            width: self.width,
            bounds: Rc::new(self.bounds),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes.append(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}

impl Tokens {
    /// Creates documents in memory.
    pub fn in_memory(documents: impl Iterator<Item = Vec<u32>>, vocab_size: usize) -> Self {
        let mut builder = TokensBuilder::new(Box::<ChunkedBuffer>::default(), vocab_size);
        documents.for_each(|ids| builder.push(ids.into_iter()).expect("memory takes bytes"));
        builder.finish().expect("memory takes bytes")
    }

    /// Returns the number of tokens.
    pub fn len(&self) -> usize {
        self.bounds.last().copied().unwrap_or(0)
    }

    /// Returns whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of documents.
    pub fn documents(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Returns the token range of a document.
    pub fn place(&self, document: usize) -> Range<usize> {
        self.bounds[document]..self.bounds[document + 1]
    }

    /// Appends the tokens in `range` to `out`.
    ///
    /// # Panics
    /// Panics if they cannot be read back: memory cannot fail, and a run cannot continue without
    /// the file that holds its tokens.
    pub fn read(&self, range: Range<usize>, out: &mut Vec<u32>) {
        let mut bytes = vec![0; range.len() * self.width];
        self.bytes
            .read_at((range.start * self.width) as u64, &mut bytes)
            .expect("tokens set aside can be read back");
        match self.width {
            2 => out.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|id| u32::from(u16::from_le_bytes(*id))),
            ),
            _ => out.extend(bytes.as_chunks().0.iter().map(|id| u32::from_le_bytes(*id))),
        }
    }

    /// Returns the token ids of a document.
    pub fn document(&self, document: usize) -> Vec<u32> {
        let mut ids = Vec::new();
        self.read(self.place(document), &mut ids);
        ids
    }

    /// Iterates over all tokens in order, in chunks.
    pub fn chunks(&self) -> impl Iterator<Item = Vec<u32>> {
        (0..self.len()).step_by(CHUNK_TOKENS).map(|start| {
            let mut ids = Vec::new();
            self.read(start..self.len().min(start + CHUNK_TOKENS), &mut ids);
            ids
        })
    }
}

/// Serialisation.
impl Tokens {
    /// Returns the storage of the tokens and their size in bytes.
    pub fn stored(&self) -> (&Rc<dyn ReadAt>, u64) {
        (&self.bytes, (self.len() * self.width) as u64)
    }

    /// Returns the document lengths in tokens, as little-endian `u32`s.
    pub fn lengths(&self) -> Vec<u8> {
        self.bounds
            .windows(2)
            .flat_map(|bounds| ((bounds[1] - bounds[0]) as u32).to_le_bytes())
            .collect()
    }

    /// Restores tokens from the results of [`Self::stored`] and [`Self::lengths`]; `None` if they
    /// are inconsistent.
    pub fn restored(
        bytes: Rc<dyn ReadAt>,
        size: u64,
        lengths: &[u8],
        vocab_size: usize,
    ) -> Option<Self> {
        let mut bounds = vec![0];
        for length in lengths.as_chunks().0 {
            bounds.push(bounds.last()? + u32::from_le_bytes(*length) as usize);
        }
        let width = if vocab_size <= MAX_NARROW_VOCAB_SIZE {
            2
        } else {
            4
        };
        let fits = bounds.last().copied()? as u64 * width as u64 == size;
        fits.then(|| Self {
            bytes,
            width,
            bounds: Rc::new(bounds),
        })
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Tokens({} in {} documents)",
            self.len(),
            self.documents()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_round_trip_in_either_width() {
        let documents: Vec<Vec<u32>> = (0..300)
            .map(|i| (0..i % 7 * 100).map(|j| i * 200 + j).collect())
            .collect();
        for vocab_size in [1 << 16, 1 << 17] {
            let tokens = Tokens::in_memory(documents.iter().cloned(), vocab_size);
            assert_eq!(
                (0..300).map(|i| tokens.document(i)).collect::<Vec<_>>(),
                documents
            );
            assert_eq!(
                tokens.chunks().collect::<Vec<_>>().concat(),
                documents.concat()
            );
            assert_eq!(
                (tokens.documents(), tokens.len()),
                (300, documents.concat().len())
            );
            let (bytes, size) = tokens.stored();
            let again =
                Tokens::restored(bytes.clone(), size, &tokens.lengths(), vocab_size).expect("fits");
            assert_eq!(
                (again.len(), again.document(299)),
                (tokens.len(), documents[299].clone())
            );
            assert!(
                Tokens::restored(bytes.clone(), size + 2, &tokens.lengths(), vocab_size).is_none()
            );
        }
    }
}
