//! Labelling by hand: proposed documents, suspicious labels and the map.

use crate::script::{Script, config, failures, played, served_on, tried};
use engine::data::InputFile;
use protocol::{
    Annotations, Command, Event, FileRole, LineQuery, MapPoint, MapSource, PredictedDocument,
    Sampler, StartFrom, text_hash,
};
use std::collections::BTreeSet;

fn unlabelled(request: u64, sampler: Sampler, seed: u64, limit: usize) -> Command {
    Command::Lines {
        request,
        query: LineQuery::Unlabelled {
            sampler,
            seed,
            except: vec![],
        },
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
fn documents_labelled_since_are_not_proposed() {
    let script = played(vec![unlabelled(1, Sampler::Random, 1, 60)], vec![]);
    let (all, _) = lines(&script, 1);
    let except: Vec<u64> = all[5..].iter().map(|line| text_hash(&line.text)).collect();
    let query = Command::Lines {
        request: 1,
        query: LineQuery::Unlabelled {
            sampler: Sampler::Random,
            seed: 1,
            except: except.clone(),
        },
        limit: 60,
    };
    let (left, more) = lines(&played(vec![query], vec![]), 1);
    assert!((1..=5).contains(&left.len()) && more == 0, "{left:?}");
    assert!(
        left.iter()
            .all(|line| !except.contains(&text_hash(&line.text)))
    );
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

/// Labels `count` training documents about each of these animals by hand.
fn by_hand(animals: [&str; 2], count: usize) -> Annotations {
    let mut annotations = Annotations::new();
    for animal in animals {
        let rest = match animal {
            "cat" => "purrs in the house",
            "dog" => "barks in the yard",
            _ => "swims in the pond",
        };
        for number in 0..count {
            let text = format!("the small {animal} {rest} of my friend number {number}");
            annotations.insert(text, vec![animal.to_string()]);
        }
    }
    annotations
}

/// The scores need no model, and the classifier behind them selects documents afterwards.
#[test]
fn labels_given_by_hand_are_measured_on_held_out_ones() {
    let all = by_hand(["cat", "dog"], 12);
    let is_held_out = |text: &str| text.contains("number 1");
    let part = |held_out: bool| -> Annotations {
        let documents = all.clone().into_iter();
        documents
            .filter(|(text, _)| is_held_out(text) == held_out)
            .collect()
    };
    let (training, held_out) = (part(false), part(true));
    let elsewhere = [("a cat of other files".to_string(), vec!["owl".to_string()])];
    let measure = |request, training| Command::MeasureLabels {
        request,
        training,
        held_out: held_out.clone(),
    };
    let with_others: Annotations = training.clone().into_iter().chain(elsewhere).collect();
    let script = tried(
        vec![
            unlabelled(1, Sampler::Uncertain, 1, 5),
            measure(2, vec![with_others, by_hand(["cat", "fish"], 10)]),
            unlabelled(3, Sampler::Uncertain, 1, 5),
            measure(4, vec![by_hand(["cat", "cat"], 10)]),
        ],
        vec![],
    );
    assert_eq!(failures(&script), ["no-model"]);
    let scores = |wanted| {
        let answer = script.events().into_iter().find_map(|event| match event {
            Event::LabelsMeasured {
                request,
                held_out,
                scores,
            } if request == wanted => Some((held_out, scores)),
            _ => None,
        });
        answer.expect("scores")
    };
    let (count, measured) = scores(2);
    assert_eq!(count, held_out.len() as u64);
    assert_eq!(
        measured[0].documents,
        training.len() as u64,
        "of this corpus only"
    );
    assert_eq!(measured[0].micro_f1, 1.0);
    assert!(measured[1].micro_f1 < 1.0, "it never saw a dog");
    assert_eq!(scores(4).1, [], "one label cannot be measured");
    let (proposed, _) = lines(&script, 3);
    assert_eq!(proposed.len(), 5);
    assert!(
        proposed
            .iter()
            .all(|document| !document.predicted.is_empty())
    );
}
