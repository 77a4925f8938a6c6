//! Small settings in the browser's local storage. Access may be denied by policy or in a private
//! window; then nothing is saved, and nothing fails.

use web_sys::Storage;

/// Returns the value stored under this key.
pub fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Stores a value under this key, if the browser allows it.
pub fn keep(key: &str, value: &str) {
    try_store(key, value);
}

/// Stores a value under this key; `false` if the browser refuses or has no room.
pub fn try_store(key: &str, value: &str) -> bool {
    storage().is_some_and(|storage| storage.set_item(key, value).is_ok())
}

/// Returns the keys that begin with a prefix.
pub fn keys(prefix: &str) -> Vec<String> {
    let Some(storage) = storage() else {
        return vec![];
    };
    (0..storage.length().unwrap_or_default())
        .filter_map(|index| storage.key(index).ok().flatten())
        .filter(|key| key.starts_with(prefix))
        .collect()
}

/// Removes the value under this key.
pub fn remove(key: &str) {
    storage()
        .and_then(|storage| storage.remove_item(key).ok())
        .unwrap_or_default();
}

/// Prefix of this page's keys: other pages of the same origin may have their own.
const PREFIX: &str = "clozelab";

/// Removes all values of this page.
pub fn clear() {
    keys(PREFIX).iter().for_each(|key| remove(key));
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}
