//! Documents as token ids, end to end, in two bytes each where the vocabulary allows it, wherever a host keeps them.

use crate::byte_source::{ChunkedBuffer, ReadAt, TempStorage};
use std::io;
use std::ops::Range;
use std::rc::Rc;

/// Encoded documents that stand still. Clones share them.
#[derive(Clone)]
pub struct Tokens {
    bytes: Rc<dyn ReadAt>,
    /// Bytes per token.
    width: usize,
    /// Where each document begins, in tokens, and where the last one ends.
    bounds: Rc<Vec<usize>>,
}

/// Encoded documents on their way into [`Tokens`].
pub struct TokensBuilder {
    bytes: Box<dyn TempStorage>,
    width: usize,
    bounds: Vec<usize>,
    waiting: Vec<u8>,
}

/// Bytes that wait before they are handed on.
const WAITING_BYTES: usize = 256 << 10;
/// Tokens looked at together in a pass over all.
const CHUNK_TOKENS: usize = 64 << 10;
/// Ids below this take two bytes.
const NARROW: usize = 1 << 16;

impl TokensBuilder {
    /// Takes documents of ids below `vocab_size` and sets them aside in `bytes`, which is empty.
    pub fn new(bytes: Box<dyn TempStorage>, vocab_size: usize) -> Self {
        let width = if vocab_size <= NARROW { 2 } else { 4 };
        Self {
            bytes,
            width,
            bounds: vec![0],
            waiting: Vec::new(),
        }
    }

    /// Takes the next document.
    ///
    /// # Errors
    /// When there is no room for it.
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
        if self.waiting.len() >= WAITING_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// All documents that were taken.
    ///
    /// # Errors
    /// When there is no room for the last ones.
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
    /// Documents in memory.
    pub fn held(documents: impl Iterator<Item = Vec<u32>>, vocab_size: usize) -> Self {
        let mut builder = TokensBuilder::new(Box::<ChunkedBuffer>::default(), vocab_size);
        documents.for_each(|ids| builder.push(ids.into_iter()).expect("memory takes bytes"));
        builder.finish().expect("memory takes bytes")
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.bounds.last().copied().unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of documents.
    pub fn documents(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Where a document stands among all tokens.
    pub fn place(&self, document: usize) -> Range<usize> {
        self.bounds[document]..self.bounds[document + 1]
    }

    /// Appends the tokens that stand in `range` to `out`.
    ///
    /// # Panics
    /// When they cannot be read back: memory cannot fail, and a file that fails under a run leaves nothing to go on with.
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

    /// The tokens of a document.
    pub fn document(&self, document: usize) -> Vec<u32> {
        let mut ids = Vec::new();
        self.read(self.place(document), &mut ids);
        ids
    }

    /// All tokens in order, a stretch at a time.
    pub fn chunks(&self) -> impl Iterator<Item = Vec<u32>> {
        (0..self.len()).step_by(CHUNK_TOKENS).map(|start| {
            let mut ids = Vec::new();
            self.read(start..self.len().min(start + CHUNK_TOKENS), &mut ids);
            ids
        })
    }
}

/// What a file of [`Tokens`] needs besides its bytes.
impl Tokens {
    /// The bytes of the tokens, `len` times the width.
    pub fn stored(&self) -> (&Rc<dyn ReadAt>, u64) {
        (&self.bytes, (self.len() * self.width) as u64)
    }

    /// The lengths of the documents as bytes.
    pub fn lengths(&self) -> Vec<u8> {
        self.bounds
            .windows(2)
            .flat_map(|bounds| ((bounds[1] - bounds[0]) as u32).to_le_bytes())
            .collect()
    }

    /// Tokens of which [`Self::stored`] and [`Self::lengths`] were kept; `None` where they do not fit each other.
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
        let width = if vocab_size <= NARROW { 2 } else { 4 };
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
    fn documents_come_back_in_either_width() {
        let documents: Vec<Vec<u32>> = (0..300)
            .map(|i| (0..i % 7 * 100).map(|j| i * 200 + j).collect())
            .collect();
        for vocab_size in [1 << 16, 1 << 17] {
            let tokens = Tokens::held(documents.iter().cloned(), vocab_size);
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
