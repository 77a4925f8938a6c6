//! What learns in a run: the shape, the words, the values, and what moves them.

use super::loaded_model::LoadedModel;
use crate::data::Tokenizer;
use crate::model::{Heads, ModelConfig, ParamTensors};
use crate::train::{Optimizer, TrainState};
use std::rc::Rc;

/// A model in training.
pub struct Trainer {
    /// The shape; a classifier's threshold is tuned on the way.
    pub model: ModelConfig,
    /// Which heads it carries.
    pub heads: Heads,
    /// The words.
    pub tokenizer: Rc<Tokenizer>,
    /// Moves the values.
    pub optimizer: Optimizer,
    /// The values, with their moments.
    pub values: TrainState,
    /// Steps of the networks that were trained before this one.
    pub steps_before: u64,
}

impl Trainer {
    /// Optimisation steps done in the run.
    pub fn step(&self) -> u64 {
        self.steps_before + self.values.step
    }

    /// The present values, without autodiff.
    pub fn params(&self) -> ParamTensors {
        self.optimizer.frozen(&self.values)
    }

    /// The model as it is now.
    pub fn trained(&self) -> LoadedModel {
        LoadedModel {
            config: self.model.clone(),
            heads: self.heads,
            tokenizer: self.tokenizer.clone(),
            layout: self.optimizer.layout.clone(),
            groups: self
                .values
                .groups
                .iter()
                .map(|group| group.p.clone())
                .collect(),
            ensemble: None,
            sentence_encoder: None,
            notices: Vec::new(),
            card: None,
        }
    }
}
