//! The simplest backbone: the features of a position are its own embedding and the mean embedding
//! of the sequence. As a masked LM it is a continuous bag of words (Mikolov et al. 2013) over the
//! whole sequence; as a classifier it is fastText (Joulin et al. 2016). It ignores word order and
//! so shows how far word choice alone goes.

use super::interface::{Backbone, TrainingDefaults};
use super::shared::{SpecList, embed, embedding_specs, mean_over_time, transform, transform_specs};
use crate::kernels::Sequences;
use crate::model::config::ModelConfig;
use crate::model::network::{Encoded, Input, Network};
use crate::model::parameter_spec::ParameterSpec;
use burn::tensor::Tensor;
use protocol::phrase;

/// The mean-of-embeddings backbone.
pub struct Mean;

impl Backbone for Mean {
    fn title(&self) -> &'static str {
        phrase!("mean of embeddings")
    }

    fn model_type(&self) -> &'static str {
        "clozelab-mean"
    }

    fn class_prefix(&self) -> &'static str {
        "ClozelabMeanFor"
    }

    fn recipe(&self) -> TrainingDefaults {
        TrainingDefaults {
            mask_rate: 0.3,
            pretraining_lr: 4e-3,
            finetuning_lr: 1e-2,
            finetuning_dropout: 0.0,
            muon: false,
        }
    }

    fn word_embeddings(&self) -> &'static str {
        super::shared::WORDS
    }

    fn specs(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        let mut list = SpecList::new(config.initializer_range);
        embedding_specs(&mut list, config);
        list.into_specs()
    }

    fn masked_lm_specs(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        transform_specs(config, 2 * config.hidden_size)
    }

    fn pooled_size(&self, config: &ModelConfig) -> usize {
        config.hidden_size
    }

    fn encode(&self, network: &Network, input: Input) -> Encoded {
        let Sequences { b, t, .. } = input.sequences;
        let width = network.config.hidden_size;
        let keep = input.row_mask().map(|keep| keep.reshape([b, t, 1]));
        let x = embed(network, &input); // [B * T, D]
        let mean = mean_over_time(x.clone().reshape([b, t, width]), keep)
            .reshape([b, 1, width])
            .expand([b, t, width]);
        let both = Tensor::cat(vec![x.clone(), mean.reshape([b * t, width])], 1); // [B * T, 2 D]
        Encoded::new(input, vec![x, both], Vec::new())
    }

    fn masked_lm_rows(&self, network: &Network, rows: Tensor<2>) -> Tensor<2> {
        transform(network.params, rows, network.config.layer_norm_eps)
    }

    /// Returns the mean embedding. Every position holds it in its second half, so the first
    /// position is read.
    fn pool(&self, network: &Network, encoded: &Encoded) -> Tensor<2> {
        let width = network.config.hidden_size;
        let rows = encoded.padded().narrow(1, 0, 1); // [B, 1, 2 D]
        let rows = rows.reshape([encoded.sequences.b, 2 * width]);
        network.drop_pooled(rows.narrow(1, width, width)) // [B, D]
    }

    fn parameter_estimate(&self, config: &ModelConfig) -> u128 {
        (config.vocab_size as u128).saturating_mul(config.hidden_size as u128)
    }

    fn activation_estimate(&self, config: &ModelConfig, _max_len: usize) -> f64 {
        8.0 * config.hidden_size as f64
    }
}
