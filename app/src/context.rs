//! The page's shared context: the application state ([`RunState`]), the user's [`Settings`], the
//! loaded files and the connection to the engine. Panels read the state by slice and call its
//! methods. The state itself is not in signals; a slice's signal only announces that something
//! changed.

mod events;
mod files;
mod models;
mod queries;
mod resuming;
mod runs;
mod sharing;
mod supervisor;
mod texts;

pub use files::had_own_files;
use files::{Columns, PendingUpload};
pub use runs::Storage;

use crate::annotation;
use crate::archive::Archive;
use crate::engine_client::EngineClient;
use crate::file_import::Source;
use crate::guide::Guide;
use crate::locks::Lock;
use crate::paging::Paging;
use crate::query;
use crate::settings::Settings;
use crate::state::{Engine, Failures, Notice, Pulse, RunState, StateSlice};
use crate::tr;
use js_sys::ArrayBuffer;
use leptos::prelude::*;
use models::Export;
use protocol::{Annotations, BackendChoice, Command, CompareConfig, Phase, RunConfig, StartFrom};
use resuming::Pending;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use web_sys::Blob;

/// Preset of the counting task's model.
const TOY_PRESET: &str = "bert-tiny";

/// Handle to everything that the panels share; copies refer to the same object.
#[derive(Clone, Copy)]
pub struct AppContext {
    /// The user's settings.
    pub settings: RwSignal<Settings>,
    /// Page options from the link that are not settings.
    pub guide: StoredValue<Guide>,
    state: StoredValue<RunState, LocalStorage>,
    link: StoredValue<Option<EngineClient>, LocalStorage>,
    /// Sources of the current corpus, as acknowledged by the engine.
    sources: StoredValue<Vec<Source>, LocalStorage>,
    offered: StoredValue<VecDeque<PendingUpload>, LocalStorage>,
    /// Column settings with which the current corpus was read.
    columns: StoredValue<Columns>,
    /// Word vectors with which new models are initialised.
    vectors: StoredValue<Option<Source>, LocalStorage>,
    file_import: StoredValue<u64>,
    topics: [RwSignal<()>; StateSlice::COUNT],
    progress_due: StoredValue<bool>,
    on_read: StoredValue<Option<Action>, LocalStorage>,
    /// Substring that filters the vocabulary table.
    filter: StoredValue<String>,
    /// State of the browser's storage.
    pub storage: RwSignal<Storage>,
    archive: StoredValue<Option<Rc<Archive>>, LocalStorage>,
    /// Pending exports by request number, with their destination.
    exports: StoredValue<BTreeMap<u64, Export>, LocalStorage>,
    /// Files of the models that were imported last, by request: their runs may be stored.
    imports: StoredValue<BTreeMap<u64, Vec<Source>>, LocalStorage>,
    /// Parts of the labelled table received so far; the browser may keep them on disk.
    table: StoredValue<Vec<Blob>, LocalStorage>,
    /// Time at which the active run was last saved, in milliseconds since the epoch.
    kept_at: StoredValue<f64>,
    /// Encoding of all files, if the user selected one.
    pub encoding: RwSignal<Option<String>>,
    /// Whether new files are added to the current ones instead of replacing them.
    pub joins: RwSignal<bool>,
    /// Keys of finished runs whose final model was already requested.
    ended: StoredValue<Vec<String>>,
    /// Models waiting to be written, with the keys of their runs; `None` while no write is in
    /// progress.
    models: StoredValue<Option<VecDeque<(String, ArrayBuffer)>>, LocalStorage>,
    /// Action that follows when the active run ends.
    next: StoredValue<Option<After>>,
    /// Whether the corpus may be stored in the browser; `None` until the user has answered.
    stores_text: RwSignal<Option<bool>>,
    /// Run to resume once its corpus has been read.
    pending: StoredValue<Option<Pending>>,
    /// Lock by which other tabs see which run this tab works on.
    lock: StoredValue<Option<Lock>, LocalStorage>,
    /// Heartbeat statistics of the engine.
    pulse: StoredValue<Pulse>,
    /// Number of recent engine failures.
    failures: StoredValue<Failures>,
    /// Backend of the last engine that was ready.
    device: StoredValue<Option<String>>,
    /// Backend used instead of the selected one after failures.
    backend: StoredValue<Option<BackendChoice>>,
    /// Keys of the runs whose models could not be saved for lack of space.
    unsaved: StoredValue<Vec<String>>,
    /// Result of deleting all stored data: number of runs, number of runs with models or
    /// checkpoints, and bytes freed.
    pub deleted: RwSignal<Option<(usize, usize, u64)>>,
    /// Labels given by hand, as stored in this browser.
    pub annotations: RwSignal<Annotations>,
    /// Paging of the table of files.
    pub file_rows: RwSignal<Paging>,
    /// Whether the table of runs also shows the oldest runs of a long list.
    pub shows_all_runs: RwSignal<bool>,
}

/// Action that follows a run.
#[derive(Clone, Copy, PartialEq)]
enum After {
    /// Fine-tuning from these weights, if the run finished without being stopped.
    Finetune(StartFrom),
    /// Pre-training with the settings at that time.
    Pretrain,
}

/// A callback without arguments.
type Action = Box<dyn Fn()>;

impl AppContext {
    /// Reads the link's query, starts the engine and loads the bundled corpus.
    pub fn open() -> Self {
        let (settings, guide, refused) = query::read(&location_query());
        let app = Self {
            settings: RwSignal::new(settings),
            guide: StoredValue::new(guide),
            state: StoredValue::new_local(RunState::default()),
            link: StoredValue::new_local(None),
            sources: StoredValue::new_local(vec![]),
            offered: StoredValue::new_local(VecDeque::new()),
            columns: StoredValue::default(),
            vectors: StoredValue::new_local(None),
            file_import: StoredValue::new(0),
            topics: std::array::from_fn(|_| RwSignal::new(())),
            progress_due: StoredValue::new(false),
            on_read: StoredValue::new_local(None),
            filter: StoredValue::new(String::new()),
            storage: RwSignal::new(Storage::Unknown),
            archive: StoredValue::new_local(None),
            exports: StoredValue::new_local(BTreeMap::new()),
            imports: StoredValue::new_local(BTreeMap::new()),
            table: StoredValue::new_local(vec![]),
            kept_at: StoredValue::new(0.0),
            encoding: RwSignal::new(None),
            joins: RwSignal::new(false),
            ended: StoredValue::new(vec![]),
            models: StoredValue::new_local(None),
            next: StoredValue::new(None),
            stores_text: RwSignal::new(Self::remembered_answer()),
            pending: StoredValue::new(None),
            lock: StoredValue::new_local(None),
            pulse: StoredValue::default(),
            failures: StoredValue::default(),
            device: StoredValue::new(None),
            backend: StoredValue::new(None),
            unsaved: StoredValue::new(vec![]),
            deleted: RwSignal::new(None),
            annotations: RwSignal::new(annotation::storage::load()),
            file_rows: RwSignal::new(Paging::default()),
            shows_all_runs: RwSignal::new(false),
        };
        if let Some(sentence) = query::explain(&refused) {
            app.show_error(
                sentence,
                tr!("They were ignored; everything else was applied."),
            );
        }
        app.take_shared();
        app.start_engine();
        if Self::last_text().is_none() {
            app.use_bundle();
        }
        app.open_archive();
        app.watch_over_engine();
        app.retry_unsaved_models();
        app
    }

    /// Returns the query string of a link to the current settings.
    pub fn query(&self) -> String {
        self.settings
            .with_untracked(|settings| self.guide.with_value(|guide| query::write(settings, guide)))
    }

    /// Reads the state. Inside a reactive computation, subscribes it to changes of the given
    /// slices.
    pub fn read<T>(&self, topics: &[StateSlice], view: impl FnOnce(&RunState) -> T) -> T {
        topics
            .iter()
            .for_each(|topic| self.topics[*topic as usize].track());
        self.peek(view)
    }

    /// Reads the state without subscribing.
    pub fn peek<T>(&self, view: impl FnOnce(&RunState) -> T) -> T {
        self.state.with_value(view)
    }

    /// Returns a memo derived from the state, which notifies only if its value differs.
    pub fn memo<T>(
        &self,
        topics: &'static [StateSlice],
        view: impl Fn(&RunState) -> T + Send + Sync + 'static,
    ) -> Memo<T>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        self.boxed_memo(topics, Box::new(view))
    }

    /// Compiled once per value type rather than once per view: there are well over a hundred views.
    fn boxed_memo<T>(
        &self,
        topics: &'static [StateSlice],
        view: Box<dyn Fn(&RunState) -> T + Send + Sync>,
    ) -> Memo<T>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let app = *self;
        Memo::new(move |_| app.read(topics, &view))
    }

    /// Shows an error notice.
    pub fn show_error(&self, message: impl Into<String>, hint: impl Into<String>) {
        let notice = Notice::new(message, hint);
        self.state.update_value(|state| state.notice = Some(notice));
        self.notify(&[StateSlice::Notice]);
    }

    /// Dismisses the notice.
    pub fn dismiss(&self) {
        self.state.update_value(|state| state.notice = None);
        self.notify(&[StateSlice::Notice]);
    }

    /// Registers a callback that runs each time a corpus has been read.
    pub fn when_read(&self, act: impl Fn() + 'static) {
        self.on_read.set_value(Some(Box::new(act)));
    }

    /// Sends a command without files.
    pub fn send(&self, command: Command) {
        self.send_with(command, vec![]);
    }

    /// Starts a run with the current settings. Fine-tuning from both initialisations trains the
    /// n-gram baseline, then from scratch, so that the pre-trained classifier is the last one and
    /// remains loaded.
    pub fn start(&self, phase: Phase) {
        if phase == Phase::Pretrain {
            return self.pretrain(false);
        }
        let (both, from) = self
            .settings
            .with_untracked(|settings| (settings.finetune_both, settings.finetune_from));
        if both {
            self.baseline();
        }
        self.next
            .set_value(both.then_some(After::Finetune(StartFrom::Pretrained)));
        self.finetune(if both { StartFrom::Scratch } else { from });
    }

    /// Pre-trains with the current settings, from new weights or from those of the loaded model.
    pub fn pretrain(&self, go_on: bool) {
        let config = self
            .settings
            .with_untracked(|settings| settings.pretrain.clone());
        let run = self.begin(Phase::Pretrain, &config, None, go_on);
        self.start_run(Command::Pretrain { run, config, go_on });
    }

    /// Stops the active run and starts a new one with the current settings.
    pub fn apply_changes(&self) {
        self.next.set_value(Some(After::Pretrain));
        self.send(Command::Stop);
    }

    fn finetune(&self, from: StartFrom) {
        let mut config = self.settings.with_untracked(Settings::finetune);
        if from == StartFrom::Scratch {
            // New weights are never frozen.
            config.freeze = None;
        }
        let run = self.begin(
            Phase::Finetune,
            &config,
            Some(from),
            from == StartFrom::Pretrained,
        );
        self.start_run(Command::Finetune { run, config, from });
    }

    /// Sends the command that starts a run and saves it with the run, so that the run can be
    /// restarted.
    fn start_run(&self, command: Command) {
        let Some(id) = command.run() else { return };
        self.pending.set_value(None);
        let key = self.peek(|state| {
            state
                .runs
                .iter()
                .find(|run| run.id == *id)
                .map(|run| run.key.clone())
        });
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            let text = serde_json::to_string(&command).expect("commands are plain data");
            self.change_run(&key, |run| run.resume.command = Some(text));
            self.lock_run(&key);
            self.announce_checkpoints(&key, id);
            self.store_text();
        }
        self.send(command);
    }

    fn begin(
        &self,
        phase: Phase,
        config: &RunConfig,
        from: Option<StartFrom>,
        takes_over: bool,
    ) -> String {
        let id = self
            .state
            .try_update_value(|state| state.begin(phase, config, from, takes_over));
        let run = id.unwrap_or_default();
        self.name_run(&run);
        self.notify(&[StateSlice::Runs, StateSlice::Progress, StateSlice::Notice]);
        run
    }

    /// Starts a comparison with the current fine-tuning settings.
    pub fn compare(&self, compare: CompareConfig) {
        let config = self.settings.with_untracked(Settings::finetune);
        let run = self
            .state
            .try_update_value(|state| state.begin_comparison(&config, &compare))
            .unwrap_or_default();
        self.name_run(&run);
        self.notify(&[
            StateSlice::Runs,
            StateSlice::Progress,
            StateSlice::Notice,
            StateSlice::Answers,
        ]);
        self.keep_compared_model(&run);
        self.start_run(Command::Compare {
            run,
            config,
            compare,
            known: vec![],
        });
    }

    /// Starts the counting task, with a published BERT size that a tab trains in minutes.
    pub fn toy(&self) {
        let seed = self
            .settings
            .with_untracked(|settings| settings.pretrain.seed);
        let config = RunConfig {
            preset: TOY_PRESET.into(),
            seed,
            ..RunConfig::default()
        };
        let run = self
            .state
            .try_update_value(|state| state.begin_other("counting", &config))
            .unwrap_or_default();
        self.notify(&[
            StateSlice::Runs,
            StateSlice::Progress,
            StateSlice::Notice,
            StateSlice::Answers,
        ]);
        self.send(Command::Toy { run, config });
    }

    /// Replaces a stopped engine and reloads the corpus, on the selected device.
    pub fn restart_engine_as_chosen(&self) {
        self.backend.set_value(None);
        self.failures.set_value(Failures::default());
        self.restart_engine();
    }

    /// Replaces a stopped engine and reloads the corpus.
    pub(crate) fn restart_engine(&self) {
        self.restart_engine_with(self.files());
    }

    /// Replaces a stopped engine and loads these files, or the bundled corpus if there are none.
    fn restart_engine_with(&self, sources: Vec<Source>) {
        self.state.update_value(RunState::restart);
        self.exports.update_value(BTreeMap::clear);
        self.offered.update_value(VecDeque::clear);
        self.next.set_value(None);
        self.notify(&ALL);
        self.start_engine();
        if self.vectors.with_value(Option::is_some) {
            self.offer_word_vectors();
        }
        match sources.is_empty() {
            true => self.use_bundle(),
            false => self.offer(sources),
        }
    }

    fn has_crashed(&self) -> bool {
        self.peek(|state| state.engine == Engine::Crashed)
    }

    fn start_engine(&self) {
        let app = *self;
        self.link.set_value(None);
        match EngineClient::spawn(move |text, event, buffers| app.receive(text, event, &buffers)) {
            Ok(link) => self.link.set_value(Some(link)),
            Err(error) => {
                let error = format!("{error:?}");
                self.show_error(
                    tr!("No engine can be started: {error}", error),
                    tr!("Try another browser."),
                );
            }
        }
        let chosen = self
            .settings
            .with_untracked(|settings| settings.pretrain.device);
        self.send(Command::Open {
            backend: self.backend.get_value().unwrap_or(chosen),
            workers: self.guide.with_value(|guide| guide.workers),
        });
    }

    /// Terminates the engine; messages that a failed engine still sends are ignored.
    fn end_engine(&self) {
        self.link.set_value(None);
    }

    fn send_text(&self, command: String) {
        self.link.with_value(|link| {
            if let Some(link) = link {
                link.send_text(command, vec![]);
            }
        });
    }

    fn send_with(&self, command: Command, files: Vec<Blob>) {
        self.link.with_value(|link| {
            if let Some(link) = link {
                link.send(&command, files);
            }
        });
    }
}

/// All slices, notified on a restart.
const ALL: [StateSlice; StateSlice::COUNT] = [
    StateSlice::Engine,
    StateSlice::Corpus,
    StateSlice::Warnings,
    StateSlice::Masking,
    StateSlice::Vocabulary,
    StateSlice::Runs,
    StateSlice::Progress,
    StateSlice::Answers,
    StateSlice::Notice,
];

/// Returns the context of the page, which its panels inherit.
pub fn app() -> AppContext {
    expect_context::<AppContext>()
}

fn location_query() -> String {
    web_sys::window()
        .and_then(|window| window.location().search().ok())
        .unwrap_or_default()
}
