//! Nearest neighbours of a word, by cosine similarity of word vectors: those of the text and those
//! of a model.

use crate::data::Tokenizer;
use crate::error::{Error, Result};
use crate::model::word_embeddings;
use crate::session::checks::no_model;
use crate::session::classifier::portfolio::VECTOR_WIDTH;
use crate::session::{Host, Session};
use protocol::{Candidate, Event, message};

impl<H: Host> Session<H> {
    /// Returns the `top_k` tokens whose embeddings are nearest to that of `word`, with their
    /// cosine. A word of several tokens is represented by the mean of their embeddings.
    ///
    /// # Errors
    /// Returns an error if there is no model, or the word is not in its vocabulary.
    pub async fn neighbours(&self, word: &str, top_k: usize) -> Result<Vec<Candidate>> {
        let model = self
            .models
            .language_model
            .as_ref()
            .or(self.models.classifier.as_ref())
            .ok_or_else(no_model)?;
        let weights = model.weights().await?;
        let table = weights
            .get(word_embeddings(model.config.architecture))
            .expect("a model has word embeddings");
        nearest(
            &model.tokenizer,
            (&table.data, model.config.hidden_size),
            word,
            top_k,
        )
    }

    /// Returns the nearest words by the vectors of the text, before any training, and by the
    /// language model's embeddings.
    ///
    /// # Errors
    /// Returns an error if neither the text nor the model knows the word.
    pub(crate) async fn all_neighbours(
        &self,
        request: u64,
        word: String,
        top_k: usize,
    ) -> Result<Event> {
        let of_text = self
            .dataset
            .learned
            .as_ref()
            .and_then(|learned| Some((learned, learned.any_embeddings(VECTOR_WIDTH)?)));
        let own = of_text.map(|(learned, own)| {
            nearest(&learned.tokenizer, (&own.values, own.width), &word, top_k)
        });
        let model = match self.models.language_model {
            Some(_) => Some(self.neighbours(&word, top_k).await),
            None => None,
        };
        match (own, model) {
            (Some(Err(error)), None | Some(Err(_))) | (None, Some(Err(error))) => Err(error),
            (None, None) => Err(no_model()),
            (own, model) => {
                let known = |found: Option<Result<Vec<Candidate>>>| {
                    found.and_then(Result::ok).unwrap_or_default()
                };
                Ok(Event::Neighbours {
                    request,
                    word,
                    own: known(own),
                    model: known(model),
                })
            }
        }
    }
}

/// Searches a `table` of vectors `[V, width]`.
fn nearest(
    tokenizer: &Tokenizer,
    table: (&[f32], usize),
    word: &str,
    top_k: usize,
) -> Result<Vec<Candidate>> {
    let (values, width) = table;
    let row = |id: u32| &values[id as usize * width..][..width];
    let known: Vec<u32> = tokenizer
        .encode(word)
        .into_iter()
        .filter(|id| !tokenizer.is_special(*id))
        .collect();
    if known.is_empty() {
        let word = word.escape_debug().to_string();
        let message = message!("\"{word}\" is not in the vocabulary", word);
        return Err(Error::input(
            "unknown-word",
            message,
            message!("Choose a word from the model's training text."),
        ));
    }
    let mut query = vec![0.0_f32; width];
    for &id in &known {
        query.iter_mut().zip(row(id)).for_each(|(sum, x)| *sum += x);
    }
    let others =
        (0..tokenizer.len() as u32).filter(|id| tokenizer.is_text(*id) && !known.contains(id));
    let mut scored: Vec<(u32, f64)> = others.map(|id| (id, cosine(&query, row(id)))).collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let candidate = |(id, score): (u32, f64)| Candidate {
        token: tokenizer.token(id).into(),
        score,
    };
    Ok(scored.into_iter().take(top_k).map(candidate).collect())
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms > 0.0 { dot(a, b) / norms } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_ignores_length() {
        assert!((cosine(&[1.0, 0.0], &[5.0, 0.0]) - 1.0).abs() < 1e-12);
        assert!((cosine(&[1.0, 1.0], &[-2.0, -2.0]) + 1.0).abs() < 1e-12);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 2.0]), 0.0);
    }
}
