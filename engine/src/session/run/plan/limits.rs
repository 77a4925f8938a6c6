//! Limits of the settings of a run; an error names the flag.

use crate::error::{Error, Result};
use crate::model::ModelConfig;
use crate::session::run::plan::budget::{Budget, MIN_MAX_LEN};
use protocol::{Message, RunConfig, Setting, message};

/// Far beyond any run, and small enough that products of it do not overflow.
const MAX_STEPS: u64 = 1_000_000_000;
/// Maximum peak learning rate, which the page's form allows too: beyond it every preset diverges.
pub const MAX_LR: f64 = 1.0;
/// Far beyond any run, and small enough that the number of steps does not overflow.
const MAX_EPOCHS: f64 = 1e6;
/// Maximum training time: one year.
const MAX_MINUTES: f64 = 525_600.0;
/// Memory limit in bytes, checked before anything is allocated. A wasm32 memory ends at 4 GiB.
const MAX_BYTES: f64 = if cfg!(target_arch = "wasm32") {
    3e9
} else {
    12e9
};

/// Checks that the numbers in `config` are in range.
///
/// # Errors
/// Returns an error that names the flag of the first one that is not.
pub fn check_numbers(config: &RunConfig) -> Result<()> {
    let positive = |key: &'static str, value: Option<f64>| match value {
        Some(v) if !(v.is_finite() && v > 0.0) => refuse(key, v, message!("must be above 0")),
        _ => Ok(()),
    };
    let at_most = |key: &'static str, value: Option<f64>, max: f64| match value {
        Some(v) if v > max => refuse(key, v, message!("must be at most {max}", max)),
        _ => positive(key, value),
    };
    at_most("lr", config.lr, MAX_LR)?;
    at_most("epochs", config.epochs, MAX_EPOCHS)?;
    at_most("minutes", config.minutes, MAX_MINUTES)?;
    positive("steps", config.steps.map(|v| v as f64))?;
    positive("batch-size", config.batch_size.map(|v| v as f64))?;
    positive(
        "checkpoint-every",
        config.checkpoint_every.map(|v| v as f64),
    )?;
    match config.label_fraction {
        Some(share) if !(share > 0.0 && share <= 1.0) => refuse(
            "label-fraction",
            share,
            message!("must be above 0 and at most 1"),
        )?,
        _ => (),
    }
    positive("min-count", config.min_count.map(|v| v as f64))?;
    positive("limit", config.limit.map(|v| v as f64))?;
    if config.steps.is_some_and(|steps| steps > MAX_STEPS) {
        refuse(
            "steps",
            config.steps.unwrap_or_default() as f64,
            message!("must be at most 1e9"),
        )?;
    }
    match config.mask_rate {
        Some(rate) if !(rate > 0.0 && rate <= 0.9) => refuse(
            "mask-rate",
            rate,
            message!("must be above 0 and at most 0.9"),
        )?,
        _ => (),
    }
    positive("max-predictions", config.max_predictions.map(|v| v as f64))?;
    Ok(())
}

/// Formats a number the way the user probably typed it.
fn shown(value: f64) -> String {
    if value.abs() < 1e15 {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

fn refuse(key: &'static str, value: f64, rule: Message) -> Result<()> {
    Err(Error::input(
        "bad-setting",
        message!(
            "{setting} is {value}, but it {rule}",
            setting = Setting::named(key),
            value = shown(value),
            rule
        ),
        message!(
            "Change {setting} or leave it out.",
            setting = Setting::named(key)
        ),
    ))
}

/// Whether a budget is within the limits.
pub fn is_sound_budget(budget: Budget) -> bool {
    match budget {
        Budget::Steps(steps) => steps <= MAX_STEPS,
        Budget::Seconds(seconds) => seconds > 0.0 && seconds <= MAX_MINUTES * 60.0,
    }
}

/// Checks that examples leave room for context and fit the positions of the model.
///
/// # Errors
/// Returns an error if they are too short or too long.
pub fn check_length(max_len: usize, model: &ModelConfig) -> Result<()> {
    if max_len < MIN_MAX_LEN {
        let message = message!(
            "{max_len_setting} is {max_len}, but an example needs at least {limit} tokens",
            max_len,
            limit = MIN_MAX_LEN,
            max_len_setting = Setting::named("max-len")
        );
        return Err(Error::input(
            "max-len-too-small",
            message,
            message!(
                "Raise {max_len} or leave it out.",
                max_len = Setting::named("max-len")
            ),
        ));
    }
    if max_len > model.max_position_embeddings {
        let positions = model.max_position_embeddings;
        let message = message!(
            "{max_len_setting} is {max_len}, but the model has {positions} positions",
            max_len,
            positions,
            max_len_setting = Setting::named("max-len")
        );
        return Err(Error::input(
            "max-len-too-large",
            message,
            message!(
                "Lower {max_len} to {positions} or less.",
                positions,
                max_len = Setting::named("max-len")
            ),
        ));
    }
    Ok(())
}

/// Checks that training fits into memory.
///
/// # Errors
/// Returns an error if the estimate exceeds the limit.
pub fn check_memory(model: &ModelConfig, batch_size: usize, max_len: usize) -> Result<()> {
    check_bytes(training_bytes(model, batch_size, max_len))
}

/// As [`check_memory`], for a frozen encoder: its parameters twice, and the activations of one
/// block.
///
/// # Errors
/// Returns an error if the estimate exceeds the limit.
pub fn check_frozen_memory(model: &ModelConfig, batch_size: usize, max_len: usize) -> Result<()> {
    let backbone = model.architecture.backbone();
    let blocks = model.num_hidden_layers.max(1) as f64;
    let activations =
        (batch_size * max_len) as f64 * backbone.activation_estimate(model, max_len) / blocks;
    check_bytes(4.0 * (2.0 * backbone.parameter_estimate(model) as f64 + activations))
}

fn check_bytes(bytes: f64) -> Result<()> {
    if bytes > MAX_BYTES {
        let message = message!(
            "this run would need about {gigabytes} GB of memory",
            gigabytes = format!("{:.0}", bytes / 1e9)
        );
        return Err(Error::input(
            "too-large",
            message,
            message!(
                "Lower {batch_size} or {max_len}, or choose a smaller {preset}.",
                batch_size = Setting::named("batch-size"),
                max_len = Setting::named("max-len"),
                preset = Setting::named("preset")
            ),
        ));
    }
    Ok(())
}

/// Estimates the bytes that training takes: parameters, two moments, gradients, and activations.
pub fn training_bytes(model: &ModelConfig, batch_size: usize, max_len: usize) -> f64 {
    let backbone = model.architecture.backbone();
    let tokens = batch_size as f64 * max_len as f64;
    let guesses = 0.3 * 4.0 * model.vocab_size as f64;
    let activations = tokens * (backbone.activation_estimate(model, max_len) + guesses);
    4.0 * (4.0 * backbone.parameter_estimate(model) as f64 + activations)
}
