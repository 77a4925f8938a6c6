//! Column picker: the first rows of a table with a role selector above each column. Detected text
//! and label columns are preselected; changing a role reads the files again.

use crate::columns::{Role, roles, settings_of};
use crate::context::{AppContext, app};
use crate::focus;
use crate::tr;
use leptos::prelude::*;
use protocol::TableColumns;

/// Maximum number of tables shown; the tables of a folder usually have the same columns.
const MAX_TABLES: usize = 2;
/// Maximum number of columns shown per table.
const MAX_COLUMNS: usize = 40;

/// The first rows of each distinct table among the files, with the roles of its columns.
#[component]
pub fn ColumnPicker(
    /// The tables among the files, with their file names.
    tables: Memo<Vec<(String, TableColumns)>>,
    /// Whether the selectors are disabled because files cannot be read again at present.
    busy: Memo<bool>,
) -> impl IntoView {
    let shown = move || {
        let mut kinds: Vec<(String, TableColumns)> = Vec::new();
        tables.with(|tables| {
            for (file, columns) in tables {
                let is_new = kinds.iter().all(|(_, known)| known.names != columns.names);
                if is_new
                    && kinds.len() < MAX_TABLES
                    && columns.names.len() > 1
                    && !columns.rows.is_empty()
                {
                    kinds.push((file.clone(), columns.clone()));
                }
            }
        });
        kinds
    };
    // Changing a role reads the files again and recreates the table: restore the focus to the
    // column.
    let chosen = StoredValue::new(None::<String>);
    Effect::new(move |_| {
        tables.track();
        let Some(name) = chosen
            .get_value()
            .filter(|name| !name.contains(['"', '\\']))
        else {
            return;
        };
        request_animation_frame(move || {
            if focus::is_nowhere() {
                focus::on(&format!(
                    "[data-testid=column-role][data-column=\"{name}\"]"
                ));
            }
        });
    });
    move || {
        shown()
            .into_iter()
            .map(|(file, columns)| view! { <Table file columns busy chosen /> })
            .collect_view()
    }
}

#[component]
fn Table(
    file: String,
    columns: TableColumns,
    busy: Memo<bool>,
    /// The column whose role was changed last.
    chosen: StoredValue<Option<String>>,
) -> impl IntoView {
    let app = app();
    let count = columns.names.len().min(MAX_COLUMNS);
    let rows = columns.rows.clone();
    let table = StoredValue::new(columns);
    let choose = move |place: usize, value: String| {
        let mut roles = table.with_value(roles);
        roles[place] = Role::of_value(&value);
        let names = table.with_value(|columns| columns.names.clone());
        chosen.set_value(names.get(place).cloned());
        read_with(&app, &names, &roles);
    };
    let heads = table.with_value(|columns| {
        columns
            .names
            .iter()
            .cloned()
            .zip(roles(columns))
            .take(count)
            .collect::<Vec<_>>()
    });
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
    let unused = table.with_value(|columns| {
        roles(columns)
            .into_iter()
            .map(|role| role == Role::Unused)
            .collect::<Vec<_>>()
    });
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

/// Reads the files again with these column roles.
fn read_with(app: &AppContext, names: &[String], roles: &[Role]) {
    let (text, label) = settings_of(names, roles);
    app.settings.update(|settings| {
        for (key, value) in [("text-column", text), ("label-column", label)] {
            // `set` accepts any column name; an empty value restores automatic detection.
            match value {
                Some(value) => settings.set(key, &value).unwrap_or_default(),
                None => settings.edit(key, "").unwrap_or_default(),
            }
        }
    });
    app.read_again();
}
