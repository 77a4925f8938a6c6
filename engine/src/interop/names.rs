//! Which tensors a model directory must hold: Hugging Face's names for BERT, and whether a file agrees with them.
//!
//! Source of the names: `transformers`' `BertForPreTraining` and `BertForSequenceClassification`, as saved in
//! `tests/golden/model`. The decoder of the masked-LM head is tied to the word embeddings and so has no tensor.

use super::Weights;
use super::config::refuse;
use super::error::{InteropError, quoted};
use crate::model::{Heads, ModelConfig, specs};

/// Copies of the tied decoder, which some files carry beside the tensors they repeat.
const TIED_COPIES: [&str; 2] = ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"];
/// What the next-sentence head and the classifier read.
const POOLER: [&str; 2] = ["bert.pooler.dense.weight", "bert.pooler.dense.bias"];

/// The heads that a file carries.
fn heads_of(weights: &Weights) -> Heads {
    Heads {
        masked_lm: weights.contains_key("cls.predictions.bias"),
        next_sentence: weights.contains_key("cls.seq_relationship.weight"),
        classifier: weights.contains_key("classifier.weight"),
    }
}

/// Whether weights are those of a model of this shape, and with which heads. Labels call for a classifier, unless the
/// file's head is the one that guesses.
///
/// # Errors
/// [`InteropError::Mismatch`] with the names that are missing, unexpected or of another shape.
pub fn check_weights(config: &ModelConfig, weights: &Weights) -> Result<Heads, InteropError> {
    let mut heads = heads_of(weights);
    heads.classifier |= !config.labels.is_empty() && !heads.masked_lm;
    if heads.classifier && config.labels.is_empty() {
        return Err(refuse("id2label", "names no labels, but the weights are a classifier's".into()));
    }
    let required: Vec<Named> = specs(config, heads).into_iter().map(|spec| (spec.name, spec.shape)).collect();
    check_tensors(&required, &optional_tensors(config), weights)?;
    check_ties(weights)?;
    Ok(heads)
}

/// A decoder that only repeats the embeddings is left out; one of its own is another model.
fn check_ties(weights: &Weights) -> Result<(), InteropError> {
    let originals = ["bert.embeddings.word_embeddings.weight", "cls.predictions.bias"];
    for (copy, original) in TIED_COPIES.iter().zip(originals) {
        if let (Some(copied), Some(tied)) = (weights.get(*copy), weights.get(original))
            && copied.data != tied.data
        {
            let reason = format!("it differs from {original}; this engine ties the two");
            return Err(InteropError::Tensor { name: (*copy).into(), reason });
        }
    }
    Ok(())
}

/// A tensor's name and shape.
type Named = (String, Vec<usize>);

/// Whether `weights` holds each `required` tensor, and nothing that is neither required nor `optional`.
///
/// # Errors
/// [`InteropError::Mismatch`] with the names that are missing, unexpected or of another shape.
fn check_tensors(required: &[Named], optional: &[Named], weights: &Weights) -> Result<(), InteropError> {
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

/// What a BERT file may carry and this engine does without: copies of the tied decoder, and the pooler of a model whose
/// heads do not need it.
fn optional_tensors(config: &ModelConfig) -> Vec<Named> {
    let (width, vocab) = (config.hidden_size, config.vocab_size);
    let copies = TIED_COPIES.map(String::from).into_iter().zip([vec![vocab, width], vec![vocab]]);
    let pooler = POOLER.map(String::from).into_iter().zip([vec![width, width], vec![width]]);
    copies.chain(pooler).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{HostTensor, config_from_json, weights_from_bytes};
    use super::*;
    use crate::model::ParameterSpec;

    fn golden(case: &str) -> (ModelConfig, Weights) {
        let dir = format!("{}/../tests/golden/model/{case}", env!("CARGO_MANIFEST_DIR"));
        let read = |name: &str| std::fs::read(format!("{dir}/{name}")).expect("the golden model is in the repository");
        let config = config_from_json(&read("config.json")).expect("Hugging Face's own file");
        (config, weights_from_bytes(&read("model.safetensors")).expect("Hugging Face's own file"))
    }

    #[test]
    fn names_and_shapes_are_hugging_faces() {
        for (case, heads) in
            [("masked-lm", Heads::MASKED_LM), ("multi-label", Heads::CLASSIFIER), ("single-label", Heads::CLASSIFIER)]
        {
            let (config, weights) = golden(case);
            assert_eq!(heads_of(&weights), heads, "{case}");
            let mut ours: Vec<Named> = specs(&config, heads).into_iter().map(|spec| (spec.name, spec.shape)).collect();
            ours.sort();
            let theirs: Vec<_> = weights.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
            assert_eq!(ours, theirs, "{case}");
        }
    }

    #[test]
    fn the_fast_form_is_checked_too() {
        let config = ModelConfig::preset("fast-nano", 20, 32).expect("exists");
        let tensor = |spec: &ParameterSpec| HostTensor { shape: spec.shape.clone(), data: vec![0.0; spec.len()] };
        let specs = specs(&config, Heads::MASKED_LM);
        let mut weights: Weights = specs.iter().map(|spec| (spec.name.clone(), tensor(spec))).collect();
        assert_eq!(check_weights(&config, &weights).expect("whole"), Heads::MASKED_LM);
        weights.remove("clozelab.final_norm.bias");
        assert!(
            check_weights(&config, &weights).expect_err("not whole").to_string().contains("clozelab.final_norm.bias")
        );
    }

    #[test]
    fn a_classifier_without_labels_is_refused() {
        let (mut config, mut weights) = golden("multi-label");
        config.labels.clear();
        weights.insert("classifier.weight".into(), HostTensor { shape: vec![0, 64], data: Vec::new() });
        weights.insert("classifier.bias".into(), HostTensor { shape: vec![0], data: Vec::new() });
        assert!(check_weights(&config, &weights).expect_err("no labels").to_string().contains("id2label"));
    }

    #[test]
    fn a_decoder_of_its_own_is_refused() {
        let (config, mut weights) = golden("masked-lm");
        let mut decoder = weights["bert.embeddings.word_embeddings.weight"].clone();
        weights.insert(TIED_COPIES[0].into(), decoder.clone());
        check_weights(&config, &weights).expect("a copy");
        decoder.data[7] += 0.5;
        weights.insert(TIED_COPIES[0].into(), decoder);
        assert!(check_weights(&config, &weights).expect_err("untied").to_string().contains("ties"));
    }

    #[test]
    fn a_masked_lm_whose_configuration_names_labels_is_a_masked_lm() {
        let (mut config, weights) = golden("masked-lm");
        config.labels = vec!["a".into(), "b".into()];
        assert_eq!(check_weights(&config, &weights).expect("whole"), Heads::MASKED_LM);
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
        check(&|_, weights| drop(weights.remove("bert.pooler.dense.bias")), "missing: \"bert.pooler.dense.bias\"");
        check(&|_, weights| drop(weights.insert("x\u{1b}[31m".into(), HostTensor::default())), "\"x\\u{1b}[31m\"");
        check(
            &|_, weights| drop(weights.insert("cls.predictions.bias".into(), HostTensor::default())),
            "transform.dense",
        );
    }
}
