//! What a link asks of the page beside settings: a lesson to open, parts to leave out, a language. Pure; the keys are the page's own.

use crate::language::{LANGUAGES, Language};
use crate::tr;

/// Keys of a link that are not settings.
pub const KEYS: [&str; 3] = ["lesson", "hide", LANGUAGE];

/// Key of the language; it is a choice of its reader, so that links written later do not carry it on.
pub const LANGUAGE: &str = "lang";

/// The lessons, as links name them.
pub const LESSONS: [&str; 6] = [
    "masked-lm",
    "masking",
    "word-vectors",
    "next-sentence",
    "attention",
    "position-wise",
];

/// What a teacher's link asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guide {
    /// Which lesson stands first, open.
    pub lesson: Option<String>,
    /// Names of parts that are left out: ids of sections or names of controls.
    pub hide: Vec<String>,
}

impl Guide {
    /// Takes in one pair of a link.
    ///
    /// # Errors
    /// In words, when the value names nothing.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "lesson" if LESSONS.contains(&value) => self.lesson = Some(value.into()),
            "lesson" => {
                return Err(tr!(
                    "\"{value}\" is not one of {names}",
                    value,
                    names = LESSONS.join(", ")
                ));
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

    /// The pairs of a link that asks for this.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let lesson = self.lesson.clone().map(|lesson| ("lesson", lesson));
        let hide = (!self.hide.is_empty()).then(|| ("hide", self.hide.join(",")));
        lesson.into_iter().chain(hide).collect()
    }
}

/// Names go into a selector: letters, digits and hyphens only.
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
    fn a_link_opens_a_lesson_and_hides_parts_and_reads_back() {
        let mut guide = Guide::default();
        guide.set("lesson", "masking").expect("a lesson");
        guide
            .set("hide", "finetune, review,export-model")
            .expect("names");
        assert_eq!(guide.hide, ["finetune", "review", "export-model"]);
        let mut back = Guide::default();
        for (key, value) in guide.pairs() {
            back.set(key, &value).expect("our own");
        }
        assert_eq!(back, guide);
        assert_eq!(Guide::default().pairs(), []);
    }

    #[test]
    fn names_that_are_none_are_refused() {
        for (key, value) in [
            ("lesson", "cooking"),
            ("hide", "a]{}"),
            ("hide", "Data"),
            ("lesson", ""),
            ("lang", "tlh"),
        ] {
            let mut guide = Guide::default();
            assert!(guide.set(key, value).is_err(), "{key}={value}");
            assert_eq!(guide, Guide::default());
        }
    }
}
