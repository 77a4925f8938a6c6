//! The query of the link: converts settings to text and back. The keys are the command line's
//! flags, so that links and commands agree. Pure: the caller reads and writes the address bar.

use crate::guide::{self, Guide};
use crate::localize_message::localize_message;
use crate::settings::Settings;
use crate::tr;
use protocol::{ConfigError, Message};

/// Parses a query, with or without its `?`. Invalid settings keep their defaults and are reported.
pub fn read(query: &str) -> (Settings, Guide, Vec<ConfigError>) {
    let (mut settings, mut guide) = (Settings::default(), Guide::default());
    let mut refused = Vec::new();
    for pair in query
        .trim_start_matches('?')
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decode(key), decode(value));
        if guide::KEYS.contains(&key.as_str()) {
            refused.extend(guide.set(&key, &value).err().map(|message| ConfigError {
                key,
                message: Message::verbatim(message),
            }));
        } else {
            refused.extend(settings.set(&key, &value).err());
        }
    }
    (settings, guide, refused)
}

/// Returns the language requested by a link, whether or not the page supports it.
pub fn language(query: &str) -> Option<String> {
    let mut pairs = query
        .trim_start_matches('?')
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == guide::LANGUAGE)
        .map(|(_, value)| decode(value))
}

/// Returns the query for these settings and page options, without `?`; empty if all are at their
/// defaults.
pub fn write(settings: &Settings, guide: &Guide) -> String {
    let pairs: Vec<(&str, String)> = settings.pairs().into_iter().chain(guide.pairs()).collect();
    pairs
        .iter()
        .map(|(key, value)| format!("{key}={}", encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// Returns a message with one clause per refused setting, for the page's notice.
pub fn explain(refused: &[ConfigError]) -> Option<String> {
    let parts: Vec<String> = refused
        .iter()
        .map(|error| format!("{}: {}", error.key, localize_message(&error.message)))
        .collect();
    (!parts.is_empty()).then(|| {
        tr!(
            "Some settings in the link cannot be used: {list}.",
            list = parts.join("; ")
        )
    })
}

/// Percent-decodes a form-encoded text; a `%` without two hexadecimal digits stands for itself.
fn decode(text: &str) -> String {
    let mut rest = text.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = if first == b'%' {
            tail.get(..2).and_then(hex)
        } else {
            None
        };
        out.push(escaped.unwrap_or(if first == b'+' { b' ' } else { first }));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    Some((digit(digits[0])? * 16 + digit(digits[1])?) as u8)
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte as char)
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_round_trip() {
        let link = "?preset=fast-nano&max-len=16&batch-size=8&vocab-size=1000&seed=3&backend=cpu&finetune-epochs=2&lesson=masking&hide=review";
        let (settings, guide, refused) = read(link);
        assert_eq!(refused, []);
        assert_eq!(language(&format!("{link}&lang=th")).as_deref(), Some("th"));
        assert_eq!(language(link), None);
        assert_eq!(
            (settings.pretrain.max_len, settings.pretrain.vocab_size),
            (Some(16), 1000)
        );
        assert_eq!(read(&write(&settings, &guide)), (settings, guide, vec![]));
    }

    #[test]
    fn invalid_settings_are_reported_and_ignored() {
        let (settings, guide, refused) =
            read("?seed=4&lr=fast%21&%zz=1&preset=h%C3%BCge&mask-rate=2&lesson=cooking");
        assert_eq!(settings.pretrain.seed, 4);
        assert_eq!(write(&settings, &guide), "seed=4");
        let sentence = explain(&refused).expect("five problems");
        for part in [
            "lr: \"fast!\"",
            "%zz",
            "hüge",
            "mask-rate: \"2\"",
            "lesson: \"cooking\"",
        ] {
            assert!(sentence.contains(part), "{part} in {sentence}");
        }
    }

    #[test]
    fn an_empty_query_means_the_defaults() {
        for text in ["", "?", "&&"] {
            assert_eq!(
                read(text),
                (Settings::default(), Guide::default(), vec![]),
                "{text:?}"
            );
        }
        assert_eq!(write(&Settings::default(), &Guide::default()), "");
        assert_eq!(explain(&[]), None);
    }
}
