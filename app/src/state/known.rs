//! Parts of the state: the engine, the corpus, the answers of a model, and notices.

use protocol::{
    Candidate, CorpusTraits, CoveragePoint, DeviceInfo, Dropped, FileReport, HandLabelScores,
    LabelScore, LengthCount, LineQuery, MapPoint, MaskedToken, Message, PredictedDocument,
    VocabularyEntry, WordEvidence,
};

/// State of the engine.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Engine {
    /// Being downloaded or selecting a device.
    #[default]
    Loading,
    /// Ready on this device.
    Ready(DeviceInfo),
    /// Stopped; it must be restarted.
    Crashed,
}

/// Summary of the current corpus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Corpus {
    /// Reports, one per file.
    pub files: Vec<FileReport>,
    /// Number of documents for pre-training.
    pub documents: u64,
    /// Numbers of labelled documents: training, validation, test.
    pub labelled: [u64; 3],
    /// Number of distinct labels.
    pub labels: u64,
    /// Further properties of the corpus.
    pub traits: CorpusTraits,
}

/// An example before and after masking.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Masking {
    /// Index of the document.
    pub example: u64,
    /// Tokens of the example.
    pub tokens: Vec<MaskedToken>,
}

/// An excerpt of the vocabulary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vocabulary {
    /// Size of the whole vocabulary.
    pub size: u64,
    /// Requested entries.
    pub entries: Vec<VocabularyEntry>,
    /// Share of the text covered by the most frequent tokens.
    pub coverage: Vec<CoveragePoint>,
    /// Share of the text's tokens that are unknown to the vocabulary, 0 to 1.
    pub unknown_share: f64,
    /// Histogram of the training documents' lengths in tokens.
    pub lengths: Vec<LengthCount>,
}

/// An error notice for the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// What went wrong.
    pub message: Message,
    /// What the user can do.
    pub hint: Message,
}

impl Notice {
    /// Creates a notice of the page itself, in its current language.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: Message::verbatim(message),
            hint: Message::verbatim(hint),
        }
    }
}

/// Documents placed in the plane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DocumentMap {
    /// The placed documents.
    pub points: Vec<MapPoint>,
    /// Number of further documents.
    pub more: u64,
}

/// Scores of linear classifiers trained on labels given by hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelMeasurement {
    /// Number of held-out documents.
    pub held_out: u64,
    /// Scores after training on each set: all documents, and perhaps those drawn at random and the
    /// chosen ones.
    pub scores: Vec<HandLabelScores>,
}

/// Labels predicted for a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Classification {
    /// Classified text.
    pub text: String,
    /// Labels with their probabilities, best first.
    pub labels: Vec<LabelScore>,
    /// Decision threshold: probability from which a label counts as predicted.
    pub threshold: f64,
    /// Decision thresholds of `labels`, if they differ by label.
    pub cutoffs: Vec<f64>,
    /// Decision thresholds tuned for each of `labels` individually, if the model has them.
    pub thresholds: Vec<f64>,
    /// Number of distinct words in the text, if the classifier knows the words of its training
    /// documents; otherwise 0.
    pub words: u64,
    /// Words of the text that occur in no training document.
    pub unseen: Vec<String>,
    /// Evidence for one of the labels; `None` until it is measured.
    pub evidence: Option<Evidence>,
}

/// How much each word of a text contributes to a label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The label.
    pub label: String,
    /// The measured words, in the order of the text.
    pub words: Vec<WordEvidence>,
    /// Number of further words, which were not measured.
    pub more: u64,
}

/// Predictions for the bundled cloze sentences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilledClozes {
    /// Optimisation steps of the run whose model answered.
    pub step: Option<u64>,
    /// Predictions for each sentence, best first.
    pub guesses: Vec<Vec<Candidate>>,
}

/// Nearest neighbours of a word.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    /// Word that was looked up.
    pub word: String,
    /// Nearest words by the corpus's own word vectors, with cosine similarity.
    pub own: Vec<Candidate>,
    /// Nearest words by the language model's embeddings, with cosine similarity.
    pub model: Vec<Candidate>,
}

/// Tokens of a typed text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tokenized {
    /// Tokens in order, truncated to a displayable number.
    pub tokens: Vec<VocabularyEntry>,
    /// Total number of tokens.
    pub count: u64,
}

/// Documents listed by a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// Query that selected them; `None` for the first documents of a file.
    pub of: Option<LineQuery>,
    /// Documents with their true and predicted labels.
    pub lines: Vec<PredictedDocument>,
    /// Number of matching documents that are not in `lines`.
    pub more: u64,
}

/// Documents proposed for labelling by hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proposals {
    /// Number of the request that they answer.
    pub request: u64,
    /// Documents without labels, with their full texts.
    pub documents: Vec<PredictedDocument>,
}

/// Progress of labelling a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labelling {
    /// Name of the file.
    pub name: String,
    /// Number of documents labelled so far.
    pub documents: u64,
    /// Total number of documents; 0 while unknown.
    pub of: u64,
    /// Lines that are not documents, by reason.
    pub dropped: Vec<Dropped>,
    /// Text columns, if the file is a table.
    pub columns: Vec<String>,
    /// Warnings about the file, for the user.
    pub warnings: Vec<Message>,
}

impl Labelling {
    /// Returns whether all documents are labelled.
    pub fn is_done(&self) -> bool {
        self.of > 0 && self.documents == self.of
    }

    /// Returns the file name of the labelled table.
    pub fn table_name(&self) -> String {
        let name = self.name.rsplit('/').next().unwrap_or_default();
        let stem = [".gz", ".bz2", ".xz", ".zip"]
            .iter()
            .find_map(|ending| name.strip_suffix(ending))
            .unwrap_or(name);
        let (stem, ending) = stem.rsplit_once('.').unwrap_or((stem, ""));
        // Tables keep their format; text lines become CSV.
        let ending = match ending.to_ascii_lowercase().as_str() {
            format @ ("tsv" | "tab" | "psv" | "json" | "jsonl" | "ndjson") => format.to_string(),
            _ => "csv".into(),
        };
        format!("{stem}-labelled.{ending}")
    }
}
