//! Queries to the engine. The answers arrive as events and are applied to the state.

use super::AppContext;
use crate::annotation::measure::Measurement;
use crate::clozes::{PREDICTIONS, bundled_clozes};
use crate::download;
use crate::file_import::{self, Source};
use crate::settings::Settings;
use crate::state::{Question, RunState, StateSlice};
use crate::tr;
use js_sys::{Array, ArrayBuffer};
use leptos::prelude::*;
use protocol::{Command, LineQuery, MapSource, Phase, RunConfig};
use web_sys::Blob;

/// Number of rows in the vocabulary table.
const VOCABULARY_ROWS: usize = 50;

/// Number of documents per query.
const LINES: usize = 20;

/// Number of documents in the preview of a file.
const FIRST_DOCUMENTS: usize = 5;

/// Number of predictions and labels requested.
const TOP_K: usize = 8;

/// Number of nearest words shown.
const NEIGHBOURS: usize = 10;

impl AppContext {
    /// Requests a masking preview of the document `example`, or of `text`. An active run reports it
    /// repeatedly.
    pub fn look(&self, text: Option<String>, example: u64, epoch: u64, config: RunConfig) {
        self.send(Command::PreviewMasking {
            config,
            example,
            epoch,
            text,
        });
    }

    /// Filters the vocabulary by a substring.
    pub fn look_up(&self, filter: String) {
        self.filter.set_value(filter);
        self.refresh_vocabulary();
    }

    /// Repeats the vocabulary query, possibly for another vocabulary. During a run the query would
    /// wait for its end, so it is not sent.
    pub fn refresh_vocabulary(&self) {
        if self.peek(|state| state.active().is_some()) {
            return;
        }
        let filter = self.filter.get_value();
        self.send(Command::Vocabulary {
            filter,
            limit: VOCABULARY_ROWS,
        });
    }

    /// Requests predictions for the masked tokens of a text.
    pub fn fill_mask(&self, text: String) {
        let request = self
            .state
            .try_update_value(|state| state.ask_guesses(&text))
            .unwrap_or_default();
        self.send(Command::FillMask {
            request,
            text,
            top_k: TOP_K,
        });
    }

    /// Requests predictions for the bundled cloze sentences, if the bundled corpus is in use and a
    /// model predicts masked tokens. Only one such query is pending at a time.
    pub(super) fn ask_clozes(&self) {
        let can_ask = self.peek(|state| {
            let guesses = state.model.guesses || state.is_learning(Phase::Pretrain);
            guesses && !state.is_waiting_for_clozes()
        });
        if !can_ask || self.has_own_files() {
            return;
        }
        let request = self
            .state
            .try_update_value(RunState::ask_clozes)
            .unwrap_or_default();
        let texts = bundled_clozes()
            .iter()
            .map(|cloze| cloze.text.clone())
            .collect();
        self.send(Command::FillMasks {
            request,
            texts,
            top_k: PREDICTIONS,
        });
    }

    /// Requests the labels of a text.
    pub fn classify(&self, text: String) {
        let request = self
            .state
            .try_update_value(|state| state.ask_labels(&text))
            .unwrap_or_default();
        self.send(Command::Classify {
            request,
            text: text.clone(),
            top_k: TOP_K,
        });
        // During a run, the predictions that this takes would hold up training.
        if self.peek(|state| state.active().is_none()) {
            self.explain(text, None);
        }
    }

    /// Requests a map of the documents.
    pub fn draw_map(&self, source: MapSource) {
        let request = self
            .state
            .try_update_value(|state| state.next_long_request(Question::Map))
            .unwrap_or_default();
        self.notify(&[StateSlice::Answers]);
        self.send(Command::Map { request, source });
    }

    /// Requests the numbers of one masked word of a text: the token at `position`, or the rarest.
    pub fn slow_motion(&self, text: String, position: Option<u64>, layer: u64, head: u64) {
        let request = self.next_request(Question::SlowMotion);
        self.send(Command::SlowMotion {
            request,
            text,
            position,
            layer,
            head,
        });
    }

    /// Requests the scores of a linear classifier trained on labels given by hand.
    pub fn measure_labels(&self, Measurement { training, held_out }: Measurement) {
        let request = self.next_long_request(Question::LabelScores);
        self.send(Command::MeasureLabels {
            request,
            training,
            held_out,
        });
    }

    /// Discards the scores of labels given by hand.
    pub fn forget_label_measurements(&self) {
        self.state
            .update_value(|state| state.label_measurements.clear());
        self.notify(&[StateSlice::Answers]);
    }

    /// Requests predictions for the masked word of each of these texts.
    pub fn compare_contexts(&self, texts: &[&str]) {
        let request = self.next_request(Question::Contexts);
        self.send(Command::FillMasks {
            request,
            texts: texts.iter().map(|text| (*text).into()).collect(),
            top_k: PREDICTIONS,
        });
    }

    /// Requests the evidence for a label of a text; `None` selects a predicted one.
    pub fn explain(&self, text: String, label: Option<String>) {
        let request = self
            .state
            .try_update_value(|state| state.ask_evidence(&text))
            .unwrap_or_default();
        self.send(Command::Explain {
            request,
            text,
            label,
        });
    }

    /// Labels each document of a file. `own_thresholds`: each label uses its own decision
    /// threshold. `splits_long`: long texts are read in parts.
    pub fn label_file(&self, source: &Source, own_thresholds: bool, splits_long: bool) {
        let request = self
            .state
            .try_update_value(|state| state.ask_file(&source.name))
            .unwrap_or_default();
        self.table.set_value(vec![]);
        self.notify(&[StateSlice::Answers, StateSlice::Runs]);
        let (text_column, quoting) = self.settings.with_untracked(|settings| {
            let RunConfig {
                text_column,
                quoting,
                ..
            } = &settings.pretrain;
            (text_column.clone(), *quoting)
        });
        let (files, blobs) = file_import::to_transfer(
            std::slice::from_ref(source),
            self.encoding.get_untracked().as_deref(),
        );
        if let Some(file) = files.into_iter().next() {
            let command = Command::LabelFile {
                request,
                file,
                text_column,
                quoting,
                own_thresholds,
                splits_long,
            };
            self.send_with(command, blobs);
        }
    }

    /// Appends rows to the labelled table and downloads it once it is complete.
    pub(super) fn take_rows(&self, request: u64, rows: &ArrayBuffer) {
        let Some(labelling) = self.peek(|state| state.labelling_of(request)) else {
            return;
        };
        let saved = Blob::new_with_buffer_source_sequence(&Array::of1(rows)).and_then(|part| {
            self.table.update_value(|table| table.push(part));
            if !labelling.is_done() {
                return Ok(());
            }
            let parts: Array = self
                .table
                .try_update_value(std::mem::take)
                .unwrap_or_default()
                .iter()
                .collect();
            download::save_blob(
                &labelling.table_name(),
                &Blob::new_with_blob_sequence(&parts)?,
            )
        });
        if saved.is_err() {
            // A table with missing rows is worse than none.
            self.table.set_value(vec![]);
            self.state.update_value(RunState::give_up_labelling);
            self.notify(&[StateSlice::Answers, StateSlice::Runs]);
            self.send(Command::Stop);
            self.show_error(
                tr!("The table could not be saved."),
                tr!("Try again, or free some memory."),
            );
        }
    }

    /// Requests the attention of a text.
    pub fn attend(&self, text: String) {
        let request = self.next_request(Question::Attention);
        self.send(Command::Attend { request, text });
    }

    /// Splits a text into tokens.
    pub fn tokenize(&self, text: String) {
        let request = self.next_request(Question::Tokens);
        self.send(Command::Tokenize { request, text });
    }

    /// Requests the nearest neighbours of a word.
    pub fn neighbours(&self, word: String) {
        let request = self.next_request(Question::Neighbours);
        self.send(Command::Neighbours {
            request,
            word,
            top_k: NEIGHBOURS,
        });
    }

    /// Requests the error analysis of the classifier.
    pub fn review(&self, split: &str) {
        let request = self.next_long_request(Question::Review);
        self.send(Command::Review {
            request,
            split: split.into(),
        });
    }

    /// Requests documents, in addition to the `beyond` documents already shown.
    pub fn lines(&self, query: LineQuery, beyond: usize) {
        let request = self
            .state
            .try_update_value(|state| state.ask_lines(&query))
            .unwrap_or_default();
        self.notify(&[StateSlice::Answers]);
        self.send(Command::Lines {
            request,
            query,
            limit: beyond + LINES,
        });
    }

    /// Requests documents for the step of labelling; a slow query shows that it is pending.
    pub fn ask_documents(&self, question: Question, query: LineQuery, limit: usize) {
        let request = self
            .state
            .try_update_value(|state| {
                if query.is_slow() {
                    state.next_long_request(question)
                } else {
                    state.next_request(question)
                }
            })
            .unwrap_or_default();
        self.notify(&[StateSlice::Answers]);
        self.send(Command::Lines {
            request,
            query,
            limit,
        });
    }

    /// Requests the first documents of a file, by its index in the corpus.
    pub fn first_documents(&self, file: usize) {
        let request = self
            .state
            .try_update_value(RunState::ask_first_documents)
            .unwrap_or_default();
        self.notify(&[StateSlice::Answers]);
        let query = LineQuery::First { file: file as u64 };
        self.send(Command::Lines {
            request,
            query,
            limit: FIRST_DOCUMENTS,
        });
    }

    /// Requests an estimate of the configured run with each of these presets; `tries`: times a few
    /// steps.
    pub fn estimate<'a>(&self, presets: impl IntoIterator<Item = &'a str>, tries: bool) {
        let config = self
            .settings
            .with_untracked(|settings| settings.pretrain.clone());
        for preset in presets {
            let request = self
                .state
                .try_update_value(|state| state.ask_estimate(preset, tries))
                .unwrap_or_default();
            let config = RunConfig {
                preset: preset.into(),
                ..config.clone()
            };
            self.send(Command::Estimate {
                request,
                config,
                tries,
            });
        }
        self.notify(&[StateSlice::Answers]);
    }

    /// Discards the estimates, which no longer match the settings.
    pub fn forget_estimates(&self) {
        self.state.update_value(RunState::forget_estimates);
        self.notify(&[StateSlice::Answers]);
    }

    /// Trains the n-gram baseline.
    pub fn baseline(&self) {
        let config = self.settings.with_untracked(Settings::finetune);
        self.state.update_value(|state| state.ask_baseline(&config));
        self.send(Command::Baseline { config });
    }

    pub(super) fn next_request(&self, question: Question) -> u64 {
        self.state
            .try_update_value(|state| state.next_request(question))
            .unwrap_or_default()
    }

    fn next_long_request(&self, question: Question) -> u64 {
        let request = self
            .state
            .try_update_value(|state| state.next_long_request(question))
            .unwrap_or_default();
        self.notify(&[StateSlice::Answers]);
        request
    }
}
