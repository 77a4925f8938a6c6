//! Fine-tuning batches of labelled documents: `[CLS] text [SEP]`, or `[CLS] a [SEP] b [SEP]` for a
//! pair, with rows of weight 0 if an epoch does not fill its last batch.

use super::{Batch, Tokens, TokensBuilder};
use crate::document::Document;
use crate::labels::LabelSet;
use crate::random::{Purpose, generator, permutation};
use crate::reading::byte_source::{ChunkedBuffer, TempStorage};
use crate::tokenizer::{Specials, Tokenizer};
use std::io;
use std::rc::Rc;

/// A document as token ids and label ids, before truncation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncodedDocument {
    /// Token ids of the text, or of the first one of a pair.
    pub first: Vec<u32>,
    /// Token ids of the second text of a pair.
    pub second: Option<Vec<u32>>,
    /// Label ids.
    pub labels: Vec<usize>,
}

impl EncodedDocument {
    /// Encodes `document` with those of its labels that are in `labels`.
    pub fn of(tokenizer: &Tokenizer, labels: &LabelSet, document: &Document) -> Self {
        Self {
            labels: labels.encode(document).0,
            ..Self::of_text(tokenizer, document)
        }
    }

    /// Encodes the texts of `document`, without labels.
    pub fn of_text(tokenizer: &Tokenizer, document: &Document) -> Self {
        let second = document
            .second
            .as_deref()
            .map(|text| tokenizer.encode(text));
        Self {
            first: tokenizer.encode(&document.text),
            second,
            labels: Vec::new(),
        }
    }

    /// Returns the number of tokens, special tokens included.
    pub fn length(&self) -> usize {
        let second = self.second.as_ref().map_or(0, |second| second.len() + 1);
        self.first.len() + 2 + second
    }

    /// Splits a single text into windows of at most `max_len` tokens, special tokens included, of
    /// about equal length and without overlap. A pair, or a text that is short enough, is one
    /// window.
    pub fn windows(&self, max_len: usize) -> Vec<Self> {
        let room = max_len.saturating_sub(2).max(1);
        if self.second.is_some() || self.first.len() <= room {
            return vec![self.clone()];
        }
        let parts = self.first.len().div_ceil(room);
        let part = |tokens: &[u32]| Self {
            first: tokens.to_vec(),
            second: None,
            labels: self.labels.clone(),
        };
        self.first
            .chunks(self.first.len().div_ceil(parts))
            .map(part)
            .collect()
    }

    /// Returns the token ids with special tokens, at most `max_len`, and the index at which the
    /// second text begins. Of a pair, the longer text is truncated first. Source: Devlin et al.
    /// 2019, `_truncate_seq_pair`.
    pub fn assemble(&self, specials: &Specials, max_len: usize) -> (Vec<u32>, usize) {
        let specials_needed =
            self.length() - self.first.len() - self.second.as_ref().map_or(0, Vec::len);
        let room = max_len.saturating_sub(specials_needed);
        let second = self.second.as_deref().unwrap_or(&[]);
        let (a, b) = shares(self.first.len(), second.len(), room);
        let mut ids = vec![specials.cls];
        ids.extend(&self.first[..a]);
        ids.push(specials.sep);
        let second_from = ids.len();
        if self.second.is_some() {
            ids.extend(&second[..b]);
            ids.push(specials.sep);
        }
        ids.truncate(max_len);
        (ids, second_from)
    }
}

/// Returns how many tokens of two texts of lengths `a` and `b` fit into `room` if the longer one is
/// truncated first, and the second one if they are equally long.
fn shares(a: usize, b: usize, room: usize) -> (usize, usize) {
    if a + b <= room {
        return (a, b);
    }
    let b = b.min((room / 2).max(room.saturating_sub(a)));
    (room - b, b)
}

/// Immutable encoded documents: texts in storage provided by the host, labels in memory. Clones
/// share the data.
#[derive(Clone, Debug)]
pub struct EncodedDocuments {
    /// Two entries per document; the second is empty if the document has one text.
    texts: Tokens,
    is_pair: Rc<Vec<bool>>,
    labels: Rc<Vec<Vec<usize>>>,
}

/// Builder of [`EncodedDocuments`].
pub struct EncodedDocumentsBuilder {
    texts: TokensBuilder,
    is_pair: Vec<bool>,
    labels: Vec<Vec<usize>>,
}

impl EncodedDocumentsBuilder {
    /// Creates a builder that writes documents over a vocabulary of `vocab_size` to `scratch`,
    /// which must be empty.
    pub fn new(scratch: Box<dyn TempStorage>, vocab_size: usize) -> Self {
        Self {
            texts: TokensBuilder::new(scratch, vocab_size),
            is_pair: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Appends a document.
    ///
    /// # Errors
    /// Returns an error if there is no space left.
    pub fn push(&mut self, document: EncodedDocument) -> io::Result<()> {
        self.is_pair.push(document.second.is_some());
        self.labels.push(document.labels);
        self.texts.push(document.first.into_iter())?;
        self.texts
            .push(document.second.unwrap_or_default().into_iter())
    }

    /// Returns the documents appended so far.
    ///
    /// # Errors
    /// Returns an error if there is no space left for the last ones.
    pub fn finish(self) -> io::Result<EncodedDocuments> {
        let Self {
            texts,
            is_pair,
            labels,
        } = self;
        Ok(EncodedDocuments {
            texts: texts.finish()?,
            is_pair: Rc::new(is_pair),
            labels: Rc::new(labels),
        })
    }
}

impl EncodedDocuments {
    /// Creates a set of documents in memory.
    pub fn in_memory(documents: impl Iterator<Item = EncodedDocument>, vocab_size: usize) -> Self {
        let mut builder = EncodedDocumentsBuilder::new(Box::<ChunkedBuffer>::default(), vocab_size);
        documents.for_each(|document| builder.push(document).expect("memory takes bytes"));
        builder.finish().expect("memory takes bytes")
    }

    /// Returns the number of documents.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns whether there are no documents.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Returns the label ids of each document.
    pub fn labels(&self) -> &[Vec<usize>] {
        &self.labels
    }

    /// Returns one document.
    pub fn document(&self, index: usize) -> EncodedDocument {
        let second = self.is_pair[index].then(|| self.texts.document(2 * index + 1));
        EncodedDocument {
            first: self.texts.document(2 * index),
            second,
            labels: self.labels[index].clone(),
        }
    }

    /// Copies the documents at the indices `places` into memory.
    pub fn held_subset(&self, places: impl Iterator<Item = usize>) -> Self {
        // Uses four bytes per token whatever the vocabulary: a subset held in memory is small.
        Self::in_memory(places.map(|place| self.document(place)), usize::MAX)
    }

    /// Returns the number of tokens of a document, special tokens included.
    fn length(&self, index: usize) -> usize {
        let tokens = self.texts.place(2 * index).len() + self.texts.place(2 * index + 1).len();
        tokens + if self.is_pair[index] { 3 } else { 2 }
    }

    /// Returns the sequence length at which a share `share` of the documents is not truncated: 0.95
    /// truncates one in twenty.
    pub fn fitting_len(&self, share: f64) -> usize {
        let mut lengths: Vec<usize> = (0..self.len()).map(|index| self.length(index)).collect();
        lengths.sort_unstable();
        let last = lengths.len().saturating_sub(1);
        lengths
            .get((share * last as f64).ceil() as usize)
            .copied()
            .unwrap_or(2)
    }

    /// Returns how many documents have more than `max_len` tokens, special tokens included.
    pub fn longer_than(&self, max_len: usize) -> usize {
        (0..self.len())
            .filter(|index| self.length(*index) > max_len)
            .count()
    }

    /// Returns the share of tokens equal to `id`, from 0 to 1.
    pub fn share_of(&self, id: u32) -> f64 {
        let found = self
            .texts
            .chunks()
            .flatten()
            .filter(|token| *token == id)
            .count();
        found as f64 / self.texts.len().max(1) as f64
    }
}

/// Serialisation of everything but the tokens.
impl EncodedDocuments {
    /// Returns the texts, two entries per document.
    pub fn texts(&self) -> &Tokens {
        &self.texts
    }

    /// Returns the pair flag, number of labels and label ids of each document, as little-endian
    /// `u32`s.
    pub fn marks(&self) -> Vec<u8> {
        let mut marks = Vec::new();
        for (is_pair, labels) in self.is_pair.iter().zip(&*self.labels) {
            let numbers = [usize::from(*is_pair), labels.len()];
            marks.extend(
                numbers
                    .iter()
                    .chain(labels)
                    .flat_map(|&number| (number as u32).to_le_bytes()),
            );
        }
        marks
    }

    /// Restores documents from the results of [`Self::texts`] and [`Self::marks`]; `None` if they
    /// are inconsistent with each other or with `classes` labels.
    pub fn restored(texts: Tokens, marks: &[u8], classes: usize) -> Option<Self> {
        let mut numbers = marks
            .as_chunks()
            .0
            .iter()
            .map(|number| u32::from_le_bytes(*number) as usize);
        let (mut is_pair, mut labels) = (Vec::new(), Vec::new());
        while let Some(pair) = numbers.next() {
            let count = numbers.next().filter(|&count| count <= classes)?;
            let rows: Vec<usize> = numbers.by_ref().take(count).collect();
            if rows.len() < count || rows.iter().any(|&row| row >= classes) {
                return None;
            }
            is_pair.push(pair == 1);
            labels.push(rows);
        }
        let fits = texts.documents() == 2 * labels.len();
        fits.then(|| Self {
            texts,
            is_pair: Rc::new(is_pair),
            labels: Rc::new(labels),
        })
    }
}

/// Sequence lengths of evaluation batches are multiples of this, so that kernels are prepared for
/// only a few shapes.
const LENGTH_STEP: usize = 16;

/// Fine-tuning batches of one set of documents, in one shape.
#[derive(Clone, Debug)]
pub struct LabelledExamples {
    documents: EncodedDocuments,
    specials: Specials,
    classes: usize,
    seed: u64,
    batch_size: usize,
    max_len: usize,
    /// Most recently used epoch and its document order.
    order: Option<(u64, Vec<u32>)>,
}

impl LabelledExamples {
    /// Creates batches of `batch_size` documents of up to `max_len` tokens, with `classes` labels.
    pub fn new(
        documents: EncodedDocuments,
        specials: Specials,
        classes: usize,
        seed: u64,
        batch_size: usize,
        max_len: usize,
    ) -> Self {
        assert!(batch_size > 0, "a batch holds an example");
        Self {
            documents,
            specials,
            classes,
            seed,
            batch_size,
            max_len,
            order: None,
        }
    }

    /// Returns batches of other documents in the same shape.
    pub fn of(&self, documents: EncodedDocuments) -> Self {
        Self {
            documents,
            order: None,
            ..self.clone()
        }
    }

    /// Replaces the seed that the order of each epoch is drawn from.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        self.order = None;
    }

    /// Returns the documents in their original order.
    pub fn documents(&self) -> &EncodedDocuments {
        &self.documents
    }

    /// Returns the number of labels, `C`.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the number of batches that cover all documents.
    pub fn batches_per_epoch(&self) -> usize {
        self.documents.len().div_ceil(self.batch_size)
    }

    /// Returns batch `index` of a training epoch. Each epoch has its own document order.
    ///
    /// # Panics
    /// Panics if `index` is not below [`Self::batches_per_epoch`].
    pub fn batch(&mut self, epoch: u64, index: usize) -> Batch {
        let order = match self.order.take() {
            Some((cached, order)) if cached == epoch => order,
            _ => permutation(
                &mut generator(self.seed, Purpose::Order, epoch, 0),
                self.documents.len() as u32,
            ),
        };
        let rows = order
            .chunks(self.batch_size)
            .nth(index)
            .expect("a batch of the epoch");
        let batch = self.assemble(rows.iter().map(|&document| document as usize), self.max_len);
        self.order = Some((epoch, order));
        batch
    }

    /// Iterates over evaluation batches, which hold each document once, grouped by length and
    /// padded no further than necessary. Each batch comes with the indices of its documents, which
    /// fill its first rows.
    pub fn by_length(&self) -> impl Iterator<Item = (Vec<usize>, Batch)> {
        let mut order: Vec<usize> = (0..self.documents.len()).collect();
        order.sort_by_key(|place| self.documents.length(*place));
        let batches: Vec<Vec<usize>> = order
            .chunks(self.batch_size)
            .map(<[usize]>::to_vec)
            .collect();
        batches.into_iter().map(|places| {
            let longest = places
                .last()
                .map_or(0, |place| self.documents.length(*place));
            let length = longest.next_multiple_of(LENGTH_STEP).min(self.max_len);
            let batch = self.assemble(places.iter().copied(), length);
            (places, batch)
        })
    }

    fn assemble(&self, documents: impl Iterator<Item = usize>, max_len: usize) -> Batch {
        let mut batch = Batch::filled(&self.specials, self.batch_size, max_len);
        batch.labels = vec![0.0; self.batch_size * self.classes];
        for (row, document) in documents
            .map(|index| self.documents.document(index))
            .enumerate()
        {
            let (ids, second) = document.assemble(&self.specials, max_len);
            batch.set_row(row, &ids, second);
            for &label in &document.labels {
                batch.labels[row * self.classes + label] = 1.0;
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests;
