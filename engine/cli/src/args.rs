//! Parses the command line into a task. Only its syntax is checked here: values go through
//! [`protocol::RunConfig::set`], which also parses the page's links, and `session` checks them against the
//! data.

mod asking;
mod parse;
mod serving;
mod settings;
mod training;

pub use asking::{
    Attention, Bench, Cail, Convert, Evaluate, Explain, Export, FillMask, Inspect, Neighbours,
    Predict, Source, Tokenize, Toy,
};
pub use serving::{ServeModel, Served};
pub use training::{Compare, Finetune, Pretrain, Training};

use crate::args::settings::{
    GENERAL_HEADING, General, SettingFlags, hide_determined, hide_other_phase,
};
use clap::error::{ContextKind, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use engine::error::Error;
use protocol::{Message, Phase, message};
use std::ffi::OsString;
use std::path::PathBuf;

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
    /// Global options.
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

/// The input is optional for a run that resumes, so the usage that clap derives omits it.
const PRETRAIN_USAGE: &str = "clozelab pretrain [OPTIONS] --corpus <PATH>... --out <DIR>
       clozelab pretrain --resume --out <DIR>";
const FINETUNE_USAGE: &str = "clozelab finetune [OPTIONS] --train <PATH>... --out <DIR>
       clozelab finetune --resume --out <DIR>";

/// Global options.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Device and seed.
    #[command(flatten)]
    pub settings: SettingFlags<General>,
    /// Write events as JSON Lines to stdout; messages for people go to stderr
    #[arg(long, global = true, help_heading = GENERAL_HEADING)]
    pub json: bool,
    /// Print only results, warnings and errors
    #[arg(long, global = true, help_heading = GENERAL_HEADING)]
    pub quiet: bool,
    /// Threads for computing on the CPU; results do not depend on it [default: one per core]
    #[arg(long, global = true, value_name = "N", env = "CLOZELAB_THREADS", hide_env_values = true,
        value_parser = clap::value_parser!(u16).range(1..), help_heading = GENERAL_HEADING)]
    pub threads: Option<u16>,
    /// Folder that caches the tokens of large corpora between runs, or off [default: the user's
    /// cache folder]
    #[arg(long, global = true, value_name = "FOLDER", help_heading = GENERAL_HEADING)]
    pub token_cache: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Pre-train, fine-tune and compare on the bundled corpus
    Demo(Demo),
    /// Pre-train a masked language model on your text
    #[command(override_usage = PRETRAIN_USAGE)]
    Pretrain(Pretrain),
    /// Train a classifier on labelled text, from a pre-trained model or from scratch
    #[command(override_usage = FINETUNE_USAGE)]
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
    /// Predict masked words.
    #[command(about = "Predict the words at each [MASK] of a text; JSON on stdout")]
    FillMask(FillMask),
    /// Measure how much each word of a text contributes to its label; JSON on stdout
    Explain(Explain),
    /// Find the words with the nearest embeddings; JSON on stdout
    Neighbours(Neighbours),
    /// Show which tokens attend to which; JSON on stdout
    Attention(Attention),
    /// Export a model as a .zip for the page, a web page that works offline, or ONNX
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
    let command = Arguments::command()
        .mut_subcommands(|task| task.allow_negative_numbers(true))
        .mut_subcommand("pretrain", |task| hide_other_phase(task, Phase::Pretrain))
        .mut_subcommand("finetune", |task| hide_other_phase(task, Phase::Finetune))
        .mut_subcommand("compare", |task| {
            hide_determined(hide_other_phase(task, Phase::Finetune))
        })
        .mut_subcommand("predict", |task| {
            task.mut_arg("label-map", |flag| flag.hide(true))
        });
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
        .map(|tip| Message::verbatim(sentence(tip)));
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

/// Returns a text that begins with a capital letter and ends with a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let rest = letters.as_str().trim_end_matches('.');
    format!("{}{rest}.", first.collect::<String>())
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
