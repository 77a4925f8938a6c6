//! A labelling session: proposes documents, stores labels, and applies them to the data.

use super::measure::{self, TooFew};
use super::{LabellingQueue, Stored, storage};
use crate::context::AppContext;
use crate::focus;
use crate::state::{Question, RunState, StateSlice};
use crate::workspace::{Step, View, Workspace};
use gloo::events::EventListener;
use leptos::prelude::*;
use protocol::{LineQuery, PredictedDocument, Sampler, text_hash};
use std::collections::BTreeSet;
use wasm_bindgen::JsCast;

/// Number of documents requested at a time.
const BATCH_SIZE: usize = 10;
/// With fewer waiting documents than this, more are requested.
const MIN_WAITING: usize = 3;
/// The labels are measured whenever this many more documents are labelled.
const MEASURE_EVERY: usize = 10;
/// Number of documents with suspicious labels requested at a time.
const MAX_SUSPECTS: usize = 100;

/// Names of the ways to choose documents. The first draws at random and, with a classifier, takes
/// every second batch from the likely rare labels.
pub const SAMPLERS: [&str; 4] = ["mixed", "random", "rare", "uncertain"];

/// Handle to the session; copies refer to the same one.
#[derive(Clone, Copy)]
pub struct LabellingSession {
    app: AppContext,
    /// Documents to label.
    pub queue: RwSignal<LabellingQueue>,
    /// How documents are chosen: one of [`SAMPLERS`].
    pub sampler: RwSignal<String>,
    /// Labels in the order of their keys, which stays the same during the session.
    pub labels: RwSignal<Vec<String>>,
    /// Whether a document may have several labels, if the user has decided.
    pub is_multi: RwSignal<Option<bool>>,
    /// Whether labels changed since the corpus was read.
    pub is_dirty: RwSignal<bool>,
    /// Whether the browser refused to store a label.
    pub is_refused: RwSignal<bool>,
    /// Whether a request for documents is pending.
    pub is_searching: RwSignal<bool>,
    /// Texts whose suspicious labels were accepted or kept.
    pub decided: RwSignal<Vec<String>>,
    /// Hashes of the texts that were drawn at random, labelled or proposed.
    randomly_drawn: RwSignal<BTreeSet<u64>>,
    /// Whether the pending documents are drawn at random.
    pending_is_random: StoredValue<bool>,
    batches: StoredValue<u64>,
}

impl LabellingSession {
    /// Creates the session. New labels are applied when its step is left and no run is active.
    pub fn open(app: AppContext, workspace: Workspace) -> Self {
        let session = Self {
            app,
            queue: RwSignal::default(),
            sampler: RwSignal::new(SAMPLERS[0].into()),
            labels: RwSignal::default(),
            is_multi: RwSignal::new(None),
            is_dirty: RwSignal::new(false),
            is_refused: RwSignal::new(false),
            is_searching: RwSignal::new(false),
            decided: RwSignal::default(),
            randomly_drawn: RwSignal::new(storage::randomly_drawn()),
            pending_is_random: StoredValue::new(true),
            batches: StoredValue::new(0),
        };
        session.apply_when_left(workspace);
        session.follow_files();
        session.follow_proposals();
        session.follow_other_tabs();
        session
    }

    fn apply_when_left(self, workspace: Workspace) {
        let is_busy = self.app.memo(
            &[StateSlice::Runs, StateSlice::Progress],
            RunState::is_at_work,
        );
        Effect::new(move |_| {
            let is_labelling =
                workspace.view.get() == View::Steps && workspace.step.get() == Step::Label;
            if self.is_dirty.get() && !is_busy.get() && !is_labelling {
                self.apply();
            }
        });
    }

    /// Adds the labels of the data, most frequent first, and forgets the documents of other files.
    fn follow_files(self) {
        let files = self.app.memo(&[StateSlice::Corpus], |state| {
            let files = state.corpus.iter().flat_map(|corpus| &corpus.files);
            files.map(|file| file.name.clone()).collect::<Vec<_>>()
        });
        let labels = self.app.memo(&[StateSlice::Corpus], |state| {
            let corpus = state.corpus.iter();
            let counts = corpus.flat_map(|corpus| &corpus.traits.label_counts);
            counts.map(|count| count.label.clone()).collect::<Vec<_>>()
        });
        Effect::new(move |before: Option<Vec<String>>| {
            let files = files.get();
            let is_other = before.is_some_and(|before| before != files);
            if is_other {
                self.queue.set(LabellingQueue::default());
                self.app.forget_label_measurements();
            }
            self.labels.update(|known| {
                if is_other {
                    known.clear();
                }
                for label in labels.get() {
                    if !known.contains(&label) {
                        known.push(label);
                    }
                }
            });
            files
        });
    }

    fn follow_proposals(self) {
        let app = self.app;
        let answer = app.memo(&[StateSlice::Answers], |state| state.proposals.request);
        Effect::new(move |_| {
            // A memo that is tracked but never read is never computed.
            answer.with(|_| ());
            let documents = app.peek(|state| state.proposals.documents.clone());
            let known = app.annotations.get_untracked();
            self.is_searching.set(false);
            self.mark_drawn(&documents, self.pending_is_random.get_value());
            let was_empty = self.queue.with_untracked(LabellingQueue::is_empty);
            self.queue.update(|queue| queue.refill(documents, &known));
            if was_empty && !self.queue.with_untracked(LabellingQueue::is_empty) {
                request_animation_frame(|| focus::on("[data-testid=label-line]"));
            }
        });
    }

    /// Another tab may label the same texts.
    fn follow_other_tabs(self) {
        EventListener::new(&window(), "storage", move |event| {
            let Some(event) = event.dyn_ref() else {
                return;
            };
            if let Some(stored) = storage::changed_elsewhere(event) {
                self.remember(&stored);
            }
            if let Some(hash) = storage::drawn_elsewhere(event) {
                self.randomly_drawn.update(|drawn| _ = drawn.insert(hash));
            }
        })
        .forget();
    }

    /// Replaces the documents that wait by others.
    pub fn propose_others(&self) {
        self.queue.update(LabellingQueue::clear_waiting);
        self.propose();
    }

    /// Records whether documents without a label were drawn at random.
    fn mark_drawn(&self, documents: &[PredictedDocument], is_random: bool) {
        let labelled = self.app.annotations.get_untracked();
        let unlabelled = documents
            .iter()
            .filter(|document| !labelled.contains_key(&document.text));
        self.randomly_drawn.update(|drawn| {
            for document in unlabelled {
                let hash = text_hash(&document.text);
                if is_random {
                    drawn.insert(hash);
                } else {
                    drawn.remove(&hash);
                }
            }
        });
    }

    /// Puts these documents before those that wait, and shows the first one.
    pub fn label_next(&self, workspace: Workspace, documents: Vec<PredictedDocument>) {
        self.mark_drawn(&documents, false);
        self.queue.update(|queue| queue.put_first(documents));
        workspace.enlarged.set(None);
        request_animation_frame(|| focus::on("[data-testid=label-line]"));
    }

    /// Requests documents to label, unless a request is pending or a run is active, which would
    /// delay the answer until its end.
    pub fn propose(&self) {
        let (can_answer, has_classifier) = self.app.peek(|state| {
            let can_answer = state.corpus.is_some() && !state.is_at_work();
            (can_answer, state.can_choose_documents())
        });
        if !can_answer || self.is_searching.get_untracked() {
            return;
        }
        self.is_searching.set(true);
        let batch = self.batches.get_value();
        self.batches.set_value(batch + 1);
        let sampler = match self.sampler.get_untracked().as_str() {
            "rare" => Sampler::Rare,
            "uncertain" => Sampler::Uncertain,
            "mixed" if has_classifier && batch % 2 == 1 => Sampler::Rare,
            _ => Sampler::Random,
        };
        self.pending_is_random.set_value(sampler == Sampler::Random);
        // Later visits draw other documents.
        let seed = batch + 1000 * self.app.annotations.with_untracked(|all| all.len() as u64);
        let labelled = self.app.annotations;
        let except =
            labelled.with_untracked(|all| all.keys().map(|text| text_hash(text)).collect());
        let query = LineQuery::Unlabelled {
            sampler,
            seed,
            except,
        };
        self.app
            .ask_documents(Question::Proposals, query, BATCH_SIZE);
    }

    /// Requests the documents with suspicious labels.
    pub fn find_suspects(&self) {
        self.decided.set(vec![]);
        self.app
            .ask_documents(Question::Suspects, LineQuery::Suspicious, MAX_SUSPECTS);
    }

    /// Returns whether each document has one label, as in the data, unless the user decided.
    pub fn is_single(&self) -> bool {
        let of_data = self.app.read(&[StateSlice::Corpus], is_single);
        !self.is_multi.get().unwrap_or(!of_data)
    }

    /// Chooses a label for the current document.
    pub fn press(&self, label: &str) {
        let is_single = untrack(|| self.is_single());
        self.change(|queue, known| queue.press(label, is_single, known));
    }

    /// Stores the chosen labels of the current document.
    pub fn confirm(&self) {
        self.change(LabellingQueue::confirm);
    }

    /// Leaves the current document without labels.
    pub fn skip(&self) {
        self.change(|queue, known| {
            queue.skip(known);
            None
        });
    }

    /// Returns to the last document.
    pub fn undo(&self) {
        self.change(LabellingQueue::undo);
    }

    fn change(
        &self,
        act: impl FnOnce(&mut LabellingQueue, &protocol::Annotations) -> Option<Stored>,
    ) {
        let known = self.app.annotations.get_untracked();
        let stored = self.queue.try_update(|queue| act(queue, &known)).flatten();
        if let Some(stored) = stored {
            self.store(&stored);
        }
        if self.queue.with_untracked(LabellingQueue::len) < MIN_WAITING {
            self.propose();
        }
    }

    /// Stores the labels of a text at once, in memory and in the browser, and measures the labels
    /// now and then.
    pub fn store(&self, stored: &Stored) {
        if !storage::store(stored) {
            self.is_refused.set(true);
        }
        let is_random = self
            .randomly_drawn
            .with_untracked(|drawn| drawn.contains(&text_hash(&stored.text)));
        storage::store_drawn(&stored.text, is_random && stored.labels.is_some());
        self.remember(stored);
        let count = self.app.annotations.with_untracked(|all| all.len());
        if stored.labels.is_some() && count.is_multiple_of(MEASURE_EVERY) {
            self.measure();
        }
    }

    /// Returns why the labels cannot be measured yet.
    pub fn too_few(&self) -> Option<TooFew> {
        let drawn = self.randomly_drawn;
        let annotations = self.app.annotations;
        annotations.with(|all| drawn.with(|drawn| measure::too_few(all, drawn)))
    }

    /// Measures the labels, if there are enough of them and the engine is free.
    pub fn measure(&self) {
        let is_busy = self
            .app
            .peek(|state| state.is_at_work() || state.is_waiting());
        if is_busy || untrack(|| self.too_few()).is_some() {
            return;
        }
        let measurement = self.app.annotations.with_untracked(|all| {
            self.randomly_drawn
                .with_untracked(|drawn| measure::measurement(all, drawn))
        });
        self.app.measure_labels(measurement);
    }

    fn remember(&self, stored: &Stored) {
        self.app.annotations.update(|annotations| {
            match &stored.labels {
                Some(labels) => annotations.insert(stored.text.clone(), labels.clone()),
                None => annotations.remove(&stored.text),
            };
        });
        self.is_dirty.set(true);
    }

    /// Reads the data again with the labels, if they changed and no run is active.
    pub fn apply(&self) {
        let is_busy = self.app.peek(RunState::is_at_work);
        if self.is_dirty.get_untracked() && !is_busy {
            self.is_dirty.set(false);
            self.app.read_again();
        }
    }

    /// Returns whether labels exist that the browser could not store.
    pub fn has_unstored(&self) -> bool {
        self.is_refused.get_untracked()
            && self.app.annotations.with_untracked(|all| !all.is_empty())
    }

    /// Removes all labels given by hand.
    pub fn forget(&self) {
        let texts: Vec<String> = self
            .app
            .annotations
            .with_untracked(|all| all.keys().cloned().collect());
        for text in texts {
            self.store(&Stored { text, labels: None });
        }
        self.queue.set(LabellingQueue::default());
        self.randomly_drawn.set(BTreeSet::new());
        self.app.forget_label_measurements();
        self.apply();
    }
}

/// Returns whether every labelled training document has one label.
fn is_single(state: &RunState) -> bool {
    state.corpus.as_ref().is_none_or(|corpus| {
        let given: u64 = corpus
            .traits
            .label_counts
            .iter()
            .map(|count| count.train)
            .sum();
        given <= corpus.labelled[0]
    })
}
