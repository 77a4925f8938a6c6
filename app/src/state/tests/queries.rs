//! Queries to the engine: answered, refused or outdated.

use super::{corpus, finished, step};
use crate::state::*;
use protocol::{HandLabelScores, Message, RunConfig, StartFrom, message};

#[test]
fn only_the_answer_to_the_last_query_is_shown() {
    let mut state = RunState::default();
    let (first, second) = (
        state.next_request(Question::Guesses),
        state.next_request(Question::Guesses),
    );
    state.apply(Event::Guesses {
        request: first,
        masks: vec![],
    });
    assert_eq!(state.guesses, None);
    state.apply(Event::Guesses {
        request: second,
        masks: vec![],
    });
    assert_eq!(state.guesses, Some(vec![]));
}

/// First documents of previous files, and late answers about them, must not be shown for the
/// current ones.
#[test]
fn first_documents_are_requested_once_per_corpus() {
    let mut state = RunState::default();
    assert!(!state.wants_first_documents(), "nothing was read");
    let answer = |request| Event::Lines {
        request,
        lines: vec![],
        more: 3,
    };
    state.apply(corpus(1, 0));
    assert!(state.wants_first_documents());
    let request = state.ask_first_documents();
    assert!(!state.wants_first_documents(), "it is on its way");
    state.apply(answer(request));
    assert_eq!(
        (
            state.first_documents.clone().map(|found| found.more),
            state.lines.is_none()
        ),
        (Some(3), true)
    );
    let request = state.ask_first_documents();
    state.apply(corpus(1, 0));
    state.apply(answer(request));
    assert!(state.first_documents.is_none() && state.wants_first_documents());
}

#[test]
fn predictions_are_kept_for_comparison() {
    let guess = |token: &str| {
        vec![MaskPrediction {
            position: 1,
            candidates: vec![protocol::Candidate {
                token: token.into(),
                score: 0.5,
            }],
        }]
    };
    let mut state = RunState::default();
    let answer = |state: &mut RunState, text: &str, token: &str| {
        let request = state.ask_guesses(text);
        let event = Event::Guesses {
            request,
            masks: guess(token),
        };
        state.apply(event.clone());
        state.apply(event);
    };
    answer(&mut state, "a [MASK]", "cat");
    assert_eq!(
        (state.guesses.clone(), state.guesses_before()),
        (Some(guess("cat")), None),
        "told twice, answered once"
    );
    state.apply(finished("pretrain-1", 5, false));
    assert_eq!(
        state.guesses, None,
        "another model has not said anything yet"
    );
    answer(&mut state, "a [MASK]", "dog");
    assert_eq!(state.guesses_before(), Some(guess("cat").as_slice()));
    answer(&mut state, "the [MASK]", "cow");
    assert_eq!(state.guesses_before(), None, "another text");
}

#[test]
fn answers_of_the_previous_model_are_discarded_and_failed_queries_do_not_stop_reading() {
    let mut state = RunState::default();
    let request = state.next_request(Question::Review);
    state.apply(Event::Reviewed {
        request,
        review: Default::default(),
    });
    assert!(state.review.is_some());
    state.apply(finished("finetune-1", 5, false));
    assert!(state.review.is_none(), "another classifier");
    state.reading = true;
    let about = |request| Event::Failed {
        run: String::new(),
        code: "x".into(),
        message: message!("m"),
        hint: message!("h"),
        request,
    };
    state.apply(about(Some(3)));
    assert!(state.reading, "a question failed, not the reading");
    state.apply(about(None));
    assert!(!state.reading);
}

#[test]
fn ended_comparison_leaves_no_active_run() {
    let config = RunConfig::default();
    for ending in [
        Event::Failed {
            run: "compare-1".into(),
            code: "x".into(),
            message: message!("m"),
            hint: message!("h"),
            request: None,
        },
        Event::Finished {
            run: "compare-1".into(),
            step: 0,
            stopped: true,
            elapsed_secs: 1.0,
        },
    ] {
        let mut state = RunState::default();
        assert_eq!(state.begin_other("compare", &config), "compare-1");
        state.apply(step("compare-1-scratch-1-0.003-seed-1", 3, 5.0));
        assert!(state.active().is_some_and(|run| run.name()
            == "Comparison 1: from scratch, 100.0 % of the labels, rate 0.003, seed 1"));
        assert_eq!(state.comparing().map(|(begun, _)| begun), Some(1));
        state.apply(ending);
        assert_eq!(state.comparing(), None);
        assert!(state.active().is_none() && !state.model.classifier);
        assert_eq!(
            (state.runs.len(), state.in_reach()),
            (1, None),
            "its figures stand in its table"
        );
    }
}

#[test]
fn n_grams_trained_on_other_labels_are_no_baseline() {
    let mut state = RunState::default();
    let all = RunConfig::default();
    let few = RunConfig {
        label_fraction: Some(0.01),
        ..RunConfig::default()
    };
    state.ask_baseline(&all);
    let result = LinearResult {
        features: 9,
        ..LinearResult::default()
    };
    state.apply(Event::Baseline { result });
    state.begin(
        Phase::Finetune,
        &RunConfig { seed: 5, ..all },
        Some(StartFrom::Scratch),
        false,
    );
    assert!(state.baseline.is_some(), "the same documents");
    state.begin(Phase::Finetune, &few, Some(StartFrom::Scratch), false);
    assert!(state.baseline.is_none());
}

#[test]
fn answers_name_their_text() {
    let mut state = RunState::default();
    let (first, second) = (state.ask_guesses("a [MASK]"), state.ask_labels("some text"));
    state.apply(Event::Guesses {
        request: first,
        masks: vec![],
    });
    state.apply(Event::Classified {
        request: second,
        labels: vec![],
        threshold: 0.5,
        cutoffs: vec![],
        thresholds: vec![],
        words: 2,
        unseen: vec![],
    });
    state.ask_guesses("another [MASK]");
    assert_eq!(state.answered_text(), "a [MASK]");
    assert_eq!(
        state.classified.map(|answer| answer.text),
        Some("some text".into())
    );
}

/// Its positions would lie outside of another text.
#[test]
fn evidence_of_another_text_is_dropped() {
    let classified = |request| Event::Classified {
        request,
        labels: vec![],
        threshold: 0.5,
        cutoffs: vec![],
        thresholds: vec![],
        words: 0,
        unseen: vec![],
    };
    let explained = |request| Event::Explained {
        request,
        label: "a".into(),
        score: 0.5,
        words: vec![],
        more: 0,
    };
    let mut state = RunState::default();
    let first = state.ask_labels("first");
    state.apply(classified(first));
    let second = state.ask_labels("second");
    let late = state.ask_evidence("first");
    state.apply(classified(second));
    state.apply(explained(late));
    let has_evidence = |state: &RunState| {
        let classified = state.classified.as_ref();
        classified.is_some_and(|of| of.evidence.is_some())
    };
    assert!(!has_evidence(&state));
    let own = state.ask_evidence("second");
    state.apply(explained(own));
    assert!(has_evidence(&state));
}

#[test]
fn a_map_ends_the_wait_for_it() {
    let mut state = RunState::default();
    let request = state.next_long_request(Question::Map);
    assert!(state.is_waiting_for(Question::Map) && !state.is_waiting_for(Question::Suspects));
    state.apply(Event::Mapped {
        request,
        points: vec![],
        more: 0,
    });
    assert!(!state.is_waiting() && state.map.is_some());
    state.forget_answers();
    assert!(state.map.is_none(), "its predictions are of another model");
}

#[test]
fn long_query_is_pending_until_answered_stopped_or_dropped() {
    let failed = |code: &str, request| Event::Failed {
        run: String::new(),
        code: code.into(),
        message: message!("m"),
        hint: message!("h"),
        request,
    };
    let state_with_query = || {
        let mut state = RunState::default();
        let request = state.next_long_request(Question::Review);
        state.ask_estimate("fast-nano", true);
        assert!(state.is_waiting() && state.is_estimating("fast-nano"));
        (state, request)
    };
    let (mut state, request) = state_with_query();
    state.apply(failed(protocol::STOPPED, Some(request)));
    assert!(
        !state.is_waiting() && state.notice.is_none(),
        "a stop is no failure"
    );
    let (mut state, request) = state_with_query();
    state.apply(Event::Reviewed {
        request,
        review: Default::default(),
    });
    assert!(!state.is_waiting() && state.is_measuring());
    let (mut state, _) = state_with_query();
    let aside = state.ask_estimate("fast-small", false);
    state.apply(failed("bad-setting", Some(aside)));
    assert!(
        state.notice.is_none() && !state.is_estimating("fast-small"),
        "nobody asked for that preset"
    );
    let (mut state, _) = state_with_query();
    let aside = state.ask_estimate("bert-base", false);
    state.forget_estimates();
    assert!(!state.is_measuring());
    state.apply(failed("too-large", Some(aside)));
    state.apply(Event::Estimated {
        request: aside,
        estimate: Default::default(),
    });
    assert!(
        state.notice.is_none() && state.estimates.is_empty(),
        "what is said of settings that changed is not heard"
    );
    let (mut state, _) = state_with_query();
    state.apply(failed(ENGINE_CRASHED, None));
    assert!(!state.is_waiting() && !state.is_measuring());
}

#[test]
fn labelling_ends_with_the_last_document() {
    let labelled = |request, documents| Event::Labelled {
        request,
        documents,
        of: 40,
        dropped: vec![],
        columns: None,
        warnings: vec![],
    };
    let far = |state: &RunState| {
        state
            .labelling
            .as_ref()
            .map(|file| (file.name.clone(), file.documents, file.is_done()))
    };
    let mut state = RunState {
        engine: Engine::Ready(Default::default()),
        ..RunState::default()
    };
    let first = state.ask_file("mails/new.one.csv.gz");
    assert_eq!(far(&state), Some(("mails/new.one.csv.gz".into(), 0, false)));
    state.apply(labelled(first, 32));
    assert!(state.is_labelling() && !state.is_waiting() && state.labelling_of(first).is_some());
    assert_eq!(
        state.reason_not_to_count(),
        Some("A file is being labelled.".into())
    );
    state.apply(labelled(first, 40));
    assert_eq!(far(&state), Some(("mails/new.one.csv.gz".into(), 40, true)));
    assert!(!state.is_labelling());
    assert_eq!(
        state.labelling.as_ref().map(Labelling::table_name),
        Some("new.one-labelled.csv".into())
    );

    let second = state.ask_file("other");
    state.apply(labelled(first, 40));
    assert_eq!(
        far(&state),
        Some(("other".into(), 0, false)),
        "an answer about another file"
    );
    assert!(state.labelling_of(first).is_none());
    let (code, message, hint) = (
        protocol::STOPPED.into(),
        Message::default(),
        Message::default(),
    );
    state.apply(Event::Failed {
        run: String::new(),
        code,
        message,
        hint,
        request: Some(second),
    });
    assert_eq!(far(&state), None, "a stop leaves nothing");

    let third = state.ask_file("third");
    state.give_up_labelling();
    state.apply(labelled(third, 40));
    assert_eq!(
        far(&state),
        None,
        "what cannot be saved is not said to be done"
    );
}

/// A measurement of labels makes the samplers available that need a classifier; repeated, it replaces
/// the one before.
#[test]
fn measurements_of_labels_are_kept_in_order() {
    let mut state = RunState::default();
    assert!(!state.can_choose_documents());
    for documents in [10, 20, 20] {
        let request = state.next_request(Question::LabelScores);
        let scores = vec![HandLabelScores {
            documents,
            ..HandLabelScores::default()
        }];
        state.apply(Event::LabelsMeasured {
            request,
            held_out: 8,
            scores,
        });
    }
    let measured: Vec<u64> = state
        .label_measurements
        .iter()
        .map(|measured| measured.scores[0].documents)
        .collect();
    assert_eq!(measured, [10, 20]);
    assert!(state.can_choose_documents());
}
