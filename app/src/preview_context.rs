//! What a person has under the microscope: which text and mask, which moment of its film, which attention head. Shared by
//! the panels that show the same thing from different sides.

use crate::context::AppContext;
use crate::state::{AttentionMap, PreviewHistory, PreviewSnapshot, StateSlice};
use leptos::prelude::*;
use protocol::RunConfig;

/// Which document of the bundled text, and which draw of its mask, is looked at first: one of plain words, with all three
/// treatments under the default settings.
const BUNDLED_LOOK: (u64, u64) = (798, 357);

/// The mask of the microscope where it is not that of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OwnMask {
    /// Share of the tokens to guess.
    pub rate: Option<f64>,
    /// Whole words, or not.
    pub whole_word: Option<bool>,
    /// Another draw of everything.
    pub seed: Option<u64>,
}

/// Handle to the microscope; copies are the same one.
#[derive(Clone, Copy)]
pub struct PreviewContext {
    app: AppContext,
    /// A typed text in place of a document.
    pub text: RwSignal<Option<String>>,
    /// Which document.
    pub example: RwSignal<u64>,
    /// Which draw of the mask.
    pub epoch: RwSignal<u64>,
    /// How it is masked.
    pub mask: RwSignal<OwnMask>,
    /// The run whose film is shown, by its name in events; `None`: the usual one.
    pub film: RwSignal<Option<String>>,
    /// Which moment of the film, in steps, 0 before training; `None`: the newest.
    pub moment: RwSignal<Option<u64>>,
    /// The token whose guesses are shown.
    pub token: RwSignal<Option<usize>>,
    /// Layer and head.
    pub head: RwSignal<(usize, usize)>,
    /// Whether attention is that of a typed text.
    pub typed: RwSignal<bool>,
}

impl PreviewContext {
    /// A microscope on the first document.
    pub fn new(app: AppContext) -> Self {
        let scope = Self {
            app,
            text: RwSignal::new(None),
            example: RwSignal::new(0),
            epoch: RwSignal::new(0),
            mask: RwSignal::new(OwnMask::default()),
            film: RwSignal::new(None),
            moment: RwSignal::new(None),
            token: RwSignal::new(None),
            head: RwSignal::new((0, 0)),
            typed: RwSignal::new(false),
        };
        scope.follow_settings();
        scope.follow_runs();
        scope
    }

    /// Puts the first document under the microscope, of the bundled text one that tells more: the text is another one.
    pub fn reset(&self) {
        let (example, epoch) = if self.app.has_own_files() {
            (0, 0)
        } else {
            BUNDLED_LOOK
        };
        self.text.set(None);
        self.example.set(example);
        self.epoch.set(epoch);
        self.look();
    }

    /// Asks for what is under the microscope now.
    pub fn look(&self) {
        self.moment.set(None);
        let (text, example) = (self.text.get_untracked(), self.example.get_untracked());
        let config = self
            .app
            .settings
            .with_untracked(|settings| self.config(&settings.pretrain));
        self.app
            .look(text, example, self.epoch.get_untracked(), config);
    }

    fn config(&self, settings: &RunConfig) -> RunConfig {
        let OwnMask {
            rate,
            whole_word,
            seed,
        } = self.mask.get_untracked();
        RunConfig {
            mask_rate: rate.or(settings.mask_rate),
            whole_word: whole_word.unwrap_or(settings.whole_word),
            seed: seed.unwrap_or(settings.seed),
            ..settings.clone()
        }
    }

    /// Reads the film that is shown, now and whenever it may be another.
    pub fn read_film<T>(&self, read: impl FnOnce(&PreviewHistory) -> T) -> T {
        let run = self.film.get();
        self.app.read(
            &[StateSlice::Masking, StateSlice::Corpus, StateSlice::Runs],
            |state| read(state.film(run.as_deref())),
        )
    }

    /// The frame that is shown.
    pub fn frame(&self) -> Memo<Option<PreviewSnapshot>> {
        let scope = *self;
        Memo::new(move |_| {
            let moment = scope.moment.get();
            scope.read_film(|film| {
                moment
                    .map_or_else(|| film.last(), |moment| film.at(moment))
                    .cloned()
            })
        })
    }

    /// The attention that is shown: of the frame, else of the last frame that has any, or of the typed text.
    pub fn attention(&self) -> Memo<Option<AttentionMap>> {
        let scope = *self;
        Memo::new(move |_| {
            let (moment, typed) = (scope.moment.get(), scope.typed.get());
            if typed {
                return scope
                    .app
                    .read(&[StateSlice::Answers], |state| state.attended.clone());
            }
            scope.read_film(|film| match moment.and_then(|moment| film.at(moment)) {
                Some(frame) => frame.attention.clone(),
                None => film
                    .frames()
                    .iter()
                    .rev()
                    .find_map(|frame| frame.attention.clone()),
            })
        })
    }

    /// Layer and head, within what the attention that is shown has.
    pub fn chosen_head(&self) -> Memo<(usize, usize)> {
        let (map, head) = (self.attention(), self.head);
        Memo::new(move |_| {
            let (layer, head) = head.get();
            map.with(|map| {
                map.as_ref().map_or((0, 0), |map| {
                    (layer.min(map.layers - 1), head.min(map.heads - 1))
                })
            })
        })
    }

    /// Another run begins another film: what was replayed of the one before is over.
    fn follow_runs(self) {
        let run = self.app.memo(
            &[StateSlice::Masking, StateSlice::Corpus, StateSlice::Runs],
            |state| state.film(None).run().map(String::from),
        );
        Effect::new(move |_| {
            // A memo that is tracked but never read is never computed, and so follows nothing.
            run.with(|_| ());
            self.film.set(None);
            self.moment.set(None);
        });
    }

    /// A changed setting that shapes masking or the vocabulary asks for the same text again.
    fn follow_settings(self) {
        let app = self.app;
        let shaping = Memo::new(move |_| app.settings.with(|settings| shape(&settings.pretrain)));
        Effect::new(move |before: Option<()>| {
            shaping.with(|_| ());
            if before.is_some() && app.peek(|state| state.corpus.is_some()) {
                self.look();
                app.look_up_again();
            }
        });
    }
}

/// The configuration without what changes most often and shapes neither masking nor vocabulary: where, how long and in what
/// batches a run computes.
fn shape(config: &RunConfig) -> RunConfig {
    let (steps, epochs, minutes, lr, batch_size) = (None, None, None, None, None);
    RunConfig {
        device: Default::default(),
        steps,
        epochs,
        minutes,
        lr,
        batch_size,
        ..config.clone()
    }
}

/// The microscope of the page; panels live below its provider.
pub fn scope() -> PreviewContext {
    expect_context::<PreviewContext>()
}
