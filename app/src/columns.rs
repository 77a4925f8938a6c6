//! What the columns of a table are for, and the settings that ask for them so.

use crate::tr;
use protocol::TableColumns;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The text, or a part of it.
    Text,
    /// The second text of a pair.
    Second,
    /// Labels.
    Label,
    /// Nothing.
    Unused,
}

impl Role {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Text, Self::Second, Self::Label, Self::Unused];

    /// Its value in the page.
    pub fn value(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Second => "pair",
            Self::Label => "label",
            Self::Unused => "ignore",
        }
    }

    /// Its name.
    pub fn words(self) -> String {
        match self {
            Self::Text => tr!("Text"),
            Self::Second => tr!("Second text of a pair"),
            Self::Label => tr!("Label"),
            Self::Unused => tr!("Not used"),
        }
    }

    /// The role of a value; [`Self::Unused`] for an unknown one.
    pub fn of_value(value: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|role| role.value() == value)
            .unwrap_or(Self::Unused)
    }
}

/// Names of this length may have been cut.
const MAX_NAME_CHARS: usize = 100;

/// What each column was taken for.
pub fn roles(columns: &TableColumns) -> Vec<Role> {
    let role = |name: &String| match columns.text.iter().position(|text| text == name) {
        Some(1) if columns.is_pair => Role::Second,
        Some(_) => Role::Text,
        None if columns.labels.contains(name) => Role::Label,
        None => Role::Unused,
    };
    columns.names.iter().map(role).collect()
}

/// The settings that ask for columns of these roles: of the text, and of the labels, where an empty one asks for none.
pub fn settings_of(names: &[String], roles: &[Role]) -> (Option<String>, Option<String>) {
    let of = |wanted: Role| {
        let found = roles
            .iter()
            .enumerate()
            .filter(|(_, role)| **role == wanted);
        found
            .map(|(place, _)| asked_as(names, place))
            .collect::<Vec<_>>()
    };
    let (texts, seconds) = (of(Role::Text), of(Role::Second));
    let text = match (texts.as_slice(), seconds.as_slice()) {
        ([], []) => None,
        ([], [second, ..]) => Some(second.clone()),
        (texts, []) => Some(texts.join("+")),
        ([first, ..], [second, ..]) => Some(format!("{first},{second}")),
    };
    (text, Some(of(Role::Label).join(",")))
}

/// How a column is asked for: by its name where that is one of a kind and no list of names, else by its number.
fn asked_as(names: &[String], place: usize) -> String {
    let name = &names[place];
    let is_plain =
        !name.is_empty() && !name.contains([',', '+']) && name.chars().count() < MAX_NAME_CHARS;
    let is_only = names
        .iter()
        .filter(|other| other.eq_ignore_ascii_case(name))
        .count()
        == 1;
    if is_plain && is_only {
        name.clone()
    } else {
        (place + 1).to_string()
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
            let (asked, labels) = settings_of(&names, &roles(&columns));
            assert_eq!(
                (asked.as_deref(), labels.as_deref()),
                (text, Some(label)),
                "{columns:?}"
            );
        }
    }
}
