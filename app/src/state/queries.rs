//! Queries to the engine and their answers. Only the answer to the last query of each kind is used.
//! Predictions of an earlier model are kept for comparison with those of the current one.

use super::{
    AttentionMap, Classification, DocumentMap, Evidence, FilledClozes, LabelMeasurement, Labelling,
    Lines, Neighbours, Proposals, Run, RunState, Tokenized,
};
use protocol::{Event, LineQuery, MaskPrediction};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Request number of the last query of each kind; answers to earlier ones are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Requests {
    last: u64,
    by_question: BTreeMap<Question, u64>,
}

impl Requests {
    /// Returns the number of the last query of a kind; 0 if there was none.
    fn number(&self, question: Question) -> u64 {
        self.by_question.get(&question).copied().unwrap_or(0)
    }

    /// Ignores answers to queries of a kind.
    fn forget(&mut self, question: Question) {
        self.by_question.remove(&question);
    }
}

/// Kind of a query to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Predictions for masked tokens.
    Guesses,
    /// Predictions for the masked words of the cloze sentences.
    Clozes,
    /// Labels of a text.
    Labels,
    /// Evidence for a label of that text.
    Evidence,
    /// Labels of the documents of a file.
    File,
    /// Attention of a text.
    Attention,
    /// Tokens of a text.
    Tokens,
    /// Nearest neighbours of a word.
    Neighbours,
    /// Error analysis.
    Review,
    /// Documents selected by a query.
    Lines,
    /// First documents of a file.
    FirstDocuments,
    /// Documents to label by hand.
    Proposals,
    /// Documents with suspicious labels.
    Suspects,
    /// A map of the documents.
    Map,
    /// Predictions for a masked word in different contexts.
    Contexts,
    /// The numbers of one masked word.
    SlowMotion,
    /// Scores of labels given by hand.
    LabelScores,
    /// A model as a file: every export is delivered, even if another is requested later.
    Export,
}

/// A pending estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Estimating {
    preset: String,
    /// Whether steps are timed.
    tries: bool,
    /// Whether the settings have changed since.
    stale: bool,
}

impl RunState {
    /// Returns the request number of a new query of a kind; answers to earlier queries of that kind
    /// are ignored from now on.
    pub fn next_request(&mut self, question: Question) -> u64 {
        let requests = &mut self.requests;
        requests.last += 1;
        requests.by_question.insert(question, requests.last);
        requests.last
    }

    /// Like [`Self::next_request`], for a slow query: the page shows that it is pending until it is
    /// answered.
    pub fn next_long_request(&mut self, question: Question) -> u64 {
        let request = self.next_request(question);
        self.waiting = Some(request);
        request
    }

    /// Returns whether a long query is pending.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Returns whether a long query of this kind is pending.
    pub fn is_waiting_for(&self, question: Question) -> bool {
        self.waiting == Some(self.requests.number(question))
    }

    /// Drops all pending queries, which the engine will no longer answer.
    pub(super) fn drop_questions(&mut self) {
        (self.waiting, self.opening) = (None, None);
        self.proposals = Proposals {
            request: self.requests.number(Question::Proposals),
            documents: vec![],
        };
        self.clozes_wait = false;
        self.labelling = self.labelling.take().filter(Labelling::is_done);
        self.estimating.clear();
    }

    /// Ends a query that was answered or failed.
    pub(super) fn end_question(&mut self, request: u64) {
        self.estimating.remove(&request);
        if request == self.requests.number(Question::Proposals) {
            self.proposals = Proposals {
                request,
                documents: vec![],
            };
        }
        self.waiting = self.waiting.filter(|waiting| *waiting != request);
        self.clozes_wait &= request != self.requests.number(Question::Clozes);
        if request == self.requests.number(Question::File) {
            self.labelling = self.labelling.take().filter(Labelling::is_done);
        }
    }

    /// Returns whether a classifier can choose documents to label: a fine-tuned one, or one trained
    /// on labels given by hand.
    pub fn can_choose_documents(&self) -> bool {
        self.model.classifier || !self.label_measurements.is_empty()
    }

    /// Returns whether the first documents of the current files have not been requested yet.
    pub fn wants_first_documents(&self) -> bool {
        self.corpus.is_some() && self.requests.number(Question::FirstDocuments) == 0
    }

    /// Returns the request number of a query for the first documents of a file, and clears those of
    /// another one.
    pub fn ask_first_documents(&mut self) -> u64 {
        self.first_documents = None;
        self.next_request(Question::FirstDocuments)
    }

    /// Clears the first documents, and ignores pending ones, since other files were read.
    pub(super) fn drop_first_documents(&mut self) {
        self.first_documents = None;
        self.requests.forget(Question::FirstDocuments);
    }

    /// Returns whether steps of any run are being timed.
    pub fn is_measuring(&self) -> bool {
        self.estimating
            .values()
            .any(|pending| pending.tries && !pending.stale)
    }

    /// Returns whether an answer is not awaited: a preset that fits no run is not an error unless
    /// it is selected.
    pub(super) fn is_asked_aside(&self, request: u64) -> bool {
        self.estimating
            .get(&request)
            .is_some_and(|pending| pending.stale || !pending.tries)
    }

    /// Returns whether steps of a run with this preset are being timed.
    pub fn is_estimating(&self, preset: &str) -> bool {
        self.estimating
            .values()
            .any(|pending| pending.tries && !pending.stale && pending.preset == preset)
    }

    /// Returns the request number of an estimate for this preset; `tries`: with timed steps.
    pub fn ask_estimate(&mut self, preset: &str, tries: bool) -> u64 {
        self.requests.last += 1;
        self.estimating.insert(
            self.requests.last,
            Estimating {
                preset: preset.into(),
                tries,
                stale: false,
            },
        );
        self.requests.last
    }

    /// Discards the estimates, including pending ones, since the settings have changed.
    pub fn forget_estimates(&mut self) {
        self.estimates.clear();
        self.estimating
            .values_mut()
            .for_each(|pending| pending.stale = true);
    }

    /// Applies an answer, unless it is outdated by a later query of its kind.
    pub(super) fn take_answer(&mut self, event: Event) {
        let requests = self.requests.clone();
        let last = |question| requests.number(question);
        match &event {
            Event::Reviewed { request, .. }
            | Event::Lines { request, .. }
            | Event::LabelsMeasured { request, .. }
            | Event::Mapped { request, .. } => self.end_question(*request),
            _ => (),
        }
        match event {
            Event::Tokenized {
                request,
                tokens,
                count,
            } if request == last(Question::Tokens) => {
                self.tokenized = Some(Tokenized { tokens, count });
            }
            Event::Neighbours {
                request,
                word,
                own,
                model,
            } if request == last(Question::Neighbours) => {
                self.neighbours = Some(Neighbours { word, own, model });
            }
            Event::Reviewed { request, review } if request == last(Question::Review) => {
                self.review = Some(review);
                self.lines = None;
            }
            Event::Lines {
                request,
                lines,
                more,
            } if request == last(Question::Lines) => {
                self.lines = Some(Lines {
                    of: self.lines_asked.clone(),
                    lines,
                    more,
                });
            }
            Event::Lines {
                request,
                lines,
                more,
            } if request == last(Question::FirstDocuments) => {
                self.first_documents = Some(Lines {
                    of: None,
                    lines,
                    more,
                });
            }
            Event::Lines { request, lines, .. } if request == last(Question::Proposals) => {
                self.proposals = Proposals {
                    request,
                    documents: lines,
                };
            }
            Event::Lines { request, lines, .. } if request == last(Question::Suspects) => {
                self.suspects = Some(lines);
            }
            Event::Mapped {
                request,
                points,
                more,
            } if request == last(Question::Map) => {
                self.map = Some(Arc::new(DocumentMap { points, more }));
            }
            Event::SlowMotion { request, motion } if request == last(Question::SlowMotion) => {
                self.slow_motion = Some(motion);
            }
            Event::LabelsMeasured {
                request,
                held_out,
                scores,
            } if request == last(Question::LabelScores) && !scores.is_empty() => {
                // A repeated measurement of the same labels replaces the one before.
                let documents = scores[0].documents;
                self.label_measurements
                    .pop_if(|last| last.scores[0].documents == documents);
                self.label_measurements
                    .push(LabelMeasurement { held_out, scores });
            }
            Event::Guesses { request, masks }
                if request == last(Question::Guesses) && request != self.answered.0 =>
            {
                self.set_guesses_aside();
                self.answered = (request, self.asked.clone());
                self.guesses = Some(masks);
            }
            Event::FilledMasks {
                request,
                step,
                guesses,
            } if request == last(Question::Clozes) => {
                self.clozes_wait = false;
                self.clozes = Some(FilledClozes { step, guesses });
            }
            Event::FilledMasks {
                request, guesses, ..
            } if request == last(Question::Contexts) => self.contexts = guesses,
            Event::Classified {
                request,
                labels,
                threshold,
                cutoffs,
                thresholds,
                words,
                unseen,
            } if request == last(Question::Labels) => {
                let text = self.labelled_text.clone();
                self.classified = Some(Classification {
                    text,
                    labels,
                    threshold,
                    cutoffs,
                    thresholds,
                    words,
                    unseen,
                    evidence: None,
                });
            }
            Event::Explained {
                request,
                label,
                words,
                more,
                ..
            } if request == last(Question::Evidence) => {
                let explained = &self.explained_text;
                let classified = self.classified.as_mut();
                if let Some(classified) = classified.filter(|of| of.text == *explained) {
                    classified.evidence = Some(Evidence { label, words, more });
                }
            }
            Event::Labelled {
                request,
                documents,
                of,
                dropped,
                columns,
                warnings,
            } if request == last(Question::File) => {
                if let Some(Labelling { name, .. }) = self.labelling.take() {
                    let columns = columns.map(|columns| columns.text).unwrap_or_default();
                    self.labelling = Some(Labelling {
                        name,
                        documents,
                        of,
                        dropped,
                        columns,
                        warnings,
                    });
                }
            }
            Event::Estimated { request, estimate } => {
                let pending = self
                    .estimating
                    .remove(&request)
                    .filter(|pending| !pending.stale);
                self.estimates
                    .extend(pending.map(|pending| (pending.preset, estimate)));
            }
            _ => {}
        }
    }

    /// Applies the attention of an [`Event::Attention`] and the bytes sent with it. Request 0
    /// belongs to the masking preview.
    pub fn take_attention(&mut self, event: &Event, bytes: Vec<u8>) {
        let Event::Attention {
            request,
            run,
            step,
            tokens,
            layers,
            heads,
        } = event
        else {
            return;
        };
        let Some(map) = AttentionMap::new(tokens.clone(), *layers, *heads, bytes) else {
            return;
        };
        match *request {
            0 => self.films.attend(run, *step, map),
            request if request == self.requests.number(Question::Attention) => {
                let learning = self
                    .runs
                    .iter()
                    .find(|other| !run.is_empty() && other.id == *run)
                    .map(Run::name);
                self.attended_by = learning.or_else(|| self.model_name(self.model.latest));
                self.attended = Some(map);
            }
            _ => {}
        }
    }

    /// Returns the request number of a query for the labels of this text.
    pub fn ask_labels(&mut self, text: &str) -> u64 {
        self.labelled_text = text.into();
        self.next_request(Question::Labels)
    }

    /// Returns the request number of a query for the evidence of this text.
    pub fn ask_evidence(&mut self, text: &str) -> u64 {
        self.explained_text = text.into();
        self.next_request(Question::Evidence)
    }

    /// Returns the request number of a query for these documents.
    pub fn ask_lines(&mut self, query: &LineQuery) -> u64 {
        self.lines_asked = Some(query.clone());
        match query {
            query if query.is_slow() => self.next_long_request(Question::Lines),
            _ => self.next_request(Question::Lines),
        }
    }

    /// Returns the request number of a query to label the documents of a file.
    pub fn ask_file(&mut self, name: &str) -> u64 {
        self.labelling = Some(Labelling {
            name: name.into(),
            ..Labelling::default()
        });
        self.next_request(Question::File)
    }

    /// Returns whether a file is being labelled.
    pub fn is_labelling(&self) -> bool {
        self.labelling.as_ref().is_some_and(|file| !file.is_done())
    }

    /// Returns whether the engine is busy with work that other files or another model would
    /// interrupt.
    pub fn is_at_work(&self) -> bool {
        self.active().is_some() || self.is_labelling()
    }

    /// Gives up labelling a file: further answers about it are ignored.
    pub fn give_up_labelling(&mut self) {
        self.labelling = None;
        self.requests.forget(Question::File);
    }

    /// Returns the labelling job of this request, unless another file was chosen since.
    pub fn labelling_of(&self, request: u64) -> Option<Labelling> {
        self.labelling
            .clone()
            .filter(|_| request == self.requests.number(Question::File))
    }

    /// Returns the request number of a query for the masked tokens of this text.
    pub fn ask_guesses(&mut self, text: &str) -> u64 {
        self.asked = text.into();
        self.next_request(Question::Guesses)
    }

    /// Returns the request number of a query for the cloze sentences.
    pub fn ask_clozes(&mut self) -> u64 {
        self.clozes_wait = true;
        self.next_request(Question::Clozes)
    }

    /// Returns whether a query for the cloze sentences is pending.
    pub fn is_waiting_for_clozes(&self) -> bool {
        self.clozes_wait
    }

    /// Returns the text of the latest predictions.
    pub fn answered_text(&self) -> &str {
        &self.answered.1
    }

    /// Returns the previous predictions for the same text.
    pub fn guesses_before(&self) -> Option<&[MaskPrediction]> {
        let (text, guesses) = self.earlier.as_ref()?;
        (*text == self.answered.1).then_some(guesses.as_slice())
    }

    fn set_guesses_aside(&mut self) {
        if let Some(guesses) = self.guesses.take() {
            self.earlier = Some((self.answered.1.clone(), guesses));
        }
    }

    /// Discards the answers of a model that is no longer loaded; its predictions are kept for
    /// comparison.
    pub(super) fn forget_answers(&mut self) {
        self.set_guesses_aside();
        self.classified = None;
        self.slow_motion = None;
        self.contexts.clear();
        self.map = None;
        self.labelling = self.labelling.take().filter(|file| !file.is_done());
        self.review = None;
        self.lines = None;
    }
}
