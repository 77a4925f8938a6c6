//! Interprets the value of a cell: missing, a single value, or a list in any of the notations that
//! programs write into tables.

use crate::table::rows::relaxed;
use serde_json::{Map, Value};

/// Values that `pandas.read_csv` treats as missing by default, and a lone hyphen, with which SNLI
/// marks examples without annotator agreement.
const MISSING: [&str; 18] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "-",
];
/// Lower-case spellings that are not words of a language, and the `\N` of database exports.
const MISSING_LOWER: [&str; 3] = ["nan", "null", "\\N"];

/// Returns the cells that stand for a missing value, for readers of tables in other languages.
pub fn missing_values() -> impl Iterator<Item = &'static str> {
    MISSING.into_iter().chain(MISSING_LOWER)
}

/// Returns whether a cell stands for a missing value.
pub fn is_missing(cell: &str) -> bool {
    let cell = cell.trim();
    MISSING.contains(&cell) || MISSING_LOWER.contains(&cell)
}

/// The labels found in a JSON value.
#[derive(Debug, PartialEq)]
pub enum Found {
    /// Label names, in order.
    Names(Vec<String>),
    /// A yes or no for each of several labels, as in spaCy's `cats`.
    Answers(Vec<(String, bool)>),
    /// The value holds no labels.
    Nothing,
}

/// Extracts labels from a JSON value: a scalar, a list, or an object that holds either, as
/// annotation tools export them.
pub fn labels_of(value: &Value) -> Found {
    match value {
        Value::Null => Found::Nothing,
        Value::Array(items) => {
            // A text span such as `[0, 5, "x"]` begins with its start and end offsets.
            let is_span =
                items.len() == 3 && items[..2].iter().all(Value::is_u64) && items[2].is_string();
            let items = if is_span { &items[2..] } else { items };
            let names = items.iter().flat_map(names_of).collect::<Vec<_>>();
            if names.is_empty() {
                Found::Nothing
            } else {
                Found::Names(names)
            }
        }
        Value::Object(object) => labels_of_object(object),
        value => word(value).map_or(Found::Nothing, |name| Found::Names(vec![name])),
    }
}

/// Object keys that hold labels, likeliest first.
const LABEL_KEYS: [&str; 11] = [
    "choices", "labels", "label", "name", "value", "class", "category", "tag", "title", "text",
    "id",
];

fn labels_of_object(object: &Map<String, Value>) -> Found {
    // A Label Studio annotation has no labels if its result is empty or it was cancelled.
    if let Some(result) = object.get("result") {
        let is_cancelled = object
            .get("was_cancelled")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        return if is_cancelled {
            Found::Nothing
        } else {
            labels_of(result)
        };
    }
    let answers: Option<Vec<(String, bool)>> = object
        .iter()
        .map(|(name, value)| Some((name.clone(), yes_or_no(value)?)))
        .collect();
    let holds_labels = LABEL_KEYS.iter().any(|key| object.contains_key(*key));
    if let Some(answers) = answers.filter(|answers| !answers.is_empty() && !holds_labels) {
        return Found::Answers(answers);
    }
    let found = LABEL_KEYS
        .iter()
        .filter_map(|key| object.get(*key))
        .map(labels_of);
    found
        .into_iter()
        .find(|found| *found != Found::Nothing)
        .unwrap_or(Found::Nothing)
}

fn names_of(value: &Value) -> Vec<String> {
    match labels_of(value) {
        Found::Names(names) => names,
        Found::Answers(answers) => answers
            .into_iter()
            .filter(|(_, holds)| *holds)
            .map(|(name, _)| name)
            .collect(),
        Found::Nothing => Vec::new(),
    }
}

/// Reads a yes or no from a boolean or a probability; 0.5 and above is yes.
fn yes_or_no(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(holds) => Some(*holds),
        Value::Number(number) => number
            .as_f64()
            .filter(|share| (0.0..=1.0).contains(share))
            .map(|share| share >= 0.5),
        _ => None,
    }
}

/// Returns a scalar (string, number or boolean) as text.
pub fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(word) => Some(word.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(holds) => Some(holds.to_string()),
        _ => None,
    }
}

/// Keys that hold the text of a conversation message, likeliest first.
const MESSAGE_KEYS: [&str; 4] = ["content", "text", "value", "utterance"];

/// Returns the text of a value. The parts of a list (words, sentences or messages) are joined with
/// spaces.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => {
            let parts: Vec<String> = items
                .iter()
                .filter_map(text_of)
                .filter(|part| !part.is_empty())
                .collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        }
        Value::Object(object) => MESSAGE_KEYS
            .iter()
            .find_map(|key| text_of(object.get(*key)?)),
        Value::Bool(_) => None,
        value => word(value),
    }
}

/// Parses a cell that holds a list or an object in the notation of JSON, Python (`['a', 'b']`,
/// `('a',)`, `{'a'}`) or NumPy (`['a' 'b']`, `[0 1]`).
pub fn listed(cell: &str) -> Option<Value> {
    let cell = cell.trim();
    let cell = cell
        .strip_prefix("array(")
        .and_then(|list| list.strip_suffix(')'))
        .unwrap_or(cell);
    let cell = cell
        .split_once("], dtype")
        .map_or(cell, |(list, _)| &cell[..=list.len()]);
    let inside = match (cell.chars().next()?, cell.chars().next_back()?) {
        ('[', ']') | ('(', ')') | ('{', '}') if cell.len() > 1 => &cell[1..cell.len() - 1],
        _ => return None,
    };
    if !cell.starts_with('(') {
        let value = relaxed::parse(cell).filter(|value| value.is_array() || value.is_object());
        if value.is_some() {
            return value;
        }
    }
    let parsed = relaxed::parse(&format!("[{inside}]")).or_else(|| spaced(inside));
    parsed.or_else(|| {
        if cell.starts_with('(') {
            None
        } else {
            bare(inside)
        }
    })
}

/// Returns a cell without its enclosing brackets or braces.
pub fn without_brackets(cell: &str) -> &str {
    let inside = |open: char, close: char| cell.trim().strip_prefix(open)?.strip_suffix(close);
    inside('[', ']')
        .or_else(|| inside('{', '}'))
        .unwrap_or(cell)
}

/// Trims a value and removes its double quotes, which the CSV reader does not recognise after a
/// space.
pub fn unquoted(value: &str) -> &str {
    let value = value.trim();
    let inside = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    inside
        .filter(|inside| !inside.is_empty() && !inside.contains('"'))
        .unwrap_or(value)
}

/// Parses unquoted names separated by commas, as in `[a, b]` and PostgreSQL's `{a,b}`.
fn bare(inside: &str) -> Option<Value> {
    let is_name = |name: &&str| !name.is_empty() && !name.contains(['[', ']', '{', '}', ':']);
    let names: Vec<&str> = inside.split(',').map(str::trim).collect();
    let are_names = names.len() > 1 && names.iter().all(is_name);
    are_names.then(|| {
        names
            .into_iter()
            .map(|name| Value::from(name.trim_matches('"')))
            .collect()
    })
}

/// Parses values separated by white space, as NumPy prints arrays.
fn spaced(inside: &str) -> Option<Value> {
    let mut items = Vec::new();
    let mut rest = inside.trim();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => rest[1..].find(first).map(|end| end + 2)?,
            _ => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        let (item, tail) = rest.split_at(end);
        let number = || {
            item.parse::<f64>()
                .ok()
                .map(|number| Value::String(integral(item).unwrap_or(number.to_string())))
        };
        items.push(match first {
            '\'' | '"' => Value::String(item[1..item.len() - 1].into()),
            _ => number()?,
        });
        rest = tail.trim_start();
    }
    Some(Value::Array(items))
}

/// Returns an integer without its decimal part of zeros: `1.0` becomes `1`.
pub fn integral(text: &str) -> Option<String> {
    let text = text.trim();
    let (int_part, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = int_part.strip_prefix('-').unwrap_or(int_part);
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_integer && fraction.bytes().all(|byte| byte == b'0')).then(|| int_part.to_string())
}

/// Returns the entries of a list of zeros and ones: a multi-hot vector with one entry per label.
pub fn vector(value: &Value) -> Option<Vec<bool>> {
    let items = value.as_array().filter(|items| items.len() > 1)?;
    items
        .iter()
        .map(|item| match integral(&word(item)?)?.as_str() {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_parsed_in_any_notation() {
        for (cell, expected) in [
            (r#"["a", "b"]"#, json!(["a", "b"])),
            ("['a', 'b c']", json!(["a", "b c"])),
            ("['a' 'b c']", json!(["a", "b c"])),
            ("('a',)", json!(["a"])),
            ("{'a', 'b'}", json!(["a", "b"])),
            ("[0 1 1]", json!(["0", "1", "1"])),
            ("[0. 1.]", json!(["0", "1"])),
            ("[0, 1]", json!([0, 1])),
            ("[a, b c]", json!(["a", "b c"])),
            ("{a,\"b c\"}", json!(["a", "b c"])),
            ("array(['a'])", json!(["a"])),
            ("array(['a', 'b'], dtype=object)", json!(["a", "b"])),
            ("[]", json!([])),
            (r#"{"choices": ["a"]}"#, json!({"choices": ["a"]})),
        ] {
            assert_eq!(listed(cell), Some(expected), "{cell}");
        }
        for cell in [
            "",
            "a",
            "(see below)",
            "(a, b)",
            "[sic] so",
            "{x}",
            "[urgent]",
        ] {
            assert_eq!(listed(cell), None, "{cell}");
        }
    }

    #[test]
    fn labels_are_extracted_from_annotation_tool_exports() {
        let names =
            |names: &[&str]| Found::Names(names.iter().map(|name| (*name).to_string()).collect());
        for (value, expected) in [
            (json!("a"), names(&["a"])),
            (json!(3), names(&["3"])),
            (json!(["a", 2, null]), names(&["a", "2"])),
            (json!({"choices": ["a", "b"]}), names(&["a", "b"])),
            (json!({"name": "a", "id": 1}), names(&["a"])),
            (json!({"label": 1, "score": 0.9}), names(&["1"])),
            (json!([{"name": "a"}, {"label": "b"}]), names(&["a", "b"])),
            (
                json!([{"result": [{"value": {"choices": ["a"]}, "type": "choices"}]}]),
                names(&["a"]),
            ),
            (
                json!([{"id": 900, "was_cancelled": true, "result": []}]),
                Found::Nothing,
            ),
            (json!([[0, 5, "a"], [7, 9, "b"]]), names(&["a", "b"])),
            (
                json!({"a": 1.0, "b": 0.2}),
                Found::Answers(vec![("a".into(), true), ("b".into(), false)]),
            ),
            (json!([]), Found::Nothing),
            (json!(null), Found::Nothing),
        ] {
            assert_eq!(labels_of(&value), expected, "{value}");
        }
    }

    #[test]
    fn numbers_and_missing_values_are_recognised() {
        for (text, expected) in [
            ("1.0", Some("1")),
            ("-5.00", Some("-5")),
            ("5", Some("5")),
            ("1.5", None),
            ("v1", None),
            ("", None),
        ] {
            assert_eq!(integral(text).as_deref(), expected, "{text}");
        }
        assert!(
            ["", " nan", "NaN", "None", "N/A", "-"]
                .iter()
                .all(|cell| is_missing(cell))
        );
        assert!(
            !["none", "0", "-1", "na", "boat"]
                .iter()
                .any(|cell| is_missing(cell))
        );
        assert_eq!(vector(&json!([0, "1", 1.0])), Some(vec![false, true, true]));
        assert_eq!((vector(&json!([1])), vector(&json!([0, 2]))), (None, None));
    }

    #[test]
    fn conversations_are_text() {
        let messages = json!([{"role": "user", "content": "a b"}, {"from": "x", "value": "c"}]);
        assert_eq!(text_of(&messages).as_deref(), Some("a b c"));
        assert_eq!((text_of(&json!([])), text_of(&json!(true))), (None, None));
    }
}
