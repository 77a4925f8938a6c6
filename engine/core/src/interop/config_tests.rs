//! Tests with Hugging Face's own files, round trips, and invalid values of every field.

use super::*;

fn golden(case: &str) -> Vec<u8> {
    let path = format!(
        "{}/../../tests/golden/model/{case}/config.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(path).expect("the golden model is in the repository")
}

fn preset(name: &str) -> ModelConfig {
    ModelConfig::preset(name, 1000, 64).expect("a preset of the contract")
}

#[test]
fn hugging_face_configs_are_read() {
    let masked = config_from_json(&golden("masked-lm")).expect("valid");
    assert_eq!(
        (
            masked.hidden_size,
            masked.num_attention_heads,
            masked.vocab_size
        ),
        (64, 8, 211)
    );
    assert_eq!((masked.labels.len(), masked.problem_type), (0, None));
    let multi = config_from_json(&golden("multi-label")).expect("valid");
    assert_eq!(
        multi.labels,
        [
            "LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3", "LABEL_4", "LABEL_5"
        ]
    );
    assert_eq!(
        multi.problem_type,
        Some(ProblemType::MultiLabelClassification)
    );
    let single = config_from_json(&golden("single-label")).expect("valid");
    assert_eq!(
        single.problem_type,
        Some(ProblemType::SingleLabelClassification)
    );
}

#[test]
fn written_configs_match_hugging_face() {
    for case in ["masked-lm", "multi-label", "single-label"] {
        let theirs: Value = serde_json::from_slice(&golden(case)).expect("JSON");
        let ours = config_to_json(&config_from_json(&golden(case)).expect("valid"));
        let ours: Value = serde_json::from_slice(&ours).expect("JSON");
        for (key, value) in theirs
            .as_object()
            .expect("an object")
            .iter()
            .filter(|(key, _)| *key != "transformers_version")
        {
            assert_eq!(ours.get(key), Some(value), "{case}: {key}");
        }
    }
}

#[test]
fn every_preset_round_trips() {
    let names = [
        "fast-nano",
        "fast-tiny",
        "fast-mini",
        "fast-small",
        "bert-tiny",
        "bert-base",
        "tiny",
        "big",
    ];
    for mut config in names.map(preset) {
        assert_eq!(
            config_from_json(&config_to_json(&config)).expect("valid"),
            config
        );
        config.labels = vec!["b".into(), "a \"quoted\" one".into(), "数".into()];
        config.problem_type = Some(ProblemType::MultiLabelClassification);
        config.threshold = Some(0.35);
        config.trained_len = Some(48);
        let json = config_to_json(&config);
        assert_eq!(config_from_json(&json).expect("valid"), config);
        assert_eq!(
            json,
            config_to_json(&config),
            "equal configurations give equal bytes"
        );
    }
}

#[test]
fn label_order_is_by_id_beyond_ten_labels() {
    let mut config = preset("bert-tiny");
    config.labels = (0..25).map(|n| format!("label {}", 25 - n)).collect();
    config.problem_type = Some(ProblemType::SingleLabelClassification);
    assert_eq!(
        config_from_json(&config_to_json(&config))
            .expect("valid")
            .labels,
        config.labels
    );
}

#[test]
fn a_classifier_without_names_has_hugging_faces_default_labels() {
    let json =
        br#"{"architectures":["BertForSequenceClassification"],"hidden_size":8,"num_attention_heads":2,"vocab_size":9,
        "num_hidden_layers":1,"intermediate_size":8,"max_position_embeddings":16,"model_type":"bert","surprise":[1]}"#;
    let config = config_from_json(json).expect("valid");
    assert_eq!(config.labels, ["LABEL_0", "LABEL_1"]);
    assert_eq!(
        config.problem_type,
        Some(ProblemType::SingleLabelClassification)
    );
}

#[test]
fn inconsistent_values_are_rejected_with_their_key() {
    let check = |key: &str, value: Value, expected: &str| {
        let mut json: Value = serde_json::from_slice(&golden("multi-label")).expect("JSON");
        json[key] = value;
        let error = config_from_json(json.to_string().as_bytes()).expect_err(key);
        assert!(
            error.to_string().contains(expected),
            "{error} lacks {expected}"
        );
        let is_broken = matches!(
            error,
            InteropError::Config { .. } | InteropError::TooLarge { .. }
        );
        assert_eq!(
            error.hint().to_string().contains("BERT model"),
            !is_broken,
            "{}",
            error.hint()
        );
    };
    check(
        "num_attention_heads",
        json!(7),
        "7, which does not divide hidden_size, 64",
    );
    check("num_attention_heads", json!(0), "num_attention_heads");
    check("hidden_size", json!(0), "whole number from 1");
    check("hidden_size", json!("64"), "is text");
    check("hidden_size", json!(-1), "hidden_size");
    check("hidden_size", json!(64.5), "64.5");
    check("vocab_size", json!(1u64 << 40), "vocab_size");
    check("vocab_size", json!(u32::MAX), "to train");
    check("num_hidden_layers", json!(1_000_000_000), "at most 240");
    check("intermediate_size", json!(1_000_000_000), "GiB to train");
    check(
        "max_position_embeddings",
        json!(1_000_000),
        "max_position_embeddings",
    );
    check("max_position_embeddings", json!(1), "must be from 2");
    check("hidden_dropout_prob", json!(7), "0 to below 1");
    check("attention_probs_dropout_prob", json!(1), "0 to below 1");
    check("layer_norm_eps", json!(0), "layer_norm_eps");
    check("initializer_range", json!(-1), "initializer_range");
    check("pad_token_id", json!(211), "pad_token_id");
    check("pad_token_id", json!(-1), "pad_token_id");
    check("model_type", json!("gpt2"), "gpt2");
    check("hidden_act", json!("relu"), "relu");
    check(
        "position_embedding_type",
        json!("relative_key"),
        "relative_key",
    );
    check("is_decoder", json!(true), "is_decoder");
    check(
        "id2label",
        json!({"0": "a", "2": "b"}),
        "must name every id",
    );
    check("id2label", json!([1]), "a list");
    check("problem_type", json!("ranking"), "ranking");
    check("threshold", json!(2), "0 to 1");
}

#[test]
fn invalid_files_are_rejected() {
    for (bytes, expected) in [
        (&b""[..], "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "\"vocab_size\" is missing"),
        (b"{\"vocab_size\": NaN}", "not JSON"),
        (b"\xff\xfe", "not JSON"),
    ] {
        let error = config_from_json(bytes).expect_err(expected);
        assert!(
            error.to_string().contains(expected),
            "{error} lacks {expected}"
        );
    }
    let deep = [b"{\"a\":".repeat(100_000), b"1".to_vec()].concat();
    config_from_json(&deep).expect_err("nested too deeply");
}
