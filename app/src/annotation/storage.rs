//! Annotations in the browser's local storage: one entry per document, so that two tabs do not
//! overwrite each other's labels, and so that each key press is stored at once.

use super::Stored;
use crate::local_storage;
use protocol::{Annotations, text_hash};
use std::collections::BTreeSet;
use web_sys::StorageEvent;

/// Prefix of the keys; the rest is a hash of the text. A value is a JSON array of the text and its
/// labels.
const PREFIX: &str = "clozelab-annotation-";

/// Prefix of the keys of labelled texts that were drawn at random; the rest is a hash of the text.
const DRAWN_PREFIX: &str = "clozelab-drawn-";

/// Returns the hashes of the labelled texts that were drawn at random.
pub fn randomly_drawn() -> BTreeSet<u64> {
    let keys = local_storage::keys(DRAWN_PREFIX);
    keys.iter().filter_map(|key| drawn_hash(key)).collect()
}

fn drawn_hash(key: &str) -> Option<u64> {
    u64::from_str_radix(key.strip_prefix(DRAWN_PREFIX)?, 16).ok()
}

/// Returns the hash of a randomly drawn text that another tab has labelled.
pub fn drawn_elsewhere(event: &StorageEvent) -> Option<u64> {
    event.new_value()?;
    drawn_hash(&event.key()?)
}

/// Stores whether a labelled text was drawn at random.
pub fn store_drawn(text: &str, is_drawn: bool) {
    let key = format!("{DRAWN_PREFIX}{:016x}", text_hash(text));
    if is_drawn {
        local_storage::keep(&key, "1");
    } else {
        local_storage::remove(&key);
    }
}

/// Returns the annotations of this and other visits and tabs.
pub fn load() -> Annotations {
    let keys = local_storage::keys(PREFIX).into_iter();
    keys.filter_map(|key| read(&local_storage::get(&key)?))
        .collect()
}

/// Returns the text and the labels of a value.
fn read(value: &str) -> Option<(String, Vec<String>)> {
    let mut labels: Vec<String> = serde_json::from_str(value).ok()?;
    (!labels.is_empty()).then(|| (labels.remove(0), labels))
}

/// Returns what another tab has stored or removed, if it is an annotation.
pub fn changed_elsewhere(event: &StorageEvent) -> Option<Stored> {
    event.key().filter(|key| key.starts_with(PREFIX))?;
    let of = |value: Option<String>| value.as_deref().and_then(read);
    match of(event.new_value()) {
        Some((text, labels)) => Some(Stored {
            text,
            labels: Some(labels),
        }),
        None => of(event.old_value()).map(|(text, _)| Stored { text, labels: None }),
    }
}

/// Stores or removes the labels of a text; `false` if the browser refuses.
pub fn store(Stored { text, labels }: &Stored) -> bool {
    let key = format!("{PREFIX}{:016x}", text_hash(text));
    match labels {
        Some(labels) => {
            // The text, then its labels.
            let entry = [std::slice::from_ref(text), labels].concat();
            let entry = serde_json::to_string(&entry).expect("texts are plain data");
            local_storage::try_store(&key, &entry)
        }
        None => {
            local_storage::remove(&key);
            true
        }
    }
}
