//! Small settings in the browser's local storage. Access may be denied by policy or in a private
//! window; then nothing is saved, and nothing fails.

use web_sys::Storage;

/// Returns the value stored under this key.
pub fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Stores a value under this key, if the browser allows it.
pub fn keep(key: &str, value: &str) {
    storage()
        .and_then(|storage| storage.set_item(key, value).ok())
        .unwrap_or_default();
}

/// Prefix of this page's keys: other pages of the same origin may have their own.
const PREFIX: &str = "clozelab";

/// Removes all values of this page.
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
