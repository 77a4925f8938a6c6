//! Errors about the input, one variant per problem that the user can do something about. Bugs panic
//! instead; problems that do not stop a run are warnings.

mod hints;

use crate::text::shown::{on_one_line, quoted};
use protocol::{FileRole, Message, message};
use std::{fmt, io};

/// Reason why the input cannot be used. `Display` states the problem and its location in one
/// sentence; [`DataError::hint`] says what to do.
#[derive(Clone, Debug, PartialEq)]
pub enum DataError {
    /// A file that is empty, or holds only a byte order mark.
    EmptyFile {
        /// Name of the file.
        file: String,
    },
    /// A file that holds nothing but white space and labels.
    NoText {
        /// Name of the file.
        file: String,
    },
    /// A file that is not text.
    NotText {
        /// Name of the file.
        file: String,
        /// What the file seems to be, e.g. `a PNG image`.
        kind: Message,
    },
    /// A file that cannot be read to its end.
    Unreadable {
        /// Name of the file.
        file: String,
        /// Error message of the system.
        reason: String,
    },
    /// A line that is too long to be a document.
    LineTooLong {
        /// Name of the file; empty until [`DataError::reading`] fills it in.
        file: String,
        /// Line number in the file, from 1.
        line: u64,
        /// Maximum line length in bytes.
        limit: usize,
    },
    /// A compressed file or archive that is truncated or whose checksum does not match; none of it
    /// is used.
    DamagedArchive {
        /// Name of the file.
        file: String,
        /// Name of the format, e.g. `gzip`.
        format: &'static str,
        /// Description of the damage, e.g. `ends early`.
        problem: Message,
    },
    /// A compressed file or archive that unpacks to far more than text does.
    ArchiveTooLarge {
        /// Name of the file.
        file: String,
        /// Name of the format, e.g. `gzip`.
        format: &'static str,
        /// Exceeded limit, in words.
        limit: Message,
    },
    /// An archive that an external unpacker failed to open.
    NotOpened {
        /// Stable code for programs.
        code: &'static str,
        /// Error message of the unpacker.
        message: Message,
        /// Hint of the unpacker.
        hint: Message,
    },
    /// An archive of several files where a single one is needed.
    SeveralFiles {
        /// Name of the file.
        file: String,
        /// Number of texts in the archive.
        files: usize,
    },
    /// An unknown encoding name.
    UnknownEncoding {
        /// Name as written by the user.
        name: String,
    },
    /// None of the files is usable.
    NothingUsable {
        /// Number of files given.
        files: usize,
        /// Error of the first refused file.
        first: Box<DataError>,
    },
    /// No file was given.
    NoFiles,
    /// Text that is too short to learn from.
    TooLittleText {
        /// Number of characters in the corpus.
        characters: u64,
        /// Minimum number of characters.
        needed: u64,
    },
    /// A vocabulary size without room for anything but special tokens.
    VocabularyTooSmall {
        /// Requested size.
        vocab_size: usize,
        /// Minimum size.
        needed: usize,
    },
    /// Text in which no token is frequent enough for the vocabulary, or all tokens are unknown.
    NothingToMask {
        /// Description of what is missing, for the message.
        needed: Message,
    },
    /// A corpus with fewer tokens than one training window.
    CorpusTooSmall {
        /// Number of tokens in the corpus.
        tokens: u64,
        /// Number of tokens in one window.
        needed: u64,
    },
    /// A table that lacks a requested column.
    NoColumn {
        /// Name of the file.
        file: String,
        /// Name as written by the user.
        column: String,
        /// Columns of the table.
        columns: Vec<String>,
    },
    /// A file of lines for which columns were requested.
    NotATable {
        /// Name of the file.
        file: String,
    },
    /// A file with a JSON file name that holds no object.
    NoObject {
        /// Name of the file.
        file: String,
        /// First line that is not an object.
        line: u64,
    },
    /// A table in which no column holds text.
    NoTextColumn {
        /// Name of the file.
        file: String,
        /// Columns of the table.
        columns: Vec<String>,
    },
    /// Next-sentence prediction on fewer than two documents.
    TooFewDocuments {
        /// Number of documents with text.
        documents: u64,
    },
    /// A word vector file without any vectors.
    NoWordVectors,
    /// Word vectors whose width differs from that of the model's embeddings.
    WordVectorWidth {
        /// Width of the vectors.
        found: usize,
        /// Width of the embeddings.
        needed: usize,
    },
    /// A directory without a tokenizer.
    NoTokenizer,
    /// A tokenizer file that is inconsistent or violates its format.
    BadTokenizer {
        /// Name of the file.
        file: String,
        /// Description of the problem and its location.
        problem: Message,
    },
    /// A valid tokenizer of an unsupported kind.
    UnsupportedTokenizer {
        /// Name of the file.
        file: String,
        /// Unsupported part, e.g. `a model "BPE"`.
        part: Message,
    },
    /// No document of a role carries a label.
    NoLabels {
        /// Role of the documents.
        role: FileRole,
        /// Number of documents.
        documents: u64,
        /// Columns of their tables.
        columns: Vec<String>,
        /// Columns that look like labels.
        likely: Vec<String>,
    },
    /// Only one distinct label, where a classifier needs two.
    TooFewLabels {
        /// Name of the only label.
        label: String,
    },
    /// More labels than a classifier may have.
    TooManyLabels {
        /// Number of distinct labels.
        labels: usize,
        /// Maximum number of labels.
        limit: usize,
    },
    /// A document with several labels in a single-label task.
    SeveralLabels {
        /// Line number in its file, from 1.
        line: u64,
        /// Number of labels.
        labels: usize,
    },
    /// A document with one text in a pair task.
    NotAPair {
        /// Line number in its file, from 1.
        line: u64,
    },
    /// A file that holds something other than word vectors.
    NotWordVectors {
        /// What the file seems to be, e.g. `an HTML page`.
        kind: Message,
        /// First line of the file.
        first: String,
    },
}

impl DataError {
    /// Converts an error from reading `file`. A [`DataError`] inside it is returned, with the name
    /// of the file filled in if it is missing.
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

    /// Creates the error for a line that is too long, without the name of its file.
    pub(crate) fn line_too_long(line: u64, limit: usize) -> Self {
        Self::LineTooLong {
            file: String::new(),
            line,
            limit,
        }
    }

    /// Returns a stable code for programs, e.g. `corpus-too-small`.
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

    /// Returns what is wrong and where, in one sentence.
    pub fn message(&self) -> Message {
        match self {
            Self::EmptyFile { file } => message!("{file} is empty", file = quoted(file)),
            Self::NoText { file } => message!("{file} contains no text", file = quoted(file)),
            Self::NotText { file, kind } => {
                message!("{file} is not text but {kind}", file = quoted(file), kind)
            }
            Self::Unreadable { file, reason } => message!(
                "{file} cannot be read: {reason}",
                file = quoted(file),
                reason = on_one_line(reason)
            ),
            Self::LineTooLong { file, line, limit } => {
                message!(
                    "line {line} of {file} is longer than {limit} MiB",
                    line,
                    file = quoted(file),
                    limit = limit >> 20
                )
            }
            Self::DamagedArchive {
                file,
                format,
                problem,
            } => {
                message!(
                    "the {format} file {file} {problem}",
                    format,
                    file = quoted(file),
                    problem
                )
            }
            Self::ArchiveTooLarge {
                file,
                format,
                limit,
            } => {
                message!(
                    "the {format} file {file} unpacks to more than {limit}",
                    format,
                    file = quoted(file),
                    limit
                )
            }
            Self::NotOpened { message, .. } => message.clone(),
            Self::SeveralFiles { file, files } => message!(
                "{file} contains {files} texts, but exactly one is needed",
                file = quoted(file),
                files
            ),
            Self::UnknownEncoding { name } => {
                message!("{name} is not an encoding", name = quoted(name))
            }
            Self::NothingUsable { files: 1, first } => first.message(),
            Self::NothingUsable { files, first } => {
                message!(
                    "none of the {files} files can be used: {first}",
                    files,
                    first = first.message()
                )
            }
            Self::NoFiles => message!("no file was given"),
            Self::TooLittleText { characters, needed } => {
                message!(
                    "the corpus has {characters} characters of text, but at least {needed} are needed",
                    characters,
                    needed
                )
            }
            Self::VocabularyTooSmall { vocab_size, needed } => {
                message!(
                    "a vocabulary of {vocab_size} is too small: it needs at least {needed} entries",
                    vocab_size,
                    needed
                )
            }
            Self::NothingToMask { needed } => {
                message!(
                    "the corpus has {needed}, so there is nothing to mask",
                    needed
                )
            }
            Self::CorpusTooSmall { tokens, needed } => {
                message!(
                    "the corpus has {tokens} tokens, but one sequence needs {needed}",
                    tokens,
                    needed
                )
            }
            Self::NoColumn {
                file,
                column,
                columns,
            } => {
                message!(
                    "{file} has no column {column}; it has {columns}",
                    file = quoted(file),
                    column = quoted(column),
                    columns = Self::columns(columns)
                )
            }
            Self::NotATable { file } => {
                message!(
                    "{file} contains lines of text and has no columns",
                    file = quoted(file)
                )
            }
            Self::NoObject { file, line } => {
                message!(
                    "line {line} of {file} is not a JSON object, and the file contains none",
                    file = quoted(file),
                    line
                )
            }
            Self::NoTextColumn { file, columns } => {
                message!(
                    "no column of {file} contains text; its columns are {columns}",
                    file = quoted(file),
                    columns = Self::columns(columns)
                )
            }
            Self::TooFewDocuments { documents } => {
                message!(
                    "next-sentence prediction needs at least two documents (found: {documents})",
                    documents
                )
            }
            Self::NoWordVectors => message!("the word vector file contains no vectors"),
            Self::WordVectorWidth { found, needed } => {
                message!(
                    "the word vectors have {found} dimensions, but the model's embeddings have {needed}",
                    found,
                    needed
                )
            }
            Self::NoTokenizer => message!("there is neither a tokenizer.json nor a vocab.txt"),
            Self::BadTokenizer { file, problem } => {
                message!("{file} cannot be used: {problem}", file, problem)
            }
            Self::UnsupportedTokenizer { file, part } => {
                message!("{file} uses {part}, which is not supported", file, part)
            }
            Self::NoLabels {
                role,
                documents,
                columns,
                ..
            } => {
                let used = match role {
                    FileRole::Train => message!("training"),
                    FileRole::Valid => message!("validation"),
                    FileRole::Test => message!("test"),
                };
                match columns.as_slice() {
                    [] => message!(
                        "none of the {documents} {role} documents has a label",
                        documents,
                        role = used
                    ),
                    columns => {
                        let columns = Self::columns(columns);
                        message!(
                            "none of the {documents} {role} documents has a label; the columns are {columns}",
                            documents,
                            role = used,
                            columns
                        )
                    }
                }
            }
            Self::TooFewLabels { label } => {
                message!(
                    "every labelled training document has the same label, {label}",
                    label = quoted(label)
                )
            }
            Self::TooManyLabels { labels, limit } => {
                message!(
                    "the training documents have {labels} different labels; at most {limit} can be learned",
                    labels,
                    limit
                )
            }
            Self::SeveralLabels { line, labels } => {
                message!(
                    "line {line} has {labels} labels where one is expected",
                    line,
                    labels
                )
            }
            Self::NotAPair { line } => {
                message!("line {line} has one text where a pair is expected", line)
            }
            Self::NotWordVectors { kind, first } => {
                message!(
                    "the word vector file is {kind}; its first line begins with {first}",
                    kind,
                    first = quoted(first)
                )
            }
        }
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

impl std::error::Error for DataError {}

#[cfg(test)]
mod tests;
