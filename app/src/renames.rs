//! Renaming of labels: how successive changes combine.

use protocol::LabelMap;

/// Renames the label currently shown as `label`; `None` deletes it.
pub fn rename(renames: &mut LabelMap, label: &str, new: Option<&str>) {
    for name in renames
        .values_mut()
        .filter(|name| name.as_deref() == Some(label))
    {
        *name = new.map(String::from);
    }
    renames.insert(label.into(), new.map(String::from));
    renames.retain(|old, new| new.as_ref() != Some(old));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successive_renames_combine() {
        let mut renames = LabelMap::new();
        rename(&mut renames, "spam", Some("Spam"));
        rename(&mut renames, "Spam", Some("junk"));
        let to_pairs = |renames: &LabelMap| {
            renames
                .iter()
                .map(|(old, new)| format!("{old}>{}", new.as_deref().unwrap_or("-")))
                .collect::<Vec<_>>()
        };
        assert_eq!(to_pairs(&renames), ["Spam>junk", "spam>junk"]);
        rename(&mut renames, "junk", Some("spam"));
        assert_eq!(to_pairs(&renames), ["Spam>spam", "junk>spam"]);
        rename(&mut renames, "spam", None);
        assert_eq!(to_pairs(&renames), ["Spam>-", "junk>-", "spam>-"]);
    }
}
