//! Messages of the engine to the user: an English template with named arguments. Each host renders
//! them: the command line in English with flags, the page in its language with the names of its
//! fields.
//!
//! As in gettext, catalogues of translations are keyed by the template. Rendered sentences are
//! never parsed.

use serde::de::Deserializer;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// A sentence or a part of one: a template and its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// English text with the names of arguments in braces: `{file} is empty`.
    template: Cow<'static, str>,
    arguments: BTreeMap<Cow<'static, str>, Argument>,
}

/// Value of an argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Argument {
    /// A number, a name or text of the user, which is not translated.
    Text(String),
    /// A setting, which each host renders by its own name for it.
    Setting(Setting),
    /// A phrase that is translated separately.
    Message(Message),
}

/// A setting, possibly with one of its values: `--task multi-label` on the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Name of the flag, without dashes.
    pub key: Cow<'static, str>,
    /// Value of the setting, if the message refers to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Creates a [`Message`]: `message!("{file} has {count} rows", file, count = rows.len())`. Each
/// argument is a number, a string, a [`Setting`] or a [`Message`].
#[macro_export]
macro_rules! message {
    (@arguments [$($done:tt)*]) => { [$($done)*] };
    (@arguments [$($done:tt)*] $name:ident = $value:expr $(, $($rest:tt)*)?) => {
        $crate::message!(@arguments [$($done)* (stringify!($name), $crate::IntoArgument::into_argument(&$value)),] $($($rest)*)?)
    };
    (@arguments [$($done:tt)*] $name:ident $(, $($rest:tt)*)?) => {
        $crate::message!(@arguments [$($done)* (stringify!($name), $crate::IntoArgument::into_argument(&$name)),] $($($rest)*)?)
    };
    ($template:literal $(,)?) => { $crate::Message::phrase($template) };
    ($template:literal, $($arguments:tt)+) => {
        $crate::Message::new($template, $crate::message!(@arguments [] $($arguments)+))
    };
}

/// Marks a phrase in a constant for translation; [`Message::phrase`] makes it a message.
#[macro_export]
macro_rules! phrase {
    ($phrase:literal) => {
        $phrase
    };
}

impl Message {
    /// A template with the values of its arguments; see [`message!`].
    pub fn new<const N: usize>(
        template: &'static str,
        arguments: [(&'static str, Argument); N],
    ) -> Self {
        let arguments = arguments
            .into_iter()
            .map(|(name, value)| (name.into(), value));
        Self {
            template: template.into(),
            arguments: arguments.collect(),
        }
    }

    /// Creates a message without arguments. The template must be written in [`message!`] or
    /// [`phrase!`], where translators find it.
    pub fn phrase(template: &'static str) -> Self {
        Self::new(template, [])
    }

    /// A message with text that is not the engine's own, e.g. an error of the operating system. It has
    /// no placeholders, so that braces stay, and is translated only if a catalogue has it.
    pub fn verbatim(text: impl Into<String>) -> Self {
        // Without arguments nothing in it is a placeholder.
        Self {
            template: text.into().into(),
            arguments: BTreeMap::new(),
        }
    }

    /// Joins several messages with a separator.
    pub fn joined(messages: impl IntoIterator<Item = Self>, separator: &str) -> Self {
        let mut template = String::new();
        let mut arguments = BTreeMap::new();
        for (index, message) in messages.into_iter().enumerate() {
            if index > 0 {
                template.push_str(separator);
            }
            // Zero-padded, so that the arguments stay in order in JSON.
            let name = format!("part{index:02}");
            template.extend(["{", &name, "}"]);
            arguments.insert(name.into(), Argument::Message(message));
        }
        Self {
            template: template.into(),
            arguments,
        }
    }

    /// Returns the template, which is the key of the message in catalogues.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// Returns whether the message is empty.
    pub fn is_empty(&self) -> bool {
        self.template.is_empty()
    }

    /// Renders the message. `translate` returns a template in the host's language, `setting` the
    /// host's name of a setting.
    pub fn render(
        &self,
        translate: &dyn Fn(&str) -> String,
        setting: &dyn Fn(&Setting) -> String,
    ) -> String {
        let template = translate(&self.template);
        let value = |name: &str| {
            Some(match self.arguments.get(name)? {
                Argument::Text(text) => text.clone(),
                Argument::Setting(key) => setting(key),
                Argument::Message(message) => message.render(translate, setting),
            })
        };
        fill(&template, &value)
    }

    /// Serialises the English sentence under `name` and, if the message has arguments, its template
    /// and arguments under `{name}_parts`.
    pub(crate) fn serialize_as<S: Serializer>(
        &self,
        name: &str,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(name, &self.to_string())?;
        if !self.arguments.is_empty() {
            map.serialize_entry(&format!("{name}_parts"), &Parts::of(self))?;
        }
        map.end()
    }

    /// Reverses [`Self::serialize_as`]: takes the sentence, and the template and arguments if they
    /// were serialised.
    pub(crate) fn deserialized(sentence: String, parts: Option<Parts<'static>>) -> Self {
        match parts {
            Some(parts) => Self {
                template: parts.template,
                arguments: parts.arguments.into_owned(),
            },
            None => Self::verbatim(sentence),
        }
    }
}

/// Template and arguments of a message.
#[derive(Serialize, Deserialize)]
pub(crate) struct Parts<'a> {
    /// The English sentence, for readers that only show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    template: Cow<'static, str>,
    arguments: Cow<'a, BTreeMap<Cow<'static, str>, Argument>>,
}

impl<'a> Parts<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            text: None,
            template: message.template.clone(),
            arguments: Cow::Borrowed(&message.arguments),
        }
    }
}

/// Replaces each `{name}` by its value; a placeholder without a value is left as it is.
pub fn fill(template: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let found = after
            .split_once('}')
            .and_then(|(name, after)| Some((value(name)?, after)));
        match found {
            Some((value, after)) => {
                out.push_str(&value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out + rest
}

impl Setting {
    /// The setting whose flag is `--key`.
    pub const fn named(key: &'static str) -> Self {
        Self {
            key: Cow::Borrowed(key),
            value: None,
        }
    }

    /// The same, with one of its values.
    pub fn with_value(key: &'static str, value: impl Display) -> Self {
        Self {
            key: key.into(),
            value: Some(value.to_string()),
        }
    }
}

/// As on the command line.
impl Display for Setting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "--{}", self.key)?;
        match &self.value {
            Some(value) => write!(f, " {value}"),
            None => Ok(()),
        }
    }
}

/// As on the command line.
impl Display for Message {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&|template| template.to_owned(), &Setting::to_string))
    }
}

/// A string if there are no arguments, otherwise the English sentence with its template and
/// arguments.
impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.arguments.is_empty() {
            serializer.serialize_str(&self.template)
        } else {
            let text = Some(self.to_string());
            Parts {
                text,
                ..Parts::of(self)
            }
            .serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Sentence(String),
            Parts(Parts<'static>),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Sentence(sentence) => Self::verbatim(sentence),
            Written::Parts(parts) => Self::deserialized(String::new(), Some(parts)),
        })
    }
}

/// What can be the value of an argument.
pub trait IntoArgument {
    /// The value.
    fn into_argument(self) -> Argument;
}

impl IntoArgument for Message {
    fn into_argument(self) -> Argument {
        Argument::Message(self)
    }
}

impl<T: IntoArgument + Clone> IntoArgument for &T {
    fn into_argument(self) -> Argument {
        self.clone().into_argument()
    }
}

impl IntoArgument for Setting {
    fn into_argument(self) -> Argument {
        Argument::Setting(self)
    }
}

macro_rules! text_arguments {
    ($($kind:ty)*) => {
        $(impl IntoArgument for $kind {
            fn into_argument(self) -> Argument {
                Argument::Text(self.to_string())
            }
        })*
    };
}

text_arguments!(String &str char u8 u16 u32 u64 usize i32 i64 f32 f64);

#[cfg(test)]
mod tests {
    use super::*;

    fn upper(template: &str) -> String {
        let mut is_name = false;
        template
            .chars()
            .map(|letter| {
                is_name = letter == '{' || is_name && letter != '}';
                if is_name {
                    letter
                } else {
                    letter.to_ascii_uppercase()
                }
            })
            .collect()
    }

    #[test]
    fn arguments_stand_where_their_names_do() {
        let file = "\"{count}\"";
        let kind = message!("pairs of texts");
        let message = message!(
            "{file}: {count} {kind}; {setting} limits them",
            file,
            count = 3,
            kind,
            setting = Setting::named("limit")
        );
        assert_eq!(
            message.to_string(),
            "\"{count}\": 3 pairs of texts; --limit limits them"
        );
        let rendered = message.render(&upper, &|setting| format!("“{}”", setting.key));
        assert_eq!(
            rendered,
            "\"{count}\": 3 PAIRS OF TEXTS; “limit” LIMITS THEM"
        );
    }

    #[test]
    fn messages_are_joined_and_text_of_others_stays_as_it_is() {
        let messages = [message!("one"), Message::verbatim("{two}")];
        assert_eq!(Message::joined(messages, "; ").to_string(), "one; {two}");
        assert_eq!(Message::joined([], "; ").to_string(), "");
    }

    #[test]
    fn a_message_survives_json() {
        let value = Setting::with_value("task", "multi-label");
        for message in [
            message!("plain"),
            message!("{a} and {b}", a = message!("x {n}", n = 1), b = value),
            Message::verbatim("{a}"),
        ] {
            let json = serde_json::to_string(&message).expect("plain data");
            let read: Message = serde_json::from_str(&json).expect("what was written");
            assert_eq!(read, message, "{json}");
        }
    }

    #[test]
    fn an_unclosed_brace_is_text() {
        for text in ["{", "a {b", "{a b}"] {
            assert_eq!(Message::phrase(text).to_string(), text);
        }
    }
}
