//! What a person should hear of the labels before a classifier learns them: names that differ by a slip, and labels that
//! almost no document carries.

use crate::data::error::{DataError, quoted};
use crate::data::file::Warning;
use crate::data::labels::MOST_LABELS;
use protocol::LabelCount;
use std::collections::BTreeMap;

/// Labels on fewer training documents than this are as good as not taught.
const RARE: u64 = 3;

/// Names that a warning lists.
const LISTED: usize = 5;

/// What stands out among `counts`.
pub fn warnings(counts: &[LabelCount]) -> Vec<Warning> {
    [alike(counts), rare(counts), too_many(counts)].into_iter().flatten().collect()
}

/// Labels that differ in nothing but case, spaces, hyphens and underscores: a slip, as a rule.
fn alike(counts: &[LabelCount]) -> Option<Warning> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for LabelCount { label, .. } in counts {
        groups.entry(letters(label)).or_default().push(label);
    }
    let alike: Vec<&str> = groups.into_values().filter(|group| group.len() > 1).flatten().collect();
    let count = alike.len();
    let message = format!(
        "{count} labels differ only in case, spaces, hyphens or underscores and count as different ones: {}",
        listed(alike.into_iter())
    );
    (count > 0).then_some(("similar-labels", message))
}

/// A label in lower case, without what parts or ends its letters; -1 and 1 are two labels.
fn letters(label: &str) -> String {
    let chars: Vec<char> = label.chars().collect();
    let is_by_letters = |place: usize| {
        let around = [place.checked_sub(1).map(|before| chars[before]), chars.get(place + 1).copied()];
        let around: Vec<char> = around.into_iter().flatten().collect();
        // A- is a mark of its own; a hyphen is a slip only where it parts letters.
        let beside = if chars[place] == '-' { 2 } else { 1 };
        around.len() >= beside && around.into_iter().all(char::is_alphabetic)
    };
    let is_slip =
        |place: usize| (chars[place].is_whitespace() || matches!(chars[place], '-' | '_')) && is_by_letters(place);
    (0..chars.len()).filter(|place| !is_slip(*place)).flat_map(|place| chars[place].to_lowercase()).collect()
}

fn rare(counts: &[LabelCount]) -> Option<Warning> {
    let taught = counts.iter().filter(|count| count.train > 0);
    let (all, rare) = (taught.clone().count(), taught.filter(|count| count.train < RARE));
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
    let error = DataError::TooManyLabels { labels: taught, limit: MOST_LABELS };
    (taught > MOST_LABELS).then(|| ("too-many-labels", format!("{error}. {}", error.hint())))
}

/// The first of these names, in quotes.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names.map(quoted);
    let shown = names.by_ref().take(LISTED).collect::<Vec<_>>().join(", ");
    if names.next().is_some() { format!("{shown}, …") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_rare_labels_are_told_by_name() {
        let told = |labels: &[(&str, u64)]| {
            let count = |(label, train): &(&str, u64)| LabelCount {
                label: (*label).into(),
                train: *train,
                ..LabelCount::default()
            };
            warnings(&labels.iter().map(count).collect::<Vec<_>>())
        };
        for labels in [["c", "c++", "c#"], ["A", "A-", "B-"], ["-1", "0", "1"], ["12", "1-2", "1 2"]] {
            assert_eq!(told(&labels.map(|label| (label, 9))), [], "{labels:?}");
        }
        let slips = told(&[("Sci Fi", 9), ("sci-fi_", 4), ("drama", 8), ("x_y", 3), ("XY", 3)]);
        assert_eq!((slips.len(), slips[0].0), (1, "similar-labels"));
        assert!(
            slips[0].1.starts_with("4 labels") && slips[0].1.ends_with(": \"Sci Fi\", \"sci-fi_\", \"x_y\", \"XY\""),
            "{}",
            slips[0].1
        );
        // A label of held-out documents only is told of where it is measured.
        let rare = told(&[("a", 9), ("b", 2), ("c", 1), ("d", 0)]);
        assert_eq!((rare.len(), rare[0].0), (1, "rare-labels"));
        assert!(rare[0].1.contains("these are 2 of 3") && rare[0].1.ends_with(": \"b\", \"c\""), "{}", rare[0].1);
        assert!(told(&["a", "b", "c", "d", "e", "f"].map(|label| (label, 1)))[0].1.ends_with("\"e\", …"));
    }
}
