//! Small choices that this browser remembers from one visit to the next. It may deny that, by policy or in a private window:
//! then nothing is remembered, and nothing fails.

use web_sys::Storage;

/// What was kept under this key.
pub fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Keeps a choice under this key, where the browser allows.
pub fn keep(key: &str, value: &str) {
    storage()
        .and_then(|storage| storage.set_item(key, value).ok())
        .unwrap_or_default();
}

/// Start of the keys of this page: other pages of the same site have theirs.
const PREFIX: &str = "clozelab";

/// Forgets every choice.
pub fn clear() {
    let Some(storage) = storage() else { return };
    let keys = (0..storage.length().unwrap_or_default())
        .filter_map(|index| storage.key(index).ok().flatten());
    let own: Vec<String> = keys.filter(|key| key.starts_with(PREFIX)).collect();
    own.iter()
        .for_each(|key| storage.remove_item(key).unwrap_or_default());
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}
