//! Words on the command line become a task. Only the form is checked here: values go through [`RunConfig::set`], the
//! one reader that the page's link uses too, and whether they fit the data is `session`'s question.

use crate::error::Error;
use clap::error::{ContextKind, ErrorKind};
use clap::{Args, Parser, Subcommand};
use protocol::{CompareConfig, RunConfig};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the words mean.
#[derive(Debug)]
pub enum Parsed {
    /// A task to do.
    Run(Box<Arguments>),
    /// Help or the version, to be shown.
    Show(String),
}

/// A laboratory for masked language models: pre-train on your own text, fine-tune on your own labels.
#[derive(Debug, Parser)]
#[command(name = "clozelab", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub struct Arguments {
    /// Flags of every command.
    #[command(flatten)]
    pub common: Common,
    /// What to do; nothing means the demonstration.
    #[command(subcommand)]
    pub task: Option<Task>,
}

const AFTER_HELP: &str = "Without a command, the demonstration runs: it pre-trains on the bundled corpus, fine-tunes \
from it and from scratch under the same budget, and compares.\n\nExit codes: 0 done, 1 failed, 2 bad arguments or input, \
130 interrupted with a checkpoint that --resume continues.";

/// Flags of every command.
#[derive(Debug, Default, Args)]
pub struct Common {
    /// Where to compute: auto, gpu or cpu
    #[arg(long, global = true, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Every use of chance derives from this number [default: 1]
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<String>,
    /// Events as JSON Lines on stdout, everything for people on stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// Only results, warnings and errors
    #[arg(long, global = true)]
    pub quiet: bool,
    /// Folder that keeps the tokens of large corpora for the next run, or off [default: the user's cache folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub token_cache: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Pre-train, fine-tune and compare on the bundled corpus
    Demo(Demo),
    /// Learn to guess masked tokens from your text
    Pretrain(Pretrain),
    /// Learn the labels of your text, from a pre-trained model or from scratch
    Finetune(Finetune),
    /// Pre-trained against scratch against n-grams, fairly: report.html and report.json
    Compare(Box<Compare>),
    /// Self-test of the Transformer: learns to count; exit code 0 only when it did
    Toy(Toy),
    /// Speed on this machine: tokens/s, ms per step, time to the first step
    Bench(Bench),
    /// Turn another system's data set into labelled lines
    Convert(Convert),
    /// Measure a model on held-out text; JSON on stdout
    Evaluate(Evaluate),
    /// Label texts: one JSON object per line of input
    Predict(Predict),
    /// Guess the [MASK]s of a text; JSON on stdout
    FillMask(FillMask),
    /// Show which token attends to which; JSON on stdout
    Attention(Attention),
    /// Say what a directory holds
    Inspect(Inspect),
}

/// Arguments of `demo`.
#[derive(Debug, Default, Args)]
pub struct Demo {
    /// Directory for its three runs, new or empty [default: runs/demo-DATE-TIME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Arguments of `pretrain`.
#[derive(Debug, Args)]
pub struct Pretrain {
    /// Text files, folders, .gz files, or - for stdin; one document per line
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "resume")]
    pub corpus: Vec<PathBuf>,
    /// Held-out text; without it a part of the corpus is held out
    #[arg(long, value_name = "PATH")]
    pub valid: Vec<PathBuf>,
    /// Run directory to make, new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Go on from this model with a fresh schedule
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub from: Option<PathBuf>,
    /// Training flags.
    #[command(flatten)]
    pub training: Training,
}

/// Arguments of `finetune`.
#[derive(Debug, Args)]
pub struct Finetune {
    /// Labelled text: "text __label__a __label__b" per line
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "resume")]
    pub train: Vec<PathBuf>,
    /// Labelled text that chooses the threshold and shows progress
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub valid: Vec<PathBuf>,
    /// Labelled text that is only measured at the end
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub test: Vec<PathBuf>,
    /// Run directory to make, new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Start from this pre-trained model; without it from scratch
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub from: Option<PathBuf>,
    /// Kind of labels: auto, multi-label, single-label or pair
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Training flags.
    #[command(flatten)]
    pub training: Training,
}

/// Arguments of `toy`.
#[derive(Debug, Default, Args)]
pub struct Toy {
    /// Architecture and size [default: small]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Steps at most [default: 1000]
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
    /// Sets each field whose flag was given.
    ///
    /// # Errors
    /// When a value cannot be read.
    pub fn apply(&self, config: &mut RunConfig) -> Result<(), Error> {
        let flags =
            [("preset", &self.preset), ("steps", &self.steps), ("batch-size", &self.batch_size), ("lr", &self.lr)];
        set_given(config, &flags)
    }
}

/// Arguments of `bench`.
#[derive(Debug, Default, Args)]
pub struct Bench {
    /// Measure this preset only
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Steps of each measurement [default: 60]
    #[arg(long, value_name = "N")]
    steps: Option<String>,
    /// Examples per step [default: 16]
    #[arg(long, value_name = "N")]
    batch_size: Option<String>,
    /// Tokens per example
    #[arg(long, value_name = "N")]
    max_len: Option<String>,
    /// Measure reading instead: make a corpus of so many documents of 300 tokens and train a few steps on it, twice
    #[arg(long, value_name = "N")]
    pub documents: Option<u64>,
}

impl Bench {
    /// Sets each field whose flag was given.
    ///
    /// # Errors
    /// When a value cannot be read.
    pub fn apply(&self, config: &mut RunConfig) -> Result<(), Error> {
        let flags = [
            ("preset", &self.preset),
            ("steps", &self.steps),
            ("batch-size", &self.batch_size),
            ("max-len", &self.max_len),
        ];
        set_given(config, &flags)
    }

    /// Whether one preset was asked for.
    pub fn has_preset(&self) -> bool {
        self.preset.is_some()
    }
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
    /// JSON Lines, .gz or not
    #[arg(value_name = "IN.json")]
    pub input: PathBuf,
    /// Labelled lines to write
    #[arg(value_name = "OUT.txt")]
    pub output: PathBuf,
    /// Splits whose texts are left out, converted or not: give valid and test when converting train
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub without: Vec<PathBuf>,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// Labelled text: "text __label__a __label__b" per line
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub train: Vec<PathBuf>,
    /// Labelled text that chooses learning rates, thresholds and steps
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub valid: Vec<PathBuf>,
    /// Labelled text that is only measured
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub test: Vec<PathBuf>,
    /// The pre-trained model
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// Directory to make, new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Runs of each arm, each with its own seed [default: 3]
    #[arg(long, value_name = "N")]
    seeds: Option<String>,
    /// Shares of the labelled texts, with commas, e.g. 0.05,0.2,1 [default: 1]
    #[arg(long, value_name = "F,..")]
    label_fractions: Option<String>,
    /// Learning rates that each arm tries, with commas [default: four around what suits the backbone]
    #[arg(long, value_name = "F,..")]
    lrs: Option<String>,
    /// Kind of labels: auto, multi-label, single-label or pair
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Training flags.
    #[command(flatten)]
    pub training: Training,
}

impl Compare {
    /// How far the comparison goes.
    ///
    /// # Errors
    /// When a value cannot be read.
    pub fn settings(&self) -> Result<CompareConfig, Error> {
        let mut settings = CompareConfig::default();
        if let Some(seeds) = &self.seeds {
            settings.seeds = number("seeds", seeds)?;
        }
        if let Some(shares) = &self.label_fractions {
            settings.label_fractions = numbers("label-fractions", shares)?;
        }
        if let Some(rates) = &self.lrs {
            settings.lrs = numbers("lrs", rates)?;
        }
        Ok(settings)
    }
}

fn numbers(flag: &str, list: &str) -> Result<Vec<f64>, Error> {
    list.split(',').map(|text| number(flag, text)).collect()
}

fn number<T: std::str::FromStr>(flag: &str, text: &str) -> Result<T, Error> {
    text.trim().parse().map_err(|_| Error::Input {
        code: "bad-argument",
        message: format!("--{flag}: \"{}\" is not a number it can take", super::output::plain(text)),
        hint: "Run the command with --help to see what each flag takes.".into(),
    })
}

/// Flags of both kinds of training. Each but `--embeddings` and the last two names a field of [`RunConfig`].
#[derive(Debug, Default, Args)]
pub struct Training {
    /// Architecture and size, e.g. fast-tiny or bert-tiny
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Width of the model, where it is not the preset's
    #[arg(long, value_name = "N")]
    hidden_size: Option<String>,
    /// A board in the terminal with the loss, a line of the text and keys, in place of lines
    #[arg(long, conflicts_with_all = ["json", "quiet"])]
    pub tui: bool,
    /// Word vectors in word2vec's text form that a new model starts from
    #[arg(long, value_name = "FILE")]
    pub embeddings: Option<PathBuf>,
    /// transformer, textcnn or mean
    #[arg(long, value_name = "NAME")]
    backbone: Option<String>,
    /// wordpiece, word or char
    #[arg(long, value_name = "NAME")]
    tokenizer: Option<String>,
    /// Entries of the vocabulary at most
    #[arg(long, value_name = "N")]
    vocab_size: Option<String>,
    /// Keep upper case
    #[arg(long)]
    cased: bool,
    /// Tokens per example
    #[arg(long, value_name = "N")]
    max_len: Option<String>,
    /// Examples per step
    #[arg(long, value_name = "N")]
    batch_size: Option<String>,
    /// Length of the run in optimisation steps
    #[arg(long, value_name = "N", conflicts_with_all = ["epochs", "minutes"])]
    steps: Option<String>,
    /// Length of the run in passes over the data
    #[arg(long, value_name = "F", conflicts_with = "minutes")]
    epochs: Option<String>,
    /// Length of the run in minutes
    #[arg(long, value_name = "F")]
    minutes: Option<String>,
    /// Peak learning rate
    #[arg(long, value_name = "F")]
    lr: Option<String>,
    /// Share of tokens chosen for guessing
    #[arg(long, value_name = "F")]
    mask_rate: Option<String>,
    /// Choose whole words for guessing
    #[arg(long)]
    whole_word: bool,
    /// Most tokens to guess in one example
    #[arg(long, value_name = "N")]
    max_predictions: Option<String>,
    /// Examples of the 2018 system: ten tokens, one of them to guess
    #[arg(long)]
    seed_masking: bool,
    /// Next-sentence prediction beside the masked LM
    #[arg(long)]
    nsp: bool,
    /// Steps between checkpoints
    #[arg(long, value_name = "N")]
    checkpoint_every: Option<String>,
    /// Use only the first N documents
    #[arg(long, value_name = "N")]
    limit: Option<String>,
    /// Column of the text in CSV, TSV and JSON Lines, by name or number from 1; two with a comma are a pair
    #[arg(long, value_name = "NAME")]
    text_column: Option<String>,
    /// Column of the labels there
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
    /// Share of the labelled texts to fine-tune on
    #[arg(long, value_name = "F")]
    label_fraction: Option<String>,
    /// Encoding of the text, where detection guesses wrong
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Go on with the interrupted run in --out, exactly
    #[arg(long)]
    pub resume: bool,
}

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// Run directory or Hugging Face model directory
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Labelled text, or plain text for a pre-trained model
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub data: Vec<PathBuf>,
    /// Column of the text in CSV, TSV and JSON Lines, by name or number from 1; two with a comma are a pair
    #[arg(long, value_name = "NAME")]
    pub text_column: Option<String>,
    /// Column of the labels there
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,
    /// Probability from which a label counts: a number, "tuned" for the one chosen on validation text, or "per-label"
    #[arg(long, value_name = "F|tuned|per-label", conflicts_with = "seed_metrics")]
    pub threshold: Option<String>,
    /// The 2018 system's formula for F1, to compare with its published numbers
    #[arg(long)]
    pub seed_metrics: bool,
    /// Encoding of the text, where detection guesses wrong
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub struct Predict {
    /// Run directory or Hugging Face model directory of a classifier
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Text, one per line; - or nothing means stdin
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Labels per line; without it, the best one and all others that pass the threshold
    #[arg(long, value_name = "N")]
    pub top_k: Option<usize>,
    /// Encoding of the text, where detection guesses wrong
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
}

/// Arguments of `fill-mask`.
#[derive(Debug, Args)]
pub struct FillMask {
    /// Run directory or Hugging Face model directory
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Text with at least one [MASK]
    pub text: String,
    /// Guesses per mask
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub top_k: usize,
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

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// Run directory or Hugging Face model directory
    pub dir: PathBuf,
}

/// Reads the words after the program's name (which comes first).
///
/// # Errors
/// One sentence and a hint, where a word is unknown, missing or contradicts another.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Parsed, Error> {
    match Arguments::try_parse_from(words) {
        Ok(arguments) => Ok(Parsed::Run(Box::new(arguments))),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Show(error.render().to_string()))
        }
        Err(error) => Err(bad_arguments(&error)),
    }
}

impl Common {
    /// Sets the device and the seed where they were given.
    ///
    /// # Errors
    /// When a value cannot be read.
    pub fn apply(&self, config: &mut RunConfig) -> Result<(), Error> {
        set_given(config, &[("device", &self.device), ("seed", &self.seed)])
    }
}

impl Training {
    /// Flags given that choose what a model to start from already has.
    pub fn shape_flags(&self) -> Vec<&'static str> {
        let given = [
            ("--preset", self.preset.is_some()),
            ("--hidden-size", self.hidden_size.is_some()),
            ("--embeddings", self.embeddings.is_some()),
            ("--backbone", self.backbone.is_some()),
            ("--tokenizer", self.tokenizer.is_some()),
            ("--vocab-size", self.vocab_size.is_some()),
            ("--cased", self.cased),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag).collect()
    }

    /// Sets each field whose flag was given.
    ///
    /// # Errors
    /// When a value cannot be read.
    pub fn apply(&self, config: &mut RunConfig) -> Result<(), Error> {
        let switch = |on: bool| on.then(String::new);
        set_given(
            config,
            &[
                ("preset", &self.preset),
                ("hidden-size", &self.hidden_size),
                ("backbone", &self.backbone),
                ("tokenizer", &self.tokenizer),
                ("vocab-size", &self.vocab_size),
                ("cased", &switch(self.cased)),
                ("max-len", &self.max_len),
                ("batch-size", &self.batch_size),
                ("steps", &self.steps),
                ("epochs", &self.epochs),
                ("minutes", &self.minutes),
                ("lr", &self.lr),
                ("mask-rate", &self.mask_rate),
                ("whole-word", &switch(self.whole_word)),
                ("max-predictions", &self.max_predictions),
                ("seed-masking", &switch(self.seed_masking)),
                ("nsp", &switch(self.nsp)),
                ("checkpoint-every", &self.checkpoint_every),
                ("text-column", &self.text_column),
                ("label-column", &self.label_column),
                ("limit", &self.limit),
                ("label-fraction", &self.label_fraction),
            ],
        )
    }
}

/// Sets the fields whose flags were given.
///
/// # Errors
/// When a value cannot be read.
pub fn set_given(config: &mut RunConfig, flags: &[(&str, &Option<String>)]) -> Result<(), Error> {
    for (key, value) in flags {
        let Some(value) = value else { continue };
        config.set(key, value).map_err(|error| Error::Input {
            code: "bad-argument",
            message: format!("--{}: {}", error.key, error.message.escape_debug().to_string().replace("\\\"", "\"")),
            hint: "Run the command with --help to see what each flag takes.".into(),
        })?;
    }
    Ok(())
}

/// Clap's paragraphs as one sentence and one hint.
fn bad_arguments(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let paragraph: Vec<&str> = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let message = paragraph.join(" ").trim_start_matches("error: ").to_string();
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: ")).map(|tip| format!("Perhaps: {tip}."));
    let command = match error.get(ContextKind::InvalidSubcommand) {
        None => "Run clozelab --help, or the command with --help, to see what there is.",
        Some(_) => "Run clozelab --help to see the commands.",
    };
    Error::Input { code: "bad-argument", message, hint: tip.unwrap_or_else(|| command.into()) }
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
