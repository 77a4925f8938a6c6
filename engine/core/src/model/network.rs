//! A configuration with parameters, and what goes in and out of its backbone. `forward` maps a batch
//! to features and logits.

use super::architecture::Architecture;
use super::config::ModelConfig;
use super::layers::{Dropout, Masks, norm_parameters};
use super::param_tensors::ParamTensors;
use crate::kernels::{self, Mask, RowNumbers, Sequences};
use burn::tensor::{Device, Tensor, TensorData};

/// One batch of model inputs on the device: `N` rows of tokens.
#[derive(Clone, Debug)]
pub struct Input {
    /// The rows of each sequence.
    pub sequences: Sequences,
    /// Token ids, `[N]`, each below `V`.
    pub ids: RowNumbers,
    /// Token type ids, `[N]`.
    pub segments: RowNumbers,
    /// Position ids, `[N]`; `None` unless the model has learned position embeddings.
    pub positions: Option<RowNumbers>,
    /// Which positions of the padded batch are tokens.
    pub(super) padding: Padding,
}

/// The positions of a padded batch that are tokens.
#[derive(Clone, Debug)]
pub(super) struct Padding {
    /// Attention mask `[B, T]`: 1 for a token, 0 for padding; `None` if nothing is padded.
    keep: Option<Tensor<2>>,
    /// Without rows for padding: the row of each position, `[B * T]`; 0 at padding.
    rows: Option<RowNumbers>,
}

impl Input {
    /// Uploads a padded batch of shape `dims` `[B, T]` for a model with this `config`; the arrays
    /// have `B * T` elements.
    ///
    /// # Panics
    /// If an id is out of range, which is a bug in the caller.
    pub fn new(
        [b, t]: [usize; 2],
        ids: &[i32],
        segments: &[i32],
        keep: Option<Vec<f32>>,
        (config, device): (&ModelConfig, &Device),
    ) -> Self {
        let places: Vec<usize> = (0..b * t).collect();
        let padding = Padding {
            keep: keep.map(|keep| Tensor::from_data(TensorData::new(keep, [b, t]), device)),
            rows: None,
        };
        let numbers = [ids, segments];
        Self::at_positions(
            Sequences::padded(b, t),
            &places,
            numbers,
            padding,
            (config, device),
        )
    }

    /// Uploads the tokens of a padded batch without the padding: sequences of these `lengths` in
    /// rows of `t` ids and segments.
    ///
    /// # Panics
    /// If an id is out of range, or a sequence is empty or longer than `t`, which is a bug in the
    /// caller.
    pub fn unpadded(
        (lengths, t): (&[usize], usize),
        ids: &[i32],
        segments: &[i32],
        (config, device): (&ModelConfig, &Device),
    ) -> Self {
        let sequences = Sequences::unpadded(lengths, t);
        let b = lengths.len();
        let is_token = |position: &usize| position % t < lengths[position / t];
        let places: Vec<usize> = (0..b * t).filter(is_token).collect();
        let mut rows = vec![0; b * t];
        for (row, &place) in places.iter().enumerate() {
            rows[place] = row as i32;
        }
        let keep: Vec<f32> = (0..b * t)
            .map(|place| f32::from(u8::from(is_token(&place))))
            .collect();
        let padding = Padding {
            keep: Some(Tensor::from_data(TensorData::new(keep, [b, t]), device)),
            rows: Some(RowNumbers::new(&rows, places.len(), device)),
        };
        let numbers = [ids, segments];
        Self::at_positions(sequences, &places, numbers, padding, (config, device))
    }

    /// Uploads the ids and segments at `places` in a padded batch.
    fn at_positions(
        sequences: Sequences,
        places: &[usize],
        [ids, segments]: [&[i32]; 2],
        padding: Padding,
        (config, device): (&ModelConfig, &Device),
    ) -> Self {
        let at_places =
            |numbers: &[i32]| -> Vec<i32> { places.iter().map(|&place| numbers[place]).collect() };
        let positions = || -> Vec<i32> {
            let position = |place: &usize| (place % sequences.t) as i32;
            places.iter().map(position).collect()
        };
        let has_positions = config.architecture == Architecture::Bert;
        Self {
            positions: has_positions
                .then(|| RowNumbers::new(&positions(), config.max_position_embeddings, device)),
            ids: RowNumbers::new(&at_places(ids), config.vocab_size, device),
            segments: RowNumbers::new(&at_places(segments), config.type_vocab_size, device),
            sequences,
            padding,
        }
    }

    /// The device of the tensors.
    pub fn device(&self) -> Device {
        self.ids.numbers().device()
    }

    /// Returns the attention mask `[B, T]` of the rows: 1 for a token, 0 for padding; `None` if no
    /// row is padding.
    pub(super) fn row_mask(&self) -> Option<Tensor<2>> {
        match self.padding.rows {
            None => self.padding.keep.clone(),
            Some(_) => None,
        }
    }
}

/// The backbone's output for a batch.
pub struct Encoded {
    /// The rows of each sequence.
    pub sequences: Sequences,
    /// Last hidden states, `[N, F]`; `F` depends on the backbone.
    pub hidden: Tensor<2>,
    /// Hidden states before the first block and after each block, `[N, ..]` each.
    pub hidden_states: Vec<Tensor<2>>,
    /// Attention of each block. Empty unless requested by [`Network::with_attentions`], and for
    /// backbones without attention.
    pub attentions: Vec<AttentionTrace>,
    padding: Padding,
}

/// Intermediate results of one attention layer.
pub struct AttentionTrace {
    /// Concatenated queries, keys and values, before rotary positions are applied, `[B * T, 3 D]`.
    pub qkv: Tensor<2>,
    /// Attention probabilities before dropout, `[B, H, T, T]`; rows sum to 1.
    pub probabilities: Tensor<4>,
}

impl Encoded {
    /// Bundles a backbone's outputs for `input`; the last of `hidden_states` becomes `hidden`.
    pub(super) fn new(
        input: Input,
        hidden_states: Vec<Tensor<2>>,
        attentions: Vec<AttentionTrace>,
    ) -> Self {
        let hidden = hidden_states
            .last()
            .expect("a backbone has an output")
            .clone();
        Self {
            sequences: input.sequences,
            hidden,
            hidden_states,
            attentions,
            padding: input.padding,
        }
    }

    /// Returns the hidden states of the padded batch, `[B, T, F]`. Values at padding
    /// are undefined; see [`Self::attention_mask`].
    pub fn padded(&self) -> Tensor<3> {
        self.padding.padded(&self.sequences, &self.hidden)
    }

    /// Returns the attention mask of the padded batch, `[B, T, 1]`: 1 for a token, 0 for padding;
    /// `None` if nothing is padded.
    pub(super) fn attention_mask(&self) -> Option<Tensor<3>> {
        self.padding.attention_mask(&self.sequences)
    }
}

impl Padding {
    /// Returns the rows `x` `[N, F]` as a padded batch, `[B, T, F]`.
    pub fn padded(&self, sequences: &Sequences, x: &Tensor<2>) -> Tensor<3> {
        let width = x.dims()[1];
        let rows = match &self.rows {
            None => x.clone(),
            Some(rows) => kernels::gather_rows(x.clone(), rows),
        };
        rows.reshape([sequences.b, sequences.t, width])
    }

    /// Returns the attention mask as `[B, T, 1]`.
    pub fn attention_mask(&self, sequences: &Sequences) -> Option<Tensor<3>> {
        let keep = self.keep.clone();
        keep.map(|keep| keep.reshape([sequences.b, sequences.t, 1]))
    }
}

/// Where the input begins in a larger batch that it is a part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset {
    /// Number of sequences before it.
    pub sequences: usize,
    /// Number of rows of tokens before it.
    pub rows: usize,
}

/// A configuration with parameters, ready for a forward pass.
pub struct Network<'a> {
    /// Architecture and sizes of the model.
    pub config: &'a ModelConfig,
    /// The weights as tensors, looked up by name.
    pub params: &'a ParamTensors,
    dropout: Dropout,
    masks: Masks,
    offset: Offset,
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
            offset: Offset::default(),
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

    /// Declares that the input is a part of a larger batch, so that dropout drops the same elements
    /// as in the whole batch.
    pub fn starting_at(self, offset: Offset) -> Self {
        Self { offset, ..self }
    }

    /// Also returns the attention of each block. The rows of the input must include the padding, if
    /// there is any.
    pub fn with_attentions(self) -> Self {
        Self {
            output_attentions: true,
            ..self
        }
    }

    /// Applies dropout to the hidden states of tokens, `[N, F]`.
    pub(super) fn drop_hidden(&self, x: Tensor<2>) -> Tensor<2> {
        let mask = self.hidden_mask(&x);
        dropped(x, mask)
    }

    /// Applies dropout to one vector per sequence, `[B, F]`.
    pub(super) fn drop_pooled(&self, x: Tensor<2>) -> Tensor<2> {
        let first = self.offset.sequences * x.dims()[1];
        let mask = self.next_mask(self.dropout.hidden, first);
        dropped(x, mask)
    }

    /// Computes the layer normalisation `name` of `x + dropout(y)`.
    pub(super) fn add_norm(&self, name: &str, x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        let mask = self.hidden_mask(&y);
        kernels::add_norm(
            [x, y],
            norm_parameters(self.params, name),
            self.config.layer_norm_eps,
            mask,
        )
    }

    /// Returns the dropout mask for the next layer's attention probabilities, `[B, H, T, T]`, given
    /// the length `t` of the padded sequences and the number of heads `h`.
    pub(super) fn attention_mask(&self, t: usize, h: usize) -> Mask {
        self.next_mask(self.dropout.attention, self.offset.sequences * h * t * t)
    }

    /// Returns the next dropout mask of hidden states `[N, F]`.
    fn hidden_mask(&self, x: &Tensor<2>) -> Mask {
        self.next_mask(self.dropout.hidden, self.offset.rows * x.dims()[1])
    }

    /// Returns the next dropout mask; `first` elements of the whole batch come before the input.
    fn next_mask(&self, p: f64, first: usize) -> Mask {
        self.masks.next(p).starting_at(first)
    }
}

fn dropped(x: Tensor<2>, mask: Mask) -> Tensor<2> {
    if mask.is_none() {
        x
    } else {
        kernels::dropout(x, mask)
    }
}
