//! Values of settings as text.

use super::kinds::{LabelMap, Named};
use super::spec::SettingKind;
use crate::message;
use crate::message::Message;

/// A value that a flag, a form field or a link gives as text.
pub(super) trait SettingValue: Sized {
    /// Kind of value.
    const KIND: SettingKind;

    /// Kind of an optional setting, whose default is not one of its values.
    const OPTIONAL_KIND: SettingKind = Self::KIND;

    /// Parses the text of a flag.
    ///
    /// # Errors
    /// Returns what is wrong with the text.
    fn parse(text: &str) -> Result<Self, Message>;

    /// Returns the text that [`SettingValue::parse`] reads as this value.
    fn text(&self) -> String;

    /// Returns the value for a range check; `None` if it is no number or not given.
    fn number(&self) -> Option<f64> {
        None
    }
}

/// Implements [`SettingValue`] for integers.
macro_rules! integers {
    ($($kind:ty),+) => {$(
        impl SettingValue for $kind {
            const KIND: SettingKind = SettingKind::Integer;

            fn parse(text: &str) -> Result<Self, Message> {
                text.trim().parse().map_err(|_| not_a_number(text))
            }

            fn text(&self) -> String {
                self.to_string()
            }

            fn number(&self) -> Option<f64> {
                Some(*self as f64)
            }
        }
    )+};
}

integers!(u64, usize);

impl SettingValue for f64 {
    const KIND: SettingKind = SettingKind::Real;

    /// Refuses what JSON cannot represent: infinity and NaN.
    fn parse(text: &str) -> Result<Self, Message> {
        let number: Option<f64> = text.trim().parse().ok();
        number
            .filter(|number| number.is_finite())
            .ok_or_else(|| not_a_number(text))
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn number(&self) -> Option<f64> {
        Some(*self)
    }
}

impl SettingValue for bool {
    const KIND: SettingKind = SettingKind::Switch;
    const OPTIONAL_KIND: SettingKind = SettingKind::Choice(|| vec!["true", "false"]);

    fn parse(text: &str) -> Result<Self, Message> {
        match text.trim() {
            "" | "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(not_a_name(text, &["true", "1", "false", "0"])),
        }
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl SettingValue for String {
    const KIND: SettingKind = SettingKind::Text;

    fn parse(text: &str) -> Result<Self, Message> {
        Ok(text.into())
    }

    fn text(&self) -> String {
        self.clone()
    }
}

impl<T: Named> SettingValue for T {
    const KIND: SettingKind = SettingKind::Choice(names::<T>);

    fn parse(text: &str) -> Result<Self, Message> {
        let found = T::NAMES.iter().find(|(name, _)| *name == text.trim());
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| not_a_name(text, &names::<T>()))
    }

    fn text(&self) -> String {
        self.name().into()
    }
}

/// A setting that is chosen by preset, phase and data unless it is given.
impl<T: SettingValue> SettingValue for Option<T> {
    const KIND: SettingKind = T::OPTIONAL_KIND;

    fn parse(text: &str) -> Result<Self, Message> {
        T::parse(text).map(Some)
    }

    fn text(&self) -> String {
        self.as_ref().map(T::text).unwrap_or_default()
    }

    fn number(&self) -> Option<f64> {
        self.as_ref().and_then(T::number)
    }
}

impl SettingValue for LabelMap {
    const KIND: SettingKind = SettingKind::LabelMap;

    fn parse(text: &str) -> Result<Self, Message> {
        let map: LabelMap = serde_json::from_str(text).map_err(|_| {
            message!(
                "must be a JSON object that maps old names to new ones; use null to drop a label"
            )
        })?;
        let is_unnamed =
            |new: &Option<String>| new.as_deref().is_some_and(|new| new.trim().is_empty());
        match map.iter().find(|(_, new)| is_unnamed(new)) {
            Some((old, _)) => Err(message!(
                "gives {label} an empty name; use null to drop a label",
                label = format!("{old:?}")
            )),
            None => Ok(map),
        }
    }

    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn names<T: Named>() -> Vec<&'static str> {
    T::NAMES.iter().map(|(name, _)| *name).collect()
}

/// Checks a text that must be one of `names`.
///
/// # Errors
/// Returns the names if it is not.
pub(super) fn check_name(text: &str, names: &[&str]) -> Result<(), Message> {
    if names.contains(&text.trim()) {
        Ok(())
    } else {
        Err(not_a_name(text, names))
    }
}

fn not_a_name(value: &str, names: &[&str]) -> Message {
    message!(
        "\"{value}\" is not one of {names}",
        value,
        names = names.join(", ")
    )
}

fn not_a_number(value: &str) -> Message {
    message!("\"{value}\" is not a valid number", value)
}
