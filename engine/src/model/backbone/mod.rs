//! What stands between the token ids and the heads. Each backbone is one file here and one row of [`Architecture`]:
//! its parameters, its forward pass to one feature vector per position, and how these are pooled for a label. The
//! masked LM, the data, the optimiser and the hosts know no more of a backbone than [`Backbone`].

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
use super::parameters::{Init, ParameterSpec};
use crate::kernels;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Which backbone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// BERT as published: learned positions and segments, post-norm, biases, tanh pooler (Devlin et al. 2019).
    Bert,
    /// Rotary positions, a depth-wise convolution before each block, pre-norm, `[max; mean]` pooling.
    Fast,
    /// Parallel convolutions of several widths (Kim 2014) with a feature per position.
    Textcnn,
    /// The mean of the embeddings (Mikolov et al. 2013, CBOW; Joulin et al. 2016 for labels).
    Mean,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bert, Self::Fast, Self::Textcnn, Self::Mean];

    /// What it does.
    pub fn backbone(self) -> &'static dyn Backbone {
        match self {
            Self::Bert => &bert::Bert,
            Self::Fast => &fast::Fast,
            Self::Textcnn => &textcnn::TextCnn,
            Self::Mean => &mean::Mean,
        }
    }
}

/// Settings that suit a backbone, each measured in `docs/recipes.md` unless it is a published value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingDefaults {
    /// Share of tokens to guess in pre-training.
    pub mask_rate: f64,
    /// Peak learning rate of pre-training, at width 128 and below.
    pub pretraining_lr: f64,
    /// Peak learning rate of fine-tuning, at width 128 and below.
    pub finetuning_lr: f64,
    /// Dropout of hidden states in fine-tuning.
    pub finetuning_dropout: f64,
    /// Whether Muon moves the matrices inside the blocks in pre-training, unless asked otherwise.
    pub muon: bool,
}

/// One backbone.
pub trait Backbone: Sync {
    /// In words.
    fn title(&self) -> &'static str;

    /// `model_type` in `config.json`.
    fn model_type(&self) -> &'static str;

    /// The family of `architectures` in `config.json`, e.g. `BertFor`.
    fn class_prefix(&self) -> &'static str;

    /// The shape that a preset of the contract names, as (layers, width, heads); `None` for another's preset.
    fn preset(&self, name: &str) -> Option<[usize; 3]>;

    /// Settings that suit it.
    fn recipe(&self) -> TrainingDefaults;

    /// What a preset has besides its sizes, e.g. dropout as published.
    fn settle(&self, _config: &mut ModelConfig) {}

    /// The name of the word embeddings `[V, D]`, to which the masked LM's decoder is tied.
    fn word_embeddings(&self) -> &'static str;

    /// The parameters up to the hidden states.
    fn specs(&self, config: &ModelConfig) -> Vec<ParameterSpec>;

    /// The parameters between the hidden states and the tied decoder.
    fn masked_lm_specs(&self, _config: &ModelConfig) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// The parameters between the hidden states and a head that reads the whole text.
    fn pool_specs(&self, _config: &ModelConfig) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// Numbers that describe a whole text.
    fn pooled_size(&self, config: &ModelConfig) -> usize;

    /// Hidden states `[B * T, F]`; what is padded changes none of those that are not.
    fn encode(&self, network: &Network, input: Input) -> Encoded;

    /// Hidden states at the positions to guess `[M, F]` as rows `[M, D]` to compare with the word embeddings.
    fn masked_lm_rows(&self, _network: &Network, rows: Tensor<2>) -> Tensor<2> {
        rows
    }

    /// One vector per text, `[B, pooled_size]`.
    fn pool(&self, network: &Network, encoded: &Encoded) -> Tensor<2>;

    /// Why a configuration from outside cannot be built, as (key, reason).
    ///
    /// # Errors
    /// When it cannot.
    fn check(&self, _config: &ModelConfig) -> Result<(), (&'static str, String)> {
        Ok(())
    }

    /// Trainable numbers, roughly and in numbers that cannot wrap: asked before anything is allocated.
    fn parameter_estimate(&self, config: &ModelConfig) -> u128;

    /// Numbers that a backward pass keeps per token, roughly, with `max_len` tokens to a text.
    fn activation_estimate(&self, config: &ModelConfig, max_len: usize) -> f64;
}

/// Word embeddings and, where the model has two segments, segment embeddings: `[B * T, D]`.
fn embed(network: &Network, input: &Input) -> Tensor<2> {
    let words = kernels::gather_rows(network.params.get(WORDS), &input.ids);
    if network.config.type_vocab_size == 1 {
        return words;
    }
    words + kernels::gather_rows(network.params.get(SEGMENTS), &input.segments)
}

/// Parameters of [`embed`].
fn embedding_specs(list: &mut SpecList, config: &ModelConfig) {
    list.matrix(WORDS, config.vocab_size, config.hidden_size);
    if config.type_vocab_size > 1 {
        list.matrix(SEGMENTS, config.type_vocab_size, config.hidden_size);
    }
}

/// Embedding tables of the backbones that are not Hugging Face's.
const WORDS: &str = "clozelab.embeddings.word_embeddings.weight";
const SEGMENTS: &str = "clozelab.embeddings.token_type_embeddings.weight";

/// Far below every activation, so that padding never is the maximum.
pub const BELOW_ALL: f64 = -1e4;

/// Maximum over the tokens that are not padding, `[B, F]`.
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

/// Mean of `hidden` `[B * T, F]` over the tokens that are not padding, `[B, F]`.
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

/// A list of parameters in the making.
pub(super) struct SpecList {
    specs: Vec<ParameterSpec>,
    std: f64,
}

impl SpecList {
    /// An empty list; matrices start with the standard deviation `std`.
    pub fn new(std: f64) -> Self {
        Self {
            specs: Vec::new(),
            std,
        }
    }

    /// The parameters.
    pub fn into_specs(self) -> Vec<ParameterSpec> {
        self.specs
    }

    /// Adds one parameter.
    pub fn add(&mut self, name: impl Into<String>, shape: Vec<usize>, init: Init) {
        self.specs.push(ParameterSpec {
            name: name.into(),
            shape,
            init,
            hidden_matrices: 0,
            continues: false,
        });
    }

    /// Adds `stacked` equal matrices inside a block, one below the other in a parameter of this shape.
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

    /// Adds a matrix `[rows, columns]`.
    pub fn matrix(&mut self, name: &str, rows: usize, columns: usize) {
        self.add(name, vec![rows, columns], Init::Normal(self.std));
    }

    /// Adds a linear layer with its bias.
    pub fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.matrix(&format!("{name}.weight"), outputs, inputs);
        self.add(format!("{name}.bias"), vec![outputs], Init::Zeros);
    }

    /// Adds a linear layer of a block with its bias.
    pub fn hidden_linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.hidden(
            format!("{name}.weight"),
            [outputs, inputs],
            Init::Normal(self.std),
            1,
        );
        self.add(format!("{name}.bias"), vec![outputs], Init::Zeros);
    }

    /// Adds linear layers of a block with their biases, whose weights and biases are a stack each.
    pub fn hidden_stack(&mut self, names: &[String], outputs: usize, inputs: usize) {
        for (i, name) in names.iter().enumerate() {
            let start = self.specs.len();
            self.hidden_linear(name, outputs, inputs);
            self.specs[start..]
                .iter_mut()
                .for_each(|spec| spec.continues = i > 0);
        }
    }

    /// Adds scale and shift of a layer normalisation.
    pub fn norm(&mut self, name: &str, width: usize) {
        self.add(format!("{name}.weight"), vec![width], Init::Ones);
        self.add(format!("{name}.bias"), vec![width], Init::Zeros);
    }
}

/// Parameters of the masked LM's transform as published: dense, GELU, LayerNorm (Devlin et al. 2019,
/// run_pretraining.py), from `features` numbers to the width of the embeddings.
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

/// The transform itself: `[M, F]` to `[M, D]`.
fn transform(params: &ParamTensors, rows: Tensor<2>, eps: f64) -> Tensor<2> {
    let rows = linear_gelu(params, "cls.predictions.transform.dense", rows);
    layer_norm(params, "cls.predictions.transform.LayerNorm", rows, eps)
}

/// Embeddings, the four matrices of attention and the two of the feed-forward layer; biases are too few to matter.
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

/// Per token and layer: 34 rows of the width, and five rows of attention per head.
fn transformer_activations(config: &ModelConfig, max_len: usize) -> f64 {
    let attention = (config.num_attention_heads * max_len) as f64;
    config.num_hidden_layers as f64 * (34.0 * config.hidden_size as f64 + 5.0 * attention)
}
