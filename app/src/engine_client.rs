//! Connection to the engine; the only file that uses `Worker`. A message is the JSON of a command
//! with its files, or of an event with bulk bytes as transferred buffers. Messages sent before the
//! engine's `Hello` are queued here, since a worker drops messages that arrive before it listens.

use crate::locks;
use crate::state::ENGINE_CRASHED;
use crate::tr;
use js_sys::{Array, ArrayBuffer, Object, Reflect};
use protocol::{Command, Event, Message, PROTOCOL_VERSION};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{
    Blob, BlobPropertyBag, ErrorEvent, MessageEvent, Url, Worker, WorkerOptions, WorkerType,
};

/// URL of the engine's worker script, relative to the page.
const WORKER: &str = "./worker.js";

thread_local! {
    /// Number of engines started by this page.
    static STARTED: Cell<u32> = const { Cell::new(0) };
}

/// A running engine. Dropping it terminates the worker.
pub struct EngineClient {
    worker: Worker,
    is_open: Rc<Cell<bool>>,
    waiting: Rc<RefCell<Option<Vec<Delivery>>>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

/// A command with its files.
struct Delivery {
    text: String,
    files: Vec<Blob>,
}

impl EngineClient {
    /// Starts a worker and calls `on_event` for every event with its JSON, the parsed event and its
    /// buffers.
    ///
    /// # Errors
    /// Returns an error if the browser refuses to start a worker.
    pub fn spawn(
        on_event: impl Fn(&str, Event, Vec<ArrayBuffer>) + 'static,
    ) -> Result<Self, JsValue> {
        let lock = lock_name();
        let worker = start_worker(&lock)?;
        let waiting = Rc::new(RefCell::new(Some(Vec::new())));
        let is_open = Rc::new(Cell::new(true));
        let on_event = {
            let is_open = is_open.clone();
            Rc::new(move |text: &str, event, buffers| {
                if is_open.get() {
                    on_event(text, event, buffers);
                }
            })
        };
        let on_message = message_handler(worker.clone(), lock, waiting.clone(), on_event.clone());
        let on_error = error_handler(on_event);
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            is_open,
            waiting,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Sends a command with its files. Files are sent as handles; their bytes are not copied.
    pub fn send(&self, command: &Command, files: Vec<Blob>) {
        self.send_text(
            serde_json::to_string(command).expect("commands are plain data"),
            files,
        );
    }

    /// Sends a command that is already serialised: the page never parses commands.
    pub fn send_text(&self, text: String, files: Vec<Blob>) {
        let message = Delivery { text, files };
        match self.waiting.borrow_mut().as_mut() {
            Some(waiting) => waiting.push(message),
            None => post(&self.worker, &message),
        }
    }
}

impl Drop for EngineClient {
    fn drop(&mut self) {
        self.is_open.set(false);
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// Returns the name of the lock that a worker holds while it is alive, unique to this page and
/// worker.
fn lock_name() -> String {
    let number = STARTED.with(|started| started.replace(started.get() + 1));
    format!("clozelab-engine-{}-{number}", js_sys::Math::random())
}

fn start_worker(lock: &str) -> Result<Worker, JsValue> {
    let base = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.base_uri().ok()?);
    let url = Url::new_with_base(WORKER, &base.unwrap_or_default())?;
    url.search_params().set("lock", lock);
    // A worker started from a blob inherits the page's content security policy; one started from a
    // URL has only the policy that the server sends with it.
    let script = format!("import {};", serde_json::Value::from(url.href()));
    let blob_options = BlobPropertyBag::new();
    blob_options.set_type("text/javascript");
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&script.into()), &blob_options)?;
    let address = Url::create_object_url_with_blob(&blob)?;
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options(&address, &options);
    Url::revoke_object_url(&address)?;
    worker
}

fn message_handler(
    worker: Worker,
    lock: String,
    waiting: Rc<RefCell<Option<Vec<Delivery>>>>,
    on_event: Rc<impl Fn(&str, Event, Vec<ArrayBuffer>) + 'static>,
) -> Closure<dyn FnMut(MessageEvent)> {
    Closure::new(move |message: MessageEvent| {
        let Some((text, event, buffers)) = unpack(&message.data()) else {
            return;
        };
        if let Event::Hello { protocol } = event {
            if protocol != PROTOCOL_VERSION {
                return on_event("", version_mismatch(protocol), vec![]);
            }
            let on_end = on_event.clone();
            locks::when_free(&lock, move || on_end("", worker_ended(), vec![]));
            let queued = waiting.borrow_mut().take().unwrap_or_default();
            queued.iter().for_each(|message| post(&worker, message));
        }
        on_event(&text, event, buffers);
    })
}

fn error_handler(
    on_event: Rc<impl Fn(&str, Event, Vec<ArrayBuffer>) + 'static>,
) -> Closure<dyn FnMut(ErrorEvent)> {
    Closure::new(move |error: ErrorEvent| {
        error.prevent_default();
        // A script that fails to load fires an event without `message`, contrary to the declared
        // type.
        let reason = Reflect::get(&error, &"message".into())
            .ok()
            .and_then(|message| message.as_string());
        let event = Event::Failed {
            run: String::new(),
            code: ENGINE_CRASHED.into(),
            message: Message::verbatim(reason.map_or_else(
                || tr!("The engine could not be loaded."),
                |reason| tr!("The engine stopped: {reason}", reason),
            )),
            hint: Message::verbatim(tr!(
                "Restart the engine; if it stops again, choose a smaller preset or reload the page."
            )),
            request: None,
        };
        on_event("", event, vec![]);
    })
}

/// Event for a worker that ended without reporting anything, whether the browser terminated it or
/// its own code did.
fn worker_ended() -> Event {
    Event::Failed {
        run: String::new(),
        code: ENGINE_CRASHED.into(),
        message: Message::verbatim(tr!("The browser ended the engine's worker.")),
        hint: Message::verbatim(tr!(
            "Restart the engine; if it stops again, choose a smaller preset or reload the page."
        )),
        request: None,
    }
}

fn version_mismatch(protocol: u32) -> Event {
    Event::Failed {
        run: String::new(),
        code: ENGINE_CRASHED.into(),
        message: Message::verbatim(tr!(
            "The engine speaks version {theirs} of the messages, this page version {ours}.",
            theirs = protocol,
            ours = PROTOCOL_VERSION
        )),
        hint: Message::verbatim(tr!(
            "One of the two is an old copy: reload the page without the browser's cache."
        )),
        request: None,
    }
}

/// An unreadable event is logged and skipped: events are absolute, so later ones make up for it.
fn unpack(data: &JsValue) -> Option<(String, Event, Vec<ArrayBuffer>)> {
    let text = Reflect::get(data, &"message".into()).ok()?.as_string()?;
    let buffers = Reflect::get(data, &"buffers".into()).ok();
    let buffers = buffers
        .filter(Array::is_array)
        .map(|list| Array::from(&list))
        .unwrap_or_default();
    match serde_json::from_str(&text) {
        Ok(event) => Some((
            text,
            event,
            buffers
                .iter()
                .filter_map(|buffer| buffer.dyn_into().ok())
                .collect(),
        )),
        Err(error) => {
            web_sys::console::warn_2(&format!("unreadable event: {error}").into(), &text.into());
            None
        }
    }
}

fn post(worker: &Worker, message: &Delivery) {
    let files: Array = message.files.iter().collect();
    let envelope = Object::new();
    let set = |key: &str, value: &JsValue| Reflect::set(&envelope, &key.into(), value);
    let posted = set("message", &message.text.as_str().into())
        .and_then(|_| set("buffers", &files))
        .and_then(|_| worker.post_message(&envelope));
    if let Err(error) = posted {
        web_sys::console::error_2(&"a command could not be sent".into(), &error);
    }
}
