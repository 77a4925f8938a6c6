//! Which columns of a table hold the text and the labels: its first rows, with a choice above each column. What was found
//! is chosen already; another choice reads the files again.

use crate::focus;
use crate::lab::{Lab, lab};
use crate::tr;
use leptos::prelude::*;
use protocol::TableColumns;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
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
    const ALL: [Self; 4] = [Self::Text, Self::Second, Self::Label, Self::Unused];

    fn value(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Second => "pair",
            Self::Label => "label",
            Self::Unused => "ignore",
        }
    }

    fn words(self) -> String {
        match self {
            Self::Text => tr!("Text"),
            Self::Second => tr!("Second text of a pair"),
            Self::Label => tr!("Label"),
            Self::Unused => tr!("Not used"),
        }
    }

    fn of_value(value: &str) -> Self {
        Self::ALL.into_iter().find(|role| role.value() == value).unwrap_or(Self::Unused)
    }
}

/// Tables that are shown: those of a folder are alike.
const MAX_TABLES: usize = 2;
/// Names of this length may have been cut.
const MAX_NAME_CHARS: usize = 100;
/// Columns that are shown.
const MAX_COLUMNS: usize = 40;

/// The first rows of each kind of table among the files, with the use of its columns.
#[component]
pub fn ColumnPicker(
    /// The tables among the files, by their names.
    tables: Memo<Vec<(String, TableColumns)>>,
    /// Whether nothing can be read anew now.
    busy: Memo<bool>,
) -> impl IntoView {
    let shown = move || {
        let mut kinds: Vec<(String, TableColumns)> = Vec::new();
        tables.with(|tables| {
            for (file, columns) in tables {
                let is_new = kinds.iter().all(|(_, known)| known.names != columns.names);
                if is_new && kinds.len() < MAX_TABLES && columns.names.len() > 1 && !columns.rows.is_empty() {
                    kinds.push((file.clone(), columns.clone()));
                }
            }
        });
        kinds
    };
    // Another choice reads the files again and draws the table anew: the focus stays on the column.
    let chosen = StoredValue::new(None::<String>);
    Effect::new(move |_| {
        tables.track();
        let Some(name) = chosen.get_value().filter(|name| !name.contains(['"', '\\'])) else { return };
        request_animation_frame(move || {
            if focus::is_nowhere() {
                focus::on(&format!("[data-testid=column-role][data-column=\"{name}\"]"));
            }
        });
    });
    move || shown().into_iter().map(|(file, columns)| view! { <Table file columns busy chosen /> }).collect_view()
}

#[component]
fn Table(
    file: String,
    columns: TableColumns,
    busy: Memo<bool>,
    /// The column whose use was changed last.
    chosen: StoredValue<Option<String>>,
) -> impl IntoView {
    let lab = lab();
    let count = columns.names.len().min(MAX_COLUMNS);
    let rows = columns.rows.clone();
    let table = StoredValue::new(columns);
    let choose = move |place: usize, value: String| {
        let mut roles = table.with_value(roles);
        roles[place] = Role::of_value(&value);
        let names = table.with_value(|columns| columns.names.clone());
        chosen.set_value(names.get(place).cloned());
        read_with(&lab, &names, &roles);
    };
    let heads =
        table.with_value(|columns| columns.names.iter().cloned().zip(roles(columns)).take(count).collect::<Vec<_>>());
    let head = move |(place, (name, role)): (usize, (String, Role))| {
        let option = move |other: Role| {
            view! { <option value=other.value() selected=other == role>{other.words()}</option> }
        };
        let label = tr!("Use of the column {name}", name = &name);
        view! {
            <th scope="col" class:unused=role == Role::Unused>
                <select
                    data-testid="column-role"
                    data-column=name.clone()
                    aria-label=label
                    disabled=busy
                    on:change=move |event| choose(place, event_target_value(&event))
                >
                    {Role::ALL.map(option).collect_view()}
                </select>
                <bdi>{name}</bdi>
            </th>
        }
    };
    let unused =
        table.with_value(|columns| roles(columns).into_iter().map(|role| role == Role::Unused).collect::<Vec<_>>());
    let row = move |cells: Vec<String>| {
        let cell = |(cell, unused): (String, &bool)| view! { <td class:unused=*unused><bdi>{cell}</bdi></td> };
        view! { <tr>{cells.into_iter().take(count).zip(&unused).map(cell).collect_view()}</tr> }
    };
    view! {
        <figure class="columns">
            <figcaption>{tr!("The first rows of {file}. Choose what each column is for.", file)}</figcaption>
            <div class="scroll" tabindex="0">
                <table>
                    <thead>
                        <tr>{heads.into_iter().enumerate().map(head).collect_view()}</tr>
                    </thead>
                    <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </figure>
    }
}

/// What each column was taken for.
fn roles(columns: &TableColumns) -> Vec<Role> {
    let role = |name: &String| match columns.text.iter().position(|text| text == name) {
        Some(1) if columns.is_pair => Role::Second,
        Some(_) => Role::Text,
        None if columns.labels.contains(name) => Role::Label,
        None => Role::Unused,
    };
    columns.names.iter().map(role).collect()
}

/// Reads the files again with the columns of these roles.
fn read_with(lab: &Lab, names: &[String], roles: &[Role]) {
    let (text, label) = settings_of(names, roles);
    lab.settings.update(|settings| {
        for (key, value) in [("text-column", text), ("label-column", label)] {
            // Any name can be used; without one, the column is found by its name and values.
            match value {
                Some(value) => settings.set(key, &value).unwrap_or_default(),
                None => settings.edit(key, "").unwrap_or_default(),
            }
        }
    });
    lab.read_again();
}

/// The settings that ask for columns of these roles: of the text, and of the labels, where an empty one asks for none.
fn settings_of(names: &[String], roles: &[Role]) -> (Option<String>, Option<String>) {
    let of = |wanted: Role| {
        let found = roles.iter().enumerate().filter(|(_, role)| **role == wanted);
        found.map(|(place, _)| asked_as(names, place)).collect::<Vec<_>>()
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
    let is_plain = !name.is_empty() && !name.contains([',', '+']) && name.chars().count() < MAX_NAME_CHARS;
    let is_only = names.iter().filter(|other| other.eq_ignore_ascii_case(name)).count() == 1;
    if is_plain && is_only { name.clone() } else { (place + 1).to_string() }
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
            (columns(&["title"], &["label"], false), Some("title"), "label"),
            (columns(&["title", "a, b"], &[], false), Some("title+3"), ""),
            (columns(&["title", "a, b"], &["id", "label"], true), Some("title,3"), "id,label"),
            (columns(&[], &[], false), None, ""),
        ] {
            let (asked, labels) = settings_of(&names, &roles(&columns));
            assert_eq!((asked.as_deref(), labels.as_deref()), (text, Some(label)), "{columns:?}");
        }
    }
}
