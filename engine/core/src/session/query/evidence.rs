//! Evidence for a label: by how much its probability falls when a word is left out of the text
//! (erasure: Li, Monroe & Jurafsky 2016, "Understanding Neural Networks through Representation
//! Erasure"). It covers all parts of a classifier, whatever they are.

use crate::data::text::script::is_unspaced;
use crate::data::{Document, Tokenizer};
use crate::error::{Error, Result};
use crate::session::checks::finite;
use crate::session::loaded_model::LoadedModel;
use crate::session::query::document_scores::{averaged, problem_type};
use crate::session::query::input::{Long, Row, document, examples, tokens_read};
use burn::tensor::Device;
use protocol::{Event, WordEvidence, message};
use std::ops::Range;

/// Maximum number of words that are left out; each costs a prediction.
const MAX_WORDS: usize = 100;

/// What speaks for a label of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The label.
    pub label: String,
    /// Its probability.
    pub score: f64,
    /// The measured words, in order.
    pub words: Vec<WordEvidence>,
    /// Number of further words, which were not measured.
    pub more: u64,
}

impl Evidence {
    /// Returns the answer to a query.
    pub fn event(self, request: u64) -> Event {
        let Self {
            label,
            score,
            words,
            more,
        } = self;
        Event::Explained {
            request,
            label,
            score,
            words,
            more,
        }
    }
}

/// Measures the evidence of each word of `text` for `label`; `None` selects a predicted label.
///
/// # Errors
/// Returns an error if the model is not a classifier or does not have the label, or the text is
/// empty.
pub async fn evidence(
    model: &LoadedModel,
    device: &Device,
    text: &str,
    label: Option<&str>,
) -> Result<Evidence> {
    problem_type(model)?;
    if text.trim().is_empty() {
        let hint = message!("Give a text with at least one word.");
        return Err(Error::input("no-text", message!("the text is empty"), hint));
    }
    let characters: Vec<char> = text.chars().collect();
    // Without [CLS] and [SEP].
    let limit = tokens_read(model).saturating_sub(2);
    let (mut words, further) = words(&model.tokenizer, text, limit);
    let more = (further + words.len().saturating_sub(MAX_WORDS)) as u64;
    words.truncate(MAX_WORDS);
    let without = words.iter().map(|word| {
        let kept = characters[..word.start].iter();
        kept.chain(&characters[word.end..]).collect()
    });
    let whole_and_empty = [text.to_string(), String::new()].into_iter();
    let texts: Vec<String> = whole_and_empty.chain(without).collect();
    let documents: Vec<Document> = texts.iter().map(|text| document(text)).collect();
    let scores = probabilities(model, device, &documents).await?;
    let label = match label {
        Some(name) => place(model, name)?,
        None => explained_label(&scores[0], &scores[1]),
    };
    let margins = margins(model, &documents, label);
    let score = |index: usize| scores[index][label];
    let evidence = |(index, word): (usize, Range<usize>)| WordEvidence {
        start: word.start as u64,
        end: word.end as u64,
        effect: score(0) - score(index + 2),
        linear: margins
            .as_ref()
            .map(|margins| margins[0] - margins[index + 2]),
    };
    Ok(Evidence {
        label: model.config.labels[label].clone(),
        score: score(0),
        words: words.into_iter().enumerate().map(evidence).collect(),
        more,
    })
}

/// Returns the probabilities of each document, `[documents][C]`.
async fn probabilities(
    model: &LoadedModel,
    device: &Device,
    documents: &[Document],
) -> Result<Vec<Vec<f64>>> {
    let networks = model.networks(device);
    let rows: Vec<Vec<Row>> = documents
        .iter()
        .map(|document| examples(model, document, Long::Cut))
        .collect();
    let scores = averaged(model, &networks, &rows, documents, device).await?;
    scores
        .into_iter()
        .map(|scores| finite(scores.probabilities))
        .collect()
}

/// Returns the linear classifier's margin of a label for each document; `None` without a linear
/// classifier.
fn margins(model: &LoadedModel, documents: &[Document], label: usize) -> Option<Vec<f64>> {
    let part = model.ensemble.as_ref()?.linear.as_ref()?;
    let margins = part.margins(Some(&model.tokenizer), documents);
    Some(margins.iter().map(|row| f64::from(row[label])).collect())
}

fn place(model: &LoadedModel, label: &str) -> Result<usize> {
    let mut labels = model.config.labels.iter();
    labels.position(|name| name == label).ok_or_else(|| {
        Error::input(
            "unknown-label",
            message!("the classifier has no label \"{label}\"", label),
            message!("Choose one of its labels."),
        )
    })
}

/// Returns the label to explain: of the best one and all others with a probability of at least one
/// half, the one that `scores`, `[C]`, raise most above those of an empty text. A label that almost
/// every document has needs no explanation.
fn explained_label(scores: &[f64], of_empty: &[f64]) -> usize {
    let best = scores.iter().copied().fold(0.0, f64::max);
    let candidates = (0..scores.len()).filter(|label| scores[*label] >= best.min(0.5));
    let raised = |label: &usize| scores[*label] - of_empty[*label];
    candidates
        .max_by(|a, b| raised(a).total_cmp(&raised(b)))
        .unwrap_or_default()
}

/// Returns the words among the first `limit` tokens of a text, in characters, and the number of
/// further ones. Punctuation is left out. In scripts without spaces, each token is a word.
fn words(tokenizer: &Tokenizer, text: &str, limit: usize) -> (Vec<Range<usize>>, usize) {
    let characters: Vec<char> = text.chars().collect();
    let is_of_word = |place: usize| characters[place].is_alphanumeric();
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut read = 0;
    for (token, &(start, end)) in tokenizer.encoding(text).offsets.iter().enumerate() {
        match words.last_mut() {
            Some(word)
                if start <= word.end
                    && !is_unspaced(characters[start])
                    && is_of_word(start) == is_of_word(word.start) =>
            {
                word.end = end.max(word.end);
            }
            _ => {
                words.push(start..end);
                read += usize::from(token < limit && is_of_word(start));
            }
        }
    }
    words.retain(|word| is_of_word(word.start));
    let more = words.len() - read;
    words.truncate(read);
    (words, more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::TokenizerKind;

    fn check(kind: TokenizerKind, text: &str, expected: &[&str]) {
        let learned = "the cat sat on a mat the cat sat istanbul กินข้าว กินข้าว 山水";
        let tokenizer = Tokenizer::learn(kind, false, 200, &mut [learned].into_iter());
        let tokenizer = tokenizer.expect("a vocabulary");
        let characters: Vec<char> = text.chars().collect();
        let (words, more) = words(&tokenizer, text, usize::MAX);
        let found: Vec<String> = words
            .into_iter()
            .map(|word| characters[word].iter().collect())
            .collect();
        assert_eq!(found, expected, "{text}");
        assert_eq!(more, 0);
    }

    #[test]
    fn the_explained_label_is_not_one_of_every_document() {
        assert_eq!(explained_label(&[0.99, 0.8, 0.4], &[0.97, 0.1, 0.0]), 1);
        assert_eq!(explained_label(&[0.4, 0.3], &[0.5, 0.0]), 0);
    }

    #[test]
    fn words_are_whole_and_without_punctuation() {
        let expected = ["The", "cat", "mat", "7", "unseenword", "İstanbul"];
        for kind in [TokenizerKind::Wordpiece, TokenizerKind::Char] {
            check(kind, "The cat-mat, 7 unseenword! İstanbul", &expected);
            check(kind, "", &[]);
            check(kind, "...", &[]);
            check(kind, "山水", &["山", "水"]);
        }
    }

    #[test]
    fn words_that_the_model_does_not_read_are_counted() {
        let texts = &mut ["the cat sat the cat sat"].into_iter();
        let tokenizer = Tokenizer::learn(TokenizerKind::Word, false, 50, texts);
        let tokenizer = tokenizer.expect("a vocabulary");
        let (words, more) = words(&tokenizer, "the cat sat the cat", 3);
        assert_eq!((words.len(), more), (3, 2));
    }
}
