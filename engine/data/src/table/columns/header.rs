//! Detects whether the first row of a separated text is a header: it contains a known column name,
//! or it differs from all rows below, in any language.

use crate::table::columns::pair_names;
use crate::table::columns::profile::text_length;
use crate::table::columns::values;
use std::collections::BTreeMap;

/// A column name is shorter than the mean of the texts below it by at least this factor.
const MIN_LENGTH_RATIO: usize = 3;
/// Minimum number of filled cells in a column to judge whether its values repeat.
const MIN_ROWS: usize = 6;
/// Minimum mean number of occurrences per value for a unique first cell to stand out.
const MIN_REPETITION: usize = 3;

/// Returns whether the first of `rows` is a header. `requested` are the column names that the user
/// requests.
pub fn is_header(rows: &[Vec<&str>], requested: &[&str]) -> bool {
    let Some((first, below)) = rows.split_first() else {
        return false;
    };
    // A number requests a column by its position.
    let is_requested = |cell: &str| {
        !cell.is_empty()
            && cell.parse::<usize>().is_err()
            && requested.iter().any(|name| name.eq_ignore_ascii_case(cell))
    };
    let repeats = |column: usize| below.iter().any(|row| row.get(column) == first.get(column));
    let known = (0..first.len())
        .filter(|column| !repeats(*column))
        .map(|column| first[column].trim());
    let known = known
        .filter(|cell| pair_names::is_known(cell) || is_requested(cell))
        .count();
    if known > 0 && !repeats_below(first, below) {
        return true;
    }
    if are_column_numbers(first) && below.first().is_some_and(|row| !are_column_numbers(row)) {
        return true;
    }
    let evidence = (0..first.len()).map(|column| evidence(first[column].trim(), below, column));
    let (votes_for, votes_against) = evidence.fold((0, 0), |(is, is_not), found| match found {
        Some(true) => (is + 1, is_not),
        Some(false) => (is, is_not + 1),
        None => (is, is_not),
    });
    votes_for > votes_against
}

/// Returns whether the cells number their columns, as pandas names columns without names.
fn are_column_numbers(row: &[&str]) -> bool {
    let numbers: Option<Vec<usize>> = row.iter().map(|cell| cell.trim().parse().ok()).collect();
    numbers.is_some_and(|numbers| {
        let first = numbers.first().copied().unwrap_or_default();
        first <= 1
            && numbers.len() > 1
            && numbers
                .iter()
                .enumerate()
                .all(|(place, number)| *number == first + place)
    })
}

/// Returns whether the first row occurs again below, which makes it an ordinary row.
fn repeats_below(first: &[&str], below: &[Vec<&str>]) -> bool {
    below.iter().any(|row| row.as_slice() == first)
}

/// Returns whether a column suggests that its first cell is a name (`true`) or a value (`false`),
/// or `None` if it suggests neither.
fn evidence(first: &str, below: &[Vec<&str>], column: usize) -> Option<bool> {
    let cells: Vec<&str> = below
        .iter()
        .filter_map(|row| row.get(column))
        .map(|cell| cell.trim())
        .collect();
    let filled: Vec<&str> = cells
        .iter()
        .copied()
        .filter(|cell| !values::is_missing(cell))
        .collect();
    if filled.is_empty() || first.is_empty() {
        return None;
    }
    let is_number = |cell: &str| cell.parse::<f64>().is_ok();
    let numbers = filled.iter().filter(|cell| is_number(cell)).count();
    if is_number(first) {
        // A name may be a number, such as a year, but rarely is.
        return Some(false);
    }
    if numbers == filled.len() {
        return Some(true);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    filled
        .iter()
        .for_each(|cell| *counts.entry(cell).or_default() += 1);
    let repeats = filled.len() >= MIN_ROWS && counts.len() * MIN_REPETITION <= filled.len();
    if repeats {
        return Some(!counts.contains_key(first));
    }
    let lengths: Vec<usize> = filled.iter().map(|cell| text_length(cell)).collect();
    let mean = lengths.iter().sum::<usize>() / lengths.len();
    let shortest = lengths.iter().copied().min().unwrap_or_default();
    let few_words = first.split_whitespace().count() <= 3;
    let is_shorter = text_length(first) * MIN_LENGTH_RATIO <= mean && text_length(first) < shortest;
    // One or two words above texts of more words.
    let words = |cell: &str| cell.split_whitespace().count();
    let above_words = words(first) <= 2 && filled.iter().all(|cell| words(cell) > 2);
    if few_words && (is_shorter || above_words) {
        return Some(true);
    }
    (mean >= 20 && text_length(first) * 2 >= mean).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[&str], expected: bool) {
        let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.split('|').collect()).collect();
        assert_eq!(is_header(&rows, &["kind"]), expected, "{rows:?}");
    }

    #[test]
    fn headers_are_detected_in_any_language() {
        let labelled = |first: &'static str, text: &'static str| {
            let mut rows = vec![first];
            for _ in 0..3 {
                rows.extend([
                    text,
                    "这棵树长在墙的后面很久了|树",
                    "这首歌在收音机里响起来了|歌",
                ]);
            }
            rows
        };
        check(&labelled("文本|标签", "这条红船停在码头的旁边|船"), true);
        check(
            &labelled("那条蓝船停在码头的旁边|船", "这条红船停在码头的旁边|船"),
            false,
        );
        check(
            &[
                "ข้อความ|ป้าย",
                "เรือสีแดงจอดอยู่ใกล้ท่าน้ำ|boat",
                "ต้นไม้สูงอยู่ข้างกำแพง|tree",
            ],
            true,
        );
        check(&["0|1", "a text|x", "another|y"], true);
        check(&["text|label", "a b|x"], true);
        check(&["what|kind", "a b|x"], true);
        check(
            &[
                "Beschreibung|Nummer",
                "a text of some words|7",
                "another such text|8",
            ],
            true,
        );
        check(&["a long text|x", "another one|y"], false);
        check(
            &[
                "how far is it|question",
                "it is near|answer",
                "who is that|question",
            ],
            false,
        );
        check(
            &[
                "1|Note on a boat|the boat waits near the pier",
                "2|Note on a tree|the tree drops its leaves",
            ],
            false,
        );
        check(&["a text of words|0", "another text of words|1"], false);
        check(&[], false);
    }
}
