//! Initial weights of a network: those of another model, word vectors, and random values.

use crate::data::embeddings::WordEmbeddings;
use crate::data::word_vectors::FoundVectors;
use crate::interop::Weights;
use crate::model::{Layout, ModelConfig, word_embeddings};
use crate::session::loaded_model::{Restored, starting_values};
use crate::session::run::task::Task;
use std::rc::Rc;

/// Initial weights of a network.
pub(crate) struct InitialWeights {
    /// Weights of another model, by name.
    pub source: Weights,
    /// Vectors for new word embeddings.
    pub embeddings: Option<StartingEmbeddings>,
}

/// Vectors that initialise new word embeddings.
pub(crate) enum StartingEmbeddings {
    /// From the user's file.
    Given(FoundVectors),
    /// Learned from the training text.
    Own(Rc<WordEmbeddings>),
}

impl InitialWeights {
    /// Returns the initial parameters, one flat vector per group, and which of them come from the
    /// source.
    pub fn values(
        &self,
        model: &ModelConfig,
        layout: &Layout,
        task: &impl Task,
        seed: u64,
    ) -> (Vec<Vec<f32>>, Restored) {
        let (mut groups, restored) = starting_values(layout, seed, &self.source);
        task.prepare(layout, &restored, &mut groups);
        if let Some(embeddings) = &self.embeddings {
            embeddings.place(
                model,
                layout.slice_mut(&mut groups, word_embeddings(model.architecture)),
            );
        }
        (groups, restored)
    }
}

/// Share of the random initial vector that is added to a learned vector, so that words with
/// identical contexts differ (docs/recipes.md).
const RANDOM_SHARE: f32 = 0.3;

impl StartingEmbeddings {
    /// Overwrites rows of the randomly initialised `table` `[V, D]`. Learned vectors are scaled to
    /// the norm of the random rows and mixed with a share of them; tokens without a vector keep the
    /// random row.
    fn place(&self, model: &ModelConfig, table: &mut [f32]) {
        let width = model.hidden_size;
        match self {
            Self::Given(found) => {
                for (&id, row) in &found.rows {
                    table[id as usize * width..][..width].copy_from_slice(row);
                }
            }
            Self::Own(vectors) => {
                let spread = (model.initializer_range * (width as f64).sqrt()) as f32;
                for (row, vector) in table.chunks_mut(width).zip(vectors.values.chunks(width)) {
                    if vector.iter().any(|x| *x != 0.0) {
                        row.iter_mut()
                            .zip(vector)
                            .for_each(|(value, x)| *value = spread * x + RANDOM_SHARE * *value);
                    }
                }
            }
        }
    }
}
