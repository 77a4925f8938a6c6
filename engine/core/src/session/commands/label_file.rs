//! Batch labelling: classifies each document of a file and writes the labels to a table. The file
//! is read once, one batch at a time, so that memory stays small for any file size; a table keeps
//! its rows, columns and order.

use crate::data::{
    Answer, DataError, Document, FileRows, InputFile, LabelledTable, ReadFile, ReadOptions, Shape,
    Taken,
};
use crate::error::Result;
use crate::session::checks::no_model;
use crate::session::commands::review::{poll_stop, stopped};
use crate::session::query::inference::{self, LabelSelection};
use crate::session::query::input::{self, BATCH_SIZE, Long};
use crate::session::{Host, Session};
use protocol::{Dropped, Event, Message, TableColumns, inert_cell, message};

/// Bytes of the table that are sent together.
const PART_BYTES: usize = 8 << 20;
/// Seconds between two progress events.
const REPORT_INTERVAL_SECS: f64 = 0.25;
/// Separates several labels in one cell, in this table and in training data.
const SEPARATOR: &str = "|";
/// Makes spreadsheets read the table as UTF-8; our reader skips it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Codes of warnings about labels that a file already has, which are irrelevant when it is
/// labelled.
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

/// Progress of labelling a file.
#[derive(Default)]
struct Progress {
    documents: u64,
    /// Estimated total, by the share of the bytes read; 0 before the first document.
    of: u64,
    dropped: Vec<Dropped>,
    columns: Option<TableColumns>,
    warnings: Vec<Message>,
}

impl<H: Host> Session<H> {
    /// Classifies each document of `file` and sends the table in parts, as [`Event::Labelled`]
    /// describes. The columns of a table are found by `options`, or by their names and values if it
    /// lacks those. The file is read once. Queries are answered meanwhile.
    ///
    /// # Errors
    /// Returns an error if there is no classifier, the file cannot be used or changes meanwhile, or
    /// it was stopped.
    pub async fn label_file(
        &mut self,
        request: u64,
        file: &InputFile,
        options: &ReadOptions,
        (selection, long): (LabelSelection, Long),
    ) -> Result<()> {
        let model = self.models.classifier.clone().ok_or_else(no_model)?;
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
        self.emit_labelled(request, &progress, Vec::new());
        let mut next_report_secs = self.host.now_secs() + REPORT_INTERVAL_SECS;
        let mut table = Table::of(&rows, &chunk);
        while !chunk.is_empty() {
            let texts: Vec<String> = chunk
                .iter()
                .filter_map(|taken| taken.document.as_ref())
                .map(Document::joined)
                .collect();
            let answers =
                inference::predict(&model, &self.device, &texts, (selection, long)).await?;
            cut += texts
                .iter()
                .filter(|text| input::is_cut(&model, text))
                .count() as u64;
            progress.documents += texts.len() as u64;
            let answers = answers.into_iter().zip(&texts);
            let answers = answers
                .map(|(labels, text)| Answer::of(labels, self.unseen_share(text) == Some(1.0)));
            table.push(&chunk, rows.column_names(), answers);
            if !poll_stop(&self.host, &mut self.deferred).await? {
                return Err(stopped());
            }
            self.answer_waiting().await;
            // Progress reaches 100 % only once the whole file was read.
            let estimate = (progress.documents as f64 / rows.share_read()).round() as u64;
            progress.of = estimate.max(progress.documents + 1);
            if table.out.len() >= PART_BYTES {
                self.emit_labelled(request, &progress, vec![std::mem::take(&mut table.out)]);
            } else if self.host.now_secs() >= next_report_secs {
                self.emit_labelled(request, &progress, Vec::new());
                next_report_secs = self.host.now_secs() + REPORT_INTERVAL_SECS;
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
                input::tokens_read(&model),
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
        self.emit_labelled(request, &progress, vec![table.end()]);
        Ok(())
    }

    fn emit_labelled(&self, request: u64, progress: &Progress, rows: Vec<Vec<u8>>) {
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
        self.host.emit_with(event, rows);
    }
}

/// Returns a sentence on how many texts were longer than the model's maximum length; `None` if none
/// was.
pub fn long_texts((cut, texts): (u64, u64), tokens: usize, long: Long) -> Option<Message> {
    let what = match long {
        Long::Cut => message!("only the beginning of each was read"),
        Long::Split => message!("each was read in parts"),
    };
    (cut > 0)
        .then(|| message!("texts longer than the {max_len} tokens that the model reads: {cut} of {texts}; {treatment}", cut, texts, max_len = tokens, treatment = what))
}

/// Returns the options to read `file` with: without the requested text column if the file has no
/// such column.
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

/// The output table, and its bytes that were not sent yet.
struct Table {
    form: Form,
    out: Vec<u8>,
}

enum Form {
    /// Plain text: one output row per line.
    Lines {
        /// Whether the documents are pairs.
        pairs: bool,
    },
    /// A table: each output row keeps the cells of its input row.
    Rows(LabelledTable),
}

impl Table {
    /// Starts the table for a file that begins with `chunk`.
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

    /// Appends a chunk of the file with the predictions for its documents.
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

    /// Returns the rest of the table.
    fn end(mut self) -> Vec<u8> {
        if let Form::Rows(table) = &self.form {
            self.out.extend(table.end());
        }
        self.out
    }
}
