//! Table of the loaded files: what was read from each and its role. File names are untrusted: they
//! are shown as plain text in bidi isolation, so that right-to-left names do not reorder the row. A
//! long table is paged.

use crate::context::{AppContext, app};
use crate::focus;
use crate::language::translated;
use crate::localize_message::localize_message;
use crate::mark;
use crate::paging::Paging;
use crate::state::{RunState, StateSlice};
use crate::tr;
use crate::wording::{bytes, grouped};
use leptos::html::Div;
use leptos::prelude::*;
use protocol::{Dropped, FileReport, FileRole};

const ROLES: [(FileRole, &str, &str); 3] = [
    (FileRole::Train, "train", mark!("Training")),
    (FileRole::Valid, "valid", mark!("Validation")),
    (FileRole::Test, "test", mark!("Test")),
];

/// The rows shown, and how many more there are.
#[derive(Clone, PartialEq)]
struct Page {
    /// Name of the first file, which identifies the corpus that the paging belongs to.
    table: String,
    rows: Vec<Row>,
    /// Total number of files.
    total: usize,
    /// Number of rows that the button adds.
    next: usize,
}

/// A file and the name of the chosen file that contains it, such as an archive.
#[derive(Clone, PartialEq)]
struct Row {
    index: usize,
    file: FileReport,
    source: String,
}

impl Page {
    /// Returns the page selected by `paging`.
    fn of(app: AppContext, state: &RunState, paging: &Paging) -> Self {
        let files = state
            .corpus
            .as_ref()
            .map(|corpus| corpus.files.as_slice())
            .unwrap_or_default();
        let table = files
            .first()
            .map(|file| file.name.clone())
            .unwrap_or_default();
        let (shown, next) = (
            paging.shown(&table, files.len()),
            paging.next(&table, files.len()),
        );
        let files_shown = files.iter().take(shown);
        let sources = app.source_names(files_shown.clone().map(|file| file.name.as_str()));
        let row = |(index, (file, source)): (usize, (&FileReport, String))| Row {
            index,
            file: file.clone(),
            source,
        };
        let rows = files_shown.zip(sources).enumerate().map(row).collect();
        Self {
            table,
            rows,
            total: files.len(),
            next,
        }
    }
}

/// The file table with a button that shows more rows.
#[component]
pub fn FileTable() -> impl IntoView {
    let app = app();
    let paging = app.file_rows;
    let page = Memo::new(move |_| {
        paging.with(|paging| app.read(&[StateSlice::Corpus], |state| Page::of(app, state, paging)))
    });
    let busy = app.memo(&[StateSlice::Runs], |state| state.is_at_work());
    // Removing a row removes the focused button: move the focus to the table.
    let region = NodeRef::<Div>::new();
    let focus = move || focus_on(region);
    let row = move |row: Row| {
        let file = &row.file;
        let dropped = if file.dropped.is_empty() {
            "–".into()
        } else {
            describe(&file.dropped)
        };
        view! {
            <tr>
                <th scope="row"><bdi>{file.name.clone()}</bdi></th>
                <td data-label=tr!("Use")>{role_select(app, busy, page, &row)}</td>
                <td class="number" data-label=tr!("Size")>{bytes(file.bytes)}</td>
                <td data-label=tr!("Encoding")>{file.encoding.clone()}</td>
                <td class="number" data-label=tr!("Documents")>{grouped(file.documents)}</td>
                <td class="number" data-label=tr!("Labelled")>{grouped(file.labelled)}</td>
                <td data-label=tr!("Left out")>{dropped}</td>
                <td>{remove_button(app, busy, page, &row, focus)}</td>
            </tr>
        }
    };
    view! {
        <div class="scroll" role="region" aria-label=tr!("Files") tabindex="0" node_ref=region>
            <table class="wide-table" data-testid="file-table">
                <thead>
                    <tr>
                        <th scope="col">{tr!("File")}</th>
                        <th scope="col">{tr!("Use")}</th>
                        <th scope="col" class="number">{tr!("Size")}</th>
                        <th scope="col">{tr!("Encoding")}</th>
                        <th scope="col" class="number">{tr!("Documents")}</th>
                        <th scope="col" class="number">{tr!("Labelled")}</th>
                        <th scope="col">{tr!("Left out")}</th>
                        <td></td>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || page.with(|page| page.rows.clone()) key=key let:entry>
                        {row(entry)}
                    </For>
                    <MoreFiles page region />
                </tbody>
            </table>
        </div>
        <RefusedFiles busy />
    }
    .into_any()
}

/// A row with the button that shows more files, if there are more.
#[component]
fn MoreFiles(page: Memo<Page>, region: NodeRef<Div>) -> impl IntoView {
    let paging = app().file_rows;
    let show_more = move |_| {
        let table = page.with_untracked(|page| page.table.clone());
        paging.update(|paging| paging.press(&table));
        if page.with_untracked(|page| page.next == 0) {
            // The focused button is removed after the last page.
            focus_on(region);
        }
    };
    let words = move || {
        let number = page.with(|page| page.next as u64);
        tr!(
            "Show {count} more file" | "Show {count} more files" % number,
            count = grouped(number)
        )
    };
    view! {
        <Show when=move || page.with(|page| page.next > 0)>
            <tr>
                <td colspan="8">
                    <button type="button" data-testid="more-files" on:click=show_more>{words}</button>
                </td>
            </tr>
        </Show>
    }
}

/// Moves the focus to the region of the table.
fn focus_on(region: NodeRef<Div>) {
    if let Some(region) = region.get_untracked() {
        region.focus().unwrap_or_default();
    }
}

/// Files that could not be used. They stay listed until removed, since another encoding may help.
#[component]
fn RefusedFiles(busy: Memo<bool>) -> impl IntoView {
    let app = app();
    let names = Memo::new(move |_| {
        app.read(&[StateSlice::Corpus], |state| state.reading)
            .then(Vec::new)
            .unwrap_or_else(|| app.refused_files())
    });
    let row = move |name: String| {
        let label = tr!("Remove {name}", name);
        let (shown, named) = (name.clone(), name);
        let remove = move |_| {
            app.remove_file(&named);
            focus::on("#data .scroll");
        };
        view! {
            <li>
                <bdi>{shown}</bdi>
                " "
                {tr!("could not be used.")}
                " "
                <button type="button" class="quiet" aria-label=label disabled=busy on:click=remove>
                    "×"
                </button>
            </li>
        }
    };
    let rows = move || {
        names
            .get()
            .into_iter()
            .take(MAX_REFUSED)
            .map(row)
            .collect_view()
    };
    view! { <ul class="plain help" data-testid="refused-files">{rows}</ul> }
}

/// Maximum number of refused files listed; a folder of images may contain thousands.
const MAX_REFUSED: usize = 5;

/// Returns the key of a row. It excludes the role, so that changing the role keeps the row and the
/// focus.
fn key(Row { index, file, .. }: &Row) -> (usize, String, u64, String, u64, u64) {
    (
        *index,
        file.name.clone(),
        file.bytes,
        file.encoding.clone(),
        file.documents,
        file.labelled,
    )
}

/// Button that removes a file. Removing the last of the user's own files restores the bundled text,
/// whose last file cannot be removed, since the page needs a corpus.
fn remove_button<F: Fn() + Copy + 'static>(
    app: AppContext,
    busy: Memo<bool>,
    page: Memo<Page>,
    row: &Row,
    focus: F,
) -> impl IntoView + use<F> {
    let name = row.file.name.clone();
    let label = tr!("Remove {name}", name = row.source);
    let remove = move |_| {
        app.remove_file(&name);
        focus();
    };
    view! {
        <button
            type="button"
            class="quiet"
            aria-label=label
            hidden=move || page.with(|page| page.total < 2) && !app.has_own_files()
            disabled=busy
            on:click=remove
        >
            "×"
        </button>
    }
}

fn role_select(
    app: AppContext,
    busy: Memo<bool>,
    page: Memo<Page>,
    row: &Row,
) -> impl IntoView + use<> {
    let Row { index, file, .. } = row.clone();
    let (name, named, present) = (file.name.clone(), file.name, file.role);
    let role = Memo::new(move |_| {
        page.with(|page| {
            page.rows
                .get(index)
                .filter(|row| row.file.name == named)
                .map_or(present, |row| row.file.role)
        })
    });
    let label = tr!("Use of {name}", name);
    let change = move |event| {
        let value = event_target_value(&event);
        if let Some((role, ..)) = ROLES.iter().find(|(_, key, _)| *key == value) {
            app.set_role(&name, *role);
        }
    };
    let option = |(choice, value, words): (FileRole, &'static str, &'static str)| {
        view! { <option value=value prop:selected=move || role.get() == choice>{translated(words)}</option> }
    };
    view! {
        <select aria-label=label disabled=busy on:change=change>
            {ROLES.map(option).collect_view()}
        </select>
    }
}

/// Describes the lines that were left out, with their reasons.
pub(super) fn describe(dropped: &[Dropped]) -> String {
    let part = |line: &Dropped| {
        let (count, first) = (grouped(line.count), grouped(line.first_line));
        tr!(
            "{count} {reason} (first: line {first})",
            count,
            reason = localize_message(&line.reason),
            first
        )
    };
    dropped.iter().map(part).collect::<Vec<_>>().join("; ")
}
