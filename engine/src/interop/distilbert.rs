//! DistilBERT -> BERT: the same arithmetic without token types and without a pooler, under other names. Its token types
//! become zeros, so that the sums are equal; its classifier has another activation and is not taken.
//!
//! Source: Sanh et al. 2019; `transformers`, `modeling_distilbert.py`.

use super::error::{InteropError, listed, quoted};
use super::{HostTensor, Weights};
use serde_json::{Map, Value, json};

/// DistilBERT's prefix for what every head reads.
const PREFIX: &str = "distilbert.";
/// Where its layers begin.
pub(super) const LAYERS: &str = "transformer.layer.";
/// Token types of the BERT that it becomes.
const TOKEN_TYPES: usize = 2;
/// The table that it does without.
const TOKEN_TYPE_TABLE: &str = "bert.embeddings.token_type_embeddings.weight";

/// Keys of `DistilBertConfig` and of `BertConfig`.
const KEYS: [(&str, &str); 7] = [
    ("dim", "hidden_size"),
    ("n_layers", "num_hidden_layers"),
    ("n_heads", "num_attention_heads"),
    ("hidden_dim", "intermediate_size"),
    ("dropout", "hidden_dropout_prob"),
    ("attention_dropout", "attention_probs_dropout_prob"),
    ("activation", "hidden_act"),
];

/// Modules of a layer, without and with BERT's names.
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

/// Modules of the head that guesses.
const HEAD: [(&str, &str); 3] = [
    ("vocab_transform", "cls.predictions.transform.dense"),
    ("vocab_layer_norm", "cls.predictions.transform.LayerNorm"),
    ("vocab_projector", "cls.predictions.decoder"),
];

/// Its configuration in BERT's words.
pub(super) fn as_bert(mut config: Map<String, Value>) -> Map<String, Value> {
    for (key, bert_key) in KEYS {
        if let Some(value) = config.remove(key) {
            config.insert(bert_key.into(), value);
        }
    }
    config.insert("model_type".into(), json!("bert"));
    config.insert("type_vocab_size".into(), json!(TOKEN_TYPES));
    // `modeling_distilbert.py` has it as a constant.
    config.insert("layer_norm_eps".into(), json!(1e-12));
    config
}

/// Its weights under BERT's names; those of any other model as they are.
///
/// # Errors
/// When a part of the encoder is missing.
pub(super) fn weights_as_bert(weights: Weights) -> Result<Weights, InteropError> {
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
    // An empty tensor may claim an axis of any length.
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

/// Asked under the names of the file, which a person can look for.
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
        reason: format!("the weights of this DistilBERT are not whole; missing: {names}"),
    })
}

/// The number of a layer and what follows it.
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
    use super::super::names::check_weights;
    use super::super::{config_from_json, read_config, weights_from_bytes, weights_to_bytes};
    use super::*;
    use crate::model::{Heads, specs};

    const CONFIG: &str = r#"{"model_type": "distilbert", "architectures": ["DistilBertForMaskedLM"], "dim": 8,
        "n_layers": 2, "n_heads": 2, "hidden_dim": 16, "dropout": 0.2, "attention_dropout": 0.3, "activation": "gelu",
        "max_position_embeddings": 12, "vocab_size": 11}"#;

    /// A BERT's parameters under DistilBERT's names, with `prefix` in front of the encoder's.
    fn distilbert(prefix: &str) -> Weights {
        let config = config_from_json(CONFIG.as_bytes()).expect("valid");
        let old_name = |name: &str| {
            let mut old = name.replace("bert.encoder.layer.", &format!("{prefix}{LAYERS}"));
            old = old.replace("bert.embeddings", &format!("{prefix}embeddings"));
            // The attention's come first: its names end like those of the others.
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
    fn its_configuration_is_a_berts() {
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
    fn its_weights_are_a_berts() {
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
    fn its_classifier_is_left_out() {
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
    fn a_part_that_is_missing_has_the_name_of_the_file() {
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
