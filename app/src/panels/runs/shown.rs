//! What the table shows of a run.

use crate::localize_message::localize_message;
use crate::state::{Run, RunState, Stage};
use crate::tr;
use crate::wording::{self, figure, grouped};
use protocol::Phase;

/// A row of the table.
#[derive(Clone, Default, PartialEq)]
pub struct Shown {
    /// Index of its colour in the charts of pre-training.
    pub swatch: Option<usize>,
    /// Name of the run.
    pub name: String,
    /// Where its weights come from.
    pub origin: Option<String>,
    /// Its settings in one line.
    pub settings: String,
    /// Its number of parameters.
    pub size: String,
    /// Its result.
    pub result: String,
    /// Difference to the result of the pinned run.
    pub against: Option<String>,
    /// The user's note.
    pub note: String,
    /// Whether it is pinned.
    pub is_pinned: bool,
    /// Its stage in words.
    pub stage: String,
    /// Whether charts show it.
    pub shown: bool,
    /// Whether it is a run of its own, not a comparison.
    pub own: bool,
    /// Whether it has results of a comparison.
    pub compared: bool,
    /// Whether it has ended.
    pub over: bool,
    /// Its key in the browser's storage; empty if it is not stored.
    pub key: String,
    /// Size of its stored model in bytes.
    pub kept: Option<u64>,
    /// Whether it has a checkpoint and did not finish.
    pub saved: bool,
    /// Whether it can be resumed.
    pub resumes: bool,
    /// Whether it is active in another tab.
    pub elsewhere: bool,
}

pub fn shown(state: &RunState, id: &str) -> Shown {
    let Some(run) = state.runs.iter().find(|run| run.id == id) else {
        return Shown::default();
    };
    let swatch = state
        .shown_of(Phase::Pretrain)
        .position(|other| other.id == id);
    Shown {
        swatch,
        name: run.name(),
        origin: state.origin_of(run),
        settings: if run.settings.is_empty() {
            "–".into()
        } else {
            run.settings.clone()
        },
        size: run
            .plan
            .as_ref()
            .map_or("–".into(), |plan| wording::parameters(plan.parameters)),
        result: run.result(),
        against: state.against_pinned(run),
        note: run.note.clone(),
        is_pinned: run.is_pinned,
        stage: match state.is_loaded(id) {
            true => tr!("{state}; its model is at hand", state = stage_words(run)),
            false => stage_words(run),
        },
        shown: run.shown,
        own: run.is_own(),
        compared: run.comparison.is_some(),
        over: run.stage.is_over(),
        key: run.key.clone(),
        kept: run.kept,
        saved: run.resume.saved.is_some() && run.stage != Stage::Finished,
        resumes: run.can_resume(),
        elsewhere: run.resume.elsewhere,
    }
}

fn stage_words(run: &Run) -> String {
    let steps = grouped(run.steps_done());
    if run.resume.elsewhere {
        return tr!("running in another tab, step {step}", step = steps);
    }
    let stage = stage_without_checkpoint(run, steps);
    match run.resume.saved {
        Some(step) if run.stage != Stage::Finished => {
            tr!("{stage}; saved at step {step}", stage, step = grouped(step))
        }
        _ => stage,
    }
}

fn stage_without_checkpoint(run: &Run, steps: String) -> String {
    match &run.stage {
        Stage::Requested | Stage::Started | Stage::Compiling(_) => tr!("preparing"),
        Stage::Running => tr!(
            "running, {share} %",
            share = figure((run.share() * 100.0).floor(), 0)
        ),
        Stage::Paused => tr!("paused at step {step}", step = steps),
        // A comparison has no step count of its own; its runs have.
        Stage::Finished if !run.is_own() || run.steps_done() == 0 => tr!("finished"),
        Stage::Stopped if !run.is_own() => tr!("stopped"),
        Stage::Finished => tr!("finished, {steps} steps", steps),
        Stage::Stopped => tr!("stopped at step {step}", step = steps),
        Stage::Failed(message) => {
            let message = localize_message(message);
            tr!("failed: {message}", message)
        }
    }
}
