//! Document similarity: the cosine of mean hidden states of the encoder, centred by the mean over
//! all documents. (Hidden states share a common direction, which makes any two texts look similar:
//! Mu & Viswanath 2018, "All-but-the-top".)

use crate::error::Result;
use crate::session::checks::no_model;
use crate::session::loaded_model::LoadedModel;
use crate::session::query::input::{self, BATCH_SIZE};
use crate::session::read::read;
use crate::session::run::task::evaluation_model;
use crate::session::{Host, Session};
use crate::train::DeviceBatch;

/// Documents and their normalised vectors.
pub struct SimilarDocuments {
    mean: Vec<f32>,
    /// Centred vectors of unit length, `[documents][F]`.
    directions: Vec<Vec<f32>>,
}

impl SimilarDocuments {
    pub(in crate::session) fn new(vectors: Vec<Vec<f32>>) -> Self {
        let width = vectors.first().map_or(0, Vec::len);
        let mut mean = vec![0.0; width];
        let share = 1.0 / vectors.len().max(1) as f32;
        for vector in &vectors {
            mean.iter_mut()
                .zip(vector)
                .for_each(|(mean, x)| *mean += x * share);
        }
        let directions = vectors
            .into_iter()
            .map(|vector| direction(vector, &mean))
            .collect();
        Self { mean, directions }
    }

    /// Returns the centred vectors of unit length, `[documents][F]`.
    pub(in crate::session) fn into_directions(self) -> Vec<Vec<f32>> {
        self.directions
    }

    /// Returns the indices of the `top_k` documents nearest to `vector`, with their cosine.
    fn nearest(&self, vector: Vec<f32>, top_k: usize) -> Vec<(usize, f64)> {
        let query = direction(vector, &self.mean);
        let cosine = |other: &Vec<f32>| {
            other
                .iter()
                .zip(&query)
                .map(|(a, b)| f64::from(a * b))
                .sum::<f64>()
        };
        let mut found: Vec<(usize, f64)> = self.directions.iter().map(cosine).enumerate().collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(top_k);
        found
    }
}

fn direction(mut vector: Vec<f32>, mean: &[f32]) -> Vec<f32> {
    vector.iter_mut().zip(mean).for_each(|(x, mean)| *x -= mean);
    let length = vector
        .iter()
        .map(|x| x * x)
        .sum::<f32>()
        .sqrt()
        .max(f32::MIN_POSITIVE);
    vector.iter_mut().for_each(|x| *x /= length);
    vector
}

impl<H: Host> Session<H> {
    /// Encodes documents for [`Self::similar`].
    ///
    /// # Errors
    /// Returns an error if there is no model or the device is lost.
    pub async fn similar_documents(&self, texts: &[String]) -> Result<SimilarDocuments> {
        Ok(SimilarDocuments::new(self.mean_states(texts).await?))
    }

    /// Returns the indices of the `top_k` documents that are most similar to `text`, with their
    /// cosine.
    ///
    /// # Errors
    /// Same as [`Self::similar_documents`].
    pub async fn similar(
        &self,
        documents: &SimilarDocuments,
        text: &str,
        top_k: usize,
    ) -> Result<Vec<(usize, f64)>> {
        let vector = self.mean_states(&[text.to_string()]).await?.remove(0);
        Ok(documents.nearest(vector, top_k))
    }

    /// Computes the mean hidden state of each text, `[texts][F]`.
    pub(in crate::session) async fn mean_states(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let model = self
            .models
            .classifier
            .as_ref()
            .or(self.models.language_model.as_ref())
            .ok_or_else(no_model)?;
        let mut means = Vec::with_capacity(texts.len());
        for texts in texts.chunks(BATCH_SIZE) {
            means.extend(self.means_of(model, texts).await?);
        }
        Ok(means)
    }

    async fn means_of(&self, model: &LoadedModel, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let rows = texts
            .iter()
            .map(|text| input::row(model, text))
            .collect::<Result<Vec<_>>>()?;
        let batch = input::padded(model, &rows);
        let max_len = batch.max_len;
        let batch = DeviceBatch::upload(&batch, &model.config, &self.device);
        let params = model.params(&self.device);
        let hidden = evaluation_model(&model.config, &params)
            .encode(batch.input())
            .padded(); // [B, T, F]
        let width = hidden.dims()[2];
        let values = read(hidden).await?;
        let mean = |(row, (ids, _)): (&[f32], &input::Row)| {
            let mut mean = vec![0.0; width];
            let share = 1.0 / ids.len() as f32;
            row.chunks(width)
                .take(ids.len())
                .flat_map(|states| states.iter().enumerate())
                .for_each(|(i, x)| {
                    mean[i] += x * share;
                });
            mean
        };
        Ok(values
            .chunks(max_len * width)
            .zip(&rows)
            .map(mean)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_direction_does_not_count_as_similarity() {
        let documents =
            SimilarDocuments::new(vec![vec![10.0, 1.0], vec![10.0, -1.0], vec![10.0, 0.5]]);
        let found = documents.nearest(vec![10.0, 2.0], 2);
        assert_eq!(
            found.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
            [0, 2]
        );
        assert!(documents.nearest(vec![10.0, -3.0], 1)[0].1 > 0.99);
    }
}
