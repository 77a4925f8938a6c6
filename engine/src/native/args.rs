//! Parses the command line into a task. Only its syntax is checked here: values go through
//! [`RunConfig::set`], which also parses the page's links, and `session` checks them against the
//! data.

mod asking;
mod training;

pub use asking::{
    Attention, Bench, Cail, Convert, Evaluate, Export, FillMask, Inspect, Neighbours, Predict,
    ServeModel, Served, Source, Tokenize, Toy,
};
pub use training::{Compare, Finetune, Pretrain, Training};

use crate::error::Error;
use clap::error::{ContextKind, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use protocol::{Message, RunConfig, Setting, message};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The result of parsing a command line.
#[derive(Debug)]
pub enum Parsed {
    /// The arguments of a command to run.
    Run(Box<Arguments>),
    /// Help or version text to print.
    Show(String),
}

/// A laboratory for masked language models: pre-train on your own text, fine-tune on your own
/// labels.
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

const AFTER_HELP: &str = "Without a command, clozelab runs the demonstration: it pre-trains on the \
bundled corpus, fine-tunes from those weights and from scratch with the same budget, and \
compares.\n\nExit codes: 0 done, 1 failed, 2 bad arguments or input, 130 interrupted with a \
checkpoint that --resume continues.";

/// Flags of every command.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Compute device: auto, gpu or cpu
    #[arg(long, global = true, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Seed of all random number generators [default: 1]
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<String>,
    /// Write events as JSON Lines to stdout; messages for people go to stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only results, warnings and errors
    #[arg(long, global = true)]
    pub quiet: bool,
    /// Folder that caches the tokens of large corpora between runs, or off [default: the user's
    /// cache folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub token_cache: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Pre-train, fine-tune and compare on the bundled corpus
    Demo(Demo),
    /// Pre-train a masked language model on your text
    Pretrain(Pretrain),
    /// Train a classifier on labelled text, from a pre-trained model or from scratch
    Finetune(Finetune),
    /// Compare pre-trained, from scratch and n-grams fairly; writes report.html and report.json
    Compare(Box<Compare>),
    /// Self-test: train a Transformer to count; the exit code is 0 only if it succeeds
    Toy(Toy),
    /// Measure speed on this machine: tokens/s, ms per step, time to the first step
    Bench(Bench),
    /// Convert another system's data set to labelled lines
    Convert(Convert),
    /// Evaluate a model on held-out text; JSON on stdout
    Evaluate(Evaluate),
    /// Predict labels: one JSON object per line of input
    Predict(Predict),
    /// Predict the words at each [MASK] of a text; JSON on stdout
    FillMask(FillMask),
    /// Find the words with the nearest embeddings; JSON on stdout
    Neighbours(Neighbours),
    /// Show which tokens attend to which; JSON on stdout
    Attention(Attention),
    /// Export a model as a .zip for the page, or as ONNX
    Export(Export),
    /// Serve a model over HTTP: labels, masked words, similar documents
    ServeModel(ServeModel),
    /// Serve a model as tools of the Model Context Protocol, over stdin and stdout
    Mcp(Served),
    /// Write a corpus as token ids in NumPy files, for training elsewhere
    Tokenize(Tokenize),
    /// Show what a model or run directory contains
    Inspect(Inspect),
}

/// Arguments of `demo`.
#[derive(Debug, Default, Args)]
pub struct Demo {
    /// Directory for the three runs, new or empty [default: runs/demo-DATE-TIME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Parses a command line. Its first word is the name of the program.
///
/// # Errors
/// Returns an error, as one sentence and a hint, if an argument is unknown, missing or conflicts
/// with another.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Parsed, Error> {
    // `--lr -1` is a value out of range, not an unknown flag.
    let command = Arguments::command().mut_subcommands(|task| task.allow_negative_numbers(true));
    let parsed = command
        .try_get_matches_from(words)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    match parsed {
        Ok(arguments) => Ok(Parsed::Run(Box::new(arguments))),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            Ok(Parsed::Show(error.render().to_string()))
        }
        Err(error) => Err(bad_arguments(&error)),
    }
}

impl Common {
    /// Sets the device and the seed of `config` if their flags were given.
    ///
    /// # Errors
    /// Returns an error if a value cannot be parsed.
    pub fn apply(&self, config: &mut RunConfig) -> Result<(), Error> {
        set_given(config, &[("device", &self.device), ("seed", &self.seed)])
    }
}

/// Reads the file that a flag names as text.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub fn text_of(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::Input {
        code: "unreadable-input",
        message: message!(
            "{path} cannot be read: {error}",
            path = path.display().to_string().escape_debug().to_string(),
            error = error.to_string()
        ),
        hint: message!("Check the path and its permissions."),
    })
}

/// Sets the fields of `config` whose flags were given. `flags` are pairs of a field's key and its
/// value.
///
/// # Errors
/// Returns an error if a value cannot be parsed.
pub fn set_given(config: &mut RunConfig, flags: &[(&str, &Option<String>)]) -> Result<(), Error> {
    for (key, value) in flags {
        let Some(value) = value else { continue };
        config.set(key, value).map_err(|error| Error::Input {
            code: "bad-argument",
            message: message!(
                "--{key}: {message}",
                key = error.key,
                message = error
                    .message
                    .to_string()
                    .escape_debug()
                    .to_string()
                    .replace("\\\"", "\"")
            ),
            hint: message!(
                "Run the command with {help} to see what each flag takes.",
                help = Setting::named("help")
            ),
        })?;
    }
    Ok(())
}

fn numbers(flag: &str, list: &str) -> Result<Vec<f64>, Error> {
    list.split(',').map(|text| number(flag, text)).collect()
}

fn number<T: std::str::FromStr>(flag: &str, text: &str) -> Result<T, Error> {
    text.trim().parse().map_err(|_| Error::Input {
        code: "bad-argument",
        message: message!(
            "--{flag}: \"{native}\" is not a valid number",
            flag,
            native = crate::native::terminal::output::plain(text)
        ),
        hint: message!(
            "Run the command with {help} to see what each flag takes.",
            help = Setting::named("help")
        ),
    })
}

/// Condenses the paragraphs of a clap error into one sentence and one hint.
fn bad_arguments(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let paragraph: Vec<&str> = text
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    let message = paragraph
        .join(" ")
        .trim_start_matches("error: ")
        .to_string();
    let tip = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "))
        .map(|tip| message!("Tip: {tip}.", tip));
    let command = match error.get(ContextKind::InvalidSubcommand) {
        None => message!(
            "Run clozelab --help for the commands, or a command with --help for its flags."
        ),
        Some(_) => message!("Run clozelab --help to see the commands."),
    };
    Error::Input {
        code: "bad-argument",
        message: Message::verbatim(message),
        hint: tip.unwrap_or(command),
    }
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
