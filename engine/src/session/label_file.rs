//! Labels for each document of a file, as a table: what a person has a classifier for. A file is read in stretches, so that
//! one of any size is labelled in little memory.

use super::ask::{self, Told};
use super::checks::no_model;
use super::review::{hears_no_stop, stopped};
use super::{BATCH_SIZE, Host, Session};
use crate::data::{DataError, Document, InputFile, ReadFile, ReadOptions, read_file};
use crate::error::Result;
use protocol::{Dropped, Event, LabelScore};
use std::ops::ControlFlow;

/// Bytes of text that are in memory together.
const STRETCH_BYTES: usize = 16 << 20;
/// How often a person hears how far it is.
const TOLD_EVERY_SECS: f64 = 0.25;
/// Parts several labels in one cell, and in a table that is trained on.
const SEPARATOR: &str = "|";
/// Spreadsheets take a table for UTF-8 where it begins so; whatever reads it here drops it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A file to label, and what is known of it.
struct Source<'a> {
    file: &'a InputFile,
    options: ReadOptions,
    documents: u64,
    dropped: Vec<Dropped>,
}

impl<H: Host> Session<H> {
    /// Labels each document of `file` and hands out a table of them, as [`Event::Labelled`] says; the columns of a table are
    /// found as `options` say, or by their names where it has none of those.
    ///
    /// # Errors
    /// When there is no classifier, the file cannot be used, or it was stopped.
    pub async fn label_file(
        &mut self,
        request: u64,
        file: &InputFile,
        options: &ReadOptions,
        own_thresholds: bool,
    ) -> Result<()> {
        let model = self.classifier.as_ref().ok_or_else(no_model)?;
        let source = Source::survey(file, options)?;
        let told = Told::Given { own_thresholds };
        let tell = |documents, rows: Vec<Vec<u8>>| {
            let (of, dropped) = (source.documents, source.dropped.clone());
            self.host.emit(Event::Labelled { request, documents, of, dropped }, rows);
        };
        let (mut documents, mut next_told) = (0, self.host.now_secs() + TOLD_EVERY_SECS);
        let mut table = Table::with_header();
        while documents < source.documents {
            let stretch = source.stretch(documents)?;
            // What was counted is gone: the file has become shorter meanwhile.
            if stretch.is_empty() {
                return Err(DataError::NoText { file: file.name.clone() }.into());
            }
            for chunk in stretch.chunks(BATCH_SIZE) {
                let texts: Vec<String> =
                    chunk.iter().map(|document| Vec::from_iter(document.texts()).join("\t")).collect();
                let answers = ask::predict(model, &self.device, &texts, told).await?;
                chunk.iter().zip(&texts).zip(answers).for_each(|((document, text), labels)| {
                    table.push(document.line, text, &labels);
                });
                documents += chunk.len() as u64;
                if !hears_no_stop(&self.host, &mut self.deferred).await? {
                    return Err(stopped());
                }
                if self.host.now_secs() >= next_told && documents < source.documents {
                    tell(documents, Vec::new());
                    next_told = self.host.now_secs() + TOLD_EVERY_SECS;
                }
            }
            tell(documents, vec![table.take()]);
        }
        Ok(())
    }
}

impl<'a> Source<'a> {
    /// Reads the file once, to know how much there is.
    fn survey(file: &'a InputFile, options: &ReadOptions) -> Result<Self> {
        let mut options = ReadOptions { label_column: Some(String::new()), ..options.clone() };
        let count = |options: &ReadOptions| {
            let mut documents = 0;
            let read = read_file(file, options, &mut |_| {
                documents += 1;
                ControlFlow::Continue(())
            });
            read.map(|ReadFile { dropped, .. }| (documents, dropped))
        };
        let counted = match count(&options) {
            Err(DataError::NoColumn { .. }) if options.text_column.is_some() => {
                options.text_column = None;
                count(&options)
            }
            counted => counted,
        };
        let (documents, dropped) = counted?;
        Ok(Self { file, options, documents, dropped })
    }

    /// The documents from number `first` on, as many as are in memory together.
    fn stretch(&self, first: u64) -> Result<Vec<Document>> {
        let (mut place, mut bytes, mut stretch) = (0, 0, Vec::new());
        read_file(self.file, &self.options, &mut |document| {
            if place >= first {
                bytes += document.texts().map(str::len).sum::<usize>();
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
struct Table(csv::Writer<Vec<u8>>);

impl Table {
    fn with_header() -> Self {
        let mut table = Self(csv::Writer::from_writer(BYTE_ORDER_MARK.into()));
        table.write(&["line", "text", "labels", "scores"]);
        table
    }

    fn push(&mut self, line: u64, text: &str, labels: &[LabelScore]) {
        let names: Vec<&str> = labels.iter().map(|label| label.label.as_str()).collect();
        let scores: Vec<String> = labels.iter().map(|label| format!("{:.4}", label.score)).collect();
        self.write(&[&line.to_string(), text, &names.join(SEPARATOR), &scores.join(SEPARATOR)]);
    }

    fn write(&mut self, row: &[&str]) {
        self.0.write_record(row).expect("memory takes it, and all rows are alike");
    }

    fn take(&mut self) -> Vec<u8> {
        let rows = std::mem::replace(&mut self.0, csv::Writer::from_writer(Vec::new()));
        rows.into_inner().expect("memory takes it")
    }
}
