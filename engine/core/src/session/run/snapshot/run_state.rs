//! The state of a run besides its weights, as `state.json` stores it.

use crate::session::run::plan::Plan;
use crate::session::run::snapshot::best::Best;
use protocol::RunConfig;
use serde::{Deserialize, Serialize};

/// Version of the checkpoint format. It increases when an older version would misread a checkpoint;
/// a checkpoint without this number has format 0.
pub const STATE_FORMAT: u32 = 2;

/// The training state, as stored in [`STATE_FILE`](super::STATE_FILE).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// [`STATE_FORMAT`] of the version that wrote it.
    #[serde(default)]
    pub format: u32,
    /// The configuration as requested.
    pub config: RunConfig,
    /// The checked plan of the run.
    pub plan: Plan,
    /// Fingerprint of the corpus.
    pub corpus: String,
    /// Optimiser steps done, over all networks.
    pub step: u64,
    /// Seconds of training so far, without pauses.
    pub elapsed_secs: f64,
    /// Sum of the losses since the last report, in nats.
    pub window_loss_sum: f32,
    /// Its next-sentence part, if that is trained.
    #[serde(default)]
    pub window_next_sentence_sum: Option<f32>,
    /// Number of steps in [`Self::window_loss_sum`].
    pub window_steps: u64,
    /// Further steps since the last report, which were skipped.
    #[serde(default)]
    pub window_skipped: u64,
    /// Rollbacks to an earlier checkpoint after the loss diverged.
    #[serde(default)]
    pub rollbacks: u32,
    /// Factor on the learning rate, from these rollbacks; 1 by default.
    #[serde(default = "whole_rate")]
    pub rate_scale: f64,
    /// The first reported loss without its next-sentence part, in nats.
    #[serde(default)]
    pub first_loss: Option<f64>,
    /// Metadata of the best parameters ([`BEST_FILE`](super::BEST_FILE)), once a classifier
    /// was evaluated.
    #[serde(default)]
    pub best: Option<BestState>,
    /// Whether a stop interrupted the evaluation at this step.
    #[serde(default)]
    pub owes_evaluation: bool,
    /// Metadata of the finished networks.
    #[serde(default)]
    pub networks: Vec<BestState>,
    /// Steps of the finished networks.
    #[serde(default)]
    pub steps_before: u64,
    /// Seconds of training when the current network began.
    #[serde(default)]
    pub began_secs: f64,
    /// Names of the parameters that are concatenated in each group of
    /// [`OPTIMIZER_FILE`](super::OPTIMIZER_FILE); for other programs.
    #[serde(default)]
    pub groups: Vec<Vec<String>>,
    /// Name of the device; empty in checkpoints that predate this field.
    #[serde(default)]
    pub device: String,
}

/// The best parameters so far, without the parameters themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestState {
    /// Micro F1 on the validation set.
    pub score: f64,
    /// Optimiser steps done.
    pub step: u64,
    /// Decision threshold tuned at that step.
    pub threshold: Option<f64>,
    /// Decision thresholds per label tuned at that step.
    pub thresholds: Option<Vec<f64>>,
}

impl BestState {
    /// Returns the metadata of `best`.
    pub fn of(best: &Best) -> Self {
        let Best {
            score,
            step,
            threshold,
            thresholds,
            ..
        } = best.clone();
        Self {
            score,
            step,
            threshold,
            thresholds,
        }
    }
}

fn whole_rate() -> f64 {
    1.0
}
