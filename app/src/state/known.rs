//! What the page knows of the engine, the text and a model's answers, and what it has to say when something is wrong.

use protocol::{
    Candidate, CorpusTraits, CoveragePoint, DeviceInfo, Dropped, FileReport, LabelScore,
    LengthCount, LineQuery, MaskedToken, PredictedDocument, VocabularyEntry,
};

/// How far the engine is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Engine {
    /// Its file is on its way, or it is choosing a device.
    #[default]
    Loading,
    /// It computes on this device.
    Ready(DeviceInfo),
    /// It must be started anew.
    Crashed,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Corpus {
    /// One row per file.
    pub files: Vec<FileReport>,
    /// Documents that serve pre-training.
    pub documents: u64,
    /// Labelled documents for training, validation and test.
    pub labelled: [u64; 3],
    /// Distinct labels.
    pub labels: u64,
    /// What stands out.
    pub traits: CorpusTraits,
}

/// One text before and after masking.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Masking {
    /// Which document.
    pub example: u64,
    /// One entry per token.
    pub tokens: Vec<MaskedToken>,
}

/// A part of the vocabulary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vocabulary {
    /// Size of the whole.
    pub size: u64,
    /// The entries asked for.
    pub entries: Vec<VocabularyEntry>,
    /// How much of the text the most frequent tokens make up.
    pub coverage: Vec<CoveragePoint>,
    /// Share of the text's tokens that it does not know.
    pub unknown_share: f64,
    /// Training documents by their number of tokens.
    pub lengths: Vec<LengthCount>,
}

/// Something that went wrong, for the person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Notice {
    /// A notice from what is wrong and what to do.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// Labels given to a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Classification {
    /// The text.
    pub text: String,
    /// Best first.
    pub labels: Vec<LabelScore>,
    /// Probability from which a label counts as predicted.
    pub threshold: f64,
    /// Where that differs by label: the probability from which each of the labels counts.
    pub cutoffs: Vec<f64>,
    /// The same, tuned for each of the labels, where they were.
    pub thresholds: Vec<f64>,
    /// Different words of the text, where the classifier knows those of its training documents; else 0.
    pub words: u64,
    /// Those among them that occurred in no training document.
    pub unseen: Vec<String>,
}

/// Guesses for the hidden words of the bundled sentences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilledClozes {
    /// Steps of the run whose model answered.
    pub step: Option<u64>,
    /// For each sentence, best first.
    pub guesses: Vec<Vec<Candidate>>,
}

/// The nearest words of a word.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    /// The word.
    pub word: String,
    /// In the word vectors of the text, with the cosine.
    pub own: Vec<Candidate>,
    /// In the embeddings of the language model.
    pub model: Vec<Candidate>,
}

/// A typed text in tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tokenized {
    /// As many as can be shown.
    pub tokens: Vec<VocabularyEntry>,
    /// How many there are.
    pub count: u64,
}

/// Documents that were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// Which documents these are.
    pub of: Option<LineQuery>,
    /// With their labels, true and given.
    pub lines: Vec<PredictedDocument>,
    /// How many more there are.
    pub more: u64,
}

/// A file whose documents get their labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labelling {
    /// Name of the file.
    pub name: String,
    /// Documents that are labelled.
    pub documents: u64,
    /// Of how many; 0 while nobody knows.
    pub of: u64,
    /// Lines that are no documents.
    pub dropped: Vec<Dropped>,
    /// The columns that its text was taken from, where it is a table.
    pub columns: Vec<String>,
    /// What a person should know of it.
    pub warnings: Vec<String>,
}

impl Labelling {
    /// Whether each document has its labels.
    pub fn is_done(&self) -> bool {
        self.of > 0 && self.documents == self.of
    }

    /// What the table of its labels is called.
    pub fn table_name(&self) -> String {
        let name = self.name.rsplit('/').next().unwrap_or_default();
        let stem = [".gz", ".bz2", ".xz", ".zip"]
            .iter()
            .find_map(|ending| name.strip_suffix(ending))
            .unwrap_or(name);
        let (stem, ending) = stem.rsplit_once('.').unwrap_or((stem, ""));
        // A table stays what it is; lines become a table.
        let ending = match ending.to_ascii_lowercase().as_str() {
            kept @ ("tsv" | "tab" | "psv" | "json" | "jsonl" | "ndjson") => kept.to_string(),
            _ => "csv".into(),
        };
        format!("{stem}-labelled.{ending}")
    }
}
