//! The heads on top of the backbone: masked LM, next-sentence prediction and classification.

use super::config::ModelConfig;
use super::layers::linear;
use super::network::{Encoded, Network};
use super::parameter_spec::{Init, ParameterSpec};
use crate::kernels::{self, RowNumbers, RowTargets};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The set of heads of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// Masked language modelling (Devlin et al. 2019, 3.1, task 1).
    pub masked_lm: bool,
    /// Next-sentence prediction (Devlin et al. 2019, 3.1, task 2).
    pub next_sentence: bool,
    /// Text or text pair classification.
    pub classifier: bool,
}

impl Heads {
    /// Pre-training with masked language modelling only.
    pub const MASKED_LM: Self = Self {
        masked_lm: true,
        next_sentence: false,
        classifier: false,
    };
    /// Pre-training with both of BERT's tasks.
    pub const PRETRAINING: Self = Self {
        masked_lm: true,
        next_sentence: true,
        classifier: false,
    };
    /// Fine-tuning a classifier.
    pub const CLASSIFIER: Self = Self {
        masked_lm: false,
        next_sentence: false,
        classifier: true,
    };

    /// Returns the parameters of these heads. The masked LM's decoder is tied to the embedding
    /// table and therefore not listed.
    pub fn specs(self, config: &ModelConfig) -> Vec<ParameterSpec> {
        let backbone = config.architecture.backbone();
        let features = backbone.pooled_size(config);
        let normal = Init::Normal(config.initializer_range);
        let mut out = Vec::new();
        if self.masked_lm {
            out.extend(backbone.masked_lm_specs(config));
        }
        if self.next_sentence || self.classifier {
            out.extend(backbone.pool_specs(config));
        }
        let mut add = |name: &str, shape: Vec<usize>, init| {
            out.push(ParameterSpec {
                name: name.into(),
                shape,
                init,
                hidden_matrices: 0,
                continues: false,
            });
        };
        if self.masked_lm {
            add("cls.predictions.bias", vec![config.vocab_size], Init::Zeros);
        }
        if self.next_sentence {
            add("cls.seq_relationship.weight", vec![2, features], normal);
            add("cls.seq_relationship.bias", vec![2], Init::Zeros);
        }
        if self.classifier {
            add(
                "classifier.weight",
                vec![config.labels.len(), features],
                normal,
            );
            add("classifier.bias", vec![config.labels.len()], Init::Zeros);
        }
        out
    }
}

/// Returns logits `[M, V]` over the vocabulary at `M` positions, given as row indices of tokens.
/// Only these rows are projected.
pub fn masked_lm(network: &Network, encoded: &Encoded, positions: &RowNumbers) -> Tensor<2> {
    let Projection { rows, table, bias } = projection(network, encoded, positions);
    kernels::linear(rows, table, Some(bias))
}

/// Returns the mean cross-entropy `[1]` in nats of the tokens `truth` under the logits of
/// [`masked_lm`]. It has no regularisation term; the optimiser applies weight decay.
pub fn masked_lm_loss(
    network: &Network,
    encoded: &Encoded,
    positions: &RowNumbers,
    truth: RowTargets,
) -> Tensor<1> {
    let Projection { rows, table, bias } = projection(network, encoded, positions);
    kernels::projected_cross_entropy(rows, table, bias, truth)
}

/// Inputs of the decoder: features `[M, D]`, embedding table `[V, D]` and output bias `[V]`.
struct Projection {
    rows: Tensor<2>,
    table: Tensor<2>,
    bias: Tensor<1>,
}

fn projection(network: &Network, encoded: &Encoded, positions: &RowNumbers) -> Projection {
    let backbone = network.config.architecture.backbone();
    Projection {
        rows: backbone.masked_lm_rows(
            network,
            kernels::gather_rows(encoded.hidden.clone(), positions),
        ),
        table: network.params.get(backbone.word_embeddings()),
        bias: network.params.get("cls.predictions.bias"),
    }
}

/// Returns logits `[B, 2]` of "B follows A" and "B is random".
pub fn next_sentence(network: &Network, encoded: &Encoded) -> Tensor<2> {
    let pooled = network.pool(encoded);
    linear(network.params, "cls.seq_relationship", pooled)
}

/// Returns classification logits `[B, C]`.
pub fn classifier(network: &Network, encoded: &Encoded) -> Tensor<2> {
    let pooled = network.pool(encoded);
    linear(network.params, "classifier", network.drop_pooled(pooled))
}
