//! Web Locks, with which tabs see each other's active runs and the page learns that a worker has
//! ended. The browser releases a lock when its holder ends, for whatever reason. The only file that
//! uses the API.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// A lock that this tab holds, or waits for, until it is dropped.
pub struct Lock {
    release: Function,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Resolving a promise cannot fail.
        let _ = self.release.call0(&JsValue::NULL);
    }
}

/// Requests the lock `name`, which is granted as soon as it is free. Returns `None` if the browser
/// does not support locks.
pub fn hold(name: &str) -> Option<Lock> {
    let mut release = None;
    let held = Promise::new(&mut |resolve, _| release = Some(resolve));
    let granted = Closure::once_into_js(move |_: JsValue| held);
    request(name, &granted)?;
    release.map(|release| Lock { release })
}

/// Calls `ended` once the lock `name` is free. Never calls it if the browser does not support
/// locks.
pub fn when_free(name: &str, ended: impl FnOnce() + 'static) {
    let granted = Closure::once_into_js(move |_: JsValue| ended());
    // Without support for locks there is no notification.
    let _ = request(name, &granted);
}

/// Returns the names of all locks held by any tab of this origin.
pub async fn held() -> Vec<String> {
    query().await.unwrap_or_default()
}

async fn query() -> Option<Vec<String>> {
    let manager = manager()?;
    let query: Function = Reflect::get(&manager, &"query".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let state = JsFuture::from(query.call0(&manager).ok()?.dyn_into::<Promise>().ok()?)
        .await
        .ok()?;
    let held = Array::from(&Reflect::get(&state, &"held".into()).ok()?);
    let name = |lock: JsValue| Reflect::get(&lock, &"name".into()).ok()?.as_string();
    Some(held.iter().filter_map(name).collect())
}

fn request(name: &str, granted: &JsValue) -> Option<()> {
    let manager = manager()?;
    let request: Function = Reflect::get(&manager, &"request".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let promise: Promise = request
        .call2(&manager, &name.into(), granted)
        .ok()?
        .dyn_into()
        .ok()?;
    // An unhandled rejection would be reported as an error of the page.
    spawn_local(async move { drop(JsFuture::from(promise).await) });
    Some(())
}

/// Returns the lock manager; insecure contexts have none.
fn manager() -> Option<JsValue> {
    let navigator = web_sys::window()?.navigator();
    Reflect::get(&navigator, &"locks".into())
        .ok()
        .filter(JsValue::is_object)
}
