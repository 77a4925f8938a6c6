//! The page in other languages. Its sentences stand in the source in English, inside `tr!` (or [`mark!`](crate::mark) where
//! a constant holds them); a catalogue, `public/languages/TAG.json`, gives each its translation. Another language is another
//! such file and a line in [`LANGUAGES`].
//!
//! A catalogue has three parts. `page` maps the sentences of the page and of this crate; one with a number in it may map to several, by the
//! plural categories of CLDR. `engine` maps what the engine says, with `{}` where its sentences have numbers and names.
//! `numbers` maps the decimal point and the comma between thousands.

mod pattern;

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::RwLock;

/// A sentence in the present language, after gettext's manner: `tr!("Start")`, `tr!("{done} of {all}", done, all = 3)`,
/// `tr!("{count} step" | "{count} steps" % n, count = n)`, `tr!("context" => "text")`. A placeholder is named; its value is
/// anything that can be displayed.
///
/// The crate `tr` does the same; it compiles the look-up into each call, which made the page 20 kB larger after brotli.
#[macro_export]
macro_rules! tr {
    (@values [$($done:tt)*]) => { &[$($done)*] };
    (@values [$($done:tt)*] $name:ident = $value:expr $(, $($rest:tt)*)?) => {
        $crate::tr!(@values [$($done)* (stringify!($name), &$value),] $($($rest)*)?)
    };
    (@values [$($done:tt)*] $name:ident $(, $($rest:tt)*)?) => {
        $crate::tr!(@values [$($done)* (stringify!($name), &$name),] $($($rest)*)?)
    };
    ($context:literal => $text:literal) => { $crate::language::find($context, $text) };
    ($one:literal | $many:literal % $number:expr $(, $($values:tt)*)?) => {
        $crate::language::counted(($one, $many), $number, $crate::tr!(@values [] $($($values)*)?))
    };
    ($text:literal $(,)?) => { $crate::language::translated($text) };
    ($text:literal, $($values:tt)+) => { $crate::language::filled($text, $crate::tr!(@values [] $($values)+)) };
}

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
pub const LANGUAGES: [Language; 2] = [
    Language {
        tag: "en",
        name: "English",
        direction: "ltr",
    },
    Language {
        tag: "th",
        name: "ไทย",
        direction: "ltr",
    },
];

impl Language {
    /// That of a tag such as `th-TH`, where the page speaks it.
    pub fn of(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?;
        LANGUAGES
            .into_iter()
            .find(|language| language.tag.eq_ignore_ascii_case(primary))
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

/// Names of placeholders and what stands there.
pub type Values<'a> = &'a [(&'a str, &'a dyn Display)];

/// The catalogue of the present language; none for that of the source.
static SPOKEN: RwLock<Option<Catalogue>> = RwLock::new(None);

/// Has the page speak by this catalogue from now on.
pub fn set(catalogue: Option<Catalogue>) {
    if let Ok(mut spoken) = SPOKEN.write() {
        *spoken = catalogue;
    }
}

/// Asks the present catalogue, where there is one.
fn ask(question: impl FnOnce(&Catalogue) -> Option<String>) -> Option<String> {
    SPOKEN.read().ok()?.as_ref().and_then(question)
}

/// A sentence without placeholders, or one that was marked, in the present language.
pub fn translated(text: &str) -> String {
    find(PAGE, text)
}

/// The same, in a context.
pub fn find(context: &str, text: &str) -> String {
    ask(|catalogue| catalogue.translate(context, text)).unwrap_or_else(|| text.into())
}

/// A sentence with its placeholders filled.
pub fn filled(text: &str, values: Values<'_>) -> String {
    pattern::fill_named(&translated(text), values)
}

/// A sentence with a number, in the form that goes with it.
pub fn counted((one, many): (&str, &str), number: u64, values: Values<'_>) -> String {
    let text = ask(|catalogue| catalogue.translate_number(number, many));
    let text = text.unwrap_or_else(|| if number == 1 { one.into() } else { many.into() });
    pattern::fill_named(&text, values)
}

/// What the engine said, in the present language where its catalogue knows the sentence.
pub fn said(text: &str) -> String {
    ask(|catalogue| catalogue.of_engine(text)).unwrap_or_else(|| text.into())
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
        Ok(Self {
            contexts: serde_json::from_str(json)?,
            category,
        })
    }

    fn translate(&self, context: &str, text: &str) -> Option<String> {
        match self.contexts.get(context)?.get(text)? {
            Translation::Plain(translation) => Some(translation.clone()),
            Translation::ByNumber(_) => None,
        }
    }

    fn translate_number(&self, number: u64, many: &str) -> Option<String> {
        match self.contexts.get(PAGE)?.get(many)? {
            Translation::Plain(translation) => Some(translation.clone()),
            Translation::ByNumber(forms) => forms
                .get(&(self.category)(number))
                .or_else(|| forms.get("other"))
                .cloned(),
        }
    }

    fn of_engine(&self, text: &str) -> Option<String> {
        let sentences = self.contexts.get(ENGINE)?;
        let candidates = sentences
            .iter()
            .filter_map(|(pattern, translation)| match translation {
                Translation::Plain(translation) => {
                    Some((pattern, pattern::holes(pattern, text)?, translation))
                }
                Translation::ByNumber(_) => None,
            });
        let (pattern, holes, translation) = candidates.max_by_key(|(pattern, ..)| pattern.len())?;
        // What stands in a hole may be a sentence, or a part of one, that is known by itself.
        let known: Vec<Option<String>> = holes
            .iter()
            .map(|hole| {
                if hole.len() < text.len() {
                    self.of_engine(hole)
                } else {
                    None
                }
            })
            .collect();
        // A pattern without words says something only of what is known: `Vol. 1` is no pair of sentences.
        if !pattern.contains(char::is_alphabetic) && known.iter().all(Option::is_none) {
            return None;
        }
        let holes: Vec<&str> = known
            .iter()
            .zip(&holes)
            .map(|(known, hole)| known.as_deref().unwrap_or(hole))
            .collect();
        Some(pattern::fill(translation, &holes))
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
            "engine": {"{} lines": "{} Zeilen", "line {} of {} is empty": "in {1} ist Zeile {0} leer", "{}. {}": "{} – {}", "Give more.": "Mehr."},
            "numbers": {".": ","}
        }"#;
        Catalogue::read(json, category).expect("a catalogue")
    }

    #[test]
    fn a_sentence_is_translated_and_an_unknown_one_stays() {
        let catalogue = catalogue();
        for (context, text, expected) in [
            ("page", "Start", Some("Los")),
            ("page", "Stop", None),
            ("numbers", ".", Some(",")),
            ("else", "Start", None),
        ] {
            assert_eq!(catalogue.translate(context, text).as_deref(), expected);
        }
        for (text, expected) in [
            ("12 lines", Some("12 Zeilen")),
            (
                "line 3 of a.txt is empty",
                Some("in a.txt ist Zeile 3 leer"),
            ),
            ("line 3 is full", None),
            ("12 lines. Give more.", Some("12 Zeilen – Mehr.")),
            ("line 3 is full. Give more.", Some("line 3 is full – Mehr.")),
            (
                "line 3 of Vol. 1.txt is empty",
                Some("in Vol. 1.txt ist Zeile 3 leer"),
            ),
            ("line 3 is full. It is.", None),
        ] {
            assert_eq!(catalogue.of_engine(text).as_deref(), expected);
        }
    }

    #[test]
    fn a_number_chooses_the_form() {
        let catalogue = catalogue();
        assert_eq!(
            catalogue.translate_number(1, "{count} steps").as_deref(),
            Some("{count} Schritt")
        );
        assert_eq!(
            catalogue.translate_number(2, "{count} steps").as_deref(),
            Some("{count} Schritte")
        );
        assert_eq!(catalogue.translate_number(1, "birds"), None);
    }

    #[test]
    fn without_a_catalogue_the_source_speaks() {
        let (done, n) = (1, 2_u64);
        assert_eq!(tr!("{done} of {planned}", done, planned = n), "1 of 2");
        assert_eq!(
            tr!("{count} step" | "{count} steps" % n, count = n),
            "2 steps"
        );
        assert_eq!(tr!("numbers" => "."), ".");
        assert_eq!(translated(mark!("Start")), "Start");
    }

    #[test]
    fn a_tag_names_its_language() {
        for (tag, expected) in [
            ("th", Some("th")),
            ("th-TH", Some("th")),
            ("EN_us", Some("en")),
            ("tlh", None),
            ("", None),
        ] {
            assert_eq!(
                Language::of(tag).map(|language| language.tag),
                expected,
                "{tag}"
            );
        }
    }
}
