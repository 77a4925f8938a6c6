//! What was read from each file, and what each is used for. Names are other people's text: shown as text only, and
//! isolated so that right-to-left names do not reorder the row.

use crate::lab::{Lab, lab};
use crate::state::Topic;
use crate::wording::{bytes, grouped};
use leptos::prelude::*;
use protocol::{Dropped, FileReport, FileRole};

const ROLES: [(FileRole, &str, &str); 3] = [
    (FileRole::Train, "train", "Training"),
    (FileRole::Valid, "valid", "Validation"),
    (FileRole::Test, "test", "Test"),
];

/// One row per file.
#[component]
pub fn FileTable() -> impl IntoView {
    let lab = lab();
    let files = lab
        .memo(&[Topic::Corpus], |state| state.corpus.as_ref().map(|corpus| corpus.files.clone()).unwrap_or_default());
    let busy = lab.memo(&[Topic::Runs], |state| state.active().is_some());
    view! {
        <div class="scroll" role="region" aria-label="Files" tabindex="0">
            <table class="wide-table" data-testid="file-table">
                <thead>
                    <tr>
                        <th scope="col">"File"</th>
                        <th scope="col">"Use"</th>
                        <th scope="col" class="number">"Size"</th>
                        <th scope="col">"Encoding"</th>
                        <th scope="col" class="number">"Documents"</th>
                        <th scope="col" class="number">"Labelled"</th>
                        <th scope="col">"Left out"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || files.get().into_iter().enumerate() key=key let:entry>
                        {row(lab, busy, files, entry.1)}
                    </For>
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

/// Rows are kept while their file is the same, so that changing a file's use does not take the focus away.
fn key((index, file): &(usize, FileReport)) -> (usize, String, u64, String, u64, u64) {
    (*index, file.name.clone(), file.bytes, file.encoding.clone(), file.documents, file.labelled)
}

fn row(lab: Lab, busy: Memo<bool>, files: Memo<Vec<FileReport>>, file: FileReport) -> impl IntoView {
    let dropped = if file.dropped.is_empty() { "–".into() } else { describe(&file.dropped) };
    view! {
        <tr>
            <th scope="row"><bdi>{file.name.clone()}</bdi></th>
            <td>{role_select(lab, busy, files, &file)}</td>
            <td class="number">{bytes(file.bytes)}</td>
            <td>{file.encoding}</td>
            <td class="number">{grouped(file.documents)}</td>
            <td class="number">{grouped(file.labelled)}</td>
            <td>{dropped}</td>
        </tr>
    }
}

fn role_select(lab: Lab, busy: Memo<bool>, files: Memo<Vec<FileReport>>, file: &FileReport) -> impl IntoView + use<> {
    let (name, named, present) = (file.name.clone(), file.name.clone(), file.role);
    let role = Memo::new(move |_| {
        files.with(|files| files.iter().find(|file| file.name == named).map_or(present, |file| file.role))
    });
    let label = format!("Use of {name}");
    let change = move |event| {
        let value = event_target_value(&event);
        if let Some((role, ..)) = ROLES.iter().find(|(_, key, _)| *key == value) {
            lab.set_role(&name, *role);
        }
    };
    let option = |(choice, value, words): (FileRole, &'static str, &'static str)| {
        view! { <option value=value prop:selected=move || role.get() == choice>{words}</option> }
    };
    view! {
        <select aria-label=label disabled=busy on:change=change>
            {ROLES.map(option).collect_view()}
        </select>
    }
}

fn describe(dropped: &[Dropped]) -> String {
    let part = |line: &Dropped| format!("{} {} (first: line {})", grouped(line.count), line.reason, line.first_line);
    dropped.iter().map(part).collect::<Vec<_>>().join("; ")
}
