//! A configuration with parameters, and what goes in and out of its backbone. `forward` maps a batch
//! to features and logits.

use super::architecture::Architecture;
use super::config::ModelConfig;
use super::layers::{Dropout, Masks, norm_parameters};
use super::param_tensors::ParamTensors;
use crate::kernels::{self, Mask, RowNumbers};
use burn::tensor::{Device, Tensor, TensorData};
use std::ops::Range;

/// One batch of model inputs on the device.
#[derive(Clone, Debug)]
pub struct Input {
    /// Batch size and sequence length, `[B, T]`.
    pub dims: [usize; 2],
    /// Token ids, `[B * T]`, each below `V`.
    pub ids: RowNumbers,
    /// Token type ids, `[B * T]`.
    pub segments: RowNumbers,
    /// Position ids, `[B * T]`; `None` unless the model has learned position embeddings.
    pub positions: Option<RowNumbers>,
    /// Attention mask `[B, T]`: 1 for a token, 0 for padding; `None` if nothing is padded.
    pub keep: Option<Tensor<2>>,
}

impl Input {
    /// Uploads a batch of shape `dims` `[B, T]` for a model with this `config`; the arrays have
    /// `B * T` elements.
    ///
    /// # Panics
    /// If an id is out of range, which is a bug in the caller.
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

    /// The device of the tensors.
    pub fn device(&self) -> Device {
        self.ids.numbers().device()
    }

    /// Returns the attention mask as `[B, T, 1]`.
    pub(super) fn keep_rows(&self) -> Option<Tensor<3>> {
        let [b, t] = self.dims;
        self.keep.clone().map(|keep| keep.reshape([b, t, 1]))
    }
}

/// The backbone's output for a batch.
pub struct Encoded {
    /// Batch size and sequence length, `[B, T]`.
    pub dims: [usize; 2],
    /// Last hidden states, `[B * T, F]`; `F` depends on the backbone.
    pub hidden: Tensor<2>,
    /// Attention mask `[B, T, 1]`: 1 for a token, 0 for padding; `None` if nothing is padded.
    pub keep: Option<Tensor<3>>,
    /// Hidden states before the first block and after each block, `[B * T, ..]` each.
    pub hidden_states: Vec<Tensor<2>>,
    /// Attention of each block. Empty unless requested by [`Network::with_attentions`], and for
    /// backbones without attention.
    pub attentions: Vec<AttentionTrace>,
}

/// Intermediate results of one attention layer.
pub struct AttentionTrace {
    /// Concatenated queries, keys and values, before rotary positions are applied, `[B * T, 3 D]`.
    pub qkv: Tensor<2>,
    /// Attention probabilities before dropout, `[B, H, T, T]`; rows sum to 1.
    pub probabilities: Tensor<4>,
}

impl Encoded {
    /// Bundles a backbone's outputs; the last of `hidden_states` becomes `hidden`.
    pub(super) fn new(
        dims: [usize; 2],
        keep: Option<Tensor<3>>,
        hidden_states: Vec<Tensor<2>>,
        attentions: Vec<AttentionTrace>,
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

/// A configuration with parameters, ready for a forward pass.
pub struct Network<'a> {
    /// Architecture and sizes of the model.
    pub config: &'a ModelConfig,
    /// The weights as tensors, looked up by name.
    pub params: &'a ParamTensors,
    dropout: Dropout,
    masks: Masks,
    /// Rows of the batch that the input consists of, for dropout; `None`: all.
    rows: Option<Range<usize>>,
    /// Whether [`Encoded`] contains the attention of each block.
    pub output_attentions: bool,
}

impl<'a> Network<'a> {
    /// Creates a network in evaluation mode, without dropout.
    pub fn new(config: &'a ModelConfig, params: &'a ParamTensors) -> Self {
        Self {
            config,
            params,
            dropout: Dropout::NONE,
            masks: Masks::default(),
            rows: None,
            output_attentions: false,
        }
    }

    /// Enables dropout; `seed` determines which elements are dropped.
    pub fn with_dropout(self, dropout: Dropout, seed: u64) -> Self {
        Self {
            dropout,
            masks: Masks::new(seed),
            ..self
        }
    }

    /// Declares that the input consists of `rows` of a larger batch, so that dropout drops the same
    /// elements as in the whole batch.
    pub fn of_rows(self, rows: Range<usize>) -> Self {
        Self {
            rows: Some(rows),
            ..self
        }
    }

    /// Also returns the attention of each block.
    pub fn with_attentions(self) -> Self {
        Self {
            output_attentions: true,
            ..self
        }
    }

    /// Applies dropout to hidden states.
    pub(super) fn drop_hidden<const R: usize>(&self, x: Tensor<R>) -> Tensor<R> {
        let mask = self.next_mask(self.dropout.hidden, x.shape().num_elements());
        if mask.is_none() {
            x
        } else {
            kernels::dropout(x, mask)
        }
    }

    /// Computes the layer normalisation `name` of `x + dropout(y)`.
    pub(super) fn add_norm(&self, name: &str, x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        let mask = self.next_mask(self.dropout.hidden, y.shape().num_elements());
        kernels::add_norm(
            [x, y],
            norm_parameters(self.params, name),
            self.config.layer_norm_eps,
            mask,
        )
    }

    /// Returns the dropout mask for the next layer's attention probabilities; `dims` are `[B, T, H]`.
    pub(super) fn attention_mask(&self, [b, t, h]: [usize; 3]) -> Mask {
        self.next_mask(self.dropout.attention, b * h * t * t)
    }

    /// Returns the next dropout mask, for as many `elements` of the input's rows.
    fn next_mask(&self, p: f64, elements: usize) -> Mask {
        let first = self
            .rows
            .as_ref()
            .map_or(0, |rows| elements / rows.len() * rows.start);
        self.masks.next(p).starting_at(first)
    }
}
