//! What a person should hear of the labels before a classifier learns them: names that differ by a slip, and labels that
//! almost no document carries.

use crate::data::error::quoted;
use crate::data::file::Warning;
use protocol::LabelCount;
use std::collections::BTreeMap;

/// Labels on fewer training documents than this are as good as not taught.
const RARE: u64 = 3;

/// Names that a warning lists.
const LISTED: usize = 5;

/// What stands out among `counts`.
pub fn warnings(counts: &[LabelCount]) -> Vec<Warning> {
    [alike(counts), rare(counts)].into_iter().flatten().collect()
}

/// Labels that differ in nothing but case, spaces, hyphens and underscores: a slip, as a rule.
fn alike(counts: &[LabelCount]) -> Option<Warning> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for LabelCount { label, .. } in counts {
        let letters = label.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_'));
        groups.entry(letters.flat_map(char::to_lowercase).collect()).or_default().push(label);
    }
    let groups: Vec<Vec<&str>> = groups.into_values().filter(|group| group.len() > 1).collect();
    let (first, count) = (groups.first()?, groups.iter().map(Vec::len).sum::<usize>());
    let message = format!(
        "{count} labels differ only in case, spaces, hyphens or underscores and count as different ones: {}",
        listed(first.iter().copied())
    );
    Some(("similar-labels", message))
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
        assert_eq!(told(&[("c", 9), ("c++", 9), ("c#", 9), ("", 9)]), []);
        let slips = told(&[("Sci Fi", 9), ("sci-fi", 4), ("drama", 8), ("x_y", 3), ("XY", 3)]);
        assert_eq!((slips.len(), slips[0].0), (1, "similar-labels"));
        assert!(
            slips[0].1.starts_with("4 labels") && slips[0].1.ends_with(": \"Sci Fi\", \"sci-fi\""),
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
