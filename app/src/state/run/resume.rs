//! What a run needs to be resumed after a reload, a crash or a kill, and whether it can be.

use super::{Run, Stage};
use crate::chart::curve::Curve;
use protocol::{ComparisonTrial, Event};
use serde::{Deserialize, Serialize};

/// What a run needs to be resumed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    /// The command that started it, as JSON: without a checkpoint it starts over.
    #[serde(default)]
    pub command: Option<String>,
    /// Step of its newest checkpoint in this browser's storage.
    #[serde(default)]
    pub saved: Option<u64>,
    /// The text that it reads.
    #[serde(default)]
    pub text: Text,
    /// Runs of a comparison that are done.
    #[serde(default)]
    pub cells: Vec<ComparisonTrial>,
    /// Runs that a comparison takes at least.
    #[serde(default)]
    pub least_runs: u64,
    /// Whether another tab runs it.
    #[serde(skip)]
    pub elsewhere: bool,
}

/// Which text a run reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Text {
    /// The engine's fingerprint of it.
    pub fingerprint: String,
    /// Whether it ships with the page.
    pub bundled: bool,
}

impl Run {
    /// Whether it ended before its plan was done and can go on from what this browser keeps.
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

    /// Makes a run that ended the present one again.
    pub fn reopen(&mut self) {
        self.stage = Stage::Requested;
        self.old = false;
        self.shown = true;
    }

    /// Continues from an earlier step: what came after it is taken back.
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

    /// Replaces its figures by what its log says.
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
