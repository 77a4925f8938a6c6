//! Model directories in their common forms: each loads, or is refused with instructions for
//! converting it.

use crate::lab::Lab;
use crate::workspace::golden;
use safetensors::SafeTensors;
use std::collections::HashMap;

/// Vocabulary size of the golden model.
const VOCAB_SIZE: usize = 211;
/// Command that queries each model.
const ASKED: &str = "fill-mask --device cpu --model DIR w7[MASK]";

/// Creates a lab with a small BERT in `bert`: golden weights and a vocabulary of made-up words.
fn lab() -> Lab {
    let lab = Lab::new();
    for name in ["config.json", "model.safetensors"] {
        lab.write(
            &format!("bert/{name}"),
            std::fs::read(golden("masked-lm").join(name)).expect("golden"),
        );
    }
    lab.write("bert/vocab.txt", vocabulary(VOCAB_SIZE));
    lab
}

fn vocabulary(size: usize) -> String {
    let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(String::from);
    specials
        .into_iter()
        .chain((5..size).map(|row| format!("w{row}")))
        .map(|token| token + "\n")
        .collect()
}

/// Copies `bert` to another name.
fn copied(lab: &Lab, to: &str) {
    for name in ["config.json", "model.safetensors", "vocab.txt"] {
        lab.write(&format!("{to}/{name}"), lab.read(&format!("bert/{name}")));
    }
}

fn answer(lab: &Lab, model: &str) -> String {
    lab.run(&ASKED.replace("DIR", model)).ok().stdout
}

fn refused(lab: &Lab, model: &str, expected: &[&str]) {
    let done = lab.run(&ASKED.replace("DIR", model));
    done.refused();
    for part in expected {
        assert!(done.stderr.contains(part), "{} lacks {part}", done.stderr);
    }
}

#[test]
fn weights_in_several_files_are_one_model() {
    let lab = lab();
    copied(&lab, "shards");
    let bytes = lab.read("bert/model.safetensors");
    let file = SafeTensors::deserialize(&bytes).expect("sound");
    let tensors = file.tensors();
    for (number, part) in tensors.chunks(tensors.len().div_ceil(2)).enumerate() {
        let bytes = safetensors::serialize(part.to_vec(), Some(HashMap::new())).expect("sound");
        lab.write(
            &format!("shards/model-0000{}-of-00002.safetensors", number + 1),
            bytes,
        );
    }
    std::fs::remove_file(lab.path("shards/model.safetensors")).expect("there");
    assert_eq!(answer(&lab, "shards"), answer(&lab, "bert"));
    std::fs::remove_file(lab.path("shards/model-00002-of-00002.safetensors")).expect("there");
    refused(&lab, "shards", &["model-00002-of-00002.safetensors"]);
}

#[test]
fn rows_without_a_token_are_kept_and_never_predicted() {
    let lab = lab();
    copied(&lab, "padded");
    lab.write(
        "padded/vocab.txt",
        vocabulary(20)
            .replace("w9\n", "\n")
            .replace("w11\n", "w10\n"),
    );
    lab.write("words.txt", "w5 w6 w7 w8 w10 w12 w13\n".repeat(100));
    lab.run("pretrain --from padded --corpus words.txt --out again --steps 2 --device cpu")
        .ok();
    for model in ["padded", "again"] {
        let done = lab
            .run(&format!("{} --top-k 300", ASKED.replace("DIR", model)))
            .ok();
        let candidates = done.json()["masks"][0]["candidates"]
            .as_array()
            .expect("a list")
            .len();
        // 20 rows without 5 special tokens, a blank line and one of two equal ones.
        assert_eq!(candidates, 13, "{}", done.stdout);
    }
    let config: serde_json::Value =
        serde_json::from_slice(&lab.read("again/config.json")).expect("JSON");
    assert_eq!(config["vocab_size"], VOCAB_SIZE);
}

#[test]
fn encoder_of_a_model_with_another_head_loads() {
    let lab = lab();
    copied(&lab, "other");
    let bytes = lab.read("bert/model.safetensors");
    let file = SafeTensors::deserialize(&bytes).expect("sound");
    let renamed = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name.replace("cls.predictions", "qa_outputs"), view));
    let bytes =
        safetensors::serialize(renamed.collect::<Vec<_>>(), Some(HashMap::new())).expect("sound");
    lab.write("other/model.safetensors", bytes);
    refused(
        &lab,
        "other",
        &["qa_outputs", "cannot predict masked tokens"],
    );
    let finetune =
        "finetune --from other --train train.txt --out labels --steps 2 --device cpu --parts one";
    let done = lab.run(finetune).ok();
    assert!(
        done.stderr.contains("ignored tensors of unsupported heads"),
        "{}",
        done.stderr
    );
}

#[test]
fn unsupported_forms_are_refused_with_a_converter() {
    let lab = lab();
    let only = |to: &str, name: &str, bytes: &[u8]| {
        copied(&lab, to);
        std::fs::remove_file(lab.path(format!("{to}/model.safetensors"))).expect("there");
        lab.write(&format!("{to}/{name}"), bytes);
    };
    only("torch", "pytorch_model.bin", b"PK\x03\x04");
    refused(
        &lab,
        "torch",
        &[
            "PyTorch weights (pytorch_model.bin)",
            "AutoModelForMaskedLM",
            "save_pretrained",
        ],
    );
    only("adapter", "adapter_config.json", b"{}");
    refused(&lab, "adapter", &["adapter", "merge_and_unload"]);
    only(
        "pointer",
        "model.safetensors",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    );
    refused(&lab, "pointer", &["Git LFS pointer", "git lfs pull"]);
    copied(&lab, "above/inside");
    refused(&lab, "above", &["inside", "Use this folder: above/inside"]);
    copied(&lab, "roberta");
    let config = String::from_utf8(lab.read("bert/config.json")).expect("UTF-8");
    lab.write(
        "roberta/config.json",
        config.replace("\"model_type\": \"bert\"", "\"model_type\": \"roberta\""),
    );
    refused(
        &lab,
        "roberta",
        &[
            "RoBERTa",
            "BERT, DistilBERT",
            "Use a BERT or DistilBERT model",
        ],
    );
}
