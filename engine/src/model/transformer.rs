//! The encoder, in its two forms behind one function: `bert` as published (Devlin et al. 2019: post-norm, learned
//! positions, segments) and `fast` (pre-norm, rotary positions, a depth-wise convolution before each block), which
//! leaves the unigram plateau within minutes on small corpora where the published form does not.

use super::attention::{Attention, Projected, Rotary};
use super::config::{Architecture, ModelConfig};
use super::heads::{self, Heads};
use super::layers::{Dropout, dropout, layer_norm, linear};
use super::parameters::{Init, Leaves, ParameterSpec};
use crate::kernels::gelu;
use burn::tensor::module::embedding;
use burn::tensor::{Device, Int, Tensor};

/// One batch on the device.
pub struct Input {
    /// Token ids, `[B, T]`; each below `V` (checked on the host: the device does not).
    pub ids: Tensor<2, Int>,
    /// Segment ids, `[B, T]`.
    pub segments: Tensor<2, Int>,
    /// 1 for a token, 0 for padding, `[B, T]`; `None` where nothing is padded.
    pub keep: Option<Tensor<2>>,
}

/// What the encoder makes of a batch.
pub struct Encoded {
    /// `[B, T]`.
    pub dims: [usize; 2],
    /// Last hidden states, `[B * T, D]`.
    pub hidden: Tensor<2>,
    /// 1 for a token, 0 for padding, `[B, T, 1]`.
    pub keep: Option<Tensor<3>>,
    /// Hidden states before the first and after each block, `[B * T, D]` each.
    pub hidden_states: Vec<Tensor<2>>,
    /// Attention probabilities of each block, `[B, H, T, T]`; rows sum to 1.
    pub attentions: Vec<Tensor<4>>,
}

/// A shape with its parameters, ready for a forward pass.
pub struct Transformer<'a> {
    /// The shape.
    pub config: &'a ModelConfig,
    /// The parameters.
    pub leaves: &'a Leaves,
    /// In force during this pass.
    pub dropout: Dropout,
}

/// Added to the score of a padded key. Far enough from 0 that its probability is exactly 0 in f32.
const MASKED_SCORE: f64 = -1e9;

impl Transformer<'_> {
    /// Runs the encoder.
    pub fn encode(&self, input: Input) -> Encoded {
        let dims = input.ids.dims();
        let device = input.ids.device();
        let keep = input.keep.clone().map(|keep| keep.reshape([dims[0], dims[1], 1])); // [B, T, 1]
        let mask = input.keep.clone().map(|keep| (keep.reshape([dims[0], 1, 1, dims[1]]) - 1.0) * -MASKED_SCORE);
        let mut hidden_states = Vec::with_capacity(self.config.num_hidden_layers + 1);
        let mut attentions = Vec::with_capacity(self.config.num_hidden_layers);
        let rotary = self.rotary(dims[1], &device);
        let mut x = self.embed(input); // [B * T, D]
        for layer in 0..self.config.num_hidden_layers {
            hidden_states.push(x.clone());
            let attention = Attention {
                dims: [dims[0], dims[1], self.config.num_attention_heads],
                mask: mask.as_ref(),
                rotary: rotary.as_ref(),
                dropout: self.dropout.attention,
            };
            let (next, probabilities) = match self.config.architecture {
                Architecture::Bert => self.bert_block(layer, x, &attention),
                Architecture::Fast => self.fast_block(layer, x, &attention, keep.as_ref()),
            };
            attentions.push(probabilities);
            x = next;
        }
        if self.config.architecture == Architecture::Fast {
            x = self.norm("clozelab.final_norm", x);
        }
        hidden_states.push(x.clone());
        Encoded { dims, hidden: x, keep, hidden_states, attentions }
    }

    /// See [`heads::masked_lm`].
    pub fn masked_lm(&self, encoded: &Encoded, positions: Tensor<1, Int>) -> Tensor<2> {
        heads::masked_lm(self.config, self.leaves, encoded, positions)
    }

    /// See [`heads::next_sentence`].
    pub fn next_sentence(&self, encoded: &Encoded) -> Tensor<2> {
        heads::next_sentence(self.leaves, encoded)
    }

    /// See [`heads::classifier`].
    pub fn classify(&self, encoded: &Encoded) -> Tensor<2> {
        heads::classifier(self.config, self.leaves, encoded, self.dropout)
    }

    fn rotary(&self, t: usize, device: &Device) -> Option<Rotary> {
        let k = self.config.hidden_size / self.config.num_attention_heads;
        (self.config.architecture == Architecture::Fast).then(|| Rotary::new(t, k, device))
    }

    fn embed(&self, input: Input) -> Tensor<2> {
        let [b, t] = input.ids.dims();
        let width = self.config.hidden_size;
        if self.config.architecture == Architecture::Fast {
            let table = self.leaves.get::<2>("clozelab.embeddings.word_embeddings.weight");
            return embedding(table, input.ids).reshape([b * t, width]);
        }
        let words = embedding(self.leaves.get::<2>("bert.embeddings.word_embeddings.weight"), input.ids); // [B, T, D]
        let segments = self.leaves.get::<2>("bert.embeddings.token_type_embeddings.weight");
        let positions = self.leaves.get::<2>("bert.embeddings.position_embeddings.weight").narrow(0, 0, t);
        let sum = words + embedding(segments, input.segments) + positions.reshape([1, t, width]);
        dropout(self.norm("bert.embeddings.LayerNorm", sum.reshape([b * t, width])), self.dropout.hidden)
    }

    /// Post-norm, as published: Devlin et al. 2019 after Vaswani et al. 2017, 3.1.
    fn bert_block(&self, layer: usize, x: Tensor<2>, attention: &Attention) -> (Tensor<2>, Tensor<4>) {
        let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
        let project = |part: &str| linear(self.leaves, &name(part), x.clone());
        let (context, probabilities) = attention.forward(Projected {
            queries: project("attention.self.query"),
            keys: project("attention.self.key"),
            values: project("attention.self.value"),
        });
        let context = dropout(linear(self.leaves, &name("attention.output.dense"), context), self.dropout.hidden);
        let x = self.norm(&name("attention.output.LayerNorm"), x + context);
        let inner = gelu(linear(self.leaves, &name("intermediate.dense"), x.clone())); // [B * T, 4 D]
        let outer = dropout(linear(self.leaves, &name("output.dense"), inner), self.dropout.hidden);
        (self.norm(&name("output.LayerNorm"), x + outer), probabilities)
    }

    /// Convolution, attention and feed-forward, each added to a residual stream that only the norms before them touch
    /// (Xiong et al. 2020). No biases in the linear layers.
    fn fast_block(
        &self,
        layer: usize,
        x: Tensor<2>,
        attention: &Attention,
        keep: Option<&Tensor<3>>,
    ) -> (Tensor<2>, Tensor<4>) {
        let name = |part: &str| format!("clozelab.layers.{layer}.{part}");
        let [b, t, _] = attention.dims;
        let width = self.config.hidden_size;
        let x = self.convolve(&name("conv.weight"), x, [b, t], keep);
        let normal = self.norm(&name("attention.norm"), x.clone());
        let qkv = linear(self.leaves, &name("attention.qkv"), normal); // [B * T, 3 D]
        let part = |i: usize| qkv.clone().narrow(1, i * width, width);
        let (context, probabilities) =
            attention.forward(Projected { queries: part(0), keys: part(1), values: part(2) });
        let x = x + dropout(linear(self.leaves, &name("attention.output"), context), self.dropout.hidden);
        let inner = gelu(linear(self.leaves, &name("mlp.up"), self.norm(&name("mlp.norm"), x.clone())));
        (x + dropout(linear(self.leaves, &name("mlp.down"), inner), self.dropout.hidden), probabilities)
    }

    /// `y[t] = x[t] + w0 x[t-1] + w1 x[t] + w2 x[t+1]` per channel, with zeros beyond both ends and for padding, so
    /// that the length to which a text is padded changes nothing.
    fn convolve(&self, name: &str, x: Tensor<2>, [b, t]: [usize; 2], keep: Option<&Tensor<3>>) -> Tensor<2> {
        let width = self.config.hidden_size;
        let taps = self.leaves.get::<2>(name); // [D, 3]
        let tap = |i: usize| taps.clone().narrow(1, i, 1).reshape([1, 1, width]);
        let x = x.reshape([b, t, width]); // [B, T, D]
        let seen = if let Some(keep) = keep { x.clone() * keep.clone() } else { x.clone() };
        let edge = Tensor::<3>::zeros([b, 1, width], &x.device());
        let before = Tensor::cat(vec![edge.clone(), seen.clone().narrow(1, 0, t - 1)], 1);
        let after = Tensor::cat(vec![seen.clone().narrow(1, 1, t - 1), edge], 1);
        (x + before * tap(0) + seen * tap(1) + after * tap(2)).reshape([b * t, width])
    }

    fn norm(&self, name: &str, x: Tensor<2>) -> Tensor<2> {
        layer_norm(self.leaves, name, x, self.config.layer_norm_eps)
    }
}

/// The parameters of a model with `heads`: names, shapes and how they start.
pub fn specs(config: &ModelConfig, heads: Heads) -> Vec<ParameterSpec> {
    let mut out = match config.architecture {
        Architecture::Bert => bert_specs(config),
        Architecture::Fast => fast_specs(config),
    };
    out.extend(heads.specs(config));
    out
}

fn bert_specs(config: &ModelConfig) -> Vec<ParameterSpec> {
    let (width, inner) = (config.hidden_size, config.intermediate_size);
    let mut list = SpecList::new(config.initializer_range);
    list.matrix("bert.embeddings.word_embeddings.weight", config.vocab_size, width);
    list.matrix("bert.embeddings.position_embeddings.weight", config.max_position_embeddings, width);
    list.matrix("bert.embeddings.token_type_embeddings.weight", config.type_vocab_size, width);
    list.norm("bert.embeddings.LayerNorm", width);
    for layer in 0..config.num_hidden_layers {
        let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
        for part in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"] {
            list.linear(&name(part), width, width);
        }
        list.norm(&name("attention.output.LayerNorm"), width);
        list.linear(&name("intermediate.dense"), inner, width);
        list.linear(&name("output.dense"), width, inner);
        list.norm(&name("output.LayerNorm"), width);
    }
    list.specs
}

fn fast_specs(config: &ModelConfig) -> Vec<ParameterSpec> {
    let (width, inner) = (config.hidden_size, config.intermediate_size);
    let mut list = SpecList::new(config.initializer_range);
    // What a block adds to the residual stream starts small, so that depth does not raise its variance
    // (Radford et al. 2019, 2.3).
    let residual = config.initializer_range / (2.0 * config.num_hidden_layers as f64).sqrt();
    list.matrix("clozelab.embeddings.word_embeddings.weight", config.vocab_size, width);
    for layer in 0..config.num_hidden_layers {
        let name = |part: &str| format!("clozelab.layers.{layer}.{part}");
        list.add(name("conv.weight"), vec![width, 3], Init::Normal(CONVOLUTION_INIT));
        list.norm(&name("attention.norm"), width);
        list.matrix(&name("attention.qkv.weight"), 3 * width, width);
        list.add(name("attention.output.weight"), vec![width, width], Init::Normal(residual));
        list.norm(&name("mlp.norm"), width);
        list.matrix(&name("mlp.up.weight"), inner, width);
        list.add(name("mlp.down.weight"), vec![width, inner], Init::Normal(residual));
    }
    list.norm("clozelab.final_norm", width);
    list.specs
}

/// Standard deviation of the convolution's taps at the start: neighbours are felt from the first step.
const CONVOLUTION_INIT: f64 = 0.3;

struct SpecList {
    specs: Vec<ParameterSpec>,
    std: f64,
}

impl SpecList {
    fn new(std: f64) -> Self {
        Self { specs: Vec::new(), std }
    }

    fn add(&mut self, name: String, shape: Vec<usize>, init: Init) {
        self.specs.push(ParameterSpec { name, shape, init });
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize) {
        self.add(name.into(), vec![rows, columns], Init::Normal(self.std));
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.matrix(&format!("{name}.weight"), outputs, inputs);
        self.add(format!("{name}.bias"), vec![outputs], Init::Zeros);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.add(format!("{name}.weight"), vec![width], Init::Ones);
        self.add(format!("{name}.bias"), vec![width], Init::Zeros);
    }
}
