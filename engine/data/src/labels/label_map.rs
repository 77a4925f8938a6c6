//! Renames labels by a user-defined map.

use protocol::LabelMap;
use std::collections::BTreeSet;

/// Renames labels and records which labels of the map occurred.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Renaming {
    found: BTreeSet<String>,
}

impl Renaming {
    /// Renames `labels`, removes duplicates, and drops those mapped to `None`.
    pub fn apply(&mut self, map: &LabelMap, labels: &mut Vec<String>) {
        if map.is_empty() {
            return;
        }
        let mut renamed: Vec<String> = Vec::new();
        for label in labels.drain(..) {
            let label = match map.get(&label) {
                Some(new) => {
                    self.found.insert(label);
                    let Some(new) = new else { continue };
                    new.clone()
                }
                None => label,
            };
            if !renamed.contains(&label) {
                renamed.push(label);
            }
        }
        *labels = renamed;
    }

    /// Adds the labels found in another file.
    pub fn join(&mut self, other: Self) {
        self.found.extend(other.found);
    }

    /// Returns the labels of the map that did not occur.
    pub fn unused(&self, map: &LabelMap) -> Vec<String> {
        map.keys()
            .filter(|label| !self.found.contains(*label))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_renamed_once_and_unused_entries_are_known() {
        let map: LabelMap = [("a", Some("b")), ("c", None), ("d", Some("e"))]
            .map(|(old, new)| (old.into(), new.map(String::from)))
            .into();
        let mut renaming = Renaming::default();
        let mut labels = ["a", "b", "c", "x"].map(String::from).to_vec();
        renaming.apply(&map, &mut labels);
        assert_eq!(
            (labels, renaming.unused(&map)),
            (vec!["b".to_string(), "x".into()], vec!["d".to_string()])
        );
    }
}
