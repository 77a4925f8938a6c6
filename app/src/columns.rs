//! Roles of a table's columns, and the settings that request them.

use crate::tr;
use protocol::TableColumns;

/// Role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Text, or a part of it.
    Text,
    /// Second text of a sentence pair.
    Second,
    /// Labels of the document.
    Label,
    /// The column is ignored.
    Unused,
}

impl Role {
    /// All roles, in the order in which the form offers them.
    pub const ALL: [Self; 4] = [Self::Text, Self::Second, Self::Label, Self::Unused];

    /// Returns the option value used in the form.
    pub fn value(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Second => "pair",
            Self::Label => "label",
            Self::Unused => "ignore",
        }
    }

    /// Returns the name shown to the user.
    pub fn words(self) -> String {
        match self {
            Self::Text => tr!("Text"),
            Self::Second => tr!("Second text of a pair"),
            Self::Label => tr!("Label"),
            Self::Unused => tr!("Not used"),
        }
    }

    /// Returns the role of an option value, or [`Self::Unused`] for an unknown one.
    pub fn of_value(value: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|role| role.value() == value)
            .unwrap_or(Self::Unused)
    }
}

/// Length from which a name may have been truncated.
const MAX_NAME_CHARS: usize = 100;

/// Returns the role in which each column is used.
pub fn roles(columns: &TableColumns) -> Vec<Role> {
    let role = |name: &String| match columns.text.iter().position(|text| text == name) {
        Some(1) if columns.is_pair => Role::Second,
        Some(_) => Role::Text,
        None if columns.labels.contains(name) => Role::Label,
        None => Role::Unused,
    };
    columns.names.iter().map(role).collect()
}

/// Returns the text column and label column settings for these roles. An empty label setting
/// requests a table without labels.
pub fn settings_of(names: &[String], roles: &[Role]) -> (Option<String>, Option<String>) {
    let columns_in_role = |requested: Role| {
        let found = roles
            .iter()
            .enumerate()
            .filter(|(_, role)| **role == requested);
        found
            .map(|(index, _)| column_reference(names, index))
            .collect::<Vec<_>>()
    };
    let (texts, seconds) = (columns_in_role(Role::Text), columns_in_role(Role::Second));
    let text = match (texts.as_slice(), seconds.as_slice()) {
        ([], []) => None,
        ([], [second, ..]) => Some(second.clone()),
        (texts, []) => Some(texts.join("+")),
        ([first, ..], [second, ..]) => Some(format!("{first},{second}")),
    };
    (text, Some(columns_in_role(Role::Label).join(",")))
}

/// Returns how a setting refers to a column: by its name if that is unique and contains no list
/// separator, otherwise by its number from 1.
fn column_reference(names: &[String], index: usize) -> String {
    let name = &names[index];
    let is_plain =
        !name.is_empty() && !name.contains([',', '+']) && name.chars().count() < MAX_NAME_CHARS;
    let is_unique = names
        .iter()
        .filter(|other| other.eq_ignore_ascii_case(name))
        .count()
        == 1;
    if is_plain && is_unique {
        name.clone()
    } else {
        (index + 1).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_become_settings() {
        let names = ["id", "title", "a, b", "label"].map(String::from);
        let columns = |text: &[&str], labels: &[&str], is_pair| TableColumns {
            names: names.to_vec(),
            text: text.iter().map(|name| (*name).into()).collect(),
            labels: labels.iter().map(|name| (*name).into()).collect(),
            is_pair,
            rows: Vec::new(),
        };
        for (columns, text, label) in [
            (
                columns(&["title"], &["label"], false),
                Some("title"),
                "label",
            ),
            (columns(&["title", "a, b"], &[], false), Some("title+3"), ""),
            (
                columns(&["title", "a, b"], &["id", "label"], true),
                Some("title,3"),
                "id,label",
            ),
            (columns(&[], &[], false), None, ""),
        ] {
            let (text_setting, labels) = settings_of(&names, &roles(&columns));
            assert_eq!(
                (text_setting.as_deref(), labels.as_deref()),
                (text, Some(label)),
                "{columns:?}"
            );
        }
    }
}
