//! Questions to the engine and their answers: of each kind only the last one counts, and what an earlier model guessed is
//! kept beside what the present one does.

use super::{
    AttentionMap, Classification, FilledClozes, Labelling, Lines, Neighbours, Run, RunState,
    Tokenized,
};
use protocol::{Event, LineQuery, MaskPrediction};

/// The number of the last question of each kind; answers to earlier ones are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Requests {
    last: u64,
    guesses: u64,
    clozes: u64,
    labels: u64,
    file: u64,
    attention: u64,
    tokens: u64,
    neighbours: u64,
    review: u64,
    lines: u64,
    first_documents: u64,
    export: u64,
}

/// A kind of question to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Guesses for masks.
    Guesses,
    /// Guesses for the hidden words of several texts.
    Clozes,
    /// Labels of a text.
    Labels,
    /// Labels of the documents of a file.
    File,
    /// Where the model looks.
    Attention,
    /// A text in tokens.
    Tokens,
    /// The nearest words of a word.
    Neighbours,
    /// Label against label.
    Review,
    /// Documents.
    Lines,
    /// The first documents of a file.
    FirstDocuments,
    /// A model as a file: each is wanted, whatever is asked later.
    Export,
}

/// A question what a run would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Estimating {
    preset: String,
    /// Whether it is tried out.
    tries: bool,
    /// Whether it is about settings that have changed since.
    stale: bool,
}

impl RunState {
    /// The number for the next question of a kind; answers to earlier ones of that kind are then ignored.
    pub fn next_request(&mut self, question: Question) -> u64 {
        let requests = &mut self.requests;
        requests.last += 1;
        let kind = match question {
            Question::Guesses => &mut requests.guesses,
            Question::Clozes => &mut requests.clozes,
            Question::Labels => &mut requests.labels,
            Question::File => &mut requests.file,
            Question::Attention => &mut requests.attention,
            Question::Tokens => &mut requests.tokens,
            Question::Neighbours => &mut requests.neighbours,
            Question::Review => &mut requests.review,
            Question::Lines => &mut requests.lines,
            Question::FirstDocuments => &mut requests.first_documents,
            Question::Export => &mut requests.export,
        };
        *kind = requests.last;
        requests.last
    }

    /// As [`Self::next_request`], for a question that takes its time: until it is answered the page says so.
    pub fn next_long_request(&mut self, question: Question) -> u64 {
        let request = self.next_request(question);
        self.waiting = Some(request);
        request
    }

    /// Whether a long question waits for its answer.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Nobody answers any more.
    pub(super) fn drop_questions(&mut self) {
        (self.waiting, self.opening) = (None, None);
        self.clozes_wait = false;
        self.labelling = self.labelling.take().filter(Labelling::is_done);
        self.estimating.clear();
    }

    /// A question was answered, or cannot be.
    pub(super) fn end_question(&mut self, request: u64) {
        self.estimating.remove(&request);
        self.waiting = self.waiting.filter(|waiting| *waiting != request);
        self.clozes_wait &= request != self.requests.clozes;
        if request == self.requests.file {
            self.labelling = self.labelling.take().filter(Labelling::is_done);
        }
    }

    /// Whether nobody has asked yet how the present files were read.
    pub fn wants_first_documents(&self) -> bool {
        self.corpus.is_some() && self.requests.first_documents == 0
    }

    /// The number for the question for the first documents of a file; what is shown is of another one.
    pub fn ask_first_documents(&mut self) -> u64 {
        self.first_documents = None;
        self.next_request(Question::FirstDocuments)
    }

    /// Other files were read: what is known, or on its way, of those before is nothing of these.
    pub(super) fn drop_first_documents(&mut self) {
        self.first_documents = None;
        self.requests.first_documents = 0;
    }

    /// Whether any run is being tried out.
    pub fn is_measuring(&self) -> bool {
        self.estimating
            .values()
            .any(|asked| asked.tries && !asked.stale)
    }

    /// Whether nobody waits for this: that a preset suits no run is no trouble as long as it is not chosen.
    pub(super) fn is_asked_aside(&self, request: u64) -> bool {
        self.estimating
            .get(&request)
            .is_some_and(|asked| asked.stale || !asked.tries)
    }

    /// Whether a run with this preset is being tried out.
    pub fn is_estimating(&self, preset: &str) -> bool {
        self.estimating
            .values()
            .any(|asked| asked.tries && !asked.stale && asked.preset == preset)
    }

    /// The number for the question what a run with this preset would take; `tries`: by trying it out.
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

    /// What was said of other settings holds no more; answers that are on their way are about those, too.
    pub fn forget_estimates(&mut self) {
        self.estimates.clear();
        self.estimating
            .values_mut()
            .for_each(|asked| asked.stale = true);
    }

    /// Takes in an answer, unless a later question of its kind was asked.
    pub(super) fn take_answer(&mut self, event: Event) {
        let last = self.requests;
        match &event {
            Event::Reviewed { request, .. } | Event::Lines { request, .. } => {
                self.end_question(*request)
            }
            _ => (),
        }
        match event {
            Event::Tokenized {
                request,
                tokens,
                count,
            } if request == last.tokens => {
                self.tokenized = Some(Tokenized { tokens, count });
            }
            Event::Neighbours {
                request,
                word,
                own,
                model,
            } if request == last.neighbours => {
                self.neighbours = Some(Neighbours { word, own, model });
            }
            Event::Reviewed { request, review } if request == last.review => {
                self.review = Some(review);
                self.lines = None;
            }
            Event::Lines {
                request,
                lines,
                more,
            } if request == last.lines => {
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
            } if request == last.first_documents => {
                self.first_documents = Some(Lines {
                    of: None,
                    lines,
                    more,
                });
            }
            Event::Guesses { request, masks }
                if request == last.guesses && request != self.answered.0 =>
            {
                self.set_guesses_aside();
                self.answered = (request, self.asked.clone());
                self.guesses = Some(masks);
            }
            Event::FilledMasks {
                request,
                step,
                guesses,
            } if request == last.clozes => {
                self.clozes_wait = false;
                self.clozes = Some(FilledClozes { step, guesses });
            }
            Event::Classified {
                request,
                labels,
                threshold,
                cutoffs,
                thresholds,
                words,
                unseen,
            } if request == last.labels => {
                let text = self.labelled_text.clone();
                self.classified = Some(Classification {
                    text,
                    labels,
                    threshold,
                    cutoffs,
                    thresholds,
                    words,
                    unseen,
                });
            }
            Event::Labelled {
                request,
                documents,
                of,
                dropped,
                columns,
                warnings,
            } if request == last.file => {
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
                let asked = self
                    .estimating
                    .remove(&request)
                    .filter(|asked| !asked.stale);
                self.estimates
                    .extend(asked.map(|asked| (asked.preset, estimate)));
            }
            _ => {}
        }
    }

    /// Takes in where a model looks, from an [`Event::Attention`] and the bytes beside it. Request 0 is the text under the
    /// microscope.
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
            request if request == self.requests.attention => {
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

    /// The number for a question about the labels of this text.
    pub fn ask_labels(&mut self, text: &str) -> u64 {
        self.labelled_text = text.into();
        self.next_request(Question::Labels)
    }

    /// The number for the question for these documents.
    pub fn ask_lines(&mut self, query: &LineQuery) -> u64 {
        self.lines_asked = Some(query.clone());
        match query {
            LineQuery::Uncertain => self.next_long_request(Question::Lines),
            _ => self.next_request(Question::Lines),
        }
    }

    /// The number for the question for the labels of all documents of a file.
    pub fn ask_file(&mut self, name: &str) -> u64 {
        self.labelling = Some(Labelling {
            name: name.into(),
            ..Labelling::default()
        });
        self.next_request(Question::File)
    }

    /// Whether a file is being labelled.
    pub fn is_labelling(&self) -> bool {
        self.labelling.as_ref().is_some_and(|file| !file.is_done())
    }

    /// Whether the engine is at work on what other files or another model would take away.
    pub fn is_at_work(&self) -> bool {
        self.active().is_some() || self.is_labelling()
    }

    /// The table cannot be made: what is still said of the file is not heard.
    pub fn give_up_labelling(&mut self) {
        (self.labelling, self.requests.file) = (None, 0);
    }

    /// The file that this question is about, where no other one was chosen since.
    pub fn labelling_of(&self, request: u64) -> Option<Labelling> {
        self.labelling
            .clone()
            .filter(|_| request == self.requests.file)
    }

    /// The number for a question about masks in this text.
    pub fn ask_guesses(&mut self, text: &str) -> u64 {
        self.asked = text.into();
        self.next_request(Question::Guesses)
    }

    /// The number for a question about the bundled sentences.
    pub fn ask_clozes(&mut self) -> u64 {
        self.clozes_wait = true;
        self.next_request(Question::Clozes)
    }

    /// Whether a question about the bundled sentences has no answer yet.
    pub fn is_waiting_for_clozes(&self) -> bool {
        self.clozes_wait
    }

    /// The text of the last guesses.
    pub fn answered_text(&self) -> &str {
        &self.answered.1
    }

    /// What was guessed for the text of the last answer before that.
    pub fn guesses_before(&self) -> Option<&[MaskPrediction]> {
        let (text, guesses) = self.earlier.as_ref()?;
        (*text == self.answered.1).then_some(guesses.as_slice())
    }

    fn set_guesses_aside(&mut self) {
        if let Some(guesses) = self.guesses.take() {
            self.earlier = Some((self.answered.1.clone(), guesses));
        }
    }

    /// What a model that is no more said; its guesses are kept to be compared with.
    pub(super) fn forget_answers(&mut self) {
        self.set_guesses_aside();
        self.classified = None;
        self.labelling = self.labelling.take().filter(|file| !file.is_done());
        self.review = None;
        self.lines = None;
    }
}
