//! Renders messages of the engine for the page: in its language, and with the names of its fields
//! where the command line names flags.

use crate::language::{engine, translated};
use crate::settings::CHOICES;
use crate::tr;
use protocol::{Message, Setting, SettingSpec};

/// Returns a message in the current language.
pub fn localize_message(message: &Message) -> String {
    let setting = |setting: &Setting| match field_label(setting) {
        Some(label) => format!("“{label}”"),
        None => setting.to_string(),
    };
    message.render(&engine, &setting)
}

/// Returns the label of a setting, with the label of its value if it is a choice; `None` if only
/// the command line has it.
fn field_label(setting: &Setting) -> Option<String> {
    let key = setting.key.as_ref();
    let label = match SettingSpec::find(key) {
        Some(spec) => translated(spec.label),
        None if key == "encoding" => tr!("Encoding"),
        None => return None,
    };
    let value = setting.value.as_deref();
    let choice = CHOICES.iter().find(|choice| choice.key == key);
    let option = choice.and_then(|choice| choice.option(value?));
    Some(match (option, value) {
        (Some(option), _) => format!("{label}: {option}"),
        (None, Some(value)) => format!("{label}: {value}"),
        (None, None) => label,
    })
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
                "Lower “Batch size” or “Maximum length”.",
            ),
            (
                message!("Use {task}, or leave one label.", task),
                "Use “Classification task: any number of labels”, or leave one label.",
            ),
            (
                message!("{steps} is 0", steps = Setting::named("steps")),
                "“Steps” is 0",
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
