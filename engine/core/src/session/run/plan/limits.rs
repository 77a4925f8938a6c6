//! Limits of the settings of a run; an error names the flag.

use crate::error::{Error, Result};
use crate::model::ModelConfig;
use crate::session::run::plan::budget::{Budget, MIN_MAX_LEN};
use protocol::{RunConfig, Setting, SettingRange, SettingSpec, message};

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
    match config.out_of_range() {
        None => Ok(()),
        Some((spec, value)) => Err(out_of_range(spec, value)),
    }
}

/// Formats a number the way the user probably typed it.
fn shown(value: f64) -> String {
    if value.abs() < 1e15 {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

fn out_of_range(spec: &SettingSpec, value: f64) -> Error {
    let SettingRange {
        min,
        max,
        includes_min,
    } = spec.range;
    let rule = if value > max {
        message!("must be at most {max}", max = shown(max))
    } else if includes_min {
        message!("must be at least {min}", min = shown(min))
    } else {
        message!("must be above {min}", min = shown(min))
    };
    let setting = Setting::named(spec.key);
    let (min, max) = (shown(min), shown(max));
    let hint = if includes_min {
        message!(
            "Use a value from {min} to {max}, or leave {setting} out.",
            min,
            max,
            setting
        )
    } else {
        message!(
            "Use a value above {min} and at most {max}, or leave {setting} out.",
            min,
            max,
            setting
        )
    };
    Error::input(
        "bad-setting",
        message!(
            "{setting} is {value}, but it {rule}",
            setting,
            value = shown(value),
            rule
        ),
        hint,
    )
}

/// Returns the largest value of a setting.
pub(super) fn max_of(key: &str) -> f64 {
    SettingSpec::find(key).map_or(f64::INFINITY, |spec| spec.range.max)
}

/// Returns the maximum peak learning rate.
pub fn max_lr() -> f64 {
    max_of("lr")
}

/// Whether a budget is within the limits.
pub fn is_sound_budget(budget: Budget) -> bool {
    match budget {
        Budget::Steps(steps) => steps as f64 <= max_of("steps"),
        Budget::Seconds(seconds) => seconds > 0.0 && seconds <= max_of("minutes") * 60.0,
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
