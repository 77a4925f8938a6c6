//! The architecture that learns fastest at this model size: pre-norm, rotary positions, a
//! depth-wise convolution before each block, and no biases in the linear layers. It leaves the
//! unigram plateau within minutes on small corpora, where the published BERT does not
//! (`docs/recipes.md`).

use super::attention::{Attention, rotary_tables};
use super::interface::{Backbone, TrainingDefaults};
use super::shared::{SpecList, embed, embedding_specs};
use crate::kernels;
use crate::model::config::ModelConfig;
use crate::model::layers::{layer_norm, linear, linear_gelu};
use crate::model::network::{AttentionTrace, Encoded, Input, Network};
use crate::model::parameter_spec::{Init, ParameterSpec};
use burn::tensor::Tensor;
use protocol::{Message, message, phrase};

/// The fast Transformer variant.
pub struct Fast;

/// Standard deviation of the initial convolution taps, large enough that neighbouring tokens matter
/// from the first step.
const CONVOLUTION_INIT: f64 = 0.3;

impl Backbone for Fast {
    fn title(&self) -> &'static str {
        phrase!("fast Transformer")
    }

    fn model_type(&self) -> &'static str {
        "clozelab-fast"
    }

    fn class_prefix(&self) -> &'static str {
        "ClozelabFastFor"
    }

    fn recipe(&self) -> TrainingDefaults {
        TrainingDefaults {
            mask_rate: 0.4,
            pretraining_lr: 3e-3,
            finetuning_lr: 3e-3,
            finetuning_dropout: 0.1,
            muon: true,
        }
    }

    fn word_embeddings(&self) -> &'static str {
        super::shared::WORDS
    }

    fn specs(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let mut list = SpecList::new(config.initializer_range);
        // The residual branches start with small weights so that the variance does not grow with
        // depth (Radford et al. 2019, 2.3).
        let residual = config.initializer_range / (2.0 * config.num_hidden_layers as f64).sqrt();
        embedding_specs(&mut list, config);
        for layer in 0..config.num_hidden_layers {
            let name = |part: &str| format!("clozelab.layers.{layer}.{part}");
            list.add(
                name("conv.weight"),
                vec![width, 3],
                Init::Normal(CONVOLUTION_INIT),
            );
            list.norm(&name("attention.norm"), width);
            list.hidden(
                name("attention.qkv.weight"),
                [3 * width, width],
                Init::Normal(config.initializer_range),
                3,
            );
            list.hidden(
                name("attention.output.weight"),
                [width, width],
                Init::Normal(residual),
                1,
            );
            list.norm(&name("mlp.norm"), width);
            list.hidden(
                name("mlp.up.weight"),
                [inner, width],
                Init::Normal(config.initializer_range),
                1,
            );
            list.hidden(
                name("mlp.down.weight"),
                [width, inner],
                Init::Normal(residual),
                1,
            );
        }
        list.norm("clozelab.final_norm", width);
        list.into_specs()
    }

    /// Twice the width: `[max; mean]` pooling.
    fn pooled_size(&self, config: &ModelConfig) -> usize {
        2 * config.hidden_size
    }

    fn encode(&self, network: &Network, input: Input) -> Encoded {
        let head = network.config.hidden_size / network.config.num_attention_heads;
        let tables = rotary_tables(input.sequences.t, head, &input.device());
        let attention = Attention::new(network, &input, Some(tables));
        let (mut states, mut attentions) = (Vec::new(), Vec::new());
        let mut x = embed(network, &input); // [N, D]
        for layer in 0..network.config.num_hidden_layers {
            states.push(x.clone());
            let (next, trace) = block(network, layer, x, &attention, &input);
            attentions.extend(trace);
            x = next;
        }
        states.push(norm(network, "clozelab.final_norm", x));
        Encoded::new(input, states, attentions)
    }

    fn pool(&self, _network: &Network, encoded: &Encoded) -> Tensor<2> {
        let mean = super::shared::mean_over_time(encoded.padded(), encoded.attention_mask());
        Tensor::cat(vec![super::shared::max_over_time(encoded), mean], 1)
    }

    fn accepts_unpadded(&self) -> bool {
        true
    }

    fn check(&self, config: &ModelConfig) -> Result<(), (&'static str, Message)> {
        let head = config.hidden_size / config.num_attention_heads;
        if head.is_multiple_of(2) {
            return Ok(());
        }
        let heads = config.num_attention_heads;
        let reason = message!(
            "is {heads}, which gives each head {head} dimensions; rotary positions need an even number",
            heads,
            head
        );
        Err(("num_attention_heads", reason))
    }

    fn parameter_estimate(&self, config: &ModelConfig) -> u128 {
        super::shared::transformer_parameters(config)
    }

    fn activation_estimate(&self, config: &ModelConfig, max_len: usize) -> f64 {
        super::shared::transformer_activations(config, max_len)
    }
}

/// Convolution, attention and feed-forward layer, each with a pre-norm residual connection (Xiong
/// et al. 2020).
fn block(
    network: &Network,
    layer: usize,
    x: Tensor<2>,
    attention: &Attention,
    input: &Input,
) -> (Tensor<2>, Option<AttentionTrace>) {
    let params = network.params;
    let name = |part: &str| format!("clozelab.layers.{layer}.{part}");
    let taps = params.get::<2>(&name("conv.weight")); // [D, 3]
    let x = kernels::convolve(x, taps, input.row_mask(), input.sequences.clone());
    let normal = norm(network, &name("attention.norm"), x.clone());
    let qkv = linear(params, &name("attention.qkv"), normal); // [N, 3 D]
    let (context, trace) = attention.forward(network, qkv);
    let x = x + network.drop_hidden(linear(params, &name("attention.output"), context));
    let inner = linear_gelu(
        params,
        &name("mlp.up"),
        norm(network, &name("mlp.norm"), x.clone()),
    );
    (
        x + network.drop_hidden(linear(params, &name("mlp.down"), inner)),
        trace,
    )
}

fn norm(network: &Network, name: &str, x: Tensor<2>) -> Tensor<2> {
    layer_norm(network.params, name, x, network.config.layer_norm_eps)
}
