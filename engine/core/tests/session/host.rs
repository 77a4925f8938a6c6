//! A host that only records, and fixtures for the tests of runs.

use engine::data::{InputFile, Opened, ReadOptions};
use engine::error::Result;
use engine::session::{Delivery, Helper, Host, Session, Snapshot};
use futures_lite::future::block_on;
use protocol::{BackendChoice, Command, Event, FileRole, Metrics, RunConfig};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Records events and checkpoints, and stops a run at a given point.
#[derive(Clone, Default)]
pub struct Memory {
    /// The emitted events.
    pub events: Rc<RefCell<Vec<Event>>>,
    /// The saved checkpoints.
    pub snapshots: Rc<RefCell<Vec<Snapshot>>>,
    /// The runs of the saved checkpoints.
    pub saved_runs: Rc<RefCell<Vec<String>>>,
    /// Step after which a `Stop` command arrives.
    pub stop_after: Option<u64>,
    /// Number of calls of `yield_now`.
    pub breaths: Rc<Cell<usize>>,
    /// Number of calls of `yield_now` after which a `Stop` command arrives.
    pub stop_at_breath: Rc<Cell<Option<usize>>>,
    /// The helpers, if batches are divided into parts.
    pub helpers: Option<Rc<Helpers>>,
}

/// Helpers in the same thread.
pub struct Helpers {
    helpers: RefCell<Vec<Helper>>,
    results: RefCell<Vec<Option<Vec<Vec<f32>>>>>,
    /// Number of jobs sent.
    pub jobs: Cell<usize>,
    /// Job that fails, from 1.
    failing_job: Option<usize>,
    failed: RefCell<Vec<usize>>,
}

impl Helpers {
    /// Creates `count` helpers, one of which fails at a job.
    pub fn new(count: usize, failing_job: Option<usize>) -> Self {
        Self {
            helpers: (0..count)
                .map(|_| Helper::default())
                .collect::<Vec<_>>()
                .into(),
            results: vec![None; count].into(),
            jobs: Cell::new(0),
            failing_job,
            failed: RefCell::default(),
        }
    }
}

impl Memory {
    pub fn steps(&self) -> u64 {
        let last = |event: &Event| {
            if let Event::Step { step, .. } = event {
                Some(*step)
            } else {
                None
            }
        };
        self.events
            .borrow()
            .iter()
            .filter_map(last)
            .next_back()
            .unwrap_or(0)
    }
}

impl Host for Memory {
    fn emit_with(&self, event: Event, _buffers: Vec<Vec<u8>>) {
        self.events.borrow_mut().push(event);
    }

    fn now_secs(&self) -> f64 {
        0.0
    }

    async fn yield_now(&self) -> Vec<Command> {
        self.breaths.set(self.breaths.get() + 1);
        let stop = self.stop_after.is_some_and(|step| self.steps() >= step);
        if stop || self.stop_at_breath.get() == Some(self.breaths.get()) {
            vec![Command::Stop]
        } else {
            Vec::new()
        }
    }

    async fn next_delivery(&self) -> Delivery {
        Command::Stop.into()
    }

    async fn open(&self, files: Vec<InputFile>) -> Opened {
        Opened::new(&files)
    }

    fn batch_parts(&self) -> usize {
        if self.helpers.is_some() { 4 } else { 1 }
    }

    fn helpers(&self) -> Vec<usize> {
        let Some(state) = &self.helpers else {
            return Vec::new();
        };
        let failed = state.failed.borrow();
        (0..state.helpers.borrow().len())
            .filter(|id| !failed.contains(id))
            .collect()
    }

    fn send_job(&self, helper: usize, job: &str, parameters: &[Vec<f32>]) {
        let state = self.helpers.as_ref().expect("there are helpers");
        state.jobs.set(state.jobs.get() + 1);
        let mut helpers = state.helpers.borrow_mut();
        let result = block_on(helpers[helper].compute(job, parameters.to_vec()));
        let is_lost = state.failing_job == Some(state.jobs.get());
        state.results.borrow_mut()[helper] = result.ok().filter(|_| !is_lost);
    }

    async fn job_result(&self, helper: usize, _limit_secs: f64) -> Option<Vec<Vec<f32>>> {
        let state = self.helpers.as_ref().expect("there are helpers");
        state.results.borrow_mut()[helper].take()
    }

    fn stop_helper(&self, helper: usize) {
        let state = self.helpers.as_ref().expect("there are helpers");
        state.failed.borrow_mut().push(helper);
    }

    async fn keep(&self, run: &str, snapshot: &Snapshot) -> Result<Option<String>> {
        self.saved_runs.borrow_mut().push(run.into());
        self.snapshots.borrow_mut().push(snapshot.clone());
        Ok(Some("memory".into()))
    }

    async fn newest_checkpoint(&self, run: &str) -> Result<Option<Snapshot>> {
        let newest = self
            .saved_runs
            .borrow()
            .iter()
            .rposition(|saved| saved == run);
        Ok(newest.map(|index| self.snapshots.borrow()[index].clone()))
    }
}

/// Sentences with a grammar: verb and place depend on the animal, so there is something to learn.
pub fn corpus(lines: usize) -> Vec<InputFile> {
    let line = |i: usize| {
        let (animal, does, place) = [
            ("cat", "purrs", "house"),
            ("dog", "barks", "yard"),
            ("fish", "swims", "pond"),
            ("bird", "sings", "tree"),
        ][i % 4];
        let when = ["today", "often", "always", "again", "now"][i % 5];
        format!(
            "the small {animal} {does} {when} in the {place} of my friend number {} __label__{animal} __label__{place}\n",
            i % 13
        )
    };
    let file = |name: &str, range: std::ops::Range<usize>, role| {
        InputFile::in_memory(name, range.map(line).collect::<String>(), Some(role))
    };
    vec![
        file("train.txt", 0..lines, FileRole::Train),
        file("valid.txt", lines..lines + 40, FileRole::Valid),
    ]
}

pub fn config(change: &[(&str, &str)]) -> RunConfig {
    let mut config = RunConfig::default();
    for (key, value) in [
        ("preset", "fast-nano"),
        ("vocab-size", "120"),
        ("max-len", "16"),
        ("batch-size", "8"),
        ("seed", "7"),
    ]
    .iter()
    .chain(change)
    {
        config.set(key, value).expect("a valid setting");
    }
    config
}

pub fn session(host: &Memory) -> Session<Memory> {
    let mut session =
        block_on(Session::open(host.clone(), BackendChoice::Cpu)).expect("the CPU engine opens");
    session
        .set_corpus(&Opened::new(&corpus(400)), &ReadOptions::default())
        .expect("a sound corpus");
    session
}

/// A session with few labelled documents and no validation set.
pub fn session_of_few(host: &Memory) -> Session<Memory> {
    let mut session = session(host);
    session
        .set_corpus(
            &Opened::new(&[corpus(60).remove(0)]),
            &ReadOptions::default(),
        )
        .expect("a sound corpus");
    session
}

pub fn pretrained(
    host: &Memory,
    config: &RunConfig,
    resume: Option<Snapshot>,
) -> Vec<(String, Vec<u8>)> {
    let mut session = session(host);
    block_on(session.pretrain("run", config, resume)).expect("the run ends well");
    block_on(session.export()).expect("a model")
}

pub fn steps(host: &Memory) -> Vec<(u64, f64)> {
    let step = |event: &Event| {
        if let Event::Step { step, loss, .. } = event {
            Some((*step, *loss))
        } else {
            None
        }
    };
    host.events.borrow().iter().filter_map(step).collect()
}

pub fn evaluations(host: &Memory) -> Vec<Metrics> {
    let metrics = |event: &Event| {
        if let Event::Evaluated { metrics, .. } = event {
            Some(metrics.clone())
        } else {
            None
        }
    };
    host.events.borrow().iter().filter_map(metrics).collect()
}
