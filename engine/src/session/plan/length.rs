//! How long a run lasts: passes, steps or minutes, shared out among the networks of a classifier.

use super::{Budget, DataShape};
use protocol::{PartsKind, RunConfig};

/// Tokens that a pre-training run sees at least, unless asked otherwise: little text is read several times.
const MIN_PRETRAINING_TOKENS: f64 = 1.6e6;
/// Passes of a pre-training run at most, unless asked otherwise.
const MAX_PRETRAINING_EPOCHS: f64 = 8.0;
/// Passes of a fine-tuning run, unless asked otherwise.
pub const FINETUNING_EPOCHS: f64 = 5.0;
/// Networks that are averaged.
const SEEDS: u64 = 3;
/// Tokens of one pass up to which a classifier gets several networks unasked: with more, three take long.
const MAX_TOKENS_OF_SEEDS: u64 = 400_000;

/// Passes over `data`: one where it is much text, more where it is little.
pub fn pretraining_epochs(data: DataShape) -> f64 {
    let tokens = (data.examples * data.max_len as u64).max(1) as f64;
    (MIN_PRETRAINING_TOKENS / tokens)
        .ceil()
        .clamp(1.0, MAX_PRETRAINING_EPOCHS)
}

/// Networks of a classifier: three where that is asked for, or where each takes next to no time.
pub fn networks(config: &RunConfig, tokens_per_epoch: u64) -> u64 {
    let is_short = tokens_per_epoch <= MAX_TOKENS_OF_SEEDS;
    let wanted = match config.parts {
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
    wanted.min(config.steps.unwrap_or(wanted)).max(1)
}

/// How long each of `networks` networks is trained: in steps or seconds, and in steps as estimated.
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
