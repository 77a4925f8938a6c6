//! Sequences of events and the resulting state: in order, repeated, with gaps, and about unknown
//! runs.

mod events;
mod queries;
mod rows;

use super::*;
use protocol::{ClassifierMetrics, CorpusTraits, Metrics, message};

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
    let metrics = Metrics::Classifier(ClassifierMetrics {
        mean_f1,
        ..ClassifierMetrics::default()
    });
    Event::Evaluated {
        run: run.into(),
        step,
        epoch: step as f64 / 10.0,
        split: "valid".into(),
        network: None,
        metrics,
    }
}

fn finished(run: &str, step: u64, stopped: bool) -> Event {
    Event::Finished {
        run: run.into(),
        step,
        stopped,
        elapsed_secs: 2.0,
    }
}

fn corpus(documents: u64, labels: u64) -> Event {
    Event::Corpus {
        files: vec![],
        documents,
        labelled_train: labels,
        labelled_valid: 0,
        labelled_test: 0,
        labels,
        traits: CorpusTraits::default(),
    }
}

fn failed(run: &str, code: &str) -> Event {
    Event::Failed {
        run: run.into(),
        code: code.into(),
        message: message!("It broke."),
        hint: message!("Mend it."),
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
