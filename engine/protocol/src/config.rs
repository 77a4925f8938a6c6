//! Settings as the user wrote them: on the command line, in the page's link, or in `run.json`. Only
//! the form of each value is checked here; `session::plan` checks the settings against the data and
//! the device.

mod kinds;

pub use kinds::{
    BackboneKind, BackendChoice, ClassWeights, EmbeddingInit, NearDuplicates, OptimizerKind,
    PartsKind, Pooling, Quoting, TaskKind, TokenizerKind,
};

use crate::{Message, message};
use kinds::Named;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// New names of labels; a label mapped to `None` is dropped.
pub type LabelMap = BTreeMap<String, Option<String>>;

/// Values of `--preset`, smallest first within each family.
pub const PRESET_NAMES: [&str; 14] = [
    "fast-nano",
    "fast-tiny",
    "fast-mini",
    "fast-small",
    "bert-tiny",
    "bert-mini",
    "bert-small",
    "bert-medium",
    "bert-base",
    "tiny",
    "small",
    "big",
    "textcnn",
    "mean",
];

/// Settings of a run as the user wrote them. `None`: chosen by preset, phase and data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct RunConfig {
    /// Compute backend. Default `auto`.
    pub device: BackendChoice,
    /// Seed of all random number generators. Default 1.
    pub seed: u64,
    /// Architecture and size. Default `fast-tiny`.
    pub preset: String,
    /// Hidden size, overriding that of the preset.
    pub hidden_size: Option<usize>,
    /// Architecture between embeddings and heads. Default `transformer`.
    pub backbone: BackboneKind,
    /// Kind of tokenizer. Default `wordpiece`.
    pub tokenizer: TokenizerKind,
    /// Maximum vocabulary size, special tokens included. Default 8000.
    pub vocab_size: usize,
    /// Whether upper case is preserved (`false`: text is lower-cased). Default false.
    pub cased: bool,
    /// Whether a new vocabulary strips accents, as BERT's uncased vocabularies do. Default false.
    pub strip_accents: bool,
    /// Minimum number of occurrences in the training text for a word or sub-word to enter the
    /// vocabulary. Default 2; for characters 1.
    pub min_count: Option<u64>,
    /// Tokens per example, `[CLS]` and `[SEP]` included. Default in pre-training: 32 or 64, by the
    /// length of the documents; in fine-tuning: fitted to the data.
    pub max_len: Option<usize>,
    /// Examples per step. Default 16, or 32 from 2,000 examples on.
    pub batch_size: Option<usize>,
    /// Length of the run in optimisation steps.
    pub steps: Option<u64>,
    /// Length of the run in epochs. Default in fine-tuning: 5; in pre-training: as many as process
    /// 1.6 million tokens, between 1 and 8.
    pub epochs: Option<f64>,
    /// Length of the run in minutes.
    pub minutes: Option<f64>,
    /// Peak learning rate. Default by preset and phase.
    pub lr: Option<f64>,
    /// Optimizer of the matrices inside the blocks. Default: `muon` when pre-training `fast-*` and
    /// `textcnn`, otherwise `adamw`.
    pub optimizer: Option<OptimizerKind>,
    /// Initialisation of a new model's word embeddings. Default: `own` in pre-training, `random`
    /// for a classifier trained from scratch.
    pub embedding_init: Option<EmbeddingInit>,
    /// Share of tokens selected for masking. Default 0.15 for BERT presets, 0.4 for `fast`.
    pub mask_rate: Option<f64>,
    /// Whole-word masking. Default false.
    pub whole_word: bool,
    /// Maximum number of masked tokens per example. Default: limited by the mask rate only.
    pub max_predictions: Option<usize>,
    /// Masking of the 2018 system: examples of ten tokens with one masked token. Default false.
    pub seed_masking: bool,
    /// Next-sentence prediction in addition to the masked-LM objective. Default false.
    pub nsp: bool,
    /// Classification task. Default `auto`.
    pub task: TaskKind,
    /// Parts of the classifier. Default: chosen by validation.
    pub parts: Option<PartsKind>,
    /// Weighting of each label's errors in training. Default: chosen by validation for the linear
    /// classifier, `none` for networks.
    pub class_weights: Option<ClassWeights>,
    /// Treatment of held-out documents that are near-duplicates of training documents. Default
    /// `keep`.
    pub near_duplicates: NearDuplicates,
    /// Pooling of a BERT model's hidden states. Default: as its directory specifies, otherwise
    /// `cls`.
    pub pooling: Option<Pooling>,
    /// Whether the encoder is frozen and only the output layer is fitted. Default: true for a
    /// sentence-transformers directory.
    pub freeze: Option<bool>,
    /// Steps between checkpoints. Default: a tenth of the run, at least 100.
    pub checkpoint_every: Option<u64>,
    /// Text column of a table. Default: detected from names and values.
    pub text_column: Option<String>,
    /// Label column or columns of a table. Default: detected from names and values.
    pub label_column: Option<String>,
    /// Separator between several labels in one cell. Default: a vertical bar.
    pub label_separator: Option<String>,
    /// Quoting of CSV and TSV cells. Default: the style with which the rows best match the number
    /// of columns.
    pub quoting: Option<Quoting>,
    /// New names of labels; a label mapped to `None` is dropped. Default: empty.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub label_map: LabelMap,
    /// Maximum number of documents; the first ones are used. Default: all.
    pub limit: Option<usize>,
    /// Fraction of the labelled documents to fine-tune on, selected by a hash of their texts.
    /// Default: all.
    pub label_fraction: Option<f64>,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            device: BackendChoice::Auto,
            seed: 1,
            preset: "fast-tiny".into(),
            hidden_size: None,
            backbone: BackboneKind::Transformer,
            tokenizer: TokenizerKind::Wordpiece,
            vocab_size: 8000,
            cased: false,
            strip_accents: false,
            min_count: None,
            max_len: None,
            batch_size: None,
            steps: None,
            epochs: None,
            minutes: None,
            lr: None,
            optimizer: None,
            embedding_init: None,
            mask_rate: None,
            whole_word: false,
            max_predictions: None,
            seed_masking: false,
            nsp: false,
            task: TaskKind::Auto,
            parts: None,
            class_weights: None,
            near_duplicates: NearDuplicates::Keep,
            pooling: None,
            freeze: None,
            checkpoint_every: None,
            text_column: None,
            label_column: None,
            label_separator: None,
            quoting: None,
            label_map: BTreeMap::new(),
            limit: None,
            label_fraction: None,
        }
    }
}

/// A setting whose value cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Name of the flag, without dashes.
    pub key: String,
    /// What is wrong with the value.
    pub message: Message,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

impl std::error::Error for ConfigError {}

impl RunConfig {
    /// Sets a field from text, by the command line's flag name without dashes (`max-len`, `backend`
    /// for the device).
    ///
    /// # Errors
    /// Returns an error if the flag is unknown or the value cannot be parsed; `self` is then
    /// unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "device" | "backend" => self.device = named(key, value)?,
            "seed" => self.seed = number(key, value)?,
            "preset" => {
                self.preset = word(
                    key,
                    value,
                    &PRESET_NAMES.map(|name| (name, name.to_string())),
                )?
            }
            "hidden-size" => self.hidden_size = Some(number(key, value)?),
            "backbone" => self.backbone = named(key, value)?,
            "tokenizer" => self.tokenizer = named(key, value)?,
            "vocab-size" => self.vocab_size = number(key, value)?,
            "cased" => self.cased = switch(key, value)?,
            "strip-accents" => self.strip_accents = switch(key, value)?,
            "min-count" => self.min_count = Some(number(key, value)?),
            "max-len" => self.max_len = Some(number(key, value)?),
            "batch-size" => self.batch_size = Some(number(key, value)?),
            "steps" => self.steps = Some(number(key, value)?),
            "epochs" => self.epochs = Some(decimal(key, value)?),
            "minutes" => self.minutes = Some(decimal(key, value)?),
            "lr" => self.lr = Some(decimal(key, value)?),
            "optimizer" => self.optimizer = Some(named(key, value)?),
            "embedding-init" => self.embedding_init = Some(named(key, value)?),
            "mask-rate" => self.mask_rate = Some(decimal(key, value)?),
            "whole-word" => self.whole_word = switch(key, value)?,
            "max-predictions" => self.max_predictions = Some(number(key, value)?),
            "seed-masking" => self.seed_masking = switch(key, value)?,
            "nsp" => self.nsp = switch(key, value)?,
            "task" => self.task = named(key, value)?,
            "parts" => self.parts = Some(named(key, value)?),
            "class-weights" => self.class_weights = Some(named(key, value)?),
            "near-duplicates" => self.near_duplicates = named(key, value)?,
            "pooling" => self.pooling = Some(named(key, value)?),
            "freeze" => self.freeze = Some(switch(key, value)?),
            "checkpoint-every" => self.checkpoint_every = Some(number(key, value)?),
            "text-column" => self.text_column = Some(value.into()),
            "label-column" => self.label_column = Some(value.into()),
            "label-separator" => self.label_separator = Some(value.into()),
            "quoting" => {
                self.quoting = if value.trim() == "auto" {
                    None
                } else {
                    Some(named(key, value)?)
                }
            }
            "label-map" => self.label_map = label_map(key, value)?,
            "limit" => self.limit = Some(number(key, value)?),
            "label-fraction" => self.label_fraction = Some(decimal(key, value)?),
            _ => return Err(error(key, message!("is not a setting"))),
        }
        Ok(())
    }

    /// Returns the settings that differ from the defaults as `(flag, value)` in a fixed order, as
    /// encoded in a link.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let d = Self::default();
        let mut out = Vec::new();
        let mut put = |key: &'static str, differs: bool, value: String| {
            if differs {
                out.push((key, value));
            }
        };
        let optional = |value: &Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        put(
            "backend",
            self.device != d.device,
            self.device.name().into(),
        );
        put("seed", self.seed != d.seed, self.seed.to_string());
        put("preset", self.preset != d.preset, self.preset.clone());
        put(
            "hidden-size",
            self.hidden_size.is_some(),
            self.hidden_size.unwrap_or_default().to_string(),
        );
        put(
            "backbone",
            self.backbone != d.backbone,
            self.backbone.name().into(),
        );
        put(
            "tokenizer",
            self.tokenizer != d.tokenizer,
            self.tokenizer.name().into(),
        );
        put(
            "vocab-size",
            self.vocab_size != d.vocab_size,
            self.vocab_size.to_string(),
        );
        put("cased", self.cased, "true".into());
        put("strip-accents", self.strip_accents, "true".into());
        put(
            "min-count",
            self.min_count.is_some(),
            self.min_count.unwrap_or_default().to_string(),
        );
        put(
            "max-len",
            self.max_len.is_some(),
            self.max_len.unwrap_or_default().to_string(),
        );
        put(
            "batch-size",
            self.batch_size.is_some(),
            self.batch_size.unwrap_or_default().to_string(),
        );
        put(
            "steps",
            self.steps.is_some(),
            self.steps.unwrap_or_default().to_string(),
        );
        put("epochs", self.epochs.is_some(), optional(&self.epochs));
        put("minutes", self.minutes.is_some(), optional(&self.minutes));
        put("lr", self.lr.is_some(), optional(&self.lr));
        put(
            "optimizer",
            self.optimizer.is_some(),
            name_or_empty(self.optimizer),
        );
        put(
            "embedding-init",
            self.embedding_init.is_some(),
            name_or_empty(self.embedding_init),
        );
        put(
            "mask-rate",
            self.mask_rate.is_some(),
            optional(&self.mask_rate),
        );
        put("whole-word", self.whole_word, "true".into());
        put(
            "max-predictions",
            self.max_predictions.is_some(),
            self.max_predictions.unwrap_or_default().to_string(),
        );
        put("seed-masking", self.seed_masking, "true".into());
        put("nsp", self.nsp, "true".into());
        put("task", self.task != d.task, self.task.name().into());
        put("parts", self.parts.is_some(), name_or_empty(self.parts));
        put(
            "class-weights",
            self.class_weights.is_some(),
            name_or_empty(self.class_weights),
        );
        put(
            "near-duplicates",
            self.near_duplicates != d.near_duplicates,
            self.near_duplicates.name().into(),
        );
        put(
            "pooling",
            self.pooling.is_some(),
            name_or_empty(self.pooling),
        );
        put(
            "freeze",
            self.freeze.is_some(),
            self.freeze.unwrap_or_default().to_string(),
        );
        put(
            "checkpoint-every",
            self.checkpoint_every.is_some(),
            self.checkpoint_every.unwrap_or_default().to_string(),
        );
        put(
            "text-column",
            self.text_column.is_some(),
            self.text_column.clone().unwrap_or_default(),
        );
        put(
            "label-column",
            self.label_column.is_some(),
            self.label_column.clone().unwrap_or_default(),
        );
        put(
            "label-separator",
            self.label_separator.is_some(),
            self.label_separator.clone().unwrap_or_default(),
        );
        put(
            "quoting",
            self.quoting.is_some(),
            name_or_empty(self.quoting),
        );
        put(
            "label-map",
            !self.label_map.is_empty(),
            serde_json::to_string(&self.label_map).unwrap_or_default(),
        );
        put(
            "limit",
            self.limit.is_some(),
            self.limit.unwrap_or_default().to_string(),
        );
        put(
            "label-fraction",
            self.label_fraction.is_some(),
            optional(&self.label_fraction),
        );
        out
    }
}

fn error(key: &str, message: Message) -> ConfigError {
    ConfigError {
        key: key.into(),
        message,
    }
}

fn number<T: std::str::FromStr>(key: &str, value: &str) -> Result<T, ConfigError> {
    value.trim().parse().map_err(|_| not_a_number(key, value))
}

fn label_map(key: &str, value: &str) -> Result<LabelMap, ConfigError> {
    let map: LabelMap = serde_json::from_str(value).map_err(|_| {
        error(
            key,
            message!(
                "must be a JSON object that maps old names to new ones; use null to drop a label"
            ),
        )
    })?;
    let is_unnamed = |new: &Option<String>| new.as_deref().is_some_and(|new| new.trim().is_empty());
    match map.iter().find(|(_, new)| is_unnamed(new)) {
        Some((old, _)) => Err(error(
            key,
            message!(
                "gives {label} an empty name; use null to drop a label",
                label = format!("{old:?}")
            ),
        )),
        None => Ok(map),
    }
}

fn not_a_number(key: &str, value: &str) -> ConfigError {
    error(key, message!("\"{value}\" is not a valid number", value))
}

/// Parses a finite number: JSON can represent neither infinity nor NaN.
fn decimal(key: &str, value: &str) -> Result<f64, ConfigError> {
    let number: f64 = number(key, value)?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(not_a_number(key, value))
    }
}

fn named<T: Named>(key: &str, value: &str) -> Result<T, ConfigError> {
    word(key, value, T::NAMES)
}

/// Returns the name of a value; empty for `None`.
fn name_or_empty<T: Named>(value: Option<T>) -> String {
    value
        .map(|value| value.name().to_string())
        .unwrap_or_default()
}

fn switch(key: &str, value: &str) -> Result<bool, ConfigError> {
    word(
        key,
        value,
        &[
            ("", true),
            ("true", true),
            ("1", true),
            ("false", false),
            ("0", false),
        ],
    )
}

fn word<T: Clone>(key: &str, value: &str, known: &[(&str, T)]) -> Result<T, ConfigError> {
    let found = known.iter().find(|(name, _)| *name == value.trim());
    found.map(|(_, value)| value.clone()).ok_or_else(|| {
        let names: Vec<&str> = known
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !name.is_empty())
            .collect();
        error(
            key,
            message!(
                "\"{value}\" is not one of {names}",
                value,
                names = names.join(", ")
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_round_trip() {
        let mut config = RunConfig::default();
        for (key, value) in [
            ("preset", "fast-nano"),
            ("max-len", "16"),
            ("lr", "0.002"),
            ("backend", "webgpu"),
            ("whole-word", ""),
            ("task", "single-label"),
            ("epochs", "0.5"),
            ("optimizer", "muon"),
            ("embedding-init", "random"),
            ("parts", "seeds"),
            ("class-weights", "balanced"),
            ("near-duplicates", "drop"),
            ("pooling", "max-mean"),
            ("freeze", "false"),
        ] {
            config.set(key, value).expect("a valid pair");
        }
        let mut back = RunConfig::default();
        for (key, value) in config.pairs() {
            back.set(key, &value).expect("pairs are valid");
        }
        assert_eq!(back, config);
    }

    #[test]
    fn invalid_values_are_refused_and_change_nothing() {
        for (key, value) in [
            ("seed", "-1"),
            ("preset", "huge"),
            ("steps", "1e99x"),
            ("colour", "red"),
            ("nsp", "maybe"),
            ("epochs", "inf"),
            ("lr", "NaN"),
            ("label-map", r#"{"a": ""}"#),
        ] {
            let mut config = RunConfig::default();
            let error = config.set(key, value).expect_err("refused");
            assert_eq!(error.key, key);
            assert_eq!(config, RunConfig::default());
        }
    }
}
