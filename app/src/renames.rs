//! Labels by other names: how one change follows another.

use protocol::LabelMap;

/// Gives the label that is shown as `label` another name; `None` deletes it.
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
    fn renames_follow_each_other() {
        let mut renames = LabelMap::new();
        rename(&mut renames, "spam", Some("Spam"));
        rename(&mut renames, "Spam", Some("junk"));
        let all = |renames: &LabelMap| {
            renames
                .iter()
                .map(|(old, new)| format!("{old}>{}", new.as_deref().unwrap_or("-")))
                .collect::<Vec<_>>()
        };
        assert_eq!(all(&renames), ["Spam>junk", "spam>junk"]);
        rename(&mut renames, "junk", Some("spam"));
        assert_eq!(all(&renames), ["Spam>spam", "junk>spam"]);
        rename(&mut renames, "spam", None);
        assert_eq!(all(&renames), ["Spam>-", "junk>-", "spam>-"]);
    }
}
