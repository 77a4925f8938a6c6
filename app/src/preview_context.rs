//! State of the masking preview: the text and mask, the selected snapshot of its history, the
//! attention head. Shared by the panels that show the preview.

use crate::context::AppContext;
use crate::state::{AttentionMap, PreviewHistory, PreviewSnapshot, StateSlice};
use leptos::prelude::*;
use protocol::RunConfig;

/// Document of the bundled corpus and epoch of the mask that are previewed first: plain words, with
/// all three kinds of replacement under the default settings.
const BUNDLED_PREVIEW: (u64, u64) = (798, 357);

/// Mask settings of the preview where they differ from those of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OwnMask {
    /// Share of tokens selected for masking.
    pub rate: Option<f64>,
    /// Whether whole words are masked.
    pub whole_word: Option<bool>,
    /// Seed of the mask.
    pub seed: Option<u64>,
}

/// Handle to the preview's state; copies refer to the same state.
#[derive(Clone, Copy)]
pub struct PreviewContext {
    app: AppContext,
    /// Text typed in place of a document.
    pub text: RwSignal<Option<String>>,
    /// Index of the document.
    pub example: RwSignal<u64>,
    /// Epoch, which selects the draw of the mask.
    pub epoch: RwSignal<u64>,
    /// Mask settings of the preview.
    pub mask: RwSignal<OwnMask>,
    /// Id of the run whose preview history is shown; `None`: the default one.
    pub film: RwSignal<Option<String>>,
    /// Step of the selected snapshot, 0 before training; `None`: the latest.
    pub moment: RwSignal<Option<u64>>,
    /// Index of the token whose predictions are shown.
    pub token: RwSignal<Option<usize>>,
    /// Selected layer and head.
    pub head: RwSignal<(usize, usize)>,
    /// Whether the attention shown is that of a typed text.
    pub typed: RwSignal<bool>,
}

impl PreviewContext {
    /// Creates the state for a preview of the first document.
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

    /// Previews the first document of a new corpus; of the bundled one, a more instructive
    /// document.
    pub fn reset(&self) {
        let (example, epoch) = if self.app.has_own_files() {
            (0, 0)
        } else {
            BUNDLED_PREVIEW
        };
        self.text.set(None);
        self.example.set(example);
        self.epoch.set(epoch);
        self.look();
    }

    /// Requests the preview for the current text, mask and settings.
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

    /// Reads the preview history on display, and subscribes to its changes.
    pub fn read_film<T>(&self, read: impl FnOnce(&PreviewHistory) -> T) -> T {
        let run = self.film.get();
        self.app.read(
            &[StateSlice::Masking, StateSlice::Corpus, StateSlice::Runs],
            |state| read(state.film(run.as_deref())),
        )
    }

    /// Returns the snapshot on display.
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

    /// Returns the attention on display: of the selected snapshot, otherwise of the last snapshot
    /// that has attention, or of the typed text.
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

    /// Returns the selected layer and head, limited to those of the attention on display.
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

    /// Returns to the latest snapshot when another run starts a new history.
    fn follow_runs(self) {
        let run = self.app.memo(
            &[StateSlice::Masking, StateSlice::Corpus, StateSlice::Runs],
            |state| state.film(None).run().map(String::from),
        );
        Effect::new(move |_| {
            // A memo that is tracked but never read is never computed, and so triggers nothing.
            run.with(|_| ());
            self.film.set(None);
            self.moment.set(None);
        });
    }

    /// Requests the preview again when a setting that affects masking or the vocabulary changes.
    fn follow_settings(self) {
        let app = self.app;
        let shaping = Memo::new(move |_| {
            app.settings
                .with(|settings| preview_relevant(&settings.pretrain))
        });
        Effect::new(move |before: Option<()>| {
            shaping.with(|_| ());
            if before.is_some() && app.peek(|state| state.corpus.is_some()) {
                self.look();
                app.refresh_vocabulary();
            }
        });
    }
}

/// Returns the configuration without the settings that change most often and affect neither masking
/// nor the vocabulary: device, length and batch size.
fn preview_relevant(config: &RunConfig) -> RunConfig {
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

/// Returns the preview state provided to the page's panels.
pub fn scope() -> PreviewContext {
    expect_context::<PreviewContext>()
}
