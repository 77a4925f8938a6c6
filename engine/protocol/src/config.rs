//! What a person asked for, as it was written: on the command line, in the page's link, or in `run.json`. Checking it
//! against the data and the device is `session::plan`'s work; here only the form of each value is checked.

use serde::{Deserialize, Serialize};

/// Names that `--preset` takes, smallest first within each family.
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

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendChoice {
    /// A real GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// Whatever adapter there is, software ones included.
    #[serde(alias = "webgpu")]
    Gpu,
    /// The CPU engine.
    Cpu,
}

/// How text is cut into tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenizerKind {
    /// Sub-words learned from the corpus.
    #[default]
    Wordpiece,
    /// White space only: text that is already tokenised or anonymised.
    Word,
    /// One token per character.
    Char,
}

/// What stands between the embeddings and the heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackboneKind {
    /// Self-attention.
    #[default]
    Transformer,
    /// Parallel convolutions.
    Textcnn,
    /// The mean of the embeddings.
    Mean,
}

/// What moves the matrices inside the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Momentum with orthogonalised updates; AdamW for all other parameters.
    Muon,
    /// AdamW for all parameters.
    Adamw,
}

/// What a new model's word embeddings start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmbeddingInit {
    /// Word vectors that are learned from the training text first.
    Own,
    /// Random numbers.
    Random,
}

/// Which parts make up a classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartsKind {
    /// One network.
    One,
    /// The average of networks that differ by their seed.
    Seeds,
    /// Networks and a linear classifier.
    Fusion,
}

/// How labels are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Single-label where every labelled line carries exactly one label, else multi-label.
    #[default]
    Auto,
    /// Any number of labels per line; sigmoid.
    MultiLabel,
    /// Exactly one label per line; softmax.
    SingleLabel,
    /// Two texts per line.
    Pair,
}

/// A run as a person asked for it. `None` means: choose by the preset, the phase and the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct RunConfig {
    /// Where to compute. Default `auto`.
    pub device: BackendChoice,
    /// Every use of chance derives from it. Default 1.
    pub seed: u64,
    /// Architecture and size. Default `fast-tiny`.
    pub preset: String,
    /// Width of the model, where it is not the preset's.
    pub hidden_size: Option<usize>,
    /// Default `transformer`.
    pub backbone: BackboneKind,
    /// Default `wordpiece`.
    pub tokenizer: TokenizerKind,
    /// Entries of the vocabulary at most, special tokens included. Default 8000.
    pub vocab_size: usize,
    /// Keep upper case (`false` lower-cases and strips accents). Default false.
    pub cased: bool,
    /// Tokens per example, `[CLS]` and `[SEP]` included. Default: 32 or 64 in pre-training, by the length of the documents; fitted to the data in fine-tuning.
    pub max_len: Option<usize>,
    /// Examples per step. Default: 16 or, from 2,000 examples on, 32.
    pub batch_size: Option<usize>,
    /// Length of the run in optimisation steps.
    pub steps: Option<u64>,
    /// Length of the run in passes over the data. Default: 5 in fine-tuning; in pre-training as many as make 1.6 million tokens, 1 to 8.
    pub epochs: Option<f64>,
    /// Length of the run in minutes.
    pub minutes: Option<f64>,
    /// Peak learning rate. Default by preset and phase.
    pub lr: Option<f64>,
    /// What moves the matrices inside the blocks. Default: `muon` when pre-training `fast-*` and `textcnn`, else `adamw`.
    pub optimizer: Option<OptimizerKind>,
    /// What the word embeddings of a new model start from. Default: `own` in pre-training, `random` for a classifier that is
    /// trained from scratch.
    pub embedding_init: Option<EmbeddingInit>,
    /// Share of tokens chosen for guessing. Default 0.15 for BERT presets, 0.4 for `fast`.
    pub mask_rate: Option<f64>,
    /// Choose whole words. Default false.
    pub whole_word: bool,
    /// Most tokens to guess in one example. Default: no more than the mask rate gives.
    pub max_predictions: Option<usize>,
    /// The 2018 system's examples: ten tokens, one of them to guess. Default false.
    pub seed_masking: bool,
    /// Next-sentence prediction beside the masked LM. Default false.
    pub nsp: bool,
    /// Kind of labels. Default `auto`.
    pub task: TaskKind,
    /// Parts of the classifier. Default: those that validation prefers.
    pub parts: Option<PartsKind>,
    /// Steps between checkpoints. Default: a tenth of the run, at least 100.
    pub checkpoint_every: Option<u64>,
    /// Column of the text in CSV, TSV and JSON Lines. Default: by its name.
    pub text_column: Option<String>,
    /// Column of the labels there, or several. Default: by its name.
    pub label_column: Option<String>,
    /// What parts several labels in one cell. Default: a vertical bar.
    pub label_separator: Option<String>,
    /// Use only the first N documents.
    pub limit: Option<usize>,
    /// Share of the labelled documents to fine-tune on, chosen by their texts. Default: all of them.
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
            checkpoint_every: None,
            text_column: None,
            label_column: None,
            label_separator: None,
            limit: None,
            label_fraction: None,
        }
    }
}

/// A value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The flag, without dashes.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

impl std::error::Error for ConfigError {}

impl RunConfig {
    /// Sets one field from text, by the command line's flag name without dashes (`max-len`, `backend` for the device).
    ///
    /// # Errors
    /// When the flag is unknown or the value cannot be read; `self` is then unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "device" | "backend" => {
                self.device = word(
                    key,
                    value,
                    &[
                        ("auto", BackendChoice::Auto),
                        ("gpu", BackendChoice::Gpu),
                        ("webgpu", BackendChoice::Gpu),
                        ("cpu", BackendChoice::Cpu),
                    ],
                )?
            }
            "seed" => self.seed = number(key, value)?,
            "preset" => self.preset = word(key, value, &PRESET_NAMES.map(|name| (name, name.to_string())))?,
            "hidden-size" => self.hidden_size = Some(number(key, value)?),
            "backbone" => {
                self.backbone = word(
                    key,
                    value,
                    &[
                        ("transformer", BackboneKind::Transformer),
                        ("textcnn", BackboneKind::Textcnn),
                        ("mean", BackboneKind::Mean),
                    ],
                )?
            }
            "tokenizer" => {
                self.tokenizer = word(
                    key,
                    value,
                    &[
                        ("wordpiece", TokenizerKind::Wordpiece),
                        ("word", TokenizerKind::Word),
                        ("char", TokenizerKind::Char),
                    ],
                )?
            }
            "vocab-size" => self.vocab_size = number(key, value)?,
            "cased" => self.cased = switch(key, value)?,
            "max-len" => self.max_len = Some(number(key, value)?),
            "batch-size" => self.batch_size = Some(number(key, value)?),
            "steps" => self.steps = Some(number(key, value)?),
            "epochs" => self.epochs = Some(number(key, value)?),
            "minutes" => self.minutes = Some(number(key, value)?),
            "lr" => self.lr = Some(number(key, value)?),
            "optimizer" => {
                let known = [("muon", OptimizerKind::Muon), ("adamw", OptimizerKind::Adamw)];
                self.optimizer = Some(word(key, value, &known)?);
            }
            "embedding-init" => {
                let known = [("own", EmbeddingInit::Own), ("random", EmbeddingInit::Random)];
                self.embedding_init = Some(word(key, value, &known)?);
            }
            "mask-rate" => self.mask_rate = Some(number(key, value)?),
            "whole-word" => self.whole_word = switch(key, value)?,
            "max-predictions" => self.max_predictions = Some(number(key, value)?),
            "seed-masking" => self.seed_masking = switch(key, value)?,
            "nsp" => self.nsp = switch(key, value)?,
            "task" => {
                self.task = word(
                    key,
                    value,
                    &[
                        ("auto", TaskKind::Auto),
                        ("multi-label", TaskKind::MultiLabel),
                        ("single-label", TaskKind::SingleLabel),
                        ("pair", TaskKind::Pair),
                    ],
                )?
            }
            "parts" => {
                let known = [("one", PartsKind::One), ("seeds", PartsKind::Seeds), ("fusion", PartsKind::Fusion)];
                self.parts = Some(word(key, value, &known)?);
            }
            "checkpoint-every" => self.checkpoint_every = Some(number(key, value)?),
            "text-column" => self.text_column = Some(value.into()),
            "label-column" => self.label_column = Some(value.into()),
            "label-separator" => self.label_separator = Some(value.into()),
            "limit" => self.limit = Some(number(key, value)?),
            "label-fraction" => self.label_fraction = Some(number(key, value)?),
            _ => return Err(error(key, "is not a setting".into())),
        }
        Ok(())
    }

    /// The settings that differ from the defaults, as `(flag, value)` in a fixed order: what a link carries.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let d = Self::default();
        let mut out = Vec::new();
        let mut put = |key: &'static str, differs: bool, value: String| {
            if differs {
                out.push((key, value));
            }
        };
        let optional = |value: &Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        let device = match self.device {
            BackendChoice::Auto => "auto",
            BackendChoice::Gpu => "webgpu",
            BackendChoice::Cpu => "cpu",
        };
        put("backend", self.device != d.device, device.into());
        put("seed", self.seed != d.seed, self.seed.to_string());
        put("preset", self.preset != d.preset, self.preset.clone());
        put("hidden-size", self.hidden_size.is_some(), self.hidden_size.unwrap_or_default().to_string());
        let backbone = match self.backbone {
            BackboneKind::Transformer => "transformer",
            BackboneKind::Textcnn => "textcnn",
            BackboneKind::Mean => "mean",
        };
        put("backbone", self.backbone != d.backbone, backbone.into());
        let tokenizer = match self.tokenizer {
            TokenizerKind::Wordpiece => "wordpiece",
            TokenizerKind::Word => "word",
            TokenizerKind::Char => "char",
        };
        put("tokenizer", self.tokenizer != d.tokenizer, tokenizer.into());
        put("vocab-size", self.vocab_size != d.vocab_size, self.vocab_size.to_string());
        put("cased", self.cased, "true".into());
        put("max-len", self.max_len.is_some(), self.max_len.unwrap_or_default().to_string());
        put("batch-size", self.batch_size.is_some(), self.batch_size.unwrap_or_default().to_string());
        put("steps", self.steps.is_some(), self.steps.unwrap_or_default().to_string());
        put("epochs", self.epochs.is_some(), optional(&self.epochs));
        put("minutes", self.minutes.is_some(), optional(&self.minutes));
        put("lr", self.lr.is_some(), optional(&self.lr));
        let optimizer = match self.optimizer {
            Some(OptimizerKind::Muon) => "muon",
            Some(OptimizerKind::Adamw) => "adamw",
            None => "",
        };
        put("optimizer", self.optimizer.is_some(), optimizer.into());
        let embedding_init = match self.embedding_init {
            Some(EmbeddingInit::Own) => "own",
            Some(EmbeddingInit::Random) => "random",
            None => "",
        };
        put("embedding-init", self.embedding_init.is_some(), embedding_init.into());
        put("mask-rate", self.mask_rate.is_some(), optional(&self.mask_rate));
        put("whole-word", self.whole_word, "true".into());
        put("max-predictions", self.max_predictions.is_some(), self.max_predictions.unwrap_or_default().to_string());
        put("seed-masking", self.seed_masking, "true".into());
        put("nsp", self.nsp, "true".into());
        let task = match self.task {
            TaskKind::Auto => "auto",
            TaskKind::MultiLabel => "multi-label",
            TaskKind::SingleLabel => "single-label",
            TaskKind::Pair => "pair",
        };
        put("task", self.task != d.task, task.into());
        let parts = match self.parts {
            Some(PartsKind::One) => "one",
            Some(PartsKind::Seeds) => "seeds",
            Some(PartsKind::Fusion) => "fusion",
            None => "",
        };
        put("parts", self.parts.is_some(), parts.into());
        put("checkpoint-every", self.checkpoint_every.is_some(), self.checkpoint_every.unwrap_or_default().to_string());
        put("text-column", self.text_column.is_some(), self.text_column.clone().unwrap_or_default());
        put("label-column", self.label_column.is_some(), self.label_column.clone().unwrap_or_default());
        put("label-separator", self.label_separator.is_some(), self.label_separator.clone().unwrap_or_default());
        put("limit", self.limit.is_some(), self.limit.unwrap_or_default().to_string());
        put("label-fraction", self.label_fraction.is_some(), optional(&self.label_fraction));
        out
    }
}

fn error(key: &str, message: String) -> ConfigError {
    ConfigError { key: key.into(), message }
}

fn number<T: std::str::FromStr>(key: &str, value: &str) -> Result<T, ConfigError> {
    value.trim().parse().map_err(|_| error(key, format!("\"{value}\" is not a number it can take")))
}

fn switch(key: &str, value: &str) -> Result<bool, ConfigError> {
    word(key, value, &[("", true), ("true", true), ("1", true), ("false", false), ("0", false)])
}

fn word<T: Clone>(key: &str, value: &str, known: &[(&str, T)]) -> Result<T, ConfigError> {
    let found = known.iter().find(|(name, _)| *name == value.trim());
    found.map(|(_, value)| value.clone()).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
        error(key, format!("\"{value}\" is not one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_as_the_configuration_it_was_made_from() {
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
    fn nonsense_is_refused_and_changes_nothing() {
        for (key, value) in
            [("seed", "-1"), ("preset", "huge"), ("steps", "1e99x"), ("colour", "red"), ("nsp", "maybe")]
        {
            let mut config = RunConfig::default();
            let error = config.set(key, value).expect_err("refused");
            assert_eq!(error.key, key);
            assert_eq!(config, RunConfig::default());
        }
    }
}
