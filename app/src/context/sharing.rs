//! Sharing: links with settings and curves, in both directions, and metrics as files.

use super::AppContext;
use crate::chart::curve::Curve;
use crate::chart::export::{Figures, csv};
use crate::state::Run;
use crate::tr;
use crate::{download, share};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

impl AppContext {
    /// Returns a link with the configuration and curves of the runs with these ids; of many, only
    /// the last ones. Returns `None` if there is no such run.
    pub fn link_to(&self, ids: &[String]) -> Option<String> {
        let (query, fragment) = self.peek(|state| {
            let runs: Vec<&Run> = state
                .runs
                .iter()
                .filter(|run| ids.contains(&run.id))
                .collect();
            let runs = &runs[runs.len().saturating_sub(share::MAX_RUNS)..];
            (!runs.is_empty()).then(|| (share::query(runs), share::fragment(runs)))
        })?;
        let location = window().location();
        let base = [location.origin(), location.pathname()]
            .map(Result::unwrap_or_default)
            .concat();
        Some(format!("{base}{query}{fragment}"))
    }

    /// Adds the runs from the fragment of the page's link, if it has any.
    pub(super) fn take_shared(&self) {
        let fragment = window().location().hash().unwrap_or_default();
        match share::read(&fragment) {
            Some(Ok(runs)) => self.state.update_value(|state| state.runs.extend(runs)),
            Some(Err(reason)) => self.show_error(
                reason,
                tr!("Ask for the link again; the settings in it hold all the same."),
            ),
            None => {}
        }
    }

    /// Saves the metrics of the runs shown in the charts, as CSV or JSON.
    pub fn save_figures(&self, form: &str) {
        let figures: Vec<Figures> = self.peek(|state| {
            state
                .runs
                .iter()
                .filter(|run| run.shown)
                .map(figures)
                .collect()
        });
        match form {
            "csv" => self.save_text("clozelab-runs.csv", &csv(&figures)),
            _ => {
                let runs: Vec<Run> =
                    self.peek(|state| state.runs.iter().filter(|run| run.shown).cloned().collect());
                let text = serde_json::to_string(&runs).expect("runs are plain data");
                self.save_text("clozelab-runs.json", &text);
            }
        }
    }

    /// Saves a text as a file.
    pub fn save_text(&self, name: &str, text: &str) {
        let bytes: JsValue = js_sys::Uint8Array::from(text.as_bytes()).buffer().into();
        if download::save(name, &bytes.into()).is_err() {
            self.show_error(
                tr!("The file could not be saved."),
                tr!("Try again, or free some memory."),
            );
        }
    }
}

fn figures(run: &Run) -> Figures {
    let points = |curve: &Curve| {
        curve
            .buckets()
            .iter()
            .map(|bucket| (bucket.middle(), bucket.mean()))
            .collect::<Vec<_>>()
    };
    let held_out = |value: fn(&crate::state::HeldOut) -> f64| {
        run.held_out
            .iter()
            .map(|quality| (quality.step as f64, value(quality)))
            .collect::<Vec<_>>()
    };
    let score = |value: fn(&protocol::ClassifierMetrics) -> f64| {
        run.scores
            .iter()
            .map(|score| (score.step as f64, value(&score.metrics)))
            .collect::<Vec<_>>()
    };
    let columns = vec![
        ("loss", points(&run.curve)),
        ("learning rate", points(&run.lr)),
        ("gradient norm", points(&run.grad_norm)),
        ("tokens per second", points(&run.speed)),
        ("held-out loss", held_out(|quality| quality.loss)),
        ("held-out accuracy", held_out(|quality| quality.accuracy)),
        ("micro F1", score(|metrics| metrics.micro_f1)),
        ("macro F1", score(|metrics| metrics.macro_f1)),
    ];
    Figures {
        run: run.name(),
        settings: run.pairs.clone(),
        columns,
    }
}
