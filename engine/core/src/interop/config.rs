//! `config.json`: the model configuration in Hugging Face's format.
//!
//! BERT is `BertConfig`. The own backbones use the same field names under their own `model_type`,
//! and DistilBERT's fields are renamed first, so that one reader serves all. Unknown keys are
//! ignored, as in `transformers`. Values that the engine does not support are rejected with their
//! key, before anything is allocated. `names` checks whether the weights match.

pub(crate) mod distilbert;
pub(crate) mod family;
pub(crate) mod labels;
pub(crate) mod sizes;

use super::error::refuse;
use super::python::remote_code_fields;
use super::{InteropError, Notice};
use crate::data::DocumentColumns;
use crate::model::Architecture;
use crate::model::config::{ModelConfig, ProblemType};
use data::quoted;
use family::{Family, family_of};
use protocol::{Message, Pooling, message};
use serde_json::{Map, Value, json};
use sizes::check_sizes;

/// Own key for [`ModelConfig::trained_len`]; ignored by `transformers`.
const TRAINED_LEN: &str = "clozelab_trained_len";
/// Own key for [`ModelConfig::document_columns`].
const TEXT_COLUMNS: &str = "clozelab_text_columns";
/// Own key for [`ModelConfig::pairs`].
const PAIRS: &str = "clozelab_pairs";
/// Own key for [`ModelConfig::pooling`].
const POOLING: &str = "clozelab_pooling";
/// Prefix of the class name of a model that the stock Hugging Face class would compute differently.
const CUSTOM_CLASS_PREFIX: &str = "Clozelab";
/// Maximum number of filter widths.
const MAX_FILTER_SIZES: usize = 64;
/// Names of the exact (erf) GELU.
const GELU: [&str; 2] = ["gelu", "gelu_python"];

/// Writes `config.json`. Equal configurations give equal bytes.
pub fn config_to_json(config: &ModelConfig) -> Vec<u8> {
    let mut json = common_fields(config);
    if !config.labels.is_empty() {
        json.extend(label_fields(config));
    }
    json.extend(remote_code_fields(config));
    let mut bytes =
        serde_json::to_vec_pretty(&Value::Object(json)).expect("a JSON value serialises");
    bytes.push(b'\n');
    bytes
}

/// Reads `config.json`.
///
/// # Errors
/// Returns an error if it is not JSON, lacks a size, is inconsistent, or describes an unsupported
/// model.
pub fn config_from_json(bytes: &[u8]) -> Result<ModelConfig, InteropError> {
    read_config(bytes).map(|(config, _)| config)
}

/// Like [`config_from_json`], and also returns notices for the user.
///
/// # Errors
/// Like [`config_from_json`].
pub fn read_config(bytes: &[u8]) -> Result<(ModelConfig, Vec<Notice>), InteropError> {
    let parsed: Value = serde_json::from_slice(bytes).map_err(|error| {
        refuse_file(message!(
            "it is not JSON ({error})",
            error = error.to_string()
        ))
    })?;
    let Value::Object(map) = parsed else {
        return Err(refuse_file(message!("it is not a JSON object")));
    };
    let family = family_of(&map)?;
    let fields = Fields(if family == Family::DistilBert {
        distilbert::as_bert(map)
    } else {
        map
    });
    fields.refuse_unsupported()?;
    let labels = fields.labels(family)?;
    let config = fields.model_config(family, labels.names)?;
    check_sizes(&config)?;
    Ok((config, labels.notices))
}

fn common_fields(config: &ModelConfig) -> Map<String, Value> {
    let backbone = config.architecture.backbone();
    let positions = match config.architecture {
        Architecture::Bert => "absolute",
        Architecture::Fast => "rotary",
        Architecture::Textcnn | Architecture::Mean => "none",
    };
    let head = if config.labels.is_empty() {
        "MaskedLM"
    } else {
        "SequenceClassification"
    };
    let family = backbone.class_prefix();
    let own = if config
        .pooling
        .is_some_and(|pooling| pooling != Pooling::Cls)
    {
        CUSTOM_CLASS_PREFIX
    } else {
        ""
    };
    let json = json!({
        "architectures": [format!("{own}{family}{head}")],
        "attention_probs_dropout_prob": config.attention_probs_dropout_prob,
        "classifier_dropout": null,
        "hidden_act": "gelu",
        "hidden_dropout_prob": config.hidden_dropout_prob,
        "hidden_size": config.hidden_size,
        "initializer_range": config.initializer_range,
        "intermediate_size": config.intermediate_size,
        "layer_norm_eps": config.layer_norm_eps,
        "max_position_embeddings": config.max_position_embeddings,
        "model_type": backbone.model_type(),
        "num_attention_heads": config.num_attention_heads,
        "num_hidden_layers": config.num_hidden_layers,
        "pad_token_id": config.pad_token_id,
        "position_embedding_type": positions,
        "torch_dtype": "float32",
        "type_vocab_size": config.type_vocab_size,
        "use_cache": true,
        "vocab_size": config.vocab_size,
    });
    let Value::Object(mut map) = json else {
        unreachable!("the literal is an object")
    };
    if let Some(length) = config.trained_len {
        map.insert(TRAINED_LEN.into(), json!(length));
    }
    if let Some(columns) = &config.document_columns {
        map.insert(TEXT_COLUMNS.into(), json!(columns));
    }
    if let Some(pooling) = config.pooling {
        map.insert(POOLING.into(), json!(pooling));
    }
    if !config.filter_sizes.is_empty() {
        map.insert("filter_sizes".into(), json!(config.filter_sizes));
        map.insert("num_filters".into(), json!(config.num_filters));
    }
    map
}

fn label_fields(config: &ModelConfig) -> Map<String, Value> {
    let names = config.labels.iter().enumerate();
    let id2label: Map<String, Value> = names
        .clone()
        .map(|(id, label)| (id.to_string(), json!(label)))
        .collect();
    let label2id: Map<String, Value> = names
        .map(|(id, label)| (label.clone(), json!(id)))
        .collect();
    let mut fields = Map::new();
    fields.insert("id2label".into(), Value::Object(id2label));
    fields.insert("label2id".into(), Value::Object(label2id));
    if let Some(problem) = config.problem_type {
        fields.insert("problem_type".into(), json!(problem));
    }
    if config.pairs {
        fields.insert(PAIRS.into(), json!(true));
    }
    if let Some(threshold) = config.threshold {
        fields.insert("threshold".into(), json!(threshold));
    }
    if let Some(thresholds) = &config.thresholds {
        fields.insert("thresholds".into(), json!(thresholds));
    }
    fields
}

/// The JSON object, with accessors whose errors name the key.
pub(super) struct Fields(pub Map<String, Value>);

impl Fields {
    fn model_config(
        &self,
        family: Family,
        labels: Vec<String>,
    ) -> Result<ModelConfig, InteropError> {
        Ok(ModelConfig {
            architecture: family.architecture(),
            vocab_size: self.size("vocab_size")?,
            hidden_size: self.size("hidden_size")?,
            num_hidden_layers: self.size("num_hidden_layers")?,
            num_attention_heads: self.size("num_attention_heads")?,
            intermediate_size: self.size("intermediate_size")?,
            max_position_embeddings: self.size("max_position_embeddings")?,
            type_vocab_size: self.size_or("type_vocab_size", 2)?,
            filter_sizes: self.filter_sizes()?,
            num_filters: if self.0.contains_key("num_filters") {
                self.size("num_filters")?
            } else {
                0
            },
            layer_norm_eps: self.number_in(
                "layer_norm_eps",
                1e-12,
                "above 0 and below 1",
                |x| x > 0.0 && x < 1.0,
            )?,
            hidden_dropout_prob: self.dropout("hidden_dropout_prob")?,
            attention_probs_dropout_prob: self.dropout("attention_probs_dropout_prob")?,
            initializer_range: self.number_in("initializer_range", 0.02, "0 to 10", |x| {
                (0.0..=10.0).contains(&x)
            })?,
            pad_token_id: self.pad_token_id()?,
            pooling: self.pooling()?,
            problem_type: if labels.is_empty() {
                None
            } else {
                self.problem_type()?
            },
            threshold: if labels.is_empty() {
                None
            } else {
                self.threshold()?
            },
            threshold_scales: None,
            thresholds: self.thresholds(labels.len())?,
            trained_len: self.trained_len()?,
            document_columns: self.document_columns()?,
            pairs: !labels.is_empty() && self.0.get(PAIRS) == Some(&Value::Bool(true)),
            labels,
        })
    }

    /// Rejects options that change BERT's computation.
    fn refuse_unsupported(&self) -> Result<(), InteropError> {
        let unsupported = |reason: Message| Err(InteropError::Unsupported { reason });
        if let Some(act) = self.text("hidden_act")?.filter(|act| !GELU.contains(act)) {
            return unsupported(message!(
                "its activation (hidden_act) is {act}, but only gelu is supported",
                act = quoted(act)
            ));
        }
        if let Some(kind) = self
            .text("position_embedding_type")?
            .filter(|kind| !["absolute", "rotary", "none"].contains(kind))
        {
            let kind = quoted(kind);
            return unsupported(message!(
                "its position_embedding_type is {kind}, but only absolute is supported",
                kind
            ));
        }
        let is_on = |key: &&str| self.0.get(*key) == Some(&Value::Bool(true));
        match ["is_decoder", "add_cross_attention"]
            .into_iter()
            .find(|key| is_on(key))
        {
            Some(key) => unsupported(message!(
                "its {key} is true, but only encoders are supported",
                key
            )),
            None => Ok(()),
        }
    }

    /// Returns the filter widths of a TextCNN; empty for other models.
    fn filter_sizes(&self) -> Result<Vec<usize>, InteropError> {
        let Some(value) = self.0.get("filter_sizes") else {
            return Ok(Vec::new());
        };
        let list = value
            .as_array()
            .filter(|list| list.len() <= MAX_FILTER_SIZES);
        let sizes = list.map(|list| {
            list.iter()
                .map(|size| size.as_u64().and_then(|n| usize::try_from(n).ok()))
        });
        let sizes: Option<Vec<usize>> = sizes.and_then(Iterator::collect);
        sizes.ok_or_else(|| {
            refuse(
                "filter_sizes",
                message!(
                    "must be a list of at most {limit} widths",
                    limit = MAX_FILTER_SIZES
                ),
            )
        })
    }

    pub fn is_classifier(&self) -> bool {
        let Some(Value::Array(names)) = self.0.get("architectures") else {
            return false;
        };
        names
            .iter()
            .filter_map(Value::as_str)
            .any(|name| name.ends_with("ForSequenceClassification"))
    }

    fn problem_type(&self) -> Result<Option<ProblemType>, InteropError> {
        match self.text("problem_type")? {
            None => Ok(Some(ProblemType::SingleLabelClassification)),
            Some("multi_label_classification") => Ok(Some(ProblemType::MultiLabelClassification)),
            Some("single_label_classification") => Ok(Some(ProblemType::SingleLabelClassification)),
            Some(other) => {
                let other = quoted(other);
                Err(refuse(
                    "problem_type",
                    message!(
                        "is {problem_type}; only single-label and multi-label classification are supported",
                        problem_type = other
                    ),
                ))
            }
        }
    }

    fn threshold(&self) -> Result<Option<f64>, InteropError> {
        let within = |x: f64| (0.0..=1.0).contains(&x);
        self.number("threshold")?
            .map(|_| self.number_in("threshold", 0.5, "0 to 1", within))
            .transpose()
    }

    /// Returns the decision threshold of each label.
    fn thresholds(&self, labels: usize) -> Result<Option<Vec<f64>>, InteropError> {
        let Some(value) = self
            .0
            .get("thresholds")
            .filter(|value| labels > 0 && !value.is_null())
        else {
            return Ok(None);
        };
        let number = |value: &Value| value.as_f64().filter(|number| (0.0..=1.0).contains(number));
        let numbers = value
            .as_array()
            .and_then(|list| list.iter().map(number).collect::<Option<Vec<f64>>>());
        let numbers = numbers.filter(|numbers| numbers.len() == labels);
        numbers.map(Some).ok_or_else(|| {
            refuse(
                "thresholds",
                message!("must be {labels} numbers from 0 to 1", labels),
            )
        })
    }

    fn pad_token_id(&self) -> Result<u32, InteropError> {
        let id = match self.0.get("pad_token_id") {
            None | Some(Value::Null) => Some(0),
            Some(value) => value.as_u64(),
        };
        let vocab_size = self.size("vocab_size")? as u64;
        let id = id
            .filter(|id| *id < vocab_size)
            .and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| {
            refuse(
                "pad_token_id",
                message!(
                    "must be a token id below the vocabulary size ({vocab_size})",
                    vocab_size
                ),
            )
        })
    }

    fn pooling(&self) -> Result<Option<Pooling>, InteropError> {
        let Some(value) = self.0.get(POOLING).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let pooling = serde_json::from_value(value.clone());
        pooling.map(Some).map_err(|_| {
            refuse(
                POOLING,
                message!("must be cls, first-token, mean or max-mean"),
            )
        })
    }

    fn document_columns(&self) -> Result<Option<DocumentColumns>, InteropError> {
        let Some(value) = self.0.get(TEXT_COLUMNS).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let columns = serde_json::from_value(value.clone());
        columns.map(Some).map_err(|_| {
            refuse(
                TEXT_COLUMNS,
                message!("must have the keys names and is_pair"),
            )
        })
    }

    fn trained_len(&self) -> Result<Option<usize>, InteropError> {
        if matches!(self.0.get(TRAINED_LEN), None | Some(Value::Null)) {
            return Ok(None);
        }
        let (length, positions) = (
            self.size(TRAINED_LEN)?,
            self.size("max_position_embeddings")?,
        );
        if length < 2 || length > positions {
            return Err(refuse(
                TRAINED_LEN,
                message!(
                    "is {length}; it must be from 2 to max_position_embeddings ({positions})",
                    length,
                    positions
                ),
            ));
        }
        Ok(Some(length))
    }

    fn dropout(&self, key: &str) -> Result<f64, InteropError> {
        self.number_in(key, 0.1, "0 to below 1", |x| (0.0..1.0).contains(&x))
    }

    fn number_in(
        &self,
        key: &str,
        default: f64,
        range: &str,
        ok: fn(f64) -> bool,
    ) -> Result<f64, InteropError> {
        let number = self.number(key)?.unwrap_or(default);
        if ok(number) {
            Ok(number)
        } else {
            Err(refuse(
                key,
                message!("is {number}; it must be {range}", number, range),
            ))
        }
    }

    fn number(&self, key: &str) -> Result<Option<f64>, InteropError> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(other) => Err(refuse(
                key,
                message!("is {kind}, not a number", kind = kind_of(other)),
            )),
        }
    }

    fn size_or(&self, key: &str, default: usize) -> Result<usize, InteropError> {
        if self.0.contains_key(key) {
            self.size(key)
        } else {
            Ok(default)
        }
    }

    pub fn size(&self, key: &str) -> Result<usize, InteropError> {
        let value = self
            .0
            .get(key)
            .ok_or_else(|| refuse(key, message!("is missing")))?;
        let size = value
            .as_u64()
            .and_then(|size| u32::try_from(size).ok())
            .filter(|size| *size > 0);
        size.map(|size| size as usize).ok_or_else(|| {
            let found = if value.is_number() {
                value.to_string()
            } else {
                kind_of(value).into()
            };
            refuse(
                key,
                message!(
                    "is {found}; it must be a whole number from 1 to {max}",
                    found,
                    max = u32::MAX
                ),
            )
        })
    }

    pub fn text(&self, key: &str) -> Result<Option<&str>, InteropError> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(refuse(
                key,
                message!("is {kind}, not text", kind = kind_of(other)),
            )),
        }
    }
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn refuse_file(reason: Message) -> InteropError {
    refuse("", reason)
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
