//! What the engine says, as a page says it: in the present language, and with the names of the page's fields where the
//! engine, which also speaks to a command line, says flags.

use crate::language::{said, translated};
use crate::mark;
use crate::settings::{
    CLASS_WEIGHTS, Choice, FIELDS, FINETUNE_FIELDS, FREEZE, LENGTHS, NEAR_DUPLICATES, NSP,
    SWITCHES, TASK, TOKENIZER,
};

/// Choices of more than one word, the cards of models aside.
const CHOICES: [&Choice; 5] = [&TOKENIZER, &TASK, &FREEZE, &CLASS_WEIGHTS, &NEAR_DUPLICATES];

/// A sentence of the engine.
pub fn localize_message(text: &str) -> String {
    let text = said(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("--") {
        out.push_str(before);
        let (key, tail) = word(after);
        // A file may be called `a--seed.txt`.
        let begins = before
            .chars()
            .next_back()
            .is_none_or(|letter| letter.is_whitespace() || "(\"“".contains(letter));
        match named(key, tail).filter(|_| begins) {
            Some((name, tail)) => {
                out.extend(["“", &name, "”"]);
                rest = tail;
            }
            None => {
                out.push_str("--");
                rest = after;
            }
        }
    }
    out + rest
}

/// The name of a flag's field, with the words of the value behind it where that is one of its choices; and what follows.
fn named<'a>(key: &str, tail: &'a str) -> Option<(String, &'a str)> {
    if let Some(choice) = CHOICES.iter().find(|choice| choice.key == key) {
        let (value, after) = word(tail.trim_start());
        let option = choice.options.iter().find(|(option, _)| *option == value);
        let label = translated(choice.label);
        return Some(match option {
            Some((_, words)) => (format!("{label}: {}", translated(words)), after),
            None => (label, tail),
        });
    }
    let fields = FIELDS
        .iter()
        .chain(&LENGTHS)
        .chain(&FINETUNE_FIELDS)
        .map(|field| (field.key, field.label));
    let switches = SWITCHES
        .iter()
        .chain([&NSP])
        .map(|switch| (switch.key, switch.label));
    let others = [
        ("preset", mark!("Model")),
        ("text-column", mark!("Column of the text")),
        ("label-column", mark!("Column of the labels")),
        ("label-separator", mark!("Label separator")),
        ("encoding", mark!("Encoding")),
    ];
    let mut labels = fields.chain(switches).chain(others);
    labels
        .find(|(other, _)| *other == key)
        .map(|(_, label)| (translated(label), tail))
}

/// The letters and dashes that a text begins with, and the rest.
fn word(text: &str) -> (&str, &str) {
    let end = text
        .find(|letter: char| !letter.is_ascii_lowercase() && letter != '-')
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_the_names_of_fields_and_what_has_no_field_stays() {
        for (said, expected) in [
            (
                "Lower --batch-size or --max-len.",
                "Lower “Batch size” or “Longest example”.",
            ),
            ("take a smaller --preset", "take a smaller “Model”"),
            (
                "Use --task multi-label, or leave one label.",
                "Use “Labels per document: any number”, or leave one label.",
            ),
            (
                "--steps is 0, but it must be above 0",
                "“steps” is 0, but it must be above 0",
            ),
            ("--encoding forces another", "“Encoding” forces another"),
            ("a -- b --", "a -- b --"),
            ("\"a--seed.txt\" is empty", "\"a--seed.txt\" is empty"),
        ] {
            assert_eq!(localize_message(said), expected);
        }
    }
}
