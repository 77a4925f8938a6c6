//! Tests of diverging runs: they roll back to a good checkpoint, and no diverged weights are saved.

use super::host::{Memory, config, session};
use engine::session::{ComparisonProgress, DecisionRule, Snapshot};
use futures_lite::future::block_on;
use protocol::{CompareConfig, Event, Metrics, RunConfig};

/// Returns the messages of the warnings with this code.
fn warned(host: &Memory, wanted: &str) -> Vec<String> {
    let message = |event: &Event| match event {
        Event::Warning { code, message, .. } if code == wanted => Some(message.to_string()),
        _ => None,
    };
    host.events.borrow().iter().filter_map(message).collect()
}

/// A learning rate at which the loss of the test's model diverges.
const DIVERGING_RATE: &str = "0.9";

fn diverging(change: &[(&str, &str)]) -> RunConfig {
    let base = [
        ("steps", "200"),
        ("lr", DIVERGING_RATE),
        ("optimizer", "adamw"),
        ("checkpoint-every", "10"),
    ];
    config(&[&base, change].concat())
}

/// Returns the loss of a checkpoint's model on the validation set.
fn held_out_loss(snapshot: &Snapshot) -> f64 {
    let mut session = session(&Memory::default());
    session.import(snapshot.files.clone()).expect("a model");
    let rule = DecisionRule::Tuned;
    match block_on(session.evaluate("e", "valid", rule, 1)).expect("finite outputs") {
        Metrics::MaskedLm(metrics) => metrics.masked_lm_loss,
        Metrics::Classifier(_) => unreachable!("a language model"),
    }
}

#[test]
fn a_diverging_run_rolls_back_to_its_last_good_checkpoint_twice() {
    let host = Memory::default();
    let outcome = block_on(session(&host).pretrain("run", &diverging(&[]), None));
    let rolled_back = warned(&host, "rolled-back");
    assert!(
        (1..=2).contains(&rolled_back.len()),
        "{rolled_back:?}, {outcome:?}"
    );
    assert!(
        rolled_back[0].contains("with half the learning rate"),
        "{}",
        rolled_back[0]
    );
    if let Err(error) = &outcome {
        assert_eq!((error.code(), rolled_back.len()), ("diverged", 2));
    }
    // ln 120 is the uniform entropy of 120 tokens; early checkpoints have a looser limit.
    let uniform = 120.0_f64.ln();
    for snapshot in host.snapshots.borrow().iter() {
        let loss = held_out_loss(snapshot);
        let max_loss = if snapshot.step > 80 {
            uniform + 1.0
        } else {
            10.0 * uniform + 10.0
        };
        assert!(
            loss < max_loss,
            "step {} was saved with loss {loss}",
            snapshot.step
        );
    }
}

/// Replaces all weights of a model by values so large that its outputs overflow.
fn overflowing(mut files: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let (_, bytes) = files
        .iter_mut()
        .find(|(name, _)| name == "model.safetensors")
        .expect("a model has weights");
    // A safetensors file begins with the length of its header.
    let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    bytes[8 + header..]
        .chunks_exact_mut(4)
        .for_each(|number| number.copy_from_slice(&1e30_f32.to_le_bytes()));
    files
}

#[test]
fn diverged_runs_of_a_comparison_are_marked_and_the_others_continue() {
    let host = Memory::default();
    let mut session = session(&host);
    block_on(session.pretrain("p", &config(&[("steps", "10")]), None)).expect("the run ends well");
    let model = overflowing(block_on(session.export()).expect("a model"));
    session.import(model).expect("its numbers are finite");
    let compare = CompareConfig {
        seeds: 1,
        label_fractions: vec![1.0],
        lrs: vec![1e-3],
    };
    let progress = ComparisonProgress {
        known: Vec::new(),
        on_cell: &mut |_| Ok(()),
        pretraining_secs: None,
    };
    let settings = config(&[("epochs", "1")]);
    let comparison = block_on(session.compare("c", &settings, &compare, progress))
        .expect("it ends")
        .expect("unstopped");
    let point = &comparison.points[0];
    assert!(
        point.pretrained.runs.iter().all(|run| run.diverged),
        "{:?}",
        point.pretrained
    );
    assert!(
        point.scratch.runs.iter().all(|run| !run.diverged),
        "{:?}",
        point.scratch
    );
    assert!(warned(&host, "diverged-run")[0].contains("its score counts as zero"));
}

#[test]
fn a_model_with_overflowing_outputs_returns_an_error() {
    let host = Memory::default();
    let mut session = session(&host);
    block_on(session.pretrain("p", &config(&[("steps", "2")]), None)).expect("the run ends well");
    block_on(session.fill_mask("the [MASK] purrs", 3)).expect("finite outputs");
    let model = overflowing(block_on(session.export()).expect("a model"));
    session.import(model).expect("its numbers are finite");
    let error =
        block_on(session.fill_mask("the [MASK] purrs", 3)).expect_err("its outputs are not");
    assert_eq!(error.code(), "not-finite");
    let error = block_on(session.evaluate("e", "valid", DecisionRule::Tuned, 1))
        .expect_err("nor is its loss");
    assert_eq!(error.code(), "not-finite");
}
