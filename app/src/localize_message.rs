//! Renders messages of the engine for the page: in its language, and with the names of its fields
//! where the command line names flags.

use crate::language::{engine, translated};
use crate::mark;
use crate::settings::{
    CLASS_WEIGHTS, Choice, FIELDS, FINETUNE_FIELDS, FREEZE, LENGTHS, NEAR_DUPLICATES, NSP,
    SWITCHES, TASK, TOKENIZER,
};
use protocol::{Message, Setting};

/// Choices with named options, except the model cards.
const CHOICES: [&Choice; 5] = [&TOKENIZER, &TASK, &FREEZE, &CLASS_WEIGHTS, &NEAR_DUPLICATES];

/// Returns a message in the current language.
pub fn localize_message(message: &Message) -> String {
    let setting = |setting: &Setting| match field_label(setting) {
        Some(label) => format!("“{label}”"),
        None => setting.to_string(),
    };
    message.render(&engine, &setting)
}

/// Returns the label of the field for a setting, with the label of its value if the setting is a
/// choice; `None` if the page has no field for it.
fn field_label(setting: &Setting) -> Option<String> {
    let key = setting.key.as_ref();
    if let Some(choice) = CHOICES.iter().find(|choice| choice.key == key) {
        let label = translated(choice.label);
        let value = setting.value.as_deref();
        let option = choice
            .options
            .iter()
            .find(|(option, _)| Some(*option) == value);
        return Some(match option {
            Some((_, words)) => format!("{label}: {}", translated(words)),
            None => with_value(label, value),
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
        ("quoting", mark!("Quotes")),
        ("encoding", mark!("Encoding")),
    ];
    let mut labels = fields.chain(switches).chain(others);
    let label = labels.find(|(other, _)| *other == key);
    label.map(|(_, label)| with_value(translated(label), setting.value.as_deref()))
}

fn with_value(label: String, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{label}: {value}"),
        None => label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::message;

    #[test]
    fn settings_have_the_names_of_fields() {
        let task = Setting::with_value("task", "multi-label");
        for (message, expected) in [
            (
                message!(
                    "Lower {batch_size} or {max_len}.",
                    batch_size = Setting::named("batch-size"),
                    max_len = Setting::named("max-len")
                ),
                "Lower “Batch size” or “Longest example”.",
            ),
            (
                message!("Use {task}, or leave one label.", task),
                "Use “Labels per document: any number”, or leave one label.",
            ),
            (
                message!("{steps} is 0", steps = Setting::named("steps")),
                "“steps” is 0",
            ),
            (
                message!("Use {limit}.", limit = Setting::with_value("batch-size", 8)),
                "Use “Batch size: 8”.",
            ),
            (
                message!("Choose another {out}.", out = Setting::named("out")),
                "Choose another --out.",
            ),
            (
                message!("{file} is empty", file = "\"a--seed.txt\""),
                "\"a--seed.txt\" is empty",
            ),
        ] {
            assert_eq!(localize_message(&message), expected);
        }
    }
}
