//! Layers, parameters and estimates that several backbones share.

use crate::kernels;
use crate::model::config::ModelConfig;
use crate::model::layers::{layer_norm, linear_gelu};
use crate::model::network::{Encoded, Input, Network};
use crate::model::param_tensors::ParamTensors;
use crate::model::parameter_spec::{Init, ParameterSpec};
use burn::tensor::Tensor;

/// Sums word embeddings and, if the model has two token types, token type embeddings: `[N, D]`.
pub(super) fn embed(network: &Network, input: &Input) -> Tensor<2> {
    let words = kernels::gather_rows(network.params.get(WORDS), &input.ids);
    if network.config.type_vocab_size == 1 {
        return words;
    }
    words + kernels::gather_rows(network.params.get(SEGMENTS), &input.segments)
}

/// Adds the parameters of [`embed`].
pub(super) fn embedding_specs(list: &mut SpecList, config: &ModelConfig) {
    list.matrix(WORDS, config.vocab_size, config.hidden_size);
    if config.type_vocab_size > 1 {
        list.matrix(SEGMENTS, config.type_vocab_size, config.hidden_size);
    }
}

/// Names of the embedding tables, for backbones without a Hugging Face counterpart.
pub(super) const WORDS: &str = "clozelab.embeddings.word_embeddings.weight";

const SEGMENTS: &str = "clozelab.embeddings.token_type_embeddings.weight";

/// Added to the features of padding before a maximum; lower than any activation.
pub const BELOW_ALL: f64 = -1e4;

/// Returns the maximum over non-padding tokens, `[B, F]`.
pub(super) fn max_over_time(encoded: &Encoded) -> Tensor<2> {
    let hidden = encoded.padded(); // [B, T, F]
    let [b, _, width] = hidden.dims();
    let lowered = match encoded.attention_mask() {
        None => hidden,
        Some(keep) => hidden + (keep - 1.0) * -BELOW_ALL,
    };
    lowered.max_dim(1).reshape([b, width])
}

/// Returns the mean of `hidden` `[B, T, F]` over the tokens, `[B, F]`; `keep` `[B, T, 1]` is 1 for
/// a token and 0 for padding.
pub(super) fn mean_over_time(hidden: Tensor<3>, keep: Option<Tensor<3>>) -> Tensor<2> {
    let [b, _, width] = hidden.dims();
    let mean = match keep {
        None => hidden.mean_dim(1),
        Some(keep) => {
            let count = keep.clone().sum_dim(1).clamp_min(1.0); // [B, 1, 1]
            (hidden * keep).sum_dim(1) / count
        }
    };
    mean.reshape([b, width])
}

/// Builder of a list of parameters.
pub(super) struct SpecList {
    specs: Vec<ParameterSpec>,
    std: f64,
}

impl SpecList {
    /// Creates an empty list; matrices are initialised with the standard deviation `std`.
    pub fn new(std: f64) -> Self {
        Self {
            specs: Vec::new(),
            std,
        }
    }

    /// Returns the parameters in the order in which they were added.
    pub fn into_specs(self) -> Vec<ParameterSpec> {
        self.specs
    }

    /// Adds one parameter that is not a matrix of a block.
    pub fn add(&mut self, name: impl Into<String>, shape: Vec<usize>, init: Init) {
        self.specs.push(ParameterSpec {
            name: name.into(),
            shape,
            init,
            hidden_matrices: 0,
            continues: false,
        });
    }

    /// Adds `stacked` matrices of equal shape inside a block, concatenated along the rows of one
    /// parameter of this shape.
    pub fn hidden(
        &mut self,
        name: impl Into<String>,
        shape: [usize; 2],
        init: Init,
        stacked: usize,
    ) {
        let shape = shape.into();
        self.specs.push(ParameterSpec {
            name: name.into(),
            shape,
            init,
            hidden_matrices: stacked,
            continues: false,
        });
    }

    /// Adds a matrix `[rows, columns]` with normal initialisation.
    pub fn matrix(&mut self, name: &str, rows: usize, columns: usize) {
        self.add(name, vec![rows, columns], Init::Normal(self.std));
    }

    /// Adds a linear layer with bias.
    pub fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.matrix(&format!("{name}.weight"), outputs, inputs);
        self.add(format!("{name}.bias"), vec![outputs], Init::Zeros);
    }

    /// Adds a linear layer with bias whose weight counts as a matrix inside a block.
    pub fn hidden_linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.hidden(
            format!("{name}.weight"),
            [outputs, inputs],
            Init::Normal(self.std),
            1,
        );
        self.add(format!("{name}.bias"), vec![outputs], Init::Zeros);
    }

    /// Adds linear layers of a block with biases; their weights form one stack and their biases
    /// another.
    pub fn hidden_stack(&mut self, names: &[String], outputs: usize, inputs: usize) {
        for (i, name) in names.iter().enumerate() {
            let start = self.specs.len();
            self.hidden_linear(name, outputs, inputs);
            self.specs[start..]
                .iter_mut()
                .for_each(|spec| spec.continues = i > 0);
        }
    }

    /// Adds the scale and shift of a layer normalisation.
    pub fn norm(&mut self, name: &str, width: usize) {
        self.add(format!("{name}.weight"), vec![width], Init::Ones);
        self.add(format!("{name}.bias"), vec![width], Init::Zeros);
    }
}

/// Returns the parameters of the masked LM's published transform, which maps `features` inputs to
/// the embedding width: dense, GELU, LayerNorm (Devlin et al. 2019, run_pretraining.py).
pub(super) fn transform_specs(config: &ModelConfig, features: usize) -> Vec<ParameterSpec> {
    let mut list = SpecList::new(config.initializer_range);
    list.linear(
        "cls.predictions.transform.dense",
        config.hidden_size,
        features,
    );
    list.norm("cls.predictions.transform.LayerNorm", config.hidden_size);
    list.into_specs()
}

/// Applies the masked LM's transform, `[M, F]` to `[M, D]`.
pub(super) fn transform(params: &ParamTensors, rows: Tensor<2>, eps: f64) -> Tensor<2> {
    let rows = linear_gelu(params, "cls.predictions.transform.dense", rows);
    layer_norm(params, "cls.predictions.transform.LayerNorm", rows, eps)
}

/// Estimates a Transformer's parameters: embeddings, the four attention matrices and the two
/// feed-forward matrices. Biases are negligible.
pub(super) fn transformer_parameters(config: &ModelConfig) -> u128 {
    let [vocab, width, layers, inner, positions] = [
        config.vocab_size,
        config.hidden_size,
        config.num_hidden_layers,
        config.intermediate_size,
        config.max_position_embeddings,
    ]
    .map(|size| size as u128);
    (vocab + positions)
        .saturating_mul(width)
        .saturating_add((4 * width * width + 2 * width * inner).saturating_mul(layers))
}

/// Estimates a Transformer's activations per token: in each layer 34 times the width, and five
/// attention rows of `max_len` per head.
pub(super) fn transformer_activations(config: &ModelConfig, max_len: usize) -> f64 {
    let attention = (config.num_attention_heads * max_len) as f64;
    config.num_hidden_layers as f64 * (34.0 * config.hidden_size as f64 + 5.0 * attention)
}
