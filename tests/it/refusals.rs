//! Invalid input: one clear message, what to do, exit code 2, and no changes on disk.

use crate::lab::{Lab, tiny};

/// Creates a lab with a small model of each kind.
fn lab_with_models() -> Lab {
    let lab = Lab::new();
    lab.tiny("pretrain --corpus text.txt --out pretrained --steps 3")
        .ok();
    lab.tiny("finetune --train train.txt --out finetuned --steps 3")
        .ok();
    lab
}

fn copy_model(lab: &Lab, from: &str, to: &str) {
    for name in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "vocab.txt",
        "tokenizer_config.json",
        "special_tokens_map.json",
    ] {
        lab.write(&format!("{to}/{name}"), lab.read(&format!("{from}/{name}")));
    }
}

/// Runs `words`, which must be refused for a reason that contains one of `expected`, without
/// changes on disk.
#[track_caller]
fn check(lab: &Lab, words: &str, expected: &[&str]) {
    let before = lab.tree();
    let done = lab.run(words);
    let reason = done.refused().stderr.to_lowercase();
    assert!(
        expected
            .iter()
            .any(|word| reason.contains(&word.to_lowercase())),
        "{words}: {}",
        done.stderr
    );
    let after = lab.tree();
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, bytes)| before.get(*path) != Some(bytes))
        .map(|(path, _)| path)
        .collect();
    assert!(
        changed.is_empty() && after.len() == before.len(),
        "{words} changed {changed:?}"
    );
}

#[test]
fn text_that_cannot_be_trained_on() {
    let lab = Lab::new();
    lab.write("empty.txt", "");
    lab.write("blank.txt", "\n \n\t\n");
    lab.write(
        "image.txt",
        [b"\x89PNG\r\n\x1a\n".as_slice(), &[0, 1, 2, 255].repeat(500)].concat(),
    );
    lab.write("three.txt", "only three words\n");
    lab.write("cut.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b");
    for (file, expected) in [
        ("empty.txt", &["empty"][..]),
        ("blank.txt", &["no text", "empty"]),
        ("image.txt", &["png", "binary", "not text"]),
        (
            "three.txt",
            &["too little", "too small", "three", "tokens", "characters"],
        ),
        ("cut.gz", &["gzip", "cut.gz"]),
        ("missing.txt", &["does not exist"]),
    ] {
        check(
            &lab,
            &tiny(&format!("pretrain --corpus {file} --out run --steps 3")),
            expected,
        );
    }
}

#[test]
fn examples_without_room() {
    let lab = Lab::new();
    for length in ["0", "1", "4"] {
        let words = format!(
            "pretrain --corpus text.txt --out run --steps 3 --device cpu --preset fast-nano --max-len {length}"
        );
        check(&lab, &words, &["--max-len"]);
    }
}

#[test]
fn a_model_of_too_many_layers() {
    let lab = lab_with_models();
    copy_model(&lab, "pretrained", "deep");
    let config = String::from_utf8(lab.read("deep/config.json")).expect("UTF-8");
    lab.write(
        "deep/config.json",
        config.replace(
            "\"num_hidden_layers\": 1",
            "\"num_hidden_layers\": 160000000",
        ),
    );
    let done = lab.run_of(&[
        "fill-mask",
        "--model",
        "deep",
        "a [MASK]",
        "--device",
        "cpu",
    ]);
    assert!(
        done.refused().stderr.contains("num_hidden_layers"),
        "{}",
        done.stderr
    );
}

#[test]
fn labels_that_cannot_be_learned() {
    let lab = Lab::new();
    check(
        &lab,
        &tiny("finetune --train text.txt --out run --steps 3"),
        &["label"],
    );
    lab.write(
        "one.txt",
        "some text of one kind __label__same\n".repeat(50),
    );
    check(
        &lab,
        &tiny("finetune --train one.txt --out run --steps 3"),
        &["label"],
    );
}

#[test]
fn label_missing_from_training() {
    let lab = lab_with_models();
    lab.write(
        "strange.txt",
        "a text of an unknown kind __label__never_seen\n".repeat(20),
    );
    check(
        &lab,
        "evaluate --model finetuned --data strange.txt --device cpu",
        &["never_seen"],
    );
}

#[test]
fn models_that_are_missing_or_damaged() {
    let lab = lab_with_models();
    let ask = |model: &str| format!("evaluate --model {model} --data test.txt --device cpu");
    check(
        &lab,
        &ask("nowhere"),
        &["not a directory", "does not exist"],
    );
    check(&lab, "inspect nowhere", &["not a directory"]);
    lab.write("hollow/readme.txt", "no model here");
    check(&lab, &ask("hollow"), &["config.json"]);
    copy_model(&lab, "finetuned", "cut");
    let weights = lab.read("cut/model.safetensors");
    lab.write("cut/model.safetensors", &weights[..weights.len() / 2]);
    check(&lab, &ask("cut"), &["damaged"]);
    check(&lab, "inspect cut", &["damaged"]);
    copy_model(&lab, "finetuned", "headless");
    std::fs::remove_file(lab.path("headless/config.json")).expect("there");
    check(&lab, &ask("headless"), &["config.json"]);
    copy_model(&lab, "finetuned", "mute");
    for name in ["tokenizer.json", "vocab.txt"] {
        std::fs::remove_file(lab.path("mute").join(name)).expect("there");
    }
    check(&lab, &ask("mute"), &["tokenizer", "vocab"]);
}

#[test]
fn a_configuration_that_contradicts_the_weights() {
    let lab = lab_with_models();
    for (out, from, to) in [
        (
            "layers",
            "\"num_hidden_layers\": 1",
            "\"num_hidden_layers\": 2",
        ),
        ("width", "\"hidden_size\": 32", "\"hidden_size\": 64"),
        (
            "heads",
            "\"num_attention_heads\": 2",
            "\"num_attention_heads\": 5",
        ),
    ] {
        copy_model(&lab, "pretrained", out);
        let config = String::from_utf8(lab.read("pretrained/config.json")).expect("UTF-8");
        assert!(config.contains(from), "{config} lacks {from}");
        lab.write(&format!("{out}/config.json"), config.replace(from, to));
        check(
            &lab,
            &format!("evaluate --model {out} --data text.txt --device cpu"),
            &["config.json"],
        );
        check(
            &lab,
            &format!("finetune --train train.txt --from {out} --out run --device cpu --steps 3"),
            &["config.json"],
        );
    }
}

#[test]
fn settings_that_do_not_fit() {
    let lab = lab_with_models();
    let pretrain =
        |flags: &str| format!("pretrain --corpus text.txt --out run --device cpu {flags}");
    check(
        &lab,
        "finetune --train train.txt --from pretrained --out run --device cpu --max-len 9999 --steps 3",
        &["max-len"],
    );
    check(&lab, &pretrain("--preset huge"), &["preset"]);
    check(&lab, &pretrain("--steps 0"), &["steps"]);
    check(
        &lab,
        &pretrain("--steps 5 --epochs 1"),
        &["steps", "epochs"],
    );
    check(&lab, &pretrain("--lr 0"), &["lr"]);
    check(
        &lab,
        &pretrain("--lr -1"),
        &["--lr is -1, but it must be above 0"],
    );
    check(
        &lab,
        &pretrain("--lr 1e38"),
        &["--lr is 1e38, but it must be at most 1"],
    );
    check(
        &lab,
        &pretrain("--minutes 1e300"),
        &["--minutes is 1e300, but it must be at most 525600"],
    );
    check(&lab, &pretrain("--mask-rate 1.5"), &["mask-rate"]);
    check(&lab, &pretrain("--batch-size 0"), &["batch-size"]);
    check(&lab, &pretrain("--vocab-size 3"), &["vocab"]);
    check(
        &lab,
        "predict --model pretrained --data text.txt --device cpu",
        &["label", "classifier"],
    );
    check(
        &lab,
        "fill-mask --model pretrained nothing-masked --device cpu",
        &["mask"],
    );
    check(
        &lab,
        "evaluate --model finetuned --data test.txt --threshold 2",
        &["threshold"],
    );
    check(&lab, "no-such-command", &["no-such-command"]);
}

#[test]
fn output_directory_that_is_not_empty() {
    let lab = lab_with_models();
    check(
        &lab,
        &tiny("pretrain --corpus text.txt --out pretrained --steps 3"),
        &["already contains a run"],
    );
    check(
        &lab,
        &tiny("finetune --train train.txt --out pretrained --steps 3"),
        &["already contains a run"],
    );
    lab.write("letters/mother.txt", "dear mother");
    check(
        &lab,
        &tiny("pretrain --corpus text.txt --out letters --steps 3"),
        &["not empty"],
    );
    check(
        &lab,
        &tiny("pretrain --corpus text.txt --out text.txt --steps 3"),
        &["text.txt"],
    );
    check(&lab, "demo --out letters --device cpu", &["not empty"]);
}

#[cfg(unix)]
#[test]
fn paths_that_are_not_files() {
    let lab = Lab::new();
    std::os::unix::fs::symlink("/dev/zero", lab.path("endless.txt")).expect("writable");
    std::os::unix::fs::symlink("loop.txt", lab.path("loop.txt")).expect("writable");
    let made = std::process::Command::new("mkfifo")
        .arg(lab.path("pipe.txt"))
        .status()
        .expect("mkfifo is there");
    assert!(made.success());
    for name in ["endless.txt", "pipe.txt", "loop.txt", "/dev/zero"] {
        // The folder contains an unreadable file, so it is not compared; the run directory must not
        // exist.
        let done = lab.run(&tiny(&format!(
            "pretrain --corpus {name} --out run --steps 3"
        )));
        assert!(
            done.refused()
                .stderr
                .contains(name.trim_end_matches(".txt")),
            "{}",
            done.stderr
        );
        assert!(!lab.path("run").exists());
    }
    for name in ["endless.txt", "pipe.txt"] {
        std::fs::remove_file(lab.path(name)).expect("there");
    }
}

/// The text does not exist, so nothing but the arguments can have been looked at.
#[test]
fn numbers_out_of_range_are_refused_before_any_text_is_read() {
    let lab = Lab::new();
    for (flag, expected) in [
        ("--lr -1", "--lr is -1, but it must be above 0"),
        ("--steps 0", "--steps is 0, but it must be at least 1"),
        (
            "--mask-rate 1",
            "--mask-rate is 1, but it must be at most 0.9",
        ),
        ("--max-len 4", "--max-len is 4, but it must be at least 8"),
        (
            "--vocab-size 3",
            "--vocab-size is 3, but it must be at least 16",
        ),
    ] {
        check(
            &lab,
            &format!("pretrain --corpus missing.txt --out run {flag}"),
            &[expected],
        );
    }
    // A flag of pre-training, which a comparison ignores.
    check(
        &lab,
        "compare --train missing.txt --from none --out run --mask-rate 5",
        &["missing.txt"],
    );
    check(
        &lab,
        "finetune --train missing.txt --out run --label-fraction 2",
        &["use a value above 0 and at most 1"],
    );
}

#[test]
fn a_label_map_that_cannot_be_read() {
    let lab = Lab::new();
    lab.write("broken.json", "{\"a\": ");
    lab.write("numbers.json", "{\"a\": 3}");
    for (file, expected) in [
        ("broken.json", "line 1"),
        ("numbers.json", "in numbers.json"),
    ] {
        let words = format!("finetune --train train.txt --out run --label-map {file}");
        check(&lab, &tiny(&words), &[expected]);
    }
}
