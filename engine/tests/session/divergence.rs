//! Runs whose loss diverges: they return to a good checkpoint, and none that is saved holds garbage.

use super::host::{Memory, config, session};
use engine::session::{ComparisonProgress, LabelRule, Snapshot};
use futures_lite::future::block_on;
use protocol::{CompareConfig, Event, Metrics, RunConfig};

/// Messages of the warnings of this code.
fn warned(host: &Memory, wanted: &str) -> Vec<String> {
    let message = |event: &Event| match event {
        Event::Warning { code, message, .. } if code == wanted => Some(message.clone()),
        _ => None,
    };
    host.events.borrow().iter().filter_map(message).collect()
}

/// A learning rate at which the loss of the test's model diverges.
const DIVERGING_RATE: &str = "0.9";

fn diverging(change: &[(&str, &str)]) -> RunConfig {
    let base = [("steps", "200"), ("lr", DIVERGING_RATE), ("optimizer", "adamw"), ("checkpoint-every", "10")];
    config(&[&base, change].concat())
}

/// Loss of the model in a checkpoint on the validation text.
fn held_out_loss(snapshot: &Snapshot) -> f64 {
    let mut session = session(&Memory::default());
    session.import(snapshot.files.clone()).expect("a model");
    let rule = LabelRule::Tuned;
    match block_on(session.evaluate("e", "valid", rule, 1)).expect("finite outputs") {
        Metrics::MaskedLm(metrics) => metrics.masked_lm_loss,
        Metrics::Classifier(_) => unreachable!("a language model"),
    }
}

#[test]
fn a_run_that_diverges_returns_to_its_last_good_checkpoint_twice() {
    let host = Memory::default();
    let outcome = block_on(session(&host).pretrain("run", &diverging(&[]), None));
    let rolled_back = warned(&host, "rolled-back");
    assert!((1..=2).contains(&rolled_back.len()), "{rolled_back:?}, {outcome:?}");
    assert!(rolled_back[0].contains("at half the learning rate"), "{}", rolled_back[0]);
    if let Err(error) = &outcome {
        assert_eq!((error.code(), rolled_back.len()), ("diverged", 2));
    }
    // ln 120 is uniform guessing among the 120 tokens.
    for snapshot in host.snapshots.borrow().iter() {
        let loss = held_out_loss(snapshot);
        assert!(loss < 120.0_f64.ln() + 1.0, "step {} was saved with loss {loss}", snapshot.step);
    }
}

#[test]
fn a_diverged_run_of_a_comparison_is_marked_and_the_others_go_on() {
    let host = Memory::default();
    let mut session = session(&host);
    block_on(session.pretrain("p", &config(&[("steps", "10")]), None)).expect("the run ends well");
    let compare = CompareConfig { seeds: 1, label_fractions: vec![1.0], lrs: vec![1e-3, 1.0] };
    let progress = ComparisonProgress { known: Vec::new(), on_cell: &mut |_| Ok(()), pretraining_secs: None };
    let settings = config(&[("epochs", "1")]);
    let comparison =
        block_on(session.compare("c", &settings, &compare, progress)).expect("it ends").expect("unstopped");
    let arm = &comparison.points[0].pretrained;
    assert!((arm.lr - 1e-3).abs() < 1e-2 && arm.runs.iter().all(|run| !run.diverged), "{arm:?}");
    assert!(!warned(&host, "diverged-run").is_empty());
}
