//! Optimisation steps, losses and metrics. Depends on burn, `model` and `data`; independent of
//! sessions, the clock and the length of a run.

mod batch;
mod bootstrap;
mod calibration;
mod evaluate;
mod fusion;
mod loss;
mod metrics;
mod muon;
mod schedule;
mod seed_metrics;
mod step;
mod training_loss;

pub use batch::{DeviceBatch, MaskedPositions};
pub use bootstrap::{Outcomes, score_interval};
pub use calibration::{calibration_of_best, calibration_of_predicted, reliability, surest};
pub use evaluate::{classify, evaluate_masked_lm};
pub use fusion::{Fusion, Logits, logit_adjustment};
pub use loss::{balanced_weights, multi_label_loss, single_label_loss};
pub use metrics::{
    Decision, EvalInput, classifier_metrics, decide, probabilities, tune_scaled_threshold,
    tune_threshold, tune_thresholds,
};
pub use muon::MuonSettings;
pub use schedule::{DEFAULT_WARMUP, Schedule};
pub use seed_metrics::seed_metrics;
pub use step::{
    GroupState, LossGradients, Objective, Optimizer, OptimizerSettings, StepReport, TrainState,
    gradients,
};
pub use training_loss::TrainingLoss;
