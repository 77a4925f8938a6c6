//! What a person should hear of the labels before a classifier learns them: names that differ by a slip, names that seem to
//! be several, and labels that almost no document carries.

use crate::error::DataError;
use crate::file::Warning;
use crate::labels::MAX_LABELS;
use crate::shown::quoted;
use protocol::LabelCount;
use std::collections::{BTreeMap, BTreeSet};
use unicode_normalization::UnicodeNormalization;

/// Labels on fewer training documents than this are as good as not taught.
const RARE: u64 = 3;

/// A misspelt label is this many times rarer than the right one, at least.
const TIMES_RARER: u64 = 10;

/// Shorter names differ by a letter on purpose.
const MIN_SPELT_CHARS: usize = 5;

/// What people write between several labels.
const SEPARATORS: [char; 4] = [',', ';', '|', '/'];

/// Names that a warning lists.
const LISTED: usize = 5;

/// What stands out among `counts`.
pub fn warnings(counts: &[LabelCount]) -> Vec<Warning> {
    [
        one(counts),
        alike(counts),
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

/// Labels of a person's map that no document has: a slip, as a rule.
pub fn unmapped(labels: &[String]) -> Option<Warning> {
    let listed = listed(labels.iter().map(String::as_str));
    let message = format!("no document has these labels of the label map: {listed}");
    (!labels.is_empty()).then_some(("unused-label-map", message))
}

/// One label is nothing to choose from: a person should hear that before they start a classifier.
fn one(counts: &[LabelCount]) -> Option<Warning> {
    let mut taught = counts.iter().filter(|count| count.train > 0);
    let label = taught
        .next()
        .filter(|_| taught.next().is_none())?
        .label
        .clone();
    let error = DataError::TooFewLabels { label };
    Some(("one-label", format!("{error}. {}", error.hint())))
}

/// Labels that differ in nothing but case, spaces, hyphens and underscores: a slip, as a rule.
fn alike(counts: &[LabelCount]) -> Option<Warning> {
    let alike: Vec<&str> = alike_groups(counts).into_iter().flatten().collect();
    let count = alike.len();
    let message = format!(
        "{count} labels differ only in case, spaces, hyphens, underscores or forms of characters and count as different \
         ones: {}",
        listed(alike.into_iter())
    );
    (count > 0).then_some(("similar-labels", message))
}

fn alike_groups(counts: &[LabelCount]) -> Vec<Vec<&str>> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for LabelCount { label, .. } in counts {
        groups.entry(letters(label)).or_default().push(label);
    }
    groups
        .into_values()
        .filter(|group| group.len() > 1)
        .collect()
}

/// The labels that differ from another one by a slip, each with the one that is meant: the more frequent one. `counts` are
/// in the order of their frequency.
pub fn merges(counts: &[LabelCount]) -> BTreeMap<String, String> {
    let alike = alike_groups(counts).into_iter().flat_map(|group| {
        let (meant, others) = group.split_first().expect("a group has members");
        others
            .iter()
            .map(|other| ((*other).to_string(), (*meant).to_string()))
            .collect::<Vec<_>>()
    });
    misspellings(counts).into_iter().chain(alike).collect()
}

/// A label in lower case, without what parts or ends its letters; -1 and 1 are two labels.
fn letters(label: &str) -> String {
    // As in a page on the web, and as in full-width forms.
    let plain = quick_xml::escape::unescape(label).unwrap_or(label.into());
    let chars: Vec<char> = plain.nfkc().collect();
    let is_by_letters = |place: usize| {
        let around = [
            place.checked_sub(1).map(|before| chars[before]),
            chars.get(place + 1).copied(),
        ];
        let around: Vec<char> = around.into_iter().flatten().collect();
        // A- is a mark of its own; a hyphen is a slip only where it parts letters.
        let beside = if chars[place] == '-' { 2 } else { 1 };
        around.len() >= beside && around.into_iter().all(char::is_alphabetic)
    };
    let is_slip = |place: usize| {
        (chars[place].is_whitespace() || matches!(chars[place], '-' | '_')) && is_by_letters(place)
    };
    (0..chars.len())
        .filter(|place| !is_slip(*place))
        .flat_map(|place| chars[place].to_lowercase())
        .collect()
}

/// Rare labels that are a letter from a frequent one. Names with digits differ by these on purpose.
fn misspelt(counts: &[LabelCount]) -> Option<Warning> {
    let misspelt = misspellings(counts);
    let count = misspelt.len();
    let shown = misspelt
        .iter()
        .map(|(label, meant)| format!("{} ({})", quoted(label), quoted(meant)));
    let message = format!(
        "{count} rare labels differ by one letter from a frequent one: {}",
        first_of(shown)
    );
    (count > 0).then_some(("misspelt-labels", message))
}

/// Rare labels that are a letter from a frequent one, each with that.
fn misspellings(counts: &[LabelCount]) -> Vec<(String, String)> {
    let is_spelt = |count: &&LabelCount| {
        count.label.chars().count() >= MIN_SPELT_CHARS
            && !count.label.contains(|letter: char| letter.is_numeric())
    };
    let frequent: Vec<&LabelCount> = counts
        .iter()
        .filter(|count| count.train >= TIMES_RARER)
        .filter(is_spelt)
        .take(MAX_COMPARED)
        .collect();
    let rare = counts
        .iter()
        .filter(|count| (1..RARE).contains(&count.train))
        .filter(is_spelt)
        .take(MAX_COMPARED);
    let meant = |rare: &LabelCount| {
        let is_meant = |other: &&&LabelCount| {
            other.train >= TIMES_RARER * rare.train && is_one_slip(&rare.label, &other.label)
        };
        Some((
            rare.label.clone(),
            frequent.iter().find(is_meant)?.label.clone(),
        ))
    };
    rare.filter_map(meant).collect()
}

/// Labels on each side that are compared letter by letter.
const MAX_COMPARED: usize = 1000;

/// Whether a letter too many, too few, wrong, or two that changed places make one word of the other.
fn is_one_slip(a: &str, b: &str) -> bool {
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

/// Labels that seem to be several, since each of their parts stands in another label too.
fn joined(counts: &[LabelCount]) -> Option<Warning> {
    // More are not learned, whatever they are.
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
        let message = format!(
            "{count} labels look like several with {between} between them: {names}; in a table --label-separator parts them, \
             in a line each begins with __label__"
        );
        (count > 1 && count > alone.len()).then_some(("joined-labels", message))
    })
}

/// Labels that seem to have caught a word of the text, since a separator stands within most of them.
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
    let message = format!(
        "labels seem to hold something of the text beside them: {}; in a line, a space stands behind each label",
        listed(found.into_iter())
    );
    (joined(counts).is_none()).then_some(("glued-labels", message))
}

/// What stands between the separators, each once.
fn parts(label: &str, separator: char) -> BTreeSet<&str> {
    label.split(separator).map(str::trim).collect()
}

fn rare(counts: &[LabelCount]) -> Option<Warning> {
    let taught = counts.iter().filter(|count| count.train > 0);
    let (all, rare) = (
        taught.clone().count(),
        taught.filter(|count| count.train < RARE),
    );
    let count = rare.clone().count();
    let message = format!(
        "labels on fewer than {RARE} training documents will hardly be learned; these are {count} of {all}: {}",
        listed(rare.map(|count| count.label.as_str()))
    );
    (count > 0).then_some(("rare-labels", message))
}

/// So many that no classifier will be made: a person should hear that before they start one.
fn too_many(counts: &[LabelCount]) -> Option<Warning> {
    let taught = counts.iter().filter(|count| count.train > 0).count();
    let error = DataError::TooManyLabels {
        labels: taught,
        limit: MAX_LABELS,
    };
    (taught > MAX_LABELS).then(|| ("too-many-labels", format!("{error}. {}", error.hint())))
}

/// The first of these names, in quotes.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    first_of(names.map(quoted))
}

fn first_of(mut names: impl Iterator<Item = String>) -> String {
    let shown = names.by_ref().take(LISTED).collect::<Vec<_>>().join(", ");
    if names.next().is_some() {
        format!("{shown}, …")
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(labels: &[(&str, u64)]) -> Vec<Warning> {
        let count = |(label, train): &(&str, u64)| LabelCount {
            label: (*label).into(),
            train: *train,
            ..LabelCount::default()
        };
        warnings(&labels.iter().map(count).collect::<Vec<_>>())
    }

    #[test]
    fn a_rare_label_a_letter_from_a_frequent_one_is_told() {
        let codes = |labels: &[(&str, u64)]| {
            told(labels)
                .iter()
                .map(|(code, _)| *code)
                .collect::<Vec<_>>()
        };
        let slip = told(&[
            ("politics", 90),
            ("sport", 40),
            ("politcs", 2),
            ("psort", 1),
        ]);
        assert_eq!(slip[0].0, "misspelt-labels");
        assert!(
            slip[0]
                .1
                .ends_with(": \"politcs\" (\"politics\"), \"psort\" (\"sport\")"),
            "{}",
            slip[0].1
        );
        for (a, b, is_slip) in [
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
                (is_one_slip(a, b), is_one_slip(b, a)),
                (is_slip, is_slip),
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
    fn slips_are_merged_into_the_label_that_is_meant() {
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
    fn a_single_label_is_told() {
        let found = told(&[("fr", 9), ("de", 0)]);
        assert_eq!((found.len(), found[0].0), (1, "one-label"));
        assert!(
            found[0]
                .1
                .contains("the same label, \"fr\". Give training lines with"),
            "{}",
            found[0].1
        );
    }

    #[test]
    fn more_labels_than_can_be_learned_are_told() {
        let names: Vec<String> = (0..=MAX_LABELS)
            .map(|number| format!("number {number}"))
            .collect();
        let labels: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 9)).collect();
        let codes = |labels: &[(&str, u64)]| {
            told(labels)
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
    fn labels_that_seem_to_be_several_are_told() {
        let joined = |labels: &[&str]| {
            let told = told(&labels.iter().map(|label| (*label, 9)).collect::<Vec<_>>());
            told.into_iter()
                .find(|(code, _)| *code == "joined-labels")
                .map(|(_, message)| message)
        };
        let message = joined(&["red, blue", "blue", "green", "red", "green, red"]).expect("told");
        assert!(
            message.starts_with("2 labels")
                && message.contains("\",\" between them: \"red, blue\""),
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
    fn slips_and_rare_labels_are_told_by_name() {
        for labels in [
            ["c", "c++", "c#"],
            ["A", "A-", "B-"],
            ["-1", "0", "1"],
            ["12", "1-2", "1 2"],
        ] {
            assert_eq!(told(&labels.map(|label| (label, 9))), [], "{labels:?}");
        }
        let slips = told(&[
            ("Sci Fi", 9),
            ("sci-fi_", 4),
            ("drama", 8),
            ("x_y", 3),
            ("XY", 3),
        ]);
        assert_eq!((slips.len(), slips[0].0), (1, "similar-labels"));
        assert!(
            slips[0].1.starts_with("4 labels")
                && slips[0]
                    .1
                    .ends_with(": \"Sci Fi\", \"sci-fi_\", \"x_y\", \"XY\""),
            "{}",
            slips[0].1
        );
        // A label of held-out documents only is told of where it is measured.
        let rare = told(&[("a", 9), ("b", 2), ("c", 1), ("d", 0)]);
        assert_eq!((rare.len(), rare[0].0), (1, "rare-labels"));
        assert!(
            rare[0].1.contains("these are 2 of 3") && rare[0].1.ends_with(": \"b\", \"c\""),
            "{}",
            rare[0].1
        );
        assert!(
            told(&["a", "b", "c", "d", "e", "f"].map(|label| (label, 1)))[0]
                .1
                .ends_with("\"e\", …")
        );
    }
}
