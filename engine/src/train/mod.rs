//! One optimisation step and what surrounds it. Knows burn, `model` and `data`; not the session, the clock, or how many
//! steps are left.

mod batch;
mod evaluate;
mod loss;
mod metrics;
mod schedule;
mod seed_metrics;
mod step;

pub use batch::{DeviceBatch, Guesses};
pub use evaluate::{classify, evaluate_masked_lm};
pub use loss::{masked_lm_loss, multi_label_loss, single_label_loss};
pub use metrics::{Decision, Judged, classifier_metrics, probabilities, tune_threshold, tune_thresholds};
pub use schedule::Schedule;
pub use seed_metrics::seed_metrics;
pub use step::{Objective, Optimizer, OptimizerSettings, StepReport, TrainState};
