//! Parts of a run besides its curves: its stage, origin, plan and metrics.

use protocol::{ClassifierMetrics, Message};
use serde::{Deserialize, Serialize};

/// Stage of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// Requested, not answered yet.
    Requested,
    /// Planned; the first step is being computed.
    Started,
    /// Preparing, with a description for the user.
    Compiling(Message),
    /// Training.
    Running,
    /// Paused by the user.
    Paused,
    /// Completed as planned.
    Finished,
    /// Stopped early by the user; its model can be used.
    Stopped,
    /// Failed, with a message for the user.
    Failed(Message),
}

impl Stage {
    /// Returns whether the run has ended.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Finished | Self::Stopped | Self::Failed(_))
    }
}

/// Origin of the initial weights of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Weights of the run with this key.
    Run(String),
    /// Weights of an imported model, described by its summary.
    Import(Message),
}

/// Plan of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Number of trainable parameters.
    pub parameters: u64,
    /// Number of optimisation steps.
    pub steps: u64,
    /// Vocabulary size.
    pub vocab_size: u64,
    /// Entropy baseline of a uniform prediction, in nats.
    pub uniform: f64,
    /// Unigram entropy, in nats.
    pub unigram: f64,
    /// Bigram entropy, in nats; pre-training only.
    pub bigram: Option<f64>,
    /// Number of labels.
    pub labels: usize,
}

/// Latest progress report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Number of steps done.
    pub step: u64,
    /// Training loss, in nats.
    pub loss: f64,
    /// Throughput in tokens per second.
    pub tokens_per_sec: f64,
    /// Estimated remaining time in seconds.
    pub eta_secs: f64,
}

/// Masked-LM metrics on held-out text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Number of steps done.
    pub step: u64,
    /// Held-out loss, in nats.
    pub loss: f64,
    /// Share of masked tokens predicted correctly, 0 to 1.
    pub accuracy: f64,
    /// Loss (nats) and accuracy of next-sentence prediction, if it is trained.
    pub pairs: Option<(f64, f64)>,
}

/// Classification scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Number of steps done.
    pub step: u64,
    /// Number of epochs done.
    pub epoch: f64,
    /// Held-out set: `valid` or `test`.
    pub split: String,
    /// Index from 1 of the network that was evaluated alone; `None`: the whole classifier.
    #[serde(default)]
    pub network: Option<u64>,
    /// Measured scores.
    pub metrics: ClassifierMetrics,
}
