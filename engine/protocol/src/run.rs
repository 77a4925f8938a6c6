//! What identifies a run.

use serde::{Deserialize, Serialize};

/// Id of a run, e.g. `pretrain-3`.
pub type RunId = String;

/// Training phase of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Masked-language-model pre-training.
    #[default]
    Pretrain,
    /// Fine-tuning of a classifier.
    Finetune,
}
