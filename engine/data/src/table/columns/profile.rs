//! Profiles the values of a column over the first rows of a table: prose, categories, row numbers,
//! or none of these.

use crate::table::columns::values;
use crate::table::rows::row::Cell;
use crate::text::script::is_unspaced;
use std::collections::BTreeMap;

/// Statistics of the values of a column.
#[derive(Debug, Default)]
pub struct Profile {
    /// Number of cells with a value that is not missing.
    pub filled: usize,
    /// The distinct values and their counts.
    pub values: BTreeMap<String, usize>,
    /// Number of values that are lists or objects.
    pub lists: usize,
    numbers: usize,
    fractions: usize,
    addresses: usize,
    dates: usize,
    brackets: usize,
    chars: usize,
    words: usize,
    digits: usize,
}

/// Minimum mean length of prose, in characters of an alphabetic script.
const MIN_PROSE_CHARS: f64 = 20.0;
/// Minimum mean number of words in prose.
const MIN_PROSE_WORDS: f64 = 2.5;
/// Maximum share of digits in prose; above it, values are dates, numbers or identifiers.
const MAX_PROSE_DIGITS: f64 = 0.3;
/// Maximum mean length of a category name, in characters.
const MAX_CATEGORY_CHARS: f64 = 40.0;
/// Minimum number of values needed to judge whether they repeat.
const MIN_REPEATED: usize = 4;
/// A character of a script without spaces carries as much as this many alphabetic characters.
const CHARS_PER_UNSPACED: usize = 3;

impl Profile {
    /// Profiles the given cells.
    pub fn of<'a>(cells: impl Iterator<Item = Cell<'a>>) -> Self {
        let mut profile = Self::default();
        cells.for_each(|cell| profile.take(cell));
        profile
    }

    fn take(&mut self, cell: Cell<'_>) {
        self.lists += usize::from(
            matches!(cell, Cell::Value(value) if value.is_array() || value.is_object()),
        );
        let bool_text = match cell {
            Cell::Value(value) => value
                .as_bool()
                .map(|bool_text| bool_text.to_string().into()),
            _ => None,
        };
        let Some(text) = cell
            .text()
            .or(bool_text)
            .filter(|text| !values::is_missing(text))
        else {
            return;
        };
        let text = text.trim();
        self.filled += 1;
        self.lists += usize::from(values::listed(text).is_some());
        self.numbers += usize::from(text.parse::<f64>().is_ok());
        self.fractions += usize::from(
            text.parse::<f64>()
                .is_ok_and(|number| number.fract() != 0.0),
        );
        self.addresses += usize::from(is_url(text));
        self.dates += usize::from(is_date(text));
        self.brackets += usize::from(text.starts_with('(') && text.ends_with(')'));
        let unspaced = text.chars().filter(|c| is_unspaced(*c)).count();
        self.chars += text.chars().count() + (CHARS_PER_UNSPACED - 1) * unspaced;
        self.words += text.split_whitespace().count() + unspaced / 2;
        self.digits += text.chars().filter(char::is_ascii_digit).count();
        *self.values.entry(text.into()).or_default() += 1;
    }

    /// Returns the mean length of a value, in alphabetic characters.
    pub fn mean_chars(&self) -> f64 {
        self.chars as f64 / self.filled.max(1) as f64
    }

    /// Returns whether the values look like sentences.
    pub fn is_prose(&self) -> bool {
        let share = |count: usize| count as f64 / self.filled.max(1) as f64;
        self.mean_chars() >= MIN_PROSE_CHARS
            && share(self.words) >= MIN_PROSE_WORDS
            && (self.digits as f64) < MAX_PROSE_DIGITS * self.chars as f64
            && share(self.addresses) < 0.5
            && share(self.brackets) < 0.5
            && self.values.len() * 2 >= self.filled
    }

    /// Returns whether the values may be text: less than half are numbers, dates or URLs, each
    /// counted separately.
    pub fn may_be_text(&self) -> bool {
        let all = self.filled.max(1);
        2 * self.numbers < all && 2 * self.dates < all && 2 * self.addresses < all
    }

    /// Returns whether the values look like the names of a few classes.
    pub fn is_categorical(&self) -> bool {
        let distinct = self.values.len();
        let is_numbered = self.numbers == self.filled && distinct == self.filled && self.filled > 2;
        let is_constant = distinct < 2 && self.filled > 2;
        self.filled > 0
            && !self.is_prose()
            && distinct <= (self.filled / 2).max(2)
            && self.mean_chars() <= MAX_CATEGORY_CHARS
            && self.fractions == 0
            && self.addresses == 0
            && 2 * self.dates <= self.filled
            && !is_numbered
            && !is_constant
    }

    /// Returns whether the values may be labels if no other column is: no URLs, at most half dates,
    /// and some values repeated.
    pub fn may_be_labels(&self) -> bool {
        let is_repeated = self.filled < MIN_REPEATED || self.values.len() < self.filled;
        self.addresses == 0 && 2 * self.dates <= self.filled && is_repeated
    }

    /// Returns whether the values may be labels if the column name suggests it: short, and either
    /// repeated or too few to tell.
    pub fn may_be_named_labels(&self) -> bool {
        let is_repeated = self.filled < MIN_REPEATED || self.values.len() < self.filled;
        self.mean_chars() <= MAX_CATEGORY_CHARS
            && self.fractions == 0
            && self.addresses == 0
            && is_repeated
    }

    /// Returns whether there are enough values and each occurs at least twice on average.
    pub fn repeats(&self) -> bool {
        self.filled >= MIN_REPEATED && self.values.len() * 2 <= self.filled
    }

    /// Returns whether every value accepts or rejects its row, as in Prodigy's `answer`.
    pub fn is_decision(&self) -> bool {
        self.filled > 0
            && self
                .values
                .keys()
                .all(|value| matches!(value.as_str(), "accept" | "reject" | "ignore"))
    }

    /// Returns whether every value names a data split.
    pub fn is_split(&self) -> bool {
        let is_name = |value: &str| {
            matches!(
                value,
                "train"
                    | "training"
                    | "valid"
                    | "validation"
                    | "val"
                    | "dev"
                    | "eval"
                    | "test"
                    | "testing"
            )
        };
        self.filled > 0
            && self
                .values
                .keys()
                .all(|value| is_name(&value.to_lowercase()))
    }

    /// Returns whether every value is a number.
    pub fn is_numeric(&self) -> bool {
        self.filled > 0 && self.numbers == self.filled
    }
}

/// Returns the length of a cell as text, in alphabetic characters; 0 for a URL.
pub fn text_length(cell: &str) -> usize {
    if is_url(cell.trim()) {
        0
    } else {
        cell.chars()
            .map(|c| {
                if is_unspaced(c) {
                    CHARS_PER_UNSPACED
                } else {
                    1
                }
            })
            .sum()
    }
}

fn is_url(text: &str) -> bool {
    let has_scheme = ["http://", "https://", "www."]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    has_scheme && !text.contains(char::is_whitespace)
}

/// Returns whether a text is a date or a time: several numbers joined by punctuation, and no more
/// letters than digits.
fn is_date(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let parts = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .count();
    digits >= 4 && parts >= 2 && letters <= digits && text.contains(['-', '/', ':', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_classified_by_their_values() {
        for (values, expected) in [
            (
                &[
                    "the red boat waits near the pier",
                    "the tall tree drops its leaves",
                ][..],
                "prose",
            ),
            (&["เรือสีแดงจอดอยู่ใกล้ท่าน้ำ", "ต้นไม้สูงอยู่ข้างกำแพง"], "prose"),
            (
                &["这条船停在码头旁边很久了", "那棵树长得很高也很老"],
                "prose",
            ),
            (&["boat", "tree", "boat", "tree"], "categories"),
            (&["0", "1", "1", "0"], "categories"),
            (&["17", "18", "19", "20"], "neither"),
            (&["0.5", "0.25", "0.5", "0.25"], "neither"),
            (
                &[
                    "https://a.org/a/long/path/to/it",
                    "https://a.org/another/long/path",
                ],
                "neither",
            ),
            (
                &[
                    "Mon Apr 06 22:19:45 2009",
                    "Mon Apr 06 22:19:46 2009",
                    "Tue Apr 07 2:19:47 2009",
                ],
                "neither",
            ),
            (
                &["2014-02-03", "2014-02-03", "2015-02-03", "2015-02-03"],
                "neither",
            ),
            (&["same", "same", "same"], "neither"),
            (&["", "nan"], "neither"),
        ] {
            let profile = Profile::of(values.iter().map(|value| Cell::Text(value)));
            let found = match (profile.is_prose(), profile.is_categorical()) {
                (true, false) => "prose",
                (false, true) => "categories",
                (false, false) => "neither",
                (true, true) => "both",
            };
            assert_eq!(found, expected, "{values:?}");
        }
    }
}
