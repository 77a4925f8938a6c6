//! Light or dark: as the system says, until the person chooses otherwise. The choice is kept in this browser;
//! `shell.js` applies it before the first paint.

use crate::local_storage;

/// Where the choice is kept; `shell.js` reads the same key.
const KEY: &str = "clozelab-theme";

/// Whether the page is dark now.
pub fn is_dark() -> bool {
    match local_storage::get(KEY).as_deref() {
        Some("dark") => true,
        Some("light") => false,
        _ => system_is_dark(),
    }
}

/// MountQueue the page dark or light and remembers it where the browser allows.
pub fn choose(dark: bool) {
    let name = if dark { "dark" } else { "light" };
    if let Some(root) = web_sys::window()
        .and_then(|w| w.document())
        .and_then(|d| d.document_element())
    {
        root.set_attribute("data-theme", name).unwrap_or_default();
    }
    local_storage::keep(KEY, name);
}

fn system_is_dark() -> bool {
    let query = web_sys::window().and_then(|window| {
        window
            .match_media("(prefers-color-scheme: dark)")
            .ok()
            .flatten()
    });
    query.is_some_and(|query| query.matches())
}
