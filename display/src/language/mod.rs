//! Translation of the user interface. English messages are written in the source inside `tr!` (or
//! [`mark!`](crate::mark) in constants); a catalogue, `public/languages/TAG.json`, maps each to its
//! translation. To add a language, add such a file.
//!
//! A catalogue has four contexts. `language` states its name and writing direction. `page` maps the
//! messages of the page and of this crate; a message with a count may map to several forms, by CLDR
//! plural category. `engine` maps the templates of the engine's messages. `numbers` maps the decimal
//! point and the thousands separator.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::RwLock;

/// Translates a message into the current language, in the manner of gettext: `tr!("Start")`,
/// `tr!("{done} of {all}", done, all = 3)`, `tr!("{count} step" | "{count} steps" % n, count = n)`,
/// `tr!("context" => "text")`. Placeholders are named; their values are anything that implements
/// `Display`.
///
/// The crate `tr` does the same, but compiles the look-up into each call, which made the page 20 kB
/// larger after brotli.
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

/// A language of the user interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language {
    /// BCP 47 tag; also the file stem of its catalogue.
    pub tag: &'static str,
    /// Name of the language in the language itself.
    pub name: &'static str,
    /// Writing direction, `ltr` or `rtl`.
    pub direction: &'static str,
}

/// The language of the messages in the source.
const SOURCE: Language = Language {
    tag: "en",
    name: "English",
    direction: "ltr",
};

include!(concat!(env!("OUT_DIR"), "/languages.rs"));

impl Language {
    /// Returns the language of a tag such as `th-TH`, or `None` if it is not supported.
    pub fn of(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?;
        LANGUAGES
            .into_iter()
            .find(|language| language.tag.eq_ignore_ascii_case(primary))
    }

    /// Returns whether this is the language of the source, which needs no catalogue.
    pub fn is_source(self) -> bool {
        self == SOURCE
    }
}

/// Marks a message in a constant for translation; [`translated`] translates it where it is shown.
#[macro_export]
macro_rules! mark {
    ($text:literal) => {
        $text
    };
}

/// Placeholder names with their values.
pub type Values<'a> = &'a [(&'a str, &'a dyn Display)];

/// Catalogue of the current language; `None` for the language of the source.
static CURRENT: RwLock<Option<Catalogue>> = RwLock::new(None);

/// Sets the catalogue of the current language; `None` returns to the language of the source.
pub fn set(catalogue: Option<Catalogue>) {
    if let Ok(mut current) = CURRENT.write() {
        *current = catalogue;
    }
}

/// Looks a message up in the current catalogue, if there is one.
fn look_up(query: impl FnOnce(&Catalogue) -> Option<String>) -> Option<String> {
    CURRENT.read().ok()?.as_ref().and_then(query)
}

/// Translates a message without placeholders, or one marked with [`mark!`](crate::mark).
pub fn translated(text: &str) -> String {
    find(PAGE, text)
}

/// Translates a message in a context of the catalogue; returns it unchanged if it is not
/// translated.
pub fn find(context: &str, text: &str) -> String {
    look_up(|catalogue| catalogue.translate(context, text)).unwrap_or_else(|| text.into())
}

/// Translates a message and fills its named placeholders.
pub fn filled(text: &str, values: Values<'_>) -> String {
    fill_named(&translated(text), values)
}

/// Translates a message in the plural form for `number` and fills its named placeholders.
pub fn counted((one, many): (&str, &str), number: u64, values: Values<'_>) -> String {
    let text = look_up(|catalogue| catalogue.translate_number(number, many));
    let text = text.unwrap_or_else(|| if number == 1 { one.into() } else { many.into() });
    fill_named(&text, values)
}

/// Replaces each `{name}` by the value of that name.
fn fill_named(text: &str, values: Values<'_>) -> String {
    protocol::fill(text, &|name| {
        let (_, value) = values.iter().find(|(other, _)| *other == name)?;
        Some(value.to_string())
    })
}

/// Returns the template of an engine's message, or a phrase of the page, in the current language.
pub fn engine(template: &str) -> String {
    look_up(|catalogue| {
        let known = catalogue.translate(ENGINE, template);
        known.or_else(|| catalogue.translate(PAGE, template))
    })
    .unwrap_or_else(|| template.into())
}

/// Context of the engine's messages.
const ENGINE: &str = "engine";

/// Default context, for messages of the page and of this crate.
const PAGE: &str = "page";

/// The translated messages of one language, by context.
#[derive(Debug)]
pub struct Catalogue {
    contexts: BTreeMap<String, BTreeMap<String, Translation>>,
    category: fn(u64) -> String,
}

/// One translation, or one for each plural category.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Translation {
    Plain(String),
    ByNumber(BTreeMap<String, String>),
}

impl Catalogue {
    /// Parses a catalogue; `category` returns the CLDR plural category of a number.
    ///
    /// # Errors
    /// Returns an error if the text is not valid JSON or not a catalogue.
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
            "engine": {"{count} lines": "{count} Zeilen", "Give more.": "Mehr."},
            "numbers": {".": ","}
        }"#;
        Catalogue::read(json, category).expect("a catalogue")
    }

    #[test]
    fn known_messages_are_translated_and_unknown_ones_are_not() {
        let catalogue = catalogue();
        for (context, text, expected) in [
            ("page", "Start", Some("Los")),
            ("page", "Stop", None),
            ("numbers", ".", Some(",")),
            ("else", "Start", None),
        ] {
            assert_eq!(catalogue.translate(context, text).as_deref(), expected);
        }
    }

    #[test]
    fn named_placeholders_are_replaced_by_their_values() {
        let cases = [
            ("{a} of {b}", "1 of x"),
            ("{b}{a}", "x1"),
            ("{c} {a}", "{c} 1"),
            ("{a", "{a"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(
                fill_named(text, &[("a", &1), ("b", &"x")]),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_number_selects_the_plural_form() {
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
    fn without_a_catalogue_messages_stay_in_english() {
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
    fn a_tag_resolves_to_its_language() {
        for (tag, expected) in [
            ("th", Some("th")),
            ("th-TH", Some("th")),
            ("zh-Hans-CN", Some("zh")),
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
