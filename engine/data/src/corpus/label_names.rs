//! Warnings about label names, given before a classifier is trained: names that differ by a typo,
//! names that seem to combine several labels, and labels with very few documents.

use crate::error::DataError;
use crate::labels::MAX_LABELS;
use crate::reading::warning::Warning;
use crate::text::shown::quoted;
use protocol::LabelCount;
use protocol::{Setting, message};
use std::collections::{BTreeMap, BTreeSet};
use unicode_normalization::UnicodeNormalization;

/// Labels with fewer training documents than this can hardly be learned.
const MIN_DOCUMENTS: u64 = 3;

/// Minimum ratio between the frequencies of a label and its misspelling.
const MIN_FREQUENCY_RATIO: u64 = 10;

/// Minimum length for typo detection: shorter names often differ by one letter on purpose.
const MIN_TYPO_CHARS: usize = 5;

/// Characters commonly written between several labels.
const SEPARATORS: [char; 4] = [',', ';', '|', '/'];

/// Maximum names listed in a warning.
const MAX_LISTED: usize = 5;

/// Returns all warnings about the labels in `counts`.
pub fn warnings(counts: &[LabelCount]) -> Vec<Warning> {
    [
        single_label(counts),
        similar(counts),
        misspelt(counts),
        joined(counts),
        glued(counts),
        rare(counts),
        too_many(counts),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Warns about entries of the label map that no document has, usually typos.
pub fn unmapped(labels: &[String]) -> Option<Warning> {
    let listed = listed(labels.iter().map(String::as_str));
    let message = message!(
        "no document has these labels from the label map: {labels}",
        labels = listed
    );
    (!labels.is_empty()).then_some(("unused-label-map", message))
}

/// Warns if there is only one label, which no classifier can be trained on.
fn single_label(counts: &[LabelCount]) -> Option<Warning> {
    let mut in_training = counts.iter().filter(|count| count.train > 0);
    let label = in_training
        .next()
        .filter(|_| in_training.next().is_none())?
        .label
        .clone();
    let error = DataError::TooFewLabels { label };
    Some((
        "one-label",
        message!(
            "{error}. {hint}",
            error = error.message(),
            hint = error.hint()
        ),
    ))
}

/// Warns about labels that differ only in case, spaces, hyphens and underscores, usually typos.
fn similar(counts: &[LabelCount]) -> Option<Warning> {
    let similar: Vec<&str> = similar_groups(counts).into_iter().flatten().collect();
    let count = similar.len();
    let message = message!(
        "{count} labels differ only in case, spaces, hyphens, underscores or character variants and are treated as different labels: {labels}",
        count,
        labels = listed(similar.into_iter())
    );
    (count > 0).then_some(("similar-labels", message))
}

fn similar_groups(counts: &[LabelCount]) -> Vec<Vec<&str>> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for LabelCount { label, .. } in counts {
        groups.entry(normalised(label)).or_default().push(label);
    }
    groups
        .into_values()
        .filter(|group| group.len() > 1)
        .collect()
}

/// Maps each label that differs from another one by a typo to the more frequent one. `counts` must
/// be sorted by descending frequency.
pub fn merges(counts: &[LabelCount]) -> BTreeMap<String, String> {
    let similar = similar_groups(counts).into_iter().flat_map(|group| {
        let (meant, others) = group.split_first().expect("a group has members");
        others
            .iter()
            .map(|other| ((*other).to_string(), (*meant).to_string()))
            .collect::<Vec<_>>()
    });
    misspellings(counts).into_iter().chain(similar).collect()
}

/// Normalises a label for comparison: lower case, without separators between or after letters. `-1`
/// and `1` remain distinct.
fn normalised(label: &str) -> String {
    // HTML entities and full-width forms count as the characters they stand for.
    let plain = quick_xml::escape::unescape(label).unwrap_or(label.into());
    let chars: Vec<char> = plain.nfkc().collect();
    let is_next_to_letters = |index: usize| {
        let neighbours = [
            index.checked_sub(1).map(|before| chars[before]),
            chars.get(index + 1).copied(),
        ];
        let neighbours: Vec<char> = neighbours.into_iter().flatten().collect();
        // `A-` is a grade of its own: a hyphen is dropped only between two letters.
        let needed = if chars[index] == '-' { 2 } else { 1 };
        neighbours.len() >= needed && neighbours.into_iter().all(char::is_alphabetic)
    };
    let is_separator = |index: usize| {
        (chars[index].is_whitespace() || matches!(chars[index], '-' | '_'))
            && is_next_to_letters(index)
    };
    (0..chars.len())
        .filter(|index| !is_separator(*index))
        .flat_map(|index| chars[index].to_lowercase())
        .collect()
}

/// Warns about rare labels that differ by one letter from a frequent one. Names with digits are
/// skipped, since those often differ on purpose.
fn misspelt(counts: &[LabelCount]) -> Option<Warning> {
    let misspelt = misspellings(counts);
    let count = misspelt.len();
    let shown = misspelt
        .iter()
        .map(|(label, meant)| format!("{} ({})", quoted(label), quoted(meant)));
    let message = message!(
        "rare labels differ by one letter from a frequent one ({count}): {labels}",
        count,
        labels = first_of(shown)
    );
    (count > 0).then_some(("misspelt-labels", message))
}

/// Returns each rare label that is one letter away from a frequent one, with that label.
fn misspellings(counts: &[LabelCount]) -> Vec<(String, String)> {
    let is_candidate = |count: &&LabelCount| {
        count.label.chars().count() >= MIN_TYPO_CHARS
            && !count.label.contains(|letter: char| letter.is_numeric())
    };
    let frequent: Vec<&LabelCount> = counts
        .iter()
        .filter(|count| count.train >= MIN_FREQUENCY_RATIO)
        .filter(is_candidate)
        .take(MAX_COMPARED)
        .collect();
    let rare = counts
        .iter()
        .filter(|count| (1..MIN_DOCUMENTS).contains(&count.train))
        .filter(is_candidate)
        .take(MAX_COMPARED);
    let meant = |rare: &LabelCount| {
        let is_meant = |other: &&&LabelCount| {
            other.train >= MIN_FREQUENCY_RATIO * rare.train
                && is_one_typo(&rare.label, &other.label)
        };
        Some((
            rare.label.clone(),
            frequent.iter().find(is_meant)?.label.clone(),
        ))
    };
    rare.filter_map(meant).collect()
}

/// Maximum number of rare and of frequent labels compared with each other.
const MAX_COMPARED: usize = 1000;

/// Returns whether two names differ by exactly one insertion, deletion, substitution or
/// transposition of adjacent letters.
fn is_one_typo(a: &str, b: &str) -> bool {
    let from_start = a
        .chars()
        .zip(b.chars())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum::<usize>();
    let (a, b) = (&a[from_start..], &b[from_start..]);
    let from_end = a
        .chars()
        .rev()
        .zip(b.chars().rev())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum::<usize>();
    let mut rest = [&a[..a.len() - from_end], &b[..b.len() - from_end]]
        .map(|rest| rest.chars().take(3).collect::<Vec<_>>());
    rest.sort_by_key(Vec::len);
    match [rest[0].as_slice(), rest[1].as_slice()] {
        [[], [_]] | [[_], [_]] => true,
        [[a, b], [c, d]] => (a, b) == (d, c),
        _ => false,
    }
}

/// Warns about labels that seem to combine several labels, because each of their parts also occurs
/// in another label.
fn joined(counts: &[LabelCount]) -> Option<Warning> {
    // Labels beyond this limit are never trained on.
    let labels = || {
        counts
            .iter()
            .take(MAX_LABELS)
            .map(|count| count.label.as_str())
    };
    SEPARATORS.iter().find_map(|&separator| {
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        let is_joined = |label: &&str| label.contains(separator);
        labels().filter(|label| !is_joined(label)).for_each(|label| *found.entry(label).or_default() += 1);
        labels().filter(is_joined).flat_map(|label| parts(label, separator)).for_each(|part| *found.entry(part).or_default() += 1);
        let stand_elsewhere = |label: &&str| parts(label, separator).iter().all(|part| !part.is_empty() && found[part] > 1);
        let (joined, alone): (Vec<_>, Vec<_>) = labels().filter(is_joined).partition(stand_elsewhere);
        let (count, names, between) = (joined.len(), listed(joined.iter().copied()), quoted(&separator.to_string()));
        let message = message!("{count} labels look like several labels separated by {separator}: {names}; in a table, split them with {label_separator}; in a line of text, start each label with __label__", count, separator = between, names, label_separator = Setting::named("label-separator"));
        (count > 1 && count > alone.len()).then_some(("joined-labels", message))
    })
}

/// Warns about labels that seem to include a word of the text: most contain a separator, or some
/// end in punctuation.
fn glued(counts: &[LabelCount]) -> Option<Warning> {
    let labels = || {
        counts
            .iter()
            .take(MAX_LABELS)
            .map(|count| count.label.as_str())
    };
    let is_glued = |separator: char| {
        move |label: &&str| {
            let mut parts = label.split(separator);
            let has_spaces = label.contains(char::is_whitespace);
            parts.clone().count() == 2 && parts.all(|part| !part.is_empty()) && !has_spaces
        }
    };
    let ends_sentence =
        |label: &&str| label.ends_with(['.', ':', '!', '?']) && label.chars().count() > 2;
    let found = [',', ';', '|', ':'].into_iter().find_map(|separator| {
        let glued: Vec<&str> = labels().filter(is_glued(separator)).collect();
        (glued.len() > 1 && 2 * glued.len() > labels().count()).then_some(glued)
    });
    let found = found.or_else(|| {
        let ended: Vec<&str> = labels().filter(ends_sentence).collect();
        (!ended.is_empty()).then_some(ended)
    })?;
    let message = message!(
        "labels seem to include some of the text next to them: {labels}; in a line of text, put a space after each label",
        labels = listed(found.into_iter())
    );
    (joined(counts).is_none()).then_some(("glued-labels", message))
}

/// Returns the distinct trimmed parts of a label.
fn parts(label: &str, separator: char) -> BTreeSet<&str> {
    label.split(separator).map(str::trim).collect()
}

fn rare(counts: &[LabelCount]) -> Option<Warning> {
    let in_training = counts.iter().filter(|count| count.train > 0);
    let (all, rare) = (
        in_training.clone().count(),
        in_training.filter(|count| count.train < MIN_DOCUMENTS),
    );
    let count = rare.clone().count();
    let message = message!(
        "labels with fewer than {limit} training documents will probably not be learned ({count} of {all}): {labels}",
        limit = MIN_DOCUMENTS,
        count,
        all,
        labels = listed(rare.map(|count| count.label.as_str()))
    );
    (count > 0).then_some(("rare-labels", message))
}

/// Warns if there are more labels than a classifier may have.
fn too_many(counts: &[LabelCount]) -> Option<Warning> {
    let in_training = counts.iter().filter(|count| count.train > 0).count();
    let error = DataError::TooManyLabels {
        labels: in_training,
        limit: MAX_LABELS,
    };
    (in_training > MAX_LABELS).then(|| {
        (
            "too-many-labels",
            message!(
                "{error}. {hint}",
                error = error.message(),
                hint = error.hint()
            ),
        )
    })
}

/// Quotes and lists the first names, separated by commas.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    first_of(names.map(quoted))
}

fn first_of(mut names: impl Iterator<Item = String>) -> String {
    let shown = names
        .by_ref()
        .take(MAX_LISTED)
        .collect::<Vec<_>>()
        .join(", ");
    if names.next().is_some() {
        format!("{shown}, …")
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings_for(labels: &[(&str, u64)]) -> Vec<Warning> {
        let count = |(label, train): &(&str, u64)| LabelCount {
            label: (*label).into(),
            train: *train,
            ..LabelCount::default()
        };
        warnings(&labels.iter().map(count).collect::<Vec<_>>())
    }

    #[test]
    fn misspelt_labels_are_reported() {
        let codes = |labels: &[(&str, u64)]| {
            warnings_for(labels)
                .iter()
                .map(|(code, _)| *code)
                .collect::<Vec<_>>()
        };
        let typos = warnings_for(&[
            ("politics", 90),
            ("sport", 40),
            ("politcs", 2),
            ("psort", 1),
        ]);
        assert_eq!(typos[0].0, "misspelt-labels");
        assert!(
            typos[0]
                .1
                .to_string()
                .ends_with(": \"politcs\" (\"politics\"), \"psort\" (\"sport\")"),
            "{}",
            typos[0].1
        );
        for (a, b, is_typo) in [
            ("sport", "spot", true),
            ("sport", "sports", true),
            ("sport", "spört", true),
            ("sport", "psort", true),
            ("sport", "sport", false),
            ("sport", "troop", false),
            ("sport", "sporting", false),
            ("sport", "strop", false),
            ("aab", "ab", true),
            ("กีฬา", "กฬา", true),
        ] {
            assert_eq!(
                (is_one_typo(a, b), is_one_typo(b, a)),
                (is_typo, is_typo),
                "{a} {b}"
            );
        }
        for labels in [
            [("movies", 90), ("movie", 60)],
            [("class 1", 90), ("class 2", 1)],
            [("good", 90), ("food", 1)],
            [("sports", 9), ("sport", 1)],
        ] {
            assert!(!codes(&labels).contains(&"misspelt-labels"), "{labels:?}");
        }
    }

    #[test]
    fn typos_are_merged_into_the_more_frequent_label() {
        let count = |(label, train): (&str, u64)| LabelCount {
            label: label.into(),
            train,
            ..LabelCount::default()
        };
        let counts = [
            ("politics", 90),
            ("Sci Fi", 9),
            ("sci-fi", 4),
            ("politcs", 2),
            ("music", 2),
        ]
        .map(count);
        let merges = merges(&counts).into_iter().collect::<Vec<_>>();
        let pair = |from: &str, to: &str| (from.to_string(), to.to_string());
        assert_eq!(
            merges,
            [pair("politcs", "politics"), pair("sci-fi", "Sci Fi")]
        );
    }

    #[test]
    fn a_single_label_is_reported() {
        let found = warnings_for(&[("fr", 9), ("de", 0)]);
        assert_eq!((found.len(), found[0].0), (1, "one-label"));
        assert!(
            found[0]
                .1
                .to_string()
                .contains("the same label, \"fr\". Use training documents with"),
            "{}",
            found[0].1
        );
    }

    #[test]
    fn too_many_labels_are_reported() {
        let names: Vec<String> = (0..=MAX_LABELS)
            .map(|number| format!("number {number}"))
            .collect();
        let labels: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 9)).collect();
        let codes = |labels: &[(&str, u64)]| {
            warnings_for(labels)
                .iter()
                .map(|(code, _)| *code)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (codes(&labels), codes(&labels[1..])),
            (vec!["too-many-labels"], vec![])
        );
    }

    #[test]
    fn joined_labels_are_reported() {
        let joined = |labels: &[&str]| {
            let warnings =
                warnings_for(&labels.iter().map(|label| (*label, 9)).collect::<Vec<_>>());
            warnings
                .into_iter()
                .find(|(code, _)| *code == "joined-labels")
                .map(|(_, message)| message)
        };
        let message = joined(&["red, blue", "blue", "green", "red", "green, red"])
            .expect("told")
            .to_string();
        assert!(
            message.starts_with("2 labels")
                && message.contains("separated by \",\": \"red, blue\""),
            "{message}"
        );
        assert!(joined(&["a;b", "b;c", "a;c"]).is_some());
        for labels in [
            &["sales, north", "sales, south"][..],
            &["a;b", "a", "b"],
            &["and/or", "either/or", "or"],
            &["a,", ",b"],
        ] {
            assert_eq!(joined(labels), None, "{labels:?}");
        }
    }

    #[test]
    fn similar_and_rare_labels_are_reported_by_name() {
        for labels in [
            ["c", "c++", "c#"],
            ["A", "A-", "B-"],
            ["-1", "0", "1"],
            ["12", "1-2", "1 2"],
        ] {
            assert_eq!(
                warnings_for(&labels.map(|label| (label, 9))),
                [],
                "{labels:?}"
            );
        }
        let warnings = warnings_for(&[
            ("Sci Fi", 9),
            ("sci-fi_", 4),
            ("drama", 8),
            ("x_y", 3),
            ("XY", 3),
        ]);
        assert_eq!((warnings.len(), warnings[0].0), (1, "similar-labels"));
        assert!(
            warnings[0].1.to_string().starts_with("4 labels")
                && warnings[0]
                    .1
                    .to_string()
                    .ends_with(": \"Sci Fi\", \"sci-fi_\", \"x_y\", \"XY\""),
            "{}",
            warnings[0].1
        );
        // Labels that occur only in held-out documents are reported during evaluation instead.
        let rare = warnings_for(&[("a", 9), ("b", 2), ("c", 1), ("d", 0)]);
        assert_eq!((rare.len(), rare[0].0), (1, "rare-labels"));
        assert!(
            rare[0].1.to_string().contains("(2 of 3)")
                && rare[0].1.to_string().ends_with(": \"b\", \"c\""),
            "{}",
            rare[0].1
        );
        assert!(
            warnings_for(&["a", "b", "c", "d", "e", "f"].map(|label| (label, 1)))[0]
                .1
                .to_string()
                .ends_with("\"e\", …")
        );
    }
}
