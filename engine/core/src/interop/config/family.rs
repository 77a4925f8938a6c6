//! Detects the family of a model by `model_type` or, in files from before 2020, by its class name.
//! Unsupported families are rejected by name.

use crate::interop::error::InteropError;
use crate::model::Architecture;
use data::quoted;
use protocol::{Message, message, phrase};
use serde_json::{Map, Value};

/// A supported model family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// BERT, or one of this engine's own backbones.
    Own(Architecture),
    /// DistilBERT, which is converted to BERT.
    DistilBert,
}

/// DistilBERT's `model_type` and the prefix of its class names.
const DISTILBERT: (&str, &str) = ("distilbert", "DistilBert");

/// Unsupported families that are often confused with BERT: `model_type`, display name, prefix of
/// the class names.
const OTHERS: [(&str, &str, &str); 24] = [
    ("roberta", "RoBERTa", "Roberta"),
    ("xlm-roberta", "XLM-RoBERTa", "XLMRoberta"),
    ("camembert", "CamemBERT", "Camembert"),
    ("electra", "ELECTRA", "Electra"),
    ("albert", "ALBERT", "Albert"),
    ("deberta", "DeBERTa", "DebertaFor"),
    ("deberta-v2", "DeBERTa-v2", "DebertaV2"),
    ("modernbert", "ModernBERT", "ModernBert"),
    ("mobilebert", "MobileBERT", "MobileBert"),
    ("squeezebert", "SqueezeBERT", "SqueezeBert"),
    ("nomic_bert", "NomicBERT", "NomicBert"),
    ("ernie", "ERNIE", "Ernie"),
    ("mpnet", "MPNet", "MPNet"),
    ("xlnet", "XLNet", "XLNet"),
    ("xlm", "XLM", "XLMWithLMHead"),
    ("longformer", "Longformer", "Longformer"),
    ("big_bird", "BigBird", "BigBird"),
    ("funnel", "Funnel", "Funnel"),
    ("t5", "T5", "T5"),
    ("mt5", "mT5", "MT5"),
    ("bart", "BART", "Bart"),
    ("gpt2", "GPT-2", "GPT2"),
    ("llama", "Llama", "Llama"),
    ("qwen2", "Qwen2", "Qwen2"),
];

impl Family {
    /// The backbone that implements it.
    pub fn architecture(self) -> Architecture {
        match self {
            Self::Own(architecture) => architecture,
            Self::DistilBert => Architecture::Bert,
        }
    }
}

/// Returns the family of a configuration; BERT if it does not specify one.
///
/// # Errors
/// Returns [`InteropError::Unsupported`] for an unsupported family.
pub(crate) fn family_of(config: &Map<String, Value>) -> Result<Family, InteropError> {
    let Some(model_type) = config.get("model_type").filter(|value| !value.is_null()) else {
        let class = config
            .get("architectures")
            .and_then(|classes| classes.get(0)?.as_str());
        return family_of_class(class.unwrap_or_default());
    };
    let name = model_type.as_str().unwrap_or_default();
    let own = Architecture::ALL
        .iter()
        .find(|architecture| architecture.backbone().model_type() == name);
    match own {
        Some(architecture) => Ok(Family::Own(*architecture)),
        None if name == DISTILBERT.0 => Ok(Family::DistilBert),
        None => {
            let known = OTHERS.iter().find(|(model_type, ..)| *model_type == name);
            let shown = model_type
                .as_str()
                .map_or_else(|| quoted(&model_type.to_string()), quoted);
            Err(unsupported(
                known.map_or(phrase!("another kind of model"), |(_, title, _)| title),
                &format!("model_type {shown}"),
            ))
        }
    }
}

fn family_of_class(class: &str) -> Result<Family, InteropError> {
    if class.starts_with(DISTILBERT.1) {
        return Ok(Family::DistilBert);
    }
    match OTHERS
        .iter()
        .find(|(_, _, prefix)| class.starts_with(prefix))
    {
        Some((_, title, _)) => Err(unsupported(
            title,
            &format!("architectures {}", quoted(class)),
        )),
        None => Ok(Family::Own(Architecture::Bert)),
    }
}

/// Rejects tensor names that begin like those of an unsupported family.
///
/// # Errors
/// Returns [`InteropError::Unsupported`] if there is such a name.
pub(crate) fn refuse_other_names<'a>(
    mut names: impl Iterator<Item = &'a String>,
) -> Result<(), InteropError> {
    let of = |name: &String| {
        let (first, _) = name.split_once('.')?;
        OTHERS.iter().find(|(model_type, ..)| {
            model_type.replace(['-', '_'], "") == first.replace(['-', '_'], "")
        })
    };
    match names.find_map(|name| Some((name, of(name)?))) {
        Some((name, (_, title, _))) => Err(unsupported(title, &format!("tensor {}", quoted(name)))),
        None => Ok(()),
    }
}

fn unsupported(title: &'static str, evidence: &str) -> InteropError {
    InteropError::Unsupported {
        reason: message!(
            "it is {title} ({evidence}), but only BERT, DistilBERT and models made with Clozelab are supported",
            title = Message::phrase(title),
            evidence
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn family(config: Value) -> Result<Family, InteropError> {
        family_of(config.as_object().expect("an object"))
    }

    #[test]
    fn families_are_detected_by_type_or_class() {
        let bert = Family::Own(Architecture::Bert);
        assert_eq!(family(json!({"model_type": "bert"})), Ok(bert));
        assert_eq!(family(json!({})), Ok(bert));
        assert_eq!(
            family(json!({"model_type": null, "architectures": ["BertForMaskedLM"]})),
            Ok(bert)
        );
        assert_eq!(family(json!({"architectures": ["BertCRF"]})), Ok(bert));
        assert_eq!(
            family(json!({"model_type": "distilbert"})),
            Ok(Family::DistilBert)
        );
        assert_eq!(
            family(json!({"architectures": ["DistilBertModel"]})),
            Ok(Family::DistilBert)
        );
    }

    #[test]
    fn unsupported_families_are_rejected_by_name() {
        let check = |config: Value, expected: &str| {
            let error = family(config).expect_err(expected);
            assert!(
                error.to_string().contains(expected),
                "{error} lacks {expected}"
            );
            assert!(
                error
                    .hint()
                    .to_string()
                    .contains("Use a BERT or DistilBERT"),
                "{}",
                error.hint()
            );
        };
        check(
            json!({"model_type": "roberta"}),
            "it is RoBERTa (model_type \"roberta\")",
        );
        check(json!({"model_type": "gpt2"}), "it is GPT-2");
        check(
            json!({"model_type": "mamba"}),
            "it is another kind of model (model_type \"mamba\")",
        );
        check(json!({"model_type": 7}), "another kind of model");
        check(
            json!({"architectures": ["T5ForConditionalGeneration"]}),
            "it is T5 (architectures",
        );
        check(
            json!({"architectures": ["XLMRobertaForMaskedLM"]}),
            "it is XLM-RoBERTa",
        );
    }

    #[test]
    fn unsupported_families_are_detected_by_tensor_names() {
        let refuse = |name: &str| refuse_other_names([name.to_string()].iter());
        assert!(refuse("roberta.embeddings.word_embeddings.weight").is_err());
        assert!(refuse("bert.embeddings.word_embeddings.weight").is_ok());
        assert!(refuse("qa_outputs.weight").is_ok());
    }
}
