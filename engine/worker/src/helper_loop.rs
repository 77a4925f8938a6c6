//! The worker of a helper: computes the gradients that a session asks for, and nothing else.

use crate::messages::{arrays, buffers, field, message};
use engine::session::Helper;
use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Whether `worker.js` was started as a helper.
pub fn is_helper() -> bool {
    field(&js_sys::global(), "isHelper").is_truthy()
}

/// Tells the session that this helper has failed.
pub fn post_failure(reason: &str) {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    // If the message cannot be posted, the session stops waiting after a time.
    let _ = scope.post_message(&reason.into());
}

/// Tells the session that this helper is ready, then computes one job after another for as long as
/// the session lives.
pub async fn serve() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let (arrived, jobs) = async_channel::unbounded();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        // An unbounded channel fails only when closed, and this worker holds both ends.
        let _ = arrived.try_send(event.data());
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    post(&scope, &[("ready", &JsValue::TRUE)], &Array::new());
    let mut helper = Helper::default();
    while let Ok(message) = jobs.recv().await {
        let job = field(&message, "job").as_string().unwrap_or_default();
        let parameters = arrays(&field(&message, "arrays").unchecked_into());
        match helper.compute(&job, parameters).await {
            Ok(gradients) => {
                let buffers = buffers(&gradients);
                post(&scope, &[("arrays", &buffers)], &buffers);
            }
            Err(error) => post_failure(&error.to_string()),
        }
    }
}

fn post(scope: &DedicatedWorkerGlobalScope, fields: &[(&str, &JsValue)], transferred: &Array) {
    let posted =
        message(fields).and_then(|message| scope.post_message_with_transfer(&message, transferred));
    if let Err(error) = posted {
        post_failure(&format!("{error:?}"));
    }
}
