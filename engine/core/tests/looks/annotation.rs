//! Labelling by hand: proposed documents, suspicious labels and the map.

use crate::script::{Script, config, failures, played, served_on, tried};
use engine::data::InputFile;
use protocol::{
    Command, Event, FileRole, LineQuery, MapPoint, MapSource, PredictedDocument, Sampler, StartFrom,
};
use std::collections::BTreeSet;

fn unlabelled(request: u64, sampler: Sampler, seed: u64, limit: usize) -> Command {
    Command::Lines {
        request,
        query: LineQuery::Unlabelled { sampler, seed },
        limit,
    }
}

fn lines(script: &Script, wanted: u64) -> (Vec<PredictedDocument>, u64) {
    let answer = script.events().into_iter().find_map(|event| match event {
        Event::Lines {
            request,
            lines,
            more,
        } if request == wanted => Some((lines, more)),
        _ => None,
    });
    answer.expect("an answer")
}

#[test]
fn proposals_are_unlabelled_random_and_reproducible() {
    let script = played(
        vec![
            unlabelled(1, Sampler::Random, 1, 10),
            unlabelled(2, Sampler::Random, 1, 10),
            unlabelled(3, Sampler::Random, 2, 10),
            unlabelled(4, Sampler::Random, 1, 1000),
        ],
        vec![],
    );
    let (first, more) = lines(&script, 1);
    assert_eq!((first.len(), more), (10, 50), "a fifth of 300 has no label");
    assert!(first.iter().all(|line| line.truth.is_empty()));
    assert_eq!(first, lines(&script, 2).0);
    assert_ne!(first, lines(&script, 3).0);
    let (all, more) = lines(&script, 4);
    let distinct: BTreeSet<u64> = all.iter().map(|line| line.line).collect();
    assert_eq!((distinct.len(), more), (60, 0), "each is drawn once");
}

#[test]
fn rare_and_uncertain_documents_need_a_classifier() {
    let finetune = Command::Finetune {
        run: "f".into(),
        config: config(&[("steps", "60")]),
        from: StartFrom::Scratch,
    };
    let ask = |request| unlabelled(request, Sampler::Rare, 1, 5);
    let files = crate::script::corpus();
    let script = served_on(Script::default(), files, vec![ask(1), finetune, ask(2)]);
    assert_eq!(failures(&script), ["no-model"]);
    let (found, _) = lines(&script, 2);
    assert!(found.len() == 5 && found.iter().all(|line| !line.predicted.is_empty()));
}

/// Asks for the suspicious labels of a text.
fn suspicious(text: &str) -> Script {
    let files = vec![InputFile::in_memory(
        "train.txt",
        text,
        Some(FileRole::Train),
    )];
    let query = Command::Lines {
        request: 1,
        query: LineQuery::Suspicious,
        limit: 30,
    };
    served_on(Script::default(), files, vec![query])
}

/// Every twentieth of 300 labels is wrong.
#[test]
fn planted_wrong_labels_are_found_first() {
    let kinds = ["cat purrs", "dog barks", "fish swims"];
    let is_wrong = |i: usize| i % 20 == 7;
    let line = |i: usize| {
        let label = ["cat", "dog", "fish"][(i + usize::from(is_wrong(i))) % 3];
        format!(
            "the small {} near number {} __label__{label}\n",
            kinds[i % 3],
            i % 23
        )
    };
    let script = suspicious(&(0..300).map(line).collect::<String>());
    assert_eq!(failures(&script), [] as [&str; 0]);
    let (found, _) = lines(&script, 1);
    let planted = found.iter().filter(|line| is_wrong(line.line as usize - 1));
    assert_eq!(planted.count(), 15, "all of them: {found:?}");
    for line in &found[..15] {
        let animal = line.text.split(' ').nth(2).expect("an animal");
        assert_eq!(line.predicted[0].label, animal, "the suggested label");
    }
}

#[test]
fn too_few_labels_cannot_be_checked() {
    let script = suspicious("a cat __label__cat\na dog __label__dog\n");
    assert_eq!(failures(&script), ["too-few-labels"]);
}

/// By word vectors before there is a model, by the model after that; the same documents in both.
#[test]
fn a_map_places_similar_documents_near_each_other() {
    let map = |request, source| Command::Map { request, source };
    let commands = vec![
        map(1, MapSource::Model),
        map(2, MapSource::Words),
        Command::Finetune {
            run: "f".into(),
            config: config(&[("steps", "60")]),
            from: StartFrom::Scratch,
        },
        map(3, MapSource::Model),
    ];
    let script = tried(commands, vec![]);
    assert_eq!(failures(&script), ["no-model"]);
    let events = script.events();
    let points = |wanted| {
        let answers = events.iter().find_map(|event| match event {
            Event::Mapped {
                request, points, ..
            } if *request == wanted => Some(points.clone()),
            _ => None,
        });
        answers.expect("a map")
    };
    let (by_words, by_model) = (points(2), points(3));
    let texts = |points: &[MapPoint]| -> Vec<String> {
        let points = points.iter();
        points.map(|point| point.document.text.clone()).collect()
    };
    assert_eq!(texts(&by_words), texts(&by_model));
    assert!(by_words.len() >= 240, "{}", by_words.len());
    assert!(
        by_words
            .iter()
            .all(|point| point.document.predicted.is_empty())
    );
    assert!(
        by_model
            .iter()
            .all(|point| point.document.predicted.len() == 1)
    );
    for points in [&by_words, &by_model] {
        let animal = |point: &MapPoint| point.document.text.split(' ').nth(2).map(String::from);
        let has_near_friend = |point: &&MapPoint| {
            let distance = |other: &MapPoint| (point.x - other.x).hypot(point.y - other.y);
            let others = points.iter().filter(|other| *other != *point);
            let nearest = others.min_by(|a, b| distance(a).total_cmp(&distance(b)));
            nearest.map(animal) == Some(animal(point))
        };
        let near = points.iter().filter(has_near_friend).count();
        assert!(10 * near > 9 * points.len(), "{near} of {}", points.len());
    }
}
