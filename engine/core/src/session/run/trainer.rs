//! A model in training: configuration, tokenizer, parameters and optimiser.

use crate::data::Tokenizer;
use crate::model::{Heads, ModelConfig, ParamTensors};
use crate::session::loaded_model::LoadedModel;
use crate::session::parallel::GradientSetup;
use crate::session::run::plan::Plan;
use crate::session::run::task::Task;
use crate::train::{Optimizer, TrainState};
use std::rc::Rc;

/// A model in training.
pub struct Trainer {
    /// Model configuration; the decision threshold of a classifier is updated during training.
    pub model: ModelConfig,
    /// The heads that are trained.
    pub heads: Heads,
    /// Tokenizer of the model.
    pub tokenizer: Rc<Tokenizer>,
    /// Optimiser: layout, settings and device.
    pub optimizer: Optimizer,
    /// Parameters and optimiser moments.
    pub values: TrainState,
    /// Steps of the networks that were trained before this one.
    pub steps_before: u64,
}

impl Trainer {
    /// Returns the optimiser steps done in the run, over all networks.
    pub fn step(&self) -> u64 {
        self.steps_before + self.values.step
    }

    /// Returns the current parameters, without autodiff.
    pub fn params(&self) -> ParamTensors {
        self.optimizer.frozen(&self.values)
    }

    /// Returns the model with the current parameters.
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

/// Returns what the gradients of the current network of a run depend on.
pub(crate) fn gradient_setup(trainer: &Trainer, task: &impl Task, plan: &Plan) -> GradientSetup {
    GradientSetup {
        model: trainer.model.clone(),
        heads: trainer.heads,
        loss: task.loss(),
        dropout: plan.dropout(),
    }
}
