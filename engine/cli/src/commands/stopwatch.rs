//! A host for benchmarks: records when each event arrives, and saves no checkpoints.

use crate::run_dir::token_cache::TokenCache;
use data::{InputFile, Opened, TempStorage};
use engine::error::Result;
use engine::session::{CacheEntry, Delivery, Host, Snapshot};
use protocol::{Command, Event};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

/// A host that records events with the time at which they were emitted.
#[derive(Clone)]
pub(crate) struct Stopwatch {
    opened: Instant,
    /// Events with the seconds at which they arrived.
    pub marks: Rc<RefCell<Vec<(f64, Event)>>>,
    tokens: Rc<TokenCache>,
}

impl Stopwatch {
    /// Starts the clock. Tokens are cached in `tokens`.
    pub fn start(tokens: TokenCache) -> Self {
        Self {
            opened: Instant::now(),
            marks: Rc::default(),
            tokens: Rc::new(tokens),
        }
    }

    /// Returns the seconds until the first event for which `is` holds, if there was one.
    pub fn first(&self, is: impl Fn(&Event) -> bool) -> Option<f64> {
        self.marks
            .borrow()
            .iter()
            .find(|(_, event)| is(event))
            .map(|(at, _)| *at)
    }
}

impl Host for Stopwatch {
    fn emit_with(&self, event: Event, _buffers: Vec<Vec<u8>>) {
        self.marks.borrow_mut().push((self.now_secs(), event));
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
