//! Flags of the commands that query, serve, convert or export a model, that convert or inspect
//! data, and that test or benchmark the engine. None of them trains on the user's text.

use super::parse::set_given;
use super::serving::ModelArgument;
use super::settings::{SettingFlags, Tables};
use clap::{ArgGroup, Args, Subcommand};
use data::ReadOptions;
use engine::error::Error;
use protocol::RunConfig;
use std::path::PathBuf;

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// Run directory or Hugging Face model directory
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Labelled text, or plain text for a pre-trained model
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub data: Vec<PathBuf>,
    /// How tables are read
    #[command(flatten)]
    pub table: TableFlags,
    /// Decision threshold: a number, "tuned" for the one chosen on the validation set, or
    /// "per-label"
    #[arg(
        long,
        value_name = "F|tuned|per-label",
        conflicts_with = "seed_metrics"
    )]
    pub threshold: Option<String>,
    /// Compute F1 as the 2018 system did, to compare with its published numbers
    #[arg(long)]
    pub seed_metrics: bool,
}

/// How the tables among a command's files are read.
#[derive(Debug, Default, Args)]
pub struct TableFlags {
    /// Settings of the reader.
    #[command(flatten)]
    pub settings: SettingFlags<Tables>,
    /// Encoding of the text, if it is not detected correctly
    #[arg(long, value_name = "NAME", help_heading = "Tables")]
    pub encoding: Option<String>,
}

impl TableFlags {
    /// Returns the options that these flags specify for reading files.
    ///
    /// # Errors
    /// Returns an error if a value is invalid or the label map cannot be read.
    pub fn read_options(&self) -> Result<ReadOptions, Error> {
        let mut config = RunConfig::default();
        self.settings.apply(&mut config)?;
        Ok(ReadOptions {
            encoding: self.encoding.clone(),
            text_column: config.text_column,
            label_column: config.label_column,
            label_separator: config.label_separator,
            quoting: config.quoting,
            label_map: config.label_map,
            ..ReadOptions::default()
        })
    }

    /// Whether any flag implies that the input is a table.
    pub fn wants_table(&self) -> bool {
        ["text-column", "label-column", "quoting"]
            .into_iter()
            .any(|key| self.settings.value(key).is_some())
    }

    /// Whether labels are renamed.
    pub fn renames_labels(&self) -> bool {
        self.settings.value("label-map").is_some()
    }
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub struct Predict {
    /// Run directory or Hugging Face model directory of a classifier
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// One document per line, or a table: CSV, TSV, JSON; without it, or with -, stdin is read
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Write a copy of the input with predictions added to each row, instead of printing JSON;
    /// several labels are joined by ; unless --label-separator is given
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What to do with a document longer than the model's input: read its beginning, or average over
    /// parts of it
    #[arg(long, value_name = "cut|split", default_value = "cut", hide_possible_values = true, value_parser = ["cut", "split"])]
    pub long: String,
    /// How tables are read
    #[command(flatten)]
    pub table: TableFlags,
    /// Labels per document; without it, the best one and all others that pass the threshold
    #[arg(long, value_name = "N", value_parser = positive_count)]
    pub top_k: Option<usize>,
    /// Add a confidence to each prediction, and mark predictions with a confidence below F as unsure
    #[arg(long, value_name = "F", value_parser = probability)]
    pub min_confidence: Option<f64>,
}

fn probability(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text
        .parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 1".into())
}

fn positive_count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "must be a whole number from 1".into())
}

/// Arguments of `tokenize`.
#[derive(Debug, Args)]
pub struct Tokenize {
    /// Text files, tables, archives or folders; one document per line
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub corpus: Vec<PathBuf>,
    /// Validation text; without it, part of the corpus is held out
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub valid: Vec<PathBuf>,
    /// Run directory or Hugging Face model directory whose tokenizer is used
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Output folder
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Text column of a table, by name or number from 1; "a+b" joins columns
    #[arg(long, value_name = "COLUMN")]
    pub text_column: Option<String>,
    /// Encoding of the text, if it is not detected correctly
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
}

/// Arguments of `neighbours`.
#[derive(Debug, Args)]
pub struct Neighbours {
    /// Run directory or Hugging Face model directory
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Word to look up
    pub word: String,
    /// Number of words to return
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = positive_count)]
    pub top_k: usize,
}

/// Arguments of `fill-mask`.
#[derive(Debug, Args)]
pub struct FillMask {
    /// Run directory or Hugging Face model directory
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// The text.
    #[arg(help = "Text with at least one [MASK]")]
    pub text: String,
    /// Predictions per mask
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive_count)]
    pub top_k: usize,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Run directory or Hugging Face model directory
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Text to classify
    pub text: String,
    /// Label to explain [default: the predicted one that the text raises most]
    #[arg(long, value_name = "LABEL")]
    pub label: Option<String>,
}

/// Arguments of `attention`.
#[derive(Debug, Args)]
pub struct Attention {
    /// Run directory or Hugging Face model directory
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Any text
    pub text: String,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("output").required(true).multiple(true),
    group = ArgGroup::new("packed").multiple(true),
)]
pub struct Export {
    /// Run directory or Hugging Face model directory
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Zip file to write, which the page can open
    #[arg(long, value_name = "FILE", groups = ["output", "packed"])]
    pub zip: Option<PathBuf>,
    /// Web page to write: one file that labels texts and fills masks offline
    #[arg(long, value_name = "FILE", groups = ["output", "packed"])]
    pub html: Option<PathBuf>,
    /// ONNX file to write: the first network, from token ids to logits
    #[arg(long, value_name = "FILE", group = "output")]
    pub onnx: Option<PathBuf>,
    /// Store network weights in the .zip or web page as 16-bit floats; a linear part keeps 32 bits
    #[arg(long, requires = "packed")]
    pub half: bool,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The model or run
    #[command(flatten)]
    pub model: ModelArgument,
}

/// Arguments of `toy`.
#[derive(Debug, Default, Args)]
pub struct Toy {
    /// Architecture and size [default: small]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Maximum number of steps [default: 1000]
    #[arg(long, value_name = "N")]
    steps: Option<String>,
    /// Examples per step [default: 64]
    #[arg(long, value_name = "N")]
    batch_size: Option<String>,
    /// Peak learning rate
    #[arg(long, value_name = "F")]
    lr: Option<String>,
}

impl Toy {
    /// Sets the fields of `config` whose flags were given.
    ///
    /// # Errors
    /// Returns an error if a value cannot be parsed.
    pub fn apply(&self, config: &mut RunConfig) -> Result<(), Error> {
        let flags = [
            ("preset", &self.preset),
            ("steps", &self.steps),
            ("batch-size", &self.batch_size),
            ("lr", &self.lr),
        ];
        set_all(config, &flags)
    }
}

/// Arguments of `bench`.
#[derive(Debug, Default, Args)]
pub struct Bench {
    /// Measure only this preset
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Steps per measurement [default: 60]
    #[arg(long, value_name = "N")]
    steps: Option<String>,
    /// Examples per step [default: 16]
    #[arg(long, value_name = "N")]
    batch_size: Option<String>,
    /// Tokens per example
    #[arg(long, value_name = "N")]
    max_len: Option<String>,
    /// Maximum size of the vocabulary
    #[arg(long, value_name = "N")]
    vocab_size: Option<String>,
    /// Share of tokens that are masked [default: by preset]
    #[arg(long, value_name = "F")]
    mask_rate: Option<String>,
    /// Share of hidden states and attention weights that are dropped [default: by preset]
    #[arg(long, value_name = "F")]
    dropout: Option<String>,
    /// Optimizer of the matrices inside the blocks: muon or adamw [default: by preset]
    #[arg(long, value_name = "NAME")]
    optimizer: Option<String>,
    /// Size of the hidden states, overriding that of the preset
    #[arg(long, value_name = "N")]
    hidden_size: Option<String>,
    /// Also write the initial weights, the batches and the losses to a folder, so that another
    /// program can repeat the steps
    #[arg(
        long,
        value_name = "DIR",
        requires = "preset",
        conflicts_with = "documents"
    )]
    pub export: Option<PathBuf>,
    /// Measure reading instead: generate a corpus of N documents of 300 tokens and train a few
    /// steps on it, twice
    #[arg(long, value_name = "N")]
    pub documents: Option<u64>,
}

impl Bench {
    /// Sets the fields of `config` whose flags were given.
    ///
    /// # Errors
    /// Returns an error if a value cannot be parsed.
    pub fn apply(&self, config: &mut RunConfig) -> Result<(), Error> {
        let flags = [
            ("preset", &self.preset),
            ("steps", &self.steps),
            ("batch-size", &self.batch_size),
            ("max-len", &self.max_len),
            ("vocab-size", &self.vocab_size),
            ("hidden-size", &self.hidden_size),
            ("mask-rate", &self.mask_rate),
            ("dropout", &self.dropout),
            ("optimizer", &self.optimizer),
        ];
        set_all(config, &flags)
    }

    /// Whether `--preset` was given.
    pub fn has_preset(&self) -> bool {
        self.preset.is_some()
    }
}

/// Sets the fields of `config` whose flags were given. `flags` are pairs of a setting's key and its
/// value.
fn set_all(config: &mut RunConfig, flags: &[(&str, &Option<String>)]) -> Result<(), Error> {
    for (key, value) in flags {
        if let Some(value) = value {
            set_given(config, key, value)?;
        }
    }
    Ok(())
}

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub struct Convert {
    /// From what.
    #[command(subcommand)]
    pub source: Source,
}

/// What can be converted.
#[derive(Debug, Subcommand)]
pub enum Source {
    /// CAIL2018: JSON Lines with "fact" and "meta": {"accusation": [..]}
    Cail(Cail),
}

/// Arguments of `convert cail`.
#[derive(Debug, Args)]
pub struct Cail {
    /// JSON Lines, optionally gzipped
    #[arg(value_name = "IN.json")]
    pub input: PathBuf,
    /// Output file for the labelled lines
    #[arg(value_name = "OUT.txt")]
    pub output: PathBuf,
    /// Splits whose texts are excluded, converted or not: give valid and test when converting train
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub without: Vec<PathBuf>,
}
