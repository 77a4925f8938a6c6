//! Queries to a model: the structure of the answers.

use crate::lab::{Lab, finish, models};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

fn unit(value: &Value) -> bool {
    value
        .as_f64()
        .is_some_and(|number| (0.0..=1.0).contains(&number))
}

#[test]
fn evaluate_measures_a_classifier() {
    let lab = models();
    let answer = lab
        .run("evaluate --model finetuned --data test.txt --device cpu")
        .ok()
        .json();
    assert_eq!(answer["n"], 60);
    for key in ["micro_f1", "macro_f1", "mean_f1", "threshold"] {
        assert!(unit(&answer[key]), "{key} in {answer}");
    }
    assert!(
        answer["loss"].as_f64().is_some_and(f64::is_finite),
        "{answer}"
    );
    let row = &answer["per_label"][0];
    assert!(row["label"].is_string() && row["support"].is_u64(), "{row}");
    assert!(
        ["precision", "recall", "f1"]
            .iter()
            .all(|key| unit(&row[key])),
        "{row}"
    );
    let given = lab
        .run("evaluate --model finetuned --data test.txt --device cpu --threshold 0.25")
        .ok()
        .json();
    assert_eq!(given["threshold"], 0.25);
    let tuned = lab
        .run("evaluate --model finetuned --data test.txt --device cpu --threshold tuned")
        .ok()
        .json();
    let classifier: Value =
        serde_json::from_slice(&lab.read("finetuned/classifier.json")).expect("JSON");
    assert_eq!(tuned["threshold"], classifier["threshold"]);
    for score in ["micro_f1", "macro_f1"] {
        let [low, high] =
            [0, 1].map(|end| answer["interval"][score][end].as_f64().expect("an end"));
        assert!(
            low <= high && (0.0..=1.0).contains(&low) && high <= 1.0,
            "{answer}"
        );
        assert!(
            (low..=high).contains(&answer[score].as_f64().expect("a score")),
            "{answer}"
        );
    }
    assert!(unit(&answer["expected_calibration_error"]), "{answer}");
}

#[test]
fn predict_marks_unsure_answers() {
    let lab = models();
    let ask = |min: &str| {
        let words = format!("predict --model finetuned --device cpu --min-confidence {min}");
        lab.run_with(&words, b"a small rake used by a croupier\n\n")
    };
    let lines = |min: &str| {
        let done = ask(min).ok();
        done.stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect::<Vec<Value>>()
    };
    let answers = lines("0");
    assert!(
        unit(&answers[0]["confidence"]) && answers[0]["unsure"] == false,
        "{answers:?}"
    );
    assert_eq!(answers[0]["confidence"], answers[0]["labels"][0]["score"]);
    assert_eq!(
        (&answers[1]["confidence"], &answers[1]["unsure"]),
        (&Value::from(0.0), &Value::from(false))
    );
    assert!(lines("1").iter().all(|answer| answer["unsure"] == true));
    ask("1.5").refused();
}

#[test]
fn neighbours_are_the_nearest_words() {
    let lab = models();
    let answer = lab
        .run("neighbours --model pretrained small --top-k 4 --device cpu")
        .ok()
        .json();
    assert_eq!(answer["word"], "small");
    let neighbours = answer["neighbours"].as_array().expect("a list");
    let scores: Vec<f64> = neighbours
        .iter()
        .map(|near| near["score"].as_f64().expect("a score"))
        .collect();
    assert!(
        scores.len() == 4 && scores.is_sorted_by(|a, b| a >= b),
        "{answer}"
    );
    assert!(
        scores.iter().all(|score| (-1.0..=1.0).contains(score)),
        "{answer}"
    );
    assert!(
        neighbours
            .iter()
            .all(|near| near["token"] != "small" && near["token"] != "[MASK]"),
        "{answer}"
    );
    lab.run_of(&["neighbours", "--model", "pretrained", "\u{1f9a9}"])
        .refused();
}

#[test]
fn evaluate_measures_a_pre_trained_model_with_masks_from_the_seed() {
    let lab = models();
    let ask = |seed: u32| {
        lab.run(&format!(
            "evaluate --model pretrained --data text.txt --device cpu --seed {seed}"
        ))
        .ok()
        .json()
    };
    let answer = ask(1);
    assert!(
        answer["n"].as_u64() > Some(0) && unit(&answer["masked_accuracy"]),
        "{answer}"
    );
    assert!(
        answer["masked_lm_loss"]
            .as_f64()
            .is_some_and(|loss| loss > 0.0),
        "{answer}"
    );
    assert_eq!(answer, ask(1));
    assert_ne!(answer["masked_lm_loss"], ask(2)["masked_lm_loss"]);
}

#[test]
fn predict_answers_every_line_in_order() {
    let lab = models();
    let input = "a small rake used by a croupier\n\n\u{feff}\r\nplay chords __label__verb\nlast line without end";
    let done = lab
        .run_with(
            "predict --model finetuned --top-k 2 --device cpu",
            input.as_bytes(),
        )
        .ok();
    let answers: Vec<Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let lines: Vec<u64> = answers
        .iter()
        .map(|answer| answer["line"].as_u64().expect("a number"))
        .collect();
    assert_eq!(lines, [1, 2, 3, 4, 5]);
    let counts: Vec<usize> = answers
        .iter()
        .map(|answer| answer["labels"].as_array().expect("a list").len())
        .collect();
    assert_eq!(counts, [2, 0, 0, 2, 2]);
    let labels = answers[0]["labels"].as_array().expect("a list");
    assert!(
        unit(&labels[0]["score"]) && labels[0]["score"].as_f64() >= labels[1]["score"].as_f64(),
        "{labels:?}"
    );
    lab.write("asked.txt", input);
    let from_file = lab
        .run("predict --model finetuned --data asked.txt --top-k 2 --device cpu")
        .ok();
    assert_eq!(from_file.stdout, done.stdout);
}

#[test]
fn predict_returns_labels_above_the_threshold_and_always_the_best() {
    let lab = models();
    let ask = |flags: &str| {
        let words = format!("predict --model finetuned --device cpu{flags}");
        lab.run_with(&words, b"a small rake used by a croupier\n")
            .ok()
            .json()
    };
    let json = |file: &str| -> Value { serde_json::from_slice(&lab.read(file)).expect("JSON") };
    let (config, classifier) = (
        json("finetuned/config.json"),
        json("finetuned/classifier.json"),
    );
    let threshold = classifier["threshold"].as_f64().expect("a tuned threshold");
    let names = config["label2id"].as_object().expect("labels");
    let cutoff = |label: &Value| {
        let index = names[label["label"].as_str().expect("a name")]
            .as_u64()
            .expect("an index") as usize;
        threshold
            * classifier["threshold_scales"][index]
                .as_f64()
                .expect("a scale")
    };
    let all = ask(" --top-k 1000")["labels"]
        .as_array()
        .expect("a list")
        .clone();
    let passes = |(rank, label): &(usize, &Value)| {
        *rank == 0 || label["score"].as_f64() >= Some(cutoff(label))
    };
    let passing: Vec<Value> = all
        .iter()
        .enumerate()
        .filter(passes)
        .map(|(_, label)| label.clone())
        .collect();
    let given = ask("")["labels"].as_array().expect("a list").clone();
    assert!(given.len() < all.len(), "all labels are no answer");
    assert_eq!(given, passing);
}

#[test]
fn predict_reads_other_encodings() {
    let lab = models();
    let text = "caf\u{e9} na\u{ef}ve d\u{e9}j\u{e0} vu, un petit r\u{e2}teau utilis\u{e9} par le croupier\n";
    lab.write("utf8.txt", text);
    lab.write(
        "latin1.txt",
        text.chars().map(|c| c as u8).collect::<Vec<u8>>(),
    );
    lab.write(
        "utf16.txt",
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>(),
    );
    let ask = |file: &str| {
        lab.run(&format!(
            "predict --model finetuned --data {file} --top-k 3 --device cpu"
        ))
        .ok()
        .stdout
    };
    assert_eq!(ask("latin1.txt"), ask("utf8.txt"));
    assert_eq!(ask("utf16.txt"), ask("utf8.txt"));
}

#[test]
fn predict_answers_before_its_input_ends() {
    let lab = models();
    let mut child = lab
        .command("predict --model finetuned --top-k 1 --device cpu")
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    let mut answers = BufReader::new(child.stdout.take().expect("piped")).lines();
    for n in 1..=3 {
        writeln!(stdin, "text number {n}").expect("the program reads");
        let answer: Value =
            serde_json::from_str(&answers.next().expect("an answer").expect("UTF-8"))
                .expect("JSON");
        assert_eq!(answer["line"], n);
    }
    drop(stdin);
    assert_eq!(finish(child).code, Some(0));
}

#[test]
fn fill_mask_predicts_each_mask() {
    let lab = models();
    let text = "a [MASK] used by a [MASK]";
    let answer = lab
        .run_of(&[
            "fill-mask",
            "--model",
            "pretrained",
            text,
            "--top-k",
            "4",
            "--device",
            "cpu",
        ])
        .ok()
        .json();
    let masks = answer["masks"].as_array().expect("a list");
    assert_eq!(masks.len(), 2);
    assert!(
        masks[0]["position"].as_u64() < masks[1]["position"].as_u64(),
        "{answer}"
    );
    for mask in masks {
        let candidates = mask["candidates"].as_array().expect("a list");
        assert_eq!(candidates.len(), 4);
        assert!(
            candidates
                .iter()
                .all(|guess| guess["token"].is_string() && unit(&guess["score"])),
            "{answer}"
        );
    }
}

#[test]
fn attention_rows_sum_to_one() {
    let lab = models();
    let answer = lab
        .run_of(&[
            "attention",
            "--model",
            "pretrained",
            "a small rake",
            "--device",
            "cpu",
        ])
        .ok()
        .json();
    let tokens = answer["tokens"].as_array().expect("a list").len();
    let layers = answer["layers"].as_array().expect("a list");
    assert!(tokens >= 3 && !layers.is_empty());
    for head in layers
        .iter()
        .flat_map(|layer| layer.as_array().expect("heads"))
    {
        let rows = head.as_array().expect("queries");
        assert_eq!(rows.len(), tokens);
        for row in rows {
            let weights: Vec<f64> = row
                .as_array()
                .expect("keys")
                .iter()
                .filter_map(Value::as_f64)
                .collect();
            assert_eq!(weights.len(), tokens);
            assert!(
                (weights.iter().sum::<f64>() - 1.0).abs() < 1e-4,
                "{weights:?}"
            );
        }
    }
}

#[test]
fn inspect_describes_a_directory() {
    let lab = models();
    let text = lab.run("inspect finetuned").ok().stdout;
    for expected in [
        "classifier",
        "labels:",
        "vocab.txt",
        "run: finetune (finished)",
        "checkpoints: step",
    ] {
        assert!(text.contains(expected), "{text} lacks {expected}");
    }
    let json = lab.run("inspect finetuned --json").ok().json();
    assert_eq!(json["run"]["status"], "finished");
    assert_eq!(json["problems"], serde_json::json!([]));
    assert!(
        json["weights"]["parameters"].as_u64() > Some(0) && json["checkpoints"][0]["whole"] == true,
        "{json}"
    );
}

#[test]
fn inspect_opens_hugging_face_directories() {
    let lab = Lab::new();
    for case in ["masked-lm", "masked-lm-nsp", "multi-label", "single-label"] {
        let dir = crate::workspace::golden(case);
        let done = lab.run_of(&["inspect", &dir.to_string_lossy()]).ok();
        assert!(
            done.stdout.contains("BERT") && done.stdout.contains("2 layers of 64"),
            "{}",
            done.stdout
        );
    }
}
