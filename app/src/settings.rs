//! The settings in the forms and in the link, validated field by field. Values outside a field's
//! range are refused here; whether values suit the data and the device is checked by the engine.

mod fields;

use crate::tr;
pub use fields::{
    CHOICES, CLASS_WEIGHTS, Choice, FIELDS, FREEZE, Field, LENGTHS, NEAR_DUPLICATES, NSP, QUOTING,
    SWITCHES, Switch, TABLE_FIELDS, TASK, TOKENIZER, finetune_fields,
};
use protocol::{ConfigError, Message, RunConfig, StartFrom};

/// All settings of the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Settings of pre-training; seed, sizes and tokenizer also apply to fine-tuning.
    pub pretrain: RunConfig,
    /// Length of fine-tuning in epochs.
    pub finetune_epochs: Option<f64>,
    /// Peak learning rate of fine-tuning.
    pub finetune_lr: Option<f64>,
    /// Initial weights of fine-tuning.
    pub finetune_from: StartFrom,
    /// Whether fine-tuning runs from both initialisations, one after the other.
    pub finetune_both: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pretrain: RunConfig::default(),
            finetune_epochs: None,
            finetune_lr: None,
            finetune_from: StartFrom::Pretrained,
            finetune_both: false,
        }
    }
}

impl Settings {
    /// Sets a value by its key in the link.
    ///
    /// # Errors
    /// Returns an error if the key is unknown or the value is invalid; `self` is then unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        check_range(key, value)?;
        match key {
            "finetune-epochs" => self.finetune_epochs = value.trim().parse().ok(),
            "finetune-lr" => self.finetune_lr = value.trim().parse().ok(),
            "finetune-from" => (self.finetune_from, self.finetune_both) = start_from(value)?,
            _ => self.pretrain.set(key, value)?,
        }
        Ok(())
    }

    /// Sets a value as entered in a form, where empty text means the default.
    ///
    /// # Errors
    /// Same as [`Settings::set`].
    pub fn edit(&mut self, key: &str, text: &str) -> Result<(), ConfigError> {
        // Labels may be separated by a space.
        let has_value = if key == "label-separator" {
            !text.is_empty()
        } else {
            !text.trim().is_empty()
        };
        if has_value {
            return self.set(key, text);
        }
        match key {
            "finetune-epochs" => self.finetune_epochs = None,
            "finetune-lr" => self.finetune_lr = None,
            "finetune-from" => (self.finetune_from, self.finetune_both) = start_from("pretrained")?,
            _ => self.pretrain.reset(key)?,
        }
        Ok(())
    }

    /// Returns the text of a setting; empty if it is at its default.
    pub fn value(&self, key: &str) -> String {
        self.pairs()
            .into_iter()
            .find(|(other, _)| *other == key)
            .map(|(_, value)| value)
            .unwrap_or_default()
    }

    /// Returns the length of pre-training as the key of one of [`LENGTHS`] and its text.
    pub fn length(&self) -> (&'static str, String) {
        let chosen = ["steps", "minutes", "epochs"]
            .into_iter()
            .find(|key| !self.value(key).is_empty());
        let key = chosen.unwrap_or("epochs");
        (key, self.value(key))
    }

    /// Sets the length of pre-training; the other units of length are cleared.
    ///
    /// # Errors
    /// Same as [`Settings::set`].
    pub fn set_length(&mut self, key: &str, text: &str) -> Result<(), ConfigError> {
        let mut next = self.clone();
        for other in LENGTHS {
            next.edit(other, "")?;
        }
        next.edit(key, text)?;
        *self = next;
        Ok(())
    }

    /// Returns the settings that differ from the defaults, as `(key, value)` in a fixed order, as
    /// encoded in the link.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut out = self.pretrain.pairs();
        out.extend(
            self.finetune_epochs
                .map(|epochs| ("finetune-epochs", epochs.to_string())),
        );
        out.extend(self.finetune_lr.map(|lr| ("finetune-lr", lr.to_string())));
        match (self.finetune_both, self.finetune_from) {
            (true, _) => out.push(("finetune-from", "both".into())),
            (false, StartFrom::Scratch) => out.push(("finetune-from", "scratch".into())),
            (false, StartFrom::Pretrained) => {}
        }
        out
    }

    /// Returns the configuration of a fine-tuning run: its own length and learning rate, the rest
    /// as in pre-training.
    pub fn finetune(&self) -> RunConfig {
        RunConfig {
            epochs: self.finetune_epochs,
            lr: self.finetune_lr,
            steps: None,
            minutes: None,
            ..self.pretrain.clone()
        }
    }
}

/// Describes a configuration in one line: `fast-nano · seed 3 · max-len 16`.
pub fn describe(config: &RunConfig) -> String {
    let mut parts = vec![config.preset.clone()];
    for (key, value) in config
        .pairs()
        .into_iter()
        .filter(|(key, _)| *key != "preset")
    {
        parts.push(if value == "true" {
            key.into()
        } else {
            format!("{key} {value}")
        });
    }
    parts.join(" · ")
}

fn check_range(key: &str, value: &str) -> Result<(), ConfigError> {
    fields::check(key, value).map_err(|message| ConfigError {
        key: key.into(),
        message: Message::verbatim(message),
    })
}

/// Parses the initial weights, and whether both are requested.
fn start_from(value: &str) -> Result<(StartFrom, bool), ConfigError> {
    match value.trim() {
        "pretrained" => Ok((StartFrom::Pretrained, false)),
        "scratch" => Ok((StartFrom::Scratch, false)),
        "both" => Ok((StartFrom::Pretrained, true)),
        _ => Err(ConfigError {
            key: "finetune-from".into(),
            message: Message::verbatim(tr!(
                "\"{value}\" is not one of {names}",
                value,
                names = "pretrained, scratch, both"
            )),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_of_range_values_are_refused_and_change_nothing() {
        for (key, value) in [
            ("lr", "NaN"),
            ("lr", "-1"),
            ("lr", "0"),
            ("mask-rate", "1.5"),
            ("epochs", "inf"),
            ("batch-size", "0"),
            ("batch-size", "2.5"),
            ("max-len", "1"),
            ("steps", "lots"),
            ("finetune-epochs", "0"),
            ("finetune-from", "space"),
            ("colour", "red"),
        ] {
            let mut settings = Settings::default();
            let error = settings.set(key, value).expect_err(key);
            assert_eq!(error.key, key);
            assert_eq!(settings, Settings::default(), "{key}={value}");
        }
    }

    #[test]
    fn empty_input_restores_the_default() {
        let mut settings = Settings::default();
        settings.set("seed", "7").expect("valid");
        settings.set("vocab-size", "500").expect("valid");
        settings
            .edit("vocab-size", " ")
            .expect("empty is the default");
        assert_eq!(
            settings.pretrain.vocab_size,
            RunConfig::default().vocab_size
        );
        assert_eq!(settings.pretrain.seed, 7);
        settings.edit("label-separator", " ").expect("a space");
        assert_eq!(settings.value("label-separator"), " ");
        settings
            .edit("label-separator", "")
            .expect("empty is the default");
        assert_eq!(settings.pretrain.label_separator, None);
    }

    #[test]
    fn lengths_exclude_each_other() {
        let mut settings = Settings::default();
        settings.set_length("steps", "20").expect("valid");
        assert_eq!(settings.length(), ("steps", "20".into()));
        settings.set_length("minutes", "2").expect("valid");
        assert_eq!(
            (settings.pretrain.steps, settings.pretrain.minutes),
            (None, Some(2.0))
        );
        settings
            .set_length("epochs", "none")
            .expect_err("not a number");
        assert_eq!(
            settings.length(),
            ("minutes", "2".into()),
            "a refused length changes nothing"
        );
    }

    #[test]
    fn fine_tuning_has_its_own_length_and_rate() {
        let mut settings = Settings::default();
        for (key, value) in [
            ("steps", "20"),
            ("lr", "0.01"),
            ("seed", "3"),
            ("finetune-epochs", "2"),
        ] {
            settings.set(key, value).expect("valid");
        }
        let config = settings.finetune();
        assert_eq!(
            (config.steps, config.lr, config.epochs, config.seed),
            (None, None, Some(2.0), 3)
        );
        assert_eq!(describe(&config), "fast-tiny · seed 3 · epochs 2");
    }
}
