//! Corpus statistics, vocabulary and estimates before a run.

use crate::script::{Script, config, failures, look, losses, played, pretrain, served_on, tried};
use engine::data::InputFile;
use protocol::{Candidate, Command, Estimate, Event};

#[test]
fn an_estimate_matches_the_run() {
    let script = played(
        vec![
            Command::Estimate {
                request: 1,
                config: config(&[]),
                tries: true,
            },
            pretrain(),
        ],
        vec![],
    );
    let events = script.events();
    let estimate = events.iter().find_map(|event| match event {
        Event::Estimated {
            request: 1,
            estimate,
        } => Some(*estimate),
        _ => None,
    });
    let started = events.iter().find_map(|event| match event {
        Event::Started {
            parameters, steps, ..
        } => Some((*parameters, *steps)),
        _ => None,
    });
    let estimate = estimate.expect("an answer");
    assert_eq!(Some((estimate.parameters, estimate.steps)), started);
    assert!(
        estimate.tokens_per_step == 8 * 16
            && estimate.bytes > 16 * estimate.parameters
            && estimate.step_secs > 0.0
    );
    let alone = losses(&played(vec![pretrain()], vec![]));
    let [fastest, slowest] = estimate.step_secs_range;
    assert!(
        estimate.tried && fastest <= estimate.step_secs && estimate.step_secs <= slowest,
        "{estimate:?}"
    );
    assert_eq!(
        losses(&script),
        alone,
        "trying a step changes nothing of the run"
    );
    let size = played(
        vec![Command::Estimate {
            request: 1,
            config: config(&[]),
            tries: false,
        }],
        vec![],
    )
    .events();
    let sized = Estimate {
        step_secs: 0.0,
        step_secs_range: [0.0; 2],
        tried: false,
        ..estimate
    };
    assert!(
        size.contains(&Event::Estimated {
            request: 1,
            estimate: sized
        }),
        "a size needs no step"
    );
}

#[test]
fn vocabulary_reports_coverage_and_document_lengths() {
    let script = played(
        vec![
            look(0),
            Command::Vocabulary {
                filter: "ca".into(),
                limit: 5,
            },
        ],
        vec![],
    );
    let vocabulary = script.events().into_iter().find_map(|event| match event {
        Event::Vocabulary {
            entries,
            coverage,
            unknown_share,
            lengths,
            ..
        } => Some((entries, coverage, unknown_share, lengths)),
        _ => None,
    });
    let (entries, coverage, unknown_share, lengths) = vocabulary.expect("an answer");
    assert!(
        entries
            .iter()
            .any(|entry| entry.token == "cat" && entry.count > 0)
    );
    assert!(
        coverage
            .windows(2)
            .all(|pair| pair[0].share < pair[1].share && pair[0].tokens < pair[1].tokens)
    );
    let last = coverage.last().expect("points");
    assert!(
        (last.share - 1.0).abs() < 1e-9 && unknown_share == 0.0,
        "{last:?}"
    );
    assert_eq!(
        lengths.iter().map(|count| count.documents).sum::<u64>(),
        300
    );
    assert!(
        lengths
            .iter()
            .all(|count| count.documents == 0 || (9..=16).contains(&count.up_to)),
        "{lengths:?}"
    );
}

/// Neighbours by co-occurrence are available before any training; a model adds those by its
/// embeddings.
#[test]
fn neighbours_come_from_the_corpus_and_from_the_model() {
    let ask = |request, word: &str| Command::Neighbours {
        request,
        word: word.into(),
        top_k: 3,
    };
    let commands = vec![
        look(0),
        ask(1, "cat"),
        pretrain(),
        ask(2, "cat"),
        ask(3, "\u{1f9a9}"),
    ];
    let script = tried(commands, vec![]);
    let answers: Vec<(u64, Vec<Candidate>, Vec<Candidate>)> = script
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Neighbours {
                request,
                own,
                model,
                ..
            } => Some((request, own, model)),
            _ => None,
        })
        .collect();
    let [(1, before, none), (2, after, model)] = answers.as_slice() else {
        panic!("two answers: {answers:?}")
    };
    assert!(before.len() == 3 && none.is_empty() && after.len() == 3 && model.len() == 3);
    // Only the animals occur between "small" and their verb.
    assert!(
        before
            .iter()
            .any(|near| ["purrs", "house", "dog", "fish"].contains(&near.token.as_str())),
        "{before:?}"
    );
    assert_eq!(failures(&script), ["unknown-word"]);
}

/// Fine-tuning on pairs needs a length that holds both texts.
#[test]
fn a_pair_is_one_document_as_long_as_both_its_texts() {
    let line = |i: usize| {
        format!(
            "cats like warm places {i}\tdogs like cold water {i} __label__{}\n",
            i % 2
        )
    };
    let file = InputFile::in_memory("pairs.txt", (10..50).map(line).collect::<String>(), None);
    let script = served_on(
        Script::default(),
        vec![file],
        vec![
            look(0),
            Command::Vocabulary {
                filter: String::new(),
                limit: 1,
            },
        ],
    );
    let lengths = script.events().into_iter().find_map(|event| match event {
        Event::Vocabulary { lengths, .. } => Some(lengths),
        _ => None,
    });
    let lengths = lengths.expect("an answer");
    // A tenth is held out. Each text has five words, of which a number may be two tokens, and there
    // is a separator.
    assert_eq!(lengths.iter().map(|count| count.documents).sum::<u64>(), 36);
    assert!(
        lengths
            .iter()
            .all(|count| count.documents == 0 || (12..=24).contains(&count.up_to)),
        "{lengths:?}"
    );
}

#[test]
fn corpus_stats_report_labels_duplicates_and_leaks() {
    let events = played(vec![], vec![]).events();
    let traits = events.iter().find_map(|event| match event {
        Event::Corpus { traits, .. } => Some(traits.clone()),
        _ => None,
    });
    let traits = traits.expect("a corpus");
    assert_eq!(
        (
            traits.label_counts.len(),
            traits.label_counts[0].train,
            traits.label_counts[0].valid
        ),
        (6, 80, 16)
    );
    // 51 different texts: three animals times seventeen numbers.
    assert_eq!(
        (traits.repeated, traits.leaked_valid, traits.leaked_test),
        (300 - 51, 51, 0)
    );
    let codes: Vec<&str> = events
        .iter()
        .filter_map(|event| {
            if let Event::Warning { code, .. } = event {
                Some(code.as_str())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(codes, ["repeated-documents", "leaked-documents"]);
}
