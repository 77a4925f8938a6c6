//! Effects of events on the state, in order, repeated and with gaps; and the sentences derived from
//! it.

use super::{corpus, evaluated, failed, finished, started, state, step};
use crate::state::*;
use protocol::{DeviceInfo, MaskedLmMetrics, Metrics, StartFrom, message};

#[test]
fn complete_run_leaves_metrics_and_a_model() {
    let state = state(&[
        started("pretrain-1", Phase::Pretrain, 20),
        Event::Compiling {
            run: "pretrain-1".into(),
            message: message!("compiling kernels"),
        },
        step("pretrain-1", 10, 7.5),
        step("pretrain-1", 20, 5.5),
        finished("pretrain-1", 20, false),
    ]);
    let run = state.current().expect("a run");
    assert_eq!(
        (run.stage.clone(), run.curve.points(), run.share()),
        (Stage::Finished, 2, 1.0)
    );
    assert_eq!(run.sentence(), "Finished after 20 steps: loss 5.50.");
    assert!(state.active().is_none() && state.model.pretrained && !state.model.classifier);
}

#[test]
fn events_are_idempotent() {
    let once = [
        started("finetune-1", Phase::Finetune, 20),
        step("finetune-1", 5, 3.0),
        Event::Paused {
            run: "finetune-1".into(),
            step: 5,
        },
        Event::Resumed {
            run: "finetune-1".into(),
            step: 5,
        },
        step("finetune-1", 10, 2.0),
        evaluated("finetune-1", 10, 0.4),
        Event::Warning {
            run: "finetune-1".into(),
            code: "odd".into(),
            message: message!("Odd."),
        },
        finished("finetune-1", 20, true),
    ];
    let twice: Vec<Event> = once
        .iter()
        .flat_map(|event| [event.clone(), event.clone()])
        .collect();
    assert_eq!(state(&once), state(&twice));
    assert_eq!(state(&once).runs[0].stage, Stage::Stopped);
}

#[test]
fn any_event_may_be_lost() {
    let all = [
        started("pretrain-1", Phase::Pretrain, 20),
        step("pretrain-1", 5, 7.0),
        Event::Paused {
            run: "pretrain-1".into(),
            step: 5,
        },
        Event::Resumed {
            run: "pretrain-1".into(),
            step: 5,
        },
        step("pretrain-1", 20, 6.0),
        finished("pretrain-1", 20, false),
    ];
    for lost in 0..all.len() - 1 {
        let rest: Vec<Event> = all
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != lost)
            .map(|(_, e)| e.clone())
            .collect();
        let state = state(&rest);
        assert_eq!(state.runs.len(), 1, "without event {lost}");
        assert_eq!(
            (state.runs[0].stage.clone(), state.runs[0].steps_done()),
            (Stage::Finished, 20)
        );
    }
}

#[test]
fn late_steps_change_neither_paused_nor_finished_runs() {
    let mut paused = state(&[
        step("r", 9, 5.0),
        Event::Paused {
            run: "r".into(),
            step: 10,
        },
    ]);
    paused.apply(step("r", 10, 4.0));
    assert_eq!(paused.runs[0].stage, Stage::Paused);
    assert_eq!(paused.runs[0].progress.expect("figures").loss, 4.0);
    paused.apply(step("r", 11, 3.0));
    assert_eq!(
        paused.runs[0].stage,
        Stage::Running,
        "a further step means that the run goes on"
    );
    let mut over = state(&[finished("r", 10, false)]);
    over.apply(step("r", 11, 3.0));
    over.apply(failed("r", "late"));
    assert_eq!(over.runs[0].stage, Stage::Finished);
}

#[test]
fn crash_ends_active_runs_and_restart_unloads_the_model() {
    let mut state = state(&[
        step("pretrain-1", 3, 8.0),
        finished("pretrain-1", 3, true),
        step("pretrain-2", 1, 8.0),
    ]);
    assert!(state.model.pretrained);
    state.apply(failed("", ENGINE_CRASHED));
    assert_eq!(state.engine, Engine::Crashed);
    assert_eq!(state.runs[0].stage, Stage::Stopped);
    assert_eq!(
        state.runs[1].stage,
        Stage::Failed(message!("the engine stopped"))
    );
    assert_eq!(state.notice, Some(Notice::new("It broke.", "Mend it.")));
    state.restart();
    assert_eq!(
        (
            state.engine.clone(),
            state.runs.len(),
            state.model.pretrained
        ),
        (Engine::Loading, 2, false)
    );
    assert_eq!(state.notice, None);
}

/// Files that are refused leave the current corpus and its warnings in place.
#[test]
fn warnings_of_the_current_corpus_outlive_refused_files() {
    let warning = |code: &str| Event::Warning {
        run: String::new(),
        code: code.into(),
        message: message!("m"),
    };
    let mut state = state(&[warning("repeated-documents")]);
    let codes = |state: &RunState| {
        state
            .warnings
            .iter()
            .map(|(code, _)| code.clone())
            .collect::<Vec<_>>()
    };
    state.begin_reading();
    state.begin_reading();
    assert_eq!((codes(&state), state.reading), (vec![], true));
    state.apply(Event::Failed {
        run: String::new(),
        code: "not-reviewed".into(),
        message: message!("m"),
        hint: message!("h"),
        request: Some(3),
    });
    assert_eq!(
        (codes(&state), state.reading),
        (vec![], true),
        "that was a question"
    );
    state.apply(failed("", "empty-file"));
    assert_eq!(
        (codes(&state), state.reading),
        (vec!["repeated-documents".to_string()], false)
    );
    state.begin_reading();
    state.apply(corpus(1, 0));
    state.apply(failed("", "empty-file"));
    assert_eq!(codes(&state), Vec::<String>::new(), "another text");
}

#[test]
fn reason_not_to_start_names_what_is_missing() {
    let ready = Event::Ready {
        device: DeviceInfo::default(),
    };
    let pretrained = finished("pretrain-1", 5, false);
    let cases: [(&[Event], Phase, &str); 9] = [
        (&[], Phase::Pretrain, "still loading"),
        (
            std::slice::from_ref(&ready),
            Phase::Pretrain,
            "No text has been read",
        ),
        (&[ready.clone(), corpus(0, 0)], Phase::Pretrain, "no text"),
        (
            &[ready.clone(), corpus(9, 0)],
            Phase::Finetune,
            "No line has a label",
        ),
        (
            &[ready.clone(), corpus(9, 1)],
            Phase::Finetune,
            "the same label",
        ),
        (
            &[ready.clone(), corpus(9, 2)],
            Phase::Finetune,
            "Pre-train or import",
        ),
        (
            &[ready.clone(), corpus(9, 2), step("pretrain-1", 1, 9.0)],
            Phase::Pretrain,
            "under way",
        ),
        (
            &[ready.clone(), corpus(9, 2), failed("", ENGINE_CRASHED)],
            Phase::Pretrain,
            "restart",
        ),
        (
            &[ready.clone(), corpus(9, 2), pretrained],
            Phase::Finetune,
            "",
        ),
    ];
    for (events, phase, expected) in cases {
        let reason = state(events)
            .reason_not_to_start(phase, StartFrom::Pretrained)
            .unwrap_or_default();
        assert!(
            reason.contains(expected) && reason.is_empty() == expected.is_empty(),
            "{reason:?} for {expected:?}"
        );
    }
}

#[test]
fn refused_columns_prevent_a_run() {
    let mut state = state(&[
        Event::Ready {
            device: DeviceInfo::default(),
        },
        corpus(9, 2),
    ]);
    state.columns_refused = true;
    for phase in [Phase::Pretrain, Phase::Finetune] {
        let reason = state.reason_not_to_start(phase, StartFrom::Scratch);
        assert!(
            reason
                .as_ref()
                .is_some_and(|reason| reason.contains("the columns that are set")),
            "{reason:?}"
        );
    }
}

#[test]
fn warnings_of_the_previous_corpus_are_cleared() {
    let mut state = RunState::default();
    let warning = |code: &str| Event::Warning {
        run: String::new(),
        code: code.into(),
        message: message!("..."),
    };
    for event in [
        corpus(1, 0),
        warning("late"),
        corpus(2, 0),
        warning("own"),
        corpus(2, 0),
    ] {
        state.apply(event);
    }
    assert_eq!(
        state
            .warnings
            .iter()
            .map(|(code, _)| code.as_str())
            .collect::<Vec<_>>(),
        ["own"]
    );
}

#[test]
fn unreadable_files_leave_the_corpus_unchanged() {
    let mut state = state(&[
        Event::Ready {
            device: DeviceInfo::default(),
        },
        corpus(9, 0),
    ]);
    state.reading = true;
    let reason = state.reason_not_to_start(Phase::Pretrain, StartFrom::Scratch);
    assert_eq!(reason.as_deref(), Some("The text is still being read."));
    state.apply(failed("", "corpus-empty"));
    assert_eq!(
        state.reason_not_to_start(Phase::Pretrain, StartFrom::Scratch),
        None
    );
    assert_eq!(
        state.corpus.as_ref().map(|corpus| corpus.documents),
        Some(9)
    );
    state.reading = true;
    state.apply(corpus(3, 0));
    assert_eq!(
        (state.reading, state.corpus.expect("the new one").documents),
        (false, 3)
    );
}

#[test]
fn status_explains_the_loss() {
    let start = started("pretrain-1", Phase::Pretrain, 20);
    for (loss, part) in [
        (9.5, "no better than random guessing (9.0)"),
        (
            7.0,
            "better than random guessing (9.0), on its way to word frequencies (6.4)",
        ),
        (5.0, "1.4 below knowing only word frequencies (6.4)"),
        (f64::NAN, "no longer a number"),
    ] {
        let sentence = state(&[start.clone(), step("pretrain-1", 1, loss)]).runs[0].sentence();
        assert!(sentence.contains(part), "{sentence}");
    }
    let compiling = Event::Compiling {
        run: "pretrain-1".into(),
        message: message!("compiling kernels"),
    };
    assert_eq!(
        state(&[start, compiling]).runs[0].sentence(),
        "Compiling kernels. Random guessing would score 9.0, knowing only word frequencies 6.4."
    );
}

#[test]
fn announcements_change_with_tenths_of_the_run() {
    let mut state = state(&[
        started("pretrain-1", Phase::Pretrain, 100),
        step("pretrain-1", 31, 8.0),
    ]);
    let announcement = state.runs[0].announcement();
    state.apply(step("pretrain-1", 39, 7.0));
    assert_eq!(
        (announcement.as_str(), state.runs[0].announcement().as_str()),
        ("Pre-training 1: 30 % done", announcement.as_str())
    );
    state.apply(step("pretrain-1", 40, 6.9));
    assert_eq!(state.runs[0].announcement(), "Pre-training 1: 40 % done");
}

#[test]
fn held_out_metrics_are_unique_per_step() {
    let quality = |loss| Event::Evaluated {
        run: "pretrain-1".into(),
        step: 10,
        epoch: 1.0,
        split: "valid".into(),
        network: None,
        metrics: Metrics::MaskedLm(MaskedLmMetrics {
            n: 5,
            masked_lm_loss: loss,
            masked_accuracy: 0.25,
            ..Default::default()
        }),
    };
    let state = state(&[quality(5.0), quality(4.9)]);
    assert_eq!(
        state.runs[0].held_out,
        [HeldOut {
            step: 10,
            loss: 4.9,
            accuracy: 0.25,
            pairs: None
        }]
    );
    assert_eq!(state.runs[0].result(), "held-out loss 4.90, 25.0 % right");
}

#[test]
fn engine_without_device_can_be_restarted() {
    let state = state(&[failed("", "no-gpu")]);
    assert_eq!(state.engine, Engine::Crashed);
    assert!(state.notice.is_some());
}

#[test]
fn warnings_of_a_large_folder_touch_one_slice() {
    let mut state = RunState::default();
    let mut warn = |number: usize| {
        let message = format!("file {number} is a picture");
        state.apply(Event::Warning {
            run: String::new(),
            code: "file-refused".into(),
            message: protocol::Message::verbatim(message),
        })
    };
    assert_eq!(
        (warn(0), warn(0)),
        (&[StateSlice::Warnings][..], &[][..]),
        "a repeated one changes nothing"
    );
    let touching = (1..5000).filter(|number| !warn(*number).is_empty()).count();
    assert_eq!(touching, WARNINGS - 1, "the others are not shown");
}
