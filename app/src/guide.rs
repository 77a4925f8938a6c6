//! Page options in a link that are not settings: a lesson to open, parts to hide, a
//! layout, the number of CPU workers, a language. Pure; the keys are defined here.

use crate::language::{LANGUAGES, Language};
use crate::mark;
use crate::tr;
use crate::workspace::View;

/// Keys of a link that are not settings.
pub const KEYS: [&str; 5] = ["lesson", "hide", "view", "workers", LANGUAGE];

/// Maximum number of CPU workers: one per part of a batch.
const MAX_WORKERS: u32 = 4;

/// Key of the language. The language is the reader's choice, so links written by the page do not
/// include it.
pub const LANGUAGE: &str = "lang";

/// Names of the lessons in links, and their titles.
pub const LESSONS: [(&str, &str); 7] = [
    (
        "masked-lm",
        mark!("Predicting from both sides: masked LM against left-to-right"),
    ),
    (
        "masking",
        mark!("Why a selected word is masked, replaced or kept"),
    ),
    (
        "word-vectors",
        mark!("A word is known by the company it keeps"),
    ),
    ("next-sentence", mark!("Next-sentence prediction")),
    ("attention", mark!("Queries, keys, values and heads")),
    ("slow-motion", mark!("One masked word, number by number")),
    (
        "position-wise",
        mark!("The position-wise network, and what attention adds"),
    ),
];

fn is_lesson(name: &str) -> bool {
    LESSONS.iter().any(|(lesson, _)| *lesson == name)
}

/// Page options of a teacher's link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guide {
    /// Name of the lesson that is shown first, opened.
    pub lesson: Option<String>,
    /// Parts to hide: ids of sections or names of controls.
    pub hide: Vec<String>,
    /// Layout of the page.
    pub view: Option<View>,
    /// Maximum number of workers that compute on the CPU; `None`: by the number of cores.
    pub workers: Option<u32>,
}

impl Guide {
    /// Parses one key and value of a link.
    ///
    /// # Errors
    /// Returns a message if the value is not a valid name.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "lesson" if is_lesson(value) => self.lesson = Some(value.into()),
            "lesson" => {
                return Err(tr!(
                    "\"{value}\" is not one of {names}",
                    value,
                    names = LESSONS.map(|(name, _)| name).join(", ")
                ));
            }
            "view" => {
                let names = "steps, page";
                self.view = Some(
                    View::of_name(value)
                        .ok_or_else(|| tr!("\"{value}\" is not one of {names}", value, names))?,
                );
            }
            "workers" => {
                let workers = value
                    .parse()
                    .ok()
                    .filter(|workers| (1..=MAX_WORKERS).contains(workers));
                self.workers = Some(workers.ok_or_else(|| {
                    tr!(
                        "\"{value}\" is not a whole number from {min} to {max}",
                        value,
                        min = 1,
                        max = MAX_WORKERS
                    )
                })?);
            }
            LANGUAGE if Language::of(value).is_some() => {}
            LANGUAGE => {
                let tags = LANGUAGES.map(|language| language.tag).join(", ");
                return Err(tr!(
                    "\"{value}\" is not one of {names}",
                    value,
                    names = tags
                ));
            }
            _ => {
                let names = value
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty());
                let names: Vec<String> = names.map(String::from).collect();
                if let Some(bad) = names.iter().find(|name| !is_name(name)) {
                    return Err(tr!("\"{bad}\" is no name of a part", bad));
                }
                self.hide = names;
            }
        }
        Ok(())
    }

    /// Returns the keys and values of a link with these options.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let lesson = self.lesson.clone().map(|lesson| ("lesson", lesson));
        let hide = (!self.hide.is_empty()).then(|| ("hide", self.hide.join(",")));
        let view = self.view.map(|view| ("view", view.name().to_string()));
        let workers = self.workers.map(|workers| ("workers", workers.to_string()));
        let options = lesson.into_iter().chain(hide).chain(view);
        options.chain(workers).collect()
    }
}

/// Names are inserted into a selector: only lower-case letters, digits and hyphens are allowed.
fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lesson_and_hidden_parts_round_trip() {
        let mut guide = Guide::default();
        guide.set("lesson", "masking").expect("a lesson");
        guide
            .set("hide", "finetune, review,export-model")
            .expect("names");
        guide.set("view", "page").expect("a view");
        guide.set("workers", "2").expect("a number");
        assert_eq!(guide.hide, ["finetune", "review", "export-model"]);
        let mut back = Guide::default();
        for (key, value) in guide.pairs() {
            back.set(key, &value).expect("our own");
        }
        assert_eq!(back, guide);
        assert_eq!(Guide::default().pairs(), []);
    }

    #[test]
    fn invalid_values_are_refused() {
        for (key, value) in [
            ("lesson", "cooking"),
            ("hide", "a]{}"),
            ("hide", "Data"),
            ("lesson", ""),
            ("view", "columns"),
            ("workers", "0"),
            ("workers", "many"),
            ("lang", "tlh"),
        ] {
            let mut guide = Guide::default();
            assert!(guide.set(key, value).is_err(), "{key}={value}");
            assert_eq!(guide, Guide::default());
        }
    }
}
