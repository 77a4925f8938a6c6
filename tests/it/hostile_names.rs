//! Files and folders whose names are not UTF-8, as in old archives: every command handles them or
//! refuses them with a message, and none panics.

use crate::lab::{Done, Lab, TINY, finish};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Returns `stem` with an invalid UTF-8 byte, as Latin-1 encodes an é, and `ending`.
fn hostile(stem: &str, ending: &str) -> OsString {
    OsStr::from_bytes(&[stem.as_bytes(), b"\xe9", ending.as_bytes()].concat()).into()
}

/// Runs `words`, in which `@train.txt` means `train`, the invalid byte, and `.txt`.
fn run(lab: &Lab, words: &str) -> Done {
    let word = |word: &str| match word.strip_prefix('@') {
        None => OsString::from(word),
        Some(name) => {
            let (stem, ending) = name
                .rsplit_once('.')
                .map_or((name, String::new()), |(stem, end)| {
                    (stem, format!(".{end}"))
                });
            hostile(stem, &ending)
        }
    };
    let done = finish(
        lab.command_of(words.split_whitespace().map(word))
            .spawn()
            .expect("starts"),
    );
    assert!(
        !done.stderr.contains("panicked") && matches!(done.code, Some(0..=2)),
        "{words}: {}",
        done.stderr
    );
    done
}

fn lab() -> Lab {
    let lab = Lab::new();
    for name in ["train", "valid", "test", "text"] {
        std::fs::write(
            lab.path(hostile(name, ".txt")),
            lab.read(&format!("{name}.txt")),
        )
        .expect("writable");
    }
    lab
}

#[test]
fn every_command_accepts_them() {
    let lab = lab();
    let tiny = TINY.join(" ");
    lab.write(
        "case.json",
        "{\"fact\":\"some text\",\"meta\":{\"accusation\":[\"theft\"]}}\n",
    );
    std::fs::rename(lab.path("case.json"), lab.path(hostile("case", ".json"))).expect("writable");
    for words in [
        format!("pretrain --corpus @text.txt --valid @valid.txt --out @words --steps 4 --checkpoint-every 2 {tiny}").as_str(),
        format!("pretrain --corpus @text.txt --from @words --out again --steps 2 {tiny}").as_str(),
        format!(
            "finetune --train @train.txt --valid @valid.txt --test @test.txt --from @words --out @labels --steps 3 {tiny}"
        ).as_str(),
        "compare --train @train.txt --valid @valid.txt --from @words --out @compared --seeds 1 --epochs 0.1 --lrs 0.01 --device cpu",
        "evaluate --model @labels --data @test.txt --device cpu",
        "predict --model @labels --data @text.txt --device cpu",
        "predict --model @labels --data @text.txt --out @answers.csv --device cpu",
        "fill-mask --model @words --device cpu [MASK]",
        "attention --model @words --device cpu text",
        "export --model @words --zip @packed.zip",
        "export --model @words --onnx @packed.onnx",
        "convert cail @case.json @cases.txt",
        "tokenize --corpus @text.txt --model @words --out @tokens --device cpu",
        "inspect @words",
        "inspect @words --json",
        "inspect @compared",
        "mcp @words --documents @text.txt --device cpu",
    ] {
        let done = run(&lab, words);
        let is_refusal_right = words.starts_with("inspect @compared");
        assert!(done.code == Some(0) || is_refusal_right, "{words}: {}", done.stderr);
    }
}

#[test]
fn runs_on_them_resume() {
    let lab = lab();
    let words = format!(
        "pretrain --corpus @text.txt --out run --steps 10 --checkpoint-every 5 {}",
        TINY.join(" ")
    );
    assert_eq!(run(&lab, &words).code, Some(0));
    let weights = lab.read("run/model.safetensors");
    let record = String::from_utf8(lab.read("run/run.json")).expect("UTF-8");
    assert!(record.contains("text%E9.txt"), "{record}");
    lab.write(
        "run/run.json",
        record.replace("\"finished\"", "\"running\""),
    );
    let done = lab.run("pretrain --out run --resume").ok();
    assert!(!done.stderr.contains("already finished"), "{}", done.stderr);
    assert!(
        lab.read("run/model.safetensors") == weights,
        "it went on with another text"
    );
}

#[test]
fn refusals_have_a_message() {
    let lab = lab();
    std::fs::write(lab.path(hostile("empty", ".txt")), "").expect("writable");
    for words in [
        "pretrain --corpus @empty.txt --out run",
        "pretrain --corpus @missing.txt --out run",
        "pretrain --corpus text.txt --embeddings @missing.vec --out run",
        "pretrain --corpus text.txt --embedding-init @own --out run",
        "pretrain --corpus text.txt --from @missing --out run",
        "finetune --train @text.txt --out run --device cpu",
        "finetune --train train.txt --label-map @missing.json --out run",
        "compare --train @train.txt --from @missing --out run",
        "demo --out @text.txt",
        "toy --device @cpu",
        "bench --preset @nano",
        "convert cail @text.txt cases.txt",
        "evaluate --model @missing --data @text.txt",
        "predict --model @missing --data @text.txt",
        "fill-mask --model @missing [MASK]",
        "neighbours --model @missing word",
        "attention --model @missing text",
        "export --model @missing --zip packed.zip",
        "serve-model @missing --documents @text.txt --port 0",
        "mcp @missing",
        "tokenize --corpus @text.txt --model @missing --out tokens",
        "inspect @missing",
        "pretrain --corpus @text.txt --out run --token-cache @cache",
    ] {
        run(&lab, words).refused();
        assert!(!lab.path("run").exists(), "{words}");
    }
}

#[test]
fn a_refusal_of_a_text_names_its_file() {
    let lab = Lab::new();
    lab.write("three.txt", "only three words\n");
    lab.write("blank.txt", "\n \n");
    lab.write("long.txt", "x".repeat((64 << 20) + 1));
    lab.write(
        "one.txt",
        "some text of one kind __label__same\n".repeat(50),
    );
    lab.write(
        "two.txt",
        "some text __label__a __label__b\nmore text __label__a\n".repeat(50),
    );
    lab.write("words.vec", "no vectors here\n");
    for (words, name) in [
        ("pretrain --corpus three.txt --out run", "three.txt"),
        ("pretrain --corpus blank.txt --out run", "blank.txt"),
        (
            "pretrain --corpus long.txt --out run",
            "line 1 of \"long.txt\" is longer than 64 MiB",
        ),
        (
            "pretrain --corpus text.txt --embeddings words.vec --out run",
            "words.vec",
        ),
        ("finetune --train one.txt --out run", "one.txt"),
        ("finetune --train text.txt --out run", "text.txt"),
        (
            "finetune --train two.txt --task single-label --out run",
            "two.txt",
        ),
    ] {
        let done = lab.run(&format!(
            "{words} --steps 3 --device cpu --preset fast-nano"
        ));
        let reason = done
            .refused()
            .stderr
            .lines()
            .rev()
            .nth(1)
            .unwrap_or_default();
        assert!(reason.contains(name), "{words}: {reason}");
    }
}
