//! Data for resuming a run after a reload or crash, and whether it can be resumed.

use super::{Run, Stage};
use crate::chart::curve::Curve;
use protocol::{ComparisonTrial, Event};
use serde::{Deserialize, Serialize};

/// Data for resuming a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    /// Command that started it, as JSON: without a checkpoint the run is restarted.
    #[serde(default)]
    pub command: Option<String>,
    /// Step of its newest checkpoint in the browser's storage.
    #[serde(default)]
    pub saved: Option<u64>,
    /// Corpus that it reads.
    #[serde(default)]
    pub text: Text,
    /// Engine's id of the run directory that it was imported from, if it was.
    #[serde(default)]
    pub imported: Option<String>,
    /// Finished runs of a comparison.
    #[serde(default)]
    pub cells: Vec<ComparisonTrial>,
    /// Minimum number of runs of a comparison.
    #[serde(default)]
    pub min_runs: u64,
    /// Whether another tab works on it.
    #[serde(skip)]
    pub elsewhere: bool,
}

/// Identifies the corpus of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Text {
    /// Fingerprint computed by the engine.
    pub fingerprint: String,
    /// Whether it is the bundled corpus.
    pub bundled: bool,
}

impl Run {
    /// Returns whether the run ended before its plan was completed and can be resumed from this
    /// browser's storage.
    pub fn can_resume(&self) -> bool {
        let is_ended = matches!(self.stage, Stage::Failed(_) | Stage::Stopped);
        is_ended && !self.shared && !self.resume.elsewhere && self.has_something_saved()
    }

    fn has_something_saved(&self) -> bool {
        if self.is_own() {
            self.resume.saved.is_some()
        } else {
            !self.resume.cells.is_empty()
        }
    }

    /// Makes an ended run the active one again.
    pub fn reopen(&mut self) {
        self.stage = Stage::Requested;
        self.old = false;
        self.shown = true;
    }

    /// Returns to an earlier step, discarding what was recorded after it.
    pub fn return_to(&mut self, step: u64) {
        for curve in [
            &mut self.curve,
            &mut self.lr,
            &mut self.grad_norm,
            &mut self.speed,
        ] {
            curve.cut(step);
        }
        self.held_out.retain(|held_out| held_out.step <= step);
        self.scores.retain(|score| score.step <= step);
        self.progress = None;
        self.reached = step;
    }

    /// Replaces the metrics by those in the log.
    pub fn replay(&mut self, events: Vec<Event>) {
        for curve in [
            &mut self.curve,
            &mut self.lr,
            &mut self.grad_norm,
            &mut self.speed,
        ] {
            *curve = Curve::default();
        }
        (self.held_out, self.scores) = (vec![], vec![]);
        (self.progress, self.reached) = (None, 0);
        events.into_iter().for_each(|event| self.apply(event));
    }
}
