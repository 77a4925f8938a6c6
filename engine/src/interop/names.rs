//! Which tensors a model directory must hold: Hugging Face's names for BERT, and whether a file agrees with them.
//!
//! Source of the names: `transformers`' `BertForPreTraining` and `BertForSequenceClassification`, as saved in
//! `tests/golden/model`. The decoder of the masked-LM head is tied to the word embeddings and so has no tensor.

use super::Weights;
use super::error::{InteropError, quoted};
use crate::model::config::{Architecture, ModelConfig};

/// Copies of the tied decoder, which some files carry beside the tensors they repeat.
const TIED_COPIES: [&str; 2] = ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"];

/// Names and shapes of a BERT model under Hugging Face names, in the order of the forward pass. The pooler belongs to
/// the classifier: Hugging Face's masked-LM model has none.
pub fn expected_tensors_bert(
    config: &ModelConfig,
    with_mlm_head: bool,
    with_classifier: bool,
) -> Vec<(String, Vec<usize>)> {
    let mut tensors = embeddings(config);
    (0..config.num_hidden_layers).for_each(|layer| tensors.extend(encoder_layer(config, layer)));
    if with_mlm_head {
        tensors.extend(mlm_head(config));
    }
    if with_classifier {
        tensors.extend(dense("bert.pooler.dense", config.hidden_size, config.hidden_size));
        tensors.extend(dense("classifier", config.hidden_size, config.labels.len()));
    }
    tensors
}

/// Whether weights are those of a model of this shape. The heads that must be there follow from the configuration
/// (labels call for a classifier) and from the file (one tensor of the masked-LM head calls for the others).
///
/// The names inside a `fast` model are known to `model` alone; its loader calls [`check_tensors`] with them.
///
/// # Errors
/// [`InteropError::Mismatch`] with the names that are missing, unexpected or of another shape.
pub fn check_weights(config: &ModelConfig, weights: &Weights) -> Result<(), InteropError> {
    match config.architecture {
        Architecture::Bert => check_bert(config, weights),
        Architecture::Fast => Ok(()),
    }
}

/// Whether `weights` holds each `required` tensor, and nothing that is neither required nor `optional`.
///
/// # Errors
/// [`InteropError::Mismatch`] with the names that are missing, unexpected or of another shape.
pub fn check_tensors(
    required: &[(String, Vec<usize>)],
    optional: &[(String, Vec<usize>)],
    weights: &Weights,
) -> Result<(), InteropError> {
    let missing = required.iter().filter(|(name, _)| !weights.contains_key(name)).map(|(name, _)| name.clone());
    let known = |name: &String| required.iter().chain(optional).any(|(known, _)| known == name);
    let unexpected = weights.keys().filter(|name| !known(name)).cloned();
    let shapes = required.iter().chain(optional).filter_map(|(name, wanted)| {
        let found = &weights.get(name)?.shape;
        (found != wanted).then(|| format!("{} is {found:?}, config.json says {wanted:?}", quoted(name)))
    });
    let (missing, unexpected, shapes) =
        (missing.collect::<Vec<_>>(), unexpected.collect::<Vec<_>>(), shapes.collect::<Vec<_>>());
    if missing.is_empty() && unexpected.is_empty() && shapes.is_empty() {
        return Ok(());
    }
    Err(InteropError::Mismatch { missing, unexpected, shapes })
}

fn check_bert(config: &ModelConfig, weights: &Weights) -> Result<(), InteropError> {
    let has = |start: &str| weights.keys().any(|name| name.starts_with(start));
    let labels = !config.labels.is_empty();
    let required = expected_tensors_bert(config, has("cls.predictions."), labels);
    check_tensors(&required, &optional_tensors(config, labels), weights)
}

/// What a BERT file may carry and this engine does without: the next-sentence head, copies of the tied decoder, and,
/// where there is no classifier, the pooler.
pub fn optional_tensors(config: &ModelConfig, has_classifier: bool) -> Vec<(String, Vec<usize>)> {
    let (width, vocab) = (config.hidden_size, config.vocab_size);
    let mut tensors = dense("cls.seq_relationship", width, 2);
    tensors.extend(TIED_COPIES.map(String::from).into_iter().zip([vec![vocab, width], vec![vocab]]));
    if !has_classifier {
        tensors.extend(dense("bert.pooler.dense", width, width));
    }
    tensors
}

fn embeddings(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
    let width = config.hidden_size;
    let tables = [
        ("word_embeddings", config.vocab_size),
        ("position_embeddings", config.max_position_embeddings),
        ("token_type_embeddings", config.type_vocab_size),
    ];
    let tables = tables.map(|(name, rows)| (format!("bert.embeddings.{name}.weight"), vec![rows, width]));
    tables.into_iter().chain(layer_norm("bert.embeddings.LayerNorm", width)).collect()
}

fn encoder_layer(config: &ModelConfig, layer: usize) -> Vec<(String, Vec<usize>)> {
    let (width, inner) = (config.hidden_size, config.intermediate_size);
    let at = |name: &str| format!("bert.encoder.layer.{layer}.{name}");
    let mut tensors = Vec::new();
    for name in ["self.query", "self.key", "self.value", "output.dense"] {
        tensors.extend(dense(&at(&format!("attention.{name}")), width, width));
    }
    tensors.extend(layer_norm(&at("attention.output.LayerNorm"), width));
    tensors.extend(dense(&at("intermediate.dense"), width, inner));
    tensors.extend(dense(&at("output.dense"), inner, width));
    tensors.extend(layer_norm(&at("output.LayerNorm"), width));
    tensors
}

fn mlm_head(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
    let mut tensors = dense("cls.predictions.transform.dense", config.hidden_size, config.hidden_size);
    tensors.extend(layer_norm("cls.predictions.transform.LayerNorm", config.hidden_size));
    tensors.push(("cls.predictions.bias".into(), vec![config.vocab_size]));
    tensors
}

/// A dense layer as PyTorch stores it: one row per output.
fn dense(name: &str, inputs: usize, outputs: usize) -> Vec<(String, Vec<usize>)> {
    vec![(format!("{name}.weight"), vec![outputs, inputs]), (format!("{name}.bias"), vec![outputs])]
}

fn layer_norm(name: &str, width: usize) -> Vec<(String, Vec<usize>)> {
    vec![(format!("{name}.weight"), vec![width]), (format!("{name}.bias"), vec![width])]
}

#[cfg(test)]
mod tests {
    use super::super::{HostTensor, config_from_json, weights_from_bytes};
    use super::*;

    fn golden(case: &str) -> (ModelConfig, Weights) {
        let dir = format!("{}/../tests/golden/model/{case}", env!("CARGO_MANIFEST_DIR"));
        let read = |name: &str| std::fs::read(format!("{dir}/{name}")).expect("the golden model is in the repository");
        let config = config_from_json(&read("config.json")).expect("Hugging Face's own file");
        (config, weights_from_bytes(&read("model.safetensors")).expect("Hugging Face's own file"))
    }

    #[test]
    fn names_and_shapes_are_hugging_faces() {
        for (case, mlm, classifier) in
            [("masked-lm", true, false), ("multi-label", false, true), ("single-label", false, true)]
        {
            let (config, weights) = golden(case);
            let mut ours = expected_tensors_bert(&config, mlm, classifier);
            ours.sort();
            let theirs: Vec<_> = weights.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
            assert_eq!(ours, theirs, "{case}");
        }
    }

    #[test]
    fn each_golden_model_agrees_with_its_configuration() {
        for case in ["masked-lm", "masked-lm-nsp", "multi-label", "single-label"] {
            let (config, weights) = golden(case);
            check_weights(&config, &weights).expect(case);
        }
    }

    #[test]
    fn contradictions_are_named() {
        let check = |change: &dyn Fn(&mut ModelConfig, &mut Weights), expected: &str| {
            let (mut config, mut weights) = golden("multi-label");
            change(&mut config, &mut weights);
            let error = check_weights(&config, &weights).expect_err(expected);
            assert_eq!(error.code(), "weights-contradict-config");
            assert!(error.to_string().contains(expected), "{error} lacks {expected}");
        };
        check(&|config, _| config.num_hidden_layers = 3, "bert.encoder.layer.2.attention.self.query.weight");
        check(&|config, _| config.num_hidden_layers = 1, "unexpected: \"bert.encoder.layer.1");
        check(&|config, _| config.vocab_size = 212, "[211, 64], config.json says [212, 64]");
        check(&|config, _| config.labels.truncate(5), "\"classifier.weight\" is [6, 64]");
        check(&|config, _| config.labels.clear(), "unexpected: \"classifier.bias\"");
        check(&|_, weights| drop(weights.remove("bert.pooler.dense.bias")), "missing: \"bert.pooler.dense.bias\"");
        check(&|_, weights| drop(weights.insert("x\u{1b}[31m".into(), HostTensor::default())), "\"x\\u{1b}[31m\"");
        check(
            &|_, weights| drop(weights.insert("cls.predictions.bias".into(), HostTensor::default())),
            "transform.dense",
        );
    }
}
