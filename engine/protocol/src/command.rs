//! What a host asks of the engine.

use crate::event::RunId;
use crate::{LabelMap, Quoting, RunConfig};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One request. Queries carry a `request` number that their answer repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Choose the device. First command of every engine; answered by `Ready` or `Failed`.
    Open {
        /// What the person asked for.
        backend: crate::BackendChoice,
    },
    /// Replace the corpus. One buffer per file beside the message, in order. Answered by `Corpus` or `Failed`.
    SetCorpus {
        /// The files, in the order of those beside the message.
        files: Vec<FileInfo>,
        /// Column of the text in CSV, TSV and JSON Lines; `None`: by its name.
        #[serde(default)]
        text_column: Option<String>,
        /// Column of the labels, or several; `None`: by its name.
        #[serde(default)]
        label_column: Option<String>,
        /// What parts several labels in one cell; `None`: a vertical bar.
        #[serde(default)]
        label_separator: Option<String>,
        /// How cells are quoted; `None`: as rows fit their columns best.
        #[serde(default)]
        quoting: Option<Quoting>,
        /// New names of labels; `None` drops a label.
        #[serde(default)]
        label_map: LabelMap,
    },
    /// Show one example as the model would see it, with the guesses of the language model where there is one. Answered
    /// by `Masking`, and by `Attention` where the model has any. A run shows the same example again as it learns.
    PreviewMasking {
        /// Settings (mask rate, max length, seed; the vocabulary is learned on the first call and then kept).
        config: RunConfig,
        /// Which document; wraps around.
        example: u64,
        /// Which draw of the mask.
        epoch: u64,
        /// A text in place of the document.
        #[serde(default)]
        text: Option<String>,
    },
    /// Save checkpoints of a run that is about to start or to be resumed.
    SaveCheckpoints {
        /// Its name.
        run: RunId,
        /// Where, in the browser's private file system: a folder of this name in `runs/`.
        folder: String,
    },
    /// Learn to guess masked tokens.
    Pretrain {
        /// Names the run in every event.
        run: RunId,
        /// What the person asked for.
        config: RunConfig,
        /// Go on from the language model at hand, with a fresh schedule, instead of from new weights.
        #[serde(default)]
        go_on: bool,
    },
    /// Learn the labels.
    Finetune {
        /// Names the run in every event.
        run: RunId,
        /// What the person asked for.
        config: RunConfig,
        /// From which weights.
        from: StartFrom,
    },
    /// Continue an interrupted run from the newest whole one of its checkpoints, whose files are beside the message under the
    /// name of their checkpoint and their own (`1/state.json`). Answered by `History`, then as the run itself.
    ResumeRun {
        /// Names the run in every event.
        run: RunId,
        /// The files, in the order of those beside the message.
        files: Vec<FileInfo>,
    },
    /// A run as a run directory in a `.zip`, which the command line resumes: the newest whole one of its checkpoints, whose
    /// files are beside the message as those of `ResumeRun` are. Answered by `Exported` with one buffer.
    ExportRun {
        /// Repeated in the answer.
        request: u64,
        /// The files, in the order of those beside the message.
        files: Vec<FileInfo>,
    },
    /// Compare fine-tuning from the pre-trained weights with fine-tuning from scratch and with n-grams. Answered by
    /// `Compared`.
    Compare {
        /// Names the comparison, and begins the names of its runs.
        run: RunId,
        /// What the person asked for, of each run.
        config: RunConfig,
        /// How far to go.
        compare: crate::CompareConfig,
        /// Runs of an earlier attempt, which are not repeated.
        #[serde(default)]
        known: Vec<crate::ComparisonTrial>,
    },
    /// Word vectors, in word2vec's text form, that models started from scratch get: one buffer beside the message, or
    /// none to take them away.
    SetWordVectors {
        /// The file, where there is one.
        file: Option<FileInfo>,
    },
    /// Learn the counting task, a self-test of the Transformer. Answered by `Counted`.
    Toy {
        /// Names the run in every event.
        run: RunId,
        /// Its preset, length, learning rate and seed are used.
        config: RunConfig,
    },
    /// Stop after this step, keep everything, and wait.
    Pause,
    /// Go on after `Pause`.
    Resume,
    /// Go on for so many steps, then pause again.
    Step {
        /// Optimisation steps, at least 1.
        steps: u64,
    },
    /// End the run after this step; its weights stay usable.
    Stop,
    /// Guess the `[MASK]`s of a text. Answered by `Guesses`.
    FillMask {
        /// Repeated in the answer.
        request: u64,
        /// Text with at least one `[MASK]`.
        text: String,
        /// How many guesses per mask.
        top_k: usize,
    },
    /// Guess the one `[MASK]` of each text. Answered by `FilledMasks`.
    FillMasks {
        /// Repeated in the answer.
        request: u64,
        /// Texts with one `[MASK]` each.
        texts: Vec<String>,
        /// How many guesses per mask.
        top_k: usize,
    },
    /// Label a text. Answered by `Classified`.
    Classify {
        /// Repeated in the answer.
        request: u64,
        /// Any text.
        text: String,
        /// How many labels.
        top_k: usize,
    },
    /// Label each document of a file: one buffer beside the message. Answered by `Labelled`, more than once.
    LabelFile {
        /// Repeated in the answers.
        request: u64,
        /// The file.
        file: FileInfo,
        /// Column of the text of a table; `None`, and where the table has none of that name: by its name.
        #[serde(default)]
        text_column: Option<String>,
        /// How cells of a table are quoted; `None`: as it seems.
        #[serde(default)]
        quoting: Option<Quoting>,
        /// Whether each label counts from its own threshold, where the model has any.
        #[serde(default)]
        own_thresholds: bool,
        /// Whether texts that are longer than the model reads are read in parts; otherwise their beginning is read.
        #[serde(default)]
        splits_long: bool,
    },
    /// Where the model looks in a text. Answered by `Attention` with one buffer.
    Attend {
        /// Repeated in the answer.
        request: u64,
        /// Any text; a tab parts the two texts of a pair.
        text: String,
    },
    /// Cut a text into tokens. Answered by `Tokenized`.
    Tokenize {
        /// Repeated in the answer.
        request: u64,
        /// Any text.
        text: String,
    },
    /// The nearest words of a word. Answered by `Neighbours`.
    Neighbours {
        /// Repeated in the answer.
        request: u64,
        /// A word.
        word: String,
        /// How many words.
        top_k: usize,
    },
    /// Label against label on held-out documents. Answered by `Reviewed`.
    Review {
        /// Repeated in the answer.
        request: u64,
        /// `valid` or `test`.
        split: String,
    },
    /// Documents behind a review. Answered by `Lines`.
    Lines {
        /// Repeated in the answer.
        request: u64,
        /// Which.
        query: crate::LineQuery,
        /// At most so many.
        limit: usize,
    },
    /// What a run would take here. Answered by `Estimated`.
    Estimate {
        /// Repeated in the answer.
        request: u64,
        /// What the person would ask for.
        config: RunConfig,
        /// Whether a few steps are tried out, which takes up to a few seconds; without, no time is told.
        tries: bool,
    },
    /// Learn the labels with one linear classifier per label on n-grams. Answered by `Baseline`.
    Baseline {
        /// Its task, seed and share of the labels are used.
        config: RunConfig,
    },
    /// The learned vocabulary. Answered by `Vocabulary`.
    Vocabulary {
        /// Only tokens that contain this text.
        filter: String,
        /// At most this many.
        limit: usize,
    },
    /// The current model as a run directory in a `.zip`; amid a run its present values, while those of a comparison and of the
    /// counting task wait until it is over. Answered by `Exported` with one buffer.
    ExportModel {
        /// Repeated in the answer.
        request: u64,
    },
    /// Take a model: one `.zip`, or the loose files of a run directory. Answered by `Imported`.
    ImportModel {
        /// The files, in the order of those beside the message.
        files: Vec<FileInfo>,
    },
}

/// A file beside a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileInfo {
    /// Name as the person sees it, with its folder where there is one.
    pub name: String,
    /// What the file is for; `None` lets the engine decide from the name and the content.
    #[serde(default)]
    pub role: Option<FileRole>,
    /// Its encoding; `None`: as it seems to be.
    #[serde(default)]
    pub encoding: Option<String>,
    /// Of an archive: what files inside it are for, by their names with the archive's before them.
    #[serde(default)]
    pub member_roles: BTreeMap<String, FileRole>,
}

/// What a file of text is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    /// Pre-training text; its labelled lines also train the classifier.
    Train,
    /// Held-out documents that choose thresholds and show progress.
    Valid,
    /// Held-out documents that are only measured at the end.
    Test,
}

impl Command {
    /// The run that it starts.
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::Pretrain { run, .. }
            | Self::Finetune { run, .. }
            | Self::ResumeRun { run, .. }
            | Self::Compare { run, .. }
            | Self::Toy { run, .. } => Some(run),
            _ => None,
        }
    }

    /// The number of a question; 0 for the text under the microscope and for whatever else neither has a number nor decides
    /// about the corpus.
    pub fn request(&self) -> Option<u64> {
        match self {
            Self::PreviewMasking { .. } => Some(0),
            Self::FillMask { request, .. }
            | Self::FillMasks { request, .. }
            | Self::Classify { request, .. }
            | Self::LabelFile { request, .. }
            | Self::Attend { request, .. }
            | Self::Tokenize { request, .. }
            | Self::Neighbours { request, .. }
            | Self::Review { request, .. }
            | Self::Lines { request, .. }
            | Self::Estimate { request, .. }
            | Self::ExportRun { request, .. }
            | Self::ExportModel { request } => Some(*request),
            Self::Vocabulary { .. }
            | Self::Baseline { .. }
            | Self::ImportModel { .. }
            | Self::SetWordVectors { .. } => Some(0),
            _ => None,
        }
    }
}

/// Where fine-tuning takes its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFrom {
    /// The weights of the last pre-training run or import.
    Pretrained,
    /// Random weights, the same vocabulary.
    TempStorage,
}

impl StartFrom {
    /// As it is written in links and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pretrained => "pretrained",
            Self::TempStorage => "scratch",
        }
    }
}
