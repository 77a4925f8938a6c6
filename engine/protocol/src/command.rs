//! Commands: what a host sends to the engine.

mod kind;

pub use kind::CommandKind;

use crate::run::RunId;
use crate::{Annotations, LabelMap, LineQuery, Quoting, RunConfig};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A command to the engine. Queries carry a `request` number that their answer repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Selects the device. First command to every engine; answered by `Ready` or `Failed`.
    Open {
        /// Requested backend.
        backend: crate::BackendChoice,
        /// Maximum number of workers that compute on the CPU; `None`: by the number of cores.
        #[serde(default)]
        workers: Option<u32>,
    },
    /// Replaces the corpus. One buffer per file is sent alongside the message, in order. Answered
    /// by `Corpus` or `Failed`.
    SetCorpus {
        /// Descriptions of the files, in the order of the buffers alongside the message.
        files: Vec<FileInfo>,
        /// Column of the text in CSV, TSV and JSON Lines; `None`: detected from the column names.
        #[serde(default)]
        text_column: Option<String>,
        /// Column or columns of the labels; `None`: detected from the column names.
        #[serde(default)]
        label_column: Option<String>,
        /// Separator between several labels in one cell; `None`: a vertical bar.
        #[serde(default)]
        label_separator: Option<String>,
        /// Quoting of cells; `None`: the style with which the rows best match the number of
        /// columns.
        #[serde(default)]
        quoting: Option<Quoting>,
        /// New names of labels; a label mapped to `None` is dropped.
        #[serde(default)]
        label_map: LabelMap,
        /// Labels given by hand, which replace those of the files.
        #[serde(default)]
        annotations: Annotations,
    },
    /// Shows one example as the model sees it, with the predictions of the language model if there
    /// is one. Answered by `Masking`, and by `Attention` if the model has attention. During
    /// training, the run reports the same example again as its weights change.
    PreviewMasking {
        /// Settings for the preview (mask rate, maximum length, seed). The vocabulary is learned on
        /// the first call and reused after that.
        config: RunConfig,
        /// Index of the document, modulo the number of documents.
        example: u64,
        /// Epoch, which selects the random draw of the mask.
        epoch: u64,
        /// Text to preview in place of the document.
        #[serde(default)]
        text: Option<String>,
    },
    /// Enables checkpoints for a run that is about to start or to be resumed.
    SaveCheckpoints {
        /// Run to save.
        run: RunId,
        /// Destination in the browser's private file system: a folder of this name in `runs/`.
        folder: String,
    },
    /// Starts masked-language-model pre-training.
    Pretrain {
        /// Id of the run, repeated in each of its events.
        run: RunId,
        /// Settings of the run.
        config: RunConfig,
        /// Whether to continue from the loaded language model with a fresh schedule, instead of
        /// starting from new weights.
        #[serde(default)]
        go_on: bool,
    },
    /// Starts fine-tuning of a classifier.
    Finetune {
        /// Id of the run, repeated in each of its events.
        run: RunId,
        /// Settings of the run.
        config: RunConfig,
        /// Initial weights.
        from: StartFrom,
    },
    /// Resumes an interrupted run from its newest complete checkpoint. The checkpoint files are
    /// sent alongside the message, named by checkpoint and file (`1/state.json`). Answered by
    /// `History`, then by the events of the run itself.
    ResumeRun {
        /// Id of the run, repeated in each of its events.
        run: RunId,
        /// Descriptions of the files, in the order of those alongside the message.
        files: Vec<FileInfo>,
    },
    /// Stores the newest complete checkpoint of an imported run directory as a checkpoint of `run`,
    /// which `SaveCheckpoints` has announced. The files are those of `ImportModel`. Answered by
    /// `Checkpoint` or, if it cannot be stored, by a `Warning`.
    StoreCheckpoint {
        /// Id of the run.
        run: RunId,
        /// Descriptions of the files, in the order of those alongside the message.
        files: Vec<FileInfo>,
    },
    /// Exports a run as a run directory in a `.zip` that the command line can resume, from the
    /// newest complete checkpoint. The checkpoint files are sent alongside the message as for
    /// `ResumeRun`. Answered by `Exported` with one buffer.
    ExportRun {
        /// Number repeated in the answer.
        request: u64,
        /// Descriptions of the files, in the order of those alongside the message.
        files: Vec<FileInfo>,
    },
    /// Compares fine-tuning from the pre-trained weights with fine-tuning from scratch and with an
    /// n-gram baseline. Answered by `Compared`.
    Compare {
        /// Id of the comparison, and the prefix of the ids of its runs.
        run: RunId,
        /// Settings of each run.
        config: RunConfig,
        /// Extent of the comparison.
        compare: crate::CompareConfig,
        /// Finished runs of an earlier attempt, which are not repeated.
        #[serde(default)]
        known: Vec<crate::ComparisonTrial>,
    },
    /// Sets the word vectors (word2vec's text format) with which models started from scratch are
    /// initialised. One buffer is sent alongside the message, or none to remove the vectors.
    SetWordVectors {
        /// The file; `None` removes the vectors.
        file: Option<FileInfo>,
    },
    /// Trains on the counting task, a self-test of the Transformer. Answered by `Counted`.
    Toy {
        /// Id of the run, repeated in each of its events.
        run: RunId,
        /// Settings of the run; only preset, length, learning rate and seed are used.
        config: RunConfig,
    },
    /// Pauses the run after the current step; its state stays in memory.
    Pause,
    /// Continues after `Pause`.
    Resume,
    /// Runs the given number of steps, then pauses again.
    Step {
        /// Number of optimisation steps, at least 1.
        steps: u64,
    },
    /// Ends the run after the current step; its weights stay usable.
    Stop,
    /// Predicts the `[MASK]` tokens of a text. Answered by `Guesses`.
    FillMask {
        /// Number repeated in the answer.
        request: u64,
        /// Text with at least one `[MASK]`.
        text: String,
        /// Number of predictions per mask.
        top_k: usize,
    },
    /// Predicts the single `[MASK]` of each text. Answered by `FilledMasks`.
    FillMasks {
        /// Number repeated in the answer.
        request: u64,
        /// Texts with one `[MASK]` each.
        texts: Vec<String>,
        /// Number of predictions per mask.
        top_k: usize,
    },
    /// Classifies a text. Answered by `Classified`.
    Classify {
        /// Number repeated in the answer.
        request: u64,
        /// Text to classify.
        text: String,
        /// Maximum number of labels in the answer.
        top_k: usize,
    },
    /// Places training documents in the plane so that similar ones are near each other. Answered by
    /// `Mapped`.
    Map {
        /// Number repeated in the answer.
        request: u64,
        /// Vectors that decide which documents are similar.
        source: crate::MapSource,
    },
    /// Trains a linear classifier on each of several sets of labelled documents, and scores it on
    /// held-out ones; documents of other files are left out. The classifier of the first set selects
    /// documents to label until there is a fine-tuned one. Answered by `LabelsMeasured`.
    MeasureLabels {
        /// Number repeated in the answer.
        request: u64,
        /// Sets of labelled documents to train on.
        training: Vec<Annotations>,
        /// Labelled documents to measure on.
        held_out: Annotations,
    },
    /// Follows one masked word of a text through the language model, and through one training step
    /// on a copy of it. Answered by `SlowMotion`.
    SlowMotion {
        /// Number repeated in the answer.
        request: u64,
        /// The text, with the word.
        text: String,
        /// Index of the token to mask, `[CLS]` included; `None`: the rarest word.
        #[serde(default)]
        position: Option<u64>,
        /// Index of the layer of the head that is followed.
        layer: u64,
        /// Index of the head.
        head: u64,
    },
    /// Measures how much each word of a text contributes to a label. Answered by `Explained`.
    Explain {
        /// Number repeated in the answer.
        request: u64,
        /// Text to classify.
        text: String,
        /// Label to explain; `None`: the predicted one that the text raises most.
        #[serde(default)]
        label: Option<String>,
    },
    /// Labels each document of a file, sent as one buffer alongside the message. Answered by
    /// several `Labelled` events.
    LabelFile {
        /// Number repeated in the answers.
        request: u64,
        /// Description of the file.
        file: FileInfo,
        /// Text column of a table; `None`, or a name that the table lacks: detected from the column
        /// names.
        #[serde(default)]
        text_column: Option<String>,
        /// Quoting of the cells of a table; `None`: detected.
        #[serde(default)]
        quoting: Option<Quoting>,
        /// Whether each label uses its own decision threshold, if the model has per-label
        /// thresholds.
        #[serde(default)]
        own_thresholds: bool,
        /// Whether texts longer than the model's input are read in parts; otherwise only their
        /// beginning is read.
        #[serde(default)]
        splits_long: bool,
    },
    /// Computes the attention probabilities of a text. Answered by `Attention` with one buffer.
    Attend {
        /// Number repeated in the answer.
        request: u64,
        /// Text to read; a tab separates the two texts of a pair.
        text: String,
    },
    /// Splits a text into tokens. Answered by `Tokenized`.
    Tokenize {
        /// Number repeated in the answer.
        request: u64,
        /// Text to tokenise.
        text: String,
    },
    /// Finds the nearest neighbours of a word. Answered by `Neighbours`.
    Neighbours {
        /// Number repeated in the answer.
        request: u64,
        /// Word to look up.
        word: String,
        /// Number of neighbours.
        top_k: usize,
    },
    /// Requests the error analysis of the classifier on held-out documents. Answered by `Reviewed`.
    Review {
        /// Number repeated in the answer.
        request: u64,
        /// Held-out set: `valid` or `test`.
        split: String,
    },
    /// Lists documents selected by a query. Answered by `Lines`.
    Lines {
        /// Number repeated in the answer.
        request: u64,
        /// Which documents to list.
        query: LineQuery,
        /// Maximum number of documents.
        limit: usize,
    },
    /// Estimates the cost of a run on this device. Answered by `Estimated`.
    Estimate {
        /// Number repeated in the answer.
        request: u64,
        /// Settings of the run to estimate.
        config: RunConfig,
        /// Whether to time a few trial steps, which takes up to a few seconds; without them the
        /// estimate has no time.
        tries: bool,
    },
    /// Trains the n-gram baseline, one linear classifier per label. Answered by `Baseline`.
    Baseline {
        /// Settings; only task, seed and label fraction are used.
        config: RunConfig,
    },
    /// Lists entries of the learned vocabulary. Answered by `Vocabulary`.
    Vocabulary {
        /// Substring that listed tokens must contain; empty lists all.
        filter: String,
        /// Maximum number of entries.
        limit: usize,
    },
    /// Exports the current model as one file; during a run, with its current weights. During a
    /// comparison or the counting task the export waits until it has ended. Answered by `Exported`
    /// with one buffer.
    ExportModel {
        /// Number repeated in the answer.
        request: u64,
        /// Form of the file.
        #[serde(default)]
        format: ExportFormat,
    },
    /// Imports a model: one `.zip`, or the loose files of a run directory. Answered by `Imported`.
    ImportModel {
        /// Number repeated in [`FoundCheckpoint`](crate::FoundCheckpoint).
        #[serde(default)]
        request: u64,
        /// Descriptions of the files, in the order of those alongside the message.
        files: Vec<FileInfo>,
    },
}

/// Description of a file that is sent alongside a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileInfo {
    /// Name as shown to the user, including its folder if it has one.
    pub name: String,
    /// Role of the file; `None` lets the engine decide from its name and content.
    #[serde(default)]
    pub role: Option<FileRole>,
    /// Character encoding; `None`: detected.
    #[serde(default)]
    pub encoding: Option<String>,
    /// Roles of the files inside an archive, by member name prefixed with the archive's name.
    #[serde(default)]
    pub member_roles: BTreeMap<String, FileRole>,
}

/// What a text file is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    /// Pre-training text; its labelled documents also train the classifier.
    Train,
    /// Validation set: chooses thresholds and tracks progress.
    Valid,
    /// Test set: measured only at the end.
    Test,
}

/// Form of an exported model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// A run directory in a `.zip`.
    #[default]
    Zip,
    /// A web page that contains the model and computes its predictions offline. Weights are stored
    /// as 16-bit floats unless one is too large.
    Html,
}

/// Initial weights of fine-tuning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFrom {
    /// Weights of the last pre-training run or import.
    Pretrained,
    /// Random weights, with the same vocabulary.
    Scratch,
}

impl StartFrom {
    /// Returns the name used in links and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pretrained => "pretrained",
            Self::Scratch => "scratch",
        }
    }
}
