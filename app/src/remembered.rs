//! Small choices that this browser remembers from one visit to the next. It may deny that, by policy or in a private window:
//! then nothing is remembered, and nothing fails.

use web_sys::Storage;

/// What was kept under this key.
pub fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Keeps a choice under this key, where the browser allows.
pub fn keep(key: &str, value: &str) {
    storage().and_then(|storage| storage.set_item(key, value).ok()).unwrap_or_default();
}

/// Forgets everything.
pub fn clear() {
    storage().and_then(|storage| storage.clear().ok()).unwrap_or_default();
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}
