//! Labels for each document of a file, as a table: what a person has a classifier for. The file is read once, a batch at a
//! time, so that one of any size is labelled in little memory; a table keeps its rows, columns and order.

use super::checks::no_model;
use super::inference::{self, LabelSelection, Long};
use super::review::{hears_no_stop, stopped};
use super::{BATCH_SIZE, Host, Session};
use crate::data::{
    Answer, DataError, Document, FileRows, InputFile, LabelledTable, ReadFile, ReadOptions, Shape,
    Taken,
};
use crate::error::Result;
use protocol::{Dropped, Event, TableColumns, inert_cell};

/// Bytes of the table that are handed out together.
const PART_BYTES: usize = 8 << 20;
/// How often a person hears how far it is.
const TOLD_EVERY_SECS: f64 = 0.25;
/// Parts several labels in one cell, and in a table that is trained on.
const SEPARATOR: &str = "|";
/// Spreadsheets take a table for UTF-8 where it begins so; whatever reads it here drops it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Codes of warnings about labels that a file has already, which nobody asked for where it is labelled.
pub const LABEL_WARNING_CODES: [&str; 10] = [
    "missing-labels",
    "label-vectors",
    "trimmed-labels",
    "unnamed-labels",
    "odd-labels",
    "denied-labels",
    "none-label",
    "mixed-label-column",
    "yes-no-columns",
    "long-labels",
];

/// How far a file is labelled.
#[derive(Default)]
struct Progress {
    documents: u64,
    /// Of how many, as far as that can be told from the bytes that were read; 0 before the first.
    of: u64,
    dropped: Vec<Dropped>,
    columns: Option<TableColumns>,
    warnings: Vec<String>,
}

impl<H: Host> Session<H> {
    /// Labels each document of `file` and hands out its table, as [`Event::Labelled`] says; the columns of a table are found
    /// as `options` say, or by their names and values where it has none of those. The file is read once. Questions that
    /// change nothing are answered meanwhile.
    ///
    /// # Errors
    /// When there is no classifier, the file cannot be used or changes meanwhile, or it was stopped.
    pub async fn label_file(
        &mut self,
        request: u64,
        file: &InputFile,
        options: &ReadOptions,
        (told, long): (LabelSelection, Long),
    ) -> Result<()> {
        let model = self.classifier.clone().ok_or_else(no_model)?;
        let file = self
            .host
            .open(vec![file.clone()])
            .await
            .single(&file.name)?;
        let options = fitting(&file, &self.reading_as_trained(options.clone()))?;
        let mut rows = FileRows::open(&file, &options, true)?;
        let mut chunk = rows.chunk(BATCH_SIZE)?;
        let mut cut = 0;
        let mut progress = Progress::default();
        self.tell_labelled(request, &progress, Vec::new());
        let mut next_told = self.host.now_secs() + TOLD_EVERY_SECS;
        let mut table = Table::of(&rows, &chunk);
        while !chunk.is_empty() {
            let texts: Vec<String> = chunk
                .iter()
                .filter_map(|taken| taken.document.as_ref())
                .map(Document::joined)
                .collect();
            let answers = inference::predict(&model, &self.device, &texts, (told, long)).await?;
            cut += texts
                .iter()
                .filter(|text| inference::is_cut(&model, text))
                .count() as u64;
            progress.documents += texts.len() as u64;
            let answers = answers.into_iter().zip(&texts);
            let answers = answers
                .map(|(labels, text)| Answer::of(labels, self.unseen_share(text) == Some(1.0)));
            table.push(&chunk, rows.column_names(), answers);
            if !hears_no_stop(&self.host, &mut self.deferred).await? {
                return Err(stopped());
            }
            self.answer_waiting().await;
            // It is over when nothing more comes, not before.
            let estimate = (progress.documents as f64 / rows.share_read()).round() as u64;
            progress.of = estimate.max(progress.documents + 1);
            if table.out.len() >= PART_BYTES {
                self.tell_labelled(request, &progress, vec![std::mem::take(&mut table.out)]);
            } else if self.host.now_secs() >= next_told {
                self.tell_labelled(request, &progress, Vec::new());
                next_told = self.host.now_secs() + TOLD_EVERY_SECS;
            }
            chunk = rows.chunk(BATCH_SIZE)?;
        }
        let ReadFile {
            dropped,
            columns,
            warnings,
            ..
        } = rows.finish()?;
        let warnings = warnings
            .into_iter()
            .filter(|(code, _)| !LABEL_WARNING_CODES.contains(code) && *code != "columns");
        let documents = progress.documents;
        let warnings = warnings.map(|(_, message)| message);
        let warnings = warnings
            .chain(long_texts(
                (cut, documents),
                inference::tokens_read(&model),
                long,
            ))
            .collect();
        let progress = Progress {
            documents,
            of: documents,
            dropped,
            columns,
            warnings,
        };
        self.tell_labelled(request, &progress, vec![table.end()]);
        Ok(())
    }

    fn tell_labelled(&self, request: u64, progress: &Progress, rows: Vec<Vec<u8>>) {
        let Progress {
            documents,
            of,
            dropped,
            columns,
            warnings,
        } = progress;
        let (dropped, columns, warnings) = (dropped.clone(), columns.clone(), warnings.clone());
        let event = Event::Labelled {
            request,
            documents: *documents,
            of: *of,
            dropped,
            columns,
            warnings,
        };
        self.host.emit(event, rows);
    }
}

/// How many of the texts were longer than the model reads, in a sentence; nothing where none was.
pub fn long_texts((cut, texts): (u64, u64), tokens: usize, long: Long) -> Option<String> {
    let what = match long {
        Long::Cut => "only the beginning of each was read",
        Long::Split => "each was read in parts",
    };
    (cut > 0)
        .then(|| format!("{cut} of {texts} texts are longer than the {tokens} tokens that the model reads: {what}"))
}

/// How to read `file`: without the text column that was asked for where it has none of that name.
fn fitting(file: &InputFile, options: &ReadOptions) -> Result<ReadOptions> {
    let options = ReadOptions {
        is_for_prediction: true,
        ..options.clone()
    };
    let begun = FileRows::open(file, &options, false).and_then(|mut rows| rows.next().map(drop));
    match begun {
        Err(DataError::NoColumn { .. } | DataError::NotATable { .. })
            if options.text_column.is_some() =>
        {
            Ok(ReadOptions {
                text_column: None,
                ..options
            })
        }
        begun => begun.map(|()| options).map_err(Into::into),
    }
}

/// The table of answers, and its bytes that were not handed out yet.
struct Table {
    form: Form,
    out: Vec<u8>,
}

enum Form {
    /// A line of text is a row of a table of its own.
    Lines {
        /// Whether rows hold two texts.
        pairs: bool,
    },
    /// A row of a table keeps all that it has.
    Rows(LabelledTable),
}

impl Table {
    /// For a file that begins with `chunk`.
    fn of(rows: &FileRows<'_>, chunk: &[Taken]) -> Self {
        if rows.shape != Shape::Lines {
            return Self {
                form: Form::Rows(LabelledTable::new(rows, Some(SEPARATOR), true)),
                out: Vec::new(),
            };
        }
        let pairs = chunk
            .iter()
            .filter_map(|taken| taken.document.as_ref())
            .any(|document| document.second.is_some());
        let mut table = Self {
            form: Form::Lines { pairs },
            out: BYTE_ORDER_MARK.into(),
        };
        let texts: &[&str] = if pairs {
            &["sentence1", "sentence2"]
        } else {
            &["text"]
        };
        table.write(&[&["line"], texts, &["labels", "scores"]].concat());
        table
    }

    /// Takes places of the file with the answers to their documents.
    fn push(
        &mut self,
        chunk: &[Taken],
        columns: &[String],
        mut answers: impl Iterator<Item = Answer>,
    ) {
        for taken in chunk {
            let answer = taken
                .document
                .as_ref()
                .map(|_| answers.next().expect("an answer per document"));
            match (&mut self.form, answer) {
                (Form::Rows(table), answer) => {
                    self.out.extend(table.push(taken, columns, answer.as_ref()))
                }
                (Form::Lines { pairs }, Some(answer)) => {
                    let pairs = *pairs;
                    self.push_line(
                        taken.document.as_ref().expect("it has an answer"),
                        pairs,
                        &answer,
                    );
                }
                (Form::Lines { .. }, None) => {}
            }
        }
    }

    fn push_line(&mut self, document: &Document, pairs: bool, answer: &Answer) {
        let scores: Vec<String> = answer
            .probabilities
            .iter()
            .map(|score| format!("{score:.4}"))
            .collect();
        let names: Vec<_> = answer
            .labels
            .iter()
            .map(|label| inert_cell(label))
            .collect();
        let (line, names, scores) = (
            document.line.to_string(),
            names.join(SEPARATOR),
            scores.join(SEPARATOR),
        );
        let second = pairs.then(|| document.second.as_deref().unwrap_or_default());
        let texts: Vec<_> = std::iter::once(document.text.as_str())
            .chain(second)
            .map(inert_cell)
            .collect();
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        self.write(
            &[
                &[line.as_str()],
                texts.as_slice(),
                &[names.as_str(), scores.as_str()],
            ]
            .concat(),
        );
    }

    fn write(&mut self, row: &[&str]) {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        writer.write_record(row).expect("memory takes it");
    }

    /// The rest of the table.
    fn end(mut self) -> Vec<u8> {
        if let Form::Rows(table) = &self.form {
            self.out.extend(table.end());
        }
        self.out
    }
}
