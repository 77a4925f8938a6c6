//! What a run is made of besides its curves: where it stands, where it came from, what was planned and measured.

use protocol::ClassifierMetrics;
use serde::{Deserialize, Serialize};

/// What a run is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// Asked for, no answer yet.
    Requested,
    /// Planned; the first step is computed.
    Started,
    /// Busy with something other than steps, in words.
    Compiling(String),
    /// Steps come in.
    Running,
    /// Waits to be resumed.
    Paused,
    /// Done.
    Finished,
    /// Ended early by the person; its model can be used.
    Stopped,
    /// Ended by a failure, in words.
    Failed(String),
}

impl Stage {
    /// Whether nothing more will come.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Finished | Self::Stopped | Self::Failed(_))
    }
}

/// Whose values a run began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Those of the run of this key.
    Run(String),
    /// Those of an imported model, in words.
    Import(String),
}

/// What was planned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Trainable numbers.
    pub parameters: u64,
    /// Optimisation steps.
    pub steps: u64,
    /// Entries of the vocabulary.
    pub vocab_size: u64,
    /// Loss of guessing uniformly.
    pub uniform: f64,
    /// Loss of knowing only word frequencies.
    pub unigram: f64,
    /// Loss of knowing what follows what.
    pub bigram: Option<f64>,
    /// Number of labels.
    pub labels: usize,
}

/// The latest figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Training loss.
    pub loss: f64,
    /// Tokens per second.
    pub tokens_per_sec: f64,
    /// Seconds to go.
    pub eta_secs: f64,
}

/// Masked-LM quality on held-out text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Steps done.
    pub step: u64,
    /// Loss in nats.
    pub loss: f64,
    /// Share of masks guessed right.
    pub accuracy: f64,
    /// Loss and share told right of next-sentence prediction, where that is learned.
    pub pairs: Option<(f64, f64)>,
}

/// Classification quality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: f64,
    /// `valid` or `test`.
    pub split: String,
    /// Which network was measured alone, from 1; `None`: the classifier as a whole.
    #[serde(default)]
    pub network: Option<u64>,
    /// The figures.
    pub metrics: ClassifierMetrics,
}
