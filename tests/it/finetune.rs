//! Fine-tuning: from a pre-trained model and from scratch, multi-label and single-label.

use crate::lab::{Lab, models};
use protocol::{ClassifierMetrics, Event, Metrics};

fn evaluations(lab: &Lab, run: &str) -> Vec<(String, ClassifierMetrics)> {
    let classifier = |event: Event| match event {
        Event::Evaluated {
            split,
            metrics: Metrics::Classifier(metrics),
            ..
        } => Some((split, metrics)),
        _ => None,
    };
    lab.events(run).into_iter().filter_map(classifier).collect()
}

#[test]
fn both_initialisations_give_a_classifier() {
    let lab = Lab::new();
    let labelled = "--train train.txt --valid valid.txt --test test.txt --epochs 2";
    lab.tiny("pretrain --corpus text.txt train.txt --out pretrained --steps 20")
        .ok();
    lab.tiny(&format!("finetune {labelled} --from pretrained --out from"))
        .ok();
    lab.tiny(&format!("finetune {labelled} --out scratch")).ok();
    lab.same_file("from/vocab.txt", "pretrained/vocab.txt");
    lab.other_file("from/model.safetensors", "scratch/model.safetensors");
    for run in ["from", "scratch"] {
        let config: serde_json::Value =
            serde_json::from_slice(&lab.read(&format!("{run}/config.json"))).expect("JSON");
        assert_eq!(
            config["problem_type"], "multi_label_classification",
            "{run}"
        );
        assert!(
            config["id2label"]
                .as_object()
                .is_some_and(|labels| labels.len() > 10),
            "{run}"
        );
        let measured = evaluations(&lab, run);
        let valid = measured
            .iter()
            .filter(|(split, _)| split == "valid")
            .count();
        assert!(
            valid >= 2,
            "{run}: measured {valid} times on validation text"
        );
        for (_, m) in &measured {
            assert!(
                [m.micro_f1, m.macro_f1, m.mean_f1]
                    .iter()
                    .all(|f1| (0.0..=1.0).contains(f1)),
                "{m:?}"
            );
            assert!(
                (m.mean_f1 - (m.micro_f1 + m.macro_f1) / 2.0).abs() < 1e-9,
                "{m:?}"
            );
        }
    }
}

/// The requested parts are in the directory, vote together, and load again.
#[test]
fn classifiers_have_the_requested_parts() {
    let lab = Lab::new();
    for (parts, networks, has_linear) in [
        ("one", Some(1), false),
        ("seeds", Some(3), false),
        ("fusion", None, true),
    ] {
        let labelled = "--train train.txt --valid valid.txt --test test.txt --steps 120";
        lab.tiny(&format!(
            "finetune {labelled} --parts {parts} --out {parts}"
        ))
        .ok();
        let classifier: serde_json::Value =
            serde_json::from_slice(&lab.read(&format!("{parts}/classifier.json"))).expect("JSON");
        // Networks that add nothing to the linear part are dropped.
        let network_count = classifier["networks"].as_u64().expect("a number") as usize;
        assert_eq!(networks.unwrap_or(network_count), network_count, "{parts}");
        assert_eq!(classifier["linear"].is_object(), has_linear, "{parts}");
        let weights = classifier["weights"].as_array().expect("a list");
        assert_eq!(
            weights.len(),
            network_count + usize::from(has_linear),
            "{classifier}"
        );
        assert_eq!(
            lab.path(format!("{parts}/parts/network-2.safetensors"))
                .exists(),
            network_count > 1
        );
        assert_eq!(
            lab.path(format!("{parts}/parts/linear.safetensors"))
                .exists(),
            has_linear
        );
        // Warnings at the end describe the saved classifier, not its last network.
        let (_, valid) = evaluations(&lab, parts)
            .into_iter()
            .rfind(|(split, _)| split == "valid")
            .expect("measured");
        let never = valid
            .per_label
            .iter()
            .filter(|row| row.support > 0 && row.predicted == 0)
            .count();
        let warned = lab.events(parts).into_iter().find_map(|event| match event {
            Event::Warning { code, message, .. } if code == "never-predicted" => Some(message),
            _ => None,
        });
        let warned_labels = warned.map_or(0, |message| {
            message
                .to_string()
                .split(' ')
                .next()
                .and_then(|n| n.parse().ok())
                .expect("a number")
        });
        assert_eq!(warned_labels, never, "{parts}");
        // The scores at the end of the run equal those of the saved directory.
        let (_, last) = evaluations(&lab, parts)
            .into_iter()
            .rfind(|(split, _)| split == "test")
            .expect("measured");
        let again = lab
            .run(&format!(
                "evaluate --model {parts} --data test.txt --device cpu"
            ))
            .ok()
            .json();
        assert_eq!(again["micro_f1"].as_f64(), Some(last.micro_f1), "{parts}");
        assert_eq!(
            again["interval"]["macro_f1"][1].as_f64(),
            last.interval.map(|interval| interval.macro_f1[1])
        );
    }
    std::fs::remove_file(lab.path("fusion/parts/linear.safetensors")).expect("there");
    lab.run("evaluate --model fusion --data test.txt --device cpu")
        .refused();
}

#[test]
fn one_label_per_text_gives_a_single_label_model() {
    let lab = Lab::new();
    let text: String = crate::workspace::bundle("train.txt", 200)
        .lines()
        .map(|line| {
            let (text, _) = line
                .split_once(" __label__")
                .expect("the bundle is labelled");
            format!(
                "{text} __label__{}\n",
                if line.contains("__label__verb") {
                    "verb"
                } else {
                    "other"
                }
            )
        })
        .collect();
    lab.write("single.txt", text);
    lab.tiny("finetune --train single.txt --out single --steps 6")
        .ok();
    let config: serde_json::Value =
        serde_json::from_slice(&lab.read("single/config.json")).expect("JSON");
    assert_eq!(config["problem_type"], "single_label_classification");
    let answer = lab
        .run("evaluate --model single --data single.txt --device cpu")
        .ok()
        .json();
    assert_eq!(answer["n"], 200);
    assert!(
        answer["accuracy"]
            .as_f64()
            .is_some_and(|accuracy| (0.0..=1.0).contains(&accuracy)),
        "{answer}"
    );
}

#[test]
fn fine_tuning_is_the_same_twice() {
    let lab = Lab::new();
    for out in ["a", "b"] {
        lab.tiny(&format!(
            "finetune --train train.txt --valid valid.txt --out {out} --steps 10"
        ))
        .ok();
    }
    assert_eq!(lab.timeless_journal("a"), lab.timeless_journal("b"));
    lab.same_file("a/model.safetensors", "b/model.safetensors");
}

#[test]
fn the_test_text_is_measured_at_the_end() {
    let measured = evaluations(models(), "finetuned");
    let (_, last) = measured
        .iter()
        .rfind(|(split, _)| split == "test")
        .expect("--test was given");
    assert_eq!(last.n, 60);
    assert!(!last.per_label.is_empty());
}

/// Creates a BERT as saved by sentence-transformers, with `pooling` as its pooling configuration.
fn sentence_encoder(lab: &Lab, dir: &str, pooling: &str) {
    let sizes = "--preset bert-tiny --vocab-size 300 --max-len 16 --batch-size 8 --device cpu";
    lab.run(&format!(
        "pretrain --corpus text.txt train.txt {sizes} --out {dir} --steps 2"
    ))
    .ok();
    lab.write(&format!("{dir}/1_Pooling/config.json"), pooling);
    let kind =
        |kind: &str| serde_json::json!({ "type": format!("sentence_transformers.models.{kind}") });
    lab.write(
        &format!("{dir}/modules.json"),
        serde_json::json!([kind("Transformer"), kind("Pooling")]).to_string(),
    );
}

#[test]
fn sentence_encoders_are_frozen_and_keep_their_pooling() {
    let lab = Lab::new();
    sentence_encoder(
        &lab,
        "encoder",
        r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#,
    );
    let labelled = "--train train.txt --valid valid.txt --test test.txt --from encoder";
    lab.run(&format!("finetune {labelled} --out frozen --device cpu"))
        .ok();
    let config: serde_json::Value =
        serde_json::from_slice(&lab.read("frozen/config.json")).expect("JSON");
    assert_eq!(
        (&config["model_type"], &config["clozelab_pooling"]),
        (&"bert".into(), &"mean".into())
    );
    assert_eq!(
        config["architectures"][0],
        "ClozelabBertForSequenceClassification"
    );
    assert!(
        !lab.events("frozen")
            .iter()
            .any(|event| matches!(event, Event::Step { .. })),
        "nothing is trained"
    );
    let (encoder, frozen) = (lab.weights("encoder"), lab.weights("frozen"));
    assert!(
        frozen
            .iter()
            .filter(|(name, _)| name.starts_with("bert."))
            .all(|(name, value)| encoder[name] == *value)
    );
    let (_, test) = evaluations(&lab, "frozen")
        .into_iter()
        .rfind(|(split, _)| split == "test")
        .expect("measured");
    let again = lab
        .run("evaluate --model frozen --data test.txt --device cpu")
        .ok()
        .json();
    assert_eq!(again["micro_f1"].as_f64(), Some(test.micro_f1));

    lab.run(&format!(
        "finetune {labelled} --out trained --device cpu --parts one --pooling max-mean --steps 3"
    ))
    .ok();
    let config: serde_json::Value =
        serde_json::from_slice(&lab.read("trained/config.json")).expect("JSON");
    assert_eq!(config["clozelab_pooling"], "max-mean");
    assert_ne!(
        lab.weights("trained")["bert.embeddings.LayerNorm.bias"],
        encoder["bert.embeddings.LayerNorm.bias"]
    );
}

#[test]
fn an_unknown_pooling_warns_and_falls_back_to_the_mean() {
    let lab = Lab::new();
    sentence_encoder(&lab, "encoder", r#"{"pooling_mode": "lasttoken"}"#);
    lab.run(
        "finetune --train train.txt --valid valid.txt --from encoder --out frozen --device cpu",
    )
    .ok();
    let warned = |event: &Event| {
        matches!(event, Event::Warning { code, message, .. }
            if code == "unknown-pooling" && message.to_string().contains("lasttoken"))
    };
    assert!(lab.events("frozen").iter().any(warned));
}

fn warning(lab: &Lab, run: &str, expected: &str) -> Option<String> {
    lab.events(run).into_iter().find_map(|event| match event {
        Event::Warning { code, message, .. } if code == expected => Some(message.to_string()),
        _ => None,
    })
}

fn measured_documents(lab: &Lab, run: &str, expected: &str) -> u64 {
    let (_, metrics) = evaluations(lab, run)
        .into_iter()
        .rfind(|(split, _)| split == expected)
        .expect("measured");
    metrics.n
}

#[test]
fn near_duplicates_are_reported_and_excluded_on_request() {
    let lab = Lab::new();
    let [train, test] =
        ["train.txt", "test.txt"].map(|name| String::from_utf8(lab.read(name)).expect("text"));
    // Twelve training documents, with different capitals and a full stop, are also test documents.
    let altered: String = train
        .lines()
        .take(12)
        .map(|line| changed(line) + "\n")
        .collect();
    lab.write("leaky.txt", format!("{test}{altered}"));
    let documents = test.lines().count() as u64;
    let labelled = "--train train.txt --valid valid.txt --test leaky.txt --parts one --steps 4";
    lab.tiny(&format!("finetune {labelled} --out keep")).ok();
    let message = warning(&lab, "keep", "near-duplicates").expect("they are told");
    assert!(
        message.contains(" 12 test documents") && message.contains("--near-duplicates drop"),
        "{message}"
    );
    assert_eq!(measured_documents(&lab, "keep", "test"), documents + 12);
    lab.tiny(&format!(
        "finetune {labelled} --near-duplicates drop --out drop"
    ))
    .ok();
    assert!(
        warning(&lab, "drop", "near-duplicates")
            .is_some_and(|message| message.contains("excluded"))
    );
    assert_eq!(measured_documents(&lab, "drop", "test"), documents);
    lab.tiny("finetune --train train.txt --valid valid.txt --test test.txt --parts one --steps 4 --out clean").ok();
    assert_eq!(warning(&lab, "clean", "near-duplicates"), None);
    lab.same_file("drop/model.safetensors", "clean/model.safetensors");
}

#[test]
fn a_text_without_a_known_word_is_unsure() {
    let lab = Lab::new();
    lab.tiny("finetune --train train.txt --valid valid.txt --steps 6 --parts fusion --out labels")
        .ok();
    let done = lab
        .run_with(
            "predict --model labels --device cpu --min-confidence 0",
            b"qwertz xyzzy\na small bird\n",
        )
        .ok();
    let answers: Vec<serde_json::Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        (&answers[0]["unseen_words"], &answers[0]["unsure"]),
        (&1.0.into(), &true.into())
    );
    assert_eq!(answers[1]["unsure"], false, "{}", answers[1]);
}

/// Converts a labelled line to capitals, except its labels.
fn changed(line: &str) -> String {
    let word = |word: &str| {
        if word.starts_with("__label__") {
            word.into()
        } else {
            word.to_uppercase()
        }
    };
    line.split(' ').map(word).collect::<Vec<String>>().join(" ")
}

#[test]
fn class_weights_are_selected_or_specified() {
    let lab = Lab::new();
    let labelled = "--train train.txt --valid valid.txt --steps 6";
    for (weights, balanced) in [("none", false), ("balanced", true)] {
        lab.tiny(&format!(
            "finetune {labelled} --class-weights {weights} --parts fusion --out {weights}"
        ))
        .ok();
        let classifier: serde_json::Value =
            serde_json::from_slice(&lab.read(&format!("{weights}/classifier.json"))).expect("JSON");
        assert_eq!(classifier["linear"]["balanced"], balanced, "{classifier}");
        lab.tiny(&format!(
            "finetune {labelled} --class-weights {weights} --parts one --out {weights}-network"
        ))
        .ok();
    }
    lab.other_file(
        "none-network/model.safetensors",
        "balanced-network/model.safetensors",
    );
    lab.tiny(&format!("finetune {labelled} --parts one --out plain"))
        .ok();
    lab.same_file("none-network/model.safetensors", "plain/model.safetensors");
    lab.tiny(&format!(
        "finetune {labelled} --class-weights heavy --out c"
    ))
    .refused();
}

#[test]
fn freezing_needs_a_model_and_pooling_a_bert() {
    let lab = Lab::new();
    lab.tiny("finetune --train train.txt --freeze --out a")
        .refused();
    lab.tiny("pretrain --corpus text.txt train.txt --out pretrained --steps 2")
        .ok();
    lab.tiny("finetune --train train.txt --from pretrained --pooling mean --out b")
        .refused();
    lab.tiny("finetune --train train.txt --valid valid.txt --from pretrained --freeze --out c")
        .ok();
}

#[test]
fn flags_of_the_other_phase_warn_and_change_nothing() {
    let lab = Lab::new();
    for (words, flag) in [
        (
            "pretrain --corpus text.txt --out a --steps 2 --task pair",
            "--task",
        ),
        (
            "finetune --train train.txt --out b --steps 2 --mask-rate 5",
            "--mask-rate",
        ),
    ] {
        let done = lab.tiny(words).ok();
        let warning = format!("warning: {flag} not used");
        assert!(done.stderr.contains(&warning), "{words}: {}", done.stderr);
    }
    let record: serde_json::Value =
        serde_json::from_slice(&lab.read("a/run.json")).expect("a record");
    assert_eq!(record["config"]["task"], "auto");
}

#[test]
fn labels_are_read_for_evaluation_as_in_training() {
    let lab = Lab::new();
    let rows = (0..120).map(|row| {
        let (word, level) = [("printer", "low;urgent"), ("network", "high;")][row % 2];
        format!("{row},the {word} in room {row} is broken,{word},{level}\n")
    });
    let table: String = std::iter::once("id,message,team,level\n".to_string())
        .chain(rows)
        .collect();
    lab.write("tickets.csv", table);
    lab.tiny(
        "finetune --train tickets.csv --out run --steps 4 --parts one --label-column level \
         --label-separator ;",
    )
    .ok();
    let labels = |words: &str| {
        let scores = lab.run(words).ok().json();
        let labels = scores["per_label"].as_array().expect("labels").clone();
        labels
            .iter()
            .map(|label| label["label"].clone())
            .collect::<Vec<_>>()
    };
    let again = labels("evaluate --model run --data tickets.csv --device cpu");
    assert_eq!(
        again,
        labels(
            "evaluate --model run --data tickets.csv --device cpu --label-column level \
             --label-separator ;"
        )
    );
    assert_eq!(again.len(), 3, "{again:?}");
    // Other files are read as if nothing had been requested.
    lab.write(
        "lines.txt",
        "the printer is broken __label__low\n".repeat(9),
    );
    let other = "message,label\n".to_string() + &"the network is broken,high\n".repeat(9);
    lab.write("other.csv", other);
    for file in ["lines.txt", "other.csv"] {
        let words = format!("evaluate --model run --data {file} --device cpu");
        assert_eq!(lab.run(&words).ok().json()["n"], 9, "{file}");
    }
}
