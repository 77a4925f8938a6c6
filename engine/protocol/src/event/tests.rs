//! Events are serialised by serde and deserialised by hand: the two must agree.

use super::*;
use crate::{
    ClassifierMetrics, ComparisonRun, Figures, HeadTrace, MaskedLmMetrics, ScoreInterval, Setting,
    message,
};
use std::collections::BTreeSet;

/// Returns an evaluation event with each type of metrics.
pub(crate) fn evaluations() -> [Event; 2] {
    let masked = Metrics::MaskedLm(MaskedLmMetrics {
        n: 3,
        masked_lm_loss: 4.5,
        masked_accuracy: 0.25,
        ..Default::default()
    });
    let labels = Metrics::Classifier(ClassifierMetrics {
        n: 2,
        micro_f1: 0.5,
        ..ClassifierMetrics::default()
    });
    [masked, labels].map(|metrics| {
        let (run, split) = ("r".into(), "valid".into());
        Event::Evaluated {
            run,
            step: 1,
            epoch: 1.0,
            split,
            network: None,
            metrics,
        }
    })
}

#[test]
fn both_kinds_of_evaluation_round_trip() {
    for event in evaluations() {
        let text = serde_json::to_string(&event).expect("serialises");
        assert!(
            text.starts_with(r#"{"event":"evaluated","run":"r","step":1"#),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<Event>(&text).expect("reads back"),
            event
        );
    }
}

/// Returns one event of each kind but the evaluations, which [`evaluations`] returns.
pub(crate) fn every_kind() -> Vec<Event> {
    let (run, step) = ("r".to_string(), 7);
    let text = |text: &str| text.to_string();
    let candidate = |token: &str| Candidate {
        token: token.into(),
        score: 0.5,
    };
    vec![
        Event::Hello { protocol: 5 },
        Event::Alive {},
        Event::Ready {
            device: DeviceInfo {
                reason: Some(message!("why")),
                ..DeviceInfo::default()
            },
        },
        Event::Corpus {
            files: vec![],
            documents: 9,
            labelled_train: 4,
            labelled_valid: 3,
            labelled_test: 2,
            labels: 1,
            traits: CorpusTraits {
                repeated: 5,
                ..CorpusTraits::default()
            },
        },
        Event::Masking {
            example: 3,
            tokens: vec![],
            run: run.clone(),
            step: Some(step),
        },
        Event::Attention {
            request: 1,
            run: run.clone(),
            step: None,
            tokens: vec![text("a")],
            layers: 2,
            heads: 3,
        },
        Event::Tokenized {
            request: 1,
            tokens: vec![],
            count: 4,
        },
        Event::Neighbours {
            request: 1,
            word: text("w"),
            own: vec![candidate("o")],
            model: vec![candidate("m")],
        },
        Event::Reviewed {
            request: 1,
            review: Review::default(),
        },
        Event::Lines {
            request: 1,
            lines: vec![],
            more: 6,
        },
        Event::Estimated {
            request: 1,
            estimate: Estimate::default(),
        },
        Event::Baseline {
            result: LinearResult::default(),
        },
        Event::Started {
            run: run.clone(),
            phase: Phase::Finetune,
            parameters: 1,
            steps: 2,
            tokens: 3,
            device: text("CPU"),
            vocab_size: 4,
            uniform: 5.5,
            unigram: 6.5,
            bigram: Some(7.5),
            labels: vec![text("x")],
            step,
        },
        Event::Compiling {
            run: run.clone(),
            message: message!("{a} and {b}", a = 1, b = message!("c")),
        },
        Event::Step {
            run: run.clone(),
            step,
            loss: 0.1,
            masked_lm_loss: Some(0.2),
            next_sentence_loss: None,
            lr: 0.3,
            tokens_per_sec: 0.4,
            elapsed_secs: 0.5,
            eta_secs: 0.6,
            grad_norm: 0.7,
        },
        Event::Checkpoint {
            run: run.clone(),
            step,
            path: text("p"),
        },
        Event::RolledBack {
            run: run.clone(),
            step,
        },
        Event::Warning {
            run: String::new(),
            code: text("c"),
            message: message!("m"),
        },
        Event::Paused {
            run: run.clone(),
            step,
        },
        Event::Resumed {
            run: run.clone(),
            step,
        },
        Event::Finished {
            run: run.clone(),
            step,
            stopped: true,
            elapsed_secs: 1.5,
        },
        Event::Failed {
            run: run.clone(),
            code: text("c"),
            message: message!("m"),
            hint: message!("raise {limit}", limit = Setting::named("limit")),
            request: Some(8),
        },
        Event::Counted {
            run: run.clone(),
            learned: true,
            step,
            loss: 0.1,
            accuracy: 0.9,
        },
        Event::ComparedRun {
            run: run.clone(),
            cell: ComparisonTrial {
                pretrained: true,
                label_fraction: 0.5,
                lr: 1e-3,
                run: ComparisonRun {
                    seed: 1,
                    valid_micro_f1: 0.5,
                    test: Figures::default(),
                    valid: vec![],
                    elapsed_secs: 1.5,
                    diverged: true,
                },
            },
        },
        Event::Compared {
            run: run.clone(),
            comparison: Comparison::default(),
        },
        Event::Guesses {
            request: 1,
            masks: vec![],
        },
        Event::Labelled {
            request: 1,
            documents: 2,
            of: 3,
            dropped: vec![Dropped {
                reason: message!("empty"),
                count: 4,
                first_line: 5,
            }],
            columns: Some(TableColumns::default()),
            warnings: vec![message!("w {n}", n = 1)],
        },
        Event::Classified {
            request: 1,
            labels: vec![],
            threshold: 0.5,
            cutoffs: vec![0.5],
            thresholds: vec![0.25],
            words: 2,
            unseen: vec![text("w")],
        },
        Event::SlowMotion {
            request: 1,
            motion: SlowMotion {
                tokens: vec![text("t")],
                attention: Some(HeadTrace {
                    scores: vec![0.5],
                    ..HeadTrace::default()
                }),
                ..SlowMotion::default()
            },
        },
        Event::LabelsMeasured {
            request: 1,
            held_out: 12,
            scores: vec![HandLabelScores {
                documents: 30,
                micro_f1: 0.5,
                macro_f1: 0.25,
                interval: Some(ScoreInterval::default()),
            }],
        },
        Event::Mapped {
            request: 1,
            points: vec![MapPoint {
                x: 0.25,
                y: 0.5,
                document: PredictedDocument {
                    file: text("f"),
                    line: 1,
                    text: text("t"),
                    truth: vec![],
                    predicted: vec![],
                },
            }],
            more: 2,
        },
        Event::Explained {
            request: 1,
            label: text("a"),
            score: 0.5,
            words: vec![WordEvidence::default()],
            more: 2,
        },
        Event::FilledMasks {
            request: 1,
            step: Some(2),
            guesses: vec![vec![candidate("t")]],
        },
        Event::Vocabulary {
            size: 9,
            entries: vec![],
            coverage: vec![CoveragePoint {
                tokens: 1,
                share: 0.5,
            }],
            unknown_share: 0.25,
            lengths: vec![LengthCount {
                up_to: 4,
                documents: 2,
            }],
        },
        Event::Exported {
            request: 1,
            name: text("n"),
        },
        Event::Imported {
            summary: message!("s {n}", n = 2),
            labels: vec![text("x")],
            guesses: true,
        },
        Event::History {
            run: run.clone(),
            events: vec![],
            checkpoint: None,
        },
        Event::History {
            run: run.clone(),
            events: vec![Event::Paused {
                run: run.clone(),
                step,
            }],
            checkpoint: Some(FoundCheckpoint {
                request: 1,
                corpus: text("c"),
            }),
        },
    ]
}

/// The variant and field names that serde writes are those that the hand-written reader expects.
#[test]
fn every_kind_round_trips() {
    let mut kinds = BTreeSet::new();
    for event in every_kind().into_iter().chain(evaluations()) {
        let value = serde_json::to_value(&event).expect("serialises");
        assert_eq!(value["event"], read::name(&event));
        kinds.insert(read::name(&event));
        assert_eq!(
            serde_json::from_value::<Event>(value).expect("reads back"),
            event
        );
    }
    assert_eq!(kinds, read::NAMES.iter().copied().collect());
}

#[test]
fn missing_fields_default_and_errors_name_the_field() {
    let read = |text: &str| serde_json::from_str::<Event>(text);
    let warning = Event::Warning {
        run: String::new(),
        code: "c".into(),
        message: message!("m"),
    };
    let with_extra_field = r#"{"event":"warning","code":"c","message":"m","of_a_later_version":1}"#;
    assert_eq!(read(with_extra_field).expect("known"), warning);
    for (text, expected) in [
        (r#"{"event":"dance"}"#, "there is no event \"dance\""),
        (
            r#"{"event":"paused","run":"r"}"#,
            "step: invalid type: null",
        ),
        (
            r#"{"event":"paused","run":"r","step":"x"}"#,
            "step: invalid type: string",
        ),
        ("[]", "invalid type"),
    ] {
        let error = read(text).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
