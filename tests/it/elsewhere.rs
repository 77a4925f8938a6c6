//! Artefacts for other programs: token shards, a model card, loading code and ONNX.

use crate::lab::{Lab, models};
use serde_json::Value;

fn array(lab: &Lab, name: &str) -> (String, Vec<u8>) {
    let bytes = lab.read(name);
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"), "{name}");
    let begin = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    (
        String::from_utf8_lossy(&bytes[10..begin]).into_owned(),
        bytes[begin..].to_vec(),
    )
}

#[test]
fn a_corpus_becomes_token_shards() {
    let lab = models();
    lab.run(
        "tokenize --corpus text.txt --valid valid.txt --model pretrained --out shards --device cpu",
    )
    .ok();
    let index: Value = serde_json::from_slice(&lab.read("shards/index.json")).expect("JSON");
    let (header, ids) = array(lab, "shards/train-00000.npy");
    let tokens = index["tokens"].as_u64().expect("a number") as usize;
    assert!(
        header.contains("'<u2'") && header.contains(&format!("({tokens},)")),
        "{header}"
    );
    assert_eq!(ids.len(), 2 * tokens);
    let (_, bounds) = array(lab, "shards/train-bounds.npy");
    let bounds: Vec<u64> = bounds
        .as_chunks()
        .0
        .iter()
        .map(|bytes| u64::from_le_bytes(*bytes))
        .collect();
    assert_eq!(
        (bounds.len() as u64 - 1, bounds[0]),
        (index["documents"].as_u64().expect("a number"), 0)
    );
    assert_eq!(*bounds.last().expect("an end") as usize, tokens);
    let sep = index["special_tokens"]["sep"].as_u64().expect("an id") as u16;
    let id =
        |index: u64| u16::from_le_bytes([ids[2 * index as usize], ids[2 * index as usize + 1]]);
    assert!(
        bounds[1..].iter().all(|end| id(end - 1) == sep),
        "each document ends with [SEP]"
    );
    let inputs = array(lab, "shards/valid-inputs.npy").1;
    let targets = array(lab, "shards/valid-targets.npy").1;
    let masked = targets
        .as_chunks()
        .0
        .iter()
        .filter(|bytes| i32::from_le_bytes(**bytes) >= 0)
        .count();
    let measured = lab
        .run("evaluate --model pretrained --data valid.txt --device cpu")
        .ok()
        .json();
    assert_eq!(
        (inputs.len(), measured["n"].as_u64()),
        (targets.len(), Some(masked as u64))
    );
    lab.run("tokenize --corpus text.txt --model pretrained --out shards --device cpu")
        .refused();
    lab.run("tokenize --corpus text.txt --model finetuned --out others --device cpu")
        .refused();
    assert!(!lab.path("others").exists());
}

#[test]
fn a_run_directory_describes_itself() {
    let lab = models();
    let card = String::from_utf8(lab.read("finetuned/README.md")).expect("UTF-8");
    for part in [
        "pipeline_tag: text-classification",
        "trust_remote_code=True",
        "| test | 60 |",
        "## Labels",
        "reveal",
    ] {
        assert!(card.contains(part), "{part} is missing in\n{card}");
    }
    let card = String::from_utf8(lab.read("pretrained/README.md")).expect("UTF-8");
    assert!(
        card.contains("pipeline_tag: fill-mask") && card.contains("30 steps,"),
        "{card}"
    );
    let config: Value = serde_json::from_slice(&lab.read("finetuned/config.json")).expect("JSON");
    let class = &config["auto_map"]["AutoModelForSequenceClassification"];
    assert_eq!(
        class,
        "modeling_clozelab.ClozelabFastForSequenceClassification"
    );
    assert!(!lab.read("finetuned/modeling_clozelab.py").is_empty());
}

#[test]
fn rare_words_can_be_excluded() {
    let lab = Lab::new();
    let common = |i: usize| {
        format!("line {i} has the common words of a text that says them again and again\n")
    };
    let rare = |i: usize| format!("line {i} has xylophones of quartz\n");
    let lines = (0..60).map(common).chain((60..63).map(rare));
    lab.write("text.txt", lines.collect::<String>());
    let vocabulary = |out: &str, words: &str| {
        lab.tiny(&format!(
            "pretrain --corpus text.txt --steps 1 --out {out} {words}"
        ))
        .ok();
        String::from_utf8(lab.read(&format!("{out}/vocab.txt"))).expect("UTF-8")
    };
    assert!(vocabulary("all", "").contains("xyl"));
    let frequent = vocabulary("kept", "--min-count 10");
    assert!(
        frequent.contains("common") && !frequent.contains("xyl") && !frequent.contains('q'),
        "{frequent}"
    );
    lab.tiny("pretrain --corpus text.txt --steps 1 --out none --min-count 0")
        .refused();
    lab.tiny("pretrain --corpus text.txt --steps 1 --out none --min-count 1000")
        .refused();
}

#[test]
fn a_network_becomes_an_onnx_graph() {
    let lab = models();
    for model in ["pretrained", "finetuned"] {
        let out = format!("{model}.onnx");
        lab.run(&format!("export --model {model} --onnx {out}"))
            .ok();
        let bytes = lab.read(&out);
        // IR version 8 is the first field.
        assert!(
            bytes.starts_with(&[0x08, 8]) && bytes.len() > 10_000,
            "{} bytes",
            bytes.len()
        );
        assert!(bytes.windows(6).any(|window| window == b"logits"));
        lab.run(&format!("export --model {model} --onnx {out}"))
            .refused();
    }
    lab.run("export --model pretrained").refused();
}
