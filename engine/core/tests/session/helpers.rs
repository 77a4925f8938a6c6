//! Tests of runs whose batches are divided into parts: the numbers do not depend on the helpers.

use crate::host::{Helpers, Memory, config, pretrained, session, steps};
use futures_lite::future::block_on;
use protocol::{RunConfig, StartFrom};
use std::rc::Rc;

/// Maximum difference of losses that are summed in another order, after 14 steps.
const ROUNDING: f64 = 1e-4;

/// A preset and further settings.
type Model = (&'static str, &'static [(&'static str, &'static str)]);

/// Models of all kinds. BERT has dropout and next-sentence prediction.
const MODELS: [Model; 3] = [
    ("fast-nano", &[]),
    ("bert-tiny", &[("nsp", "true")]),
    ("textcnn", &[]),
];

fn host(helpers: usize, failing_job: Option<usize>) -> Memory {
    Memory {
        helpers: Some(Rc::new(Helpers::new(helpers, failing_job))),
        ..Memory::default()
    }
}

fn jobs(host: &Memory) -> usize {
    host.helpers.as_ref().expect("there are helpers").jobs.get()
}

/// Batches that are large enough to be divided.
fn divided(preset: &str, change: &[(&str, &str)]) -> RunConfig {
    let sizes = [
        ("preset", preset),
        ("batch-size", "32"),
        ("max-len", "16"),
        ("steps", "14"),
    ];
    config(&[&sizes, change].concat())
}

#[test]
fn results_do_not_depend_on_the_number_of_helpers() {
    for (preset, change) in MODELS {
        let config = divided(preset, change);
        let alone = host(0, None);
        let expected = pretrained(&alone, &config, None);
        for helpers in 1..=3 {
            let host = host(helpers, None);
            assert!(
                pretrained(&host, &config, None) == expected,
                "{preset}, {helpers} helpers"
            );
            assert!(jobs(&host) > 0, "{preset}: the helpers were used");
            assert_eq!(steps(&host), steps(&alone), "{preset}");
        }
    }
}

/// The parts of a batch have the dropout masks, the weights and the divisors of the whole.
#[test]
fn the_gradients_of_the_parts_add_up_to_those_of_the_batch() {
    for (preset, change) in MODELS {
        let config = divided(preset, change);
        let (whole, parts) = (Memory::default(), host(1, None));
        pretrained(&whole, &config, None);
        pretrained(&parts, &config, None);
        for (a, b) in steps(&whole).iter().zip(steps(&parts)) {
            assert!((a.1 - b.1).abs() < ROUNDING, "{preset}: {a:?} and {b:?}");
        }
    }
}

#[test]
fn classifiers_are_trained_with_helpers_too() {
    for weights in ["none", "balanced"] {
        let config = divided("fast-nano", &[("class-weights", weights)]);
        let finetuned = |host: &Memory| {
            let mut session = session(host);
            block_on(session.finetune("f", &config, StartFrom::Scratch, None)).expect("it ends");
            block_on(session.export()).expect("a model")
        };
        let helped = host(1, None);
        assert!(finetuned(&helped) == finetuned(&host(0, None)), "{weights}");
        assert!(jobs(&helped) > 0);
    }
}

#[test]
fn a_helper_that_fails_changes_nothing() {
    let config = divided("fast-nano", &[]);
    let expected = pretrained(&host(0, None), &config, None);
    for failing_job in [1, 6] {
        let host = host(1, Some(failing_job));
        assert!(pretrained(&host, &config, None) == expected);
        assert_eq!(jobs(&host), failing_job, "it gets no further jobs");
    }
    for failing_job in [2, 7] {
        let host = host(3, Some(failing_job));
        assert!(pretrained(&host, &config, None) == expected);
        assert!(jobs(&host) > failing_job, "the other helpers go on");
    }
}

/// A run of the page continues on the command line, which has threads instead of helpers.
#[test]
fn a_run_with_helpers_resumes_without_them() {
    let config = divided("bert-tiny", &[("checkpoint-every", "6")]);
    let helped = host(1, None);
    let expected = pretrained(&helped, &config, None);
    let snapshot = helped.snapshots.borrow()[0].clone();
    assert!(snapshot.step < 14);
    let resumed = pretrained(&Memory::default(), &config, Some(snapshot));
    assert!(resumed == expected);
}

#[test]
fn small_batches_are_not_divided() {
    let host = host(1, None);
    pretrained(&host, &divided("fast-nano", &[("max-len", "8")]), None);
    assert_eq!(jobs(&host), 0);
}
