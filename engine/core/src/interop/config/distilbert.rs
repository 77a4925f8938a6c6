//! Converts DistilBERT to BERT: the same computation without token types and pooler, with other
//! parameter names. The token type embeddings become zeros. The classifier is ignored, because its
//! activation differs.

use crate::interop::error::{InteropError, listed};
use crate::interop::{HostTensor, Weights};
use data::quoted;
use protocol::message;
use serde_json::{Map, Value, json};

/// Prefix of the encoder's tensors in a DistilBERT with a head.
const PREFIX: &str = "distilbert.";
/// Prefix of the layers' tensors.
pub(crate) const LAYERS: &str = "transformer.layer.";
/// Number of token types of the resulting BERT.
const TOKEN_TYPES: usize = 2;
/// Name of the token type embeddings, which DistilBERT lacks.
const TOKEN_TYPE_TABLE: &str = "bert.embeddings.token_type_embeddings.weight";

/// Keys of `DistilBertConfig` and the corresponding ones of `BertConfig`.
const KEYS: [(&str, &str); 7] = [
    ("dim", "hidden_size"),
    ("n_layers", "num_hidden_layers"),
    ("n_heads", "num_attention_heads"),
    ("hidden_dim", "intermediate_size"),
    ("dropout", "hidden_dropout_prob"),
    ("attention_dropout", "attention_probs_dropout_prob"),
    ("activation", "hidden_act"),
];

/// Modules of a layer and the corresponding ones of BERT.
const MODULES: [(&str, &str); 8] = [
    ("attention.q_lin", "attention.self.query"),
    ("attention.k_lin", "attention.self.key"),
    ("attention.v_lin", "attention.self.value"),
    ("attention.out_lin", "attention.output.dense"),
    ("sa_layer_norm", "attention.output.LayerNorm"),
    ("ffn.lin1", "intermediate.dense"),
    ("ffn.lin2", "output.dense"),
    ("output_layer_norm", "output.LayerNorm"),
];

/// Modules of the masked-LM head and the corresponding ones of BERT.
const HEAD: [(&str, &str); 3] = [
    ("vocab_transform", "cls.predictions.transform.dense"),
    ("vocab_layer_norm", "cls.predictions.transform.LayerNorm"),
    ("vocab_projector", "cls.predictions.decoder"),
];

/// Converts a DistilBERT configuration to BERT's keys.
pub(crate) fn as_bert(mut config: Map<String, Value>) -> Map<String, Value> {
    for (key, bert_key) in KEYS {
        if let Some(value) = config.remove(key) {
            config.insert(bert_key.into(), value);
        }
    }
    config.insert("model_type".into(), json!("bert"));
    config.insert("type_vocab_size".into(), json!(TOKEN_TYPES));
    // A constant in `modeling_distilbert.py`.
    config.insert("layer_norm_eps".into(), json!(1e-12));
    config
}

/// Renames the tensors of a DistilBERT to BERT's; leaves all other models unchanged.
///
/// # Errors
/// Returns an error if a tensor of the encoder is missing.
pub(crate) fn weights_as_bert(weights: Weights) -> Result<Weights, InteropError> {
    if !weights
        .keys()
        .any(|name| name.starts_with(PREFIX) || name.starts_with(LAYERS))
    {
        return Ok(weights);
    }
    check_encoder(&weights)?;
    let mut renamed: Weights = weights
        .into_iter()
        .map(|(name, tensor)| (bert_name(&name), tensor))
        .collect();
    let table = &renamed["bert.embeddings.word_embeddings.weight"];
    // The shape of an empty tensor may claim any width; do not allocate by it.
    let width = table
        .shape
        .get(1)
        .copied()
        .unwrap_or(0)
        .min(table.data.len());
    let zeros = HostTensor {
        shape: vec![TOKEN_TYPES, width],
        data: vec![0.0; TOKEN_TYPES * width],
    };
    renamed.insert(TOKEN_TYPE_TABLE.into(), zeros);
    Ok(renamed)
}

/// Checks the encoder for missing tensors, before renaming, so that errors use the names in the
/// file.
fn check_encoder(weights: &Weights) -> Result<(), InteropError> {
    let prefix = if weights.keys().any(|name| name.starts_with(PREFIX)) {
        PREFIX
    } else {
        ""
    };
    let numbers = weights
        .keys()
        .filter_map(|name| layer_of(name)?.0.parse::<usize>().ok());
    let last = numbers
        .filter(|number| *number < weights.len())
        .max()
        .unwrap_or(0);
    let ends = |module: &str| ["weight", "bias"].map(|end| format!("{prefix}{module}.{end}"));
    let tables =
        ["word", "position"].map(|table| format!("{prefix}embeddings.{table}_embeddings.weight"));
    let layer = |number: usize| {
        MODULES
            .iter()
            .flat_map(move |(module, _)| ends(&format!("{LAYERS}{number}.{module}")))
    };
    let needed = tables
        .into_iter()
        .chain(ends("embeddings.LayerNorm"))
        .chain((0..=last).flat_map(layer));
    let missing: Vec<String> = needed.filter(|name| !weights.contains_key(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = listed(missing.iter().map(|name| quoted(name)));
    Err(InteropError::Weights {
        reason: message!(
            "the weights of this DistilBERT model are incomplete; missing: {names}",
            names
        ),
    })
}

/// Splits a tensor name into layer number and the rest.
fn layer_of(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PREFIX)
        .unwrap_or(name)
        .strip_prefix(LAYERS)?
        .split_once('.')
}

fn bert_name(name: &str) -> String {
    if let Some((number, rest)) = layer_of(name) {
        let rest = replaced(rest, &MODULES).unwrap_or_else(|| rest.into());
        return format!("bert.encoder.layer.{number}.{rest}");
    }
    let plain = name.strip_prefix(PREFIX).unwrap_or(name);
    if plain.starts_with("embeddings.") {
        return format!("bert.{plain}");
    }
    replaced(plain, &HEAD).unwrap_or_else(|| name.into())
}

fn replaced(name: &str, modules: &[(&str, &str)]) -> Option<String> {
    modules.iter().find_map(|(old, new)| {
        Some(format!(
            "{new}.{}",
            name.strip_prefix(old)?.strip_prefix('.')?
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::weights::names::check_weights;
    use crate::interop::{config_from_json, read_config, weights_from_bytes, weights_to_bytes};
    use crate::model::{Heads, specs};

    const CONFIG: &str = r#"{"model_type": "distilbert", "architectures": ["DistilBertForMaskedLM"], "dim": 8,
        "n_layers": 2, "n_heads": 2, "hidden_dim": 16, "dropout": 0.2, "attention_dropout": 0.3, "activation": "gelu",
        "max_position_embeddings": 12, "vocab_size": 11}"#;

    /// Returns a BERT's parameters under DistilBERT's names, with `prefix` in front of the
    /// encoder's.
    fn distilbert(prefix: &str) -> Weights {
        let config = config_from_json(CONFIG.as_bytes()).expect("valid");
        let old_name = |name: &str| {
            let mut old = name.replace("bert.encoder.layer.", &format!("{prefix}{LAYERS}"));
            old = old.replace("bert.embeddings", &format!("{prefix}embeddings"));
            // The attention modules come first, because their names end like those of other
            // modules.
            for (module, bert) in MODULES.iter().chain(&HEAD) {
                old = old.replace(&format!("{bert}."), &format!("{module}."));
            }
            if name == "cls.predictions.bias" {
                "vocab_projector.bias".into()
            } else {
                old
            }
        };
        let specs = specs(&config, Heads::MASKED_LM)
            .into_iter()
            .filter(|spec| spec.name != TOKEN_TYPE_TABLE);
        let tensor = |shape: Vec<usize>| HostTensor {
            data: vec![0.5; shape.iter().product()],
            shape,
        };
        specs
            .map(|spec| (old_name(&spec.name), tensor(spec.shape)))
            .collect()
    }

    #[test]
    fn an_empty_table_of_any_width_takes_no_memory() {
        let mut weights = distilbert(PREFIX);
        let table = HostTensor {
            shape: vec![0, usize::MAX / 2],
            data: Vec::new(),
        };
        weights.insert(format!("{PREFIX}embeddings.word_embeddings.weight"), table);
        let renamed = weights_as_bert(weights).expect("what it lacks is found later");
        assert!(renamed[TOKEN_TYPE_TABLE].data.is_empty());
    }

    #[test]
    fn config_becomes_a_bert_config() {
        let config = config_from_json(CONFIG.as_bytes()).expect("valid");
        assert_eq!(
            (
                config.hidden_size,
                config.num_hidden_layers,
                config.intermediate_size
            ),
            (8, 2, 16)
        );
        assert_eq!(
            (
                config.hidden_dropout_prob,
                config.attention_probs_dropout_prob
            ),
            (0.2, 0.3)
        );
        assert_eq!(config.type_vocab_size, TOKEN_TYPES);
        let relu = CONFIG.replace("\"gelu\"", "\"relu\"");
        assert!(
            config_from_json(relu.as_bytes())
                .expect_err("another activation")
                .to_string()
                .contains("relu")
        );
    }

    #[test]
    fn weights_become_bert_weights() {
        let config = config_from_json(CONFIG.as_bytes()).expect("valid");
        for prefix in [PREFIX, ""] {
            let bytes = weights_to_bytes(&distilbert(prefix));
            let weights = weights_from_bytes(&bytes).expect("whole");
            let fit = check_weights(&config, &weights).expect("a whole BERT");
            assert_eq!(
                (fit.heads, fit.unused),
                (Heads::MASKED_LM, Vec::new()),
                "{prefix}"
            );
            assert_eq!(weights[TOKEN_TYPE_TABLE].data, [0.0; 16]);
        }
    }

    #[test]
    fn classifier_is_ignored() {
        let config = CONFIG.replace("MaskedLM", "SequenceClassification");
        let (config, notices) = read_config(config.as_bytes()).expect("valid");
        assert_eq!((config.labels.len(), notices.len()), (0, 1));
        let mut weights = distilbert(PREFIX);
        weights.retain(|name, _| !name.starts_with("vocab_"));
        for name in [
            "pre_classifier.weight",
            "pre_classifier.bias",
            "classifier.weight",
            "classifier.bias",
        ] {
            weights.insert(
                name.into(),
                HostTensor {
                    shape: vec![1],
                    data: vec![1.0],
                },
            );
        }
        let weights = weights_as_bert(weights).expect("whole");
        let fit = check_weights(&config, &weights).expect("an encoder");
        assert_eq!((fit.heads, fit.unused.len()), (Heads::default(), 4));
    }

    #[test]
    fn missing_tensors_are_reported_under_their_original_names() {
        let mut weights = distilbert(PREFIX);
        weights
            .remove("distilbert.transformer.layer.1.ffn.lin2.bias")
            .expect("there");
        let error = weights_as_bert(weights).expect_err("not whole").to_string();
        assert!(
            error.ends_with("missing: \"distilbert.transformer.layer.1.ffn.lin2.bias\""),
            "{error}"
        );
    }
}
