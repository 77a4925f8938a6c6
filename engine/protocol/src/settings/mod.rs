//! The settings of a run, declared once: the table below is the basis of [`RunConfig`], flags, form
//! fields, links, help texts and range checks. `session::run::plan` checks the settings against the data
//! and the device.

mod kinds;
mod spec;
mod value;

pub use kinds::{
    BackboneKind, BackendChoice, ClassWeights, EmbeddingInit, LabelMap, NearDuplicates,
    OptimizerKind, PartsKind, Pooling, Quoting, TaskKind, TokenizerKind,
};
pub use spec::{SettingGroup, SettingKind, SettingRange, SettingSpec};

use crate::presets::PRESET_NAMES;
use crate::{Message, message};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use value::{SettingValue, check_name};

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

/// Declares [`RunConfig`]. An entry is the help text, then
/// `"key" => field: type = default, "label", SettingGroup { further fields of SettingSpec };`.
macro_rules! settings {
    ($(
        $(#[doc = $help:literal])+
        $(#[serde($serde:meta)])?
        $key:literal => $field:ident: $kind:ty = $value:expr, $label:literal, $group:ident
            { $($property:ident: $setting:expr),* $(,)? };
    )+) => {
        /// Settings of a run as the user wrote them: on the command line, in the page's link, or in
        /// `run.json`. `None`: chosen by preset, phase and data.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
        pub struct RunConfig {
            $(
                $(#[doc = $help])+
                $(#[serde($serde)])?
                pub $field: $kind,
            )+
        }

        impl Default for RunConfig {
            fn default() -> Self {
                Self { $($field: $value,)+ }
            }
        }

        impl RunConfig {
            /// All settings, in the order of the fields.
            pub const SETTINGS: &'static [SettingSpec] = &[$(
                SettingSpec {
                    $($property: $setting,)*
                    ..SettingSpec {
                        key: $key,
                        link_key: $key,
                        label: $label,
                        help: concat!($($help),+).trim_ascii_start(),
                        kind: <$kind as SettingValue>::KIND,
                        range: SettingRange::ANY,
                        default: "",
                        group: SettingGroup::$group,
                    }
                },
            )+];

            /// Returns the texts of all settings in the order of the fields.
            #[cfg(test)]
            fn all_texts(&self) -> Vec<String> {
                vec![$(self.$field.text(),)+]
            }

            /// Returns the texts of all settings in the order of the fields; `None` for a setting at
            /// its default.
            fn texts(&self) -> Vec<Option<String>> {
                let default = Self::default();
                vec![$((self.$field != default.$field).then(|| self.$field.text()),)+]
            }

            /// Returns the numbers of all settings, in the order of the fields.
            fn numbers(&self) -> Vec<Option<f64>> {
                vec![$(self.$field.number(),)+]
            }

            /// Sets the field with this key to its default.
            fn reset_field(&mut self, key: &str) -> Result<(), Message> {
                match key {
                    $($key => self.$field = $value,)+
                    _ => return Err(message!("is not a setting")),
                }
                Ok(())
            }

            /// Sets the field with this key.
            fn set_field(&mut self, key: &str, value: &str) -> Result<(), Message> {
                match key {
                    $($key => self.$field = SettingValue::parse(value)?,)+
                    _ => return Err(message!("is not a setting")),
                }
                Ok(())
            }
        }
    };
}

/// Far beyond any run, and small enough that products of it do not overflow.
const MANY: f64 = 1e9;

settings! {
    /// Compute device.
    "device" => device: BackendChoice = BackendChoice::Auto, "Device", General {
        link_key: "backend", default: "auto"
    };
    /// Seed of all random number generators.
    "seed" => seed: u64 = 1, "Seed", General {
        range: SettingRange::new(0.0, u64::MAX as f64), default: "1"
    };
    /// Architecture and size.
    "preset" => preset: String = "fast-tiny".into(), "Model", Model {
        kind: SettingKind::Choice(|| PRESET_NAMES.to_vec()), default: "fast-tiny"
    };
    /// Size of the hidden states, overriding that of the preset.
    "hidden-size" => hidden_size: Option<usize> = None, "Hidden size", Model {
        range: SettingRange::new(2.0, 3072.0), default: "by preset"
    };
    /// Architecture between the embeddings and the heads.
    "backbone" => backbone: BackboneKind = BackboneKind::Transformer, "Backbone", Model {
        default: "that of the preset"
    };
    /// Initial word embeddings of a new model. With own, word vectors are learned from the training
    /// text.
    "embedding-init" => embedding_init: Option<EmbeddingInit> = None, "Initial embeddings", Model {
        default: "own in pre-training, random for a classifier from scratch"
    };
    /// How text is split into tokens: into word pieces, at white space, or into characters, which suit
    /// Chinese and Japanese.
    "tokenizer" => tokenizer: TokenizerKind = TokenizerKind::Wordpiece, "Tokenizer", Vocabulary {
        default: "wordpiece"
    };
    /// Maximum number of entries, special tokens included.
    "vocab-size" => vocab_size: usize = 8000, "Vocabulary size", Vocabulary {
        range: SettingRange::new(16.0, 1e6), default: "8000"
    };
    /// Preserve upper case.
    "cased" => cased: bool = false, "Upper case", Vocabulary {};
    /// Strip accents in a new vocabulary, as BERT's published uncased vocabularies do.
    "strip-accents" => strip_accents: bool = false, "Strip accents", Vocabulary {};
    /// Minimum number of occurrences for a word or sub-word to enter the vocabulary.
    "min-count" => min_count: Option<u64> = None, "Minimum count", Vocabulary {
        range: SettingRange::new(1.0, MANY), default: "2 (1 for characters)"
    };
    /// Tokens per example, special tokens included.
    "max-len" => max_len: Option<usize> = None, "Maximum length", Training {
        range: SettingRange::new(8.0, 65_536.0), default: "by document length"
    };
    /// Examples per step.
    "batch-size" => batch_size: Option<usize> = None, "Batch size", Training {
        range: SettingRange::new(1.0, 1e6), default: "16 (32 for much text)"
    };
    /// Length of the run in optimisation steps; the networks of a classifier share them.
    "steps" => steps: Option<u64> = None, "Steps", Training { range: SettingRange::new(1.0, MANY) };
    /// Length of the run in epochs.
    "epochs" => epochs: Option<f64> = None, "Epochs", Training {
        range: SettingRange::positive(1e6), default: "5 in fine-tuning; 1 to 8, by the amount of text, in pre-training"
    };
    /// Length of the run in minutes.
    "minutes" => minutes: Option<f64> = None, "Minutes", Training {
        range: SettingRange::positive(365.0 * 24.0 * 60.0)
    };
    /// Peak learning rate, reached after the warm-up.
    "lr" => lr: Option<f64> = None, "Learning rate", Training {
        range: SettingRange::positive(1.0), default: "by preset"
    };
    /// Optimizer of the matrices inside the blocks.
    "optimizer" => optimizer: Option<OptimizerKind> = None, "Optimizer", Training {
        default: "muon when pre-training fast-* and textcnn, otherwise adamw"
    };
    /// Share of hidden states and attention weights that training drops at random.
    "dropout" => dropout: Option<f64> = None, "Dropout", Training {
        range: SettingRange::new(0.0, 0.9), default: "by preset"
    };
    /// Share of tokens that are masked; presets use 0.15 to 0.4.
    "mask-rate" => mask_rate: Option<f64> = None, "Mask rate", Masking {
        range: SettingRange::positive(0.9), default: "by preset"
    };
    /// Mask whole words.
    "whole-word" => whole_word: bool = false, "Whole words", Masking {};
    /// Maximum number of masked tokens per example.
    "max-predictions" => max_predictions: Option<usize> = None, "Maximum predictions", Masking {
        range: SettingRange::new(1.0, MANY), default: "by the mask rate"
    };
    /// Masking of the 2018 system: examples of ten tokens, one of them masked.
    "seed-masking" => seed_masking: bool = false, "2018 masking", Masking {};
    /// Also predict whether one text follows another. Needs documents of several sentences.
    "nsp" => nsp: bool = false, "Next-sentence prediction", Masking {};
    /// How many labels a document has; in a pair, a tab separates the two texts.
    "task" => task: TaskKind = TaskKind::Auto, "Classification task", Classifier { default: "auto" };
    /// Parts of the classifier: a network, the average of three, or networks and a linear classifier.
    "parts" => parts: Option<PartsKind> = None, "Parts of the classifier", Classifier {
        default: "chosen by validation"
    };
    /// Weight of each label's errors in training. With balanced, rare labels count as much as frequent
    /// ones.
    "class-weights" => class_weights: Option<ClassWeights> = None, "Class weights", Classifier {
        default: "chosen by validation for the linear classifier, none for networks"
    };
    /// Whether validation and test documents that are near-duplicates of training documents count in
    /// the scores, which look better with them.
    "near-duplicates" => near_duplicates: NearDuplicates = NearDuplicates::Keep,
        "Near-duplicates", Classifier { default: "keep" };
    /// Pooling of a BERT model's hidden states.
    "pooling" => pooling: Option<Pooling> = None, "Pooling", Classifier {
        default: "as the model specifies, otherwise cls"
    };
    /// Freeze the encoder and fit only the output layer, which is fast.
    "freeze" => freeze: Option<bool> = None, "Freeze the encoder", Classifier {
        default: "true for sentence-transformers models, unless a length or a learning rate is given"
    };
    /// Fraction of the labelled documents to train on.
    "label-fraction" => label_fraction: Option<f64> = None, "Label fraction", Classifier {
        range: SettingRange::positive(1.0), default: "1"
    };
    /// Steps between checkpoints.
    "checkpoint-every" => checkpoint_every: Option<u64> = None, "Checkpoint interval", Training {
        range: SettingRange::new(1.0, MANY), default: "a tenth of the run, at least 100"
    };
    /// Use only the first N documents.
    "limit" => limit: Option<usize> = None, "Document limit", Training {
        range: SettingRange::new(1.0, MANY), default: "all"
    };
    /// Text column of a table, by name or number from 1; "a,b" is a pair, "a+b" joins columns.
    "text-column" => text_column: Option<String> = None, "Text column", Tables {
        default: "detected"
    };
    /// Label column of a table; with several, "a,b", a cell with 1 or yes adds the column's name as
    /// a label, and a row with no such cell gets "none".
    "label-column" => label_column: Option<String> = None, "Label column", Tables {
        default: "detected"
    };
    /// Separator between several labels in one cell.
    "label-separator" => label_separator: Option<String> = None, "Label separator", Tables {
        default: "|"
    };
    /// How cells are quoted.
    "quoting" => quoting: Option<Quoting> = None, "Quotes", Tables { default: "detected" };
    /// JSON object that maps old label names to new ones; null drops a label.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    "label-map" => label_map: LabelMap = BTreeMap::new(), "Renamed labels", Tables {};
}

impl SettingSpec {
    /// Returns the setting with this key, or this key in links.
    pub fn find(key: &str) -> Option<&'static Self> {
        RunConfig::SETTINGS
            .iter()
            .find(|spec| spec.key == key || spec.link_key == key)
    }
}

impl RunConfig {
    /// Sets a field from text, by the key of its setting or by its key in links. `auto` means the
    /// default of any choice.
    ///
    /// # Errors
    /// Returns an error if there is no such setting or the value cannot be parsed; `self` is then
    /// unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let refuse = |message| ConfigError {
            key: key.into(),
            message,
        };
        let spec = SettingSpec::find(key).ok_or_else(|| refuse(message!("is not a setting")))?;
        if matches!(spec.kind, SettingKind::Choice(_)) && value.trim() == "auto" {
            return self.reset(key);
        }
        // The names of presets are no type of their own: `run.json` may hold those of a later version.
        if spec.key == "preset" {
            check_name(value, &PRESET_NAMES).map_err(refuse)?;
            self.preset = value.trim().into();
            return Ok(());
        }
        self.set_field(spec.key, value).map_err(refuse)
    }

    /// Sets a field to its default.
    ///
    /// # Errors
    /// Returns an error if there is no such setting.
    pub fn reset(&mut self, key: &str) -> Result<(), ConfigError> {
        let field = SettingSpec::find(key).map_or(key, |spec| spec.key);
        self.reset_field(field).map_err(|message| ConfigError {
            key: key.into(),
            message,
        })
    }

    /// Returns the settings that differ from the defaults as `(link key, value)` in a fixed order, as
    /// encoded in a link.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        Self::SETTINGS
            .iter()
            .zip(self.texts())
            .filter_map(|(spec, text)| Some((spec.link_key, text?)))
            .collect()
    }

    /// Returns the first setting whose number is out of its range, with the number.
    pub fn out_of_range(&self) -> Option<(&'static SettingSpec, f64)> {
        Self::SETTINGS
            .iter()
            .zip(self.numbers())
            .filter_map(|(spec, number)| Some((spec, number?)))
            .find(|(spec, number)| !spec.range.contains(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stated_defaults_are_the_values() {
        let config = RunConfig::default();
        for (spec, text) in RunConfig::SETTINGS.iter().zip(config.all_texts()) {
            // A switch that is off has no default to state; a backbone is that of the preset.
            let is_stated = !matches!(spec.kind, SettingKind::Switch | SettingKind::LabelMap);
            if is_stated && !text.is_empty() && spec.key != "backbone" {
                assert_eq!(spec.default, text, "{}", spec.key);
            }
        }
    }

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
            ("text-column", ""),
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
