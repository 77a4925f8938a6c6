//! Saves data through the browser's downloads.

use js_sys::{Array, ArrayBuffer};
use leptos::prelude::set_timeout;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, HtmlAnchorElement, Url};

/// Lifetime of a blob URL: the browser reads the blob after the click returns, and a minute is
/// ample for that.
const URL_LIFETIME: Duration = Duration::from_secs(60);

/// Downloads `bytes` as a file of this name.
///
/// # Errors
/// Returns an error if the browser refuses to create the blob or its URL.
pub fn save(name: &str, bytes: &ArrayBuffer) -> Result<(), JsValue> {
    save_blob(
        name,
        &Blob::new_with_buffer_source_sequence(&Array::of1(bytes))?,
    )
}

/// Downloads a blob as a file of this name.
///
/// # Errors
/// Returns an error if the browser refuses to create its URL.
pub fn save_blob(name: &str, blob: &Blob) -> Result<(), JsValue> {
    let url = Url::create_object_url_with_blob(blob)?;
    click(name, &url)?;
    let release = move || Url::revoke_object_url(&url).unwrap_or_default();
    set_timeout(release, URL_LIFETIME);
    Ok(())
}

/// Downloads the resource at a URL as a file of this name; logs a failure to the console.
pub fn save_url(name: &str, url: &str) {
    if let Err(error) = click(name, url) {
        web_sys::console::warn_2(&"a file could not be saved".into(), &error);
    }
}

fn click(name: &str, url: &str) -> Result<(), JsValue> {
    let document = web_sys::window()
        .and_then(|window| window.document())
        .ok_or("no document")?;
    let anchor: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
    anchor.set_href(url);
    anchor.set_download(name);
    anchor.click();
    Ok(())
}
