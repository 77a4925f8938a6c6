//! Checks the tensors of a model against its configuration, by Hugging Face's names for BERT.
//!
//! The names are those of `BertForPreTraining` and `BertForSequenceClassification` in
//! `transformers`, as saved in `tests/golden/model`. The decoder of the masked-LM head is tied to
//! the word embeddings and has no tensor of its own.

use crate::interop::Weights;
use crate::interop::config::family::refuse_other_names;
use crate::interop::error::InteropError;
use crate::model::{Heads, ModelConfig, specs};
use data::quoted;
use protocol::message;
use std::collections::BTreeSet;

/// Names of the tied decoder and of the tensors it is tied to. Some files contain the decoder in
/// addition to those, or instead of them.
pub(crate) const TIES: [(&str, &str); 2] = [
    (
        "cls.predictions.decoder.weight",
        "bert.embeddings.word_embeddings.weight",
    ),
    ("cls.predictions.decoder.bias", "cls.predictions.bias"),
];
/// Pooler, used by the next-sentence head and the classifier.
const POOLER: [&str; 2] = ["bert.pooler.dense.weight", "bert.pooler.dense.bias"];
/// Output layer of a classifier.
const CLASSIFIER: [&str; 2] = ["classifier.weight", "classifier.bias"];
/// Common part of the tensor names of an adapter (PEFT).
const ADAPTER_MARK: &str = ".lora_";

/// Result of matching weights with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Heads that both have.
    pub heads: Heads,
    /// Tensors of unknown heads.
    pub unused: Vec<String>,
}

/// Checks that the weights match the configuration, and detects the heads. A classifier needs
/// labels in the configuration and its tensors in the file; tensors of other heads are ignored, as
/// in `transformers`.
///
/// # Errors
/// Returns [`InteropError::Mismatch`] with the names that are missing, unexpected or of another
/// shape, or an error for adapters, other families and an untied decoder.
pub fn check_weights(config: &ModelConfig, weights: &Weights) -> Result<Fit, InteropError> {
    refuse_adapter(weights)?;
    let has_classifier = CLASSIFIER.iter().any(|name| weights.contains_key(*name));
    let heads = Heads {
        masked_lm: weights.contains_key("cls.predictions.bias"),
        next_sentence: weights.contains_key("cls.seq_relationship.weight"),
        classifier: has_classifier && !config.labels.is_empty(),
    };
    let required: Vec<Named> = specs(config, heads)
        .into_iter()
        .map(|spec| (spec.name, spec.shape))
        .collect();
    if !required.iter().any(|(name, _)| weights.contains_key(name)) {
        refuse_other_names(weights.keys())?;
    }
    // Tensors are assigned by the first part of their name: those of the encoder and of the
    // detected heads must be known.
    let owners: BTreeSet<&str> = required
        .iter()
        .map(|(name, _)| owner(name))
        .chain(["bert", "cls"])
        .collect();
    let (known, unused): (Vec<&String>, Vec<&String>) = weights
        .keys()
        .partition(|name| owners.contains(owner(name.as_str())));
    check_tensors(&required, &optional_tensors(config), &known, weights)?;
    check_ties(weights)?;
    Ok(Fit {
        heads,
        unused: unused.into_iter().cloned().collect(),
    })
}

fn owner(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn refuse_adapter(weights: &Weights) -> Result<(), InteropError> {
    match weights.keys().find(|name| name.contains(ADAPTER_MARK)) {
        Some(name) => Err(InteropError::NotAModel {
            found: message!(
                "these are the weights of an adapter (PEFT), not of a whole model: {tensor}",
                tensor = quoted(name)
            ),
            remedy: message!(
                "Merge it into its base model with peft (merge_and_unload) and save the whole model."
            ),
        }),
        None => Ok(()),
    }
}

/// Accepts a decoder that equals the embeddings, and rejects an untied one.
fn check_ties(weights: &Weights) -> Result<(), InteropError> {
    for (copy, original) in TIES {
        if let (Some(copied), Some(tied)) = (weights.get(copy), weights.get(original))
            && copied.data != tied.data
        {
            let reason = message!(
                "it differs from {original}; this engine ties the two",
                original
            );
            return Err(InteropError::Tensor {
                name: copy.into(),
                reason,
            });
        }
    }
    Ok(())
}

/// Name and shape of a tensor.
type Named = (String, Vec<usize>);

/// Checks that `weights` contains each `required` tensor, and that all `known` ones are either
/// required or `optional`.
///
/// # Errors
/// Returns [`InteropError::Mismatch`] with the names that are missing, unexpected or of another
/// shape.
fn check_tensors(
    required: &[Named],
    optional: &[Named],
    known: &[&String],
    weights: &Weights,
) -> Result<(), InteropError> {
    let missing = required
        .iter()
        .filter(|(name, _)| !weights.contains_key(name))
        .map(|(name, _)| name.clone());
    let has_place = |name: &&String| {
        required
            .iter()
            .chain(optional)
            .any(|(known, _)| known == *name)
    };
    let unexpected = known
        .iter()
        .copied()
        .filter(|name| !has_place(name))
        .cloned();
    let shapes = required
        .iter()
        .chain(optional)
        .filter_map(|(name, needed)| {
            let found = &weights.get(name)?.shape;
            (found != needed).then(|| {
                message!(
                    "{name} is {found}, config.json says {needed}",
                    name = quoted(name),
                    found = format!("{found:?}"),
                    needed = format!("{needed:?}")
                )
            })
        });
    let (missing, unexpected, shapes) = (
        missing.collect::<Vec<_>>(),
        unexpected.collect::<Vec<_>>(),
        shapes.collect::<Vec<_>>(),
    );
    if missing.is_empty() && unexpected.is_empty() && shapes.is_empty() {
        return Ok(());
    }
    Err(InteropError::Mismatch {
        missing,
        unexpected,
        shapes,
    })
}

/// Returns the tensors of a BERT file that this engine does not need: copies of the tied decoder,
/// and the pooler of a model whose heads do not use it.
fn optional_tensors(config: &ModelConfig) -> Vec<Named> {
    let (width, vocab) = (config.hidden_size, config.vocab_size);
    let copies = TIES
        .map(|(copy, _)| copy.into())
        .into_iter()
        .zip([vec![vocab, width], vec![vocab]]);
    let pooler = POOLER
        .map(String::from)
        .into_iter()
        .zip([vec![width, width], vec![width]]);
    copies.chain(pooler).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::{HostTensor, config_from_json, weights_from_bytes};
    use crate::model::ParameterSpec;

    fn golden(case: &str) -> (ModelConfig, Weights) {
        let dir = format!(
            "{}/../../tests/golden/model/{case}",
            env!("CARGO_MANIFEST_DIR")
        );
        let read = |name: &str| {
            std::fs::read(format!("{dir}/{name}")).expect("the golden model is in the repository")
        };
        let config = config_from_json(&read("config.json")).expect("Hugging Face's own file");
        (
            config,
            weights_from_bytes(&read("model.safetensors")).expect("Hugging Face's own file"),
        )
    }

    #[test]
    fn names_and_shapes_are_hugging_faces() {
        for (case, heads) in [
            ("masked-lm", Heads::MASKED_LM),
            ("multi-label", Heads::CLASSIFIER),
            ("single-label", Heads::CLASSIFIER),
        ] {
            let (config, weights) = golden(case);
            let fit = check_weights(&config, &weights).expect("Hugging Face's own file");
            assert_eq!(
                fit,
                Fit {
                    heads,
                    unused: Vec::new()
                },
                "{case}"
            );
            let mut ours: Vec<Named> = specs(&config, heads)
                .into_iter()
                .map(|spec| (spec.name, spec.shape))
                .collect();
            ours.sort();
            let theirs: Vec<_> = weights
                .iter()
                .map(|(name, tensor)| (name.clone(), tensor.shape.clone()))
                .collect();
            assert_eq!(ours, theirs, "{case}");
        }
    }

    #[test]
    fn the_fast_form_is_checked_too() {
        let config = ModelConfig::preset("fast-nano", 20, 32).expect("exists");
        let tensor = |spec: &ParameterSpec| HostTensor {
            shape: spec.shape.clone(),
            data: vec![0.0; spec.len()],
        };
        let specs = specs(&config, Heads::MASKED_LM);
        let mut weights: Weights = specs
            .iter()
            .map(|spec| (spec.name.clone(), tensor(spec)))
            .collect();
        assert_eq!(
            check_weights(&config, &weights).expect("whole").heads,
            Heads::MASKED_LM
        );
        weights.remove("clozelab.final_norm.bias");
        assert!(
            check_weights(&config, &weights)
                .expect_err("not whole")
                .to_string()
                .contains("clozelab.final_norm.bias")
        );
    }

    #[test]
    fn unknown_heads_are_ignored_and_reported() {
        let (mut config, weights) = golden("multi-label");
        config.labels.clear();
        let fit = check_weights(&config, &weights).expect("an encoder");
        assert_eq!(
            (fit.heads, fit.unused),
            (
                Heads::default(),
                vec!["classifier.bias".into(), "classifier.weight".into()]
            )
        );
        let (config, mut weights) = golden("masked-lm");
        weights.insert("qa_outputs.weight".into(), HostTensor::default());
        let fit = check_weights(&config, &weights).expect("whole");
        assert_eq!(
            (fit.heads, fit.unused),
            (Heads::MASKED_LM, vec!["qa_outputs.weight".into()])
        );
    }

    #[test]
    fn labels_without_a_classifier_are_an_encoder() {
        let (config, mut weights) = golden("multi-label");
        weights.retain(|name, _| !name.starts_with("classifier."));
        assert_eq!(
            check_weights(&config, &weights).expect("an encoder").heads,
            Heads::default()
        );
    }

    #[test]
    fn adapters_and_other_families_are_rejected_by_name() {
        let (config, weights) = golden("masked-lm");
        let renamed = |change: &dyn Fn(&str) -> String| {
            let weights: Weights = weights
                .iter()
                .map(|(name, tensor)| (change(name), tensor.clone()))
                .collect();
            check_weights(&config, &weights).expect_err("no BERT")
        };
        let adapter = renamed(&|name| name.replace(".weight", ".lora_A.weight"));
        assert!(
            adapter.to_string().contains("adapter")
                && adapter.hint().to_string().contains("merge_and_unload"),
            "{adapter}"
        );
        let roberta = renamed(&|name| {
            name.replace("bert.", "roberta.")
                .replace("cls.", "lm_head.")
        });
        assert!(roberta.to_string().contains("it is RoBERTa"), "{roberta}");
    }

    #[test]
    fn an_untied_decoder_is_rejected() {
        let (config, mut weights) = golden("masked-lm");
        let mut decoder = weights["bert.embeddings.word_embeddings.weight"].clone();
        weights.insert(TIES[0].0.into(), decoder.clone());
        check_weights(&config, &weights).expect("a copy");
        decoder.data[7] += 0.5;
        weights.insert(TIES[0].0.into(), decoder);
        assert!(
            check_weights(&config, &weights)
                .expect_err("untied")
                .to_string()
                .contains("ties")
        );
    }

    #[test]
    fn a_masked_lm_whose_configuration_names_labels_is_a_masked_lm() {
        let (mut config, weights) = golden("masked-lm");
        config.labels = vec!["a".into(), "b".into()];
        assert_eq!(
            check_weights(&config, &weights).expect("whole").heads,
            Heads::MASKED_LM
        );
    }

    #[test]
    fn each_golden_model_agrees_with_its_configuration() {
        for case in ["masked-lm", "masked-lm-nsp", "multi-label", "single-label"] {
            let (config, weights) = golden(case);
            check_weights(&config, &weights).expect(case);
        }
    }

    #[test]
    fn mismatches_are_reported() {
        let check = |change: &dyn Fn(&mut ModelConfig, &mut Weights), expected: &str| {
            let (mut config, mut weights) = golden("multi-label");
            change(&mut config, &mut weights);
            let error = check_weights(&config, &weights).expect_err(expected);
            assert_eq!(error.code(), "weights-contradict-config");
            assert!(
                error.to_string().contains(expected),
                "{error} lacks {expected}"
            );
        };
        check(
            &|config, _| config.num_hidden_layers = 3,
            "bert.encoder.layer.2.attention.self.query.weight",
        );
        check(
            &|config, _| config.num_hidden_layers = 1,
            "unexpected: \"bert.encoder.layer.1",
        );
        check(
            &|config, _| config.vocab_size = 212,
            "[211, 64], config.json says [212, 64]",
        );
        check(
            &|config, _| config.labels.truncate(5),
            "\"classifier.weight\" is [6, 64]",
        );
        check(
            &|_, weights| drop(weights.remove("bert.pooler.dense.bias")),
            "missing: \"bert.pooler.dense.bias\"",
        );
        check(
            &|_, weights| drop(weights.insert("cls.\u{1b}[31m".into(), HostTensor::default())),
            "\"cls.\\u{1b}[31m\"",
        );
        check(
            &|_, weights| {
                drop(weights.insert("cls.predictions.bias".into(), HostTensor::default()))
            },
            "transform.dense",
        );
    }
}
