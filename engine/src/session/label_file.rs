//! Labels for each document of a file, as a table: what a person has a classifier for. A file is read in stretches, so that
//! one of any size is labelled in little memory.

use super::ask::{self, Told};
use super::checks::no_model;
use super::review::{hears_no_stop, stopped};
use super::{BATCH_SIZE, Host, Session};
use crate::data::{DataError, Document, InputFile, ReadFile, ReadOptions, read_file};
use crate::error::Result;
use protocol::{Dropped, Event, LabelScore, TableColumns};
use std::ops::ControlFlow;

/// Bytes of documents that are in memory together. Each stretch reads the file from its beginning.
const STRETCH_BYTES: usize = 32 << 20;
/// How often a person hears how far it is.
const TOLD_EVERY_SECS: f64 = 0.25;
/// Parts several labels in one cell, and in a table that is trained on.
const SEPARATOR: &str = "|";
/// Spreadsheets take a table for UTF-8 where it begins so; whatever reads it here drops it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What is said of labels that a file has already, which nobody asked for here.
const OF_LABELS: [&str; 7] = [
    "unnamed-labels",
    "odd-labels",
    "denied-labels",
    "none-label",
    "mixed-label-column",
    "yes-no-columns",
    "long-labels",
];

/// A file to label, and what is known of it.
struct Source<'a> {
    file: &'a InputFile,
    options: ReadOptions,
    documents: u64,
    /// Whether any document has two texts.
    pairs: bool,
    dropped: Vec<Dropped>,
    columns: Option<TableColumns>,
    warnings: Vec<String>,
}

impl<H: Host> Session<H> {
    /// Labels each document of `file` and hands out a table of them, as [`Event::Labelled`] says; the columns of a table are
    /// found as `options` say, or by their names where it has none of those. Questions that change nothing are answered meanwhile.
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
        let source = Source::survey(file, options)?;
        let told = Told::Given { own_thresholds };
        let mut documents = 0;
        self.tell_labelled(request, &source, documents, Vec::new());
        let mut next_told = self.host.now_secs() + TOLD_EVERY_SECS;
        let mut table = Table::with_header(source.pairs);
        while documents < source.documents {
            let stretch = source.stretch(documents)?;
            if stretch.is_empty() {
                let (file, reason) = (file.name.clone(), "it changed while it was read".into());
                return Err(DataError::Unreadable { file, reason }.into());
            }
            for chunk in stretch.chunks(BATCH_SIZE) {
                let texts: Vec<String> =
                    chunk.iter().map(|document| Vec::from_iter(document.texts()).join("\t")).collect();
                let answers = ask::predict(&model, &self.device, &texts, told).await?;
                chunk.iter().zip(answers).for_each(|(document, labels)| table.push(document, &labels));
                documents += chunk.len() as u64;
                if !hears_no_stop(&self.host, &mut self.deferred).await? {
                    return Err(stopped());
                }
                self.answer_waiting().await;
                if self.host.now_secs() >= next_told && documents < source.documents {
                    self.tell_labelled(request, &source, documents, Vec::new());
                    next_told = self.host.now_secs() + TOLD_EVERY_SECS;
                }
            }
            self.tell_labelled(request, &source, documents, vec![table.take()]);
        }
        Ok(())
    }

    fn tell_labelled(&self, request: u64, source: &Source<'_>, documents: u64, rows: Vec<Vec<u8>>) {
        let Source { documents: of, dropped, columns, warnings, .. } = source;
        let (of, dropped, columns, warnings) = (*of, dropped.clone(), columns.clone(), warnings.clone());
        self.host.emit(Event::Labelled { request, documents, of, dropped, columns, warnings }, rows);
    }
}

impl<'a> Source<'a> {
    /// Reads the file once, to know how much there is.
    fn survey(file: &'a InputFile, options: &ReadOptions) -> Result<Self> {
        let mut options = options.clone();
        let (mut documents, mut pairs) = (0, false);
        let mut read = |options: &ReadOptions| {
            (documents, pairs) = (0, false);
            read_file(file, options, &mut |document| {
                documents += 1;
                pairs |= document.second.is_some();
                ControlFlow::Continue(())
            })
        };
        let found = match read(&options) {
            Err(DataError::NoColumn { .. }) if options.text_column.is_some() => {
                options.text_column = None;
                read(&options)
            }
            found => found,
        };
        let ReadFile { dropped, columns, warnings, .. } = found?;
        let warnings = warnings.into_iter().filter(|(code, _)| !OF_LABELS.contains(code));
        let warnings = warnings.map(|(_, message)| message).collect();
        Ok(Self { file, options, documents, pairs, dropped, columns, warnings })
    }

    /// The documents from number `first` on, as many as are in memory together.
    fn stretch(&self, first: u64) -> Result<Vec<Document>> {
        let (mut place, mut bytes, mut stretch) = (0, 0, Vec::new());
        read_file(self.file, &self.options, &mut |document| {
            if place >= first {
                bytes += size_of::<Document>() + document.texts().map(str::len).sum::<usize>();
                stretch.push(document);
            }
            place += 1;
            if bytes < STRETCH_BYTES && place < self.documents {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        Ok(stretch)
    }
}

/// Rows that were not handed out yet.
struct Table {
    rows: csv::Writer<Vec<u8>>,
    pairs: bool,
}

impl Table {
    fn with_header(pairs: bool) -> Self {
        let mut table = Self { rows: csv::Writer::from_writer(BYTE_ORDER_MARK.into()), pairs };
        let texts: &[&str] = if pairs { &["sentence1", "sentence2"] } else { &["text"] };
        table.write(&[&["line"], texts, &["labels", "scores"]].concat());
        table
    }

    fn push(&mut self, document: &Document, labels: &[LabelScore]) {
        let names: Vec<&str> = labels.iter().map(|label| label.label.as_str()).collect();
        let scores: Vec<String> = labels.iter().map(|label| format!("{:.4}", label.score)).collect();
        let (line, names, scores) = (document.line.to_string(), names.join(SEPARATOR), scores.join(SEPARATOR));
        let second = self.pairs.then(|| document.second.as_deref().unwrap_or_default());
        let texts: Vec<&str> = std::iter::once(document.text.as_str()).chain(second).collect();
        self.write(&[&[line.as_str()], texts.as_slice(), &[names.as_str(), scores.as_str()]].concat());
    }

    fn write(&mut self, row: &[&str]) {
        self.rows.write_record(row).expect("memory takes it, and all rows are alike");
    }

    fn take(&mut self) -> Vec<u8> {
        let rows = std::mem::replace(&mut self.rows, csv::Writer::from_writer(Vec::new()));
        rows.into_inner().expect("memory takes it")
    }
}
