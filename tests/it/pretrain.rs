//! Pre-training: the contents of the run directory, and determinism.

use crate::lab::{Lab, TINY, finish};
use protocol::{Event, Metrics, Phase};
use std::io::Write;

const FILES: [&str; 9] = [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "vocab.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "run.json",
    "metrics.jsonl",
    "report.html",
];

#[test]
fn run_directory_has_the_documented_files() {
    let lab = Lab::new();
    let done =
        lab.tiny("pretrain --corpus text.txt --valid valid.txt --out runs/first --steps 12 --checkpoint-every 5").ok();
    assert_eq!(done.stdout, "", "without --json nothing goes to stdout");
    for name in FILES {
        assert!(
            lab.path("runs/first").join(name).is_file(),
            "{name} is missing"
        );
    }
    let record: serde_json::Value =
        serde_json::from_slice(&lab.read("runs/first/run.json")).expect("JSON");
    assert_eq!(record["status"], "finished");
    assert_eq!(record["seed"], 3);
    assert_eq!(record["config"]["preset"], "fast-nano");
    assert_eq!(
        record["inputs"][0]["sha256"].as_str().map(str::len),
        Some(64)
    );
    assert!(
        record["parameters"].as_u64() > Some(0) && record["device"]["backend"] == "cpu",
        "{record}"
    );
    check_events(&lab.events("runs/first"));
    let report = String::from_utf8(lab.read("runs/first/report.html")).expect("UTF-8");
    assert!(report.contains("<polyline") && !report.contains("http"));
    assert!(
        lab.run("inspect runs/first")
            .ok()
            .stdout
            .contains("run: pretrain (finished)")
    );
}

fn check_events(events: &[Event]) {
    let last_step = events.iter().rev().find_map(|event| match event {
        Event::Step { step, loss, .. } => Some((*step, *loss)),
        _ => None,
    });
    let (step, loss) = last_step.expect("steps are reported");
    assert!(step <= 12 && loss.is_finite() && loss > 0.0);
    assert!(
        matches!(
            events.last(),
            Some(Event::Finished {
                step: 12,
                stopped: false,
                ..
            })
        ),
        "{:?}",
        events.last()
    );
    let started = events
        .iter()
        .find(|event| matches!(event, Event::Started { .. }));
    let Some(Event::Started {
        phase: Phase::Pretrain,
        parameters,
        uniform,
        unigram,
        steps: 12,
        ..
    }) = started
    else {
        panic!("{started:?}")
    };
    assert!(*parameters > 0 && uniform > unigram && *unigram > 0.0);
    let checkpoints: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Checkpoint { step, path, .. } => Some((*step, path)),
            _ => None,
        })
        .inspect(|(step, path)| assert_eq!(*path, &format!("checkpoints/step-{step}")))
        .map(|(step, _)| step)
        .collect();
    assert!(checkpoints.starts_with(&[5, 10]), "{checkpoints:?}");
    let measured = |event: &Event| matches!(event, Event::Evaluated { metrics: Metrics::MaskedLm(m), .. } if m.n > 0);
    assert!(events.iter().any(measured), "held-out loss is measured");
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_another_seed_others() {
    let lab = Lab::new();
    let train = |out: &str, seed: &str| {
        let base = TINY
            .join(" ")
            .replace("--seed 3", &format!("--seed {seed}"));
        lab.run(&format!(
            "pretrain --corpus text.txt train.txt --out {out} --steps 20 {base}"
        ))
        .ok();
    };
    train("a", "3");
    train("b", "3");
    train("c", "4");
    assert_eq!(lab.timeless_journal("a"), lab.timeless_journal("b"));
    for name in [
        "model.safetensors",
        "config.json",
        "vocab.txt",
        "tokenizer.json",
        "run.json",
    ] {
        lab.same_file(&format!("a/{name}"), &format!("b/{name}"));
    }
    assert_ne!(lab.timeless_journal("a"), lab.timeless_journal("c"));
    lab.other_file("a/model.safetensors", "c/model.safetensors");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let lab = Lab::new();
    // Large enough that every operation of a step is split among threads.
    let shape = "--max-len 64 --batch-size 16 --steps 6 --device cpu --seed 3";
    let run = |threads: &str, words: &str| {
        let mut command = lab.command(&format!("{words}-{threads} {shape}"));
        finish(
            command
                .env("CLOZELAB_THREADS", threads)
                .spawn()
                .expect("the binary starts"),
        )
        .ok();
    };
    for threads in ["1", "2", "5"] {
        for preset in ["fast-tiny", "bert-tiny"] {
            let words = format!(
                "pretrain --corpus text.txt train.txt --preset {preset} --vocab-size 3000 --out {preset}"
            );
            run(threads, &words);
        }
        let labelled = "--train train.txt --valid valid.txt --parts one";
        run(
            threads,
            &format!("finetune {labelled} --from fast-tiny-{threads} --out labels"),
        );
    }
    for run in ["fast-tiny", "bert-tiny", "labels"] {
        for many in ["2", "5"] {
            assert_eq!(
                lab.timeless_journal(&format!("{run}-{many}")),
                lab.timeless_journal(&format!("{run}-1"))
            );
            lab.same_file(
                &format!("{run}-{many}/model.safetensors"),
                &format!("{run}-1/model.safetensors"),
            );
        }
    }
}

#[test]
fn text_from_a_folder_a_gz_and_stdin_is_the_same_text() {
    let lab = Lab::new();
    let text = lab.read("text.txt");
    lab.write("folder/inner/text.txt", &text);
    lab.write("folder/.hidden", "not read");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&text).expect("memory takes it");
    lab.write("text.txt.gz", packer.finish().expect("memory takes it"));
    lab.tiny("pretrain --corpus text.txt --out plain --steps 6")
        .ok();
    lab.tiny("pretrain --corpus folder --out folded --steps 6")
        .ok();
    lab.tiny("pretrain --corpus text.txt.gz --out packed --steps 6")
        .ok();
    lab.run_with(
        &crate::lab::tiny("pretrain --corpus - --out piped --steps 6"),
        &text,
    )
    .ok();
    for out in ["folded", "packed", "piped"] {
        lab.same_file(
            &format!("{out}/model.safetensors"),
            "plain/model.safetensors",
        );
    }
}

#[test]
fn every_size_and_tokenizer_of_this_journey_trains() {
    let lab = Lab::new();
    for (out, flags) in [
        (
            "bert",
            "--preset bert-tiny --tokenizer wordpiece --whole-word",
        ),
        ("old", "--preset tiny --tokenizer wordpiece"),
        ("limited", "--preset fast-nano --limit 100 --mask-rate 0.4"),
    ] {
        let common = "--device cpu --vocab-size 200 --max-len 16 --batch-size 4 --steps 3";
        lab.run(&format!(
            "pretrain --corpus text.txt --out {out} {common} {flags}"
        ))
        .ok();
        lab.run(&format!("inspect {out}")).ok();
    }
    let config: serde_json::Value =
        serde_json::from_slice(&lab.read("bert/config.json")).expect("JSON");
    assert_eq!(
        (
            config["model_type"].as_str(),
            config["hidden_size"].as_u64()
        ),
        (Some("bert"), Some(128))
    );
}

#[test]
fn training_continues_from_a_model_with_a_fresh_schedule() {
    let lab = Lab::new();
    lab.tiny("pretrain --corpus text.txt --out first --steps 10")
        .ok();
    lab.tiny("pretrain --corpus text.txt --out second --from first --steps 10")
        .ok();
    lab.same_file("first/vocab.txt", "second/vocab.txt");
    lab.other_file("first/model.safetensors", "second/model.safetensors");
    lab.tiny("pretrain --corpus text.txt --out fresh --steps 10")
        .ok();
    lab.same_file("first/model.safetensors", "fresh/model.safetensors");
    let first_loss = |run: &str| {
        let step = lab.events(run).into_iter().find_map(|event| match event {
            Event::Step { loss, .. } => Some(loss),
            _ => None,
        });
        step.expect("steps are reported")
    };
    assert!(
        first_loss("second") < first_loss("first"),
        "{} {}",
        first_loss("second"),
        first_loss("first")
    );
}
