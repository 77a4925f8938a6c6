//! Labels for each document of a file, as a table: what a person has a classifier for. The file is read once, a batch at a
//! time, so that one of any size is labelled in little memory; a table keeps its rows, columns and order.

use super::ask::{self, Long, Told};
use super::checks::no_model;
use super::review::{hears_no_stop, stopped};
use super::{BATCH_SIZE, Host, Session};
use crate::data::{
    Answer, DataError, Document, FileRows, InputFile, LabelledTable, ReadFile, ReadOptions, Shape, Taken,
};
use crate::error::Result;
use protocol::{Dropped, Event, LabelScore, TableColumns};

/// Bytes of the table that are handed out together.
const PART_BYTES: usize = 8 << 20;
/// Rows that are in memory together, those without text among them.
const MAX_ROWS: usize = 4096;
/// How often a person hears how far it is.
const TOLD_EVERY_SECS: f64 = 0.25;
/// Parts several labels in one cell, and in a table that is trained on.
const SEPARATOR: &str = "|";
/// Spreadsheets take a table for UTF-8 where it begins so; whatever reads it here drops it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Codes of warnings about labels that a file has already, which nobody asked for where it is labelled.
pub const IS_OF_LABELS: [&str; 10] = [
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
        own_thresholds: bool,
    ) -> Result<()> {
        let model = self.classifier.clone().ok_or_else(no_model)?;
        let options = fitting(file, options)?;
        let mut rows = FileRows::open(file, &options, true)?;
        let mut chunk = next_chunk(&mut rows)?;
        let told = Told::Given { own_thresholds };
        let mut progress = Progress::default();
        self.tell_labelled(request, &progress, Vec::new());
        let mut next_told = self.host.now_secs() + TOLD_EVERY_SECS;
        let mut table = Table::of(&rows, &chunk);
        while !chunk.is_empty() {
            let texts: Vec<String> = chunk.iter().filter_map(|taken| taken.document.as_ref()).map(text_of).collect();
            let answers = ask::predict(&model, &self.device, &texts, (told, Long::Cut)).await?;
            progress.documents += texts.len() as u64;
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
            chunk = next_chunk(&mut rows)?;
        }
        let ReadFile { dropped, columns, warnings, .. } = rows.finish()?;
        let warnings = warnings.into_iter().filter(|(code, _)| !IS_OF_LABELS.contains(code) && *code != "columns");
        let warnings = warnings.map(|(_, message)| message).collect();
        let documents = progress.documents;
        let progress = Progress { documents, of: documents, dropped, columns, warnings };
        self.tell_labelled(request, &progress, vec![table.end()]);
        Ok(())
    }

    fn tell_labelled(&self, request: u64, progress: &Progress, rows: Vec<Vec<u8>>) {
        let Progress { documents, of, dropped, columns, warnings } = progress;
        let (dropped, columns, warnings) = (dropped.clone(), columns.clone(), warnings.clone());
        let event = Event::Labelled { request, documents: *documents, of: *of, dropped, columns, warnings };
        self.host.emit(event, rows);
    }
}

/// How to read `file`: without the text column that was asked for where it has none of that name.
fn fitting(file: &InputFile, options: &ReadOptions) -> Result<ReadOptions> {
    let options = ReadOptions { is_for_prediction: true, ..options.clone() };
    let begun = FileRows::open(file, &options, false).and_then(|mut rows| rows.next().map(drop));
    match begun {
        Err(DataError::NoColumn { .. } | DataError::NotATable { .. }) if options.text_column.is_some() => {
            Ok(ReadOptions { text_column: None, ..options })
        }
        begun => begun.map(|()| options).map_err(Into::into),
    }
}

/// The next places of a file, up to as many documents as a network answers at once; none at the end.
fn next_chunk(rows: &mut FileRows<'_>) -> Result<Vec<Taken>> {
    let (mut chunk, mut documents) = (Vec::new(), 0);
    while documents < BATCH_SIZE && chunk.len() < MAX_ROWS {
        let Some(taken) = rows.next()? else { break };
        documents += usize::from(taken.document.is_some());
        chunk.push(taken);
    }
    Ok(chunk)
}

/// The two texts of a pair with a tab between them.
fn text_of(document: &Document) -> String {
    document.texts().collect::<Vec<_>>().join("\t")
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
            return Self { form: Form::Rows(LabelledTable::new(rows, Some(SEPARATOR), true)), out: Vec::new() };
        }
        let pairs = chunk.iter().filter_map(|taken| taken.document.as_ref()).any(|document| document.second.is_some());
        let mut table = Self { form: Form::Lines { pairs }, out: BYTE_ORDER_MARK.into() };
        let texts: &[&str] = if pairs { &["sentence1", "sentence2"] } else { &["text"] };
        table.write(&[&["line"], texts, &["labels", "scores"]].concat());
        table
    }

    /// Takes places of the file with the answers to their documents.
    fn push(&mut self, chunk: &[Taken], columns: &[String], answers: Vec<Vec<LabelScore>>) {
        let mut answers = answers.into_iter();
        for taken in chunk {
            let labels = taken.document.as_ref().map(|_| answers.next().expect("an answer per document"));
            match (&mut self.form, labels) {
                (Form::Rows(table), labels) => {
                    let answer = labels.map(answer);
                    self.out.extend(table.push(taken, columns, answer.as_ref()));
                }
                (Form::Lines { pairs }, Some(labels)) => {
                    let pairs = *pairs;
                    self.push_line(taken.document.as_ref().expect("it has labels"), pairs, labels);
                }
                (Form::Lines { .. }, None) => {}
            }
        }
    }

    fn push_line(&mut self, document: &Document, pairs: bool, labels: Vec<LabelScore>) {
        let names: Vec<&str> = labels.iter().map(|label| label.label.as_str()).collect();
        let scores: Vec<String> = labels.iter().map(|label| format!("{:.4}", label.score)).collect();
        let (line, names, scores) = (document.line.to_string(), names.join(SEPARATOR), scores.join(SEPARATOR));
        let second = pairs.then(|| document.second.as_deref().unwrap_or_default());
        let texts: Vec<&str> = std::iter::once(document.text.as_str()).chain(second).collect();
        self.write(&[&[line.as_str()], texts.as_slice(), &[names.as_str(), scores.as_str()]].concat());
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

fn answer(labels: Vec<LabelScore>) -> Answer {
    let confidence = labels.first().map_or(0.0, |best| best.score);
    let is_unsure = labels.is_empty();
    let (labels, scores) = labels.into_iter().map(|LabelScore { label, score }| (label, score)).unzip();
    Answer { labels, scores, confidence, is_unsure }
}
