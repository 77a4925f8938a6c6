//! JSON as programs really write it: Python's `NaN`, `None` and single quotes, JavaScript's bare keys, halves of surrogate
//! pairs, line ends within strings, and commas before a closing bracket. Strict JSON is parsed as it is.

use serde_json::Value;

/// The value that `text` holds; `None` where not even this reading gives one.
pub fn parse(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(_) => serde_json::from_str(&strict(text)).ok(),
    }
}

/// `text` in strict JSON, as far as its meaning is clear.
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

    /// A comma, unless a bracket closes behind it.
    fn comma(&mut self) {
        let behind = self.rest[1..].trim_start();
        if behind.starts_with(['}', ']']) {
            self.skip(1)
        } else {
            self.copy(1)
        }
    }

    /// A word outside strings: a constant of some language, or a key without quotes.
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
            // Left as it is: what it means is not clear.
            _ => self.out.push_str(&format!("{sign}{word}")),
        }
        self.skip(end);
    }

    /// A string in either kind of quotes.
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
            // A backslash that escapes nothing is one.
            _ => {
                self.out.push_str("\\\\");
                self.skip(1);
            }
        }
    }

    /// A code unit of UTF-16; half of a surrogate pair is no character.
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
    fn what_python_and_javascript_write_is_read() {
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
