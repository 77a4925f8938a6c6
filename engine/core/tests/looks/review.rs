//! Error analysis of a classifier: confusion matrix, documents behind a number, and uncertain
//! documents.

use crate::script::{Script, config, played, pretrain, served};
use protocol::{Command, Event, LineQuery, Metrics, Sampler, StartFrom};

const UNCERTAIN: LineQuery = LineQuery::Unlabelled {
    sampler: Sampler::Uncertain,
    seed: 1,
    except: Vec::new(),
};

#[test]
fn error_analysis_reports_confusion_and_uncertain_documents() {
    let finetune = Command::Finetune {
        run: "f".into(),
        config: config(&[("steps", "60")]),
        from: StartFrom::Scratch,
    };
    let hit = LineQuery::Confused {
        truth: "cat".into(),
        predicted: "cat".into(),
    };
    let script = played(
        vec![
            finetune,
            Command::Review {
                request: 1,
                split: "valid".into(),
            },
            Command::Lines {
                request: 2,
                query: hit,
                limit: 3,
            },
            Command::Lines {
                request: 3,
                query: UNCERTAIN,
                limit: 20,
            },
            Command::Baseline {
                config: config(&[]),
            },
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
        Event::Evaluated {
            metrics: Metrics::Classifier(metrics),
            ..
        } => Some(metrics.clone()),
        _ => None,
    });
    let scores = scores.expect("figures");
    assert_eq!(
        (review.n, review.labels.len(), review.sweep.len()),
        (scores.n, 6, 19)
    );
    for (index, label) in review.labels.iter().enumerate() {
        let row = scores
            .per_label
            .iter()
            .find(|row| row.label == *label)
            .expect("a known label");
        assert_eq!(review.together[index][index], row.support, "{label}");
        assert_eq!(
            review.confusion[index][index] as f64,
            (row.recall * row.support as f64).round(),
            "{label}"
        );
    }
    let nearest = review.sweep.iter().min_by(|a, b| {
        (a.threshold - scores.threshold)
            .abs()
            .total_cmp(&(b.threshold - scores.threshold).abs())
    });
    assert!((nearest.expect("points").micro_f1 - scores.micro_f1).abs() < 0.05);
    assert_eq!(review.label_sweeps.len(), 6);
    for (index, point) in review.sweep.iter().enumerate() {
        let mean = review
            .label_sweeps
            .iter()
            .map(|points| points[index].f1)
            .sum::<f64>()
            / 6.0;
        assert!(
            (mean - point.macro_f1).abs() < 1e-9,
            "at {}: {mean} is not {}",
            point.threshold,
            point.macro_f1
        );
    }
    let lines = |wanted: u64| {
        events.iter().find_map(|event| match event {
            Event::Lines {
                request,
                lines,
                more,
            } if *request == wanted => Some((lines.clone(), *more)),
            _ => None,
        })
    };
    let (hits, more) = lines(2).expect("lines");
    let cat = review
        .labels
        .iter()
        .position(|label| label == "cat")
        .expect("a cat");
    assert_eq!(hits.len() as u64 + more, review.confusion[cat][cat]);
    assert!(
        hits.iter()
            .all(|line| line.truth.contains(&"cat".to_string()) && line.text.contains("cat"))
    );
    assert!(
        hits.iter()
            .all(|line| line.file == "valid.txt" && line.line % 3 == 1),
        "the cats' lines: {hits:?}"
    );
    let (doubts, more) = lines(3).expect("doubts");
    assert_eq!(
        (doubts.len(), more),
        (20, 40),
        "a fifth of 300 lines has no label"
    );
    assert!(doubts.iter().all(|line| line.file == "train.txt"
        && line.truth.is_empty()
        && !line.predicted.is_empty()));
    let baseline = events.iter().find_map(|event| match event {
        Event::Baseline { result } => Some(result.test.micro_f1),
        _ => None,
    });
    let micro_f1 = baseline.expect("a baseline");
    assert!(
        micro_f1 > 0.9,
        "the animal's name gives it away: {micro_f1}"
    );
}

/// With many documents both take a long time.
#[test]
fn error_analysis_can_be_stopped_and_requested_again() {
    let finetune = Command::Finetune {
        run: "f".into(),
        config: config(&[]),
        from: StartFrom::Scratch,
    };
    let review = |request| Command::Review {
        request,
        split: "valid".into(),
    };
    let doubts = |request| Command::Lines {
        request,
        query: UNCERTAIN,
        limit: 3,
    };
    let script = Script::default();
    // The first stop ends the last evaluation of the run.
    script.during.borrow_mut().extend([
        (30, Command::Stop),
        (30, Command::Stop),
        (30, Command::Stop),
    ]);
    let script = served(
        script,
        vec![finetune, review(1), doubts(2), review(3), doubts(4)],
    );
    let responses = |event: &Event| match event {
        Event::Failed {
            request: Some(request),
            code,
            ..
        } => Some((*request, code.clone())),
        Event::Reviewed { request, .. } | Event::Lines { request, .. } => {
            Some((*request, "answered".into()))
        }
        _ => None,
    };
    let expected = [
        (1, "stopped"),
        (2, "stopped"),
        (3, "answered"),
        (4, "answered"),
    ];
    let responses: Vec<(u64, String)> = script.events().iter().filter_map(responses).collect();
    assert_eq!(
        responses,
        expected.map(|(request, what)| (request, what.to_string()))
    );
}

/// A user may start a run, and stop it again, during an error analysis; both commands are for the
/// run.
#[test]
fn commands_for_a_run_during_an_error_analysis_reach_the_run() {
    let finetune = Command::Finetune {
        run: "f".into(),
        config: config(&[]),
        from: StartFrom::Scratch,
    };
    let script = Script::default();
    // The first stop ends the last evaluation of the first run.
    script
        .during
        .borrow_mut()
        .extend([(30, Command::Stop), (30, pretrain()), (30, Command::Stop)]);
    let script = served(
        script,
        vec![
            finetune,
            Command::Review {
                request: 1,
                split: "valid".into(),
            },
        ],
    );
    let events = script.events();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Reviewed { request: 1, .. })),
        "the review goes on"
    );
    let end = |event: &Event| match event {
        Event::Finished {
            run, step, stopped, ..
        } if run == "p" => Some((*step, *stopped)),
        _ => None,
    };
    assert_eq!(events.iter().find_map(end), Some((0, true)));
}
