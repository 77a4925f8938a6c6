//! Web Locks: how tabs know which of them runs what, and how the page learns that a worker has ended. The browser releases
//! a lock when its holder ends, however that happens. The only file that names them.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// A lock that this tab holds, or waits for, until it is dropped.
pub struct Lock {
    release: Function,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Resolving a promise does not fail.
        let _ = self.release.call0(&JsValue::NULL);
    }
}

/// Takes the lock `name` as soon as it is free; nothing where the browser has no locks.
pub fn hold(name: &str) -> Option<Lock> {
    let mut release = None;
    let held = Promise::new(&mut |resolve, _| release = Some(resolve));
    let granted = Closure::once_into_js(move |_: JsValue| held);
    request(name, &granted)?;
    release.map(|release| Lock { release })
}

/// Calls `ended` once nobody holds the lock `name` any more.
pub fn when_free(name: &str, ended: impl FnOnce() + 'static) {
    let granted = Closure::once_into_js(move |_: JsValue| ended());
    // Without locks, nobody tells.
    let _ = request(name, &granted);
}

/// The names of all locks that some tab holds.
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
    // A rejection would be reported as an error of the page's own.
    spawn_local(async move { drop(JsFuture::from(promise).await) });
    Some(())
}

/// Pages from insecure places have none.
fn manager() -> Option<JsValue> {
    let navigator = web_sys::window()?.navigator();
    Reflect::get(&navigator, &"locks".into())
        .ok()
        .filter(JsValue::is_object)
}
