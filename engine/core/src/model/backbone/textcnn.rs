//! TextCNN: parallel convolutions of several widths (Kim 2014, 2). They preserve the sequence
//! length, so that the masked LM has a feature vector for each masked position; only classification
//! takes the maximum over time. LayerNorm replaces BatchNorm, so that training and evaluation
//! compute the same function.
//!
//! A convolution of width k is one matrix product with k shifted copies of its input, concatenated.

use super::interface::{Backbone, TrainingDefaults};
use super::shared::{SpecList, embed, embedding_specs, max_over_time, transform, transform_specs};
use crate::kernels::{self, Sequences, gelu, shifted};
use crate::model::config::ModelConfig;
use crate::model::layers::layer_norm;
use crate::model::network::{Encoded, Input, Network};
use crate::model::parameter_spec::{Init, ParameterSpec};
use burn::tensor::Tensor;
use protocol::{Message, message};

/// The TextCNN backbone.
pub struct TextCnn;

/// Default filter widths and number of filters per width, as in the legacy 2018 system.
const FILTER_SIZES: [usize; 4] = [2, 3, 4, 5];
const NUM_FILTERS: usize = 128;
/// Largest filter width accepted in a loaded configuration.
const MAX_FILTER: usize = 64;

impl Backbone for TextCnn {
    fn title(&self) -> &'static str {
        "TextCNN"
    }

    fn model_type(&self) -> &'static str {
        "clozelab-textcnn"
    }

    fn class_prefix(&self) -> &'static str {
        "ClozelabTextCnnFor"
    }

    fn recipe(&self) -> TrainingDefaults {
        TrainingDefaults {
            mask_rate: 0.3,
            pretraining_lr: 2e-3,
            finetuning_lr: 1.2e-2,
            finetuning_dropout: 0.1,
            muon: true,
        }
    }

    fn settle(&self, config: &mut ModelConfig) {
        config.filter_sizes = FILTER_SIZES.to_vec();
        config.num_filters = NUM_FILTERS;
        config.intermediate_size = features(config);
    }

    fn word_embeddings(&self) -> &'static str {
        super::shared::WORDS
    }

    fn specs(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        let mut list = SpecList::new(config.initializer_range);
        embedding_specs(&mut list, config);
        for layer in 0..config.num_hidden_layers {
            let inputs = if layer == 0 {
                config.hidden_size
            } else {
                config.num_filters
            };
            for &size in &config.filter_sizes {
                let fan_in = size * inputs;
                let init = Init::Normal(1.0 / (fan_in as f64).sqrt());
                list.hidden(
                    convolution(layer, size),
                    [config.num_filters, fan_in],
                    init,
                    1,
                );
            }
            list.norm(&norm_name(layer), features(config));
        }
        list.into_specs()
    }

    fn masked_lm_specs(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        transform_specs(config, features(config))
    }

    fn pooled_size(&self, config: &ModelConfig) -> usize {
        features(config)
    }

    fn encode(&self, network: &Network, input: Input) -> Encoded {
        let Sequences { b, t, .. } = input.sequences;
        let keep = input.row_mask().map(|keep| keep.reshape([b, t, 1]));
        let mut states = vec![embed(network, &input)]; // [B * T, D]
        for layer in 0..network.config.num_hidden_layers {
            states.push(convolve(
                network,
                layer,
                states[layer].clone(),
                [b, t],
                keep.as_ref(),
            ));
        }
        Encoded::new(input, states, Vec::new())
    }

    fn masked_lm_rows(&self, network: &Network, rows: Tensor<2>) -> Tensor<2> {
        transform(network.params, rows, network.config.layer_norm_eps)
    }

    fn pool(&self, _network: &Network, encoded: &Encoded) -> Tensor<2> {
        max_over_time(encoded)
    }

    fn check(&self, config: &ModelConfig) -> Result<(), (&'static str, Message)> {
        let sizes = &config.filter_sizes;
        let ascending = sizes.windows(2).all(|pair| pair[0] < pair[1]);
        if sizes.is_empty()
            || !ascending
            || sizes.iter().any(|size| !(1..=MAX_FILTER).contains(size))
        {
            return Err((
                "filter_sizes",
                message!(
                    "must be ascending widths from 1 to {limit}",
                    limit = MAX_FILTER
                ),
            ));
        }
        if config.num_filters == 0 {
            return Err(("num_filters", message!("must be at least 1")));
        }
        Ok(())
    }

    fn parameter_estimate(&self, config: &ModelConfig) -> u128 {
        let [vocab, width, layers, filters] = [
            config.vocab_size,
            config.hidden_size,
            config.num_hidden_layers,
            config.num_filters,
        ]
        .map(|size| size as u128);
        let taps: u128 = config.filter_sizes.iter().map(|&size| size as u128).sum();
        vocab
            .saturating_mul(width)
            .saturating_add(layers.saturating_mul(taps * filters * width.max(filters)))
    }

    fn activation_estimate(&self, config: &ModelConfig, _max_len: usize) -> f64 {
        let taps: usize = config.filter_sizes.iter().sum();
        let inputs = config.hidden_size.max(config.num_filters);
        (config.num_hidden_layers * (taps * inputs + 8 * features(config))) as f64
    }
}

/// Number of features per position: all filters of all widths.
fn features(config: &ModelConfig) -> usize {
    config.filter_sizes.len() * config.num_filters
}

fn convolution(layer: usize, size: usize) -> String {
    format!("clozelab.layers.{layer}.conv_{size}.weight")
}

fn norm_name(layer: usize) -> String {
    format!("clozelab.layers.{layer}.norm")
}

/// Applies one layer: a convolution per filter width, a joint LayerNorm, and GELU. In the first
/// layer every width reads the embeddings; in later layers each reads its own features.
fn convolve(
    network: &Network,
    layer: usize,
    x: Tensor<2>,
    [b, t]: [usize; 2],
    keep: Option<&Tensor<3>>,
) -> Tensor<2> {
    let config = network.config;
    let width = x.dims()[1];
    let x = x.reshape([b, t, width]); // [B, T, D]
    let x = if let Some(keep) = keep {
        x * keep.clone()
    } else {
        x
    };
    let branches = config
        .filter_sizes
        .iter()
        .enumerate()
        .map(|(branch, &size)| {
            let own = if layer == 0 {
                x.clone()
            } else {
                x.clone()
                    .narrow(2, branch * config.num_filters, config.num_filters)
            };
            let inputs = own.dims()[2];
            // TensorFlow's SAME padding: an even filter covers one more position on the right.
            let left = (size as isize - 1) / 2;
            let copies: Vec<Tensor<3>> = (0..size as isize)
                .map(|tap| shifted(&own, tap - left))
                .collect();
            let unfolded = Tensor::cat(copies, 2).reshape([b * t, size * inputs]); // [B * T, k D]
            kernels::linear(
                unfolded,
                network.params.get(&convolution(layer, size)),
                None,
            ) // [B * T, filters]
        });
    let features = Tensor::cat(branches.collect(), 1);
    let normal = layer_norm(
        network.params,
        &norm_name(layer),
        features,
        config.layer_norm_eps,
    );
    network.drop_hidden(gelu(normal))
}
