//! The budget of a run and the shape of its data, which bound its length.

use serde::{Deserialize, Serialize};

/// The length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Number of optimiser steps.
    Steps(u64),
    /// Seconds of training.
    Seconds(f64),
}

/// Size of the training data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataShape {
    /// Training examples per epoch, at this [`Self::max_len`].
    pub examples: u64,
    /// Maximum number of tokens per example.
    pub max_len: usize,
    /// Number of folds in cross-validation, one network each.
    pub folds: Option<u64>,
    /// Whether the encoder is frozen, which takes no memory for gradients.
    pub frozen: bool,
}

/// Minimum example length: below it a masked token has too little context.
pub const MIN_MAX_LEN: usize = 8;
