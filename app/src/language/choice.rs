//! Language selection: the link's language, otherwise the language chosen earlier in this browser,
//! otherwise the first of the browser's languages that the page supports. The catalogue of another
//! language is fetched from beside the page.

use super::{Catalogue, LANGUAGES, Language};
use crate::local_storage;
use crate::query;
use js_sys::{Array, Intl::PluralRules, Object};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// Local storage key of the selected language.
const KEY: &str = "clozelab-language";

/// Returns the initial language.
pub fn wanted() -> Language {
    let window = web_sys::window().expect("a page has a window");
    let link = window
        .location()
        .search()
        .ok()
        .and_then(|search| query::language(&search));
    let saved = || local_storage::get(KEY);
    let of_browser = || {
        let tags = window.navigator().languages();
        tags.iter()
            .filter_map(|tag| Language::of(&tag.as_string()?))
            .next()
    };
    let from_tag = |tag: String| Language::of(&tag);
    link.and_then(from_tag)
        .or_else(|| saved().and_then(from_tag))
        .or_else(of_browser)
        .unwrap_or(LANGUAGES[0])
}

/// Saves the selected language, if the browser allows it.
pub fn keep(language: Language) {
    local_storage::keep(KEY, language.tag);
}

/// Fetches the catalogue of a language; `None` for the source language.
///
/// # Errors
/// Returns a message if the catalogue does not exist or cannot be parsed.
pub async fn words_of(language: Language) -> Result<Option<Catalogue>, String> {
    if language.is_source() {
        Ok(None)
    } else {
        fetch(language).await.map(Some)
    }
}

/// Sets the language of the page and its catalogue.
pub fn speak(language: Language, words: Option<Catalogue>) {
    super::set(words);
    if let Some(root) = web_sys::window()
        .and_then(|w| w.document())
        .and_then(|d| d.document_element())
    {
        root.set_attribute("lang", language.tag).unwrap_or_default();
        root.set_attribute("dir", language.direction)
            .unwrap_or_default();
    }
}

async fn fetch(language: Language) -> Result<Catalogue, String> {
    let path = format!("./languages/{}.json", language.tag);
    let words = |error| format!("{path}: {error:?}");
    let window = web_sys::window().expect("a page has a window");
    let response: Response = JsFuture::from(window.fetch_with_str(&path))
        .await
        .map_err(words)?
        .unchecked_into();
    if !response.ok() {
        return Err(format!("{path}: {}", response.status()));
    }
    let text = JsFuture::from(response.text().map_err(words)?)
        .await
        .map_err(words)?;
    Catalogue::read(&text.as_string().unwrap_or_default(), category)
        .map_err(|error| format!("{path}: {error}"))
}

/// Returns the plural category of a number in the language of the document.
fn category(number: u64) -> String {
    let root = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.document_element());
    let tag = root
        .and_then(|root| root.get_attribute("lang"))
        .unwrap_or_default();
    let rules = PluralRules::new(&Array::of1(&tag.into()), &Object::new());
    rules.select(number as f64).into()
}
