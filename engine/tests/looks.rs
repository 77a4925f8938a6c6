//! What a page asks while it watches: a text under the microscope before, during and after a run, single steps, what a
//! classifier confuses, what a run would cost. Served as in the worker, command by command.

use engine::data::{InputFile, ReadOptions};
use engine::error::Result;
use engine::session::{Host, Session, Snapshot};
use futures_lite::future::{self, block_on, pending, poll_fn};
use protocol::{
    BackendChoice, Command, Event, FileRole, LineQuery, MaskKind, MaskedToken, Metrics, RunConfig, StartFrom,
};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// An event with its bulk bytes.
type Told = (Event, Vec<Vec<u8>>);

/// A host with a script: commands between runs, and commands that arrive once a run has come to a step.
#[derive(Clone, Default)]
struct Script {
    told: Rc<RefCell<Vec<Told>>>,
    commands: Rc<RefCell<VecDeque<Command>>>,
    during: Rc<RefCell<VecDeque<(u64, Command)>>>,
    /// Goes on by a second with each question.
    clock: Rc<RefCell<f64>>,
    over: Rc<RefCell<bool>>,
    /// A run that is stopped before its first step.
    unwanted: Option<&'static str>,
}

impl Script {
    fn step(&self) -> u64 {
        let last = |(event, _): &(Event, _)| if let Event::Step { step, .. } = event { Some(*step) } else { None };
        self.told.borrow().iter().rev().find_map(last).unwrap_or(0)
    }

    fn events(&self) -> Vec<Event> {
        self.told.borrow().iter().map(|(event, _)| event.clone()).collect()
    }
}

impl Host for Script {
    fn emit(&self, event: Event, buffers: Vec<Vec<u8>>) {
        self.told.borrow_mut().push((event, buffers));
    }

    fn now_secs(&self) -> f64 {
        *self.clock.borrow_mut() += 1.0;
        *self.clock.borrow()
    }

    async fn breathe(&self) -> Vec<Command> {
        let is_start =
            |event: &Event| matches!(event, Event::Started { run, .. } if Some(run.as_str()) == self.unwanted);
        let told = self.events();
        let begun = told.iter().rposition(is_start);
        if begun.is_some_and(|begun| !told[begun..].iter().any(|event| matches!(event, Event::Finished { .. }))) {
            return vec![Command::Stop];
        }
        let mut during = self.during.borrow_mut();
        during.pop_front_if(|(step, _)| *step <= self.step()).map(|(_, command)| command).into_iter().collect()
    }

    async fn next_command(&self) -> Command {
        if let Some(command) = self.commands.borrow_mut().pop_front() {
            return command;
        }
        *self.over.borrow_mut() = true;
        pending().await
    }

    /// A run that waits gets what the script says next, whatever its step.
    async fn next_order(&self) -> Command {
        self.during.borrow_mut().pop_front().map_or(Command::Stop, |(_, command)| command)
    }

    async fn keep(&self, _snapshot: &Snapshot) -> Result<Option<String>> {
        Ok(None)
    }
}

/// The device's generator is one per process, and a process runs one session; so do these tests, one after another.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn corpus() -> Vec<InputFile> {
    let kinds = [("cat", "purrs", "house"), ("dog", "barks", "yard"), ("fish", "swims", "pond")];
    let line = |i: usize| {
        let (animal, does, place) = kinds[i % 3];
        let labels = if i % 5 == 4 { String::new() } else { format!(" __label__{animal} __label__{place}") };
        format!("the small {animal} {does} in the {place} of my friend number {}{labels}\n", i % 17)
    };
    let file = |name: &str, range: std::ops::Range<usize>, role| {
        InputFile::held(name, range.map(line).collect::<String>(), Some(role))
    };
    vec![file("train.txt", 0..300, FileRole::Train), file("valid.txt", 300..360, FileRole::Valid)]
}

fn config(change: &[(&str, &str)]) -> RunConfig {
    let mut config = RunConfig::default();
    let own = [
        ("preset", "fast-nano"),
        ("vocab-size", "120"),
        ("max-len", "16"),
        ("batch-size", "8"),
        ("steps", "30"),
        ("lr", "0.01"),
    ];
    for (key, value) in own.iter().chain(change) {
        config.set(key, value).expect("a valid setting");
    }
    config
}

fn look(epoch: u64) -> Command {
    Command::PreviewMasking { config: config(&[("mask-rate", "0.3")]), example: 1, epoch, text: None }
}

fn pretrain() -> Command {
    Command::Pretrain { run: "p".into(), config: config(&[]), go_on: false }
}

/// What the session says to these commands, none of which it refuses.
fn played(commands: Vec<Command>, during: Vec<(u64, Command)>) -> Script {
    let script = tried(commands, during);
    assert_eq!(failures(&script), [] as [&str; 0], "nothing fails");
    script
}

/// What the session says to these commands.
fn tried(commands: Vec<Command>, during: Vec<(u64, Command)>) -> Script {
    let script = Script::default();
    script.during.borrow_mut().extend(during);
    served(script, commands)
}

fn served(script: Script, commands: Vec<Command>) -> Script {
    script.commands.borrow_mut().extend(commands);
    block_on(async {
        let mut session = Session::open(script.clone(), BackendChoice::Cpu).await.expect("the CPU engine opens");
        session.set_corpus(corpus(), &ReadOptions::default()).expect("a sound corpus");
        let over = script.over.clone();
        let end = poll_fn(move |_| if *over.borrow() { Poll::Ready(()) } else { Poll::Pending });
        future::or(async { session.serve(Vec::new).await }, end).await;
    });
    script
}

/// Codes of what failed.
fn failures(script: &Script) -> Vec<String> {
    let code = |event| if let Event::Failed { code, .. } = event { Some(code) } else { None };
    script.events().into_iter().filter_map(code).collect()
}

fn maskings(script: &Script) -> Vec<(String, Option<u64>, Vec<MaskedToken>)> {
    let masking = |event| match event {
        Event::Masking { run, step, tokens, .. } => Some((run, step, tokens)),
        _ => None,
    };
    script.events().into_iter().filter_map(masking).collect()
}

fn losses(script: &Script) -> Vec<(u64, f64)> {
    let step = |event| if let Event::Step { step, loss, .. } = event { Some((step, loss)) } else { None };
    script.events().into_iter().filter_map(step).collect()
}

#[test]
fn the_text_under_the_microscope_fills_in_as_a_run_learns_and_the_run_does_not_notice() {
    let _alone = alone();
    let script = played(vec![look(0), pretrain(), look(0)], vec![]);
    let looks = maskings(&script);
    let (first, last) = (&looks[0], &looks[looks.len() - 1]);
    assert!(first.1.is_none() && first.2.iter().all(|token| token.guesses.is_empty()), "nobody guesses yet");
    let during: Vec<u64> = looks.iter().filter(|look| look.0 == "p").filter_map(|look| look.1).collect();
    assert!(during.len() >= 3 && during[0] == 1 && during.ends_with(&[30]), "{during:?}");
    assert_eq!((last.0.as_str(), last.1), ("", None));
    for (_, _, tokens) in &looks[1..] {
        let same = |(a, b): (&MaskedToken, &MaskedToken)| a.shown == b.shown && a.original == b.original;
        assert!(tokens.len() == first.2.len() && tokens.iter().zip(&first.2).all(same), "the same text and mask");
        for token in tokens {
            let chosen = !matches!(token.kind, MaskKind::Untouched | MaskKind::Special);
            assert_eq!((token.guesses.len(), token.loss.is_some()), if chosen { (5, true) } else { (0, false) });
            assert!(token.guesses.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }
    let mean = |tokens: &[MaskedToken]| tokens.iter().filter_map(|token| token.loss).sum::<f64>();
    assert!(mean(&last.2) < 0.8 * mean(&looks[1].2), "it learns: {} to {}", mean(&looks[1].2), mean(&last.2));
    assert_eq!(losses(&script), losses(&played(vec![pretrain()], vec![])), "looking changes nothing");
}

#[test]
fn attention_comes_with_each_look_as_bytes_whose_rows_are_whole() {
    let _alone = alone();
    let script =
        played(vec![look(0), pretrain(), Command::Attend { request: 9, text: "the dog barks".into() }], vec![]);
    let told = script.told.borrow();
    let maps = told.iter().filter_map(|(event, buffers)| match event {
        Event::Attention { request, step, tokens, layers, heads, .. } => {
            Some((*request, *step, tokens.len(), *layers as usize, *heads as usize, buffers))
        }
        _ => None,
    });
    let maps: Vec<_> = maps.collect();
    assert!(maps.len() >= 4, "three of the run, and the answer");
    let last = maps.len() - 1;
    assert_eq!((maps[0].0, maps[0].1, maps[last].0, maps[last].2), (0, Some(1), 9, 5));
    for (_, _, t, layers, heads, buffers) in maps {
        assert_eq!((layers, heads, buffers.len(), buffers[0].len()), (1, 2, 1, layers * heads * t * t));
        for row in buffers[0].chunks(t) {
            let sum: f64 = row.iter().map(|&byte| (f64::from(byte) / 255.0).powi(2)).sum();
            assert!((sum - 1.0).abs() < 0.02, "{sum}");
        }
    }
}

#[test]
fn a_run_goes_on_by_single_steps_and_another_text_can_be_looked_at_meanwhile() {
    let _alone = alone();
    let own = Command::PreviewMasking { config: config(&[]), example: 0, epoch: 3, text: Some("my friend cat".into()) };
    let during = vec![
        (4, Command::Pause),
        (0, Command::Step { steps: 1 }),
        (0, own),
        (0, Command::Tokenize { request: 5, text: "dog [MASK]".into() }),
        (0, Command::Step { steps: 3 }),
        (8, Command::Resume),
    ];
    let script = played(vec![look(0), pretrain()], during);
    let pauses = script.events().into_iter().filter_map(|event| match event {
        Event::Paused { step, .. } => Some(step),
        _ => None,
    });
    assert_eq!(pauses.collect::<Vec<_>>(), [4, 5, 8]);
    assert_eq!(losses(&script).len(), 30, "and then to its end");
    let texts = maskings(&script).into_iter().map(|(_, step, tokens)| (step, tokens.len()));
    assert!(
        texts.clone().any(|look| look == (Some(5), 5)),
        "my friend cat, at step 5: {:?}",
        texts.collect::<Vec<_>>()
    );
    let cut = script.events().into_iter().find_map(|event| match event {
        Event::Tokenized { request: 5, tokens, .. } => {
            Some(tokens.into_iter().map(|entry| entry.token).collect::<Vec<_>>())
        }
        _ => None,
    });
    assert_eq!(cut, Some(vec!["dog".into(), "[MASK]".into()]));
}

/// An evaluation may take minutes: nobody waits for its end to pause, to ask or to look elsewhere.
#[test]
fn questions_and_pauses_are_heard_amid_an_evaluation_which_they_do_not_change() {
    let _alone = alone();
    let finetune =
        || Command::Finetune { run: "f".into(), config: config(&[("steps", "60")]), from: StartFrom::Scratch };
    let ask = Command::Classify { request: 7, text: "the cat purrs".into(), top_k: 3 };
    let during = vec![(30, Command::Pause), (0, ask), (0, look(0)), (0, Command::Resume)];
    let (disturbed, alone) = (played(vec![finetune()], during), played(vec![finetune()], vec![]));
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
    assert_eq!(order, ["step", "paused", "classified", "looked", "resumed", "evaluated"]);
    let measured = |script: &Script| {
        let metrics = |event| if let Event::Evaluated { metrics, .. } = event { Some(metrics) } else { None };
        script.events().into_iter().filter_map(metrics).collect::<Vec<Metrics>>()
    };
    assert_eq!(measured(&disturbed), measured(&alone));
    assert_eq!(losses(&disturbed), losses(&alone));
}

#[test]
fn a_classifier_is_reviewed_label_against_label_and_its_doubts_are_named() {
    let _alone = alone();
    let finetune = Command::Finetune { run: "f".into(), config: config(&[("steps", "60")]), from: StartFrom::Scratch };
    let hit = LineQuery::Confused { truth: "cat".into(), predicted: "cat".into() };
    let script = played(
        vec![
            finetune,
            Command::Review { request: 1, split: "valid".into() },
            Command::Lines { request: 2, query: hit, limit: 3 },
            Command::Lines { request: 3, query: LineQuery::Uncertain, limit: 20 },
            Command::Baseline { config: config(&[]) },
        ],
        vec![],
    );
    let events = script.events();
    let review = events.iter().find_map(|event| match event {
        Event::Reviewed { request: 1, review } => Some(review.clone()),
        _ => None,
    });
    let review = review.expect("an answer");
    let scores = events.iter().rev().find_map(|event| match event {
        Event::Evaluated { metrics: Metrics::Classifier(metrics), .. } => Some(metrics.clone()),
        _ => None,
    });
    let scores = scores.expect("figures");
    assert_eq!((review.n, review.labels.len(), review.sweep.len()), (scores.n, 6, 19));
    for (place, label) in review.labels.iter().enumerate() {
        let row = scores.per_label.iter().find(|row| row.label == *label).expect("a known label");
        assert_eq!(review.together[place][place], row.support, "{label}");
        assert_eq!(review.confusion[place][place] as f64, (row.recall * row.support as f64).round(), "{label}");
    }
    let at = review
        .sweep
        .iter()
        .min_by(|a, b| (a.threshold - scores.threshold).abs().total_cmp(&(b.threshold - scores.threshold).abs()));
    assert!((at.expect("points").micro_f1 - scores.micro_f1).abs() < 0.05);
    assert_eq!(review.label_sweeps.len(), 6);
    for (index, point) in review.sweep.iter().enumerate() {
        let mean = review.label_sweeps.iter().map(|points| points[index].f1).sum::<f64>() / 6.0;
        assert!((mean - point.macro_f1).abs() < 1e-9, "at {}: {mean} is not {}", point.threshold, point.macro_f1);
    }
    let lines = |wanted: u64| {
        events.iter().find_map(|event| match event {
            Event::Lines { request, lines, more } if *request == wanted => Some((lines.clone(), *more)),
            _ => None,
        })
    };
    let (hits, more) = lines(2).expect("lines");
    let cat = review.labels.iter().position(|label| label == "cat").expect("a cat");
    assert_eq!(hits.len() as u64 + more, review.confusion[cat][cat]);
    assert!(hits.iter().all(|line| line.truth.contains(&"cat".to_string()) && line.text.contains("cat")));
    let (doubts, more) = lines(3).expect("doubts");
    assert_eq!((doubts.len(), more), (20, 40), "a fifth of 300 lines has no label");
    assert!(doubts.iter().all(|line| line.truth.is_empty() && !line.predicted.is_empty()));
    let baseline = events.iter().find_map(|event| match event {
        Event::Baseline { result } => Some(result.test.micro_f1),
        _ => None,
    });
    let micro_f1 = baseline.expect("a baseline");
    assert!(micro_f1 > 0.9, "the animal's name gives it away: {micro_f1}");
}

/// Its labels are of coins, and its vocabulary has two words.
#[test]
fn the_counting_task_leaves_questions_to_the_models_that_are_there() {
    let _alone = alone();
    let finetune = Command::Finetune { run: "f".into(), config: config(&[("steps", "30")]), from: StartFrom::Scratch };
    let toy = Command::Toy { run: "t".into(), config: config(&[("preset", "bert-tiny"), ("steps", "40")]) };
    let question = Command::Classify { request: 4, text: "the small dog barks".into(), top_k: 1 };
    let script = played(vec![finetune, toy], vec![(35, question)]);
    let answer = script.events().into_iter().find_map(|event| match event {
        Event::Classified { request: 4, labels, .. } => Some(labels[0].label.clone()),
        _ => None,
    });
    let answer = answer.expect("an answer");
    assert!(["dog", "yard"].contains(&answer.as_str()), "{answer}");
}

#[test]
fn an_estimate_says_what_the_run_then_takes() {
    let _alone = alone();
    let script = played(vec![Command::Estimate { request: 1, config: config(&[]) }, pretrain()], vec![]);
    let events = script.events();
    let estimate = events.iter().find_map(|event| match event {
        Event::Estimated { request: 1, estimate } => Some(*estimate),
        _ => None,
    });
    let started = events.iter().find_map(|event| match event {
        Event::Started { parameters, steps, .. } => Some((*parameters, *steps)),
        _ => None,
    });
    let estimate = estimate.expect("an answer");
    assert_eq!(Some((estimate.parameters, estimate.steps)), started);
    assert!(
        estimate.tokens_per_step == 8 * 16 && estimate.bytes > 16 * estimate.parameters && estimate.step_secs > 0.0
    );
    let alone = losses(&played(vec![pretrain()], vec![]));
    assert_eq!(losses(&script), alone, "trying a step changes nothing of the run");
}

/// Neither its values nor what was asked of it.
#[test]
fn a_run_that_is_stopped_before_its_first_step_leaves_nothing() {
    let _alone = alone();
    let export = |request| Command::ExportModel { request };
    let learn = |run: &str, go_on| Command::Pretrain { run: run.into(), config: config(&[]), go_on };
    let label = || Command::Finetune { run: "no".into(), config: config(&[]), from: StartFrom::Pretrained };
    for unwanted in [vec![learn("no", false)], vec![learn("no", true)], vec![label()]] {
        let commands = [vec![learn("p", false), export(1)], unwanted, vec![export(2), learn("q", false)]].concat();
        let script = served(Script { unwanted: Some("no"), ..Script::default() }, commands);
        let archive = |wanted: u64| {
            let told = script.told.borrow();
            told.iter().find_map(|(event, buffers)| {
                matches!(event, Event::Exported { request, .. } if *request == wanted).then(|| buffers[0].clone())
            })
        };
        assert!(archive(1).is_some() && archive(1) == archive(2), "the model that was there");
        let of = |run: &str| {
            let steps = script.events().into_iter().filter_map(|event| match event {
                Event::Step { run: other, step, loss, .. } if other == run => Some((step, loss)),
                _ => None,
            });
            steps.collect::<Vec<_>>()
        };
        assert!(of("no").is_empty() && of("p") == of("q"), "the next run begins anew");
    }
}

#[test]
fn pre_training_goes_on_from_the_model_at_hand_only_when_asked_to() {
    let _alone = alone();
    let again = |go_on| Command::Pretrain { run: "q".into(), config: config(&[]), go_on };
    let first_loss = |go_on| losses(&played(vec![pretrain(), again(go_on)], vec![]))[30].1;
    assert!(first_loss(true) < 0.8 * first_loss(false), "{} {}", first_loss(true), first_loss(false));
}

#[test]
fn a_refused_wish_to_go_on_is_forgotten() {
    let _alone = alone();
    let refused = Command::Pretrain { run: "r".into(), config: config(&[("max-len", "4")]), go_on: true };
    let script = tried(vec![pretrain(), refused, pretrain()], vec![]);
    assert_eq!(failures(&script), ["max-len-too-small"]);
    let losses = losses(&script);
    assert_eq!(losses[..30], losses[30..], "the last run starts afresh, as the first did");
}

#[test]
fn the_counting_task_is_not_looked_at_with_a_person_s_text() {
    let _alone = alone();
    let toy = Command::Toy { run: "counting-1".into(), config: config(&[("preset", "bert-tiny"), ("steps", "2")]) };
    let script = played(vec![look(0), toy, pretrain()], vec![]);
    let runs: Vec<String> = maskings(&script).into_iter().map(|look| look.0).collect();
    assert!(!runs.contains(&"counting-1".to_string()), "{runs:?}");
    assert!(runs.contains(&"p".to_string()), "and the next run is looked at again");
}

#[test]
fn a_question_without_an_answer_says_which_it_was() {
    let _alone = alone();
    let long = Command::Attend { request: 7, text: "cat ".repeat(600) };
    let script = tried(vec![Command::Attend { request: 6, text: "cat".into() }, pretrain(), long], vec![]);
    let failed = script.events().into_iter().filter_map(|event| match event {
        Event::Failed { code, request, .. } => Some((code, request)),
        _ => None,
    });
    assert_eq!(failed.collect::<Vec<_>>(), [("no-model".into(), Some(6)), ("text-too-long".into(), Some(7))]);
}

#[test]
fn the_vocabulary_tells_how_much_of_the_text_it_covers_and_how_long_documents_are() {
    let _alone = alone();
    let script = played(vec![look(0), Command::Vocabulary { filter: "ca".into(), limit: 5 }], vec![]);
    let told = script.events().into_iter().find_map(|event| match event {
        Event::Vocabulary { entries, coverage, unknown_share, lengths, .. } => {
            Some((entries, coverage, unknown_share, lengths))
        }
        _ => None,
    });
    let (entries, coverage, unknown_share, lengths) = told.expect("an answer");
    assert!(entries.iter().any(|entry| entry.token == "cat" && entry.count > 0));
    assert!(coverage.windows(2).all(|pair| pair[0].share < pair[1].share && pair[0].tokens < pair[1].tokens));
    let last = coverage.last().expect("points");
    assert!((last.share - 1.0).abs() < 1e-9 && unknown_share == 0.0, "{last:?}");
    assert_eq!(lengths.iter().map(|count| count.documents).sum::<u64>(), 300);
    assert!(lengths.iter().all(|count| count.documents == 0 || (9..=16).contains(&count.up_to)), "{lengths:?}");
}

/// Of many documents both take their time.
#[test]
fn a_review_and_the_search_for_doubts_can_be_stopped_and_asked_for_again() {
    let _alone = alone();
    let finetune = Command::Finetune { run: "f".into(), config: config(&[]), from: StartFrom::Scratch };
    let review = |request| Command::Review { request, split: "valid".into() };
    let doubts = |request| Command::Lines { request, query: LineQuery::Uncertain, limit: 3 };
    let script = Script::default();
    // The first one ends the last evaluation of the run.
    script.during.borrow_mut().extend([(30, Command::Stop), (30, Command::Stop), (30, Command::Stop)]);
    let script = served(script, vec![finetune, review(1), doubts(2), review(3), doubts(4)]);
    let said = |event: &Event| match event {
        Event::Failed { request: Some(request), code, .. } => Some((*request, code.clone())),
        Event::Reviewed { request, .. } | Event::Lines { request, .. } => Some((*request, "answered".into())),
        _ => None,
    };
    let expected = [(1, "stopped"), (2, "stopped"), (3, "answered"), (4, "answered")];
    let said: Vec<(u64, String)> = script.events().iter().filter_map(said).collect();
    assert_eq!(said, expected.map(|(request, what)| (request, what.to_string())));
}

/// A person may press start, and then stop, while a review is at work: both are for the run.
#[test]
fn what_is_said_of_a_run_during_a_review_is_heard_by_the_run() {
    let _alone = alone();
    let finetune = Command::Finetune { run: "f".into(), config: config(&[]), from: StartFrom::Scratch };
    let script = Script::default();
    // The first one ends the last evaluation of the first run.
    script.during.borrow_mut().extend([(30, Command::Stop), (30, pretrain()), (30, Command::Stop)]);
    let script = served(script, vec![finetune, Command::Review { request: 1, split: "valid".into() }]);
    let events = script.events();
    assert!(events.iter().any(|event| matches!(event, Event::Reviewed { request: 1, .. })), "the review goes on");
    let end = |event: &Event| match event {
        Event::Finished { run, step, stopped, .. } if run == "p" => Some((*step, *stopped)),
        _ => None,
    };
    assert_eq!(events.iter().find_map(end), Some((0, true)));
}

#[test]
fn a_corpus_tells_its_labels_its_copies_and_its_leaks() {
    let _alone = alone();
    let events = played(vec![], vec![]).events();
    let traits = events.iter().find_map(|event| match event {
        Event::Corpus { traits, .. } => Some(traits.clone()),
        _ => None,
    });
    let traits = traits.expect("a corpus");
    assert_eq!((traits.label_counts.len(), traits.label_counts[0].train, traits.label_counts[0].valid), (6, 80, 16));
    // 51 different texts: three animals, seventeen numbers.
    assert_eq!((traits.repeated, traits.leaked_valid, traits.leaked_test), (300 - 51, 51, 0));
    let codes: Vec<&str> = events
        .iter()
        .filter_map(|event| if let Event::Warning { code, .. } = event { Some(code.as_str()) } else { None })
        .collect();
    assert_eq!(codes, ["repeated-documents", "leaked-documents"]);
}
