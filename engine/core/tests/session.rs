//! Tests of whole runs through the session, with a host that only records: determinism, exact
//! resumption after an interruption, and rejected requests without side effects.

#[path = "session/divergence.rs"]
mod divergence;
#[path = "session/helpers.rs"]
mod helpers;
#[path = "session/host.rs"]
mod host;

use engine::data::{InputFile, Opened, ReadOptions};
use engine::error::Error;
use engine::session::{Long, Session};
use futures_lite::future::block_on;
use host::{Memory, config, corpus, evaluations, pretrained, session, session_of_few, steps};
use protocol::{BackendChoice, Event, FileRole, Metrics, RunConfig, StartFrom};

#[test]
fn runs_are_deterministic_and_learn() {
    let hosts = [Memory::default(), Memory::default()];
    let config = config(&[("steps", "150"), ("lr", "0.01")]);
    let models = hosts.clone().map(|host| pretrained(&host, &config, None));
    assert!(models[0] == models[1], "the same bytes twice");
    assert_eq!(*hosts[0].events.borrow(), *hosts[1].events.borrow());
    let losses = steps(&hosts[0]);
    assert!(losses[losses.len() - 1].1 < 0.5 * losses[0].1, "{losses:?}");
    let other = Memory::default();
    let mut changed = config.clone();
    changed.seed = 8;
    assert!(
        pretrained(&other, &changed, None) != models[0],
        "another seed gives another model"
    );
}

/// With dropout, so that its masks are also part of the resumed state.
#[test]
fn a_resumed_run_equals_an_uninterrupted_one() {
    for preset in ["fast-nano", "bert-tiny", "textcnn", "mean"] {
        let config = config(&[
            ("preset", preset),
            ("steps", "24"),
            ("checkpoint-every", "10"),
            ("vocab-size", "60"),
        ]);
        let reference = Memory::default();
        let expected = pretrained(&reference, &config, None);
        let stopped = Memory {
            stop_after: Some(13),
            ..Memory::default()
        };
        let mut first = session(&stopped);
        let outcome = block_on(first.pretrain("run", &config, None)).expect("it stops well");
        assert!(outcome.stopped && outcome.step >= 13 && outcome.step < 24);
        for snapshot in stopped.snapshots.borrow().iter() {
            let resumed = Memory::default();
            let model = pretrained(&resumed, &config, Some(snapshot.clone()));
            assert!(
                model == expected,
                "{preset}: resumed at {}, the model is the same to the bit",
                snapshot.step
            );
            let tail: Vec<_> = steps(&reference)
                .into_iter()
                .filter(|(step, _)| *step > snapshot.step)
                .collect();
            assert_eq!(
                steps(&resumed),
                tail,
                "{preset}: resumed at {}",
                snapshot.step
            );
        }
        assert!(stopped.snapshots.borrow().len() >= 2);
    }
}

/// Each of five networks is evaluated on its own fold, and a run that is stopped anywhere resumes
/// to the same model.
#[test]
fn few_labelled_documents_are_cross_validated() {
    let config = config(&[("epochs", "1"), ("lr", "0.01")]);
    let finetuned = |host: &Memory, resume| {
        let mut session = session_of_few(host);
        let outcome = block_on(session.finetune("f", &config, StartFrom::Scratch, resume))
            .expect("it ends well");
        (outcome, block_on(session.export()).expect("a model"))
    };
    let reference = Memory::default();
    let (outcome, expected) = finetuned(&reference, None);
    let measured = evaluations(&reference);
    let counts: Vec<u64> = measured
        .iter()
        .map(|metrics| classifier(metrics).n)
        .collect();
    assert_eq!(
        (counts.iter().rev().skip(1).sum::<u64>(), counts.last()),
        (60, Some(&60)),
        "{counts:?}"
    );
    assert_eq!(counts.len(), 5 + 1);
    for breath in (1..=reference.breaths.get()).step_by(3) {
        let stopped = Memory::default();
        stopped.stop_at_breath.set(Some(breath));
        assert!(
            finetuned(&stopped, None).0.stopped,
            "stopped at breath {breath} of {}",
            reference.breaths.get()
        );
        let snapshot = stopped
            .snapshots
            .borrow()
            .last()
            .cloned()
            .expect("a stop keeps a checkpoint");
        let resumed = Memory::default();
        assert!(
            finetuned(&resumed, Some(snapshot)).1 == expected,
            "stopped at breath {breath}, and on"
        );
        assert_eq!(
            [evaluations(&stopped), evaluations(&resumed)].concat(),
            measured,
            "stopped at breath {breath}"
        );
    }
    assert!(outcome.step >= 5);
}

/// Error analysis of a cross-validated classifier uses predictions of parts that were not trained
/// on the documents.
#[test]
fn error_analysis_of_a_cross_validated_classifier_uses_unseen_documents() {
    let host = Memory::default();
    let mut session = session_of_few(&host);
    // The labels are independent of the texts, so that only memorised documents are predicted
    // correctly.
    let line = |i: usize| {
        format!(
            "word{} word{} __label__{}\n",
            i,
            7 * i % 60,
            ["a", "b"][(i * i / 7) % 2]
        )
    };
    let text: String = (0..60).map(line).collect();
    session
        .set_corpus(
            &Opened::new(&[InputFile::in_memory("t.txt", text, Some(FileRole::Train))]),
            &ReadOptions::default(),
        )
        .expect("sound");
    let config = config(&[("epochs", "30"), ("lr", "0.02")]);
    block_on(session.finetune("f", &config, StartFrom::Scratch, None)).expect("it ends well");
    let review = block_on(session.review("valid")).expect("there is a classifier");
    let right: u64 = (0..review.labels.len())
        .map(|label| review.confusion[label][label])
        .sum();
    assert_eq!(review.n, 60, "all documents validate");
    assert!(right < review.n, "by heart all {} would be right", review.n);
}

fn classifier(metrics: &Metrics) -> &protocol::ClassifierMetrics {
    match metrics {
        Metrics::Classifier(metrics) => metrics,
        Metrics::MaskedLm(_) => panic!("fine-tuning measures a classifier"),
    }
}

/// An evaluation may take minutes; a stop command ends it, too, and the resumed run repeats it.
#[test]
fn a_stop_command_ends_an_evaluation() {
    // After each of two epochs of each network, and of all parts together: five batches each for
    // every network.
    stops_during_evaluations("one", 3, 3 * 5);
    stops_during_evaluations("fusion", 7, (6 + 3) * 5);
}

fn stops_during_evaluations(parts: &str, expected_evaluations: usize, expected_stops: usize) {
    let change = [
        ("epochs", "2"),
        ("label-fraction", "0.1"),
        ("lr", "0.01"),
        ("parts", parts),
    ];
    let config = config(&change);
    let finetuned = |host: &Memory, resume| {
        let mut session = session(host);
        let outcome = block_on(session.finetune("f", &config, StartFrom::Scratch, resume))
            .expect("it ends well");
        (outcome, block_on(session.export()).expect("a model"))
    };
    let reference = Memory::default();
    let (_, expected) = finetuned(&reference, None);
    let measured = evaluations(&reference);
    assert_eq!(measured.len(), expected_evaluations, "{parts}");
    let mut during = 0;
    for breath in 1..=reference.breaths.get() {
        let stopped = Memory::default();
        stopped.stop_at_breath.set(Some(breath));
        let (outcome, left) = finetuned(&stopped, None);
        assert!(
            outcome.stopped,
            "stopped at breath {breath} of {}",
            reference.breaths.get()
        );
        let snapshot = stopped
            .snapshots
            .borrow()
            .last()
            .cloned()
            .expect("a stop keeps a checkpoint");
        // A network that has barely started is not used if a trained one exists.
        let trained = snapshot
            .files
            .iter()
            .find(|(name, _)| name == "trained-1.safetensors");
        if let Some((_, trained)) = trained.filter(|_| outcome.step % 10 < 5) {
            let left = left
                .iter()
                .find(|(name, _)| name == "model.safetensors")
                .map(|(_, bytes)| bytes);
            let second = snapshot
                .files
                .iter()
                .find(|(name, _)| name == "trained-2.safetensors");
            let second = second.map(|(_, bytes)| bytes);
            assert!(
                left == Some(trained) || left == second,
                "stopped at breath {breath}"
            );
        }
        let resumed = Memory::default();
        assert!(
            finetuned(&resumed, Some(snapshot)).1 == expected,
            "stopped at breath {breath}, and on"
        );
        let both = [evaluations(&stopped), evaluations(&resumed)].concat();
        assert_eq!(
            both, measured,
            "each evaluation once, stopped at breath {breath}"
        );
        let ends_an_epoch = outcome.step > 0 && outcome.step.is_multiple_of(5);
        during +=
            usize::from(ends_an_epoch && evaluations(&stopped).len() < (outcome.step / 5) as usize);
    }
    assert_eq!(during, expected_stops, "{parts}");
}

/// Word vectors initialise new models on the user's corpus; the toy task has another vocabulary and
/// another width.
#[test]
fn the_toy_task_ignores_word_vectors() {
    let mut session = session(&Memory::default());
    session.set_word_vectors(Some(Box::new(|take| take(b"cat 1 2 3"))));
    block_on(session.toy("t", &config(&[("steps", "2")]))).expect("it counts");
    assert!(
        block_on(session.pretrain("p", &config(&[]), None)).is_err(),
        "vectors of another width are told"
    );
}

/// The n-gram baseline is fair only if it uses the same documents as the model.
#[test]
fn the_ngram_baseline_uses_the_same_documents_as_fine_tuning() {
    let mut session = session(&Memory::default());
    let features = |session: &mut Session<Memory>, change: &[(&str, &str)]| match block_on(
        session.baseline(&config(change)),
    ) {
        Ok(Event::Baseline { result }) => result.features,
        other => panic!("{other:?}"),
    };
    let all = features(&mut session, &[]);
    for change in [("limit", "4"), ("label-fraction", "0.01")] {
        let fewer = features(&mut session, &[change]);
        assert!(fewer < all, "{change:?}: {fewer} of {all}");
    }
    let line = |i: usize| format!("is it {i}\tit is {} __label__{}\n", i % 5, i % 2);
    let text: String = (0..40)
        .map(line)
        .chain(["not a pair __label__0\n".to_string()])
        .collect();
    session
        .set_corpus(
            &Opened::new(&[InputFile::in_memory(
                "pairs.txt",
                text,
                Some(FileRole::Train),
            )]),
            &ReadOptions::default(),
        )
        .expect("a sound corpus");
    assert!(
        features(&mut session, &[("task", "pair")]) > 0,
        "a line that is no pair is left out"
    );
}

/// Results differ in the last digits between devices, so resuming on another one emits a warning.
#[test]
fn resuming_on_another_device_emits_a_warning() {
    let config = config(&[("steps", "8"), ("checkpoint-every", "4")]);
    let host = Memory::default();
    pretrained(&host, &config, None);
    let mut snapshot = host.snapshots.borrow()[0].clone();
    for (device, warned) in [(None, 0), (Some("Some GPU"), 1)] {
        if let Some(device) = device {
            let (_, bytes) = snapshot
                .files
                .iter_mut()
                .find(|(name, _)| name == "state.json")
                .expect("a state");
            let mut state: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
            state["device"] = device.into();
            *bytes = state.to_string().into_bytes();
        }
        let resumed = Memory::default();
        pretrained(&resumed, &config, Some(snapshot.clone()));
        let other =
            |event: &&Event| matches!(event, Event::Warning { code, .. } if code == "other-device");
        assert_eq!(
            resumed.events.borrow().iter().filter(other).count(),
            warned,
            "{device:?}"
        );
    }
}

#[test]
fn fine_tuning_learns_labels_from_pretrained_weights_and_from_scratch() {
    let host = Memory::default();
    let mut session = session(&host);
    block_on(session.pretrain("p", &config(&[("steps", "60"), ("lr", "0.01")]), None))
        .expect("pre-training works");
    for from in [StartFrom::Pretrained, StartFrom::Scratch] {
        host.events.borrow_mut().clear();
        block_on(session.finetune("f", &config(&[("epochs", "3"), ("lr", "0.01")]), from, None))
            .expect("fine-tuning works");
        let evaluations = evaluations(&host);
        let Some(Metrics::Classifier(last)) = evaluations.last() else {
            panic!("no figures in {evaluations:?}")
        };
        assert!(last.micro_f1 > 0.95, "{from:?}: micro F1 {}", last.micro_f1);
        assert_eq!(last.per_label.len(), 8);
    }
    let labels = block_on(session.predict(
        &["the small dog barks".into(), String::new()],
        Some(2),
        Long::Cut,
    ))
    .expect("a classifier");
    let mut best: Vec<&str> = labels[0].iter().map(|label| label.label.as_str()).collect();
    best.sort_unstable();
    assert_eq!(best, ["dog", "yard"]);
    assert!(labels[1].is_empty(), "an empty line has no labels");
    let guesses =
        block_on(session.fill_mask("the small cat [MASK] today", 3)).expect("a language model");
    assert_eq!((guesses.len(), guesses[0].candidates.len()), (1, 3));
}

#[test]
fn attention_rows_sum_to_one() {
    let host = Memory::default();
    let mut session = session(&host);
    block_on(session.pretrain("p", &config(&[("steps", "2")]), None)).expect("pre-training works");
    let (tokens, layers) = block_on(session.attention("the small dog barks")).expect("attention");
    assert_eq!(
        (layers.len(), layers[0].len(), layers[0][0].len()),
        (1, 2, tokens.len())
    );
    for row in layers.iter().flatten().flatten() {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn an_exported_model_round_trips() {
    for preset in ["fast-nano", "bert-tiny", "textcnn", "mean"] {
        let host = Memory::default();
        let files = pretrained(&host, &config(&[("preset", preset), ("steps", "2")]), None);
        let mut other = session(&host);
        other.import(files.clone()).expect("our own model");
        assert!(
            block_on(other.export()).expect("a model") == files,
            "{preset}"
        );
    }
}

#[test]
fn invalid_requests_are_rejected_with_a_hint() {
    let host = Memory::default();
    let mut session = session(&host);
    let code = |error: Error| {
        assert!(
            !error.hint().is_empty() && error.exit_code() == 2,
            "{error}"
        );
        error.code()
    };
    let refuse = |session: &mut Session<Memory>, change: &[(&str, &str)]| {
        code(block_on(session.pretrain("p", &config(change), None)).expect_err("refused"))
    };
    assert_eq!(refuse(&mut session, &[("max-len", "4")]), "bad-setting");
    assert_eq!(refuse(&mut session, &[("lr", "-1")]), "bad-setting");
    assert_eq!(
        refuse(
            &mut session,
            &[("preset", "bert-tiny"), ("backbone", "textcnn")]
        ),
        "no-such-backbone"
    );
    let error = block_on(session.finetune("f", &config(&[]), StartFrom::Pretrained, None))
        .expect_err("nothing to start from");
    assert_eq!(code(error), "no-pretrained-model");
    assert_eq!(
        code(block_on(session.fill_mask("a [MASK]", 1)).expect_err("no model")),
        "no-model"
    );
    block_on(session.pretrain(
        "p",
        &config(&[("steps", "2"), ("preset", "bert-tiny"), ("max-len", "16")]),
        None,
    ))
    .expect("sound");
    assert_eq!(
        code(block_on(session.fill_mask("no mask here", 1)).expect_err("no mask")),
        "no-mask"
    );
    assert_eq!(
        code(block_on(session.predict(&["text".into()], None, Long::Cut)).expect_err("no labels")),
        "no-classifier"
    );
    let long = block_on(session.finetune(
        "f",
        &config(&[("max-len", "513")]),
        StartFrom::Pretrained,
        None,
    ));
    assert_eq!(code(long.expect_err("too long")), "max-len-too-large");
    let (mut files, _) = (block_on(session.export()).expect("a model"), ());
    let weights = files
        .iter_mut()
        .find(|(name, _)| name == "model.safetensors")
        .expect("weights");
    weights.1.truncate(100);
    assert_eq!(
        code(session.import(files).expect_err("truncated")),
        "bad-weights"
    );
    assert_eq!(
        block_on(session.fill_mask("the [MASK]", 1))
            .expect("the old model is still there")
            .len(),
        1
    );
}

#[test]
fn a_run_does_not_resume_on_another_corpus() {
    let host = Memory {
        stop_after: Some(2),
        ..Memory::default()
    };
    let mut first = session(&host);
    block_on(first.pretrain("p", &config(&[("steps", "20")]), None)).expect("it stops");
    let snapshot = host.snapshots.borrow()[0].clone();
    let mut other = block_on(Session::open(Memory::default(), BackendChoice::Cpu)).expect("opens");
    other
        .set_corpus(&Opened::new(&corpus(404)), &ReadOptions::default())
        .expect("sound");
    let error = block_on(other.pretrain("p", &config(&[("steps", "20")]), Some(snapshot)))
        .expect_err("refused");
    assert_eq!(error.code(), "other-corpus");
}

/// Relative tolerance of the loss of the first step, with the same weights and batch.
#[cfg(feature = "gpu")]
const FIRST_STEP: f64 = 1e-4;
/// Relative tolerance of losses during 20 steps, through which rounding errors accumulate.
#[cfg(feature = "gpu")]
const TWENTY_STEPS: f64 = 1e-3;

#[cfg(feature = "gpu")]
#[test]
#[ignore = "needs a graphics driver; cargo xtask test runs it"]
fn the_cpu_and_the_gpu_engine_train_alike() {
    // `bert-tiny` pre-trains with dropout, whose masks are the same on all backends.
    for preset in ["fast-nano", "bert-tiny"] {
        check_engines(&config(&[
            ("preset", preset),
            ("steps", "20"),
            ("vocab-size", "60"),
        ]));
    }
}

#[cfg(feature = "gpu")]
fn check_engines(config: &RunConfig) {
    let losses = [BackendChoice::Cpu, BackendChoice::Gpu].map(|backend| {
        let host = Memory::default();
        let opened = block_on(Session::open(host.clone(), backend));
        let mut session = opened.expect("this test needs an adapter; Mesa's lavapipe will do");
        session
            .set_corpus(&Opened::new(&corpus(400)), &ReadOptions::default())
            .expect("a sound corpus");
        block_on(session.pretrain("run", config, None)).expect("the run ends well");
        steps(&host)
    });
    assert_eq!((losses[0].len(), losses[1].len()), (20, 20));
    for ((step, cpu), (_, gpu)) in losses[0].iter().zip(&losses[1]) {
        let tolerance = if *step == 1 { FIRST_STEP } else { TWENTY_STEPS };
        assert!(
            (cpu - gpu).abs() <= tolerance * cpu,
            "step {step}: {cpu} on the CPU, {gpu} on the GPU"
        );
    }
}
