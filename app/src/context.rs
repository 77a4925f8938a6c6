//! The page's one shared object: what is known ([`RunState`]), what was chosen ([`Settings`]), which files are held,
//! and the link to the engine. Panels read it by topic and call its verbs. State lies outside of signals; a topic's
//! signal only says that something changed.

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
use protocol::{BackendChoice, Command, CompareConfig, Phase, RunConfig, StartFrom};
use resuming::Pending;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use web_sys::Blob;

/// Model of the counting task.
const TOY_PRESET: &str = "bert-tiny";

/// Handle to everything the panels share; copies are the same object.
#[derive(Clone, Copy)]
pub struct AppContext {
    /// What the person chose.
    pub settings: RwSignal<Settings>,
    /// What the link asks for beside settings.
    pub guide: StoredValue<Guide>,
    state: StoredValue<RunState, LocalStorage>,
    link: StoredValue<Option<EngineClient>, LocalStorage>,
    /// The files the engine reported on, and those on their way to it.
    sources: StoredValue<Vec<Source>, LocalStorage>,
    offered: StoredValue<VecDeque<PendingUpload>, LocalStorage>,
    /// Those that the present files were read by.
    columns: StoredValue<Columns>,
    /// Word vectors that new models start from.
    vectors: StoredValue<Option<Source>, LocalStorage>,
    file_import: StoredValue<u64>,
    topics: [RwSignal<()>; StateSlice::COUNT],
    progress_due: StoredValue<bool>,
    on_read: StoredValue<Option<Action>, LocalStorage>,
    /// What the tokens that are listed contain.
    filter: StoredValue<String>,
    /// The browser's storage.
    pub storage: RwSignal<Storage>,
    archive: StoredValue<Option<Rc<Archive>>, LocalStorage>,
    /// Models on their way from the engine, by the number of the question, and what each is for.
    exports: StoredValue<BTreeMap<u64, Export>, LocalStorage>,
    /// The table of labels so far, which the browser may keep on disk.
    table: StoredValue<Vec<Blob>, LocalStorage>,
    /// When the run under way was last kept, in the page's milliseconds.
    kept_at: StoredValue<f64>,
    /// Encoding of all files, where it was chosen.
    pub encoding: RwSignal<Option<String>>,
    /// Whether new files join the present ones instead of replacing them.
    pub joins: RwSignal<bool>,
    /// Keys of the runs whose last model was asked for.
    ended: StoredValue<Vec<String>>,
    /// Models that wait to be written, by the keys of their runs; `None` while none is being written.
    models: StoredValue<Option<VecDeque<(String, ArrayBuffer)>>, LocalStorage>,
    /// What starts when the present run is over.
    next: StoredValue<Option<After>>,
    /// Whether the browser may store the text; `None` until the person answered.
    stores_text: RwSignal<Option<bool>>,
    /// The run that resumes when its text is read.
    pending: StoredValue<Option<Pending>>,
    /// Tells other tabs which run this one works on.
    lock: StoredValue<Option<Lock>, LocalStorage>,
    /// How regularly the engine reports.
    pulse: StoredValue<Pulse>,
    /// How often it failed.
    failures: StoredValue<Failures>,
    /// Where it computed last.
    device: StoredValue<Option<String>>,
    /// The device that is used in place of the chosen one, after faults.
    backend: StoredValue<Option<BackendChoice>>,
    /// Keys of the runs whose models could not be saved for lack of room.
    unsaved: StoredValue<Vec<String>>,
    /// What was deleted when everything was: runs, their models or checkpoints, and bytes.
    pub deleted: RwSignal<Option<(usize, usize, u64)>>,
    /// How many rows the table of files shows.
    pub file_rows: RwSignal<Paging>,
    /// Whether the table of runs shows the oldest of many, too.
    pub shows_all_runs: RwSignal<bool>,
}

/// What follows a run.
#[derive(Clone, Copy, PartialEq)]
enum After {
    /// Fine-tuning from this start, where the run ended well.
    Finetune(StartFrom),
    /// Pre-training with the settings as they are then.
    Pretrain,
}

/// Something to do.
type Action = Box<dyn Fn()>;

impl AppContext {
    /// Reads the link's query, starts the engine and fetches the bundled corpus.
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
            file_rows: RwSignal::new(Paging::default()),
            shows_all_runs: RwSignal::new(false),
        };
        if let Some(sentence) = query::explain(&refused) {
            app.complain(
                sentence,
                tr!("They were ignored; the rest of the link holds."),
            );
        }
        app.take_shared();
        app.start_engine();
        if Self::last_text().is_none() {
            app.use_bundle();
        }
        app.open_archive();
        app.watch_over_engine();
        app.save_what_was_not();
        app
    }

    /// What a link to the present settings says.
    pub fn query(&self) -> String {
        self.settings
            .with_untracked(|settings| self.guide.with_value(|guide| query::write(settings, guide)))
    }

    /// Reads the state and, inside a reactive computation, runs it again whenever one of the topics changes.
    pub fn read<T>(&self, topics: &[StateSlice], view: impl FnOnce(&RunState) -> T) -> T {
        topics
            .iter()
            .for_each(|topic| self.topics[*topic as usize].track());
        self.peek(view)
    }

    /// Reads the state once.
    pub fn peek<T>(&self, view: impl FnOnce(&RunState) -> T) -> T {
        self.state.with_value(view)
    }

    /// A value derived from the state that changes only when it differs.
    pub fn memo<T>(
        &self,
        topics: &'static [StateSlice],
        view: impl Fn(&RunState) -> T + Send + Sync + 'static,
    ) -> Memo<T>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let app = *self;
        Memo::new(move |_| app.read(topics, &view))
    }

    /// Shows what went wrong.
    pub fn complain(&self, message: impl Into<String>, hint: impl Into<String>) {
        let notice = Notice::new(message, hint);
        self.state.update_value(|state| state.notice = Some(notice));
        self.notify(&[StateSlice::Notice]);
    }

    /// Takes the notice away.
    pub fn dismiss(&self) {
        self.state.update_value(|state| state.notice = None);
        self.notify(&[StateSlice::Notice]);
    }

    /// Does something each time that a text was read.
    pub fn when_read(&self, act: impl Fn() + 'static) {
        self.on_read.set_value(Some(Box::new(act)));
    }

    /// Sends a command without files.
    pub fn send(&self, command: Command) {
        self.send_with(command, vec![]);
    }

    /// Starts a run with the present settings; fine-tuning from both starts begins from scratch, beside n-grams, so that the
    /// model that stays at hand is the pre-trained one.
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
        self.finetune(if both { StartFrom::TempStorage } else { from });
    }

    /// Pre-trains with the present settings, from new weights or from those at hand.
    pub fn pretrain(&self, go_on: bool) {
        let config = self
            .settings
            .with_untracked(|settings| settings.pretrain.clone());
        let run = self.begin(Phase::Pretrain, &config, None, go_on);
        self.start_run(Command::Pretrain { run, config, go_on });
    }

    /// Stops the run under way and starts anew with the settings as they are.
    pub fn apply_changes(&self) {
        self.next.set_value(Some(After::Pretrain));
        self.send(Command::Stop);
    }

    fn finetune(&self, from: StartFrom) {
        let mut config = self.settings.with_untracked(Settings::finetune);
        if from == StartFrom::TempStorage {
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

    /// Sends the command that starts a run, which is kept to start it over.
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
        let begun = self
            .state
            .try_update_value(|state| state.begin(phase, config, from, takes_over));
        let run = begun.unwrap_or_default();
        self.name_run(&run);
        self.notify(&[StateSlice::Runs, StateSlice::Progress, StateSlice::Notice]);
        run
    }

    /// Starts a comparison with the present settings of fine-tuning.
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

    /// Starts the counting task, with the published BERT at a size that a tab learns in minutes.
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

    /// Replaces a stopped engine and gives it the corpus again, on the device that was chosen.
    pub fn restart_engine_as_chosen(&self) {
        self.backend.set_value(None);
        self.failures.set_value(Failures::default());
        self.restart_engine();
    }

    /// Replaces a stopped engine and gives it the corpus again.
    pub(crate) fn restart_engine(&self) {
        self.restart_engine_with(self.files());
    }

    /// Replaces a stopped engine and gives it these files, or the bundled ones where there are none.
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
                self.complain(
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
        });
    }

    /// Ends the engine: what a failed one still sends is of no use.
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

/// Every topic, for a restart.
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

/// The lab of the page; panels live below its provider.
pub fn app() -> AppContext {
    expect_context::<AppContext>()
}

fn location_query() -> String {
    web_sys::window()
        .and_then(|window| window.location().search().ok())
        .unwrap_or_default()
}
