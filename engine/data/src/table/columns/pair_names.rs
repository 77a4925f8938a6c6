//! Recognises the column names of sentence pairs (`premise` and `hypothesis`, or two names that
//! differ by a number or a letter), and with them every known column name.

use crate::table::columns::names::{is_listed, is_text_name, plain};

/// Known pairs of names that differ in more than a number or a letter.
const PAIR_NAMES: [(&str, &str); 3] = [
    ("premise", "hypothesis"),
    ("sentence", "question"),
    ("query", "passage"),
];

/// Returns whether a name is a text name with a number or letter added, such as `sentence1` or
/// `text_a`.
fn is_numbered(name: &str) -> bool {
    numbered(name).is_some_and(|(stem, _)| is_text_name(&stem))
}

/// Splits a name into its stem and the number or letter that distinguishes it from its partner.
fn numbered(name: &str) -> Option<(String, char)> {
    let name = plain(name);
    let mark = name.chars().find(|c| matches!(c, '1' | '2')).or_else(|| {
        let last = name.rsplit('_').next()?;
        last.chars()
            .next()
            .filter(|c| last.len() == 1 && matches!(c, 'a' | 'b'))
    })?;
    let stem = if mark.is_ascii_digit() {
        name.replacen(mark, "", 1)
    } else {
        name[..name.len() - 1].into()
    };
    Some((stem.trim_matches('_').to_string(), mark))
}

/// Returns whether a column of this name is one of a pair.
fn is_part(name: &str) -> bool {
    PAIR_NAMES.iter().any(|(a, b)| *a == name || *b == name)
        || (name.len() > 3 && is_numbered(name))
}

/// Returns whether this is a well-known column name, that of a pair included, so that a row of such
/// names is a header.
pub fn is_known(name: &str) -> bool {
    is_listed(name) || is_part(&name.trim().to_lowercase())
}

/// Returns whether these are the names of the first and the second text of a pair.
pub fn are_pair(first: &str, second: &str) -> bool {
    let lower = [first, second].map(plain);
    let is_known = PAIR_NAMES
        .iter()
        .any(|(a, b)| *a == lower[0] && *b == lower[1]);
    let alike = || match (numbered(first)?, numbered(second)?) {
        ((stem, '1'), (other, '2')) | ((stem, 'a'), (other, 'b')) => {
            Some(!stem.is_empty() && stem == other)
        }
        _ => Some(false),
    };
    is_known || alike().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_recognised_by_name() {
        for (first, second, expected) in [
            ("sentence1", "sentence2", true),
            ("text_a", "text_b", true),
            ("#1 String", "#2 String", true),
            ("premise", "hypothesis", true),
            ("question1", "question2", true),
            ("sentence2", "sentence1", false),
            ("title", "body", false),
            ("a", "b", false),
        ] {
            assert_eq!(are_pair(first, second), expected, "{first} {second}");
        }
    }
}
