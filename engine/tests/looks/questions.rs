//! Questions, pauses and stops amid runs and evaluations.

use crate::script::{Script, config, failures, look, losses, played, pretrain, served, tried};
use protocol::{Command, Event, Metrics, StartFrom};

/// An evaluation may take minutes: nobody waits for its end to pause, to ask or to look elsewhere.
#[test]
fn questions_and_pauses_are_heard_amid_an_evaluation_which_they_do_not_change() {
    let finetune = || Command::Finetune {
        run: "f".into(),
        config: config(&[("steps", "60"), ("parts", "one")]),
        from: StartFrom::TempStorage,
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

/// Its labels are of coins, and its vocabulary has two words.
#[test]
fn the_counting_task_leaves_questions_to_the_models_that_are_there() {
    let finetune = Command::Finetune {
        run: "f".into(),
        config: config(&[("steps", "30")]),
        from: StartFrom::TempStorage,
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

/// What is kept of a run whose tab is closed is what it had learned by then.
#[test]
fn a_model_can_be_had_amid_a_run_which_does_not_notice() {
    let script = played(
        vec![pretrain()],
        vec![(10, Command::ExportModel { request: 5 })],
    );
    let told = script.told.borrow();
    let place = told
        .iter()
        .position(|(event, _)| matches!(event, Event::Exported { request: 5, .. }))
        .expect("a model");
    let step = told[..place]
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
    assert!(told[place].1[0].starts_with(b"PK"), "an archive");
    drop(told);
    assert_eq!(losses(&script), losses(&played(vec![pretrain()], vec![])));
}

/// Neither its values nor what was asked of it.
#[test]
fn a_run_that_is_stopped_before_its_first_step_leaves_nothing() {
    let export = |request| Command::ExportModel { request };
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
            let told = script.told.borrow();
            told.iter().find_map(|(event, buffers)| {
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
fn pre_training_goes_on_from_the_model_at_hand_only_when_asked_to() {
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
fn a_refused_wish_to_go_on_is_forgotten() {
    let refused = Command::Pretrain {
        run: "r".into(),
        config: config(&[("max-len", "4")]),
        go_on: true,
    };
    let script = tried(vec![pretrain(), refused, pretrain()], vec![]);
    assert_eq!(failures(&script), ["max-len-too-small"]);
    let losses = losses(&script);
    assert_eq!(
        losses[..30],
        losses[30..],
        "the last run starts afresh, as the first did"
    );
}

#[test]
fn a_question_without_an_answer_says_which_it_was() {
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

/// The answer to many texts is what each of them gets by itself, amid a run and after it.
#[test]
fn many_hidden_words_are_guessed_in_one_answer() {
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
    let (step, together) = filled(2).expect("an answer");
    assert_eq!(step, None);
    for (request, guesses) in [(3, &together[0]), (4, &together[1])] {
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
