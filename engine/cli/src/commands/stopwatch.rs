//! A host for benchmarks: records when each event arrives and how many kernels were launched until
//! then, and saves no checkpoints.

use crate::run_dir::token_cache::TokenCache;
use data::{InputFile, Opened, TempStorage};
use engine::error::Result;
use engine::launches::LaunchCounter;
use engine::session::{CacheEntry, Delivery, Host, Snapshot};
use protocol::{Command, Event};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

/// An event and when it arrived.
pub(crate) struct Mark {
    /// Seconds since the start of the clock.
    pub secs: f64,
    /// Kernels launched on the GPU since the start of the clock.
    pub launches: u64,
    /// The event.
    pub event: Event,
}

/// A host that records events with the time at which they were emitted.
#[derive(Clone)]
pub(crate) struct Stopwatch {
    opened: Instant,
    launches: Rc<LaunchCounter>,
    /// The events so far.
    pub marks: Rc<RefCell<Vec<Mark>>>,
    tokens: Rc<TokenCache>,
}

impl Stopwatch {
    /// Starts the clock. Tokens are cached in `tokens`.
    pub fn start(tokens: TokenCache) -> Self {
        Self {
            opened: Instant::now(),
            launches: Rc::default(),
            marks: Rc::default(),
            tokens: Rc::new(tokens),
        }
    }

    /// Returns the seconds until the first event for which `is` holds, if there was one.
    pub fn first(&self, is: impl Fn(&Event) -> bool) -> Option<f64> {
        self.marks
            .borrow()
            .iter()
            .find(|mark| is(&mark.event))
            .map(|mark| mark.secs)
    }
}

impl Host for Stopwatch {
    fn emit_with(&self, event: Event, _buffers: Vec<Vec<u8>>) {
        self.marks.borrow_mut().push(Mark {
            secs: self.now_secs(),
            launches: self.launches.launches(),
            event,
        });
    }

    fn now_secs(&self) -> f64 {
        self.opened.elapsed().as_secs_f64()
    }

    async fn yield_now(&self) -> Vec<Command> {
        Vec::new()
    }

    async fn next_delivery(&self) -> Delivery {
        Command::Stop.into()
    }

    fn saves_checkpoints(&self, _run: &str) -> bool {
        false
    }

    async fn open(&self, files: Vec<InputFile>) -> Opened {
        Opened::new(&files)
    }

    async fn keep(&self, _run: &str, _snapshot: &Snapshot) -> Result<Option<String>> {
        Ok(None)
    }

    fn scratch(&self) -> Box<dyn TempStorage> {
        self.tokens.scratch()
    }

    fn cached(&self, key: &str) -> Option<Vec<CacheEntry>> {
        self.tokens.get(key)
    }

    fn cache(&self, key: &str, pieces: &[CacheEntry]) {
        self.tokens.put(key, pieces);
    }
}
