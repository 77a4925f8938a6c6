//! What was read from each file, and what each is used for. Names are other people's text: shown as text only, and
//! isolated so that right-to-left names do not reorder the row.

use crate::focus;
use crate::lab::{Lab, lab};
use crate::language::translated;
use crate::mark;
use crate::state::Topic;
use crate::told::told;
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

/// One row per file.
#[component]
pub fn FileTable() -> impl IntoView {
    let lab = lab();
    let files = lab
        .memo(&[Topic::Corpus], |state| state.corpus.as_ref().map(|corpus| corpus.files.clone()).unwrap_or_default());
    let busy = lab.memo(&[Topic::Runs], |state| state.is_at_work());
    // A row that is removed takes the focus with it.
    let region = NodeRef::<Div>::new();
    let focus = move || region.get_untracked().map(|region| region.focus().unwrap_or_default()).unwrap_or_default();
    let row = move |file: FileReport| {
        let dropped = if file.dropped.is_empty() { "–".into() } else { describe(&file.dropped) };
        view! {
            <tr>
                <th scope="row"><bdi>{file.name.clone()}</bdi></th>
                <td data-label=tr!("Use")>{role_select(lab, busy, files, &file)}</td>
                <td class="number" data-label=tr!("Size")>{bytes(file.bytes)}</td>
                <td data-label=tr!("Encoding")>{file.encoding.clone()}</td>
                <td class="number" data-label=tr!("Documents")>{grouped(file.documents)}</td>
                <td class="number" data-label=tr!("Labelled")>{grouped(file.labelled)}</td>
                <td data-label=tr!("Left out")>{dropped}</td>
                <td>{remove_button(lab, busy, files, file.name, focus)}</td>
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
                    <For each=move || files.get().into_iter().enumerate() key=key let:entry>
                        {row(entry.1)}
                    </For>
                </tbody>
            </table>
        </div>
        <RefusedFiles busy />
    }
    .into_any()
}

/// The files that came to nothing: they stay, since another encoding may help, until they are removed.
#[component]
fn RefusedFiles(busy: Memo<bool>) -> impl IntoView {
    let lab = lab();
    let names = Memo::new(move |_| {
        lab.read(&[Topic::Corpus], |state| state.reading).then(Vec::new).unwrap_or_else(|| lab.refused_files())
    });
    let row = move |name: String| {
        let label = tr!("Remove {name}", name);
        let (shown, named) = (name.clone(), name);
        let remove = move |_| {
            lab.remove_file(&named);
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
    let rows = move || names.get().into_iter().take(MOST_REFUSED).map(row).collect_view();
    view! { <ul class="plain help" data-testid="refused-files">{rows}</ul> }
}

/// Refused files that are listed: of a folder of pictures the first ones say enough.
const MOST_REFUSED: usize = 5;

/// Rows are kept while their file is the same, so that changing a file's use does not take the focus away.
fn key((index, file): &(usize, FileReport)) -> (usize, String, u64, String, u64, u64) {
    (*index, file.name.clone(), file.bytes, file.encoding.clone(), file.documents, file.labelled)
}

/// Without files of the person's own the bundled ones come back; these stay, since a page without a text has nothing to show.
fn remove_button(
    lab: Lab,
    busy: Memo<bool>,
    files: Memo<Vec<FileReport>>,
    name: String,
    focus: impl Fn() + Copy + 'static,
) -> impl IntoView {
    let label = tr!("Remove {name}", name = lab.source_name(&name));
    let remove = move |_| {
        lab.remove_file(&name);
        focus();
    };
    view! {
        <button
            type="button"
            class="quiet"
            aria-label=label
            hidden=move || files.with(|files| files.len() < 2) && !lab.has_own_files()
            disabled=busy
            on:click=remove
        >
            "×"
        </button>
    }
}

fn role_select(lab: Lab, busy: Memo<bool>, files: Memo<Vec<FileReport>>, file: &FileReport) -> impl IntoView + use<> {
    let (name, named, present) = (file.name.clone(), file.name.clone(), file.role);
    let role = Memo::new(move |_| {
        files.with(|files| files.iter().find(|file| file.name == named).map_or(present, |file| file.role))
    });
    let label = tr!("Use of {name}", name);
    let change = move |event| {
        let value = event_target_value(&event);
        if let Some((role, ..)) = ROLES.iter().find(|(_, key, _)| *key == value) {
            lab.set_role(&name, *role);
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

/// What was left out, and why.
pub(super) fn describe(dropped: &[Dropped]) -> String {
    let part = |line: &Dropped| {
        let (count, first) = (grouped(line.count), grouped(line.first_line));
        tr!("{count} {reason} (first: line {first})", count, reason = told(&line.reason), first)
    };
    dropped.iter().map(part).collect::<Vec<_>>().join("; ")
}
