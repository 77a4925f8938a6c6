//! Exports a network as an ONNX graph: token ids in, logits out, for any batch size and any
//! supported sequence length. The graph contains the network only, without the other parts of a
//! classifier.

mod graph;
mod proto;

use super::Weights;
use super::error::InteropError;
use crate::model::backbone::rotary_values;
use crate::model::{Architecture, Heads, ModelConfig};
use graph::Graph;
use protocol::Pooling;

/// Scale of the mask on the scores of padded keys, as in `kernels::stock`.
const MASKED_SCORE: f32 = 1e9;

/// Returns the bytes of an ONNX file that computes the logits `[B, C]` of a classifier, or
/// `[B, T, V]` of a masked LM, from `input_ids`, `attention_mask` and `token_type_ids` `[B, T]`.
///
/// # Errors
/// Returns an error if the weights lack a tensor.
pub fn onnx(
    config: &ModelConfig,
    heads: Heads,
    weights: &Weights,
) -> Result<Vec<u8>, InteropError> {
    let mut graph = Graph::new(weights, config.layer_norm_eps);
    for name in ["input_ids", "attention_mask", "token_type_ids"] {
        graph.input(name);
    }
    let keep = graph.cast_to_float("attention_mask"); // [B, T]
    let column = graph.unsqueeze(&keep, 2); // [B, T, 1]
    let mut network = Network {
        graph,
        config,
        column,
    };
    let hidden = match config.architecture {
        Architecture::Bert => network.bert(&keep)?,
        Architecture::Fast => network.fast(&keep)?,
        Architecture::Textcnn => network.textcnn()?,
        Architecture::Mean => network.mean()?,
    };
    let (logits, shape) = if heads.classifier {
        let pooled = network.pooled(&hidden)?;
        (
            network.graph.linear(&pooled, "classifier")?,
            vec![Err("batch"), Ok(config.labels.len())],
        )
    } else {
        let shape = vec![Err("batch"), Err("sequence"), Ok(config.vocab_size)];
        (network.masked_lm(&hidden)?, shape)
    };
    Ok(network.graph.finish(&logits, "logits", &shape))
}

/// A network that is translated to a graph, layer by layer.
struct Network<'a> {
    graph: Graph<'a>,
    config: &'a ModelConfig,
    /// Attention mask `[B, T, 1]`: 1 for a token, 0 for padding.
    column: String,
}

impl Network<'_> {
    /// Sums word embeddings and, if the model has two token types, token type embeddings,
    /// `[B, T, D]`.
    fn embedded(&mut self, prefix: &str) -> Result<String, InteropError> {
        let words = self
            .graph
            .rows(&format!("{prefix}.word_embeddings.weight"), "input_ids")?;
        if self.config.type_vocab_size == 1 {
            return Ok(words);
        }
        let segments = self.graph.rows(
            &format!("{prefix}.token_type_embeddings.weight"),
            "token_type_ids",
        )?;
        Ok(self.graph.add(&words, &segments))
    }

    fn bert(&mut self, keep: &str) -> Result<String, InteropError> {
        let words = self
            .graph
            .rows("bert.embeddings.word_embeddings.weight", "input_ids")?;
        let segments = self.graph.rows(
            "bert.embeddings.token_type_embeddings.weight",
            "token_type_ids",
        )?;
        let table = self
            .graph
            .weight("bert.embeddings.position_embeddings.weight")?;
        let positions = self.graph.first_rows(&table);
        let sum = self.graph.add(&words, &segments);
        let sum = self.graph.add(&sum, &positions);
        let mut x = self.graph.layer_norm(&sum, "bert.embeddings.LayerNorm")?;
        let mask = self.attention_mask(keep);
        for layer in 0..self.config.num_hidden_layers {
            let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
            let mut parts = Vec::new();
            for part in ["query", "key", "value"] {
                parts.push(
                    self.graph
                        .linear(&x, &name(&format!("attention.self.{part}")))?,
                );
            }
            let context = self.attention([&parts[0], &parts[1], &parts[2]], &mask, None);
            let context = self
                .graph
                .linear(&context, &name("attention.output.dense"))?;
            let sum = self.graph.add(&x, &context);
            x = self
                .graph
                .layer_norm(&sum, &name("attention.output.LayerNorm"))?;
            let inner = self.graph.linear(&x, &name("intermediate.dense"))?;
            let inner = self.graph.gelu(&inner);
            let outer = self.graph.linear(&inner, &name("output.dense"))?;
            let sum = self.graph.add(&x, &outer);
            x = self.graph.layer_norm(&sum, &name("output.LayerNorm"))?;
        }
        Ok(x)
    }

    fn fast(&mut self, keep: &str) -> Result<String, InteropError> {
        let mut x = self.embedded("clozelab.embeddings")?;
        let mask = self.attention_mask(keep);
        let tables = self.rotary_tables();
        let width = self.config.hidden_size;
        for layer in 0..self.config.num_hidden_layers {
            let name = |part: &str| format!("clozelab.layers.{layer}.{part}");
            let seen = self.graph.multiply(&x, &self.column.clone());
            let taps = self
                .graph
                .weight_as(&name("conv.weight"), &[width, 1, 3], |values| {
                    values.to_vec()
                })?;
            let near = self.graph.convolution(&seen, &taps, [1, 1], width);
            x = self.graph.add(&x, &near);
            let normal = self.graph.layer_norm(&x, &name("attention.norm"))?;
            let qkv = self.graph.linear(&normal, &name("attention.qkv"))?;
            let parts: Vec<String> = (0..3)
                .map(|i| self.graph.columns(&qkv, i * width, (i + 1) * width))
                .collect();
            let context = self.attention([&parts[0], &parts[1], &parts[2]], &mask, Some(&tables));
            let context = self.graph.linear(&context, &name("attention.output"))?;
            x = self.graph.add(&x, &context);
            let normal = self.graph.layer_norm(&x, &name("mlp.norm"))?;
            let inner = self.graph.linear(&normal, &name("mlp.up"))?;
            let inner = self.graph.gelu(&inner);
            let outer = self.graph.linear(&inner, &name("mlp.down"))?;
            x = self.graph.add(&x, &outer);
        }
        self.graph.layer_norm(&x, "clozelab.final_norm")
    }

    fn textcnn(&mut self) -> Result<String, InteropError> {
        let mut x = self.embedded("clozelab.embeddings")?;
        let filters = self.config.num_filters;
        for layer in 0..self.config.num_hidden_layers {
            let seen = self.graph.multiply(&x, &self.column.clone());
            let inputs = if layer == 0 {
                self.config.hidden_size
            } else {
                filters
            };
            let mut branches = Vec::new();
            for (branch, &size) in self.config.filter_sizes.iter().enumerate() {
                let own = match layer {
                    0 => seen.clone(),
                    _ => self
                        .graph
                        .columns(&seen, branch * filters, (branch + 1) * filters),
                };
                // Reorders the filters from `[filters, size * inputs]` to
                // `[filters, inputs, size]`.
                let reordered = |values: &[f32]| {
                    let place = |i: usize| {
                        let (filter, rest) = (i / (inputs * size), i % (inputs * size));
                        values[(filter * size + rest % size) * inputs + rest / size]
                    };
                    (0..values.len()).map(place).collect()
                };
                let name = format!("clozelab.layers.{layer}.conv_{size}.weight");
                let kernel = self
                    .graph
                    .weight_as(&name, &[filters, inputs, size], reordered)?;
                let left = (size - 1) / 2;
                branches.push(
                    self.graph
                        .convolution(&own, &kernel, [left, size - 1 - left], 1),
                );
            }
            let features = self.graph.concatenated(&branches);
            let normal = self
                .graph
                .layer_norm(&features, &format!("clozelab.layers.{layer}.norm"))?;
            x = self.graph.gelu(&normal);
        }
        Ok(x)
    }

    /// Concatenates each position's embedding with the mean of all, `[B, T, 2 D]`.
    fn mean(&mut self) -> Result<String, InteropError> {
        let x = self.embedded("clozelab.embeddings")?;
        let mean = self.graph.mean_over_time(&x, &self.column.clone());
        let mean = self.graph.unsqueeze(&mean, 1);
        let zeros = self.graph.scaled(&x, 0.0);
        let mean = self.graph.add(&zeros, &mean);
        Ok(self.graph.concatenated(&[x, mean]))
    }

    /// Returns one feature vector per sequence, `[B, F]`.
    fn pooled(&mut self, hidden: &str) -> Result<String, InteropError> {
        let column = self.column.clone();
        let width = self.config.hidden_size;
        Ok(match (self.config.architecture, self.config.pooling) {
            (Architecture::Bert, None | Some(Pooling::Cls)) => {
                let first = self.graph.first_token(hidden);
                let dense = self.graph.linear(&first, "bert.pooler.dense")?;
                self.graph.unary("Tanh", &dense)
            }
            (Architecture::Bert, Some(Pooling::FirstToken)) => self.graph.first_token(hidden),
            (Architecture::Bert, Some(Pooling::Mean)) => self.graph.mean_over_time(hidden, &column),
            (Architecture::Bert, Some(Pooling::MaxMean)) | (Architecture::Fast, _) => {
                let highest = self.graph.max_over_time(hidden, &column);
                let mean = self.graph.mean_over_time(hidden, &column);
                self.graph.concatenated(&[highest, mean])
            }
            (Architecture::Textcnn, _) => self.graph.max_over_time(hidden, &column),
            (Architecture::Mean, _) => {
                let first = self.graph.first_token(hidden);
                self.graph.columns(&first, width, 2 * width)
            }
        })
    }

    fn masked_lm(&mut self, hidden: &str) -> Result<String, InteropError> {
        let rows = if self.config.architecture == Architecture::Fast {
            hidden.to_string()
        } else {
            let rows = self
                .graph
                .linear(hidden, "cls.predictions.transform.dense")?;
            let rows = self.graph.gelu(&rows);
            self.graph
                .layer_norm(&rows, "cls.predictions.transform.LayerNorm")?
        };
        let table = self
            .graph
            .weight(self.config.architecture.backbone().word_embeddings())?;
        let table = self.graph.transposed(&table, &[1, 0]);
        let logits = self.graph.multiplied(&rows, &table);
        let bias = self.graph.weight("cls.predictions.bias")?;
        Ok(self.graph.add(&logits, &bias))
    }

    /// Returns the additive mask on the scores of keys, `[B, 1, 1, T]`: 0 for tokens, a large
    /// negative number for padding.
    fn attention_mask(&mut self, keep: &str) -> String {
        let row = self.graph.unsqueeze(keep, 1);
        let row = self.graph.unsqueeze(&row, 1);
        let lowered = self.graph.shifted(&row, -1.0);
        self.graph.scaled(&lowered, MASKED_SCORE)
    }

    /// Returns the cosines and sines of the rotary angles of the positions in use, `[T, K / 2]`
    /// each.
    fn rotary_tables(&mut self) -> [String; 2] {
        let (positions, heads) = (
            self.config.max_position_embeddings,
            self.config.num_attention_heads,
        );
        let width = self.config.hidden_size / heads;
        rotary_values(positions, width).map(|values| {
            let table = self.graph.constant(&values, &[positions, width / 2]);
            self.graph.first_rows(&table)
        })
    }

    /// Computes the context `[B, T, D]` from queries, keys and values `[B, T, D]`.
    fn attention(&mut self, qkv: [&str; 3], mask: &str, rotary: Option<&[String; 2]>) -> String {
        let (width, heads) = (self.config.hidden_size, self.config.num_attention_heads);
        let k = width / heads;
        let [queries, keys, values] = qkv.map(|x| {
            let split = self.graph.reshaped(x, &[0, 0, heads as i64, k as i64]);
            self.graph.transposed(&split, &[0, 2, 1, 3]) // [B, H, T, K]
        });
        let [queries, keys] = [queries, keys].map(|x| match rotary {
            None => x,
            Some([cos, sin]) => {
                let (a, b) = (
                    self.graph.columns(&x, 0, k / 2),
                    self.graph.columns(&x, k / 2, k),
                );
                let mut rotated = |x: &str, y: &str, sign: &str| {
                    let (x, y) = (self.graph.multiply(x, cos), self.graph.multiply(y, sin));
                    self.graph.binary(sign, &x, &y)
                };
                let (a, b) = (rotated(&a, &b, "Sub"), rotated(&b, &a, "Add"));
                self.graph.concatenated(&[a, b])
            }
        });
        let keys = self.graph.transposed(&keys, &[0, 1, 3, 2]);
        let scores = self.graph.multiplied(&queries, &keys);
        let scores = self.graph.scaled(&scores, 1.0 / (k as f32).sqrt());
        let scores = self.graph.add(&scores, mask);
        let probabilities = self.graph.softmax(&scores);
        let context = self.graph.multiplied(&probabilities, &values);
        let context = self.graph.transposed(&context, &[0, 2, 1, 3]);
        self.graph.reshaped(&context, &[0, 0, width as i64])
    }
}

#[cfg(test)]
mod tests {
    use super::super::HostTensor;
    use super::*;
    use crate::model::{ParameterSpec, specs};

    #[test]
    fn every_tensor_is_in_the_graph() {
        for name in ["bert-tiny", "fast-nano", "textcnn", "mean"] {
            for heads in [Heads::MASKED_LM, Heads::CLASSIFIER] {
                let labels = if heads.classifier {
                    vec!["a".to_string(), "b".into()]
                } else {
                    Vec::new()
                };
                let config = ModelConfig {
                    labels,
                    ..ModelConfig::preset(name, 20, 16).expect("a preset")
                };
                let specs = specs(&config, heads);
                // Equal constants are stored once, so all values must differ.
                let tensor = |(number, spec): (usize, &ParameterSpec)| {
                    let data = (0..spec.len())
                        .map(|i| (number * 100_000 + i) as f32)
                        .collect();
                    (
                        spec.name.clone(),
                        HostTensor {
                            shape: spec.shape.clone(),
                            data,
                        },
                    )
                };
                let weights: Weights = specs.iter().enumerate().map(tensor).collect();
                let bytes = onnx(&config, heads, &weights).expect("all tensors are there");
                // The file contains all values, and the names of inputs and output.
                assert!(
                    bytes.len() > specs.iter().map(|spec| 4 * spec.len()).sum(),
                    "{name}"
                );
                for text in ["input_ids", "attention_mask", "logits"] {
                    assert!(
                        bytes
                            .windows(text.len())
                            .any(|window| window == text.as_bytes()),
                        "{name} {text}"
                    );
                }
                let mut missing = weights;
                missing.remove(config.architecture.backbone().word_embeddings());
                assert!(onnx(&config, heads, &missing).is_err(), "{name}");
            }
        }
    }
}
