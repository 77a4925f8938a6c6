//! Tests of directories given by their file names.

use super::*;
use protocol::Message;

const CONFIG: &str = r#"{"architectures": ["BertForMaskedLM"]}"#;

fn check(names: &[&str]) -> Result<(), InteropError> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    check_with(&names, CONFIG)
}

fn check_with(names: &[String], config: &str) -> Result<(), InteropError> {
    let start = |name: &str| match name {
        CONFIG_FILE => Some(config.into()),
        "tf_model.h5" if names.len() == 1 => {
            Some(b"version https://git-lfs.github.com/spec/v1\noid".to_vec())
        }
        "adapter_config.json" => Some(
            br#"{"task_type": "SEQ_CLS", "base_model_name_or_path": "org/base-uncased"}"#.to_vec(),
        ),
        _ => None,
    };
    Directory {
        place: &Message::verbatim("/m"),
        path: "/m",
        names,
        start: &start,
    }
    .check()
}

#[test]
fn a_model_is_a_configuration_and_weights() {
    for weights in [WEIGHTS_FILE, INDEX_FILE, "model-00001-of-00002.safetensors"] {
        assert_eq!(
            check(&[
                CONFIG_FILE,
                weights,
                "pytorch_model.bin",
                "onnx/model.onnx",
                "vocab.txt"
            ]),
            Ok(())
        );
    }
}

#[test]
fn foreign_weights_are_reported_with_a_conversion_command() {
    let class = "AutoModelForMaskedLM.from_pretrained(\"/m\"";
    for (names, found, remedy) in [
        (
            &["pytorch_model.bin"][..],
            "PyTorch weights (pytorch_model.bin)",
            "AutoModelForMaskedLM.from_pretrained(\"/m\").save",
        ),
        (
            &["pytorch_model-00001-of-00002.bin"],
            "PyTorch weights",
            class,
        ),
        (
            &["tf_model.h5", "README.md"],
            "TensorFlow weights (tf_model.h5)",
            "from_tf=True",
        ),
        (
            &["flax_model.msgpack"],
            "Flax weights (flax_model.msgpack)",
            "from_flax=True",
        ),
        (
            &["bert_model.ckpt.data-00000-of-00001"],
            "a TensorFlow checkpoint",
            "\"/m/bert_model.ckpt.index\"",
        ),
        (
            &["model.ckpt-1000.index"],
            "a TensorFlow checkpoint",
            "\"/m/model.ckpt-1000.index\"",
        ),
        (
            &["adapter_config.json", "adapter_model.safetensors"],
            "an adapter (PEFT",
            "merge_and_unload",
        ),
        (
            &["adapter_model.bin", "adapter_config.json"],
            "an adapter",
            "(\"org/base-uncased\"), \"/m\")",
        ),
        (
            &["model.onnx"],
            "an ONNX model (model.onnx)",
            "exported from",
        ),
        (
            &["onnx/model.onnx"],
            "an ONNX model (onnx/model.onnx)",
            "exported from",
        ),
        (
            &["saved_model.pb"],
            "a TensorFlow SavedModel",
            "exported from",
        ),
        (&["weights.gguf"], "a GGUF model", "exported from"),
        (
            &["model.fp16.safetensors"],
            "safetensors under another name",
            "/m/model.fp16.safetensors",
        ),
        (
            &["best.pt", "optimizer.pt"],
            "a PyTorch checkpoint (best.pt)",
            "torch.load(\"/m/best.pt\")",
        ),
    ] {
        for names in [
            names.to_vec(),
            [names, &[CONFIG_FILE, "vocab.txt"]].concat(),
        ] {
            let error = check(&names).expect_err(found);
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("/m contains {found}")),
                "{error}"
            );
            assert!(
                error.hint().to_string().contains(remedy) || !names.contains(&CONFIG_FILE),
                "{}",
                error.hint()
            );
        }
    }
}

#[test]
fn lfs_pointers_and_other_families_get_no_conversion_command() {
    let error = check(&["tf_model.h5"]).expect_err("a pointer");
    assert!(
        error
            .to_string()
            .contains("\"tf_model.h5\" is a Git LFS pointer"),
        "{error}"
    );
    let names = [CONFIG_FILE.into(), "pytorch_model.bin".into()];
    let error = check_with(&names, r#"{"model_type": "roberta"}"#).expect_err("another family");
    assert!(error.to_string().contains("it is RoBERTa"), "{error}");
}

#[test]
fn a_model_in_a_folder_is_found() {
    let error =
        check(&["README.md", "a/config.json", "a/model.safetensors"]).expect_err("elsewhere");
    assert_eq!(
        error.to_string(),
        "/m is not a model directory, but has models in subfolders: \"a\""
    );
    assert_eq!(error.hint().to_string(), "Use this folder: /m/a");
    let names = ["checkpoint-500", "checkpoint-1000", "a/b"]
        .map(|folder| {
            [
                format!("{folder}/config.json"),
                format!("{folder}/model.safetensors"),
            ]
        })
        .concat();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(
        check(&names).expect_err("elsewhere").hint().to_string(),
        "Use this folder: /m/checkpoint-1000"
    );
    let readable = [
        "old/config.json",
        "old/pytorch_model.bin",
        "x/new/config.json",
        "x/new/model.safetensors",
    ];
    assert_eq!(
        check(&readable).expect_err("elsewhere").hint().to_string(),
        "Use this folder: /m/x/new"
    );
}

#[test]
fn missing_files_are_reported() {
    for (names, expected) in [
        (&[][..], "contains no model: config.json is missing"),
        (&["vocab.txt"], "config.json is missing"),
        (
            &[CONFIG_FILE, "optimizer.pt", "training_args.bin"],
            "contains no model: model.safetensors is missing",
        ),
        (&[WEIGHTS_FILE], "contains no model: config.json is missing"),
        (
            &[WEIGHTS_FILE, "bert_config.json"],
            "is named bert_config.json",
        ),
    ] {
        let error = check(names).expect_err(expected);
        assert!(
            error.to_string().contains(expected) && error.code() == "no-model",
            "{error}"
        );
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn model_files_are_recognised_by_name() {
    for name in [
        WEIGHTS_FILE,
        "added_tokens.json",
        "parts/network-2.safetensors",
        "1_Pooling/config.json",
    ] {
        assert!(is_model_file(name), "{name}");
    }
    assert!(is_foreign_weights("onnx/model.onnx") && is_foreign_weights("pytorch_model.bin"));
    assert!(!is_foreign_weights("network-2.safetensors") && !is_foreign_weights("config.json"));
    for name in [
        "metrics.jsonl",
        "pytorch_model.bin",
        "checkpoints/step-1/model.safetensors",
        "run.json",
    ] {
        assert!(!is_model_file(name), "{name}");
    }
}
