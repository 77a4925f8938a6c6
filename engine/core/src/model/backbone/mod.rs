//! The backbones, which map token ids to hidden states. Each backbone is one file here and one
//! variant of [`Architecture`]; it defines its parameters, its forward pass to one feature vector
//! per position, and its pooling for sequence-level heads. All other code uses a backbone through
//! the [`Backbone`] trait only.

mod attention;
mod bert;
mod fast;
mod mean;
mod textcnn;

pub use attention::rotary_values;

use super::config::ModelConfig;
use super::layers::{layer_norm, linear, linear_gelu};
use super::network::{Encoded, Input, Network};
use super::param_tensors::ParamTensors;
use super::parameter_spec::{Init, ParameterSpec};
use crate::kernels;
use burn::tensor::Tensor;
use protocol::{Message, PresetFamily};
use serde::{Deserialize, Serialize};

/// The backbone of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// BERT as published: learned positions and segments, post-norm, biases, tanh pooler (Devlin et
    /// al. 2019).
    Bert,
    /// Transformer with rotary positions, a depth-wise convolution before each block, pre-norm and
    /// `[max; mean]` pooling.
    Fast,
    /// Parallel convolutions of several widths (Kim 2014), with a feature vector per position.
    Textcnn,
    /// Mean of the embeddings (Mikolov et al. 2013, CBOW; Joulin et al. 2016 for classification).
    Mean,
}

impl From<PresetFamily> for Architecture {
    fn from(family: PresetFamily) -> Self {
        match family {
            PresetFamily::Bert | PresetFamily::Original => Self::Bert,
            PresetFamily::Fast => Self::Fast,
            PresetFamily::Textcnn => Self::Textcnn,
            PresetFamily::Mean => Self::Mean,
        }
    }
}

impl Architecture {
    /// All architectures in declaration order.
    pub const ALL: [Self; 4] = [Self::Bert, Self::Fast, Self::Textcnn, Self::Mean];

    /// Returns the implementation of this architecture.
    pub fn backbone(self) -> &'static dyn Backbone {
        match self {
            Self::Bert => &bert::Bert,
            Self::Fast => &fast::Fast,
            Self::Textcnn => &textcnn::TextCnn,
            Self::Mean => &mean::Mean,
        }
    }
}

/// Recommended training settings of a backbone; each value is measured in `docs/recipes.md` or
/// published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingDefaults {
    /// Fraction of tokens to mask in pre-training.
    pub mask_rate: f64,
    /// Peak learning rate of pre-training at widths up to 128.
    pub pretraining_lr: f64,
    /// Peak learning rate of fine-tuning at widths up to 128.
    pub finetuning_lr: f64,
    /// Dropout probability of hidden states in fine-tuning.
    pub finetuning_dropout: f64,
    /// Whether pre-training uses Muon for the weight matrices inside the blocks by default.
    pub muon: bool,
}

/// A model architecture: its parameters, forward pass and pooling.
pub trait Backbone: Sync {
    /// The name shown to users, e.g. `BERT`.
    fn title(&self) -> &'static str;

    /// The `model_type` in `config.json`.
    fn model_type(&self) -> &'static str;

    /// The prefix of the class name in `architectures` of `config.json`, e.g. `BertFor`.
    fn class_prefix(&self) -> &'static str;

    /// Returns the recommended training settings.
    fn recipe(&self) -> TrainingDefaults;

    /// Sets the preset values of a configuration other than its sizes, e.g. the published dropout.
    fn settle(&self, _config: &mut ModelConfig) {}

    /// The name of the word embeddings `[V, D]`, to which the masked LM's decoder is tied.
    fn word_embeddings(&self) -> &'static str;

    /// Returns the parameters up to the last hidden states.
    fn specs(&self, config: &ModelConfig) -> Vec<ParameterSpec>;

    /// Returns the parameters between the last hidden states and the tied decoder.
    fn masked_lm_specs(&self, _config: &ModelConfig) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// Returns the parameters of the pooling for sequence-level heads.
    fn pool_specs(&self, _config: &ModelConfig) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// Number of features per pooled sequence.
    fn pooled_size(&self, config: &ModelConfig) -> usize;

    /// Computes the hidden states `[B * T, F]`. Padding does not influence the states of other
    /// tokens.
    fn encode(&self, network: &Network, input: Input) -> Encoded;

    /// Maps hidden states at the masked positions, `[M, F]`, to rows `[M, D]` that are compared
    /// with the word embeddings.
    fn masked_lm_rows(&self, _network: &Network, rows: Tensor<2>) -> Tensor<2> {
        rows
    }

    /// Returns one feature vector per sequence, `[B, pooled_size]`.
    fn pool(&self, network: &Network, encoded: &Encoded) -> Tensor<2>;

    /// Checks a loaded configuration for values that this backbone does not support.
    ///
    /// # Errors
    /// Returns (key, reason) of the first unsupported value.
    fn check(&self, _config: &ModelConfig) -> Result<(), (&'static str, Message)> {
        Ok(())
    }

    /// Estimates the number of trainable parameters. `u128` because it is computed for unchecked
    /// sizes, before any allocation.
    fn parameter_estimate(&self, config: &ModelConfig) -> u128;

    /// Estimates the number of activations stored for the backward pass, per token, for sequences
    /// of `max_len` tokens.
    fn activation_estimate(&self, config: &ModelConfig, max_len: usize) -> f64;
}

/// Sums word embeddings and, if the model has two token types, token type embeddings: `[B * T, D]`.
fn embed(network: &Network, input: &Input) -> Tensor<2> {
    let words = kernels::gather_rows(network.params.get(WORDS), &input.ids);
    if network.config.type_vocab_size == 1 {
        return words;
    }
    words + kernels::gather_rows(network.params.get(SEGMENTS), &input.segments)
}

/// Adds the parameters of [`embed`].
fn embedding_specs(list: &mut SpecList, config: &ModelConfig) {
    list.matrix(WORDS, config.vocab_size, config.hidden_size);
    if config.type_vocab_size > 1 {
        list.matrix(SEGMENTS, config.type_vocab_size, config.hidden_size);
    }
}

/// Names of the embedding tables, for backbones without a Hugging Face counterpart.
const WORDS: &str = "clozelab.embeddings.word_embeddings.weight";
const SEGMENTS: &str = "clozelab.embeddings.token_type_embeddings.weight";

/// Added to the features of padding before a maximum; lower than any activation.
pub const BELOW_ALL: f64 = -1e4;

/// Returns the maximum over non-padding tokens, `[B, F]`.
fn max_over_time(encoded: &Encoded) -> Tensor<2> {
    let [b, t] = encoded.dims;
    let width = encoded.hidden.dims()[1];
    let hidden = encoded.hidden.clone().reshape([b, t, width]); // [B, T, F]
    let lowered = match &encoded.keep {
        None => hidden,
        Some(keep) => hidden + (keep.clone() - 1.0) * -BELOW_ALL,
    };
    lowered.max_dim(1).reshape([b, width])
}

/// Returns the mean of `hidden` `[B * T, F]` over non-padding tokens, `[B, F]`.
fn mean_over_time([b, t]: [usize; 2], hidden: &Tensor<2>, keep: Option<&Tensor<3>>) -> Tensor<2> {
    let width = hidden.dims()[1];
    let hidden = hidden.clone().reshape([b, t, width]); // [B, T, F]
    let mean = match keep {
        None => hidden.mean_dim(1),
        Some(keep) => {
            let count = keep.clone().sum_dim(1).clamp_min(1.0); // [B, 1, 1]
            (hidden * keep.clone()).sum_dim(1) / count
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
fn transform_specs(config: &ModelConfig, features: usize) -> Vec<ParameterSpec> {
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
fn transform(params: &ParamTensors, rows: Tensor<2>, eps: f64) -> Tensor<2> {
    let rows = linear_gelu(params, "cls.predictions.transform.dense", rows);
    layer_norm(params, "cls.predictions.transform.LayerNorm", rows, eps)
}

/// Estimates a Transformer's parameters: embeddings, the four attention matrices and the two
/// feed-forward matrices. Biases are negligible.
fn transformer_parameters(config: &ModelConfig) -> u128 {
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
fn transformer_activations(config: &ModelConfig, max_len: usize) -> f64 {
    let attention = (config.num_attention_heads * max_len) as f64;
    config.num_hidden_layers as f64 * (34.0 * config.hidden_size as f64 + 5.0 * attention)
}
