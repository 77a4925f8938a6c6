//! What to do about each error, in one sentence.

use super::DataError;
use crate::shown::quoted;

impl DataError {
    /// What to do, in one sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::EmptyFile { .. } | Self::NoText { .. } => "Give a text file with one document per line.".into(),
            Self::NotText { kind, .. } => export_hint(kind).into(),
            Self::Unreadable { .. } => "Leave the file alone until the run is over, and start again.".into(),
            Self::LineTooLong { .. } => "Give one document per line.".into(),
            Self::ArchiveTooLarge { .. } => "Give it unpacked, if it is text indeed.".into(),
            Self::DamagedArchive { problem, .. } if problem.starts_with("is encrypted") => {
                "Unpack it with its password, and give the files inside.".into()
            }
            Self::DamagedArchive { .. } => "Pack or download it again, or give it unpacked.".into(),
            Self::NotOpened { hint, .. } => hint.clone(),
            Self::SeveralFiles { file, .. } if file.to_ascii_lowercase().ends_with(".xlsx") => {
                "Save one of its sheets as a file of its own, and give that.".into()
            }
            Self::SeveralFiles { .. } => "Unpack it, and give one of its files.".into(),
            Self::UnknownEncoding { .. } => "Use a name such as utf-8, gbk, big5, shift_jis or windows-1252.".into(),
            Self::NothingUsable { first, .. } => first.hint(),
            Self::NoFiles => "Give at least one text file with one document per line.".into(),
            Self::TooLittleText { .. } => "Give more text: a few thousand lines are a good start.".into(),
            Self::VocabularyTooSmall { needed, .. } => format!("Ask for a vocabulary of at least {needed}."),
            Self::NothingToMask { .. } => "Give more text, lower --min-count, or choose another tokenizer (wordpiece, word, char).".into(),
            Self::CorpusTooSmall { .. } => "Give more text, or lower --max-len.".into(),
            Self::NoColumn { .. } => "Use one of its columns, by name or by number from 1.".into(),
            Self::NotATable { .. } => {
                "Leave --text-column and --label-column out, or give CSV, TSV or JSON with one row per document.".into()
            }
            Self::NoObject { .. } => {
                "Give one object per line, such as {\"text\": \"some text\", \"label\": \"name\"}, or name the file .txt \
                 to read its lines."
                    .into()
            }
            Self::NoTextColumn { .. } => "Name the column of the text with --text-column.".into(),
            Self::TooFewDocuments { .. } => "Give several documents, or leave --nsp out.".into(),
            Self::NoWordVectors | Self::NotWordVectors { .. } => {
                "Give word2vec's text form: a word and its numbers on each line.".into()
            }
            Self::WordVectorWidth { found, .. } => format!("Use --hidden-size {found}, or vectors of another width."),
            Self::NoTokenizer => "Give the tokenizer.json or the vocab.txt that belongs to the model.".into(),
            Self::BadTokenizer { .. } => "Export the model again, or learn a new vocabulary from the corpus.".into(),
            Self::UnsupportedTokenizer { .. } => {
                "Use a model with a BERT tokenizer, or learn a new vocabulary from the corpus.".into()
            }
            Self::NoLabels { columns, .. } if columns.is_empty() => {
                "End each line with its labels, as in: some text __label__name.".into()
            }
            Self::NoLabels { likely, columns, .. } => {
                let shown = if likely.is_empty() { columns } else { likely };
                let shown = shown.iter().take(3).map(|name| quoted(name)).collect::<Vec<_>>().join(" or ");
                format!("Name the column of the labels: --label-column {shown}.")
            }
            Self::TooFewLabels { .. } => "Give training lines with at least two different labels.".into(),
            Self::TooManyLabels { .. } => "Join rare labels, or keep only the most frequent ones.".into(),
            Self::SeveralLabels { .. } => "Use --task multi-label, or leave one label on each line.".into(),
            Self::NotAPair { .. } => "Separate the two texts by one TAB, or use --task auto.".into(),
        }
    }
}

/// How to get the text out of a file of this kind.
fn export_hint(kind: &str) -> &'static str {
    let is = |part: &str| kind.contains(part);
    match () {
        () if is("Parquet") || is("Arrow") => {
            "Write it as JSON Lines, such as with pandas: read_parquet(\"a.parquet\").to_json(\"a.jsonl\", \
             orient=\"records\", lines=True)."
        }
        () if is("with a password") => {
            "Open it with its password, save a copy without one, and give that file."
        }
        () if is("Office") || is("OpenDocument") => {
            "Save a sheet as .xlsx or CSV (UTF-8), or a document as .docx or plain text, and give that file."
        }
        () if is("saved model") => "Open it as a model, and give text here.",
        () if is("ZIP") || is("archive") => "Unpack it, and give the files inside.",
        () if is("PDF") => "Extract its text, such as with pdftotext, and give that file.",
        () if is("database") => "Export the table as CSV, and give that file.",
        () => "Export its text as UTF-8, one document per line, and give that file.",
    }
}
