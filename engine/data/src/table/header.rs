//! Whether the first row of a separated text names its columns: a name that is known says so, or a first row unlike all
//! that follow, in any language.

use super::names;
use super::profile::text_length;
use super::values;
use std::collections::BTreeMap;

/// A name is shorter than the texts below it by this factor, at least.
const SHORTER: usize = 3;
/// Rows below the first one from which a value that comes only once says something.
const MIN_ROWS: usize = 6;
/// How often the values of a column come, on average, where a value that comes once stands out.
const MIN_REPETITION: usize = 3;

/// Whether the first of `rows` is a header. `named` are names that a person asks for.
pub fn is_header(rows: &[Vec<&str>], named: &[&str]) -> bool {
    let Some((first, below)) = rows.split_first() else {
        return false;
    };
    // A number asks for a column by its place.
    let is_asked = |cell: &str| {
        !cell.is_empty()
            && cell.parse::<usize>().is_err()
            && named.iter().any(|name| name.eq_ignore_ascii_case(cell))
    };
    let repeats = |column: usize| below.iter().any(|row| row.get(column) == first.get(column));
    let known = (0..first.len())
        .filter(|column| !repeats(*column))
        .map(|column| first[column].trim());
    let known = known
        .filter(|cell| names::is_known(cell) || is_asked(cell))
        .count();
    if known > 0 && !repeats_below(first, below) {
        return true;
    }
    if counts_columns(first) && below.first().is_some_and(|row| !counts_columns(row)) {
        return true;
    }
    let evidence = (0..first.len()).map(|column| evidence(first[column].trim(), below, column));
    let (speaks_for, speaks_against) = evidence.fold((0, 0), |(is, is_not), found| match found {
        Some(true) => (is + 1, is_not),
        Some(false) => (is, is_not + 1),
        None => (is, is_not),
    });
    speaks_for > speaks_against
}

/// Whether the cells are the numbers of their columns, as pandas names those without names.
fn counts_columns(row: &[&str]) -> bool {
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

/// Whether the first row is one of the rows below, so that it is one like them.
fn repeats_below(first: &[&str], below: &[Vec<&str>]) -> bool {
    below.iter().any(|row| row.as_slice() == first)
}

/// What a column says of its first cell: that it is a name, that it is a value, or nothing.
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
        // A year may be a name, but hardly above numbers.
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
    let is_shorter = text_length(first) * SHORTER <= mean && text_length(first) < shortest;
    // A word or two above a text of more words.
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
    fn a_header_is_unlike_its_rows_in_any_language() {
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
