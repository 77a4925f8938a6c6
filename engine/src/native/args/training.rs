//! Flags of the commands that train (`pretrain`, `finetune` and `compare`), and the flags that they
//! share.

use super::{number, numbers, set_given};
use crate::error::Error;
use clap::Args;
use protocol::{CompareConfig, RunConfig};
use std::path::PathBuf;

/// Arguments of `pretrain`.
#[derive(Debug, Args)]
pub struct Pretrain {
    /// Text files, tables, archives, folders, or - for stdin; one document per line
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "resume")]
    pub corpus: Vec<PathBuf>,
    /// Validation text; without it, part of the corpus is held out
    #[arg(long, value_name = "PATH")]
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
    /// Classification task: auto, multi-label, single-label or pair
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Training flags.
    #[command(flatten)]
    pub training: Training,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
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
    /// Learning rates to try in each condition, comma-separated [default: four around the
    /// backbone's default]
    #[arg(long, value_name = "F,..")]
    lrs: Option<String>,
    /// Classification task: auto, multi-label, single-label or pair
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
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

/// Values of `--embedding-init` that are not the name of a file.
const EMBEDDING_INITS: [&str; 2] = ["own", "random"];

/// Flags of both kinds of training. Each but `--embeddings`, `--tui`, `--encoding` and `--resume`
/// names a field of [`RunConfig`].
#[derive(Debug, Default, Args)]
pub struct Training {
    /// Architecture and size, e.g. fast-tiny or bert-tiny
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Hidden size, overriding that of the preset
    #[arg(long, value_name = "N")]
    hidden_size: Option<String>,
    /// Show a dashboard with the loss, predictions and keys instead of progress lines
    #[arg(long, conflicts_with_all = ["json", "quiet"])]
    pub tui: bool,
    /// Word vectors that initialise a new model's embeddings, in word2vec text format
    #[arg(long, value_name = "FILE", conflicts_with = "embedding_init")]
    embeddings: Option<PathBuf>,
    /// Initial word embeddings of a new model: own (word vectors learned from the training text),
    /// random, or a file as for --embeddings [default: own in pre-training, random for a classifier
    /// trained from scratch]
    #[arg(long, value_name = "own|random|FILE")]
    embedding_init: Option<String>,
    /// Optimizer of the matrices inside the blocks: muon or adamw [default: muon when pre-training
    /// fast-* and textcnn, otherwise adamw]
    #[arg(long, value_name = "NAME")]
    optimizer: Option<String>,
    /// Backbone: transformer, textcnn or mean
    #[arg(long, value_name = "NAME")]
    backbone: Option<String>,
    /// Tokenizer: wordpiece, word or char
    #[arg(long, value_name = "NAME")]
    tokenizer: Option<String>,
    /// Maximum vocabulary size
    #[arg(long, value_name = "N")]
    vocab_size: Option<String>,
    /// Preserve upper case
    #[arg(long)]
    cased: bool,
    /// Strip accents in a new vocabulary, as BERT's published uncased vocabularies do
    #[arg(long)]
    strip_accents: bool,
    /// Minimum number of occurrences for a word or sub-word to enter the vocabulary [default: 2;
    /// for characters 1]
    #[arg(long, value_name = "N")]
    min_count: Option<String>,
    /// Tokens per example
    #[arg(long, value_name = "N")]
    max_len: Option<String>,
    /// Examples per step
    #[arg(long, value_name = "N")]
    batch_size: Option<String>,
    /// Length of the run in optimisation steps
    #[arg(long, value_name = "N", conflicts_with_all = ["epochs", "minutes"])]
    steps: Option<String>,
    /// Length of the run in epochs
    #[arg(long, value_name = "F", conflicts_with = "minutes")]
    epochs: Option<String>,
    /// Length of the run in minutes
    #[arg(long, value_name = "F")]
    minutes: Option<String>,
    /// Peak learning rate
    #[arg(long, value_name = "F")]
    lr: Option<String>,
    /// Share of tokens selected for masking
    #[arg(long, value_name = "F")]
    mask_rate: Option<String>,
    /// Mask whole words
    #[arg(long)]
    whole_word: bool,
    /// Maximum number of masked tokens per example
    #[arg(long, value_name = "N")]
    max_predictions: Option<String>,
    /// Masking of the 2018 system: examples of ten tokens, one of them masked
    #[arg(long)]
    seed_masking: bool,
    /// Next-sentence prediction in addition to the masked LM
    #[arg(long)]
    nsp: bool,
    /// Parts of a classifier: one (a network), seeds (the average of three) or fusion (networks and
    /// a linear classifier) [default: chosen by validation]
    #[arg(long, value_name = "KIND")]
    parts: Option<String>,
    /// Class weights: none or balanced, which makes rare labels count as much as frequent ones
    /// [default: chosen by validation for the linear classifier, none for networks]
    #[arg(long, value_name = "KIND")]
    class_weights: Option<String>,
    /// Whether to keep or drop validation and test documents that are near-duplicates of training
    /// documents [default: keep]
    #[arg(long, value_name = "KIND")]
    near_duplicates: Option<String>,
    /// Pooling of a BERT model's hidden states: cls, first-token, mean or max-mean [default: as the
    /// model specifies, otherwise cls]
    #[arg(long, value_name = "KIND")]
    pooling: Option<String>,
    /// Freeze the encoder and fit only the output layer [default: true for sentence-transformers
    /// models, unless --steps, --epochs, --minutes or --lr is given]
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    freeze: Option<String>,
    /// Steps between checkpoints
    #[arg(long, value_name = "N")]
    checkpoint_every: Option<String>,
    /// Use only the first N documents
    #[arg(long, value_name = "N")]
    limit: Option<String>,
    /// Text column of a table, by name or number from 1; "a,b" is a pair, "a+b" joins columns
    #[arg(long, value_name = "NAME")]
    text_column: Option<String>,
    /// Label column of a table; with several, "a,b", a cell with 1 or yes adds the column's name as
    /// a label, and a row with no such cell gets "none"
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
    /// Separator between several labels in one cell [default: |]
    #[arg(long, value_name = "TEXT")]
    label_separator: Option<String>,
    /// How cells are quoted: auto, double, backslash, single or none [default: auto]
    #[arg(long, value_name = "NAME")]
    quoting: Option<String>,
    /// JSON object that maps old label names to new ones; null drops a label
    #[arg(long, value_name = "FILE")]
    label_map: Option<PathBuf>,
    /// Fraction of the labelled documents to fine-tune on
    #[arg(long, value_name = "F")]
    label_fraction: Option<String>,
    /// Encoding of the text, if it is not detected correctly
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Resume the interrupted run in --out exactly
    #[arg(long)]
    pub resume: bool,
}

impl Training {
    /// Returns the file of word vectors that initialises a new model, if one was given.
    pub fn embeddings_file(&self) -> Option<PathBuf> {
        let named = self
            .embedding_init
            .as_deref()
            .filter(|init| !EMBEDDING_INITS.contains(init))
            .map(PathBuf::from);
        self.embeddings.clone().or(named)
    }

    /// Returns the given flags that have no effect on an existing model, which already determines
    /// what they choose.
    pub fn shape_flags(&self) -> Vec<&'static str> {
        let given = [
            ("--preset", self.preset.is_some()),
            ("--hidden-size", self.hidden_size.is_some()),
            ("--embeddings", self.embeddings.is_some()),
            ("--embedding-init", self.embedding_init.is_some()),
            ("--backbone", self.backbone.is_some()),
            ("--tokenizer", self.tokenizer.is_some()),
            ("--vocab-size", self.vocab_size.is_some()),
            ("--cased", self.cased),
            ("--strip-accents", self.strip_accents),
            ("--min-count", self.min_count.is_some()),
        ];
        given
            .into_iter()
            .filter(|(_, given)| *given)
            .map(|(flag, _)| flag)
            .collect()
    }

    /// Sets the fields of `config` whose flags were given.
    ///
    /// # Errors
    /// Returns an error if a value cannot be parsed or the label map cannot be read.
    pub fn apply(&self, config: &mut RunConfig) -> Result<(), Error> {
        let switch = |on: bool| on.then(String::new);
        let label_map = self.label_map.as_deref().map(super::text_of).transpose()?;
        let embedding_init = self
            .embedding_init
            .clone()
            .filter(|init| EMBEDDING_INITS.contains(&init.as_str()));
        set_given(
            config,
            &[
                ("preset", &self.preset),
                ("hidden-size", &self.hidden_size),
                ("backbone", &self.backbone),
                ("tokenizer", &self.tokenizer),
                ("vocab-size", &self.vocab_size),
                ("cased", &switch(self.cased)),
                ("strip-accents", &switch(self.strip_accents)),
                ("min-count", &self.min_count),
                ("max-len", &self.max_len),
                ("batch-size", &self.batch_size),
                ("steps", &self.steps),
                ("epochs", &self.epochs),
                ("minutes", &self.minutes),
                ("lr", &self.lr),
                ("optimizer", &self.optimizer),
                ("embedding-init", &embedding_init),
                ("mask-rate", &self.mask_rate),
                ("whole-word", &switch(self.whole_word)),
                ("max-predictions", &self.max_predictions),
                ("seed-masking", &switch(self.seed_masking)),
                ("nsp", &switch(self.nsp)),
                ("parts", &self.parts),
                ("class-weights", &self.class_weights),
                ("near-duplicates", &self.near_duplicates),
                ("pooling", &self.pooling),
                ("freeze", &self.freeze),
                ("checkpoint-every", &self.checkpoint_every),
                ("text-column", &self.text_column),
                ("label-column", &self.label_column),
                ("label-separator", &self.label_separator),
                ("quoting", &self.quoting),
                ("label-map", &label_map),
                ("limit", &self.limit),
                ("label-fraction", &self.label_fraction),
            ],
        )
    }
}
