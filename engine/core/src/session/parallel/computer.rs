//! Computes the gradients of the parts of a batch, in the session and in its helpers alike.

use crate::data::examples::BatchPart;
use crate::model::{Dropout, Heads, Layout, ModelConfig, Network, specs};
use crate::train::{DeviceBatch, LossGradients, TrainingLoss, gradients};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// What the gradients of a batch depend on besides the parameters, the batch and a seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GradientSetup {
    /// Configuration of the model.
    pub model: ModelConfig,
    /// The heads that are trained.
    pub heads: Heads,
    /// The loss.
    pub loss: TrainingLoss,
    /// Dropout probabilities.
    pub dropout: Dropout,
}

/// Computes gradients on one device.
pub struct GradientComputer {
    /// What is computed.
    pub setup: GradientSetup,
    /// Device without autodiff.
    pub device: Device,
    layout: Layout,
}

impl GradientComputer {
    /// Creates the computation of `setup` on `device`.
    pub fn new(setup: GradientSetup, device: &Device) -> Self {
        Self {
            layout: Layout::new(specs(&setup.model, setup.heads)),
            device: device.clone(),
            setup,
        }
    }

    /// Returns the sum of the gradients of `parts`, a power of two of them, added pairwise.
    pub fn compute(&self, groups: &[Tensor<1>], parts: &[BatchPart], seed: u64) -> LossGradients {
        if let [part] = parts {
            return self.of_part(groups, part, seed);
        }
        let (left, right) = parts.split_at(parts.len() / 2);
        self.compute(groups, left, seed)
            .plus(self.compute(groups, right, seed))
    }

    fn of_part(&self, groups: &[Tensor<1>], part: &BatchPart, seed: u64) -> LossGradients {
        let GradientSetup {
            model,
            loss,
            dropout,
            ..
        } = &self.setup;
        let batch = DeviceBatch::upload_part(part, model, &self.device);
        let params = self.layout.params(groups, &self.device.clone().autodiff());
        gradients(&self.layout, params, |params| {
            let network = Network::new(model, params).with_dropout(*dropout, seed);
            loss.of(&network.starting_at(batch.offset()), &batch)
        })
    }

    /// Returns the gradients as arrays on the device: the loss, its next-sentence part if that is
    /// trained, and the gradients of all leaf tensors.
    pub fn encode(&self, gradients: LossGradients) -> Vec<Tensor<1>> {
        let next_sentence = gradients
            .next_sentence
            .filter(|_| self.setup.heads.next_sentence);
        let losses = std::iter::once(gradients.loss).chain(next_sentence);
        losses
            .chain(gradients.groups.into_iter().flatten())
            .collect()
    }

    /// Restores the gradients from their arrays; `None` if these do not fit the model. The inverse
    /// of [`Self::encode`].
    pub fn decode(&self, arrays: Vec<Vec<f32>>) -> Option<LossGradients> {
        let mut arrays = arrays.into_iter();
        let mut next = |len: usize| {
            let values = arrays.next().filter(|values| values.len() == len)?;
            Some(Tensor::<1>::from_data(
                TensorData::new(values, [len]),
                &self.device,
            ))
        };
        let loss = next(1)?;
        let next_sentence = if self.setup.heads.next_sentence {
            Some(next(1)?)
        } else {
            None
        };
        let mut group = |lens: Vec<usize>| lens.into_iter().map(&mut next).collect();
        let groups = self
            .layout
            .leaf_lens()
            .into_iter()
            .map(&mut group)
            .collect::<Option<_>>()?;
        Some(LossGradients {
            loss,
            next_sentence,
            groups,
        })
    }
}
