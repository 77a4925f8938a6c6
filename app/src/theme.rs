//! Light or dark: as the system says, until the person chooses otherwise. The choice is kept in this browser;
//! `shell.js` applies it before the first paint.

use web_sys::Storage;

/// Where the choice is kept; `shell.js` reads the same key.
const KEY: &str = "clozelab-theme";

/// Whether the page is dark now.
pub fn is_dark() -> bool {
    match storage().and_then(|storage| storage.get_item(KEY).ok().flatten()).as_deref() {
        Some("dark") => true,
        Some("light") => false,
        _ => system_is_dark(),
    }
}

/// Turns the page dark or light and remembers it where the browser allows.
pub fn choose(dark: bool) {
    let name = if dark { "dark" } else { "light" };
    if let Some(root) = web_sys::window().and_then(|w| w.document()).and_then(|d| d.document_element()) {
        root.set_attribute("data-theme", name).unwrap_or_default();
    }
    storage().and_then(|storage| storage.set_item(KEY, name).ok()).unwrap_or_default();
}

/// A browser may deny storage, by policy or in a private window.
fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

fn system_is_dark() -> bool {
    let query = web_sys::window().and_then(|window| window.match_media("(prefers-color-scheme: dark)").ok().flatten());
    query.is_some_and(|query| query.matches())
}
