//! Other data formats: tables, pairs, CAIL2018, and labels of every kind; and the F1 formula of
//! 2018.

use crate::lab::{Lab, models};

#[test]
fn tables_train_like_lines() {
    let lab = Lab::new();
    let text = String::from_utf8(lab.read("train.txt")).expect("UTF-8");
    let (mut csv, mut jsonl) = (String::from("id,text,labels\n"), String::new());
    for (number, line) in text.lines().enumerate() {
        let (text, labels) = line.split_once(" __label__").expect("labelled");
        let labels: Vec<&str> = labels.split(" __label__").collect();
        csv += &format!(
            "{number},\"{}\",{}\n",
            text.replace('"', "\"\""),
            labels.join("|")
        );
        jsonl += &format!(
            "{}\n",
            serde_json::json!({ "text": text, "labels": labels })
        );
    }
    lab.write("train.csv", csv);
    lab.write("train.jsonl", jsonl);
    for name in ["train.txt", "train.csv", "train.jsonl"] {
        let out = name.replace('.', "-");
        lab.tiny(&format!(
            "finetune --train {name} --valid valid.txt --out {out} --steps 6"
        ))
        .ok();
    }
    lab.same_file("train-csv/model.safetensors", "train-txt/model.safetensors");
    lab.same_file(
        "train-jsonl/model.safetensors",
        "train-txt/model.safetensors",
    );
    let missing = lab.tiny("finetune --train train.csv --text-column body --out missing --steps 1");
    assert!(
        missing.refused().stderr.contains("\"labels\""),
        "{}",
        missing.stderr
    );
}

/// Formats of competitions: a 0/1 column per label, and several comma-separated labels in a cell.
#[test]
fn a_column_for_each_label_trains_like_lines() {
    let lab = Lab::new();
    let (mut lines, mut columns, mut cells) = (
        String::new(),
        String::from("id,comment_text,toxic,rude\n"),
        String::from("text;labels\n"),
    );
    for i in 0..120 {
        let (toxic, rude) = (i % 2 == 0, i % 3 == 0);
        let labels = [
            toxic.then_some("toxic"),
            rude.then_some("rude"),
            (!toxic && !rude).then_some("none"),
        ];
        let labels: Vec<&str> = labels.into_iter().flatten().collect();
        let text = format!("comment number {i} of {} and {}", i % 2, i % 3);
        lines += &format!("{text} __label__{}\n", labels.join(" __label__"));
        columns += &format!("{i},{text},{},{}\n", u8::from(toxic), u8::from(rude));
        cells += &format!("{text};\"{}\"\n", labels.join(", "));
    }
    lab.write("lines.txt", lines);
    lab.write("columns.csv", columns);
    lab.write("cells.csv", cells);
    for (name, flags) in [
        ("lines.txt", ""),
        ("columns.csv", "--label-column toxic,rude"),
        ("cells.csv", "--label-separator ,"),
    ] {
        let out = name.replace('.', "-");
        let done = lab
            .tiny(&format!(
                "finetune --train {name} {flags} --out {out} --steps 6"
            ))
            .ok();
        assert_eq!(
            done.stderr
                .contains("rows with 0 or no in every label column (40)"),
            name == "columns.csv"
        );
    }
    lab.same_file(
        "columns-csv/model.safetensors",
        "lines-txt/model.safetensors",
    );
    lab.same_file("cells-csv/model.safetensors", "lines-txt/model.safetensors");
    let measured = |data: &str| {
        lab.run(&format!(
            "evaluate --model lines-txt --device cpu --data {data}"
        ))
        .ok()
        .json()
    };
    assert_eq!(
        measured("columns.csv --label-column toxic,rude"),
        measured("lines.txt")
    );
    assert_eq!(
        measured("cells.csv --label-separator ,"),
        measured("lines.txt")
    );
}

#[test]
fn pairs_train_and_lines_without_a_tab_are_counted() {
    let lab = Lab::new();
    let line = |i: usize| match i % 2 {
        0 => format!("the sky is blue {i}\tthe sky has colour {i} __label__same\n"),
        _ => format!("the sky is blue {i}\tfish live in water {i} __label__other\n"),
    };
    let text: String = (0..120).map(line).collect();
    lab.write("pairs.txt", format!("{text}no tab at all __label__same\n"));
    let done = lab
        .tiny("finetune --train pairs.txt --task pair --out pairs --steps 40 --lr 0.02")
        .ok();
    assert!(
        done.stderr
            .contains("skipped labelled lines without a tab between two texts: 1"),
        "{}",
        done.stderr
    );
    let config: serde_json::Value =
        serde_json::from_slice(&lab.read("pairs/config.json")).expect("JSON");
    assert_eq!(
        (&config["type_vocab_size"], &config["problem_type"]),
        (&2.into(), &"single_label_classification".into())
    );
    let answer = lab
        .run_with(
            "predict --model pairs --device cpu",
            b"the sky is blue\tfish live in water\n",
        )
        .ok();
    assert_eq!(answer.json()["labels"][0]["label"], "other");
    // Evaluation follows training: a line without a tab is not a pair, and one among others is
    // reported.
    lab.write(
        "held.txt",
        format!("{}{}alone __label__same\n", line(200), line(201)),
    );
    let measured = lab
        .run("evaluate --model pairs --data held.txt --device cpu")
        .ok();
    assert_eq!(measured.json()["n"], 2);
    assert!(
        measured
            .stderr
            .contains("skipped labelled lines without a tab between two texts: 1 (first: line 3)"),
        "{}",
        measured.stderr
    );
    lab.tiny("finetune --train train.txt --task pair --out none --steps 1")
        .refused();
}

#[test]
fn cail_becomes_labelled_lines() {
    let lab = Lab::new();
    let case = |fact: &str| {
        format!("{{\"fact\":\"{fact}\",\"meta\":{{\"accusation\":[\"盗窃\",\"故意 伤害\"]}}}}\n")
    };
    lab.write(
        "in.json",
        format!("{}{}not json\n", case("被告人\\n张某"), case("被告人 张某")),
    );
    let done = lab.run("convert cail in.json out.txt").ok();
    assert_eq!(
        String::from_utf8(lab.read("out.txt")).expect("UTF-8"),
        "被告人 张某 __label__盗窃 __label__故意_伤害\n"
    );
    assert!(
        done.stderr.contains("1 skipped: text already seen"),
        "{}",
        done.stderr
    );
    lab.run("convert cail in.json out.txt").refused();
    lab.run("convert cail train.txt other.txt").refused();
}

#[test]
fn thresholds_and_legacy_metrics_are_optional() {
    let lab = models();
    let figures = |words: &str| {
        lab.run(&format!(
            "evaluate --model finetuned --data test.txt --device cpu {words}"
        ))
        .ok()
        .json()
    };
    let tuned = figures("");
    assert_eq!(tuned, figures("--threshold tuned"));
    let (half, own, seed) = (
        figures("--threshold 0.5"),
        figures("--threshold per-label"),
        figures("--seed-metrics"),
    );
    assert_eq!(half["threshold"], 0.5);
    assert!(
        own["micro_f1"]
            .as_f64()
            .is_some_and(|f1| (0.0..=1.0).contains(&f1))
    );
    assert!(
        seed["threshold"]
            .as_f64()
            .is_some_and(|threshold| (threshold - 0.622_459_331_201_854_6).abs() < 1e-12)
    );
    assert_ne!(seed["macro_f1"], tuned["macro_f1"]);
    assert!(tuned["precision_at_1"].as_f64().is_some());
}

/// A single-label model predicts the most probable label: thresholds have no effect, but the flags
/// are accepted.
#[test]
fn single_label_models_accept_threshold_flags() {
    let lab = Lab::new();
    let line = |i: usize| {
        format!(
            "some text about {} number {} __label__{}\n",
            ["cats", "dogs"][i % 2],
            i % 7,
            i % 2
        )
    };
    lab.write("one.txt", (0..60).map(line).collect::<String>());
    lab.tiny("finetune --train one.txt --out one --steps 4")
        .ok();
    let figures = |words: &str| {
        lab.run(&format!(
            "evaluate --model one --data one.txt --device cpu {words}"
        ))
        .ok()
        .json()
    };
    let plain = figures("");
    for words in [
        "--threshold tuned",
        "--threshold per-label",
        "--threshold 0.5",
    ] {
        assert_eq!(figures(words), plain, "{words}");
    }
}

#[test]
fn misspelt_labels_and_unknown_columns_are_reported() {
    let lab = Lab::new();
    let line = |i: usize| {
        format!(
            "some text about {} number {} {}{}\n",
            ["cats", "dogs"][i % 2],
            i % 7,
            if i == 8 { "__lable__" } else { "__label__" },
            i % 2
        )
    };
    lab.write("slip.txt", (0..60).map(line).collect::<String>());
    let done = lab
        .tiny("finetune --train slip.txt --test slip.txt --out slip --steps 1")
        .ok();
    assert!(
        done.stderr.contains("words that look like labels")
            && done.stderr.contains("(1, the first in line 9)"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr
            .contains("test documents without labels are not evaluated (1)"),
        "{}",
        done.stderr
    );
    let rows = (0..60).map(|i| format!("{i};some text about number {i} and more;{}\n", i % 2));
    lab.write(
        "sheet.csv",
        std::iter::once("Id;Beschreibung;Art\n".to_string())
            .chain(rows)
            .collect::<String>(),
    );
    let done = lab
        .tiny("pretrain --corpus sheet.csv --out sheet --steps 1")
        .ok();
    assert!(
        done.stderr.contains(": text from \"Beschreibung\""),
        "{}",
        done.stderr
    );
}

#[test]
fn labels_may_hold_anything_but_white_space() {
    let lab = Lab::new();
    let long = "x".repeat(10_000);
    let line = |i: usize| {
        let label = ["<b>\"q\"</b>", "a/b", &long, "日本"][i % 4];
        format!(
            "a text about number {} and {} __label__{label}\n",
            i % 4,
            i % 9
        )
    };
    lab.write("odd.txt", (0..120).map(line).collect::<String>());
    let done = lab
        .tiny("finetune --train odd.txt --out odd --steps 4")
        .ok();
    assert!(
        done.stderr.contains("labels of more than 200 characters"),
        "{}",
        done.stderr
    );
    let html = String::from_utf8(lab.read("odd/report.html")).expect("UTF-8");
    assert!(!html.contains("<b>\"q\"") && html.contains("&lt;b&gt;"));
    lab.write("same.txt", "one and the same text __label__x\n".repeat(80));
    lab.tiny("finetune --train same.txt --out same --steps 1")
        .refused();
}

#[test]
fn a_model_is_packed_whole_or_in_half_precision() {
    let lab = models();
    let (all, half) = (lab.path("all.zip"), lab.path("half.zip"));
    for (file, flag) in [(&all, ""), (&half, " --half")] {
        lab.run(&format!(
            "export --model pretrained --zip {}{flag}",
            file.display()
        ))
        .ok();
    }
    let size = |path| std::fs::metadata(path).expect("written").len();
    let weights = lab.read("pretrained/model.safetensors").len() as u64;
    assert!(
        size(&all) - size(&half) > weights / 2 - 5000,
        "{} {} {weights}",
        size(&all),
        size(&half)
    );
    assert_eq!(std::fs::read(&all).expect("written")[..4], *b"PK\x03\x04");
    lab.run("export --model pretrained --zip all.zip").refused();
}
