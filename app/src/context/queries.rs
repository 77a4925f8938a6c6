//! The lab's questions to the engine. The answers come as events, into the state.

use super::AppContext;
use crate::clozes::{GUESSES, bundled_clozes};
use crate::download;
use crate::file_import::{self, Source};
use crate::settings::Settings;
use crate::state::{Question, RunState, StateSlice};
use crate::tr;
use js_sys::{Array, ArrayBuffer};
use leptos::prelude::*;
use protocol::{Command, LineQuery, Phase, RunConfig};
use web_sys::Blob;

/// Entries of the vocabulary table.
const VOCABULARY_ROWS: usize = 50;

/// Documents of one answer.
const LINES: usize = 20;

/// Documents that tell how a file was read.
const FIRST_DOCUMENTS: usize = 5;

/// Guesses and labels asked for.
const TOP_K: usize = 8;

/// Nearest words that are shown.
const NEIGHBOURS: usize = 10;

impl AppContext {
    /// Asks for a text as the model would see it: the document `example`, or what was typed. A run shows it again and again.
    pub fn look(&self, text: Option<String>, example: u64, epoch: u64, config: RunConfig) {
        self.send(Command::PreviewMasking {
            config,
            example,
            epoch,
            text,
        });
    }

    /// Asks for tokens that contain a text.
    pub fn look_up(&self, filter: String) {
        self.filter.set_value(filter);
        self.look_up_again();
    }

    /// Asks for the same tokens of what may be another vocabulary. Within a run the question would wait for its end.
    pub fn look_up_again(&self) {
        if self.peek(|state| state.active().is_some()) {
            return;
        }
        let filter = self.filter.get_value();
        self.send(Command::Vocabulary {
            filter,
            limit: VOCABULARY_ROWS,
        });
    }

    /// Asks for guesses.
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

    /// Asks for the hidden words of the bundled sentences, where the bundled text is in use and a model guesses. While the
    /// last question of the kind waits for its answer there is no other one.
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
            top_k: GUESSES,
        });
    }

    /// Asks for labels.
    pub fn classify(&self, text: String) {
        let request = self
            .state
            .try_update_value(|state| state.ask_labels(&text))
            .unwrap_or_default();
        self.send(Command::Classify {
            request,
            text,
            top_k: TOP_K,
        });
    }

    /// Has each document of a file labelled; `own_thresholds`: each label from its own on; `splits_long`: long texts are read
    /// in parts.
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

    /// Takes rows of the table of labels in, and hands it to the person once it is whole.
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
            // A table with a hole in it is worse than none.
            self.table.set_value(vec![]);
            self.state.update_value(RunState::give_up_labelling);
            self.notify(&[StateSlice::Answers, StateSlice::Runs]);
            self.send(Command::Stop);
            self.complain(
                tr!("The table could not be saved."),
                tr!("Try again, or free some memory."),
            );
        }
    }

    /// Asks where the model looks.
    pub fn attend(&self, text: String) {
        let request = self.next_request(Question::Attention);
        self.send(Command::Attend { request, text });
    }

    /// Has a text cut into tokens.
    pub fn tokenize(&self, text: String) {
        let request = self.next_request(Question::Tokens);
        self.send(Command::Tokenize { request, text });
    }

    /// Asks for the nearest words of a word.
    pub fn neighbours(&self, word: String) {
        let request = self.next_request(Question::Neighbours);
        self.send(Command::Neighbours {
            request,
            word,
            top_k: NEIGHBOURS,
        });
    }

    /// Asks what the classifier confuses.
    pub fn review(&self, split: &str) {
        let request = self.next_long_request(Question::Review);
        self.send(Command::Review {
            request,
            split: split.into(),
        });
    }

    /// Asks for documents, `beyond` so many that are shown already.
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

    /// Asks for the first documents of a file, by its place in the corpus.
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

    /// Asks what the run that is set up would take with each of these presets; `tries`: by trying it out.
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

    /// What was said of other settings holds no more.
    pub fn forget_estimates(&self) {
        self.state.update_value(RunState::forget_estimates);
        self.notify(&[StateSlice::Answers]);
    }

    /// Has n-grams learn the labels.
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
