//! The page in other languages. Its sentences stand in the source in English, inside `tr!` (or [`mark!`](crate::mark) where
//! a constant holds them); a catalogue, `public/languages/TAG.json`, gives each its translation. Another language is another
//! such file and a line in [`LANGUAGES`].
//!
//! A catalogue has three parts. `page` maps the sentences of this crate; one with a number in it may map to several, by the
//! plural categories of CLDR. `engine` maps what the engine says, with `{}` where its sentences have numbers and names.
//! `numbers` maps the decimal point and the comma between thousands.

#[cfg(target_arch = "wasm32")]
pub mod choice;
mod pattern;

use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use tr::{Translator, tr};

/// A language that the page speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language {
    /// BCP 47 tag, also the name of its catalogue.
    pub tag: &'static str,
    /// What it calls itself.
    pub name: &'static str,
    /// Which way it is written: `ltr` or `rtl`.
    pub direction: &'static str,
}

/// All of them; the first is that of the source and has no catalogue.
pub const LANGUAGES: [Language; 2] =
    [Language { tag: "en", name: "English", direction: "ltr" }, Language { tag: "th", name: "ไทย", direction: "ltr" }];

impl Language {
    /// That of a tag such as `th-TH`, where the page speaks it.
    pub fn of(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?;
        LANGUAGES.into_iter().find(|language| language.tag.eq_ignore_ascii_case(primary))
    }

    /// The language of the source.
    pub fn is_source(self) -> bool {
        self == LANGUAGES[0]
    }
}

/// Marks a sentence in a constant for translation; [`translated`] gives it where it is shown.
#[macro_export]
macro_rules! mark {
    ($text:literal) => {
        $text
    };
}

/// A sentence that was marked, in the present language.
pub fn translated(text: &str) -> String {
    tr!(text)
}

/// What the engine said, in the present language where its catalogue knows the sentence.
pub fn said(text: &str) -> String {
    tr!("engine" => text)
}

/// The context of the engine's sentences.
const ENGINE: &str = "engine";

/// The context of what has none.
const PAGE: &str = "page";

/// The sentences of one language.
#[derive(Debug)]
pub struct Catalogue {
    contexts: BTreeMap<String, BTreeMap<String, Translation>>,
    category: fn(u64) -> String,
}

/// One sentence, or one for each plural category.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Translation {
    Plain(String),
    ByNumber(BTreeMap<String, String>),
}

impl Catalogue {
    /// Reads a catalogue; `category` tells the CLDR plural category of a number.
    ///
    /// # Errors
    /// When the text is not a catalogue.
    pub fn read(json: &str, category: fn(u64) -> String) -> Result<Self, serde_json::Error> {
        Ok(Self { contexts: serde_json::from_str(json)?, category })
    }

    fn find(&self, text: &str, context: Option<&str>) -> Option<&Translation> {
        self.contexts.get(context.unwrap_or(PAGE))?.get(text)
    }

    fn of_engine(&self, text: &str) -> Option<String> {
        let sentences = self.contexts.get(ENGINE)?;
        let candidates = sentences.iter().filter_map(|(pattern, translation)| match translation {
            Translation::Plain(translation) => Some((pattern.len(), pattern::holes(pattern, text)?, translation)),
            Translation::ByNumber(_) => None,
        });
        let (_, holes, translation) = candidates.max_by_key(|(length, ..)| *length)?;
        Some(pattern::fill(translation, &holes))
    }
}

impl Translator for Catalogue {
    fn translate<'a>(&'a self, text: &'a str, context: Option<&'a str>) -> Cow<'a, str> {
        if context == Some(ENGINE) {
            return self.of_engine(text).map_or(Cow::Borrowed(text), Cow::Owned);
        }
        match self.find(text, context) {
            Some(Translation::Plain(translation)) => Cow::Borrowed(translation),
            _ => Cow::Borrowed(text),
        }
    }

    fn ntranslate<'a>(&'a self, n: u64, one: &'a str, many: &'a str, context: Option<&'a str>) -> Cow<'a, str> {
        let found = match self.find(many, context) {
            Some(Translation::Plain(translation)) => Some(translation),
            Some(Translation::ByNumber(forms)) => forms.get(&(self.category)(n)).or_else(|| forms.get("other")),
            None => None,
        };
        Cow::Borrowed(found.map_or(if n == 1 { one } else { many }, String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(n: u64) -> String {
        (if n == 1 { "one" } else { "other" }).into()
    }

    fn catalogue() -> Catalogue {
        let json = r#"{
            "page": {"Start": "Los", "{count} steps": {"one": "{count} Schritt", "other": "{count} Schritte"}},
            "engine": {"{} lines": "{} Zeilen", "line {} of {} is empty": "in {1} ist Zeile {0} leer"},
            "numbers": {".": ","}
        }"#;
        Catalogue::read(json, category).expect("a catalogue")
    }

    #[test]
    fn a_sentence_is_translated_and_an_unknown_one_stays() {
        let catalogue = catalogue();
        for (text, context, expected) in [
            ("Start", None, "Los"),
            ("Stop", None, "Stop"),
            (".", Some("numbers"), ","),
            ("12 lines", Some("engine"), "12 Zeilen"),
            ("line 3 of a.txt is empty", Some("engine"), "in a.txt ist Zeile 3 leer"),
            ("line 3 is full", Some("engine"), "line 3 is full"),
        ] {
            assert_eq!(catalogue.translate(text, context), expected);
        }
    }

    #[test]
    fn a_number_chooses_the_form() {
        let catalogue = catalogue();
        assert_eq!(catalogue.ntranslate(1, "{count} step", "{count} steps", None), "{count} Schritt");
        assert_eq!(catalogue.ntranslate(2, "{count} step", "{count} steps", None), "{count} Schritte");
        assert_eq!(catalogue.ntranslate(1, "a bird", "birds", None), "a bird");
    }

    #[test]
    fn a_tag_names_its_language() {
        for (tag, expected) in
            [("th", Some("th")), ("th-TH", Some("th")), ("EN_us", Some("en")), ("tlh", None), ("", None)]
        {
            assert_eq!(Language::of(tag).map(|language| language.tag), expected, "{tag}");
        }
    }
}
