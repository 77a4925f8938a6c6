//! The state of the page, and how events change it. Events may be repeated or lost, and may name
//! runs that the page does not know: applying an event is always safe. Pure: no browser APIs, no
//! clock.

mod command_line;
mod known;
mod model;
mod preview_histories;
mod preview_history;
mod queries;
mod reasons;
mod recovery;
mod rows;
mod run;
mod run_order;
mod sentence;
mod slice;
mod verdict;

pub use known::{
    Classification, Corpus, DocumentMap, Engine, Evidence, FilledClozes, LabelMeasurement,
    Labelling, Lines, Masking, Neighbours, Notice, Proposals, Tokenized, Vocabulary,
};
pub use model::Model;
use preview_histories::PreviewHistories;
pub use preview_history::{AttentionMap, PreviewHistory, PreviewSnapshot, probability};
pub use queries::Question;
use queries::{Estimating, Requests};
pub use recovery::{Failures, Pulse, Recovery, Silence, ends_the_engine, worded};
pub use run::{HeldOut, Origin, Plan, Progress, Run, Score, Stage, Text};
pub use run_order::{Column, RunOrder};
pub use slice::StateSlice;
pub use verdict::{Next, Verdict};

use crate::mark;
use crate::tr;
use crate::wording::{self, figure, percent};
use protocol::{
    Candidate, Comparison, Estimate, Event, LineQuery, LinearResult, MaskPrediction, Message,
    Phase, PredictedDocument, Review, STOPPED, SlowMotion,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Code of a failure after which the engine no longer responds and must be restarted.
pub const ENGINE_CRASHED: &str = "engine-crashed";
/// Code of the engine's own failure when its device is lost; nothing works after it.
const DEVICE_LOST: &str = "device";

/// Maximum number of warnings stored; a run that warns more often repeats itself.
const WARNINGS: usize = 20;

/// Everything that the page shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    /// State of the engine.
    pub engine: Engine,
    /// Current corpus; `None` until the engine has reported it.
    pub corpus: Option<Corpus>,
    /// Whether other files are being read by the engine; the current corpus stays in use until they
    /// have been.
    pub reading: bool,
    /// Whether the current files could not be read with the column settings now in the form.
    pub columns_refused: bool,
    /// Masking preview.
    pub masking: Option<Masking>,
    /// History of the model's predictions for the preview.
    films: PreviewHistories,
    /// Attention of the text that was typed last.
    pub attended: Option<AttentionMap>,
    /// Name of the model whose attention it is.
    pub attended_by: Option<String>,
    /// Tokens of the text that was typed into the tokenizer's input.
    pub tokenized: Option<Tokenized>,
    /// Nearest neighbours of the word looked up last.
    pub neighbours: Option<Neighbours>,
    /// Error analysis of the classifier.
    pub review: Option<Review>,
    /// Query of the documents requested last.
    lines_asked: Option<LineQuery>,
    /// Documents requested last.
    pub lines: Option<Lines>,
    /// Documents proposed last for labelling by hand.
    pub proposals: Proposals,
    /// Documents with suspicious labels; `None` until they are requested.
    pub suspects: Option<Vec<PredictedDocument>>,
    /// Predictions for a masked word in different contexts, in the order of the texts; empty until
    /// they are requested.
    pub contexts: Vec<Vec<Candidate>>,
    /// The numbers of one masked word.
    pub slow_motion: Option<SlowMotion>,
    /// Scores of linear classifiers trained on labels given by hand, in the order in which they
    /// were measured.
    pub label_measurements: Vec<LabelMeasurement>,
    /// Map of the documents drawn last.
    pub map: Option<Arc<DocumentMap>>,
    /// First documents of a file, as they were read.
    pub first_documents: Option<Lines>,
    /// Estimates of the configured run, by preset.
    pub estimates: BTreeMap<String, Estimate>,
    /// Minimum number of runs of the comparison.
    min_runs: u64,
    /// Pending estimates by request number.
    estimating: BTreeMap<u64, Estimating>,
    /// Run whose model is being loaded from the browser's storage.
    opening: Option<String>,
    /// Request number of the pending long query.
    waiting: Option<u64>,
    /// Scores of the n-gram baseline on the validation documents.
    pub baseline: Option<LinearResult>,
    /// Identifies the labelled documents that the baseline was trained on.
    baseline_of: String,
    /// Vocabulary entries requested last.
    pub vocabulary: Option<Vocabulary>,
    /// Runs, oldest first.
    pub runs: Vec<Run>,
    /// Capabilities of the loaded model.
    pub model: Model,
    /// Answer to the last fill-mask query.
    pub guesses: Option<Vec<MaskPrediction>>,
    /// Previous predictions for a text, by an earlier model or at an earlier step.
    pub earlier: Option<(String, Vec<MaskPrediction>)>,
    /// Text of the last fill-mask query.
    asked: String,
    /// Text of the last classification query.
    labelled_text: String,
    /// Text of the last query for evidence.
    explained_text: String,
    answered: (u64, String),
    /// Answer to the last classification query.
    pub classified: Option<Classification>,
    /// Predictions for the bundled cloze sentences.
    pub clozes: Option<FilledClozes>,
    clozes_wait: bool,
    /// File that is being labelled, or was labelled last.
    pub labelling: Option<Labelling>,
    /// Results of the last comparison.
    pub comparison: Option<Comparison>,
    /// Result of the counting task, as a sentence.
    pub counted: Option<String>,
    /// Latest error notice.
    pub notice: Option<Notice>,
    /// Warnings outside of runs, as (code, message).
    pub warnings: Vec<(String, Message)>,
    /// Warnings about the current corpus, set aside while other files are being read.
    warnings_aside: Vec<(String, Message)>,
    requests: Requests,
    /// Number of different corpora read so far.
    texts: u64,
    /// Number of times that the word vectors were set or removed.
    pub vectors: u64,
    /// Seconds without a response from the engine during a run, if unusually long.
    pub silent_secs: Option<u64>,
}

impl RunState {
    /// Applies an event and returns the slices that it changed.
    pub fn apply(&mut self, event: Event) -> &'static [StateSlice] {
        let topics = StateSlice::touched_by(&event);
        match event {
            Event::Hello { .. } | Event::Alive {} | Event::Exported { .. } => {}
            Event::Ready { device } => self.engine = Engine::Ready(device),
            Event::Corpus {
                files,
                documents,
                labelled_train,
                labelled_valid,
                labelled_test,
                labels,
                traits,
            } => {
                let labelled = [labelled_train, labelled_valid, labelled_test];
                self.replace_corpus(Corpus {
                    files,
                    documents,
                    labelled,
                    labels,
                    traits,
                });
            }
            Event::Masking {
                example,
                tokens,
                run,
                step,
            } => {
                self.films.add(run, step, tokens.clone());
                self.masking = Some(Masking { example, tokens });
            }
            Event::Vocabulary {
                size,
                entries,
                coverage,
                unknown_share,
                lengths,
            } => {
                // Token ids of another vocabulary are no longer valid.
                if self
                    .vocabulary
                    .as_ref()
                    .is_some_and(|before| before.size != size)
                {
                    self.tokenized = None;
                }
                self.vocabulary = Some(Vocabulary {
                    size,
                    entries,
                    coverage,
                    unknown_share,
                    lengths,
                });
            }
            // The bytes are sent alongside the event: see `take_attention`.
            Event::Attention { .. } => {}
            Event::Baseline { result } => {
                let text = self.texts;
                let is_beside = |run: &&mut Run| {
                    run.phase == Phase::Finetune
                        && run.text == text
                        && run.is_here()
                        && run.is_own()
                };
                if let Some(run) = self.runs.iter_mut().rfind(is_beside) {
                    run.baseline = Some(result.test.mean_f1);
                }
                self.baseline = Some(result);
            }
            Event::Guesses { .. }
            | Event::FilledMasks { .. }
            | Event::Classified { .. }
            | Event::Explained { .. }
            | Event::Mapped { .. }
            | Event::LabelsMeasured { .. }
            | Event::SlowMotion { .. }
            | Event::Labelled { .. }
            | Event::Tokenized { .. }
            | Event::Neighbours { .. }
            | Event::Reviewed { .. }
            | Event::Lines { .. }
            | Event::Estimated { .. } => self.take_answer(event),
            Event::Imported {
                summary,
                labels,
                guesses,
            } => {
                self.notice = None;
                self.take_import(summary, &labels, guesses);
            }
            Event::History { run, events, .. } => self.take_history(run, events),
            Event::Warning { run, code, message } => {
                if !self.warn(&run, code, message) {
                    return &[];
                }
            }
            Event::Failed {
                request: Some(request),
                code,
                message,
                hint,
                ..
            } => {
                let is_aside = self.is_asked_aside(request);
                self.end_question(request);
                if code != STOPPED && !is_aside {
                    // A failed query says nothing about the files being read.
                    let reading = std::mem::take(&mut self.reading);
                    self.fail("", &code, message, hint);
                    self.reading = reading;
                }
            }
            Event::Failed {
                run,
                code,
                message,
                hint,
                request: None,
            } => self.fail(&run, &code, message, hint),
            Event::Compared { comparison, .. } => self.comparison = Some(comparison),
            Event::Counted {
                run,
                learned,
                step,
                loss,
                accuracy,
            } => {
                let is_whole = learned || self.run_mut(&run).stage != Stage::Stopped;
                self.counted = Some(match is_whole {
                    true => counting_result(learned, step, loss, accuracy),
                    // The accuracy was not measured, or was measured some steps earlier.
                    false => tr!(
                        "Stopped after {steps}, before it could be told whether it learns.",
                        steps = wording::steps(step)
                    ),
                });
            }
            Event::Finished {
                ref run, stopped, ..
            } => {
                let run = self.run_mut(&run.clone());
                run.apply(event);
                let (id, phase) = (run.id.clone(), run.phase);
                // A run without steps fitted an output layer.
                let learned = run.steps_done() > 0 || !stopped;
                match run.is_own() {
                    true if !learned => {}
                    true => self.model_learned(phase, id),
                    // The runs of a comparison are listed in its own table.
                    false => self
                        .runs
                        .retain(|run| !run.id.starts_with(&format!("{id}-"))),
                }
            }
            // Work outside of runs, such as a preview, creates no row.
            Event::Compiling { ref run, .. } if run.is_empty() => (),
            // The run was deleted while its checkpoint was being stored.
            Event::Checkpoint { ref run, .. } if self.runs.iter().all(|other| other.id != *run) => {
            }
            Event::Started { ref run, .. }
            | Event::RolledBack { ref run, .. }
            | Event::Checkpoint { ref run, .. }
            | Event::ComparedRun { ref run, .. }
            | Event::Compiling { ref run, .. }
            | Event::Step { ref run, .. }
            | Event::Evaluated { ref run, .. }
            | Event::Paused { ref run, .. }
            | Event::Resumed { ref run, .. } => self.run_mut(&run.clone()).apply(event),
        }
        topics
    }

    /// Returns the run that is running or paused, if there is one.
    pub fn active(&self) -> Option<&Run> {
        self.runs.iter().rev().find(|run| !run.stage.is_over())
    }

    /// Returns the run that the page is about: the active one, otherwise the last.
    pub fn current(&self) -> Option<&Run> {
        self.active()
            .or(self.runs.iter().rfind(|run| run.is_here()))
    }

    /// Returns the run whose metrics the run bar shows: the active one, otherwise the last run with
    /// metrics of its own. A finished comparison shows its metrics elsewhere.
    pub fn in_reach(&self) -> Option<&Run> {
        self.active()
            .or(self.runs.iter().rfind(|run| run.is_here() && run.is_own()))
    }

    /// Returns whether the run with this id has ended.
    pub fn is_over(&self, id: &str) -> bool {
        self.runs
            .iter()
            .any(|run| run.id == id && run.stage.is_over())
    }

    /// Returns the runs of a phase that the charts show, oldest first.
    pub fn shown_of(&self, phase: Phase) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs
            .iter()
            .filter(move |run| run.phase == phase && run.shown && run.is_own())
    }

    /// Returns the preview history of a run, otherwise the default one.
    pub fn film(&self, run: Option<&str>) -> &PreviewHistory {
        self.films.of(run, self.active().is_some())
    }

    /// Returns the ids and names of the runs whose preview histories can be selected; empty unless
    /// there are several.
    pub fn runs_with_history(&self) -> Vec<(String, String)> {
        let named = |id: &str| {
            (
                id.to_string(),
                self.runs
                    .iter()
                    .find(|run| run.id == id)
                    .map_or(id.into(), Run::name),
            )
        };
        let runs: Vec<(String, String)> = self
            .films
            .all()
            .filter_map(PreviewHistory::run)
            .map(named)
            .collect();
        if runs.len() > 1 { runs } else { vec![] }
    }

    /// Returns the runs of a phase that were started in this tab, oldest first.
    pub fn runs_of(&self, phase: Phase) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs
            .iter()
            .filter(move |run| run.phase == phase && run.is_here() && run.is_own())
    }

    /// Resets what depends on the engine: a new engine has none of the old one's models. Runs keep
    /// their metrics.
    pub fn restart(&mut self) {
        self.engine = Engine::Loading;
        self.corpus = None;
        self.masking = None;
        self.films = PreviewHistories::default();
        self.vocabulary = None;
        self.drop_first_documents();
        self.model = Model::default();
        self.label_measurements.clear();
        self.forget_answers();
        self.drop_questions();
        self.notice = None;
    }

    fn run_mut(&mut self, id: &str) -> &mut Run {
        let known = self.runs.iter().position(|run| run.id == id);
        let index = known.unwrap_or_else(|| {
            self.runs.push(Run::unknown(id));
            self.runs.len() - 1
        });
        &mut self.runs[index]
    }

    fn replace_corpus(&mut self, corpus: Corpus) {
        // Warnings about the previous corpus may have arrived late; warnings about this one follow.
        if self.corpus.as_ref() != Some(&corpus) {
            self.warnings.clear();
            self.texts += 1;
        }
        self.corpus = Some(corpus);
        self.reading = false;
        self.warnings_aside.clear();
        self.masking = None;
        self.films = PreviewHistories::default();
        self.vocabulary = None;
        self.tokenized = None;
        self.neighbours = None;
        self.review = None;
        self.lines = None;
        self.suspects = None;
        self.map = None;
        self.drop_first_documents();
        self.baseline = None;
        self.forget_estimates();
    }

    /// Marks other files as being read. Warnings about the current ones are set aside and restored
    /// if those stay in use.
    pub fn begin_reading(&mut self) {
        self.reading = true;
        if !self.warnings.is_empty() {
            self.warnings_aside = std::mem::take(&mut self.warnings);
        }
    }

    /// Keeps the current files.
    fn stop_reading(&mut self) {
        if self.reading && !self.warnings_aside.is_empty() {
            self.warnings = std::mem::take(&mut self.warnings_aside);
        }
        self.reading = false;
    }

    /// Adds a warning; returns whether it is new and shown.
    fn warn(&mut self, run: &str, code: String, message: Message) -> bool {
        let warnings = if run.is_empty() {
            &mut self.warnings
        } else {
            &mut self.run_mut(run).warnings
        };
        let warning = (code, message);
        let is_shown = !warnings.contains(&warning) && warnings.len() < WARNINGS;
        if is_shown {
            warnings.push(warning);
        }
        is_shown
    }

    fn fail(&mut self, run: &str, code: &str, message: Message, hint: Message) {
        if run.is_empty() {
            self.stop_reading();
            self.opening = None;
        } else {
            self.run_mut(run).fail(message.clone());
            // The runs of a failed comparison end with it.
            self.runs
                .retain(|other| !other.id.starts_with(&format!("{run}-")));
        }
        // Consequences of a failure are reported too, with less information.
        if ends_the_engine(code) && self.engine == Engine::Crashed {
            return;
        }
        // An engine that could not open its device never becomes ready either.
        let never_opened = run.is_empty() && self.engine == Engine::Loading;
        if ends_the_engine(code) || never_opened {
            self.engine = Engine::Crashed;
            self.drop_questions();
            self.end_open_runs();
        }
        self.notice = Some(Notice { message, hint });
    }

    /// Ends the active runs after a failure of the engine; the runs of a comparison are removed.
    pub fn end_open_runs(&mut self) {
        let open = self.runs.iter_mut().filter(|run| !run.stage.is_over());
        open.for_each(|run| run.fail(Message::phrase(mark!("the engine stopped"))));
        self.runs.retain(|run| !run.is_part_of_comparison());
    }
}

/// Describes the result of the counting task.
fn counting_result(learned: bool, step: u64, loss: f64, accuracy: f64) -> String {
    let (share, loss, steps) = (percent(accuracy), figure(loss, 3), wording::steps(step));
    match learned {
        true => tr!(
            "It learned to count: {share} right, loss {loss} nats, after {steps}.",
            share,
            loss,
            steps
        ),
        false => tr!(
            "It did not learn to count: {share} right, loss {loss} nats, after {steps}.",
            share,
            loss,
            steps
        ),
    }
}

#[cfg(test)]
mod tests;
