//! The Web Worker host: receives commands with their files, and posts events with bulk data as
//! transferred buffers. The only part of the engine that uses browser APIs.

use crate::checkpoints::Checkpoints;
use crate::helper_pool::{BATCH_PARTS, HelperPool};
use crate::messages::{field, message as object};
use data::{ByteSource, InputFile, Opened};
use engine::error::Result;
use engine::session::{Delivery, Host, Snapshot};
use js_sys::{Array, Promise, Reflect, Uint8Array};
use protocol::{Command, CommandKind, Event, Message, message};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use unpack::WebFile;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, DedicatedWorkerGlobalScope, MessageChannel, MessageEvent};

/// Seconds without an event after which a busy worker reports that it is alive.
const HEARTBEAT_SECS: f64 = 1.0;

/// The host of a session in a Web Worker. Clones share one inbox.
#[derive(Clone)]
pub struct WebHost {
    scope: DedicatedWorkerGlobalScope,
    inbox: Rc<RefCell<VecDeque<Delivery>>>,
    bell: (async_channel::Sender<()>, async_channel::Receiver<()>),
    turn: MessageChannel,
    /// The helpers of the session.
    pub helpers: HelperPool,
    checkpoints: Rc<Checkpoints>,
    /// Time of the last posted event, in seconds.
    posted_secs: Rc<Cell<f64>>,
}

impl WebHost {
    /// Starts listening to messages from the page.
    ///
    /// # Panics
    /// Panics outside a dedicated worker.
    pub fn listen() -> Self {
        let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
        let host = Self {
            scope: scope.clone(),
            inbox: Rc::default(),
            bell: async_channel::unbounded(),
            turn: MessageChannel::new().expect("workers have message channels"),
            helpers: HelperPool::default(),
            checkpoints: Rc::default(),
            posted_secs: Rc::default(),
        };
        let listener = host.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            listener.receive(&event)
        });
        scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        on_message.forget();
        host
    }

    /// Removes the first command that a run handles between two steps.
    fn take_handled_at_once(&self) -> Option<Command> {
        let mut inbox = self.inbox.borrow_mut();
        let place = inbox
            .iter()
            .position(|delivery| is_handled_at_once(&delivery.command))?;
        inbox.remove(place).map(|delivery| delivery.command)
    }

    fn receive(&self, event: &MessageEvent) {
        let data = event.data();
        let text = field(&data, "message").as_string().unwrap_or_default();
        match serde_json::from_str::<Command>(&text) {
            Ok(command) => {
                let files = field(&data, "buffers")
                    .dyn_into::<Array>()
                    .unwrap_or_default();
                self.inbox.borrow_mut().push_back(Delivery {
                    command,
                    files: files.iter().map(content).collect(),
                });
                // An unbounded channel fails only when closed, and both ends live in this host.
                let _ = self.bell.0.try_send(());
            }
            Err(error) => post_failure(
                "bad-command",
                message!(
                    "the engine cannot read a message from the page: {error}",
                    error = error.to_string()
                ),
            ),
        }
    }
}

impl Host for WebHost {
    fn emit_with(&self, event: Event, buffers: Vec<Vec<u8>>) {
        self.posted_secs.set(self.now_secs());
        let text = serde_json::to_string(&event).expect("events are plain data");
        self.checkpoints.log(&event, &text);
        post(&self.scope, &text, buffers);
    }

    fn now_secs(&self) -> f64 {
        self.scope
            .performance()
            .map_or(0.0, |performance| performance.now() / 1000.0)
    }

    /// Yields one turn of the browser's event loop, in which messages and GPU callbacks arrive. Not
    /// a timer: those are clamped to 4 ms, and slowed down in hidden pages.
    async fn yield_now(&self) -> Vec<Command> {
        if self.now_secs() - self.posted_secs.get() > HEARTBEAT_SECS {
            self.emit(Event::Alive {});
        }
        let (inner, outer) = (self.turn.port1(), self.turn.port2());
        let turned = Promise::new(&mut |resolve, _| {
            inner.set_onmessage(Some(&resolve));
            // Posting `null` to our own open port cannot fail.
            let _ = outer.post_message(&JsValue::NULL);
        });
        // The promise is never rejected.
        let _ = JsFuture::from(turned).await;
        let mut inbox = self.inbox.borrow_mut();
        let mut has_files_ahead = false;
        let (ready, queued): (VecDeque<Delivery>, VecDeque<Delivery>) =
            inbox.drain(..).partition(|delivery| {
                has_files_ahead |= !delivery.files.is_empty();
                !has_files_ahead || is_handled_at_once(&delivery.command)
            });
        *inbox = queued;
        ready.into_iter().map(|delivery| delivery.command).collect()
    }

    async fn next_delivery(&self) -> Delivery {
        loop {
            if let Some(delivery) = self.inbox.borrow_mut().pop_front() {
                return delivery;
            }
            // The channel cannot be closed: this host holds both ends.
            let _ = self.bell.1.recv().await;
        }
    }

    async fn next_control_command(&self) -> Command {
        loop {
            if let Some(command) = self.take_handled_at_once() {
                return command;
            }
            // The channel cannot be closed: this host holds both ends.
            let _ = self.bell.1.recv().await;
        }
    }

    async fn adapter_name(&self) -> String {
        adapter_info()
            .await
            .unwrap_or_else(|_| "an unnamed adapter".into())
    }

    async fn open(&self, files: Vec<InputFile>) -> Opened {
        unpack::opened(files).await
    }

    fn save_checkpoints(&self, run: &str, folder: &str) {
        self.checkpoints.announce(run, folder);
    }

    fn resume_log(&self, checkpoint: &str, log: &[u8]) {
        self.checkpoints.resume(checkpoint, log);
    }

    fn saves_checkpoints(&self, run: &str) -> bool {
        self.checkpoints.has(run)
    }

    fn is_checkpoint_due(&self, run: &str, _by_steps: bool) -> bool {
        self.checkpoints.is_due(run, self.now_secs())
    }

    async fn newest_checkpoint(&self, run: &str) -> Result<Option<Snapshot>> {
        Ok(if self.checkpoints.has(run) {
            self.checkpoints.newest().await
        } else {
            None
        })
    }

    fn batch_parts(&self) -> usize {
        BATCH_PARTS
    }

    fn workers(&self) -> usize {
        self.helpers.workers()
    }

    fn helpers(&self) -> Vec<usize> {
        self.helpers.ready()
    }

    fn send_job(&self, helper: usize, job: &str, parameters: &[Vec<f32>]) {
        self.helpers.send(helper, job, parameters);
    }

    async fn start_helpers(&self) {
        self.helpers.start().await;
    }

    async fn job_result(&self, helper: usize, limit_secs: f64) -> Option<Vec<Vec<f32>>> {
        self.helpers.result(helper, limit_secs).await
    }

    fn stop_helper(&self, helper: usize) {
        self.helpers.stop(helper);
    }

    /// Saves a checkpoint. A failure is a warning: the run continues and the older checkpoint
    /// remains.
    async fn keep(&self, run: &str, snapshot: &Snapshot) -> Result<Option<String>> {
        match self.checkpoints.save(snapshot, || self.now_secs()).await {
            Ok(path) => Ok(Some(path)),
            Err(reason) => {
                if self.checkpoints.is_new_failure(&reason) {
                    let message =
                        message!("the browser could not save a checkpoint: {reason}", reason);
                    let code = "checkpoint-failed".into();
                    self.emit(Event::Warning {
                        run: run.into(),
                        code,
                        message,
                    });
                }
                Ok(None)
            }
        }
    }
}

/// Wraps a file's content: a blob is read on demand, a buffer is already in memory.
fn content(value: JsValue) -> Rc<dyn ByteSource> {
    match value.dyn_into::<Blob>() {
        Ok(blob) => Rc::new(WebFile(blob)),
        Err(buffer) => Rc::new(Uint8Array::new(&buffer).to_vec()),
    }
}

/// Whether a run handles a command between two steps; all others are queued in order.
fn is_handled_at_once(command: &Command) -> bool {
    matches!(command.kind(), CommandKind::Control | CommandKind::Query)
}

/// Tells the page that the engine has failed, from wherever that is noticed.
pub fn post_failure(code: &str, message: Message) {
    let event = Event::Failed {
        run: String::new(),
        code: code.into(),
        message,
        hint: message!("Restart the engine; the files stay loaded in the page."),
        request: None,
    };
    let text = serde_json::to_string(&event).expect("events are plain data");
    post(&js_sys::global().unchecked_into(), &text, Vec::new());
}

fn post(scope: &DedicatedWorkerGlobalScope, text: &str, buffers: Vec<Vec<u8>>) {
    let arrays: Array = buffers
        .iter()
        .map(|bytes| Uint8Array::from(bytes.as_slice()).buffer())
        .collect();
    let sent = object(&[("message", &text.into()), ("buffers", &arrays)])
        .and_then(|message| scope.post_message_with_transfer(&message, &arrays));
    if let Err(error) = sent {
        web_sys::console::error_1(&error);
    }
}

/// Returns the adapter's vendor and architecture, if the browser exposes them.
async fn adapter_info() -> std::result::Result<String, JsValue> {
    let get = |of: &JsValue, name: &str| Reflect::get(of, &name.into());
    let gpu = get(&get(&js_sys::global(), "navigator")?, "gpu")?;
    let request: js_sys::Function = get(&gpu, "requestAdapter")?.dyn_into()?;
    let adapter = JsFuture::from(request.call0(&gpu)?.dyn_into::<Promise>()?).await?;
    let info = get(&adapter, "info")?;
    let words = ["vendor", "architecture", "device"]
        .map(|field| get(&info, field).ok().and_then(|v| v.as_string()));
    let words: Vec<String> = words
        .into_iter()
        .flatten()
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        Err(JsValue::NULL)
    } else {
        Ok(words.join(" "))
    }
}
