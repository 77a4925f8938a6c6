//! Configuration files of a sentence-transformers directory: `modules.json`, and the pooling of the
//! hidden states.
//!
//! Source: `sentence_transformers.models.Pooling` 2.2 to 5.1. Older configurations have one key per
//! mode; newer ones have `pooling_mode` as text.

use crate::interop::error::InteropError;
use crate::interop::error::refuse;
use data::quoted;
use protocol::{Message, Pooling, message};
use serde_json::{Map, Value};

/// File that lists the modules in order.
pub const MODULES_FILE: &str = "modules.json";
/// Configuration file of the pooling module.
pub const POOLING_FILE: &str = "1_Pooling/config.json";

/// Modules that are implemented, or irrelevant here: an output layer is fitted to vectors of any
/// length.
const KNOWN_MODULES: [&str; 3] = ["Transformer", "Pooling", "Normalize"];

/// Pooling modes and their keys in older configurations.
const MODES: [(&str, &str); 6] = [
    ("cls", "pooling_mode_cls_token"),
    ("max", "pooling_mode_max_tokens"),
    ("mean", "pooling_mode_mean_tokens"),
    ("mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens"),
    ("weightedmean", "pooling_mode_weightedmean_tokens"),
    ("lasttoken", "pooling_mode_lasttoken"),
];

/// A sentence encoder as described by its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentenceEncoder {
    /// The pooling mode; the error is a description of an unsupported mode.
    pub pooling: Result<Pooling, Message>,
    /// Modules that are ignored, e.g. `Dense`.
    pub passed_over: Vec<String>,
}

/// Reads the two files; returns `None` if neither exists.
///
/// # Errors
/// Returns an error if one of them is damaged.
pub fn sentence_encoder(
    file: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Option<SentenceEncoder>, InteropError> {
    let read = |name: &str| file(name).map(|bytes| parsed(name, &bytes)).transpose();
    let (modules, pooling) = (read(MODULES_FILE)?, read(POOLING_FILE)?);
    if modules.is_none() && pooling.is_none() {
        return Ok(None);
    }
    let kind = |module: &Value| {
        let path = module.get("type")?.as_str()?;
        path.rsplit('.').next().map(String::from)
    };
    let kinds: Vec<String> = modules
        .iter()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(kind)
        .collect();
    let passed_over = kinds
        .into_iter()
        .filter(|kind| !KNOWN_MODULES.contains(&kind.as_str()))
        .collect();
    let pooling = match pooling {
        Some(Value::Object(fields)) => pooling_of(&fields),
        Some(_) => return Err(refuse(POOLING_FILE, message!("is not an object"))),
        None => Err(message!("there is no {file}", file = POOLING_FILE)),
    };
    Ok(Some(SentenceEncoder {
        pooling,
        passed_over,
    }))
}

fn parsed(name: &str, bytes: &[u8]) -> Result<Value, InteropError> {
    serde_json::from_slice(bytes).map_err(|error| {
        refuse(
            name,
            message!("is not JSON ({error})", error = error.to_string()),
        )
    })
}

/// Several modes are concatenated, in the order of [`MODES`].
fn pooling_of(fields: &Map<String, Value>) -> Result<Pooling, Message> {
    let named = fields
        .get("pooling_mode")
        .and_then(Value::as_str)
        .map(|mode| vec![mode]);
    let is_on = |key: &str| fields.get(key) == Some(&Value::Bool(true));
    let modes = named.unwrap_or_else(|| {
        MODES
            .iter()
            .filter(|(_, key)| is_on(key))
            .map(|(mode, _)| *mode)
            .collect()
    });
    match modes[..] {
        ["cls"] => Ok(Pooling::FirstToken),
        ["mean"] => Ok(Pooling::Mean),
        ["max", "mean"] => Ok(Pooling::MaxMean),
        [] => Err(message!("no pooling mode is set")),
        _ => Err(message!(
            "the pooling mode is {modes}",
            modes = quoted(&modes.join(" and "))
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder(
        modules: Option<&str>,
        pooling: Option<&str>,
    ) -> Result<Option<SentenceEncoder>, InteropError> {
        sentence_encoder(&|name| match name {
            MODULES_FILE => modules.map(|text| text.as_bytes().to_vec()),
            POOLING_FILE => pooling.map(|text| text.as_bytes().to_vec()),
            _ => None,
        })
    }

    fn pooling(config: &str) -> Result<Pooling, Message> {
        encoder(None, Some(config))
            .expect("JSON")
            .expect("there")
            .pooling
    }

    #[test]
    fn a_plain_model_is_no_sentence_encoder() {
        assert_eq!(encoder(None, None), Ok(None));
    }

    #[test]
    fn both_forms_of_the_configuration_are_read() {
        let old = r#"{"word_embedding_dimension": 384, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#;
        assert_eq!(pooling(old), Ok(Pooling::Mean));
        assert_eq!(pooling(r#"{"pooling_mode": "mean"}"#), Ok(Pooling::Mean));
        assert_eq!(
            pooling(r#"{"pooling_mode_cls_token": true}"#),
            Ok(Pooling::FirstToken)
        );
        let both = r#"{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}"#;
        assert_eq!(pooling(both), Ok(Pooling::MaxMean));
    }

    #[test]
    fn unsupported_modes_are_reported() {
        assert!(
            pooling(r#"{"pooling_mode": "lasttoken"}"#)
                .expect_err("unknown")
                .to_string()
                .contains("lasttoken")
        );
        let cls_and_mean = r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}"#;
        assert!(
            pooling(cls_and_mean)
                .expect_err("unknown")
                .to_string()
                .contains("cls and mean")
        );
        assert!(pooling("{}").is_err());
    }

    #[test]
    fn ignored_modules_are_reported() {
        let kinds = ["Transformer", "Pooling", "Dense", "Normalize"];
        let modules: Vec<String> = kinds
            .iter()
            .map(|kind| format!(r#"{{"type": "sentence_transformers.models.{kind}"}}"#))
            .collect();
        let modules = format!("[{}]", modules.join(","));
        let encoder = encoder(Some(&modules), Some(r#"{"pooling_mode": "mean"}"#))
            .expect("sound")
            .expect("there");
        assert_eq!(encoder.passed_over, ["Dense"]);
    }

    #[test]
    fn damaged_files_are_rejected_by_name() {
        for (modules, pooling) in [(Some("["), None), (None, Some("{")), (None, Some("[]"))] {
            let error = encoder(modules, pooling).expect_err("damaged").to_string();
            assert!(
                error.contains(if modules.is_some() {
                    MODULES_FILE
                } else {
                    POOLING_FILE
                }),
                "{error}"
            );
        }
    }
}
