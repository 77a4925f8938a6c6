//! The page's one shared object: what is known ([`RunState`]), what was chosen ([`Settings`]), which files are held,
//! and the link to the engine. Panels read it by topic and call its verbs. State lies outside of signals; a topic's
//! signal only says that something changed, at most ten times a second for what a running step changes.

mod files;

use crate::intake::Source;
use crate::link::Link;
use crate::settings::Settings;
use crate::state::{ENGINE_CRASHED, Notice, RunState, Topic};
use crate::{download, query};
use gloo::timers::callback::Timeout;
use js_sys::ArrayBuffer;
use leptos::prelude::*;
use protocol::{Command, CompareConfig, Event, Phase, RunConfig, StartFrom};
use wasm_bindgen::JsValue;
use web_sys::Blob;

/// Figures change at most this often on screen.
const PROGRESS_MILLIS: u32 = 100;

/// Entries of the vocabulary table.
const VOCABULARY_ROWS: usize = 50;

/// Model of the counting task.
const TOY_PRESET: &str = "bert-tiny";

/// Guesses and labels asked for.
const TOP_K: usize = 8;

/// Handle to everything the panels share; copies are the same object.
#[derive(Clone, Copy)]
pub struct Lab {
    /// What the person chose.
    pub settings: RwSignal<Settings>,
    state: StoredValue<RunState, LocalStorage>,
    link: StoredValue<Option<Link>, LocalStorage>,
    /// The files the engine reported on, and those on their way to it.
    sources: StoredValue<Vec<Source>, LocalStorage>,
    offered: StoredValue<Option<Vec<Source>>, LocalStorage>,
    intake: StoredValue<u64>,
    topics: [RwSignal<()>; Topic::COUNT],
    progress_due: StoredValue<bool>,
}

impl Lab {
    /// Reads the link's query, starts the engine and fetches the bundled corpus.
    pub fn open() -> Self {
        let (settings, refused) = query::read(&location_query());
        let lab = Self {
            settings: RwSignal::new(settings),
            state: StoredValue::new_local(RunState::default()),
            link: StoredValue::new_local(None),
            sources: StoredValue::new_local(vec![]),
            offered: StoredValue::new_local(None),
            intake: StoredValue::new(0),
            topics: std::array::from_fn(|_| RwSignal::new(())),
            progress_due: StoredValue::new(false),
        };
        if let Some(sentence) = query::explain(&refused) {
            lab.complain(sentence, "They were ignored; the rest of the link holds.");
        }
        lab.start_engine();
        lab.use_bundle();
        lab
    }

    /// Reads the state and, inside a reactive computation, runs it again whenever one of the topics changes.
    pub fn read<T>(&self, topics: &[Topic], view: impl FnOnce(&RunState) -> T) -> T {
        topics.iter().for_each(|topic| self.topics[*topic as usize].track());
        self.peek(view)
    }

    /// Reads the state once.
    pub fn peek<T>(&self, view: impl FnOnce(&RunState) -> T) -> T {
        self.state.with_value(view)
    }

    /// A value derived from the state that changes only when it differs.
    pub fn memo<T>(&self, topics: &'static [Topic], view: impl Fn(&RunState) -> T + Send + Sync + 'static) -> Memo<T>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let lab = *self;
        Memo::new(move |_| lab.read(topics, &view))
    }

    /// Shows what went wrong.
    pub fn complain(&self, message: impl Into<String>, hint: impl Into<String>) {
        let notice = Notice::new(message, hint);
        self.state.update_value(|state| state.notice = Some(notice));
        self.touch(&[Topic::Notice]);
    }

    /// Takes the notice away.
    pub fn dismiss(&self) {
        self.state.update_value(|state| state.notice = None);
        self.touch(&[Topic::Notice]);
    }

    /// Sends a command without files.
    pub fn send(&self, command: Command) {
        self.send_with(command, vec![]);
    }

    /// Starts a run with the present settings.
    pub fn start(&self, phase: Phase) {
        let (settings, from) = self.settings.with_untracked(|settings| (settings.clone(), settings.finetune_from));
        let (config, from) = match phase {
            Phase::Pretrain => (settings.pretrain, None),
            Phase::Finetune => (settings.finetune(), Some(from)),
        };
        let run = self.state.try_update_value(|state| state.begin(phase, &config, from)).unwrap_or_default();
        self.touch(&[Topic::Runs, Topic::Progress, Topic::Notice]);
        self.send(match from {
            None => Command::Pretrain { run, config },
            Some(from) => Command::Finetune { run, config, from },
        });
    }

    /// Starts a comparison with the present settings of fine-tuning.
    pub fn compare(&self, compare: CompareConfig) {
        let config = self.settings.with_untracked(Settings::finetune);
        let run = self.state.try_update_value(|state| state.begin_other("compare", &config)).unwrap_or_default();
        self.touch(&[Topic::Runs, Topic::Progress, Topic::Notice, Topic::Answers]);
        self.send(Command::Compare { run, config, compare });
    }

    /// Starts the counting task, with the published BERT at a size that a tab learns in minutes.
    pub fn toy(&self) {
        let seed = self.settings.with_untracked(|settings| settings.pretrain.seed);
        let config = RunConfig { preset: TOY_PRESET.into(), seed, ..RunConfig::default() };
        let run = self.state.try_update_value(|state| state.begin_other("counting", &config)).unwrap_or_default();
        self.touch(&[Topic::Runs, Topic::Progress, Topic::Notice, Topic::Answers]);
        self.send(Command::Toy { run, config });
    }

    /// Asks for a document as the model would see it.
    pub fn preview(&self, example: u64, epoch: u64) {
        let config = self.settings.with_untracked(|settings| settings.pretrain.clone());
        self.send(Command::PreviewMasking { config, example, epoch });
    }

    /// Asks for tokens that contain a text.
    pub fn look_up(&self, filter: String) {
        self.send(Command::Vocabulary { filter, limit: VOCABULARY_ROWS });
    }

    /// Asks for guesses.
    pub fn fill_mask(&self, text: String) {
        let request = self.next_request();
        self.send(Command::FillMask { request, text, top_k: TOP_K });
    }

    /// Asks for labels.
    pub fn classify(&self, text: String) {
        let request = self.next_request();
        self.send(Command::Classify { request, text, top_k: TOP_K });
    }

    /// Replaces a stopped engine and gives it the corpus again.
    pub fn restart_engine(&self) {
        self.state.update_value(RunState::restart);
        self.touch(&ALL);
        self.start_engine();
        let sources = self.offered.get_value().unwrap_or_else(|| self.sources.get_value());
        match sources.is_empty() {
            true => self.use_bundle(),
            false => self.offer(sources),
        }
    }

    fn start_engine(&self) {
        let lab = *self;
        self.link.set_value(None);
        match Link::spawn(move |event, buffers| lab.receive(event, &buffers)) {
            Ok(link) => self.link.set_value(Some(link)),
            Err(error) => self.complain(format!("No engine can be started: {error:?}"), "Try another browser."),
        }
        let backend = self.settings.with_untracked(|settings| settings.pretrain.device);
        self.send(Command::Open { backend });
    }

    fn receive(&self, event: Event, buffers: &[ArrayBuffer]) {
        let topics = self.state.try_update_value(|state| state.apply(event.clone())).unwrap_or_default();
        self.touch(topics);
        match event {
            Event::Corpus { documents, .. } => {
                self.settle_offer(true);
                if documents > 0 {
                    self.preview(0, 0);
                }
            }
            Event::Failed { run, code, .. } if run.is_empty() && code != ENGINE_CRASHED => self.settle_offer(false),
            Event::Masking { .. } if self.peek(|state| state.vocabulary.is_none()) => self.look_up(String::new()),
            Event::Imported { .. } => self.look_up(String::new()),
            Event::Exported { name } => self.save(&name, buffers),
            _ => {}
        }
    }

    fn save(&self, name: &str, buffers: &[ArrayBuffer]) {
        let saved = buffers.first().ok_or(JsValue::NULL).and_then(|bytes| download::save(name, bytes));
        if saved.is_err() {
            self.complain("The model could not be saved.", "Try again, or free some memory.");
        }
    }

    fn send_with(&self, command: Command, files: Vec<Blob>) {
        self.link.with_value(|link| {
            if let Some(link) = link {
                link.send(&command, files);
            }
        });
    }

    fn next_request(&self) -> u64 {
        self.state.try_update_value(RunState::next_request).unwrap_or_default()
    }

    fn touch(&self, topics: &[Topic]) {
        for topic in topics {
            match topic {
                Topic::Progress => self.touch_progress_soon(),
                other => self.topics[*other as usize].notify(),
            }
        }
    }

    fn touch_progress_soon(&self) {
        let lab = *self;
        if self.progress_due.get_value() {
            return;
        }
        self.progress_due.set_value(true);
        let notify = move || {
            lab.progress_due.set_value(false);
            lab.topics[Topic::Progress as usize].notify();
        };
        Timeout::new(PROGRESS_MILLIS, notify).forget();
    }
}

/// Every topic, for a restart.
const ALL: [Topic; Topic::COUNT] = [
    Topic::Engine,
    Topic::Corpus,
    Topic::Masking,
    Topic::Vocabulary,
    Topic::Runs,
    Topic::Progress,
    Topic::Answers,
    Topic::Notice,
];

/// The lab of the page; panels live below its provider.
pub fn lab() -> Lab {
    expect_context::<Lab>()
}

/// Where fine-tuning would take its weights now.
pub fn chosen_start(lab: Lab) -> StartFrom {
    lab.settings.with(|settings| settings.finetune_from)
}

fn location_query() -> String {
    web_sys::window().and_then(|window| window.location().search().ok()).unwrap_or_default()
}
