//! From a text to what a model reads: token ids with `[CLS]` and `[SEP]`, and padded batches.

use crate::data::Document;
use crate::data::examples::{Batch, EncodedDocument};
use crate::error::{Error, Result};
use crate::session::loaded_model::LoadedModel;
use protocol::message;

/// Batch size for inference and evaluation, in documents.
pub(crate) const BATCH_SIZE: usize = 32;

/// What happens to a text that is longer than the classifier's maximum length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Long {
    /// It is truncated to its beginning.
    #[default]
    Cut,
    /// It is split into windows, whose probabilities are averaged.
    Split,
}

/// Batch lengths are rounded up to a multiple of this, so that few tensor shapes occur.
const LENGTH_STEP: usize = 16;

/// Token ids of an example, and where its second segment begins.
pub(crate) type Row = (Vec<u32>, usize);

/// Maximum length of texts to classify, for models whose training length is unknown: attention
/// grows with its square.
const MAX_TOKENS: usize = 512;

/// Returns the maximum length of a classifier's examples in tokens, special tokens included.
pub fn tokens_read(model: &LoadedModel) -> usize {
    model
        .config
        .trained_len
        .unwrap_or(model.config.max_position_embeddings.min(MAX_TOKENS))
}

/// Whether a text has more tokens than a classifier reads.
pub fn is_cut(model: &LoadedModel, text: &str) -> bool {
    // A token has at least one character.
    let may_be = text.chars().count() + 2 > tokens_read(model);
    may_be
        && EncodedDocument::of_text(&model.tokenizer, &document(text)).length() > tokens_read(model)
}

/// Returns `text` as a document; a tab separates the two texts of a pair.
pub(crate) fn document(text: &str) -> Document {
    let (first, second) = text
        .split_once('\t')
        .map_or((text, None), |(first, second)| {
            (first, Some(second.to_string()))
        });
    Document {
        text: first.into(),
        second,
        labels: Vec::new(),
        file: 0,
        line: 0,
        block: 0,
    }
}

/// Encodes a document for the networks, as one or more examples.
pub(super) fn examples(model: &LoadedModel, document: &Document, long: Long) -> Vec<Row> {
    let (specials, max_len) = (model.tokenizer.specials(), tokens_read(model));
    let encoded = EncodedDocument::of_text(&model.tokenizer, document);
    match long {
        Long::Cut => vec![encoded.assemble(&specials, max_len)],
        Long::Split => encoded
            .windows(max_len)
            .iter()
            .map(|window| window.assemble(&specials, max_len))
            .collect(),
    }
}

/// Encodes `text` as in training, truncated to the same length.
///
/// # Errors
/// None at present; the result type is that of [`enclosed`].
pub(crate) fn row(model: &LoadedModel, text: &str) -> Result<Row> {
    Ok(examples(model, &document(text), Long::Cut).remove(0))
}

/// Returns `[CLS] text [SEP]`, with literal `[MASK]`s recognised.
pub(crate) fn enclosed(model: &LoadedModel, text: &str) -> Result<Vec<u32>> {
    let specials = model.tokenizer.specials();
    let tokens = model.tokenizer.encode_with_specials(text).ids;
    let ids: Vec<u32> = [specials.cls]
        .into_iter()
        .chain(tokens)
        .chain([specials.sep])
        .collect();
    let max_len = model.config.max_position_embeddings;
    if ids.len() > max_len {
        let message = message!(
            "the text has {count} tokens, but the model has {max_len} positions",
            count = ids.len(),
            max_len
        );
        return Err(Error::input(
            "text-too-long",
            message,
            message!("Shorten the text."),
        ));
    }
    Ok(ids)
}

/// As [`enclosed`]; if a tab separates two texts, encodes them as a pair.
///
/// # Errors
/// Same as [`enclosed`].
pub(crate) fn enclosed_or_pair(model: &LoadedModel, text: &str) -> Result<Row> {
    if text.contains('\t') {
        row(model, text)
    } else {
        enclosed(model, text).map(|ids| (ids.clone(), ids.len()))
    }
}

pub(crate) fn padded(model: &LoadedModel, rows: &[Row]) -> Batch {
    let longest = rows.iter().map(|row| row.0.len()).max().unwrap_or(2);
    let max_len = longest
        .next_multiple_of(LENGTH_STEP)
        .min(model.config.max_position_embeddings)
        .max(longest);
    let mut batch = Batch::filled(&model.tokenizer.specials(), rows.len(), max_len);
    rows.iter()
        .enumerate()
        .for_each(|(i, (ids, second))| batch.set_row(i, ids, *second));
    batch
}
