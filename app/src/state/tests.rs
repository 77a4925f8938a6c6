//! Streams of events and the state they must leave: in order, repeated, with gaps, and about unknown runs.

use super::*;
use protocol::{ClassifierMetrics, MaskedLmMetrics, Metrics, RunConfig, StartFrom};

fn started(run: &str, phase: Phase, steps: u64) -> Event {
    Event::Started {
        run: run.into(),
        phase,
        parameters: 1000,
        steps,
        tokens: 64_000,
        device: "CPU".into(),
        vocab_size: 8000,
        uniform: 8.99,
        unigram: 6.38,
        bigram: None,
        labels: vec![],
        step: 0,
    }
}

fn step(run: &str, step: u64, loss: f64) -> Event {
    let run = run.into();
    Event::Step {
        run,
        step,
        loss,
        masked_lm_loss: None,
        next_sentence_loss: None,
        lr: 1e-3,
        tokens_per_sec: 900.0,
        elapsed_secs: 1.0,
        eta_secs: 9.0,
        grad_norm: 1.0,
    }
}

fn evaluated(run: &str, step: u64, mean_f1: f64) -> Event {
    let metrics = Metrics::Classifier(ClassifierMetrics { mean_f1, ..ClassifierMetrics::default() });
    Event::Evaluated { run: run.into(), step, epoch: step as f64 / 10.0, split: "valid".into(), metrics }
}

fn finished(run: &str, step: u64, stopped: bool) -> Event {
    Event::Finished { run: run.into(), step, stopped, elapsed_secs: 2.0 }
}

fn failed(run: &str, code: &str) -> Event {
    Event::Failed {
        run: run.into(),
        code: code.into(),
        message: "It broke.".into(),
        hint: "Mend it.".into(),
        request: None,
    }
}

fn state(events: &[Event]) -> RunState {
    let mut state = RunState::default();
    for event in events {
        state.apply(event.clone());
    }
    state
}

#[test]
fn a_whole_run_leaves_its_figures_and_a_model() {
    let state = state(&[
        started("pretrain-1", Phase::Pretrain, 20),
        Event::Compiling { run: "pretrain-1".into(), message: "compiling kernels".into() },
        step("pretrain-1", 10, 7.5),
        step("pretrain-1", 20, 5.5),
        finished("pretrain-1", 20, false),
    ]);
    let run = state.current().expect("a run");
    assert_eq!((run.stage.clone(), run.curve.points(), run.share()), (Stage::Finished, 2, 1.0));
    assert_eq!(run.sentence(), "Finished after 20 steps: loss 5.50.");
    assert!(state.active().is_none() && state.model.pretrained && !state.model.classifier);
}

#[test]
fn every_event_twice_is_the_same_as_once() {
    let once = [
        started("finetune-1", Phase::Finetune, 20),
        step("finetune-1", 5, 3.0),
        Event::Paused { run: "finetune-1".into(), step: 5 },
        Event::Resumed { run: "finetune-1".into(), step: 5 },
        step("finetune-1", 10, 2.0),
        evaluated("finetune-1", 10, 0.4),
        Event::Warning { run: "finetune-1".into(), code: "odd".into(), message: "Odd.".into() },
        finished("finetune-1", 20, true),
    ];
    let twice: Vec<Event> = once.iter().flat_map(|event| [event.clone(), event.clone()]).collect();
    assert_eq!(state(&once), state(&twice));
    assert_eq!(state(&once).runs[0].stage, Stage::Stopped);
}

#[test]
fn any_event_may_be_lost() {
    let all = [
        started("pretrain-1", Phase::Pretrain, 20),
        step("pretrain-1", 5, 7.0),
        Event::Paused { run: "pretrain-1".into(), step: 5 },
        Event::Resumed { run: "pretrain-1".into(), step: 5 },
        step("pretrain-1", 20, 6.0),
        finished("pretrain-1", 20, false),
    ];
    for lost in 0..all.len() - 1 {
        let rest: Vec<Event> = all.iter().enumerate().filter(|(i, _)| *i != lost).map(|(_, e)| e.clone()).collect();
        let state = state(&rest);
        assert_eq!(state.runs.len(), 1, "without event {lost}");
        assert_eq!((state.runs[0].stage.clone(), state.runs[0].steps_done()), (Stage::Finished, 20));
    }
}

#[test]
fn a_late_step_neither_wakes_a_paused_run_nor_reopens_a_finished_one() {
    let mut paused = state(&[step("r", 9, 5.0), Event::Paused { run: "r".into(), step: 10 }]);
    paused.apply(step("r", 10, 4.0));
    assert_eq!(paused.runs[0].stage, Stage::Paused);
    assert_eq!(paused.runs[0].progress.expect("figures").loss, 4.0);
    paused.apply(step("r", 11, 3.0));
    assert_eq!(paused.runs[0].stage, Stage::Running, "a further step means that the run goes on");
    let mut over = state(&[finished("r", 10, false)]);
    over.apply(step("r", 11, 3.0));
    over.apply(failed("r", "late"));
    assert_eq!(over.runs[0].stage, Stage::Finished);
}

#[test]
fn unknown_runs_get_rows_of_the_right_kind() {
    let state = state(&[step("finetune-7", 1, 2.0), evaluated("mystery", 3, 0.5), step("pretrain-2", 1, 8.0)]);
    let kinds: Vec<(String, Phase)> = state.runs.iter().map(|run| (run.name(), run.phase)).collect();
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
fn begin_names_runs_by_phase_and_records_what_was_asked() {
    let mut state = RunState::default();
    let config = RunConfig { seed: 3, ..RunConfig::default() };
    assert_eq!(state.begin(Phase::Pretrain, &config, None, false), "pretrain-1");
    assert_eq!(state.begin(Phase::Finetune, &config, Some(StartFrom::Scratch), false), "finetune-1");
    assert_eq!(state.begin(Phase::Pretrain, &config, None, false), "pretrain-2");
    assert_eq!(state.runs[1].name(), "Fine-tuning 1, from scratch");
    assert_eq!(state.runs[0].settings, "fast-tiny · seed 3");
}

#[test]
fn a_run_tells_whose_values_it_began_with() {
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
    let told = |state: &RunState| state.runs.iter().map(|run| state.origin_of(run)).collect::<Vec<_>>();
    let (on, with) =
        (|name: &str| Some(format!("goes on from {name}")), |name: &str| Some(format!("begins with {name}")));
    assert_eq!(told(&state), [None, on("Pre-training 1"), with("Pre-training 1"), None]);
    state.runs[0].title = Some("Birds".into());
    assert_eq!(told(&state)[1], on("Birds"), "a name that was given later is the run's");
    state.forget_run("pretrain-1");
    assert_eq!(told(&state)[..2], [on("a run that is gone"), with("a run that is gone")]);
    // What it has learned is still at hand, under its name.
    state.begin(first, &config, None, true);
    assert_eq!(told(&state).last(), Some(&on("Birds")));
}

#[test]
fn a_crash_ends_what_was_open_and_a_restart_forgets_the_models() {
    let mut state = state(&[step("pretrain-1", 3, 8.0), finished("pretrain-1", 3, true), step("pretrain-2", 1, 8.0)]);
    assert!(state.model.pretrained);
    state.apply(failed("", ENGINE_CRASHED));
    assert_eq!(state.engine, Engine::Crashed);
    assert_eq!(state.runs[0].stage, Stage::Stopped);
    assert_eq!(state.runs[1].stage, Stage::Failed("the engine stopped".into()));
    assert_eq!(state.notice, Some(Notice::new("It broke.", "Mend it.")));
    state.restart();
    assert_eq!((state.engine.clone(), state.runs.len(), state.model.pretrained), (Engine::Loading, 2, false));
    assert_eq!(state.notice, None);
}

#[test]
fn only_the_answer_to_the_last_question_is_shown() {
    let mut state = RunState::default();
    let (first, second) = (state.next_request(Question::Guesses), state.next_request(Question::Guesses));
    state.apply(Event::Guesses { request: first, masks: vec![] });
    assert_eq!(state.guesses, None);
    state.apply(Event::Guesses { request: second, masks: vec![] });
    assert_eq!(state.guesses, Some(vec![]));
}

#[test]
fn the_reason_not_to_start_names_what_is_missing() {
    let corpus = |documents, labels| Event::Corpus {
        files: vec![],
        documents,
        labelled_train: labels,
        labelled_valid: 0,
        labelled_test: 0,
        labels,
        traits: Default::default(),
    };
    let ready = Event::Ready { device: DeviceInfo::default() };
    let pretrained = finished("pretrain-1", 5, false);
    let cases: [(&[Event], Phase, &str); 8] = [
        (&[], Phase::Pretrain, "still loading"),
        (std::slice::from_ref(&ready), Phase::Pretrain, "No text has been read"),
        (&[ready.clone(), corpus(0, 0)], Phase::Pretrain, "no text"),
        (&[ready.clone(), corpus(9, 0)], Phase::Finetune, "No line has a label"),
        (&[ready.clone(), corpus(9, 2)], Phase::Finetune, "Pre-train or import"),
        (&[ready.clone(), corpus(9, 2), step("pretrain-1", 1, 9.0)], Phase::Pretrain, "under way"),
        (&[ready.clone(), corpus(9, 2), failed("", ENGINE_CRASHED)], Phase::Pretrain, "restart"),
        (&[ready.clone(), corpus(9, 2), pretrained], Phase::Finetune, ""),
    ];
    for (events, phase, expected) in cases {
        let reason = state(events).reason_not_to_start(phase, StartFrom::Pretrained).unwrap_or_default();
        assert!(reason.contains(expected) && reason.is_empty() == expected.is_empty(), "{reason:?} for {expected:?}");
    }
}

#[test]
fn warnings_about_the_text_before_do_not_stay() {
    let mut state = RunState::default();
    let corpus = |documents| Event::Corpus {
        files: vec![],
        documents,
        labelled_train: 0,
        labelled_valid: 0,
        labelled_test: 0,
        labels: 0,
        traits: Default::default(),
    };
    let warning = |code: &str| Event::Warning { run: String::new(), code: code.into(), message: "...".into() };
    for event in [corpus(1), warning("late"), corpus(2), warning("own"), corpus(2)] {
        state.apply(event);
    }
    assert_eq!(state.warnings.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["own"]);
}

#[test]
fn files_that_cannot_be_read_leave_the_corpus_before_them() {
    let corpus = |documents| Event::Corpus {
        files: vec![],
        documents,
        labelled_train: 0,
        labelled_valid: 0,
        labelled_test: 0,
        labels: 0,
        traits: Default::default(),
    };
    let mut state = state(&[Event::Ready { device: DeviceInfo::default() }, corpus(9)]);
    state.reading = true;
    let reason = state.reason_not_to_start(Phase::Pretrain, StartFrom::Scratch);
    assert_eq!(reason.as_deref(), Some("The text is still being read."));
    state.apply(failed("", "corpus-empty"));
    assert_eq!(state.reason_not_to_start(Phase::Pretrain, StartFrom::Scratch), None);
    assert_eq!(state.corpus.as_ref().map(|corpus| corpus.documents), Some(9));
    state.reading = true;
    state.apply(corpus(3));
    assert_eq!((state.reading, state.corpus.expect("the new one").documents), (false, 3));
}

#[test]
fn the_status_tells_what_the_loss_means() {
    let start = started("pretrain-1", Phase::Pretrain, 20);
    for (loss, part) in [
        (9.5, "no better than random guessing (9.0)"),
        (7.0, "better than random guessing (9.0), on its way to word frequencies (6.4)"),
        (5.0, "1.4 below knowing only word frequencies (6.4)"),
        (f64::NAN, "no longer a number"),
    ] {
        let sentence = state(&[start.clone(), step("pretrain-1", 1, loss)]).runs[0].sentence();
        assert!(sentence.contains(part), "{sentence}");
    }
    let compiling = Event::Compiling { run: "pretrain-1".into(), message: "compiling kernels".into() };
    assert_eq!(
        state(&[start, compiling]).runs[0].sentence(),
        "Compiling kernels. Random guessing would score 9.0, knowing only word frequencies 6.4."
    );
}

#[test]
fn a_screen_reader_hears_tenths_not_steps() {
    let mut state = state(&[started("pretrain-1", Phase::Pretrain, 100), step("pretrain-1", 31, 8.0)]);
    let heard = state.runs[0].announcement();
    state.apply(step("pretrain-1", 39, 7.0));
    assert_eq!((heard.as_str(), state.runs[0].announcement().as_str()), ("Pre-training 1: 30 % done", heard.as_str()));
    state.apply(step("pretrain-1", 40, 6.9));
    assert_eq!(state.runs[0].announcement(), "Pre-training 1: 40 % done");
}

#[test]
fn held_out_quality_is_kept_once_per_step() {
    let quality = |loss| Event::Evaluated {
        run: "pretrain-1".into(),
        step: 10,
        epoch: 1.0,
        split: "valid".into(),
        metrics: Metrics::MaskedLm(MaskedLmMetrics {
            n: 5,
            masked_lm_loss: loss,
            masked_accuracy: 0.25,
            ..Default::default()
        }),
    };
    let state = state(&[quality(5.0), quality(4.9)]);
    assert_eq!(state.runs[0].held_out, [HeldOut { step: 10, loss: 4.9, accuracy: 0.25, pairs: None }]);
    assert_eq!(state.runs[0].result(), "held-out loss 4.90, 25.0 % right");
}

#[test]
fn guesses_for_the_same_text_stand_beside_those_before() {
    let guess = |token: &str| {
        vec![MaskGuess { position: 1, candidates: vec![protocol::Candidate { token: token.into(), score: 0.5 }] }]
    };
    let mut state = RunState::default();
    let answer = |state: &mut RunState, text: &str, token: &str| {
        let request = state.ask_guesses(text);
        let event = Event::Guesses { request, masks: guess(token) };
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
    assert_eq!(state.guesses, None, "another model has not said anything yet");
    answer(&mut state, "a [MASK]", "dog");
    assert_eq!(state.guesses_before(), Some(guess("cat").as_slice()));
    answer(&mut state, "the [MASK]", "cow");
    assert_eq!(state.guesses_before(), None, "another text");
}

#[test]
fn runs_of_other_days_are_listed_and_neither_current_nor_judged() {
    let mut saved = state(&[started("pretrain-1", Phase::Pretrain, 5), step("pretrain-1", 5, 6.0)]).runs;
    saved[0].key = "pretrain-1@1".into();
    let mut state = state(&[started("pretrain-1", Phase::Pretrain, 9), step("pretrain-1", 3, 7.0)]);
    state.take_saved(saved.clone());
    state.take_saved(saved);
    assert_eq!(state.runs.len(), 2, "each once");
    assert_eq!((state.runs[0].name(), state.runs[0].stage.is_over()), ("Pre-training 1, earlier".into(), true));
    assert_eq!(state.current().map(|run| run.id.as_str()), Some("pretrain-1"));
    state.apply(step("pretrain-1", 4, 6.5));
    assert_eq!((state.runs[0].steps_done(), state.runs[1].steps_done()), (5, 4), "events mean the run of this tab");
    assert_eq!((state.runs_of(Phase::Pretrain).count(), state.shown_of(Phase::Pretrain).count()), (1, 1));
    assert_eq!(state.begin(Phase::Pretrain, &RunConfig::default(), None, false), "pretrain-2");
}

#[test]
fn answers_of_the_model_before_go_with_it_and_other_failures_leave_files_on_their_way() {
    let mut state = RunState::default();
    let request = state.next_request(Question::Review);
    state.apply(Event::Reviewed { request, review: Default::default() });
    assert!(state.review.is_some());
    state.apply(finished("finetune-1", 5, false));
    assert!(state.review.is_none(), "another classifier");
    state.reading = true;
    let about = |request| Event::Failed {
        run: String::new(),
        code: "x".into(),
        message: "m".into(),
        hint: "h".into(),
        request,
    };
    state.apply(about(Some(3)));
    assert!(state.reading, "a question failed, not the reading");
    state.apply(about(None));
    assert!(!state.reading);
}

#[test]
fn work_without_a_run_makes_no_row() {
    let preview = Event::Compiling { run: String::new(), message: "learning the vocabulary".into() };
    assert!(state(&[preview]).runs.is_empty());
}

#[test]
fn an_engine_that_finds_no_device_can_be_restarted() {
    let state = state(&[failed("", "no-gpu")]);
    assert_eq!(state.engine, Engine::Crashed);
    assert!(state.notice.is_some());
}

#[test]
fn a_comparison_that_fails_or_ends_leaves_nothing_running() {
    let config = RunConfig::default();
    for ending in [
        Event::Failed {
            run: "compare-1".into(),
            code: "x".into(),
            message: "m".into(),
            hint: "h".into(),
            request: None,
        },
        Event::Finished { run: "compare-1".into(), step: 0, stopped: true, elapsed_secs: 1.0 },
    ] {
        let mut state = RunState::default();
        assert_eq!(state.begin_other("compare", &config), "compare-1");
        state.apply(step("compare-1-scratch-1-0.003-seed-1", 3, 5.0));
        assert!(state.active().is_some_and(|run| run.name().contains("scratch 1 0.003 seed 1")));
        state.apply(ending);
        assert!(state.active().is_none() && !state.model.classifier);
        assert_eq!(state.runs.len(), 1);
    }
}

#[test]
fn what_the_counting_task_measures_is_no_classifier_s_score() {
    let mut state = RunState::default();
    assert_eq!(state.begin_other("counting", &RunConfig::default()), "counting-1");
    assert_eq!((state.shown_of(Phase::Finetune).count(), state.runs_of(Phase::Finetune).count()), (0, 0));
    assert!(state.active().is_some(), "it runs all the same");
}

#[test]
fn n_grams_that_learned_from_other_labels_are_no_baseline() {
    let mut state = RunState::default();
    let all = RunConfig::default();
    let few = RunConfig { label_fraction: Some(0.01), ..RunConfig::default() };
    state.ask_baseline(&all);
    let result = LinearResult { test: Default::default(), features: 9, elapsed_secs: 1.0 };
    state.apply(Event::Baseline { result });
    state.begin(Phase::Finetune, &RunConfig { seed: 5, ..all }, Some(StartFrom::Scratch), false);
    assert!(state.baseline.is_some(), "the same documents");
    state.begin(Phase::Finetune, &few, Some(StartFrom::Scratch), false);
    assert!(state.baseline.is_none());
}

#[test]
fn a_run_that_was_stopped_before_its_first_step_leaves_no_model() {
    let mut state = RunState::default();
    state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
    state.apply(finished("pretrain-1", 0, true));
    assert!(!state.model.pretrained);
    state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
    state.apply(finished("pretrain-2", 3, true));
    assert!(state.model.pretrained && state.model.guesses);
}

#[test]
fn an_opened_classifier_guesses_no_words() {
    for guesses in [true, false] {
        let labels = vec!["a".into(), "b".into()];
        let state = state(&[Event::Imported { summary: "m".into(), labels, guesses }]);
        assert_eq!((state.model.pretrained, state.model.classifier, state.model.guesses), (true, true, guesses));
    }
}

#[test]
fn an_answer_names_the_text_it_is_about() {
    let mut state = RunState::default();
    let (first, second) = (state.ask_guesses("a [MASK]"), state.ask_labels("some text"));
    state.apply(Event::Guesses { request: first, masks: vec![] });
    state.apply(Event::Classified { request: second, labels: vec![], threshold: 0.5, thresholds: vec![] });
    state.ask_guesses("another [MASK]");
    assert_eq!(state.answered_text(), "a [MASK]");
    assert_eq!(state.classified.map(|answer| answer.text), Some("some text".into()));
}

#[test]
fn the_model_at_hand_has_a_name_that_outlives_its_run() {
    let mut state = RunState::default();
    let id = state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
    state.apply(step(&id, 1, 5.0));
    assert_eq!(state.model_name(Phase::Pretrain), Some("Pre-training 1".into()), "of the run that learns");
    state.apply(Event::Finished { run: id.clone(), step: 1, stopped: false, elapsed_secs: 1.0 });
    assert!(state.is_at_hand(&id));
    assert!(state.forget_run(&id).is_some());
    let again = state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
    assert_eq!((again.as_str(), state.is_at_hand(&again)), (id.as_str(), false), "another run has the number now");
    assert_eq!(state.model_name(Phase::Pretrain), Some("Pre-training 1".into()));
    let imported = |guesses| Event::Imported { summary: "9 parameters".into(), labels: vec!["a".into()], guesses };
    state.open_model(Some(again.clone()));
    state.apply(imported(true));
    assert!(state.is_at_hand(&again));
    state.apply(imported(false));
    assert_eq!(state.model_name(Phase::Pretrain), None, "it guesses nothing");
    assert_eq!(state.model_name(Phase::Finetune), Some("9 parameters".into()), "a file has no run");
}

#[test]
fn a_long_question_waits_until_it_is_answered_stopped_or_the_engine_is_gone() {
    let failed = |code: &str, request| Event::Failed {
        run: String::new(),
        code: code.into(),
        message: "m".into(),
        hint: "h".into(),
        request,
    };
    let asked = || {
        let mut state = RunState::default();
        let request = state.next_long_request(Question::Review);
        state.ask_estimate("fast-nano", true);
        assert!(state.is_waiting() && state.is_estimating("fast-nano"));
        (state, request)
    };
    let (mut state, request) = asked();
    state.apply(failed(protocol::STOPPED, Some(request)));
    assert!(!state.is_waiting() && state.notice.is_none(), "a stop is no failure");
    let (mut state, request) = asked();
    state.apply(Event::Reviewed { request, review: Default::default() });
    assert!(!state.is_waiting() && state.is_measuring());
    let (mut state, _) = asked();
    let aside = state.ask_estimate("fast-small", false);
    state.apply(failed("bad-setting", Some(aside)));
    assert!(state.notice.is_none() && !state.is_estimating("fast-small"), "nobody asked for that preset");
    let (mut state, _) = asked();
    state.apply(failed(ENGINE_CRASHED, None));
    assert!(!state.is_waiting() && !state.is_measuring());
}

#[test]
fn runs_that_differ_in_their_start_only_differ() {
    let mut state = RunState::default();
    for from in [StartFrom::Pretrained, StartFrom::Scratch] {
        state.begin(Phase::Finetune, &RunConfig::default(), Some(from), false);
    }
    let starts = vec![Some("pretrained".to_string()), Some("scratch".to_string())];
    assert_eq!(state.differences(), [("from".to_string(), starts)]);
}
