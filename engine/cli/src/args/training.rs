//! Flags of the commands that train (`pretrain`, `finetune` and `compare`), and the flags that they
//! share.

use super::parse::{number, numbers};
use super::settings::{self as scope, SettingFlags, is_vector_file};

use clap::Args;
use engine::error::Error;
use protocol::{CompareConfig, SettingGroup};
use std::path::PathBuf;

/// Arguments of `pretrain`.
#[derive(Debug, Args)]
pub struct Pretrain {
    /// Text files, tables, archives, folders, or - for stdin; one document per line
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "resume")]
    pub corpus: Vec<PathBuf>,
    /// Validation text; without it, part of the corpus is held out
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub valid: Vec<PathBuf>,
    /// Run directory to create, new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Continue training this model with a new learning-rate schedule
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Training flags.
    #[command(flatten)]
    pub training: Training,
}

/// Arguments of `finetune`.
#[derive(Debug, Args)]
pub struct Finetune {
    /// Labelled text: one "text __label__a __label__b" per line
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "resume")]
    pub train: Vec<PathBuf>,
    /// Labelled validation text, to tune the threshold and show progress
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub valid: Vec<PathBuf>,
    /// Labelled test text, evaluated only at the end
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub test: Vec<PathBuf>,
    /// Run directory to create, new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Pre-trained model to start from; without it, training starts from scratch
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Training flags.
    #[command(flatten)]
    pub training: Training,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
#[command(mut_arg("resume", |resume| {
    resume.help("Continue the interrupted comparison in --out; give its other arguments again")
}))]
pub struct Compare {
    /// Labelled text: one "text __label__a __label__b" per line
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub train: Vec<PathBuf>,
    /// Labelled validation text, to choose learning rates, thresholds and steps
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub valid: Vec<PathBuf>,
    /// Labelled test text, used only for evaluation
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub test: Vec<PathBuf>,
    /// The pre-trained model
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// Directory to create, new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Runs per condition, each with its own seed [default: 3]
    #[arg(long, value_name = "N")]
    seeds: Option<String>,
    /// Fractions of the labelled documents, comma-separated, e.g. 0.05,0.2,1 [default: 1]
    #[arg(long, value_name = "F,..")]
    label_fractions: Option<String>,
    /// Learning rates to try in each condition, comma-separated; more are tried while the best one is
    /// at an end of the list [default: four around the backbone's default]
    #[arg(long, value_name = "F,..")]
    lrs: Option<String>,
    /// Training flags.
    #[command(flatten)]
    pub training: Training,
}

impl Compare {
    /// Returns the settings of the comparison: seeds, label fractions and learning rates.
    ///
    /// # Errors
    /// Returns an error if a value cannot be parsed.
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

/// Flags of both kinds of training.
#[derive(Debug, Default, Args)]
pub struct Training {
    /// Settings of the run.
    #[command(flatten)]
    pub settings: SettingFlags<scope::Training>,
    /// The same as --embedding-init FILE
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "embedding-init",
        help_heading = "Model"
    )]
    embeddings: Option<PathBuf>,
    /// Encoding of the text, if it is not detected correctly
    #[arg(long, value_name = "NAME", help_heading = "Tables")]
    pub encoding: Option<String>,
    /// Show a dashboard with the loss, predictions and keys instead of progress lines
    #[arg(long, conflicts_with_all = ["json", "quiet"])]
    pub tui: bool,
    /// Also write losses and scores as an event file of TensorBoard in the run directory; with
    /// --resume, give it again
    #[arg(long)]
    pub tensorboard: bool,
    /// Resume the interrupted run in --out exactly
    #[arg(long)]
    pub resume: bool,
}

impl Training {
    /// Returns the file of word vectors that initialises a new model, if one was given.
    pub fn embeddings_file(&self) -> Option<PathBuf> {
        let named = self
            .settings
            .given()
            .iter()
            .find(|(spec, text)| is_vector_file(spec, text))
            .map(|(_, text)| PathBuf::from(text));
        self.embeddings.clone().or(named)
    }

    /// Returns the given flags that have no effect on an existing model, which already determines
    /// what they choose.
    pub fn shape_flags(&self) -> Vec<String> {
        let is_shape =
            |group: SettingGroup| matches!(group, SettingGroup::Model | SettingGroup::Vocabulary);
        let settings = self.settings.given().iter();
        let settings = settings.filter(|(spec, _)| is_shape(spec.group));
        settings
            .map(|(spec, _)| format!("--{}", spec.key))
            .chain(self.embeddings.is_some().then(|| "--embeddings".into()))
            .collect()
    }
}
