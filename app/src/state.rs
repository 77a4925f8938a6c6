//! What the page knows, and how events change it. Events may be repeated or lost and name runs that the page has never
//! heard of: applying one is always safe. Pure: no browser, no clock.

mod known;
mod model;
mod preview_histories;
mod preview_history;
mod queries;
mod reasons;
mod recovery;
mod rows;
mod run;
mod sentence;
mod slice;
mod verdict;

pub use known::{
    Classification, Corpus, Engine, FilledClozes, Labelling, Lines, Masking, Neighbours, Notice,
    Tokenized, Vocabulary,
};
pub use model::Model;
use preview_histories::PreviewHistories;
pub use preview_history::{AttentionMap, PreviewHistory, PreviewSnapshot, probability};
pub use queries::Question;
use queries::{Estimating, Requests};
pub use recovery::{Failures, Pulse, Recovery, Silence, ends_the_engine, worded};
pub use run::{HeldOut, Origin, Plan, Progress, Run, Score, Stage, Text};
pub use slice::StateSlice;
pub use verdict::{Next, Verdict};

use crate::mark;
use crate::tr;
use crate::wording::{self, figure, percent};
use protocol::{
    Comparison, Estimate, Event, LineQuery, LinearResult, MaskPrediction, Phase, Review, STOPPED,
};
use std::collections::BTreeMap;

/// Code of the failure after which the engine answers nothing and must be started anew.
pub const ENGINE_CRASHED: &str = "engine-crashed";
/// Code of the engine's own failure when its device stops answering: nothing works after it.
const DEVICE_LOST: &str = "device";

/// Warnings kept; a run that warns more often repeats itself.
const WARNINGS: usize = 20;

/// Everything the page shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    /// How far the engine is.
    pub engine: Engine,
    /// What was read; `None` until the engine reported it.
    pub corpus: Option<Corpus>,
    /// Whether other files are on their way to the engine; the corpus above stays in use until they are read.
    pub reading: bool,
    /// Whether the present files were not to be read by the columns that are set now.
    pub columns_refused: bool,
    /// The masking preview.
    pub masking: Option<Masking>,
    /// What the model made of that text so far.
    films: PreviewHistories,
    /// Where the model looked in the text that was typed last.
    pub attended: Option<AttentionMap>,
    /// Whose model looked there.
    pub attended_by: Option<String>,
    /// Tokens of the text that was typed to be cut.
    pub tokenized: Option<Tokenized>,
    /// The nearest words of the word that was asked for last.
    pub neighbours: Option<Neighbours>,
    /// What the classifier confuses.
    pub review: Option<Review>,
    /// Which documents were asked for last.
    lines_asked: Option<LineQuery>,
    /// The documents asked for last.
    pub lines: Option<Lines>,
    /// The first documents of a file, as they were read.
    pub first_documents: Option<Lines>,
    /// What the run that is set up would take, by preset.
    pub estimates: BTreeMap<String, Estimate>,
    /// Runs that the comparison takes at least.
    least_runs: u64,
    /// Estimates that are on their way, by the number of the question.
    estimating: BTreeMap<u64, Estimating>,
    /// The run whose model is on its way from the browser's storage.
    opening: Option<String>,
    /// The long question that waits for its answer.
    waiting: Option<u64>,
    /// What n-grams reach on the validation documents.
    pub baseline: Option<LinearResult>,
    /// Which labelled documents those learned from.
    baseline_of: String,
    /// The part of the vocabulary asked for last.
    pub vocabulary: Option<Vocabulary>,
    /// Runs of this tab, oldest first.
    pub runs: Vec<Run>,
    /// What the model at hand can do.
    pub model: Model,
    /// Answer to the last fill-mask question.
    pub guesses: Option<Vec<MaskPrediction>>,
    /// What was guessed for a text before, by an earlier model or at an earlier step.
    pub earlier: Option<(String, Vec<MaskPrediction>)>,
    /// The text of the last fill-mask question, and of its last answer.
    asked: String,
    /// The text of the last classify question.
    labelled_text: String,
    answered: (u64, String),
    /// Answer to the last classify question.
    pub classified: Option<Classification>,
    /// What the model makes of the bundled sentences.
    pub clozes: Option<FilledClozes>,
    clozes_wait: bool,
    /// The file that is labelled, or was last.
    pub labelling: Option<Labelling>,
    /// What the last comparison found.
    pub comparison: Option<Comparison>,
    /// How the counting task ended, in words.
    pub counted: Option<String>,
    /// What went wrong last.
    pub notice: Option<Notice>,
    /// Warnings outside of runs, as (code, message).
    pub warnings: Vec<(String, String)>,
    /// Those of the present text, while other files are on their way.
    warnings_aside: Vec<(String, String)>,
    requests: Requests,
    /// How many different texts were read so far.
    texts: u64,
    /// How often other word vectors were given, or taken away.
    pub vectors: u64,
    /// Seconds for which the engine has not answered amid a run, if that is unusual.
    pub silent_secs: Option<u64>,
}

impl RunState {
    /// Takes in one event and says which topics it touched.
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
                // Tokens of other words mean nothing any more.
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
            // Its bytes come beside it: see `take_attention`.
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
            Event::History { run, events } => self.take_history(run, events),
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
                    // A question that has no answer says nothing of the files on their way.
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
                    // What it had reached was not measured, or a while before.
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
                    // The runs within a comparison stand in its table.
                    false => self
                        .runs
                        .retain(|run| !run.id.starts_with(&format!("{id}-"))),
                }
            }
            // Work that belongs to no run, such as a preview, makes no row.
            Event::Compiling { ref run, .. } if run.is_empty() => (),
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

    /// The run that computes or waits, if there is one.
    pub fn active(&self) -> Option<&Run> {
        self.runs.iter().rev().find(|run| !run.stage.is_over())
    }

    /// The run that a person looks at: the active one, else the last.
    pub fn current(&self) -> Option<&Run> {
        self.active()
            .or(self.runs.iter().rfind(|run| run.is_here()))
    }

    /// The run whose figures stay in reach: the active one, else the last one with figures of its own. A comparison that is over
    /// has its figures elsewhere.
    pub fn in_reach(&self) -> Option<&Run> {
        self.active()
            .or(self.runs.iter().rfind(|run| run.is_here() && run.is_own()))
    }

    /// Whether the run of this name came to an end.
    pub fn is_over(&self, id: &str) -> bool {
        self.runs
            .iter()
            .any(|run| run.id == id && run.stage.is_over())
    }

    /// The runs of a phase that charts show, oldest first.
    pub fn shown_of(&self, phase: Phase) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs
            .iter()
            .filter(move |run| run.phase == phase && run.shown && run.is_own())
    }

    /// The film of that run, else the usual one.
    pub fn film(&self, run: Option<&str>) -> &PreviewHistory {
        self.films.of(run, self.active().is_some())
    }

    /// The runs whose films can be chosen, each with its name; none where there is nothing to choose.
    pub fn filmed(&self) -> Vec<(String, String)> {
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

    /// The runs of a phase that were begun in this tab, oldest first.
    pub fn runs_of(&self, phase: Phase) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs
            .iter()
            .filter(move |run| run.phase == phase && run.is_here() && run.is_own())
    }

    /// A new engine knows nothing of the old one's models; runs keep their figures.
    pub fn restart(&mut self) {
        self.engine = Engine::Loading;
        self.corpus = None;
        self.masking = None;
        self.films = PreviewHistories::default();
        self.vocabulary = None;
        self.drop_first_documents();
        self.model = Model::default();
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
        // What came late about the text before; warnings about this one follow.
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
        self.drop_first_documents();
        self.baseline = None;
        self.forget_estimates();
    }

    /// Other files are on their way; what the present ones gave reason to say is heard again where they stay.
    pub fn begin_reading(&mut self) {
        self.reading = true;
        if !self.warnings.is_empty() {
            self.warnings_aside = std::mem::take(&mut self.warnings);
        }
    }

    /// The present files stay.
    fn stop_reading(&mut self) {
        if self.reading && !self.warnings_aside.is_empty() {
            self.warnings = std::mem::take(&mut self.warnings_aside);
        }
        self.reading = false;
    }

    /// Takes in a warning; whether it is a new one that is shown.
    fn warn(&mut self, run: &str, code: String, message: String) -> bool {
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

    fn fail(&mut self, run: &str, code: &str, message: String, hint: String) {
        if run.is_empty() {
            self.stop_reading();
            self.opening = None;
        } else {
            self.run_mut(run).fail(&message);
            // What failed within a comparison is over with it.
            self.runs
                .retain(|other| !other.id.starts_with(&format!("{run}-")));
        }
        // What follows from a failure is reported too, with less to say.
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

    /// Ends the runs under way, whose engine has failed; the parts of a comparison go.
    pub fn end_open_runs(&mut self) {
        let open = self.runs.iter_mut().filter(|run| !run.stage.is_over());
        open.for_each(|run| run.fail(mark!("the engine stopped")));
        self.runs.retain(|run| !run.is_part_of_comparison());
    }
}

/// How the counting task ended, in words.
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
