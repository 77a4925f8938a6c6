//! Rows of runs: their names, their models and their initial weights.

use super::{corpus, evaluated, finished, started, state, step};
use crate::state::*;
use protocol::{CompareConfig, Figures, LinearResult, RunConfig, StartFrom, message};

#[test]
fn unknown_runs_get_rows_of_their_phase() {
    let state = state(&[
        step("finetune-7", 1, 2.0),
        evaluated("mystery", 3, 0.5),
        step("pretrain-2", 1, 8.0),
    ]);
    let kinds: Vec<(String, Phase)> = state
        .runs
        .iter()
        .map(|run| (run.name(), run.phase))
        .collect();
    assert_eq!(
        kinds,
        [
            ("Fine-tuning 7".into(), Phase::Finetune),
            ("mystery".into(), Phase::Finetune),
            ("Pre-training 2".into(), Phase::Pretrain)
        ]
    );
}

#[test]
fn begin_names_runs_by_phase_and_records_the_settings() {
    let mut state = RunState::default();
    let config = RunConfig {
        seed: 3,
        ..RunConfig::default()
    };
    assert_eq!(
        state.begin(Phase::Pretrain, &config, None, false),
        "pretrain-1"
    );
    assert_eq!(
        state.begin(Phase::Finetune, &config, Some(StartFrom::Scratch), false),
        "finetune-1"
    );
    assert_eq!(
        state.begin(Phase::Pretrain, &config, None, false),
        "pretrain-2"
    );
    assert_eq!(state.runs[1].name(), "Fine-tuning 1, from scratch");
    assert_eq!(state.runs[0].settings, "fast-tiny · seed 3");
}

#[test]
fn comparison_counts_its_runs_and_is_stored_with_its_row() {
    let mut state = RunState::default();
    let compare = CompareConfig {
        seeds: 3,
        label_fractions: vec![0.1, 1.0],
        lrs: vec![],
    };
    let id = state.begin_comparison(&RunConfig::default(), &compare);
    state.apply(step("compare-1-pretrained-0.1-0.003-seed-1", 3, 5.0));
    state.apply(step("compare-1-pretrained-0.1-0.006-seed-1", 3, 5.0));
    assert_eq!(
        state.comparing(),
        Some((2, 24)),
        "four rates and two more seeds, of both starts, for both shares"
    );
    let comparison = Comparison {
        points: vec![],
        epochs: 1.0,
        seeds: 3,
        measured_on: "test".into(),
        sentence: message!("It pays."),
        pretraining_secs: None,
    };
    let compared = Event::Compared {
        run: id.clone(),
        comparison: comparison.clone(),
    };
    state.keep_comparison(&id, &serde_json::to_string(&compared).expect("plain data"));
    state.apply(compared);
    state.apply(finished(&id, 0, false));
    state.begin_comparison(&RunConfig::default(), &compare);
    assert_eq!(state.comparison, None);
    state.show_comparison(&id);
    assert_eq!(state.comparison, Some(comparison));
}

/// A saved or shared run brings its own baseline; the baseline of a run on another corpus does not
/// apply.
#[test]
fn n_grams_are_stored_with_the_runs_on_the_same_corpus() {
    let mut state = state(&[corpus(5, 2)]);
    let begin = |state: &mut RunState| {
        state.ask_baseline(&RunConfig::default());
        state.begin(
            Phase::Finetune,
            &RunConfig::default(),
            Some(StartFrom::Scratch),
            false,
        )
    };
    let n_grams = |mean_f1| Event::Baseline {
        result: LinearResult {
            test: Figures {
                mean_f1,
                ..Figures::default()
            },
            ..LinearResult::default()
        },
    };
    begin(&mut state);
    state.apply(n_grams(0.5));
    begin(&mut state);
    state.apply(corpus(6, 2));
    state.apply(n_grams(0.9));
    assert_eq!(
        state
            .runs
            .iter()
            .map(|run| run.baseline)
            .collect::<Vec<_>>(),
        [Some(0.5), Some(0.5)]
    );
    begin(&mut state);
    assert_eq!(
        (state.runs[2].baseline, state.n_grams()),
        (Some(0.9), Some(0.9))
    );
    state.apply(corpus(7, 2));
    assert_eq!(state.n_grams(), Some(0.9), "of the last run that is shown");
    begin(&mut state);
    assert_eq!(
        state.n_grams(),
        None,
        "this one learns from other documents"
    );
}

/// Without a measurement there is no verdict.
#[test]
fn stopped_counting_task_has_no_verdict() {
    let counted = |learned| Event::Counted {
        run: "counting-1".into(),
        learned,
        step: 19,
        loss: 0.0,
        accuracy: 0.0,
    };
    for (stopped, learned, words) in [
        (true, false, "Stopped after 19 steps"),
        (false, false, "It did not learn"),
        (true, true, "It learned"),
    ] {
        let state = state(&[finished("counting-1", 19, stopped), counted(learned)]);
        assert!(
            state
                .counted
                .as_ref()
                .is_some_and(|sentence| sentence.starts_with(words)),
            "{:?}",
            state.counted
        );
    }
}

#[test]
fn saved_runs_are_ordered_by_start() {
    let old = |id: &str, date: &str| {
        let mut run = Run::new(id.into(), Phase::Pretrain);
        run.key = format!("{id}@{date}");
        run
    };
    let mut state = RunState::default();
    state.take_saved(vec![
        old("finetune-1", "1764155340000"),
        old("pretrain-1", "1764155280000.5"),
        old("pretrain-1", "99"),
    ]);
    let keys: Vec<&str> = state.runs.iter().map(|run| run.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "pretrain-1@99",
            "pretrain-1@1764155280000.5",
            "finetune-1@1764155340000"
        ]
    );
}

#[test]
fn runs_name_the_origin_of_their_weights() {
    let mut state = RunState::default();
    let config = RunConfig::default();
    let (first, tuned) = (Phase::Pretrain, Phase::Finetune);
    state.begin(first, &config, None, true);
    state.runs[0].key = "pretrain-1@5".into();
    for event in [step("pretrain-1", 3, 8.0), finished("pretrain-1", 3, false)] {
        state.apply(event);
    }
    state.begin(first, &config, None, true);
    state.begin(tuned, &config, Some(StartFrom::Pretrained), true);
    state.begin(tuned, &config, Some(StartFrom::Scratch), false);
    let origins = |state: &RunState| {
        state
            .runs
            .iter()
            .map(|run| state.origin_of(run))
            .collect::<Vec<_>>()
    };
    let (on, with) = (
        |name: &str| Some(format!("goes on from {name}")),
        |name: &str| Some(format!("begins with {name}")),
    );
    assert_eq!(
        origins(&state),
        [None, on("Pre-training 1"), with("Pre-training 1"), None]
    );
    state.runs[0].title = Some("Birds".into());
    assert_eq!(
        origins(&state)[1],
        on("Birds"),
        "a name that was given later is the run's"
    );
    state.forget_run("pretrain-1");
    assert_eq!(
        origins(&state)[..2],
        [on("a run that is gone"), with("a run that is gone")]
    );
    // The trained weights are still loaded, under the run's name.
    state.begin(first, &config, None, true);
    assert_eq!(origins(&state).last(), Some(&on("Birds")));
}

#[test]
fn saved_runs_are_listed_but_neither_current_nor_judged() {
    let mut saved = state(&[
        started("pretrain-1", Phase::Pretrain, 5),
        step("pretrain-1", 5, 6.0),
    ])
    .runs;
    saved[0].key = "pretrain-1@1".into();
    let mut state = state(&[
        started("pretrain-1", Phase::Pretrain, 9),
        step("pretrain-1", 3, 7.0),
    ]);
    state.take_saved(saved.clone());
    state.take_saved(saved);
    assert_eq!(state.runs.len(), 2, "each once");
    assert_eq!(
        (state.runs[0].name(), state.runs[0].stage.is_over()),
        ("Pre-training 1, earlier".into(), true)
    );
    assert_eq!(
        state.current().map(|run| run.id.as_str()),
        Some("pretrain-1")
    );
    state.apply(step("pretrain-1", 4, 6.5));
    assert_eq!(
        (state.runs[0].steps_done(), state.runs[1].steps_done()),
        (5, 4),
        "events mean the run of this tab"
    );
    assert_eq!(
        (
            state.runs_of(Phase::Pretrain).count(),
            state.shown_of(Phase::Pretrain).count()
        ),
        (1, 1)
    );
    assert_eq!(
        state.begin(Phase::Pretrain, &RunConfig::default(), None, false),
        "pretrain-2"
    );
}

#[test]
fn work_outside_of_runs_adds_no_row() {
    let preview = Event::Compiling {
        run: String::new(),
        message: message!("learning the vocabulary"),
    };
    assert!(state(&[preview]).runs.is_empty());
}

#[test]
fn counting_task_accuracy_is_no_classifier_score() {
    let mut state = RunState::default();
    assert_eq!(
        state.begin_other("counting", &RunConfig::default()),
        "counting-1"
    );
    assert_eq!(
        (
            state.shown_of(Phase::Finetune).count(),
            state.runs_of(Phase::Finetune).count()
        ),
        (0, 0)
    );
    assert!(state.active().is_some(), "it runs all the same");
}

#[test]
fn run_stopped_before_its_first_step_leaves_no_model() {
    let mut state = RunState::default();
    state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
    state.apply(finished("pretrain-1", 0, true));
    assert!(!state.model.pretrained);
    state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
    state.apply(finished("pretrain-2", 3, true));
    assert!(state.model.pretrained && state.model.guesses);
}

#[test]
fn opened_classifier_predicts_no_masked_tokens() {
    for guesses in [true, false] {
        let labels = vec!["a".into(), "b".into()];
        let state = state(&[Event::Imported {
            summary: message!("m"),
            labels,
            guesses,
        }]);
        assert_eq!(
            (
                state.model.pretrained,
                state.model.classifier,
                state.model.guesses
            ),
            (true, true, guesses)
        );
    }
}

#[test]
fn model_name_outlives_its_run() {
    let mut state = RunState::default();
    let id = state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
    state.apply(step(&id, 1, 5.0));
    assert_eq!(
        state.model_name(Phase::Pretrain),
        Some("Pre-training 1".into()),
        "of the run that learns"
    );
    state.apply(Event::Finished {
        run: id.clone(),
        step: 1,
        stopped: false,
        elapsed_secs: 1.0,
    });
    assert!(state.is_loaded(&id));
    assert!(state.forget_run(&id).is_some());
    let again = state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
    assert_eq!(
        (again.as_str(), state.is_loaded(&again)),
        (id.as_str(), false),
        "another run has the number now"
    );
    assert_eq!(
        state.model_name(Phase::Pretrain),
        Some("Pre-training 1".into())
    );
    let imported = |guesses| Event::Imported {
        summary: message!("9 parameters"),
        labels: vec!["a".into()],
        guesses,
    };
    state.open_model(Some(again.clone()));
    state.apply(imported(true));
    assert!(state.is_loaded(&again));
    state.apply(imported(false));
    assert_eq!(
        state.model_name(Phase::Pretrain),
        None,
        "it guesses nothing"
    );
    assert_eq!(
        state.model_name(Phase::Finetune),
        Some("9 parameters".into()),
        "a file has no run"
    );
}

#[test]
fn runs_with_different_initial_weights_differ() {
    let mut state = RunState::default();
    for from in [StartFrom::Pretrained, StartFrom::Scratch] {
        state.begin(Phase::Finetune, &RunConfig::default(), Some(from), false);
    }
    let starts = vec![Some("pretrained".to_string()), Some("scratch".to_string())];
    assert_eq!(state.differences(), [("from".to_string(), starts)]);
    let config = RunConfig {
        mask_rate: Some(0.3),
        ..RunConfig::default()
    };
    state.begin(Phase::Pretrain, &config, None, false);
    let dash = Some("–".to_string());
    let masks = (
        "mask-rate".to_string(),
        vec![dash.clone(), dash.clone(), Some("0.3".into())],
    );
    let starts = vec![
        Some("pretrained".to_string()),
        Some("scratch".to_string()),
        dash,
    ];
    assert_eq!(
        state.differences(),
        [masks, ("from".to_string(), starts)],
        "no default where a setting says nothing"
    );
}

#[test]
fn headline_covers_both_initialisations() {
    let mut state = RunState::default();
    let words = |state: &RunState| state.headline(Phase::Finetune).unwrap_or_default();
    let [first, second] = [StartFrom::Pretrained, StartFrom::Scratch].map(|from| {
        let id = state.begin(Phase::Finetune, &RunConfig::default(), Some(from), false);
        state.apply(step(&id, 3, 0.5));
        if from == StartFrom::Pretrained {
            assert!(
                words(&state).starts_with("Fine-tuning 1, pre-trained."),
                "{}",
                words(&state)
            );
            state.apply(finished(&id, 3, false));
        } else {
            assert!(
                words(&state).starts_with("Fine-tuning 2, from scratch."),
                "{}",
                words(&state)
            );
        }
        id
    });
    state.apply(finished(&second, 3, false));
    assert!(
        words(&state).starts_with("Fine-tuning 1, pre-trained. Finished"),
        "{first}: {}",
        words(&state)
    );
    assert!(
        words(&state).contains(". Fine-tuning 2, from scratch. Finished"),
        "{}",
        words(&state)
    );
    let other = RunConfig {
        seed: 5,
        ..RunConfig::default()
    };
    let third = state.begin(Phase::Finetune, &other, Some(StartFrom::Pretrained), false);
    state.apply(finished(&third, 3, false));
    assert!(
        words(&state).starts_with("Fine-tuning 3"),
        "other settings are another question: {}",
        words(&state)
    );
}

#[test]
fn repeated_settings_are_detected() {
    let mut state = RunState::default();
    let config = RunConfig::default();
    assert!(!state.would_repeat(&config));
    let id = state.begin(Phase::Pretrain, &config, None, false);
    assert!(!state.would_repeat(&config), "it is not over");
    state.apply(finished(&id, 3, false));
    assert!(state.would_repeat(&config));
    assert!(!state.would_repeat(&RunConfig {
        seed: 5,
        ..config.clone()
    }));
    state.vectors += 1;
    assert!(
        !state.would_repeat(&config),
        "it would begin with other word vectors"
    );
    state.vectors = 0;
    let on = state.begin(Phase::Pretrain, &config, None, true);
    state.apply(finished(&on, 3, false));
    assert!(
        !state.would_repeat(&config),
        "the last one went on from a model"
    );

    let again = state.begin(Phase::Pretrain, &config, None, false);
    state.apply(finished(&again, 3, false));
    assert!(state.would_repeat(&config));
    state.apply(Event::Imported {
        summary: message!("m"),
        labels: vec![],
        guesses: true,
    });
    assert!(
        !state.would_repeat(&config),
        "the next one goes on from what was opened"
    );
    let imported = state.begin(Phase::Pretrain, &config, None, false);
    assert!(state.runs.last().is_some_and(|run| run.origin.is_some()));
    state.apply(finished(&imported, 3, false));
    assert!(
        !state.would_repeat(&config),
        "that one did, and the next begins afresh"
    );
}

#[test]
fn random_loss_follows_the_current_vocabulary() {
    let mut state = RunState::default();
    assert_eq!(state.random_loss(), None);
    let id = state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
    state.run_mut(&id).plan = Some(Plan {
        uniform: 7.5,
        ..Plan::default()
    });
    assert_eq!(state.random_loss(), Some(7.5), "of the run that learns");
    state.vocabulary = Some(Vocabulary {
        size: 20_000,
        ..Vocabulary::default()
    });
    assert_eq!(state.random_loss(), Some(7.5));
    state.apply(step(&id, 3, 5.0));
    state.apply(finished(&id, 3, false));
    assert_eq!(
        state.random_loss(),
        Some(20_000_f64.ln()),
        "of a model that was opened since"
    );
    state.vocabulary = None;
    assert_eq!(state.random_loss(), Some(7.5));
}

#[test]
fn imported_run_has_its_curves_and_is_unique() {
    let mut state = RunState::default();
    let events = vec![
        step("pretrain", 3, 5.0),
        Event::Paused {
            run: "pretrain".into(),
            step: 3,
        },
        step("pretrain", 6, 4.0),
        finished("pretrain", 6, false),
    ];
    for _ in 0..2 {
        state.apply(Event::Imported {
            summary: message!("m"),
            labels: vec![],
            guesses: true,
        });
        state.apply(Event::History {
            run: "imported-1".into(),
            events: events.clone(),
            checkpoint: None,
        });
    }
    let [run] = state.runs.as_slice() else {
        panic!("one run, not {}", state.runs.len())
    };
    assert_eq!(
        (run.stage.clone(), run.steps_done(), run.name()),
        (Stage::Finished, 6, "Imported fine-tuning".into())
    );
    assert!(!run.is_here() && run.shown && state.active().is_none());
    let open = Event::History {
        run: "imported-2".into(),
        events: events[..1].to_vec(),
        checkpoint: None,
    };
    state.apply(open);
    assert!(
        state.active().is_none(),
        "a run whose end is not told is over, too"
    );
}

#[test]
fn imported_run_that_was_interrupted_can_resume_once_its_checkpoint_is_stored() {
    let mut state = RunState::default();
    let text = Text {
        fingerprint: "text".into(),
        bundled: false,
    };
    let import = |state: &mut RunState, events: &[Event]| {
        state.apply(Event::History {
            run: "imported-1".into(),
            events: events.to_vec(),
            checkpoint: None,
        });
        let adopted = state.adopt_imported("imported-1", text.clone(), 7.0);
        (adopted.map(|(id, _)| id), state.runs.len())
    };
    let events = [step("pretrain", 6, 4.0), finished("pretrain", 6, true)];
    let adopted = (Some("finetune-1".into()), 1);
    assert_eq!(import(&mut state, &events), adopted);
    assert_eq!(import(&mut state, &events), adopted, "it was not stored");
    let run = &state.runs[0];
    assert_eq!(
        (run.stage.clone(), run.can_resume(), run.name()),
        (Stage::Stopped, false, "Imported fine-tuning".into())
    );
    assert_eq!(run.resume.text.fingerprint, "text");
    state.apply(Event::Checkpoint {
        run: "finetune-1".into(),
        step: 6,
        path: "0".into(),
    });
    assert!(state.runs[0].can_resume());
    assert_eq!(import(&mut state, &events), (None, 1), "it is stored");
    state.apply(Event::Checkpoint {
        run: "finetune-9".into(),
        step: 6,
        path: "0".into(),
    });
    assert_eq!(state.runs.len(), 1, "a checkpoint of a deleted run");

    let mut state = RunState::default();
    state.apply(Event::History {
        run: "imported-2".into(),
        events: vec![finished("pretrain", 6, false)],
        checkpoint: None,
    });
    assert_eq!(state.adopt_imported("imported-2", text, 7.0), None);
}

#[test]
fn fitted_output_layer_reports_no_steps() {
    let mut state = RunState::default();
    let id = state.begin(
        Phase::Finetune,
        &RunConfig::default(),
        Some(StartFrom::Pretrained),
        false,
    );
    state.apply(finished(&id, 0, false));
    assert_eq!(state.runs[0].sentence(), "Finished: –.");
}
