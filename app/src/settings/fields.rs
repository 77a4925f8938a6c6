//! The settings as shown in forms. Label, help text and range come from the schema of settings;
//! which fields a form has, and how it names the options of a choice, is decided here.

use crate::language::translated;
use crate::mark;
use crate::tr;
use crate::wording::grouped;
use protocol::{SettingKind, SettingRange, SettingSpec};

/// A number or a text in a form.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Key in the link.
    pub key: &'static str,
    /// The setting that it edits.
    pub spec: &'static SettingSpec,
    /// The value, or the rule, that applies while the field is empty.
    default: &'static str,
}

impl Field {
    /// Returns the field of a setting.
    ///
    /// # Panics
    /// Panics if there is no such setting.
    pub fn of(key: &'static str) -> Self {
        let spec = spec_of(key);
        Self {
            key: spec.link_key,
            spec,
            default: spec.default,
        }
    }

    /// Returns the field of a setting of fine-tuning that has a key of its own in the link, because
    /// pre-training has the setting too.
    fn of_finetuning(key: &'static str, setting: &'static str, default: &'static str) -> Self {
        Self {
            key,
            spec: spec_of(setting),
            default,
        }
    }

    /// Returns the label of the input.
    pub fn label(&self) -> String {
        translated(self.spec.label)
    }

    /// Returns the placeholder: the meaning of an empty input.
    pub fn default(&self) -> String {
        translated(self.default)
    }

    /// Returns the help text and the range.
    pub fn help(&self) -> String {
        let help = translated(self.spec.help);
        match self.spec.kind {
            SettingKind::Integer | SettingKind::Real => {
                format!("{help} {}", range_text(self.spec.range))
            }
            _ => help,
        }
    }

    /// Whether only integers are valid.
    pub fn is_integer(&self) -> bool {
        matches!(self.spec.kind, SettingKind::Integer)
    }

    /// Checks a number as entered.
    ///
    /// # Errors
    /// Returns what is wrong with it.
    fn check(&self, value: &str) -> Result<(), String> {
        match value.trim().parse::<f64>() {
            Ok(number) if number.is_finite() && self.is_integer() && number.fract() != 0.0 => {
                Err(tr!("\"{value}\" is not a whole number", value))
            }
            Ok(number) if self.spec.range.contains(number) => Ok(()),
            Ok(_) => {
                let SettingRange {
                    min,
                    max,
                    includes_min,
                } = self.spec.range;
                let (min, max) = (bound_text(min), bound_text(max));
                Err(if includes_min {
                    tr!(
                        "\"{value}\" is not between {min} and {max}",
                        value,
                        min,
                        max
                    )
                } else {
                    tr!(
                        "\"{value}\" is not above {min} and at most {max}",
                        value,
                        min,
                        max
                    )
                })
            }
            Err(_) => Err(tr!("\"{value}\" is not a number", value)),
        }
    }
}

fn spec_of(key: &str) -> &'static SettingSpec {
    SettingSpec::find(key).expect("fields name existing settings")
}

/// Returns the range of valid values as text.
fn range_text(range: SettingRange) -> String {
    let (min, max) = (bound_text(range.min), bound_text(range.max));
    if range.includes_min {
        tr!("{min} to {max}.", min, max)
    } else {
        tr!("Above {min}, up to {max}.", min, max)
    }
}

fn bound_text(value: f64) -> String {
    match value {
        value if value > 1e9 => format!("{value:.1e}"),
        value if value.fract() == 0.0 => grouped(value as u64),
        value => format!("{value}"),
    }
}

/// Keys of the fields under "More settings", in the order shown.
pub const FIELDS: [&str; 8] = [
    "vocab-size",
    "max-len",
    "batch-size",
    "lr",
    "mask-rate",
    "max-predictions",
    "hidden-size",
    "seed",
];

/// Keys of the units for the length of a run.
pub const LENGTHS: [&str; 3] = ["epochs", "minutes", "steps"];

/// Keys of the text fields for reading tables, in the order shown.
pub const TABLE_FIELDS: [&str; 3] = ["text-column", "label-column", "label-separator"];

/// Returns the fields of fine-tuning only, in the order shown.
pub fn finetune_fields() -> [Field; 3] {
    [
        Field::of_finetuning("finetune-epochs", "epochs", "5"),
        Field::of_finetuning("finetune-lr", "lr", mark!("by preset")),
        Field::of("label-fraction"),
    ]
}

/// Checks that the value of a numeric setting is in its range.
///
/// # Errors
/// Returns what is wrong with it.
pub fn check(key: &str, value: &str) -> Result<(), String> {
    match numeric_field(key) {
        Some(field) => field.check(value),
        None => Ok(()),
    }
}

/// Returns the field of a numeric setting by its key in the link.
fn numeric_field(key: &str) -> Option<Field> {
    let own = finetune_fields().into_iter().find(|field| field.key == key);
    own.or_else(|| {
        let spec = SettingSpec::find(key)?;
        matches!(spec.kind, SettingKind::Integer | SettingKind::Real).then(|| Field::of(spec.key))
    })
}

/// A setting with a fixed list of options.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Key of the setting.
    pub key: &'static str,
    /// Pairs of value and label, the default first.
    pub options: &'static [(&'static str, &'static str)],
}

impl Choice {
    /// Returns the label of the input.
    pub fn label(&self) -> String {
        translated(spec_of(self.key).label)
    }

    /// Returns the help text below the input.
    pub fn help(&self) -> String {
        translated(spec_of(self.key).help)
    }

    /// Returns the label of a value.
    pub fn option(&self, value: &str) -> Option<String> {
        let found = self.options.iter().find(|(option, _)| *option == value);
        found.map(|(_, words)| translated(words))
    }
}

/// Kind of tokenizer.
pub const TOKENIZER: Choice = Choice {
    key: "tokenizer",
    options: &[
        ("wordpiece", mark!("word pieces")),
        ("word", mark!("words")),
        ("char", mark!("characters")),
    ],
};

/// Classification task.
pub const TASK: Choice = Choice {
    key: "task",
    options: &[
        ("auto", mark!("automatic")),
        ("multi-label", mark!("any number of labels")),
        ("single-label", mark!("one label")),
        ("pair", mark!("pairs of texts")),
    ],
};

/// Whether fine-tuning trains the encoder or only the output layer.
pub const FREEZE: Choice = Choice {
    key: "freeze",
    options: &[
        ("auto", mark!("automatic")),
        ("true", mark!("frozen")),
        ("false", mark!("trained")),
    ],
};

/// Weighting of each label's errors.
pub const CLASS_WEIGHTS: Choice = Choice {
    key: "class-weights",
    options: &[
        ("auto", mark!("automatic")),
        ("none", mark!("none")),
        ("balanced", mark!("balanced")),
    ],
};

/// Treatment of held-out documents that are near-duplicates of training documents.
pub const NEAR_DUPLICATES: Choice = Choice {
    key: "near-duplicates",
    options: &[
        ("keep", mark!("count in scores")),
        ("drop", mark!("left out of scores")),
    ],
};

/// Quoting of table cells.
pub const QUOTING: Choice = Choice {
    key: "quoting",
    options: &[
        ("auto", mark!("automatic")),
        ("double", mark!("double quotes, doubled inside")),
        ("backslash", mark!("double quotes, with a backslash inside")),
        ("single", mark!("single quotes")),
        ("none", mark!("no quotes")),
    ],
};

/// All choices with named options, except the presets.
pub const CHOICES: [Choice; 6] = [
    TOKENIZER,
    TASK,
    FREEZE,
    CLASS_WEIGHTS,
    NEAR_DUPLICATES,
    QUOTING,
];

/// A setting that is on or off.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Key of the setting.
    pub key: &'static str,
}

impl Switch {
    /// Returns the label of the checkbox.
    pub fn label(&self) -> String {
        translated(spec_of(self.key).label)
    }

    /// Returns the help text beside the checkbox.
    pub fn help(&self) -> String {
        translated(spec_of(self.key).help)
    }
}

/// Next-sentence prediction in pre-training.
pub const NSP: Switch = Switch { key: "nsp" };

/// Other switches of pre-training.
pub const SWITCHES: [Switch; 3] = [
    Switch { key: "whole-word" },
    Switch { key: "cased" },
    Switch {
        key: "seed-masking",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_state_their_range() {
        let range = |key: &str| range_text(numeric_field(key).expect("a field").spec.range);
        assert_eq!(
            [range("vocab-size"), range("mask-rate")],
            ["16 to 1,000,000.", "Above 0, up to 0.9."]
        );
        assert_eq!(
            [range("seed"), range("finetune-lr")],
            ["0 to 1.8e19.", "Above 0, up to 1."]
        );
    }

    #[test]
    fn forms_show_existing_settings_and_all_options_of_a_choice() {
        for key in FIELDS.into_iter().chain(LENGTHS).chain(TABLE_FIELDS) {
            Field::of(key);
        }
        for switch in SWITCHES.into_iter().chain([NSP]) {
            assert!(matches!(spec_of(switch.key).kind, SettingKind::Switch));
        }
        for choice in CHOICES {
            let shown: Vec<&str> = choice.options.iter().map(|(name, _)| *name).collect();
            let names = spec_of(choice.key).names();
            for name in &names {
                assert!(shown.contains(name), "{}: {name}", choice.key);
            }
            assert!(
                shown
                    .iter()
                    .all(|name| names.contains(name) || *name == "auto")
            );
        }
    }
}
