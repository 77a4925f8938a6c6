//! Property tests of the settings in their link and JSON forms.

use super::messages::check;
use crate::{PRESET_NAMES, RunConfig};
use fuzz::ensure;
use fuzz::proptest::collection::vec;
use fuzz::proptest::prelude::*;
use fuzz::proptest::sample::select;

/// Returns the keys of all settings, and two that are no settings.
fn keys() -> Vec<&'static str> {
    RunConfig::SETTINGS
        .iter()
        .flat_map(|spec| [spec.key, spec.link_key])
        .chain(["x", ""])
        .collect()
}

const WORDS: &[&str] = &[
    "",
    "true",
    "false",
    "0",
    "1",
    "auto",
    "gpu",
    "webgpu",
    "cpu",
    "wordpiece",
    "word",
    "char",
    "transformer",
    "textcnn",
    "mean",
    "muon",
    "adamw",
    "own",
    "random",
    "multi-label",
    "single-label",
    "pair",
    "seeds",
    "linear",
    "balanced",
    "none",
    "keep",
    "drop",
    "cls",
    "max-mean",
    "double",
    "single",
    "backslash",
    "{\"a\": \"b\", \"c\": null}",
    "{\"a\": \"\"}",
    "{}",
    "inf",
    "NaN",
    "1e999",
    "-0",
    "+1",
    " 2 ",
    "1e-400",
    "0x1",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(WORDS).prop_map(String::from),
        1 => select(&PRESET_NAMES[..]).prop_map(String::from),
        2 => any::<f64>().prop_map(|number| number.to_string()),
        2 => any::<u64>().prop_map(|number| number.to_string()),
        1 => any::<String>(),
    ]
}

/// Settings survive the round trip through `pairs` and through JSON.
#[test]
fn settings_round_trip() {
    fuzz::check(
        "settings",
        10_000,
        &vec((select(keys()), value()), 0..12),
        |pairs| {
            let mut config = RunConfig::default();
            for (key, value) in &pairs {
                let before = config.clone();
                if let Err(error) = config.set(key, value) {
                    ensure(config == before, || {
                        format!("{key} was refused and has changed something")
                    })?;
                    ensure(error.key == *key && !error.message.is_empty(), || {
                        error.to_string()
                    })?;
                }
            }
            let mut again = RunConfig::default();
            for (key, value) in config.pairs() {
                again
                    .set(key, &value)
                    .map_err(|error| TestCaseError::fail(error.to_string()))?;
            }
            ensure(again == config, || {
                format!("{config:?} reads back as {again:?}")
            })?;
            let text = serde_json::to_string(&config)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            check::<RunConfig>(text.as_bytes())?;
            let sent = serde_json::from_str::<RunConfig>(&text)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            ensure(sent == config, || format!("{config:?} arrives as {sent:?}"))
        },
    );
}
