//! A shape with its parameters: batch in, features and logits out. Which backbone makes the features is one call; the
//! heads are the same for all of them.

use super::backbone::Architecture;
use super::config::ModelConfig;
use super::heads::{self, Heads};
use super::layers::{Dropout, Masks, norm_parameters};
use super::param_tensors::ParamTensors;
use super::parameters::ParameterSpec;
use crate::kernels::{self, Mask, RowNumbers, RowTargets};
use burn::tensor::{Device, Tensor, TensorData};

/// One batch on the device.
#[derive(Clone, Debug)]
pub struct Input {
    /// `[B, T]`.
    pub dims: [usize; 2],
    /// Token ids, `B * T` of them, each below `V`.
    pub ids: RowNumbers,
    /// Segment ids, `B * T` of them.
    pub segments: RowNumbers,
    /// Positions in the example, `B * T` of them, where the model has a table of them.
    pub positions: Option<RowNumbers>,
    /// 1 for a token, 0 for padding, `[B, T]`; `None` where nothing is padded.
    pub keep: Option<Tensor<2>>,
}

impl Input {
    /// Of `dims` `[B, T]`, from arrays of `B * T`, for a model of the shape `config`.
    ///
    /// # Panics
    /// Where an id is not one of the model's: a wrong program.
    pub fn new(
        dims: [usize; 2],
        ids: &[i32],
        segments: &[i32],
        keep: Option<Vec<f32>>,
        (config, device): (&ModelConfig, &Device),
    ) -> Self {
        let positions: Vec<i32> = (0..ids.len()).map(|i| (i % dims[1]) as i32).collect();
        let has_positions = config.architecture == Architecture::Bert;
        Self {
            dims,
            positions: has_positions
                .then(|| RowNumbers::new(&positions, config.max_position_embeddings, device)),
            ids: RowNumbers::new(ids, config.vocab_size, device),
            segments: RowNumbers::new(segments, config.type_vocab_size, device),
            keep: keep.map(|keep| Tensor::from_data(TensorData::new(keep, dims), device)),
        }
    }

    /// Where it lies.
    pub fn device(&self) -> Device {
        self.ids.numbers().device()
    }

    /// 1 for a token, 0 for padding, `[B, T, 1]`.
    pub(super) fn keep_rows(&self) -> Option<Tensor<3>> {
        let [b, t] = self.dims;
        self.keep.clone().map(|keep| keep.reshape([b, t, 1]))
    }
}

/// What the encoder makes of a batch.
pub struct Encoded {
    /// `[B, T]`.
    pub dims: [usize; 2],
    /// Last hidden states, `[B * T, F]`; `F` is the backbone's.
    pub hidden: Tensor<2>,
    /// 1 for a token, 0 for padding, `[B, T, 1]`.
    pub keep: Option<Tensor<3>>,
    /// Hidden states before the first and after each block, `[B * T, ..]` each.
    pub hidden_states: Vec<Tensor<2>>,
    /// Attention probabilities of each block, `[B, H, T, T]`; rows sum to 1. Empty unless [`Network::with_attentions`] asks
    /// for them, and for a backbone without attention.
    pub attentions: Vec<Tensor<4>>,
}

impl Encoded {
    /// What a backbone gives: `hidden_states` ends with the last ones.
    pub(super) fn new(
        dims: [usize; 2],
        keep: Option<Tensor<3>>,
        hidden_states: Vec<Tensor<2>>,
        attentions: Vec<Tensor<4>>,
    ) -> Self {
        let hidden = hidden_states
            .last()
            .expect("a backbone has an output")
            .clone();
        Self {
            dims,
            hidden,
            keep,
            hidden_states,
            attentions,
        }
    }
}

/// A shape with its parameters, ready for a forward pass.
pub struct Network<'a> {
    /// The shape.
    pub config: &'a ModelConfig,
    /// The parameters.
    pub params: &'a ParamTensors,
    dropout: Dropout,
    masks: Masks,
    /// Whether [`Encoded`] holds attention probabilities.
    pub output_attentions: bool,
}

impl<'a> Network<'a> {
    /// In evaluation mode.
    pub fn new(config: &'a ModelConfig, params: &'a ParamTensors) -> Self {
        Self {
            config,
            params,
            dropout: Dropout::NONE,
            masks: Masks::default(),
            output_attentions: false,
        }
    }

    /// With this dropout; `seed` says which elements are dropped.
    pub fn with_dropout(self, dropout: Dropout, seed: u64) -> Self {
        Self {
            dropout,
            masks: Masks::new(seed),
            ..self
        }
    }

    /// Returns attention probabilities, too.
    pub fn with_attentions(self) -> Self {
        Self {
            output_attentions: true,
            ..self
        }
    }

    /// Drops hidden states.
    pub(super) fn drop_hidden<const R: usize>(&self, x: Tensor<R>) -> Tensor<R> {
        let mask = self.masks.next(self.dropout.hidden);
        if mask.is_none() {
            x
        } else {
            kernels::dropout(x, mask)
        }
    }

    /// The layer normalisation `name` of `x + y`, with dropout of `y`.
    pub(super) fn add_norm(&self, name: &str, x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        let mask = self.masks.next(self.dropout.hidden);
        kernels::add_norm(
            [x, y],
            norm_parameters(self.params, name),
            self.config.layer_norm_eps,
            mask,
        )
    }

    /// Dropout of the next layer's attention probabilities.
    pub(super) fn attention_mask(&self) -> Mask {
        self.masks.next(self.dropout.attention)
    }

    /// Runs the backbone.
    pub fn encode(&self, input: Input) -> Encoded {
        self.config.architecture.backbone().encode(self, input)
    }

    /// One vector per text, `[B, F]`.
    pub fn pool(&self, encoded: &Encoded) -> Tensor<2> {
        self.config.architecture.backbone().pool(self, encoded)
    }

    /// See [`heads::masked_lm`].
    pub fn masked_lm(&self, encoded: &Encoded, positions: &RowNumbers) -> Tensor<2> {
        heads::masked_lm(self, encoded, positions)
    }

    /// See [`heads::masked_lm_loss`].
    pub fn masked_lm_loss(
        &self,
        encoded: &Encoded,
        positions: &RowNumbers,
        truth: RowTargets,
    ) -> Tensor<1> {
        heads::masked_lm_loss(self, encoded, positions, truth)
    }

    /// See [`heads::next_sentence`].
    pub fn next_sentence(&self, encoded: &Encoded) -> Tensor<2> {
        heads::next_sentence(self, encoded)
    }

    /// See [`heads::classifier`].
    pub fn classify(&self, encoded: &Encoded) -> Tensor<2> {
        heads::classifier(self, encoded)
    }
}

/// The parameters of a model with `heads`: names, shapes and how they start.
pub fn specs(config: &ModelConfig, heads: Heads) -> Vec<ParameterSpec> {
    let mut out = config.architecture.backbone().specs(config);
    out.extend(heads.specs(config));
    out
}

/// The word embeddings of a model of this architecture.
pub fn word_embeddings(architecture: Architecture) -> &'static str {
    architecture.backbone().word_embeddings()
}
