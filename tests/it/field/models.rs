//! Hugging Face model directories: those that load, with the correct token for each id; those that
//! must be converted first, refused with instructions; and those that are refused for what they
//! are.

use super::{Bench, Case, NOUNS, cases};
use serde_json::Value;

#[test]
fn directories_load() {
    cases(|bench| {
        for id in [
            "H02", "H03", "H06", "H09", "H10", "H11", "H12", "H13", "H19", "H20",
        ] {
            fill(bench, id, id, "the red [MASK] waits")
                .ok()
                .holds("should guess one mask", |case| masks(case) == 1);
        }
    });
}

/// Nearest tokens of "boat" by the rows of the embeddings, computed from the file with the ids of
/// transformers: a token that occurs twice in a vocabulary has its last id.
#[test]
fn tokens_have_the_ids_of_transformers() {
    cases(|bench| {
        for (id, nearest) in [
            ("H02", &["##u", "bench", "t", "red"]),
            ("H09", &["bench", "beside", "blue", "##s"]),
            ("H10", &["wall", "##m", "at", "##q"]),
            ("H11", &["w", "grey", "o", "tide"]),
            ("H12", &["today", "waits", "e", "##q"]),
            ("H13", &["red", "10", "##o", "before"]),
            ("H19", &["##u", "bench", "t", "red"]),
        ] {
            let case = bench
                .run(
                    id,
                    &format!("neighbours --model {id} boat --top-k 4 --device cpu"),
                )
                .ok();
            case.holds(&format!("should find {nearest:?} near \"boat\""), |case| {
                let answer = case.answers().pop().unwrap_or_default();
                let found = answer["neighbours"]
                    .as_array()
                    .map_or(&[][..], Vec::as_slice);
                found
                    .iter()
                    .map(|near| near["token"].as_str())
                    .eq(nearest.iter().map(|token| Some(*token)))
            });
        }
    });
}

/// H02 has the weights of H00 in two files, H19 under another name; H20 and H20b have them at half
/// precision.
#[test]
fn other_forms_of_the_same_weights_give_the_same_predictions() {
    cases(|bench| {
        let text = "the red [MASK] waits";
        let tokens = |case: &Case| {
            let candidates =
                case.answers().pop().unwrap_or_default()["masks"][0]["candidates"].clone();
            candidates
                .as_array()
                .into_iter()
                .flatten()
                .map(|candidate| candidate["token"].clone())
                .collect::<Vec<_>>()
        };
        let expected = tokens(&fill(bench, "H20", "H00", text).ok());
        for (id, model) in [
            ("H02", "H02"),
            ("H06", "H06"),
            ("H19", "H19"),
            ("H20", "H20"),
            ("H20", "H20b"),
        ] {
            let case = fill(bench, id, model, text).ok();
            case.holds("should guess as H00", |case| {
                expected.len() == 2 && tokens(case) == expected
            });
        }
    });
}

#[test]
fn texts_are_tokenized_like_transformers() {
    cases(|bench| {
        for (id, model, text, expected) in [
            ("H08", "H08", "The Boat", &["The", "Boat"][..]),
            ("H12", "H12", "[DATE] pier42", &["[DATE]", "pier42"]),
            (
                "H28",
                "H00",
                "a boat [SEP] a tree",
                &["a", "boat", "[SEP]", "a", "tree"],
            ),
        ] {
            let case = bench
                .run(
                    id,
                    &format!("attention --model {model} --device cpu '{text}'"),
                )
                .ok();
            case.holds(&format!("should read {expected:?}"), |case| {
                let answer = case.answers().pop().unwrap_or_default();
                let tokens: Vec<&str> = answer["tokens"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                tokens == [&["[CLS]"], expected, &["[SEP]"]].concat()
            });
        }
    });
}

#[test]
fn classifiers_load_with_their_labels_in_order() {
    cases(|bench| {
        let twelve: Vec<String> = (0..12).map(|number| format!("name{number}")).collect();
        let twelve: Vec<&str> = twelve.iter().map(String::as_str).collect();
        for (id, labels, best) in [
            ("H14", &twelve[..], "name5"),
            ("H15", &["negative", "neutral", "positive"], ""),
            ("H16", &["LABEL_0", "LABEL_1"], "LABEL_0"),
            ("H43", &["a", "b", "c"], "a"),
        ] {
            let case = bench.run(id, &format!("inspect {id} --json")).ok();
            case.holds(&format!("should have the labels {labels:?}"), |case| {
                let answer = case.answers().pop().unwrap_or_default();
                let found = answer["config"]["labels"]
                    .as_array()
                    .map_or(&[][..], Vec::as_slice);
                found
                    .iter()
                    .map(Value::as_str)
                    .eq(labels.iter().map(|label| Some(*label)))
            });
            let case = classify(bench, id).ok();
            case.holds("should answer with each label", |case| {
                let scores = scores(case);
                let is_best =
                    best.is_empty() || scores.first().is_some_and(|(label, _)| label == best);
                scores.len() == labels.len() && is_best
            });
        }
        let case = classify(bench, "H43").ok();
        case.holds(
            "should answer with a probability per label, not with shares",
            |case| (scores(case).iter().map(|(_, score)| score).sum::<f64>() - 1.0).abs() > 0.1,
        );
    });
}

#[test]
fn unsupported_weights_are_refused_with_a_conversion() {
    cases(|bench| {
        bench.copy("H00");
        for name in ["config.json", "vocab.txt"] {
            bench.lab.write(
                &format!("onnx/{name}"),
                bench.lab.read(&format!("H00/{name}")),
            );
        }
        bench.lab.write("onnx/model.onnx", [8, 7, 18, 7]);
        for name in ["config.json", "vocab.txt", "model.safetensors"] {
            bench.lab.write(
                &format!("parent/checkpoint-500/{name}"),
                bench.lab.read(&format!("H00/{name}")),
            );
        }
        for (id, model, name, ways) in [
            (
                "H01",
                "H01",
                "pytorch_model.bin",
                &["safetensors", "save_pretrained"][..],
            ),
            (
                "H01 (ONNX)",
                "onnx",
                "model.onnx",
                &["safetensors", "save_pretrained"],
            ),
            (
                "H01 (folder inside)",
                "parent",
                "checkpoint-500",
                &["checkpoint-500"],
            ),
            ("H21", "H21", "LFS", &["git lfs", "download"]),
            ("H22", "H22", "TensorFlow", &["convert", "save_pretrained"]),
            ("H40", "H40", "adapter", &["merge", "base model"]),
        ] {
            let case = fill(bench, id, model, "the red [MASK] waits").refused();
            case.tells(&[name]).tells_one_of(ways).lacks(&["damaged"]);
        }
    });
}

#[test]
fn models_of_other_kinds_are_refused_for_what_they_are() {
    cases(|bench| {
        let damaged = &["saved together with the weights", "damaged"];
        fill(bench, "H04", "H04", "a [MASK]")
            .refused()
            .tells(&["distilbert"])
            .lacks(damaged);
        classify(bench, "H17")
            .refused()
            .tells(&["regression"])
            .lacks(damaged);
        classify(bench, "H16b")
            .refused()
            .tells(&["[3, 32]", "[2, 32]"]);
        fill(bench, "H24", "H24", "a [MASK]").refused();
        fill(bench, "H37", "H37", "a <mask>")
            .refused()
            .tells_one_of(&["unknown token", "<unk>", "[UNK]"]);
        fill(bench, "H41", "H41", "a [MASK]")
            .refused()
            .tells(&["normalizer"]);
        bench.copy("base");
        bench
            .run(
                "F17",
                "predict --model F17/model.bin --data base/test.txt --device cpu",
            )
            .refused()
            .tells(&["model.bin"]);
        let case = from(bench, "F17", "F17/model.bin", "base/train.txt").refused();
        case.tells(&["model.bin", "directory"]);
    });
}

#[test]
fn fine_tuning_uses_the_encoder_and_reports_the_rest() {
    cases(|bench| {
        from(bench, "H03b", "H03b", "base/train.txt").learns(NOUNS);
        fill(bench, "H03b", "H03b", "a [MASK]").refused();
        from(bench, "H18", "H18", "base/train.txt")
            .learns(NOUNS)
            .tells(&["qa_outputs"]);
        from(bench, "H35", "H14", "base/two.txt")
            .learns(&["boat", "tree"])
            .tells(&["classifier.weight"]);
    });
}

#[test]
fn labels_of_model_and_file_must_match() {
    cases(|bench| {
        let case = bench
            .run(
                "H34e",
                "evaluate --model H34 --data T14/test.csv --device cpu",
            )
            .refused();
        case.tells(&["negative", "positive", "0", "1"]);
    });
}

#[test]
fn mask_queries_are_answered_or_refused() {
    cases(|bench| {
        for text in [
            "the red boat waits",
            "the red <mask> waits",
            "the red [mask] waits",
        ] {
            fill(bench, "H25", "H00", text).refused().tells(&["[MASK]"]);
        }
        let case = fill(bench, "H26", "H00", "the [MASK] boat [MASK]").ok();
        case.holds("should guess two masks", |case| masks(case) == 2);
        fill(bench, "H28", "H00", "a [MASK] [SEP] a tree").ok();
        let long = "boat ".repeat(280);
        fill(bench, "H27a", "H00", &format!("[MASK] {long}"))
            .refused()
            .tells(&["283", "64"]);
        bench
            .run(
                "H28b",
                &format!("attention --model H00 --device cpu '{long}'"),
            )
            .refused()
            .tells(&["282", "64"]);
    });
}

fn fill<'a>(bench: &'a Bench, id: &'static str, model: &str, text: &str) -> Case<'a> {
    bench.run(
        id,
        &format!("fill-mask --model {model} --device cpu --top-k 2 '{text}'"),
    )
}

/// Queries a classifier for the scores of all its labels.
fn classify<'a>(bench: &'a Bench, id: &'static str) -> Case<'a> {
    bench.lab.write("question.txt", "the red boat waits\n");
    bench.run(
        id,
        &format!("predict --model {id} --device cpu --data question.txt --top-k 12"),
    )
}

fn from<'a>(bench: &'a Bench, id: &'static str, model: &str, train: &str) -> Case<'a> {
    let out = bench.new_out();
    let words =
        format!("finetune --from {model} --train {train} --device cpu --steps 2 --out {out}");
    bench.start(id, &words, Some(out))
}

fn masks(case: &Case) -> usize {
    case.answers().pop().unwrap_or_default()["masks"]
        .as_array()
        .map_or(0, Vec::len)
}

/// Returns the labels of the first answer with their scores, best first.
fn scores(case: &Case) -> Vec<(String, f64)> {
    let answer = case.answers().into_iter().next().unwrap_or_default();
    let labels = answer["labels"].as_array().map_or(&[][..], Vec::as_slice);
    let pair = |label: &Value| {
        Some((
            label["label"].as_str()?.to_string(),
            label["score"].as_f64()?,
        ))
    };
    labels.iter().filter_map(pair).collect()
}
