//! The helpers of a session: further workers with the same engine that compute gradients for it.
//! `worker.js` starts them. A helper that fails gets no further jobs.

use crate::messages::{arrays, buffers, field, message};
use async_channel::{Receiver, Sender};
use js_sys::{Array, Function, Reflect};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, ErrorEvent, MessageEvent, Worker};

/// Number of parts of a batch in the browser, and with it the maximum number of workers.
pub const BATCH_PARTS: usize = 4;

/// Function of `worker.js` that starts a helper.
const START: &str = "startHelper";

/// Seconds to wait until a helper is ready.
const START_SECS: f64 = 20.0;

/// The helpers of a session. Clones share them.
#[derive(Clone, Default)]
pub struct HelperPool(Rc<State>);

#[derive(Default)]
struct State {
    /// Number of workers requested, the session's own included; `None`: by the number of cores.
    requested: Cell<Option<usize>>,
    has_started: Cell<bool>,
    /// All helpers that were started; their ids are their indices.
    started: RefCell<Vec<Rc<Helper>>>,
}

/// A helper that was started.
struct Helper {
    worker: Worker,
    is_ready: Cell<bool>,
    /// Receives one message when the helper is ready.
    readiness: Channel<()>,
    /// Receives the results of its jobs.
    results: Channel<Vec<Vec<f32>>>,
}

/// Both ends of a channel, which is closed when the helper fails.
struct Channel<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
}

impl<T> Channel<T> {
    fn new() -> Self {
        let (sender, receiver) = async_channel::unbounded();
        Self { sender, receiver }
    }
}

impl HelperPool {
    /// Sets the number of workers that compute, the session's own included.
    pub fn request(&self, workers: Option<u32>) {
        self.0
            .requested
            .set(workers.map(|workers| workers as usize));
    }

    /// Returns how many workers compute at most, the session's own included: a power of two.
    pub fn workers(&self) -> usize {
        let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
        let cores = scope.navigator().hardware_concurrency() as usize;
        let wanted = self.0.requested.get().unwrap_or(cores);
        1 << wanted.clamp(1, BATCH_PARTS).ilog2()
    }

    /// Starts the helpers the first time, and waits until they are ready or have failed.
    pub async fn start(&self) {
        self.start_all();
        let started = self.0.started.borrow().clone();
        for helper in started {
            if !helper.is_ready.get() {
                helper.received(&helper.readiness, START_SECS).await;
            }
        }
    }

    /// Returns the ids of the helpers that are ready. Starts them the first time.
    pub fn ready(&self) -> Vec<usize> {
        self.start_all();
        let helpers = self.0.started.borrow();
        let is_ready = |(_, helper): &(usize, &Rc<Helper>)| helper.is_ready.get();
        let ready = helpers.iter().enumerate().filter(is_ready);
        ready.map(|(id, _)| id).collect()
    }

    /// Sends a helper a job, with copies of the parameters.
    pub fn send(&self, id: usize, job: &str, parameters: &[Vec<f32>]) {
        let helper = self.helper(id);
        let buffers = buffers(parameters);
        let sent = message(&[("job", &job.into()), ("arrays", &buffers)])
            .and_then(|message| helper.worker.post_message_with_transfer(&message, &buffers));
        if let Err(error) = sent {
            helper.fail(&error);
        }
    }

    /// Waits at most `limit_secs` for the result of a helper's job; `None` if it has failed.
    pub async fn result(&self, id: usize, limit_secs: f64) -> Option<Vec<Vec<f32>>> {
        let helper = self.helper(id);
        helper.received(&helper.results, limit_secs).await
    }

    /// Ends a helper.
    pub fn stop(&self, id: usize) {
        self.helper(id).fail(&"its result cannot be used".into());
    }

    fn helper(&self, id: usize) -> Rc<Helper> {
        self.0.started.borrow()[id].clone()
    }

    fn start_all(&self) {
        if self.0.has_started.replace(true) {
            return;
        }
        for _ in 1..self.workers() {
            match start() {
                Ok(helper) => self.0.started.borrow_mut().push(helper),
                Err(error) => {
                    web_sys::console::warn_2(&"a helper could not be started".into(), &error);
                }
            }
        }
    }
}

/// Starts a helper.
///
/// # Errors
/// Returns an error if the browser refuses to start a worker.
fn start() -> Result<Rc<Helper>, JsValue> {
    let start: Function = Reflect::get(&js_sys::global(), &START.into())?.dyn_into()?;
    let worker: Worker = start.call0(&JsValue::UNDEFINED)?.dyn_into()?;
    let helper = Rc::new(Helper {
        worker,
        is_ready: Cell::new(false),
        readiness: Channel::new(),
        results: Channel::new(),
    });
    let listening = helper.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        listening.receive(&message.data());
    });
    let failing = helper.clone();
    let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
        error.prevent_default();
        failing.fail(&error);
    });
    let worker = &helper.worker;
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    worker.set_onmessageerror(Some(on_error.as_ref().unchecked_ref()));
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    // The session keeps its helpers to its end.
    on_message.forget();
    on_error.forget();
    Ok(helper)
}

impl Helper {
    fn receive(&self, data: &JsValue) {
        // Sending fails only if the helper was ended meanwhile.
        if let Ok(buffers) = field(data, "arrays").dyn_into::<Array>() {
            let _ = self.results.sender.try_send(arrays(&buffers));
        } else if field(data, "ready").is_truthy() {
            self.is_ready.set(true);
            let _ = self.readiness.sender.try_send(());
        } else {
            self.fail(data);
        }
    }

    /// Waits at most `limit_secs` for a message; `None` if the helper has failed.
    async fn received<T>(self: &Rc<Self>, channel: &Channel<T>, limit_secs: f64) -> Option<T> {
        let late = self.clone();
        let on_time = Closure::once(move || late.fail(&"it does not reply".into()));
        let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
        let millis = (limit_secs * 1000.0) as i32;
        let timer = scope
            .set_timeout_with_callback_and_timeout_and_arguments_0(
                on_time.as_ref().unchecked_ref(),
                millis,
            )
            .ok();
        let received = channel.receiver.recv().await.ok();
        if let Some(timer) = timer {
            scope.clear_timeout_with_handle(timer);
        }
        received
    }

    /// Ends the helper, and the wait for its messages.
    fn fail(&self, reason: &JsValue) {
        web_sys::console::warn_2(&"a helper has failed".into(), reason);
        self.worker.terminate();
        self.is_ready.set(false);
        self.readiness.sender.close();
        self.results.sender.close();
    }
}
