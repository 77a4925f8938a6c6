//! What stands on top of the backbone: guessing masked tokens, telling whether two texts follow each other, labels.

use super::config::ModelConfig;
use super::layers::linear;
use super::network::{Encoded, Network};
use super::parameters::{Init, ParameterSpec};
use crate::kernels::{self, RowNumbers, RowTargets};
use burn::tensor::Tensor;

/// Which heads a model carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// Guessing masked tokens.
    pub masked_lm: bool,
    /// Next-sentence prediction (Devlin et al. 2019, 3.1, task 2).
    pub next_sentence: bool,
    /// Labels.
    pub classifier: bool,
}

impl Heads {
    /// Of a model that is pre-trained by guessing masked tokens.
    pub const MASKED_LM: Self = Self {
        masked_lm: true,
        next_sentence: false,
        classifier: false,
    };
    /// Of a model that is pre-trained on both of BERT's tasks.
    pub const PRETRAINING: Self = Self {
        masked_lm: true,
        next_sentence: true,
        classifier: false,
    };
    /// Of a classifier.
    pub const CLASSIFIER: Self = Self {
        masked_lm: false,
        next_sentence: false,
        classifier: true,
    };

    /// The parameters of these heads. The masked LM's decoder is the embedding table itself and so is not listed.
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

/// Logits over the vocabulary `[M, V]` at `M` flat positions (numbers of `B * T` rows): the projection runs on these
/// rows only.
pub fn masked_lm(network: &Network, encoded: &Encoded, positions: &RowNumbers) -> Tensor<2> {
    let Projection { rows, table, bias } = projection(network, encoded, positions);
    kernels::linear(rows, table, Some(bias))
}

/// Mean cross-entropy `[1]`, in nats, of `truth` under the logits of [`masked_lm`]. No penalties hide in it: weight decay
/// is the optimiser's.
pub fn masked_lm_loss(
    network: &Network,
    encoded: &Encoded,
    positions: &RowNumbers,
    truth: RowTargets,
) -> Tensor<1> {
    let Projection { rows, table, bias } = projection(network, encoded, positions);
    kernels::projected_cross_entropy(rows, table, bias, truth)
}

/// Rows `[M, D]`, the table `[V, D]` that they are compared with, and the bias of each token `[V]`.
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

/// Logits `[B, 2]` of "B follows A" and "B is random".
pub fn next_sentence(network: &Network, encoded: &Encoded) -> Tensor<2> {
    let pooled = network.pool(encoded);
    linear(network.params, "cls.seq_relationship", pooled)
}

/// Logits `[B, C]`.
pub fn classifier(network: &Network, encoded: &Encoded) -> Tensor<2> {
    let pooled = network.pool(encoded);
    linear(network.params, "classifier", network.drop_hidden(pooled))
}
