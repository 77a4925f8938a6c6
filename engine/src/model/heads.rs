//! What stands on top of the encoder: guessing masked tokens, telling whether two texts follow each other, labels.

use super::config::{Architecture, ModelConfig};
use super::layers::{Dropout, dropout, layer_norm, linear};
use super::parameters::{Init, Leaves, ParameterSpec};
use super::transformer::Encoded;
use crate::kernels::gelu;
use burn::tensor::{Int, Tensor};

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
    pub const MASKED_LM: Self = Self { masked_lm: true, next_sentence: false, classifier: false };
    /// Of a classifier.
    pub const CLASSIFIER: Self = Self { masked_lm: false, next_sentence: false, classifier: true };

    /// The parameters of these heads. The masked LM's decoder is the embedding table itself and so is not listed.
    pub fn specs(self, config: &ModelConfig) -> Vec<ParameterSpec> {
        let width = config.hidden_size;
        let normal = Init::Normal(config.initializer_range);
        let mut out = Vec::new();
        let mut add = |name: &str, shape: Vec<usize>, init| out.push(ParameterSpec { name: name.into(), shape, init });
        let bert = config.architecture == Architecture::Bert;
        if self.masked_lm {
            if bert {
                add("cls.predictions.transform.dense.weight", vec![width, width], normal);
                add("cls.predictions.transform.dense.bias", vec![width], Init::Zeros);
                add("cls.predictions.transform.LayerNorm.weight", vec![width], Init::Ones);
                add("cls.predictions.transform.LayerNorm.bias", vec![width], Init::Zeros);
            }
            add("cls.predictions.bias", vec![config.vocab_size], Init::Zeros);
        }
        if bert && (self.next_sentence || self.classifier) {
            add("bert.pooler.dense.weight", vec![width, width], normal);
            add("bert.pooler.dense.bias", vec![width], Init::Zeros);
        }
        if self.next_sentence {
            add("cls.seq_relationship.weight", vec![2, width], normal);
            add("cls.seq_relationship.bias", vec![2], Init::Zeros);
        }
        if self.classifier {
            let features = if bert { width } else { 2 * width };
            add("classifier.weight", vec![config.labels.len(), features], normal);
            add("classifier.bias", vec![config.labels.len()], Init::Zeros);
        }
        out
    }
}

/// Logits over the vocabulary `[M, V]` at the flat positions `[M]` (indices into `B * T`): the projection runs on these
/// rows only.
pub fn masked_lm(config: &ModelConfig, leaves: &Leaves, encoded: &Encoded, positions: Tensor<1, Int>) -> Tensor<2> {
    let rows = encoded.hidden.clone().select(0, positions); // [M, D]
    let (table, rows) = match config.architecture {
        Architecture::Fast => ("clozelab.embeddings.word_embeddings.weight", rows),
        Architecture::Bert => {
            let rows = gelu(linear(leaves, "cls.predictions.transform.dense", rows));
            let norm = "cls.predictions.transform.LayerNorm";
            ("bert.embeddings.word_embeddings.weight", layer_norm(leaves, norm, rows, config.layer_norm_eps))
        }
    };
    let logits = rows.matmul(leaves.get::<2>(table).transpose()); // [M, V]
    logits + leaves.get::<1>("cls.predictions.bias").unsqueeze()
}

/// Logits `[B, 2]` of "B follows A" and "B is random" from BERT's pooled first token.
pub fn next_sentence(leaves: &Leaves, encoded: &Encoded) -> Tensor<2> {
    linear(leaves, "cls.seq_relationship", pooled(leaves, encoded))
}

/// Logits `[B, C]`.
pub fn classifier(config: &ModelConfig, leaves: &Leaves, encoded: &Encoded, drop: Dropout) -> Tensor<2> {
    let features = match config.architecture {
        Architecture::Bert => pooled(leaves, encoded),
        Architecture::Fast => max_and_mean(encoded),
    };
    linear(leaves, "classifier", dropout(features, drop.hidden))
}

/// BERT's pooler: tanh of a linear layer on `[CLS]`, `[B, D]`.
fn pooled(leaves: &Leaves, encoded: &Encoded) -> Tensor<2> {
    let [b, t] = encoded.dims;
    let width = encoded.hidden.dims()[1];
    let first = encoded.hidden.clone().reshape([b, t, width]).narrow(1, 0, 1).reshape([b, width]); // [B, D]
    linear(leaves, "bert.pooler.dense", first).tanh()
}

/// Far below every activation, so that padding never is the maximum.
const BELOW_ALL: f64 = -1e4;

/// `[max; mean]` over the tokens that are not padding, `[B, 2 D]`.
fn max_and_mean(encoded: &Encoded) -> Tensor<2> {
    let [b, t] = encoded.dims;
    let width = encoded.hidden.dims()[1];
    let hidden = encoded.hidden.clone().reshape([b, t, width]); // [B, T, D]
    let (max, mean) = match &encoded.keep {
        None => (hidden.clone().max_dim(1), hidden.mean_dim(1)),
        Some(keep) => {
            let count = keep.clone().sum_dim(1).clamp_min(1.0); // [B, 1, 1]
            let lowered = hidden.clone() + (keep.clone() - 1.0) * -BELOW_ALL;
            (lowered.max_dim(1), (hidden * keep.clone()).sum_dim(1) / count)
        }
    };
    Tensor::cat(vec![max.reshape([b, width]), mean.reshape([b, width])], 1)
}
