//! The Python code with which `transformers` loads a model of this engine
//! (`trust_remote_code=True`): the files in a directory, and the classes named in its
//! `config.json`. A BERT masked LM does not need any.

use crate::model::{Architecture, ModelConfig};
use serde_json::{Map, Value, json};

/// Python module with the configuration classes.
pub(super) const CONFIGURATION_FILE: &str = "configuration_clozelab.py";
/// Python module with the model classes.
pub(super) const MODELING_FILE: &str = "modeling_clozelab.py";

/// Returns the Python files of a model directory; empty if none are needed.
pub fn python_files(config: &ModelConfig) -> Vec<(String, Vec<u8>)> {
    if class_map(config).is_empty() {
        return Vec::new();
    }
    vec![
        (
            CONFIGURATION_FILE.into(),
            include_bytes!("python/configuration_clozelab.py").to_vec(),
        ),
        (
            MODELING_FILE.into(),
            include_bytes!("python/modeling_clozelab.py").to_vec(),
        ),
    ]
}

/// Returns the fields `auto_map` and `custom_pipelines` of `config.json`.
pub(super) fn remote_code_fields(config: &ModelConfig) -> Map<String, Value> {
    let mut fields = Map::new();
    let classes = class_map(config);
    if !classes.is_empty() {
        fields.insert("auto_map".into(), Value::Object(classes));
    }
    // The stock pipeline of a BERT works without remote code; a custom pipeline would not.
    if !config.labels.is_empty() && config.architecture != Architecture::Bert {
        let pipeline = json!({
            "impl": modeling("ClozelabTextClassification"),
            "pt": ["AutoModelForSequenceClassification"],
        });
        fields.insert(
            "custom_pipelines".into(),
            json!({ "text-classification": pipeline }),
        );
    }
    fields
}

fn class_map(config: &ModelConfig) -> Map<String, Value> {
    let is_classifier = !config.labels.is_empty();
    let family = match config.architecture {
        Architecture::Bert if is_classifier => {
            let class = modeling("ClozelabBertForSequenceClassification");
            return Map::from_iter([("AutoModelForSequenceClassification".into(), class)]);
        }
        Architecture::Bert => return Map::new(),
        Architecture::Fast => "ClozelabFast",
        Architecture::Textcnn => "ClozelabTextCnn",
        Architecture::Mean => "ClozelabMean",
    };
    let head = if is_classifier {
        "ForSequenceClassification"
    } else {
        "ForMaskedLM"
    };
    let head = (
        format!("AutoModel{head}"),
        modeling(&format!("{family}{head}")),
    );
    let configuration = format!("configuration_clozelab.{family}Config").into();
    let encoder = modeling(&format!("{family}Model"));
    let classes = [
        ("AutoConfig".to_string(), configuration),
        ("AutoModel".to_string(), encoder),
        head,
    ];
    classes.into_iter().collect()
}

fn modeling(class: &str) -> Value {
    format!("modeling_clozelab.{class}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_that_a_configuration_names_is_in_the_code() {
        for name in ["bert-tiny", "fast-nano", "textcnn", "mean"] {
            for labels in [vec![], vec!["a".to_string(), "b".into()]] {
                let config = ModelConfig {
                    labels,
                    ..ModelConfig::preset(name, 100, 16).expect("a preset")
                };
                let files = python_files(&config);
                let fields = remote_code_fields(&config);
                let classes = class_map(&config);
                assert_eq!(
                    files.is_empty(),
                    name == "bert-tiny" && config.labels.is_empty()
                );
                assert_eq!(fields.is_empty(), files.is_empty(), "{name}");
                for class in classes.values() {
                    let (module, class) = class
                        .as_str()
                        .and_then(|class| class.split_once('.'))
                        .expect("a class");
                    let (_, code) = files
                        .iter()
                        .find(|(file, _)| file == &format!("{module}.py"))
                        .expect("its module");
                    assert!(
                        String::from_utf8_lossy(code).contains(&format!("\nclass {class}(")),
                        "{class}"
                    );
                }
            }
        }
    }
}
