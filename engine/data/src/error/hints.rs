//! A hint for each error: what the user can do about it, in one sentence.

use super::DataError;
use crate::text::shown::quoted;
use protocol::{Message, Setting, message};

impl DataError {
    /// Returns what to do about the error, in one sentence.
    pub fn hint(&self) -> Message {
        match self {
            Self::EmptyFile { .. } | Self::NoText { .. } => {
                message!("Use a text file with one document per line.")
            }
            Self::NotText { kind, .. } => export_hint(kind.template()),
            Self::Unreadable { .. } => {
                message!("Start again, and do not change the file until the run has finished.")
            }
            Self::LineTooLong { .. } => message!("Put each document on its own line."),
            Self::ArchiveTooLarge { .. } => message!("If it really is text, unpack it first."),
            Self::DamagedArchive { problem, .. }
                if problem.template().starts_with("is encrypted") =>
            {
                message!("Unpack it with its password, and use the files inside.")
            }
            Self::DamagedArchive { .. } => {
                message!("Compress or download it again, or unpack it first.")
            }
            Self::NotOpened { hint, .. } => hint.clone(),
            Self::SeveralFiles { file, .. } if file.to_ascii_lowercase().ends_with(".xlsx") => {
                message!("Save one of its sheets as a separate file, and use that.")
            }
            Self::SeveralFiles { .. } => message!("Unpack it, and use one of its files."),
            Self::UnknownEncoding { .. } => {
                message!("Use a name such as utf-8, gbk, big5, shift_jis or windows-1252.")
            }
            Self::NothingUsable { first, .. } => first.hint(),
            Self::NoFiles => message!("Provide at least one text file with one document per line."),
            Self::TooLittleText { .. } => {
                message!("Add more text: a few thousand lines are a good start.")
            }
            Self::VocabularyTooSmall { needed, .. } => {
                message!("Set the vocabulary size to at least {needed}.", needed)
            }
            Self::NothingToMask { .. } => message!(
                "Add more text, lower {min_count}, or choose another tokenizer (wordpiece, word, char).",
                min_count = Setting::named("min-count")
            ),
            Self::CorpusTooSmall { .. } => message!(
                "Add more text, or lower {max_len}.",
                max_len = Setting::named("max-len")
            ),
            Self::NoColumn { .. } => {
                message!("Use one of its columns, by name or by number (counting from 1).")
            }
            Self::NotATable { .. } => {
                message!(
                    "Unset {text_column} and {label_column}, or use CSV, TSV or JSON with one row per document.",
                    text_column = Setting::named("text-column"),
                    label_column = Setting::named("label-column")
                )
            }
            Self::NoObject { .. } => {
                message!(
                    "Put one object on each line, such as {example}, or rename the file to .txt to read it as lines.",
                    example = "{\"text\": \"some text\", \"label\": \"name\"}"
                )
            }
            Self::NoTextColumn { .. } => message!(
                "Choose the text column with {text_column}.",
                text_column = Setting::named("text-column")
            ),
            Self::TooFewDocuments { .. } => message!(
                "Add more documents, or turn off {nsp}.",
                nsp = Setting::named("nsp")
            ),
            Self::NoWordVectors | Self::NotWordVectors { .. } => {
                message!("Use word2vec's text format: a word and its numbers on each line.")
            }
            Self::WordVectorWidth { found, .. } => message!(
                "Set {hidden_size} to {found}, or use vectors of another width.",
                found,
                hidden_size = Setting::named("hidden-size")
            ),
            Self::NoTokenizer => {
                message!("Add the model's tokenizer.json or vocab.txt.")
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
                    "Set the label column: {label_column} {columns}.",
                    label_column = Setting::named("label-column"),
                    columns = shown
                )
            }
            Self::TooFewLabels { .. } => {
                message!("Use training documents with at least two different labels.")
            }
            Self::TooManyLabels { .. } => {
                message!("Merge rare labels, or keep only the most frequent ones.")
            }
            Self::SeveralLabels { .. } => message!(
                "Use {task}, or keep only one label on each line.",
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
            "Convert it to JSON Lines, for example with pandas: read_parquet(\"a.parquet\").to_json(\"a.jsonl\", orient=\"records\", lines=True)."
        ),
        () if is("with a password") => {
            message!("Open it with its password, save a copy without one, and use that file.")
        }
        () if is("Office") || is("OpenDocument") => message!(
            "Save a sheet as .xlsx or CSV (UTF-8), or a document as .docx or plain text, and use that file."
        ),
        () if is("saved model") => message!("Open it as a model, and use a text file here."),
        () if is("ZIP") || is("archive") => message!("Unpack it, and use the files inside."),
        () if is("PDF") => {
            message!("Extract its text, for example with pdftotext, and use that file.")
        }
        () if is("database") => message!("Export the table as CSV, and use that file."),
        () => message!("Export its text as UTF-8, one document per line, and use that file."),
    }
}
