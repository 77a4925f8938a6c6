//! Corpora that are streamed: more text than fits in memory, cached tokens that a later run reuses,
//! and files that change between runs.

use crate::lab::Lab;
use protocol::Event;
use std::fmt::Write;

/// Number of documents whose text exceeds the 64 MiB kept in memory.
const DOCUMENTS: usize = 260_000;
/// A short run with a small vocabulary of whole words, since only reading matters.
const SETTINGS: &str =
    "--preset fast-nano --tokenizer word --vocab-size 500 --steps 4 --device cpu --quiet";

fn text(documents: usize) -> String {
    let mut text = String::new();
    for i in 0..documents {
        // Thirty-two words of a few kinds each, so that there is something to learn.
        let words = (0..32)
            .map(|k| format!("w{:x}{k}", (i * 7919 + k * 104_729) % 13))
            .collect::<Vec<_>>()
            .join(" ");
        let filler = "and so the story went on and on until it ended ".repeat(4);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{words} {filler}{i} __label__{}", i % 3);
    }
    text
}

fn losses(lab: &Lab, run: &str) -> Vec<f64> {
    let loss = |event: Event| {
        if let Event::Step { loss, .. } = event {
            Some(loss)
        } else {
            None
        }
    };
    lab.events(run).into_iter().filter_map(loss).collect()
}

fn entries(lab: &Lab) -> usize {
    std::fs::read_dir(lab.path("cache"))
        .expect("made by the first run")
        .count()
}

#[test]
fn cached_tokens_are_reused_only_for_the_same_text_and_settings() {
    let lab = Lab::new();
    let text = text(DOCUMENTS);
    assert!(text.len() > 64 << 20);
    lab.write("large.txt", &text);
    let pretrain = |out: &str, more: &str| {
        lab.run(&format!(
            "pretrain --corpus large.txt --out {out} {SETTINGS} {more}"
        ))
        .ok();
        losses(&lab, out)
    };
    let first = pretrain("first", "--token-cache cache");
    assert_eq!((first.len(), entries(&lab)), (4, 1));
    assert_eq!(
        (pretrain("again", "--token-cache cache"), entries(&lab)),
        (first.clone(), 1)
    );
    let known = |run: &str| {
        let known = |event: &Event| matches!(event, Event::Compiling { message, .. } if message.to_string().contains("earlier run"));
        lab.events(run).iter().any(known)
    };
    assert!(known("again") && !known("first"));
    assert_eq!(pretrain("without", "--token-cache off"), first);
    assert_ne!(
        pretrain("cased", "--token-cache cache --cased"),
        Vec::<f64>::new()
    );
    assert!(!known("cased"));
    // One word of the text is changed.
    lab.write("large.txt", text.replacen("story", "song", 1));
    pretrain("changed", "--token-cache cache");
    assert_eq!((known("changed"), entries(&lab)), (false, 3));
    // A damaged entry is reported and created again.
    for entry in std::fs::read_dir(lab.path("cache"))
        .expect("there")
        .flatten()
    {
        std::fs::write(entry.path().join("train.tokens"), "damage").expect("writable");
    }
    let done = lab
        .run(&format!(
            "pretrain --corpus large.txt --out mended {SETTINGS} --token-cache cache"
        ))
        .ok();
    assert!(done.stderr.contains("are damaged"), "{}", done.stderr);
    assert_eq!(losses(&lab, "mended"), losses(&lab, "changed"));
}

#[test]
fn memory_does_not_grow_with_the_corpus() {
    let lab = Lab::new();
    let bench = |documents: u64| {
        lab.run(&format!(
            "bench --documents {documents} --preset fast-nano --device cpu --json"
        ))
        .ok()
        .json()
    };
    let (small, large) = (bench(60_000), bench(120_000));
    for measured in [&small, &large] {
        assert!(
            measured["text_bytes"].as_u64() > Some(64 << 20),
            "{measured}"
        );
        let known = [&measured["first"], &measured["again"]]
            .map(|times| times["vocabulary_secs"].is_null());
        assert_eq!(known, [false, true], "{measured}");
    }
    let peak = |measured: &serde_json::Value| measured["peak_memory_bytes"].as_f64();
    // Only Linux reports the peak.
    if let (Some(small), Some(large)) = (peak(&small), peak(&large)) {
        // The peaks of equal runs differ by up to a quarter, depending on when the allocator
        // returns memory.
        let large = if large < 1.2 * small {
            large
        } else {
            peak(&bench(120_000)).map_or(large, |again| again.min(large))
        };
        assert!(large < 1.2 * small, "{small} {large}");
    }
}

#[test]
fn fine_tuning_on_a_large_corpus_reuses_cached_tokens() {
    let lab = Lab::new();
    lab.write("large.txt", text(DOCUMENTS));
    lab.run(&format!(
        "pretrain --corpus large.txt --out model {SETTINGS} --token-cache cache"
    ))
    .ok();
    let finetune = |out: &str, cache: &str| {
        let rest = "--steps 4 --batch-size 8 --device cpu --json";
        let words = format!(
            "finetune --train large.txt --from model --out {out} {rest} --token-cache {cache}"
        );
        assert!(
            lab.run(&words)
                .ok()
                .stdout
                .contains("\"labelled_valid\":2000")
        );
        losses(&lab, out)
    };
    let first = finetune("first", "cache");
    assert_eq!((first.len(), entries(&lab)), (4, 2));
    assert_eq!(
        (finetune("again", "cache"), entries(&lab)),
        (first.clone(), 2)
    );
    assert_eq!(finetune("without", "off"), first);
}
