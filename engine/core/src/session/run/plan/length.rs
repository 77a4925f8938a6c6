//! The length of a run: epochs, steps or minutes, divided among the networks of a classifier.

use crate::session::run::plan::budget::{Budget, DataShape};
use protocol::{PartsKind, RunConfig};

/// Minimum number of tokens in a pre-training run, by default: small corpora get several epochs.
const MIN_PRETRAINING_TOKENS: f64 = 1.6e6;
/// Default maximum number of pre-training epochs.
const MAX_PRETRAINING_EPOCHS: f64 = 8.0;
/// Default number of fine-tuning epochs.
pub const FINETUNING_EPOCHS: f64 = 5.0;
/// Number of networks that are averaged.
const SEEDS: u64 = 3;
/// Tokens per epoch up to which a classifier gets several networks by default: beyond, three take
/// long.
const MAX_TOKENS_OF_SEEDS: u64 = 400_000;

/// Returns the default number of pre-training epochs: one for a large corpus, more for a small one.
pub fn pretraining_epochs(data: DataShape) -> f64 {
    let tokens = (data.examples * data.max_len as u64).max(1) as f64;
    (MIN_PRETRAINING_TOKENS / tokens)
        .ceil()
        .clamp(1.0, MAX_PRETRAINING_EPOCHS)
}

/// Returns the number of networks of a classifier: three if requested, or if each trains quickly.
pub fn networks(config: &RunConfig, tokens_per_epoch: u64) -> u64 {
    let is_short = tokens_per_epoch <= MAX_TOKENS_OF_SEEDS;
    let requested = match config.parts {
        Some(PartsKind::One) => 1,
        Some(PartsKind::Seeds) => SEEDS,
        Some(PartsKind::Fusion) | None => {
            if is_short {
                SEEDS
            } else {
                1
            }
        }
    };
    requested.min(config.steps.unwrap_or(requested)).max(1)
}

/// Returns the budget of each of `networks` networks, and its length in steps, estimated for a time
/// budget.
pub fn budget(
    config: &RunConfig,
    default_epochs: f64,
    steps_per_epoch: u64,
    networks: u64,
) -> (Budget, u64) {
    let epochs = config.epochs.unwrap_or(default_epochs);
    let steps = ((steps_per_epoch as f64 * epochs).round() as u64).max(1);
    match (config.steps, config.minutes) {
        (Some(all), _) => (Budget::Steps(all / networks), all / networks),
        (None, Some(minutes)) => (Budget::Seconds(minutes * 60.0 / networks as f64), steps),
        (None, None) => (Budget::Steps(steps), steps),
    }
}
