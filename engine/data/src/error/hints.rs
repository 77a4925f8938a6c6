//! A hint for each error: what the user can do about it, in one sentence.

use super::DataError;
use crate::text::shown::quoted;
use protocol::{Message, Setting, message};

impl DataError {
    /// Returns what to do about the error, in one sentence.
    pub fn hint(&self) -> Message {
        match self {
            Self::EmptyFile { .. } | Self::NoText { .. } => {
                message!("Give a text file with one document per line.")
            }
            Self::NotText { kind, .. } => export_hint(kind.template()),
            Self::Unreadable { .. } => {
                message!("Leave the file alone until the run is over, and start again.")
            }
            Self::LineTooLong { .. } => message!("Give one document per line."),
            Self::ArchiveTooLarge { .. } => message!("Give it unpacked, if it is text indeed."),
            Self::DamagedArchive { problem, .. }
                if problem.template().starts_with("is encrypted") =>
            {
                message!("Unpack it with its password, and give the files inside.")
            }
            Self::DamagedArchive { .. } => {
                message!("Pack or download it again, or give it unpacked.")
            }
            Self::NotOpened { hint, .. } => hint.clone(),
            Self::SeveralFiles { file, .. } if file.to_ascii_lowercase().ends_with(".xlsx") => {
                message!("Save one of its sheets as a file of its own, and give that.")
            }
            Self::SeveralFiles { .. } => message!("Unpack it, and give one of its files."),
            Self::UnknownEncoding { .. } => {
                message!("Use a name such as utf-8, gbk, big5, shift_jis or windows-1252.")
            }
            Self::NothingUsable { first, .. } => first.hint(),
            Self::NoFiles => message!("Give at least one text file with one document per line."),
            Self::TooLittleText { .. } => {
                message!("Give more text: a few thousand lines are a good start.")
            }
            Self::VocabularyTooSmall { needed, .. } => {
                message!("Ask for a vocabulary of at least {needed}.", needed)
            }
            Self::NothingToMask { .. } => message!(
                "Give more text, lower {min_count}, or choose another tokenizer (wordpiece, word, char).",
                min_count = Setting::named("min-count")
            ),
            Self::CorpusTooSmall { .. } => message!(
                "Give more text, or lower {max_len}.",
                max_len = Setting::named("max-len")
            ),
            Self::NoColumn { .. } => {
                message!("Use one of its columns, by name or by number from 1.")
            }
            Self::NotATable { .. } => {
                message!(
                    "Leave {text_column} and {label_column} out, or give CSV, TSV or JSON with one row per document.",
                    text_column = Setting::named("text-column"),
                    label_column = Setting::named("label-column")
                )
            }
            Self::NoObject { .. } => {
                message!(
                    "Give one object per line, such as {example}, or name the file .txt to read its lines.",
                    example = "{\"text\": \"some text\", \"label\": \"name\"}"
                )
            }
            Self::NoTextColumn { .. } => message!(
                "Name the column of the text with {text_column}.",
                text_column = Setting::named("text-column")
            ),
            Self::TooFewDocuments { .. } => message!(
                "Give several documents, or leave {nsp} out.",
                nsp = Setting::named("nsp")
            ),
            Self::NoWordVectors | Self::NotWordVectors { .. } => {
                message!("Give word2vec's text form: a word and its numbers on each line.")
            }
            Self::WordVectorWidth { found, .. } => message!(
                "Use {hidden_size} {found}, or vectors of another width.",
                found,
                hidden_size = Setting::named("hidden-size")
            ),
            Self::NoTokenizer => {
                message!("Give the tokenizer.json or the vocab.txt that belongs to the model.")
            }
            Self::BadTokenizer { .. } => {
                message!("Export the model again, or learn a new vocabulary from the corpus.")
            }
            Self::UnsupportedTokenizer { .. } => {
                message!(
                    "Use a model with a BERT tokenizer, or learn a new vocabulary from the corpus."
                )
            }
            Self::NoLabels { columns, .. } if columns.is_empty() => {
                message!("End each line with its labels, as in: some text __label__name.")
            }
            Self::NoLabels {
                likely, columns, ..
            } => {
                let shown = if likely.is_empty() { columns } else { likely };
                let shown = shown
                    .iter()
                    .take(3)
                    .map(|name| quoted(name))
                    .collect::<Vec<_>>()
                    .join(" or ");
                message!(
                    "Name the column of the labels: {label_column} {shown}.",
                    label_column = Setting::named("label-column"),
                    shown
                )
            }
            Self::TooFewLabels { .. } => {
                message!("Give training lines with at least two different labels.")
            }
            Self::TooManyLabels { .. } => {
                message!("Join rare labels, or keep only the most frequent ones.")
            }
            Self::SeveralLabels { .. } => message!(
                "Use {task}, or leave one label on each line.",
                task = Setting::with_value("task", "multi-label")
            ),
            Self::NotAPair { .. } => message!(
                "Separate the two texts by one TAB, or use {task}.",
                task = Setting::with_value("task", "auto")
            ),
        }
    }
}

/// Returns how to extract the text of a file of this kind.
fn export_hint(kind: &str) -> Message {
    let is = |part: &str| kind.contains(part);
    match () {
        () if is("Parquet") || is("Arrow") => message!(
            "Write it as JSON Lines, such as with pandas: read_parquet(\"a.parquet\").to_json(\"a.jsonl\", orient=\"records\", lines=True)."
        ),
        () if is("with a password") => {
            message!("Open it with its password, save a copy without one, and give that file.")
        }
        () if is("Office") || is("OpenDocument") => message!(
            "Save a sheet as .xlsx or CSV (UTF-8), or a document as .docx or plain text, and give that file."
        ),
        () if is("saved model") => message!("Open it as a model, and give text here."),
        () if is("ZIP") || is("archive") => message!("Unpack it, and give the files inside."),
        () if is("PDF") => {
            message!("Extract its text, such as with pdftotext, and give that file.")
        }
        () if is("database") => message!("Export the table as CSV, and give that file."),
        () => message!("Export its text as UTF-8, one document per line, and give that file."),
    }
}
