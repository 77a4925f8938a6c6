//! Parses JSON as programs write it in practice: Python's `NaN`, `None` and single quotes,
//! JavaScript's unquoted keys, unpaired surrogates, line breaks within strings, and trailing
//! commas. Strict JSON is parsed unchanged.

use serde_json::Value;

/// Parses `text` as strict JSON, or else leniently. Returns `None` if both attempts fail.
pub fn parse(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(_) => serde_json::from_str(&strict(text)).ok(),
    }
}

/// Rewrites `text` as strict JSON where its meaning is clear.
fn strict(text: &str) -> String {
    let mut writer = Writer {
        out: String::with_capacity(text.len()),
        rest: text,
    };
    while let Some(next) = writer.rest.chars().next() {
        match next {
            '"' | '\'' => writer.string(next),
            ',' => writer.comma(),
            _ if next.is_alphabetic() || matches!(next, '_' | '$') => writer.word(""),
            '-' if writer.rest[1..].starts_with(char::is_alphabetic) => {
                writer.skip(1);
                writer.word("-");
            }
            _ => writer.copy(next.len_utf8()),
        }
    }
    writer.out
}

struct Writer<'a> {
    out: String,
    rest: &'a str,
}

impl Writer<'_> {
    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn copy(&mut self, bytes: usize) {
        self.out.push_str(&self.rest[..bytes]);
        self.skip(bytes);
    }

    /// Copies a comma, unless a closing bracket follows.
    fn comma(&mut self) {
        let after_comma = self.rest[1..].trim_start();
        if after_comma.starts_with(['}', ']']) {
            self.skip(1)
        } else {
            self.copy(1)
        }
    }

    /// Rewrites a word outside strings: a constant of some language, or an unquoted key.
    fn word(&mut self, sign: &str) {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        let is_key = self.rest[end..].trim_start().starts_with(':');
        match word {
            _ if is_key => self.out.push_str(&format!("\"{sign}{word}\"")),
            "true" | "True" => self.out.push_str("true"),
            "false" | "False" => self.out.push_str("false"),
            "null" | "None" | "nan" | "NaN" | "inf" | "Infinity" | "undefined" => {
                self.out.push_str("null")
            }
            // The meaning of any other word is unclear, so it is left unchanged.
            _ => self.out.push_str(&format!("{sign}{word}")),
        }
        self.skip(end);
    }

    /// Rewrites a string in single or double quotes as a JSON string.
    fn string(&mut self, quote: char) {
        self.skip(1);
        self.out.push('"');
        while let Some(next) = self.rest.chars().next() {
            match next {
                _ if next == quote => {
                    self.skip(1);
                    self.out.push('"');
                    break;
                }
                '\\' => self.escape(),
                '"' => {
                    self.out.push_str("\\\"");
                    self.skip(1);
                }
                _ if next.is_control() => {
                    self.out.push_str(&format!("\\u{:04x}", u32::from(next)));
                    self.skip(next.len_utf8());
                }
                _ => self.copy(next.len_utf8()),
            }
        }
    }

    fn escape(&mut self) {
        let escaped = self.rest[1..].chars().next();
        match escaped {
            Some('u') => self.unicode(),
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => self.copy(2),
            Some('\'') => {
                self.skip(1);
                self.copy(1);
            }
            // Before any other character, a backslash is literal.
            _ => {
                self.out.push_str("\\\\");
                self.skip(1);
            }
        }
    }

    /// Copies a `\u` escape (a UTF-16 code unit); an unpaired surrogate becomes U+FFFD.
    fn unicode(&mut self) {
        let unit = |text: &str| {
            let digits = text.strip_prefix("\\u")?.get(..4)?;
            u32::from_str_radix(digits, 16).ok()
        };
        match (unit(self.rest), self.rest.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => self.copy(12),
            (Some(0xD800..=0xDFFF), _) => {
                self.out.push(char::REPLACEMENT_CHARACTER);
                self.skip(6);
            }
            (Some(_), _) => self.copy(6),
            (None, _) => {
                self.out.push_str("\\\\");
                self.skip(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn python_and_javascript_literals_are_parsed() {
        for (text, expected) in [
            (
                r#"{"a": NaN, "b": -Infinity, "c": [1, 2,],}"#,
                json!({"a": null, "b": null, "c": [1, 2]}),
            ),
            (
                r#"{'a': 'it\'s "so"', 'b': True, 'c': None}"#,
                json!({"a": "it's \"so\"", "b": true, "c": null}),
            ),
            (
                r#"{"a": "cut \ud83d", "b": "\ud83d\ude00", "c": "\ude00"}"#,
                json!({"a": "cut \u{fffd}", "b": "😀", "c": "\u{fffd}"}),
            ),
            (r#"{a: 1, $b: undefined}"#, json!({"a": 1, "$b": null})),
            (
                "{\"a\": \"two\nlines\tand \\d\"}",
                json!({"a": "two\nlines\tand \\d"}),
            ),
            (
                r#"{"a": "NaN, None", "b": 1}"#,
                json!({"a": "NaN, None", "b": 1}),
            ),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "{bad",
            "{\"a\": }",
            "some text",
            "{\"a\": nonsense}",
            "'tis so",
            "\"cut",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
