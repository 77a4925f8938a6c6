//! Labels of a classifier in `config.json`. `id2label` takes precedence, as in `transformers`;
//! contradictions are reported.

use crate::interop::Notice;
use crate::interop::config::family::Family;
use crate::interop::config::{Fields, kind_of, refuse};
use crate::interop::error::InteropError;
use data::quoted;
use protocol::{Message, message};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Maximum number of labels.
const MAX_LABELS: usize = 100_000;
/// Prefix of Hugging Face's default label names.
const UNNAMED_LABEL: &str = "LABEL_";
/// Number of labels if the configuration does not specify any: the default of `PretrainedConfig`.
const DEFAULT_LABELS: usize = 2;

/// Labels in output order, and notices about them.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    /// Label names; empty if the model's head does not predict labels.
    pub names: Vec<String>,
    pub notices: Vec<Notice>,
}

impl Fields {
    /// Returns the labels in output order. A classifier without names gets Hugging Face's default
    /// names; one with an unsupported head has no labels.
    pub fn labels(&self, family: Family) -> Result<Labels, InteropError> {
        let mut labels = Labels {
            names: self.label_names()?,
            notices: Vec::new(),
        };
        if !self.is_classifier() && self.0.contains_key("architectures") {
            return Ok(Labels::default());
        }
        if let Some(head) = self.other_head(family, &labels.names) {
            let message = message!(
                "{head} is not supported: only the model's encoder is used",
                head
            );
            return Ok(Labels {
                names: Vec::new(),
                notices: vec![Notice {
                    code: "other-head",
                    message,
                }],
            });
        }
        labels.notices.extend(self.contradiction(&labels.names));
        labels.make_distinct();
        Ok(labels)
    }

    fn label_names(&self) -> Result<Vec<String>, InteropError> {
        match self.0.get("id2label") {
            Some(Value::Object(map)) => labels_by_id(map),
            Some(other) => Err(refuse(
                "id2label",
                message!("is {kind}, not an object", kind = kind_of(other)),
            )),
            None if self.is_classifier() => {
                let count = self
                    .0
                    .get("num_labels")
                    .map(|_| self.size("num_labels"))
                    .transpose()?;
                default_labels(count.unwrap_or(DEFAULT_LABELS))
            }
            None => Ok(Vec::new()),
        }
    }

    /// Returns a description of a classifier head that does not predict labels.
    fn other_head(&self, family: Family, labels: &[String]) -> Option<Message> {
        let problem = self.0.get("problem_type").and_then(Value::as_str);
        // As in `transformers`, a single output without a problem type is a regression.
        if problem == Some("regression") || (problem.is_none() && labels.len() == 1) {
            return Some(message!("a head that predicts a number (regression)"));
        }
        (family == Family::DistilBert && !labels.is_empty())
            .then(|| message!("the DistilBERT classifier head"))
    }

    /// Returns a notice if `label2id` numbers the labels differently. Labels that it does not
    /// contain are ignored.
    fn contradiction(&self, labels: &[String]) -> Option<Notice> {
        let map = self.0.get("label2id")?.as_object()?;
        let differs = |(id, label): &(usize, &String)| {
            map.get(*label)
                .and_then(Value::as_u64)
                .is_some_and(|other| other != *id as u64)
        };
        let (id, label) = labels.iter().enumerate().find(differs)?;
        let label = quoted(label);
        let message = message!(
            "label2id and id2label have different ids for {label}; using {id}, from id2label",
            label,
            id
        );
        Some(Notice {
            code: "labels-contradict",
            message,
        })
    }
}

impl Labels {
    /// Renames duplicate labels.
    fn make_distinct(&mut self) {
        let mut taken: BTreeSet<String> = self.names.iter().cloned().collect();
        let mut seen = BTreeSet::new();
        for (id, name) in self.names.iter_mut().enumerate() {
            if seen.insert(name.clone()) {
                continue;
            }
            let before = name.clone();
            while taken.contains(name) {
                name.push_str(&format!("_{id}"));
            }
            taken.insert(name.clone());
            let (before, after) = (quoted(&before), quoted(name));
            let message = message!(
                "id2label repeats the label {before}: label {id} is renamed to {after}",
                before,
                id,
                after
            );
            self.notices.push(Notice {
                code: "equal-labels",
                message,
            });
        }
    }
}

fn labels_by_id(map: &Map<String, Value>) -> Result<Vec<String>, InteropError> {
    let label = |id: usize| {
        map.get(&id.to_string())
            .and_then(Value::as_str)
            .map(String::from)
    };
    let labels: Option<Vec<String>> = (0..map.len()).map(label).collect();
    labels.ok_or_else(|| {
        refuse(
            "id2label",
            message!(
                "must name every id from 0 to {last_id}",
                last_id = map.len().max(1) - 1
            ),
        )
    })
}

fn default_labels(count: usize) -> Result<Vec<String>, InteropError> {
    if count > MAX_LABELS {
        return Err(refuse(
            "num_labels",
            message!(
                "is {last_id}; the maximum is {limit}",
                last_id = count,
                limit = MAX_LABELS
            ),
        ));
    }
    Ok((0..count)
        .map(|id| format!("{UNNAMED_LABEL}{id}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::config::{config_from_json, read_config};
    use serde_json::json;

    fn labels(changes: Value) -> (Vec<String>, Vec<&'static str>) {
        let mut json = json!({"architectures": ["BertForSequenceClassification"], "hidden_size": 8, "vocab_size": 9,
            "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8, "max_position_embeddings": 16});
        let fields = json.as_object_mut().expect("an object");
        fields.extend(changes.as_object().expect("an object").clone());
        let (config, notices) = read_config(json.to_string().as_bytes()).expect("valid");
        (
            config.labels,
            notices.into_iter().map(|notice| notice.code).collect(),
        )
    }

    #[test]
    fn id2label_takes_precedence() {
        let stale =
            json!({"id2label": {"0": "no", "1": "yes"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}});
        assert_eq!(labels(stale), (vec!["no".into(), "yes".into()], vec![]));
        let turned = json!({"id2label": {"0": "no", "1": "yes"}, "label2id": {"yes": 0, "no": 1}});
        assert_eq!(
            labels(turned),
            (vec!["no".into(), "yes".into()], vec!["labels-contradict"])
        );
        let count = json!({"id2label": {"0": "no", "1": "yes"}, "num_labels": 5});
        assert_eq!(labels(count).0.len(), 2);
        assert_eq!(
            labels(json!({"num_labels": 3})).0,
            ["LABEL_0", "LABEL_1", "LABEL_2"]
        );
    }

    #[test]
    fn duplicate_labels_get_distinct_names() {
        let equal = json!({"id2label": {"0": "a", "1": "a", "2": "a_1", "3": "a"}});
        let (names, codes) = labels(equal);
        assert_eq!(names, ["a", "a_1_1", "a_1", "a_3"]);
        assert_eq!(codes, ["equal-labels", "equal-labels"]);
    }

    #[test]
    fn unsupported_heads_have_no_labels() {
        let regression = json!({"id2label": {"0": "LABEL_0"}, "problem_type": "regression"});
        assert_eq!(labels(regression), (vec![], vec!["other-head"]));
        assert_eq!(
            labels(json!({"id2label": {"0": "LABEL_0"}})),
            (vec![], vec!["other-head"])
        );
        let one = json!({"id2label": {"0": "a"}, "problem_type": "multi_label_classification"});
        assert_eq!(labels(one), (vec!["a".into()], vec![]));
        let tokens = json!({"architectures": ["BertForTokenClassification"], "id2label": {"0": "O", "1": "B"}});
        assert_eq!(labels(tokens), (vec![], vec![]));
    }

    #[test]
    fn a_saved_configuration_has_the_distinct_names() {
        let json = br#"{"architectures":["BertForSequenceClassification"],"hidden_size":8,"num_attention_heads":2,
            "vocab_size":9,"num_hidden_layers":1,"intermediate_size":8,"max_position_embeddings":16,
            "id2label":{"0":"a","1":"a"}}"#;
        let config = config_from_json(json).expect("valid");
        let (again, notices) =
            read_config(&crate::interop::config_to_json(&config)).expect("valid");
        assert_eq!(
            (again.labels, notices),
            (vec!["a".to_string(), "a_1".into()], vec![])
        );
    }
}
