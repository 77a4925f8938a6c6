//! What a run may ask for at most, and at least: each limit refused by the name of its flag.

use super::{Budget, MIN_MAX_LEN};
use crate::error::{Error, Result};
use crate::model::ModelConfig;
use protocol::RunConfig;

/// Far beyond any run, and far below where products of it overflow.
const MAX_STEPS: u64 = 1_000_000_000;
/// Highest peak learning rate, as the page's field takes it: beyond it every preset diverges.
pub const MAX_LR: f64 = 1.0;
/// Far beyond any run, and far below where the steps of so many passes overflow.
const MAX_EPOCHS: f64 = 1e6;
/// A year.
const MAX_MINUTES: f64 = 525_600.0;
/// A run that would need more than this is refused before anything is allocated. A wasm memory ends at 4 GiB.
const MAX_BYTES: f64 = if cfg!(target_arch = "wasm32") {
    3e9
} else {
    12e9
};

/// Refuses numbers that no run could use, naming the flag.
///
/// # Errors
/// When there is one.
pub fn check_numbers(config: &RunConfig) -> Result<()> {
    let positive = |flag: &str, value: Option<f64>| match value {
        Some(v) if !(v.is_finite() && v > 0.0) => refuse(flag, v, "must be above 0"),
        _ => Ok(()),
    };
    let at_most = |flag: &str, value: Option<f64>, max: f64| match value {
        Some(v) if v > max => refuse(flag, v, &format!("must be at most {max}")),
        _ => positive(flag, value),
    };
    at_most("--lr", config.lr, MAX_LR)?;
    at_most("--epochs", config.epochs, MAX_EPOCHS)?;
    at_most("--minutes", config.minutes, MAX_MINUTES)?;
    positive("--steps", config.steps.map(|v| v as f64))?;
    positive("--batch-size", config.batch_size.map(|v| v as f64))?;
    positive(
        "--checkpoint-every",
        config.checkpoint_every.map(|v| v as f64),
    )?;
    match config.label_fraction {
        Some(share) if !(share > 0.0 && share <= 1.0) => refuse(
            "--label-fraction",
            share,
            "must lie above 0 and at most at 1",
        )?,
        _ => (),
    }
    positive("--min-count", config.min_count.map(|v| v as f64))?;
    positive("--limit", config.limit.map(|v| v as f64))?;
    if config.steps.is_some_and(|steps| steps > MAX_STEPS) {
        refuse(
            "--steps",
            config.steps.unwrap_or_default() as f64,
            "must be at most 1e9",
        )?;
    }
    match config.mask_rate {
        Some(rate) if !(rate > 0.0 && rate <= 0.9) => {
            refuse("--mask-rate", rate, "must lie above 0 and at most at 0.9")?
        }
        _ => (),
    }
    positive(
        "--max-predictions",
        config.max_predictions.map(|v| v as f64),
    )?;
    Ok(())
}

/// A number as a person may have typed it.
fn shown(value: f64) -> String {
    if value.abs() < 1e15 {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

fn refuse(flag: &str, value: f64, rule: &str) -> Result<()> {
    Err(Error::input(
        "bad-setting",
        format!("{flag} is {}, but it {rule}", shown(value)),
        format!("Change {flag} or leave it out."),
    ))
}

/// Whether a run may last this long.
pub fn is_sound_budget(budget: Budget) -> bool {
    match budget {
        Budget::Steps(steps) => steps <= MAX_STEPS,
        Budget::Seconds(seconds) => seconds > 0.0 && seconds <= MAX_MINUTES * 60.0,
    }
}

/// Refuses examples that leave no room for context, or that are longer than the model's positions.
///
/// # Errors
/// When they are.
pub fn check_length(max_len: usize, model: &ModelConfig) -> Result<()> {
    if max_len < MIN_MAX_LEN {
        let message =
            format!("--max-len is {max_len}, but an example needs at least {MIN_MAX_LEN} tokens");
        return Err(Error::input(
            "max-len-too-small",
            message,
            "Raise --max-len or leave it out.",
        ));
    }
    if max_len > model.max_position_embeddings {
        let positions = model.max_position_embeddings;
        let message = format!("--max-len is {max_len}, but the model has {positions} positions");
        return Err(Error::input(
            "max-len-too-large",
            message,
            format!("Lower --max-len to {positions} or less."),
        ));
    }
    Ok(())
}

/// Refuses what no machine here could hold.
///
/// # Errors
/// When that is what was asked for.
pub fn check_memory(model: &ModelConfig, batch_size: usize, max_len: usize) -> Result<()> {
    check_bytes(training_bytes(model, batch_size, max_len))
}

/// The same of a model whose encoder stays as it is: its parameters twice, and what a forward pass keeps of one block.
///
/// # Errors
/// As there.
pub fn check_frozen_memory(model: &ModelConfig, batch_size: usize, max_len: usize) -> Result<()> {
    let backbone = model.architecture.backbone();
    let blocks = model.num_hidden_layers.max(1) as f64;
    let activations =
        (batch_size * max_len) as f64 * backbone.activation_estimate(model, max_len) / blocks;
    check_bytes(4.0 * (2.0 * backbone.parameter_estimate(model) as f64 + activations))
}

fn check_bytes(bytes: f64) -> Result<()> {
    if bytes > MAX_BYTES {
        let message = format!("this run would need about {:.0} GB of memory", bytes / 1e9);
        return Err(Error::input(
            "too-large",
            message,
            "Lower --batch-size or --max-len, or take a smaller --preset.",
        ));
    }
    Ok(())
}

/// Bytes that training takes, about: parameters with two moments and a gradient, and what a backward pass keeps.
pub fn training_bytes(model: &ModelConfig, batch_size: usize, max_len: usize) -> f64 {
    let backbone = model.architecture.backbone();
    let tokens = batch_size as f64 * max_len as f64;
    let guesses = 0.3 * 4.0 * model.vocab_size as f64;
    let activations = tokens * (backbone.activation_estimate(model, max_len) + guesses);
    4.0 * (4.0 * backbone.parameter_estimate(model) as f64 + activations)
}
