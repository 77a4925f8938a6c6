//! BERT as published (Devlin et al. 2019): learned position and segment embeddings, post-norm
//! blocks, biases, GELU and a tanh pooler on `[CLS]`. The pooling modes of sentence-transformers
//! are supported, too. Parameter names and layouts are those of Hugging Face's `BertModel`.

use super::attention::Attention;
use super::interface::{Backbone, TrainingDefaults};
use super::shared::{SpecList, max_over_time, mean_over_time, transform, transform_specs};
use crate::kernels::{self, RowNumbers};
use crate::model::config::ModelConfig;
use crate::model::layers::{layer_norm, linear, linear_gelu};
use crate::model::network::{AttentionTrace, Encoded, Input, Network};
use crate::model::parameter_spec::ParameterSpec;
use burn::tensor::Tensor;
use protocol::Pooling;

/// The original BERT architecture.
pub struct Bert;

const WORDS: &str = "bert.embeddings.word_embeddings.weight";

/// Dropout probability of the published models.
const DROPOUT: f64 = 0.1;

impl Backbone for Bert {
    fn title(&self) -> &'static str {
        "BERT"
    }

    fn model_type(&self) -> &'static str {
        "bert"
    }

    fn class_prefix(&self) -> &'static str {
        "BertFor"
    }

    fn recipe(&self) -> TrainingDefaults {
        TrainingDefaults {
            mask_rate: 0.15,
            pretraining_lr: 2e-3,
            finetuning_lr: 3e-3,
            finetuning_dropout: DROPOUT,
            muon: false,
        }
    }

    fn settle(&self, config: &mut ModelConfig) {
        config.hidden_dropout_prob = DROPOUT;
        config.attention_probs_dropout_prob = DROPOUT;
        config.initializer_range = 0.02;
        config.type_vocab_size = 2;
    }

    fn word_embeddings(&self) -> &'static str {
        WORDS
    }

    fn specs(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let mut list = SpecList::new(config.initializer_range);
        list.matrix(WORDS, config.vocab_size, width);
        list.matrix(
            "bert.embeddings.position_embeddings.weight",
            config.max_position_embeddings,
            width,
        );
        list.matrix(
            "bert.embeddings.token_type_embeddings.weight",
            config.type_vocab_size,
            width,
        );
        list.norm("bert.embeddings.LayerNorm", width);
        for layer in 0..config.num_hidden_layers {
            let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
            let parts =
                ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
            list.hidden_stack(&parts, width, width);
            list.hidden_linear(&name("attention.output.dense"), width, width);
            list.norm(&name("attention.output.LayerNorm"), width);
            list.hidden_linear(&name("intermediate.dense"), inner, width);
            list.hidden_linear(&name("output.dense"), width, inner);
            list.norm(&name("output.LayerNorm"), width);
        }
        list.into_specs()
    }

    fn masked_lm_specs(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        transform_specs(config, config.hidden_size)
    }

    fn pool_specs(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        let mut list = SpecList::new(config.initializer_range);
        if pooling(config) == Pooling::Cls {
            list.linear("bert.pooler.dense", config.hidden_size, config.hidden_size);
        }
        list.into_specs()
    }

    fn pooled_size(&self, config: &ModelConfig) -> usize {
        if pooling(config) == Pooling::MaxMean {
            2 * config.hidden_size
        } else {
            config.hidden_size
        }
    }

    fn encode(&self, network: &Network, input: Input) -> Encoded {
        let attention = Attention::new(network, &input, None);
        let mut states = vec![embed(network, &input)]; // [N, D]
        let mut attentions = Vec::new();
        for layer in 0..network.config.num_hidden_layers {
            let (next, trace) = block(network, layer, states[layer].clone(), &attention);
            attentions.extend(trace);
            states.push(next);
        }
        Encoded::new(input, states, attentions)
    }

    fn masked_lm_rows(&self, network: &Network, rows: Tensor<2>) -> Tensor<2> {
        transform(network.params, rows, network.config.layer_norm_eps)
    }

    fn pool(&self, network: &Network, encoded: &Encoded) -> Tensor<2> {
        match pooling(network.config) {
            Pooling::Cls => {
                linear(network.params, "bert.pooler.dense", first_token(encoded)).tanh()
            }
            Pooling::FirstToken => first_token(encoded),
            Pooling::Mean => mean(encoded),
            // [B, 2 D]
            Pooling::MaxMean => Tensor::cat(vec![max_over_time(encoded), mean(encoded)], 1),
        }
    }

    fn accepts_unpadded(&self) -> bool {
        true
    }

    fn parameter_estimate(&self, config: &ModelConfig) -> u128 {
        super::shared::transformer_parameters(config)
    }

    fn activation_estimate(&self, config: &ModelConfig, max_len: usize) -> f64 {
        super::shared::transformer_activations(config, max_len)
    }
}

/// Returns the configured pooling, or the published one (`[CLS]` with a tanh layer) by default.
fn pooling(config: &ModelConfig) -> Pooling {
    config.pooling.unwrap_or(Pooling::Cls)
}

/// Returns the hidden states of `[CLS]`, `[B, D]`.
fn first_token(encoded: &Encoded) -> Tensor<2> {
    let hidden = encoded.padded(); // [B, T, D]
    let [b, _, width] = hidden.dims();
    hidden.narrow(1, 0, 1).reshape([b, width])
}

/// Returns the mean hidden states over non-padding tokens, `[B, D]`.
fn mean(encoded: &Encoded) -> Tensor<2> {
    mean_over_time(encoded.padded(), encoded.attention_mask())
}

fn embed(network: &Network, input: &Input) -> Tensor<2> {
    let rows = |part: &str, rows: &RowNumbers| {
        kernels::gather_rows(
            network
                .params
                .get(&format!("bert.embeddings.{part}_embeddings.weight")),
            rows,
        )
    };
    let positions = input
        .positions
        .as_ref()
        .expect("a BERT's input has positions");
    let sum = rows("word", &input.ids)
        + rows("token_type", &input.segments)
        + rows("position", positions); // [N, D]
    network.drop_hidden(norm(network, "bert.embeddings.LayerNorm", sum))
}

/// Post-norm Transformer block (Devlin et al. 2019; Vaswani et al. 2017, 3.1).
fn block(
    network: &Network,
    layer: usize,
    x: Tensor<2>,
    attention: &Attention,
) -> (Tensor<2>, Option<AttentionTrace>) {
    let params = network.params;
    let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
    let [weight, bias] =
        ["weight", "bias"].map(|part| name(&format!("attention.self.query.{part}")));
    // [N, 3 D]
    let qkv = kernels::linear(x.clone(), params.stack(&weight), Some(params.stack(&bias)));
    let (context, trace) = attention.forward(network, qkv);
    let context = linear(params, &name("attention.output.dense"), context);
    let x = network.add_norm(&name("attention.output.LayerNorm"), x, context);
    let inner = linear_gelu(params, &name("intermediate.dense"), x.clone()); // [N, 4 D]
    let outer = linear(params, &name("output.dense"), inner);
    (network.add_norm(&name("output.LayerNorm"), x, outer), trace)
}

fn norm(network: &Network, name: &str, x: Tensor<2>) -> Tensor<2> {
    layer_norm(network.params, name, x, network.config.layer_norm_eps)
}
