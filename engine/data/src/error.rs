//! What can be wrong with the input, one variant per thing a person can do something about. A wrong program panics
//! instead; a nuisance is a warning and never comes here.

mod hints;

use crate::shown::{on_one_line, quoted};
use protocol::FileRole;
use std::{fmt, io};

/// Why the input cannot be used. `Display` says what and where in one sentence, [`DataError::hint`] what to do.
#[derive(Clone, Debug, PartialEq)]
pub enum DataError {
    /// A file of no bytes, or of nothing but a byte order mark.
    EmptyFile {
        /// Name as given.
        file: String,
    },
    /// A file of nothing but white space and labels.
    NoText {
        /// Name as given.
        file: String,
    },
    /// A file that is not text.
    NotText {
        /// Name as given.
        file: String,
        /// What it seems to be, e.g. `a PNG image`.
        kind: String,
    },
    /// A file that cannot be read, or not to its end.
    Unreadable {
        /// Name as given.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// A line too long to be a document.
    LineTooLong {
        /// Name as given; readers of lines leave it empty, and [`DataError::reading`] fills it in.
        file: String,
        /// Its number in its file.
        line: u64,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// A packed file that breaks off or whose checksum does not match: none of it is used.
    DamagedArchive {
        /// Name as given.
        file: String,
        /// How it is packed, e.g. `gzip`.
        format: &'static str,
        /// What is wrong, e.g. `ends early`.
        problem: String,
    },
    /// A packed file that unpacks to far more than text does.
    ArchiveTooLarge {
        /// Name as given.
        file: String,
        /// How it is packed, e.g. `gzip`.
        format: &'static str,
        /// The limit that was passed, in words.
        limit: String,
    },
    /// An archive that another program opens, and why it did not.
    NotOpened {
        /// Stable name for programs.
        code: &'static str,
        /// What that said.
        message: String,
        /// What to do, as that said.
        hint: String,
    },
    /// An archive of several files where one is needed.
    SeveralFiles {
        /// Name as given.
        file: String,
        /// How many texts it holds.
        files: usize,
    },
    /// An encoding's name that nobody knows.
    UnknownEncoding {
        /// As written.
        name: String,
    },
    /// Of several files, none could be used.
    NothingUsable {
        /// How many were given.
        files: usize,
        /// Why the first was refused.
        first: Box<DataError>,
    },
    /// No file at all.
    NoFiles,
    /// Text so short that there is nothing to learn.
    TooLittleText {
        /// Characters of text there are.
        characters: u64,
        /// Characters needed at least.
        needed: u64,
    },
    /// A vocabulary without room for anything but special tokens.
    VocabularyTooSmall {
        /// As asked.
        vocab_size: usize,
        /// The smallest that works.
        needed: usize,
    },
    /// Text in which no token occurs often enough to enter the vocabulary, or all of it is unknown to it.
    NothingToMask {
        /// What was looked for.
        needed: &'static str,
    },
    /// Fewer tokens than one training window.
    CorpusTooSmall {
        /// Tokens there are.
        tokens: u64,
        /// Tokens one window takes.
        needed: u64,
    },
    /// A table without a column that was asked for.
    NoColumn {
        /// Name of the file.
        file: String,
        /// As written.
        column: String,
        /// Those that it has.
        columns: Vec<String>,
    },
    /// A file of lines where columns were asked for.
    NotATable {
        /// Name of the file.
        file: String,
    },
    /// A file that its name says is JSON, without any object.
    NoObject {
        /// Name of the file.
        file: String,
        /// The first line that is none.
        line: u64,
    },
    /// A table in which no column holds text.
    NoTextColumn {
        /// Name of the file.
        file: String,
        /// Those that it has.
        columns: Vec<String>,
    },
    /// Next-sentence prediction without a second document to draw from.
    TooFewDocuments {
        /// Documents with text.
        documents: u64,
    },
    /// A file of word vectors without any.
    NoWordVectors,
    /// Word vectors of another width than the model's embeddings.
    WordVectorWidth {
        /// Numbers of each vector.
        found: usize,
        /// Width of the embeddings.
        needed: usize,
    },
    /// A tokenizer directory without a tokenizer.
    NoTokenizer,
    /// A tokenizer file that contradicts itself or its format.
    BadTokenizer {
        /// Which file.
        file: String,
        /// What is wrong, where.
        problem: String,
    },
    /// A sound tokenizer of a kind that this product does not run.
    UnsupportedTokenizer {
        /// Which file.
        file: String,
        /// The part, e.g. `model type "BPE"`.
        part: String,
    },
    /// No training document carries a label.
    NoLabels {
        /// What the documents are for.
        role: FileRole,
        /// Documents there are.
        documents: u64,
        /// Columns of their tables.
        columns: Vec<String>,
        /// Those of them that look like labels.
        likely: Vec<String>,
    },
    /// Fewer labels than a choice needs.
    TooFewLabels {
        /// The only label.
        label: String,
    },
    /// More labels than a classifier of this size can tell apart.
    TooManyLabels {
        /// Distinct labels there are.
        labels: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// A document with several labels where one was promised.
    SeveralLabels {
        /// Its line in its file.
        line: u64,
        /// How many.
        labels: usize,
    },
    /// A document of one text where two were promised.
    NotAPair {
        /// Its line in its file.
        line: u64,
    },
    /// A file in place of word vectors that is something else.
    NotWordVectors {
        /// What it seems to be, e.g. `an HTML page`.
        kind: &'static str,
        /// Its first line.
        first: String,
    },
}

impl DataError {
    /// What an error means that came up through readers of `file`: theirs, where they made it.
    pub fn reading(file: &str, error: io::Error) -> Self {
        let unreadable = |error: io::Error| Self::Unreadable {
            file: file.into(),
            reason: error.to_string(),
        };
        match error.downcast::<Self>().unwrap_or_else(unreadable) {
            Self::LineTooLong {
                file: unnamed,
                line,
                limit,
            } if unnamed.is_empty() => Self::LineTooLong {
                file: file.into(),
                line,
                limit,
            },
            error => error,
        }
    }

    /// What a reader of lines says of one that is too long; it does not know its file.
    pub(crate) fn line_too_long(line: u64, limit: usize) -> Self {
        Self::LineTooLong {
            file: String::new(),
            line,
            limit,
        }
    }

    /// Stable name for programs, e.g. `corpus-too-small`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::EmptyFile { .. } => "empty-file",
            Self::NoText { .. } => "no-text",
            Self::NotText { .. } => "not-text",
            Self::Unreadable { .. } => "unreadable-input",
            Self::LineTooLong { .. } => "line-too-long",
            Self::DamagedArchive { format: "gzip", .. } => "damaged-gzip",
            Self::DamagedArchive { .. } => "damaged-archive",
            Self::ArchiveTooLarge { format: "gzip", .. } => "gzip-bomb",
            Self::ArchiveTooLarge { .. } => "archive-too-large",
            Self::NotOpened { code, .. } => code,
            Self::SeveralFiles { .. } => "several-files",
            Self::UnknownEncoding { .. } => "unknown-encoding",
            Self::NothingUsable { .. } => "nothing-usable",
            Self::NoFiles => "no-files",
            Self::TooLittleText { .. } => "too-little-text",
            Self::VocabularyTooSmall { .. } => "vocabulary-too-small",
            Self::NothingToMask { .. } => "nothing-to-mask",
            Self::CorpusTooSmall { .. } => "corpus-too-small",
            Self::NoColumn { .. } => "no-column",
            Self::NotATable { .. } => "not-a-table",
            Self::NoObject { .. } => "no-object",
            Self::NoTextColumn { .. } => "no-text-column",
            Self::TooFewDocuments { .. } => "too-few-documents",
            Self::NoWordVectors => "no-word-vectors",
            Self::WordVectorWidth { .. } => "word-vector-width",
            Self::NoTokenizer => "no-tokenizer",
            Self::BadTokenizer { .. } => "bad-tokenizer",
            Self::UnsupportedTokenizer { .. } => "unsupported-tokenizer",
            Self::NoLabels { .. } => "no-labels",
            Self::TooFewLabels { .. } => "too-few-labels",
            Self::TooManyLabels { .. } => "too-many-labels",
            Self::SeveralLabels { .. } => "several-labels",
            Self::NotAPair { .. } => "not-a-pair",
            Self::NotWordVectors { .. } => "not-word-vectors",
        }
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyFile { file } => write!(f, "{} is empty", quoted(file)),
            Self::NoText { file } => write!(f, "{} holds no text", quoted(file)),
            Self::NotText { file, kind } => write!(f, "{} is not text but {kind}", quoted(file)),
            Self::Unreadable { file, reason } => write!(
                f,
                "{} cannot be read: {}",
                quoted(file),
                on_one_line(reason)
            ),
            Self::LineTooLong { file, line, limit } => {
                write!(
                    f,
                    "line {line} of {} is longer than {} MiB",
                    quoted(file),
                    limit >> 20
                )
            }
            Self::DamagedArchive {
                file,
                format,
                problem,
            } => {
                write!(
                    f,
                    "the {format} file {} {}",
                    quoted(file),
                    on_one_line(problem)
                )
            }
            Self::ArchiveTooLarge {
                file,
                format,
                limit,
            } => {
                write!(
                    f,
                    "the {format} file {} unpacks to more than {limit}",
                    quoted(file)
                )
            }
            Self::NotOpened { message, .. } => f.write_str(message),
            Self::SeveralFiles { file, files } => write!(
                f,
                "{} holds {files} texts where one is needed",
                quoted(file)
            ),
            Self::UnknownEncoding { name } => write!(f, "{} is not an encoding", quoted(name)),
            Self::NothingUsable { files: 1, first } => first.fmt(f),
            Self::NothingUsable { files, first } => {
                write!(f, "none of the {files} files can be used: {first}")
            }
            Self::NoFiles => write!(f, "no file was given"),
            Self::TooLittleText { characters, needed } => {
                write!(
                    f,
                    "the corpus has {characters} characters of text and needs at least {needed}"
                )
            }
            Self::VocabularyTooSmall { vocab_size, needed } => {
                write!(
                    f,
                    "a vocabulary of {vocab_size} is too small: it needs at least {needed} entries"
                )
            }
            Self::NothingToMask { needed } => {
                write!(f, "the corpus has {needed}, so there is nothing to mask")
            }
            Self::CorpusTooSmall { tokens, needed } => {
                write!(
                    f,
                    "the corpus has {tokens} tokens and one sequence needs {needed}"
                )
            }
            Self::NoColumn {
                file,
                column,
                columns,
            } => {
                write!(
                    f,
                    "{} has no column {}; it has {}",
                    quoted(file),
                    quoted(column),
                    Self::columns(columns)
                )
            }
            Self::NotATable { file } => {
                write!(f, "{} holds lines of text and has no columns", quoted(file))
            }
            Self::NoObject { file, line } => {
                write!(
                    f,
                    "{} holds no JSON object: line {line} is none",
                    quoted(file)
                )
            }
            Self::NoTextColumn { file, columns } => {
                write!(
                    f,
                    "no column of {} holds text; it has {}",
                    quoted(file),
                    Self::columns(columns)
                )
            }
            Self::TooFewDocuments { documents } => {
                write!(
                    f,
                    "next-sentence prediction needs two documents; there are {documents}"
                )
            }
            Self::NoWordVectors => write!(f, "the file of word vectors holds none"),
            Self::WordVectorWidth { found, needed } => {
                write!(
                    f,
                    "the word vectors have {found} numbers each and the model's embeddings {needed}"
                )
            }
            Self::NoTokenizer => write!(f, "there is neither a tokenizer.json nor a vocab.txt"),
            Self::BadTokenizer { file, problem } => {
                write!(f, "{file} cannot be used: {}", on_one_line(problem))
            }
            Self::UnsupportedTokenizer { file, part } => {
                write!(
                    f,
                    "{file} uses {}, which is not supported",
                    on_one_line(part)
                )
            }
            Self::NoLabels {
                role,
                documents,
                columns,
                ..
            } => {
                let used = match role {
                    FileRole::Train => "training",
                    FileRole::Valid => "validation",
                    FileRole::Test => "test",
                };
                match columns.as_slice() {
                    [] => write!(
                        f,
                        "none of the {documents} {used} documents carries a label"
                    ),
                    columns => {
                        let columns = Self::columns(columns);
                        write!(
                            f,
                            "none of the {documents} {used} documents carries a label; the columns are {columns}"
                        )
                    }
                }
            }
            Self::TooFewLabels { label } => {
                write!(
                    f,
                    "every labelled training document has the same label, {}",
                    quoted(label)
                )
            }
            Self::TooManyLabels { labels, limit } => {
                write!(
                    f,
                    "the training documents have {labels} different labels; at most {limit} can be learned"
                )
            }
            Self::SeveralLabels { line, labels } => {
                write!(f, "line {line} has {labels} labels where one is expected")
            }
            Self::NotAPair { line } => {
                write!(f, "line {line} has one text where a pair is expected")
            }
            Self::NotWordVectors { kind, first } => {
                write!(
                    f,
                    "the file of word vectors is {kind}; its first line begins {}",
                    quoted(first)
                )
            }
        }
    }
}

impl std::error::Error for DataError {}

#[cfg(test)]
mod tests;
