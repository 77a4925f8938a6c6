//! Documents with labels -> fine-tuning batches: `[CLS] text [SEP]`, or `[CLS] a [SEP] b [SEP]` for a pair, with rows
//! of weight 0 where an epoch does not fill its last batch.

use super::{Batch, Tokens, TokensBuilder};
use crate::byte_source::{ChunkedBuffer, TempStorage};
use crate::corpus::Document;
use crate::labels::LabelSet;
use crate::random::{Purpose, generator, permutation};
use crate::tokenizer::{Specials, Tokenizer};
use std::io;
use std::rc::Rc;

/// A document as token ids and label rows, before it is cut to a length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncodedDocument {
    /// The text, or the first one of a pair.
    pub first: Vec<u32>,
    /// The second text of a pair.
    pub second: Option<Vec<u32>>,
    /// Rows of its labels.
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

    /// Encodes the texts of `document`; no labels.
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

    /// Tokens it takes with its special ones.
    pub fn length(&self) -> usize {
        let second = self.second.as_ref().map_or(0, |second| second.len() + 1);
        self.first.len() + 2 + second
    }

    /// Parts of a single text, each of at most `max_len` tokens with the special ones, about equally long and without overlap.
    /// A pair, and a text that is short enough, is one part.
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

    /// Its tokens with the special ones, at most `max_len`, and where the second text begins. Of a pair, the longer
    /// text is shortened first. Source: Devlin et al. 2019, `_truncate_seq_pair`.
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

/// How much of two texts of lengths `a` and `b` fits into `room`, when the longer one loses first and, of equals, the
/// second.
fn shares(a: usize, b: usize, room: usize) -> (usize, usize) {
    if a + b <= room {
        return (a, b);
    }
    let b = b.min((room / 2).max(room.saturating_sub(a)));
    (room - b, b)
}

/// Encoded documents that stand still: texts wherever a host keeps them, labels in memory. Clones share them.
#[derive(Clone, Debug)]
pub struct EncodedDocuments {
    /// Two for each document; the second is empty where there is none.
    texts: Tokens,
    is_pair: Rc<Vec<bool>>,
    labels: Rc<Vec<Vec<usize>>>,
}

/// Encoded documents on their way into [`EncodedDocuments`].
pub struct EncodedDocumentsBuilder {
    texts: TokensBuilder,
    is_pair: Vec<bool>,
    labels: Vec<Vec<usize>>,
}

impl EncodedDocumentsBuilder {
    /// Sets documents over a vocabulary of `vocab_size` aside in `scratch`, which is empty.
    pub fn new(scratch: Box<dyn TempStorage>, vocab_size: usize) -> Self {
        Self {
            texts: TokensBuilder::new(scratch, vocab_size),
            is_pair: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Takes the next document.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn push(&mut self, document: EncodedDocument) -> io::Result<()> {
        self.is_pair.push(document.second.is_some());
        self.labels.push(document.labels);
        self.texts.push(document.first.into_iter())?;
        self.texts
            .push(document.second.unwrap_or_default().into_iter())
    }

    /// All documents that were taken.
    ///
    /// # Errors
    /// When there is no room for the last ones.
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
    /// Documents in memory.
    pub fn held(documents: impl Iterator<Item = EncodedDocument>, vocab_size: usize) -> Self {
        let mut builder = EncodedDocumentsBuilder::new(Box::<ChunkedBuffer>::default(), vocab_size);
        documents.for_each(|document| builder.push(document).expect("memory takes bytes"));
        builder.finish().expect("memory takes bytes")
    }

    /// Number of documents.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Rows of the labels of each.
    pub fn labels(&self) -> &[Vec<usize>] {
        &self.labels
    }

    /// One of them.
    pub fn document(&self, index: usize) -> EncodedDocument {
        let second = self.is_pair[index].then(|| self.texts.document(2 * index + 1));
        EncodedDocument {
            first: self.texts.document(2 * index),
            second,
            labels: self.labels[index].clone(),
        }
    }

    /// Those at `places`, in memory.
    pub fn held_subset(&self, places: impl Iterator<Item = usize>) -> Self {
        // A token takes four bytes whatever the vocabulary: a subset that is held in memory is small.
        Self::held(places.map(|place| self.document(place)), usize::MAX)
    }

    /// Tokens that one takes with its special ones.
    fn length(&self, index: usize) -> usize {
        let tokens = self.texts.place(2 * index).len() + self.texts.place(2 * index + 1).len();
        tokens + if self.is_pair[index] { 3 } else { 2 }
    }

    /// The length that holds the share `share` of them whole: 0.95 cuts off one in twenty.
    pub fn fitting_len(&self, share: f64) -> usize {
        let mut lengths: Vec<usize> = (0..self.len()).map(|index| self.length(index)).collect();
        lengths.sort_unstable();
        let last = lengths.len().saturating_sub(1);
        lengths
            .get((share * last as f64).ceil() as usize)
            .copied()
            .unwrap_or(2)
    }

    /// How many are longer than `max_len` tokens, the special ones included.
    pub fn longer_than(&self, max_len: usize) -> usize {
        (0..self.len())
            .filter(|index| self.length(*index) > max_len)
            .count()
    }

    /// Share of the tokens that are `id`, 0 to 1.
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

/// What a file of [`EncodedDocuments`] needs besides that of their texts.
impl EncodedDocuments {
    /// The texts, two for each document.
    pub fn texts(&self) -> &Tokens {
        &self.texts
    }

    /// For each document, four bytes each: whether it is a pair, the number of its labels, and their rows.
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

    /// Documents of which [`Self::texts`] and [`Self::marks`] were kept; `None` where they do not fit each other or
    /// `classes` labels.
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

/// Lengths of batches for measuring are multiples of this, so that a GPU prepares kernels for few of them.
const LENGTH_STEP: usize = 16;

/// Fine-tuning batches of one set of documents and one shape.
#[derive(Clone, Debug)]
pub struct LabelledExamples {
    documents: EncodedDocuments,
    specials: Specials,
    classes: usize,
    seed: u64,
    batch_size: usize,
    max_len: usize,
    /// The epoch that was asked for last, and its order.
    order: Option<(u64, Vec<u32>)>,
}

impl LabelledExamples {
    /// Batches of `batch_size` documents of up to `max_len` tokens, with `classes` labels.
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

    /// Batches of other documents in the same shape.
    pub fn of(&self, documents: EncodedDocuments) -> Self {
        Self {
            documents,
            order: None,
            ..self.clone()
        }
    }

    /// Draws the order of each epoch from another seed.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        self.order = None;
    }

    /// The documents, in their given order.
    pub fn documents(&self) -> &EncodedDocuments {
        &self.documents
    }

    /// Labels of the classifier, `C`.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Batches that hold each document once.
    pub fn batches_per_epoch(&self) -> usize {
        self.documents.len().div_ceil(self.batch_size)
    }

    /// The batch `index` of a training epoch, whose order is its own.
    ///
    /// # Panics
    /// When `index` is not below [`Self::batches_per_epoch`].
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

    /// Batches for measuring: each document once, beside others of its length and padded to no more than that. Each batch
    /// comes with the places of its documents, which fill its first rows.
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
