//! Queries, pauses and stops during runs and evaluations.

use crate::script::{Script, config, failures, look, losses, played, pretrain, served, tried};
use protocol::{Command, Event, ExportFormat, Metrics, StartFrom};

/// An evaluation may take minutes; pauses, queries and previews must not wait for its end.
#[test]
fn queries_and_pauses_are_handled_during_an_evaluation_without_changing_it() {
    let finetune = || Command::Finetune {
        run: "f".into(),
        config: config(&[("steps", "60"), ("parts", "one")]),
        from: StartFrom::Scratch,
    };
    let ask = Command::Classify {
        request: 7,
        text: "the cat purrs".into(),
        top_k: 3,
    };
    let during = vec![
        (30, Command::Pause),
        (0, ask),
        (0, look(0)),
        (0, Command::Resume),
    ];
    let (disturbed, alone) = (
        played(vec![finetune()], during),
        played(vec![finetune()], vec![]),
    );
    let of_step_30 = |event: &Event| match event {
        Event::Step { step: 30, .. } => Some("step"),
        Event::Paused { step: 30, .. } => Some("paused"),
        Event::Classified { request: 7, .. } => Some("classified"),
        Event::Masking { step: Some(30), .. } => Some("looked"),
        Event::Resumed { step: 30, .. } => Some("resumed"),
        Event::Evaluated { step: 30, .. } => Some("evaluated"),
        _ => None,
    };
    let order: Vec<_> = disturbed.events().iter().filter_map(of_step_30).collect();
    assert_eq!(
        order,
        [
            "step",
            "paused",
            "classified",
            "looked",
            "resumed",
            "evaluated"
        ]
    );
    let measured = |script: &Script| {
        let metrics = |event| {
            if let Event::Evaluated { metrics, .. } = event {
                Some(metrics)
            } else {
                None
            }
        };
        script
            .events()
            .into_iter()
            .filter_map(metrics)
            .collect::<Vec<Metrics>>()
    };
    assert_eq!(measured(&disturbed), measured(&alone));
    assert_eq!(losses(&disturbed), losses(&alone));
}

/// The toy task has its own labels and a vocabulary of two words.
#[test]
fn queries_during_the_toy_task_are_answered_by_the_loaded_model() {
    let finetune = Command::Finetune {
        run: "f".into(),
        config: config(&[("steps", "30")]),
        from: StartFrom::Scratch,
    };
    let toy = Command::Toy {
        run: "t".into(),
        config: config(&[("preset", "bert-tiny"), ("steps", "40")]),
    };
    let question = Command::Classify {
        request: 4,
        text: "the small dog barks".into(),
        top_k: 1,
    };
    let script = played(vec![finetune, toy], vec![(35, question)]);
    let answer = script.events().into_iter().find_map(|event| match event {
        Event::Classified {
            request: 4, labels, ..
        } => Some(labels[0].label.clone()),
        _ => None,
    });
    let answer = answer.expect("an answer");
    assert!(["dog", "yard"].contains(&answer.as_str()), "{answer}");
}

/// A predicted label by default, another one on request.
#[test]
fn a_word_that_decides_a_label_has_the_most_evidence() {
    let finetune = Command::Finetune {
        run: "f".into(),
        config: config(&[("steps", "60")]),
        from: StartFrom::Scratch,
    };
    let explain = |request, label: Option<&str>| Command::Explain {
        request,
        text: "The small dog barks, today.".into(),
        label: label.map(Into::into),
    };
    let questions = vec![
        finetune,
        explain(1, None),
        explain(2, Some("cat")),
        explain(3, Some("unicorn")),
    ];
    let script = tried(questions, vec![]);
    let events = script.events();
    let answer = |wanted| {
        let answers = events.iter().find_map(|event| match event {
            Event::Explained {
                request,
                label,
                words,
                ..
            } if *request == wanted => Some((label.as_str(), words.clone())),
            _ => None,
        });
        answers.expect("an answer")
    };
    let (label, words) = answer(1);
    assert!(["dog", "yard"].contains(&label), "{label}");
    let spans: Vec<(u64, u64)> = words.iter().map(|word| (word.start, word.end)).collect();
    assert_eq!(spans, [(0, 3), (4, 9), (10, 13), (14, 19), (21, 26)]);
    let effect = |index: usize| words[index].effect;
    assert!(effect(2) > 0.0 || effect(3) > 0.0, "{words:?}");
    assert!(effect(2).max(effect(3)) > effect(0), "{words:?}");
    assert!(words.iter().all(|word| word.linear.is_some()), "{words:?}");
    let (label, words) = answer(2);
    assert_eq!(label, "cat");
    assert!(words[2].effect.min(words[3].effect) < 0.0, "{words:?}");
    assert_eq!(failures(&script), ["unknown-label"]);
}

/// The page saves the current weights of a run when its tab is closed.
#[test]
fn a_model_can_be_exported_during_a_run_without_changing_it() {
    let script = played(
        vec![pretrain()],
        vec![(
            10,
            Command::ExportModel {
                request: 5,
                format: ExportFormat::Zip,
            },
        )],
    );
    let events = script.told.borrow();
    let position = events
        .iter()
        .position(|(event, _)| matches!(event, Event::Exported { request: 5, .. }))
        .expect("a model");
    let step = events[..position]
        .iter()
        .rev()
        .find_map(|(event, _)| match event {
            Event::Step { step, .. } => Some(*step),
            _ => None,
        });
    assert!(
        step.is_some_and(|step| (10..30).contains(&step)),
        "{step:?}"
    );
    assert!(events[position].1[0].starts_with(b"PK"), "an archive");
    drop(events);
    assert_eq!(losses(&script), losses(&played(vec![pretrain()], vec![])));
}

/// Neither its weights nor its request to continue training.
#[test]
fn a_run_stopped_before_its_first_step_changes_nothing() {
    let export = |request| Command::ExportModel {
        request,
        format: ExportFormat::Zip,
    };
    let learn = |run: &str, go_on| Command::Pretrain {
        run: run.into(),
        config: config(&[]),
        go_on,
    };
    let label = || Command::Finetune {
        run: "no".into(),
        config: config(&[]),
        from: StartFrom::Pretrained,
    };
    for unwanted in [
        vec![learn("no", false)],
        vec![learn("no", true)],
        vec![label()],
    ] {
        let commands = [
            vec![learn("p", false), export(1)],
            unwanted,
            vec![export(2), learn("q", false)],
        ]
        .concat();
        let script = served(
            Script {
                unwanted: Some("no"),
                ..Script::default()
            },
            commands,
        );
        let archive = |wanted: u64| {
            let events = script.told.borrow();
            events.iter().find_map(|(event, buffers)| {
                matches!(event, Event::Exported { request, .. } if *request == wanted)
                    .then(|| buffers[0].clone())
            })
        };
        assert!(
            archive(1).is_some() && archive(1) == archive(2),
            "the model that was there"
        );
        let of = |run: &str| {
            let steps = script.events().into_iter().filter_map(|event| match event {
                Event::Step {
                    run: other,
                    step,
                    loss,
                    ..
                } if other == run => Some((step, loss)),
                _ => None,
            });
            steps.collect::<Vec<_>>()
        };
        assert!(
            of("no").is_empty() && of("p") == of("q"),
            "the next run begins anew"
        );
    }
}

#[test]
fn pretraining_continues_from_the_loaded_model_only_on_request() {
    let again = |go_on| Command::Pretrain {
        run: "q".into(),
        config: config(&[]),
        go_on,
    };
    let first_loss = |go_on| losses(&played(vec![pretrain(), again(go_on)], vec![]))[30].1;
    assert!(
        first_loss(true) < 0.8 * first_loss(false),
        "{} {}",
        first_loss(true),
        first_loss(false)
    );
}

#[test]
fn a_rejected_continuation_does_not_affect_the_next_run() {
    let refused = Command::Pretrain {
        run: "r".into(),
        config: config(&[("max-len", "4")]),
        go_on: true,
    };
    let script = tried(vec![pretrain(), refused, pretrain()], vec![]);
    assert_eq!(failures(&script), ["bad-setting"]);
    let losses = losses(&script);
    assert_eq!(
        losses[..30],
        losses[30..],
        "the last run starts afresh, as the first did"
    );
}

#[test]
fn failed_queries_report_their_request_id() {
    let long = Command::Attend {
        request: 7,
        text: "cat ".repeat(600),
    };
    let script = tried(
        vec![
            Command::Attend {
                request: 6,
                text: "cat".into(),
            },
            pretrain(),
            long,
        ],
        vec![],
    );
    let failed = script.events().into_iter().filter_map(|event| match event {
        Event::Failed { code, request, .. } => Some((code, request)),
        _ => None,
    });
    assert_eq!(
        failed.collect::<Vec<_>>(),
        [
            ("no-model".into(), Some(6)),
            ("text-too-long".into(), Some(7))
        ]
    );
}

/// The response to many texts equals the responses to each of them, both during a run and after it.
#[test]
fn many_masks_are_filled_in_one_response() {
    let texts = [
        "the small [MASK] barks",
        "[MASK] purrs today in the house of my friend",
    ]
    .map(String::from);
    let all = |request| Command::FillMasks {
        request,
        texts: texts.to_vec(),
        top_k: 3,
    };
    let one = |request, text: &String| Command::FillMask {
        request,
        text: text.clone(),
        top_k: 3,
    };
    let many = Command::FillMasks {
        request: 9,
        texts: vec!["[MASK] [MASK]".into()],
        top_k: 3,
    };
    let after = vec![
        pretrain(),
        all(2),
        one(3, &texts[0]),
        one(4, &texts[1]),
        many,
    ];
    let script = tried(after, vec![(10, all(1))]);
    let events = script.events();
    let filled = |wanted: u64| {
        events.iter().find_map(|event| match event {
            Event::FilledMasks {
                request,
                step,
                guesses,
            } if *request == wanted => Some((*step, guesses.clone())),
            _ => None,
        })
    };
    assert_eq!(
        filled(1).map(|(step, guesses)| (step, guesses.len())),
        Some((Some(10), 2))
    );
    let (step, batched) = filled(2).expect("an answer");
    assert_eq!(step, None);
    for (request, guesses) in [(3, &batched[0]), (4, &batched[1])] {
        let alone = events.iter().find_map(|event| match event {
            Event::Guesses {
                request: asked,
                masks,
            } if *asked == request => Some(masks[0].candidates.clone()),
            _ => None,
        });
        let alone = alone.expect("an answer");
        assert!(
            alone
                .iter()
                .zip(guesses)
                .all(|(a, b)| a.token == b.token && (a.score - b.score).abs() < 1e-5)
        );
    }
    assert_eq!(failures(&script), ["no-mask"]);
}
